// Delta streams, as the command writes them and with records left out: what they tell, and what they do not.

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { open, StreamError } from "../../wasm/npm/index.js";
import { directory } from "../../wasm/npm/node.js";
import { command, copy, disk, DISK_BYTES, folder, repository, SMALL, test } from "./harness.mjs";

const RECORD_BYTES = 40, END = 3;
/** Of Sheepdog's disks. */
const OBJECT_BYTES = 4 << 20;

/** The repository, open, and its versions. */
async function using(repo, run) {
  const opened = await open(directory(repo), { workers: 0 });
  try {
    return await run(opened, await opened.versions());
  } finally {
    await opened.close();
  }
}

/** A stream that the command writes. */
function exported(repo, ...args) {
  const file = join(folder, "some.delta");
  rmSync(file, { force: true });
  command(repo, "export", ...args, file);
  return readFileSync(file);
}

const blob = (...parts) => new Blob(parts);

/** Runs a test's disks through a repository: a version for each, named by its number. */
function repositoryOf(name, disks, ...options) {
  const repo = join(folder, name), image = join(folder, "image.raw");
  command(repo, "init", ...options);
  for (const [number, bytes] of disks.entries()) {
    writeFileSync(image, bytes);
    command(repo, "backup", image, "--name", "disk", "--snapshot", `${number}`);
  }
  return repo;
}

function crc32(bytes) {
  let crc = -1;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return ~crc >>> 0;
}

/** A stream of ours (docs/FORMAT.md section 16): its header, and its records but for the end. */
function parsed(stream) {
  const header = stream.subarray(0, stream.readUInt32LE(16));
  const records = [];
  for (let at = header.length; stream[at] !== END; ) {
    const length = RECORD_BYTES + stream.readUInt32LE(at + 4);
    records.push({ bytes: stream.subarray(at, at + length), offset: Number(stream.readBigUInt64LE(at + 16)), length: Number(stream.readBigUInt64LE(at + 24)) });
    at += length;
  }
  return { header, records };
}

/** The stream of some records, numbered and bound anew: nothing about it is wrong but what it does not tell. */
function streamOf(header, records) {
  const end = Buffer.alloc(RECORD_BYTES);
  end[0] = END;
  end.writeBigUInt64LE(header.readBigUInt64LE(32), 16);
  end.writeBigUInt64LE(BigInt(records.length), 24);
  const bound = [...records.map(({ bytes }) => bytes), end].map((record, number) => {
    const bytes = Buffer.from(record);
    bytes.writeBigUInt64LE(BigInt(number), 8);
    bytes.writeUInt32LE(crc32(Buffer.concat([header.subarray(40, 104), bytes.subarray(0, 36), bytes.subarray(RECORD_BYTES)])), 36);
    return bytes;
  });
  return Buffer.concat([header, ...bound]);
}

/** Sheepdog's stream of a whole disk. */
function sheepdogOf(bytes) {
  const records = [];
  for (let object = 0; object * OBJECT_BYTES < bytes.length; object++) {
    const record = Buffer.alloc(16 + OBJECT_BYTES);
    record.writeUInt32LE(object);
    record.writeUInt32LE(OBJECT_BYTES, 8);
    bytes.copy(record, 16, object * OBJECT_BYTES, (object + 1) * OBJECT_BYTES);
    records.push(record);
  }
  const marker = Buffer.alloc(16).fill(0xff, 0, 4);
  return Buffer.concat([Buffer.from([1, 0, 0, 0, 0x92, 0x11, 0x92, 0x11]), ...records, marker]);
}

/** The first byte of a range in which a disk is not what lies below it, whatever either's length. */
function firstChange(disk, below, { offset, length }) {
  for (let at = offset; at < offset + length; at++) if (disk[at] !== (below[at] ?? 0)) return at;
  return undefined;
}

/** Leaves out one record after the other, some of many: each time the first byte is named of which the stream does not tell. */
async function refusesEach(opened, stream, disk, below, version) {
  const { header, records } = parsed(stream);
  assert.deepEqual(streamOf(header, records), stream, "put together again it is the same");
  let refused = 0;
  for (let left = 0; left < records.length; left += Math.ceil(records.length / 20)) {
    const changed = firstChange(disk, below, records[left]);
    const verified = opened.verifyStream(blob(streamOf(header, records.filter((_, at) => at !== left))));
    if (changed === undefined) {
      assert.ok((await verified).tellsAll, "what was left out is the same in both");
      continue;
    }
    const block = Math.floor(changed / opened.info.blockBytes);
    await assert.rejects(verified, { name: "StreamError", code: "untold", offset: changed, block, version: version.id }, `record ${left} of ${records.length}`);
    refused += 1;
  }
  assert.ok(refused > 0);
  return refused;
}

export async function streamTests() {
  const repo = repository("streams", "--codec", "zstd", ...SMALL);
  const [monday, tuesday] = [disk(0), disk(1)];
  const whole = exported(repo, "disk@tuesday"), delta = exported(repo, "disk@tuesday", "--from", "disk@monday");
  const sheepdog = exported(repo, "disk@tuesday", "--from", "disk@monday", "--format", "sheepdog");

  await test("delta_streams_are_verified_to_the_byte", async () => {
    await using(repo, async (opened, [first, second]) => {
      const told = await opened.verifyStream(blob(delta));
      assert.deepEqual([told.verdict, told.tellsAll], ["same", true]);
      assert.deepEqual([told.format, told.target.id, told.base.id, told.snapshot], ["sarsen", second.id, first.id, "tuesday"]);
      const all = await opened.verifyStream(blob(whole));
      assert.deepEqual([all.verdict, all.tellsAll, all.base, all.target.id], ["same", true, null, second.id]);
      const theirs = await opened.verifyStream(blob(sheepdog), { version: second });
      assert.deepEqual([theirs.verdict, theirs.tellsAll, theirs.format], ["same", false, "sheepdog"]);
      assert.equal((await opened.verifyStream(blob(sheepdog))).verdict, "complete");
      await assert.rejects(opened.verifyStream(blob(sheepdog), { version: first }), { name: "StreamError", code: "differs", version: first.id });
      await assert.rejects(opened.verifyStream(blob(delta), { version: first }), { name: "StreamError", code: "stream-base" });
      await assert.rejects(opened.verifyStream(blob(delta), { base: second }), { name: "StreamError", code: "stream-base" });
      for (const stream of [delta, sheepdog]) {
        await assert.rejects(opened.verifyStream(blob(stream.subarray(0, stream.length - 1)), { version: second }), StreamError);
        await assert.rejects(opened.verifyStream(blob(stream, "x"), { version: second }), StreamError);
      }
      for (let at = 0; at < delta.length; at += Math.ceil(delta.length / 60)) {
        const flipped = Buffer.from(delta);
        flipped[at] ^= 0x20;
        await assert.rejects(opened.verifyStream(blob(flipped)), StreamError, `byte ${at}`);
      }
      await assert.rejects(opened.verifyStream(blob("something else")), { name: "StreamError", code: "magic" });
    });
    await using(repository("elsewhere", "--codec", "none", ...SMALL, "--digest", "blake3"), async (opened) => {
      const { verdict, tellsAll } = await opened.verifyStream(blob(delta));
      assert.deepEqual([verdict, tellsAll], ["whole", false]);
    });
  });

  await test("a_change_that_a_stream_does_not_tell_is_found", async () => {
    return using(repo, async (opened, [, second]) => {
      const refused = await refusesEach(opened, delta, tuesday, monday, second);
      return `${refused} of a delta, ${await refusesEach(opened, whole, tuesday, Buffer.alloc(0), second)} of a whole disk`;
    });
  });

  await test("where_what_it_is_laid_on_is_not_here_a_stream_is_not_said_to_tell_all", async () => {
    const without = copy(repo, "without-base");
    command(without, "rm", "disk@monday");
    const { header, records } = parsed(delta);
    await using(without, async (opened) => {
      for (const stream of [delta, streamOf(header, records.slice(1))]) {
        const { verdict, tellsAll, base } = await opened.verifyStream(blob(stream));
        assert.deepEqual([verdict, tellsAll, base], ["same", false, null]);
      }
    });
  });

  await test("disks_that_grow_and_shrink_are_told_to_their_ends", async () => {
    const small = Buffer.concat([monday.subarray(0, 1_000_000), Buffer.alloc(5_000), Buffer.from("the end")]);
    const large = Buffer.concat([small, Buffer.alloc(300_000), tuesday.subarray(0, 700_001), Buffer.alloc(100_000)]);
    const disks = [small, large];
    const growing = repositoryOf("growing-disks", [...disks, Buffer.alloc(77_777)], "--codec", "lz4", ...SMALL);
    return using(growing, async (opened, versions) => {
      const said = [];
      for (const [from, to] of [[0, 1], [1, 0], [2, 0], [0, 2]]) {
        const stream = exported(growing, `disk@${to}`, "--from", `disk@${from}`);
        const { verdict, tellsAll, baseSize, targetSize } = await opened.verifyStream(blob(stream));
        assert.deepEqual([verdict, tellsAll, baseSize, targetSize], ["same", true, versions[from].size, versions[to].size]);
        const { records } = parsed(stream);
        said.push(`${versions[from].size} to ${versions[to].size}: ${records.length} records`);
      }
      const grown = exported(growing, "disk@1", "--from", "disk@0");
      await refusesEach(opened, grown, large, small, versions[1]);
      const { header, records } = parsed(grown);
      const cut = records.filter(({ offset }) => offset < small.length);
      const first = firstChange(large, small, { offset: Math.max(0, ...cut.map(({ offset, length }) => offset + length)), length: large.length });
      assert.ok(first >= small.length, "what is not told lies behind the end of what was");
      await assert.rejects(opened.verifyStream(blob(streamOf(header, cut))), { code: "untold", offset: first });
      return said.join("; ");
    });
  });

  await test("a_header_that_says_another_size_is_refused", async () => {
    const { header, records } = parsed(delta);
    for (const at of [24, 32]) {
      const other = Buffer.from(header);
      other.writeBigUInt64LE(BigInt(DISK_BYTES + 512), at);
      other.writeUInt32LE(crc32(other.subarray(0, -4)), other.length - 4);
      await using(repo, (opened) => assert.rejects(opened.verifyStream(blob(streamOf(other, records))), { name: "StreamError", code: "stream-size" }));
    }
  });

  await test("a_stream_that_goes_on_where_another_was_cut_tells_all_from_there_on", async () => {
    const start = 3 << 20;
    const later = exported(repo, "disk@tuesday", "--from", "disk@monday", "--start", `${start}`);
    await using(repo, async (opened, [, second]) => {
      const told = await opened.verifyStream(blob(later));
      assert.deepEqual([told.start, told.verdict, told.tellsAll], [start, "same", true]);
      await refusesEach(opened, later, tuesday, monday, second);
    });
  });

  await test("of_sheepdogs_streams_whoever_names_the_base_is_told_whether_they_tell_all", async () => {
    const all = sheepdogOf(tuesday);
    const spans = [];
    for (let at = 8; sheepdog.readUInt32LE(at) !== 0xffffffff; ) {
      const [object, offset, length] = [0, 4, 8].map((field) => sheepdog.readUInt32LE(at + field));
      spans.push({ offset: object * OBJECT_BYTES + offset, length, bytes: sheepdog.subarray(at, (at += 16 + length)) });
    }
    await using(repo, async (opened, [first, second]) => {
      const told = await opened.verifyStream(blob(sheepdog), { version: second, base: first });
      assert.deepEqual([told.verdict, told.tellsAll, told.base.id, told.target.id], ["same", true, first.id, second.id]);
      const empty = await opened.verifyStream(blob(all), { version: second, base: null });
      assert.deepEqual([empty.verdict, empty.tellsAll, empty.base], ["same", true, null]);
      const unnamed = await opened.verifyStream(blob(sheepdog), { base: first });
      assert.deepEqual([unnamed.verdict, unnamed.tellsAll], ["complete", false]);
      for (const left of spans) {
        const rest = Buffer.concat([sheepdog.subarray(0, 8), ...spans.filter((span) => span !== left).map(({ bytes }) => bytes), sheepdog.subarray(-16)]);
        const offset = firstChange(tuesday, monday, left);
        await assert.rejects(opened.verifyStream(blob(rest), { version: second, base: "disk@monday" }), { code: "untold", offset, version: second.id });
        assert.equal((await opened.verifyStream(blob(rest), { version: second })).tellsAll, false);
      }
      const offset = firstChange(tuesday, Buffer.alloc(0), { offset: 0, length: DISK_BYTES });
      await assert.rejects(opened.verifyStream(blob(sheepdog), { version: second, base: null }), { code: "untold", offset });
    });
    return `${spans.length} spans`;
  });

  await test("blocks_of_the_same_id_are_not_read", async () => {
    const noise = randomBytes(64 << 20), changed = Buffer.from(noise);
    changed.fill(9, 30_000_000, 30_000_100);
    const apart = repositoryOf("apart", [noise, changed], "--codec", "none", ...SMALL);
    const stream = exported(apart, "disk@1", "--from", "disk@0");
    return using(apart, async (opened) => {
      const before = opened.usage.bytes;
      assert.ok((await opened.verifyStream(blob(stream))).tellsAll);
      const read = opened.usage.bytes - before;
      assert.ok(read < noise.length / 4, `${read} bytes`);
      return `${read} bytes, of disks of ${noise.length}`;
    });
  });

  await test("a_short_stream_that_tells_very_much_takes_little_memory", async () => {
    const lengthBytes = 384 << 20;
    const alike = repositoryOf("alike", [Buffer.alloc(lengthBytes, "alike")], "--codec", "zstd");
    const stream = exported(alike, "disk@0");
    assert.ok(stream.length < 1 << 20, "all of it is read at once");
    return using(alike, async (opened) => {
      let most = 0;
      const before = process.memoryUsage().arrayBuffers;
      const timer = setInterval(() => (most = Math.max(most, process.memoryUsage().arrayBuffers - before)));
      const { dataBytes } = await opened.verifyStream(blob(stream)).finally(() => clearInterval(timer));
      assert.equal(dataBytes, lengthBytes);
      assert.ok(most < lengthBytes / 3, `${most} bytes`);
      return `${stream.length} bytes, ${most >> 20} MiB of ${lengthBytes >> 20}`;
    });
  });

  await test("a_long_comparison_stops_within_200_ms", async () => {
    const sparse = join(folder, "sparse"), image = join(folder, "sparse.raw");
    command(sparse, "init", "--block", "4K", "--frame", "4K");
    for (const first of ["one", "other"]) {
      writeFileSync(image, first);
      truncateSync(image, 2 ** 34);
      command(sparse, "backup", image, "--name", "disk", "--snapshot", first);
    }
    const stream = exported(sparse, "disk@other", "--from", "disk@one");
    return using(sparse, async (opened) => {
      let began = performance.now();
      assert.ok((await opened.verifyStream(blob(stream))).tellsAll);
      const all = performance.now() - began;
      const stop = new AbortController();
      let aborted;
      setTimeout(() => ((aborted = performance.now()), stop.abort()), all / 3);
      await assert.rejects(opened.verifyStream(blob(stream), { signal: stop.signal }), { name: "AbortError" });
      const late = performance.now() - aborted;
      assert.ok(late < 200, `${late} ms`);
      return `${2 ** 22} blocks in ${(all / 1000).toFixed(1)} s, stopped after ${late.toFixed(0)} ms`;
    });
  });
}
