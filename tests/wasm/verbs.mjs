// What else a repository that is open can do: sampled and undecoded scrubs, streams, saving, comparing, maps of blocks.

import assert from "node:assert/strict";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { webcrypto } from "node:crypto";
import { DamagedError, open } from "../../wasm/npm/index.js";
import { load } from "../../wasm/npm/engine.js";
import { directory } from "../../wasm/npm/node.js";
import { same } from "./agree.mjs";
import { command, copy, disk, DISK_BYTES, folder, judged, repository, SMALL, test } from "./harness.mjs";

const using = async (repo, options, run) => {
  const opened = await open(directory(repo), options);
  try {
    return await run(opened);
  } finally {
    await opened.close();
  }
};

/** Flips a byte of the largest block's payload; where. */
function flipPayload(repo) {
  const [name] = readdirSync(join(repo, "segments")).sort((a, b) => readFileSync(join(repo, "segments", b)).length - readFileSync(join(repo, "segments", a)).length);
  const file = join(repo, "segments", name);
  const bytes = readFileSync(file);
  bytes[bytes.length >> 1] ^= 4;
  writeFileSync(file, bytes);
}

/** A disk put together from a stream of pieces. */
async function gathered(stream) {
  const bytes = Buffer.alloc(DISK_BYTES, 0xee);
  let at = 0, pieces = 0;
  for await (const piece of stream) {
    assert.equal(piece.offset, at, "in order, without gaps");
    if (piece.bytes) bytes.set(piece.bytes, at);
    else bytes.fill(0, at, at + piece.length);
    at += piece.length;
    pieces += 1;
  }
  assert.equal(at, DISK_BYTES);
  return { bytes, pieces };
}

export async function verbTests() {
  const repo = repository("verbs", "--codec", "zstd", ...SMALL);
  const [monday, tuesday] = [disk(0), disk(1)];

  await test("webcrypto_and_the_engine_hash_alike", async () => {
    const { glue } = await load();
    for (const length of [0, 1, 55, 56, 63, 64, 65, 100_000]) {
      const bytes = webcrypto.getRandomValues(new Uint8Array(Math.min(length, 65536)));
      assert.deepEqual(Buffer.from(glue.sha256(bytes)), Buffer.from(await webcrypto.subtle.digest("SHA-256", bytes)));
    }
  });
  await test("whoever_hashes_and_whether_it_decodes_a_scrub_finds_the_same", async () => {
    const hurts = [repo];
    for (let number = 0; number < 6; number++) {
      const hurt = copy(repo, `stored-${number}`);
      const names = readdirSync(join(hurt, "segments")).sort();
      const file = join(hurt, "segments", names[number % names.length]);
      const bytes = readFileSync(file);
      bytes[Math.floor((bytes.length * (number + 0.5)) / 6)] ^= 0x80;
      writeFileSync(file, bytes);
      hurts.push(hurt);
    }
    for (const hurt of hurts) {
      const reports = [];
      for (const [hashing, workers] of [["wasm", 0], ["webcrypto", 0], ["webcrypto", 2], ["auto", 1]]) {
        for (const method of ["stored", "decoded"]) {
          const report = await using(hurt, { hashing, workers }, (opened) => opened.scrub({ method }));
          assert.equal(report.method, method);
          assert.ok(hashing === "auto" || report.hashing === hashing);
          reports.push(report);
        }
      }
      const theirs = judged(hurt, "scrub");
      reports.forEach((ours) => same(ours, theirs));
    }
  });
  await test("a_scrub_of_one_version_is_the_commands", async () => {
    const hurt = copy(repo);
    flipPayload(hurt);
    for (const snapshot of ["monday", "tuesday"]) {
      const ours = await using(hurt, { workers: 2 }, (opened) => opened.scrub({ version: `disk@${snapshot}` }));
      same(ours, judged(copy(hurt, "again"), "scrub", `disk@${snapshot}`));
      assert.equal(ours.versions.length, 1);
    }
  });
  await test("a_sample_reads_some_and_never_says_intact", async () => {
    const whole = await using(repo, { workers: 0 }, (opened) => opened.scrub());
    const some = await using(repo, { workers: 1 }, (opened) => opened.scrub({ sample: 30 }));
    assert.equal(some.entries, whole.entries);
    assert.ok(some.skipped > 0 && some.skipped < some.entries, `${some.skipped} of ${some.entries}`);
    assert.ok(some.versions.every(({ verdict }) => verdict === "sampled") && !some.damaged);
    await using(repo, { workers: 0 }, (opened) => assert.rejects(opened.scrub({ sample: 0 }), RangeError));
    return `${some.entries - some.skipped} of ${some.entries} entries`;
  });

  await test("a_version_streams_in_order_and_leaves_zeros_out", async () => {
    for (const workers of [0, 2]) {
      await using(repo, { workers }, async (opened) => {
        const { bytes, pieces } = await gathered(opened.stream("disk@tuesday"));
        assert.equal(Buffer.compare(bytes, tuesday), 0);
        const [first] = await opened.versions();
        const again = await gathered(opened.stream(first));
        assert.equal(Buffer.compare(again.bytes, monday), 0);
        assert.ok(pieces > 10);
      });
    }
  });
  await test("a_stream_may_be_left_and_the_repository_used_again", async () => {
    await using(repo, { workers: 1 }, async (opened) => {
      for await (const piece of opened.stream("latest")) {
        assert.ok(piece.length > 0);
        break;
      }
      same(await opened.scrub(), judged(repo, "scrub"));
    });
  });
  await test("damage_ends_a_stream_or_is_named_in_it", async () => {
    const hurt = copy(repo);
    flipPayload(hurt);
    await using(hurt, { workers: 1 }, async (opened) => {
      const { hit } = await opened.scrub();
      assert.ok(hit.length > 0);
      for (const id of hit) {
        await assert.rejects(gathered(opened.stream(id)), (error) => error instanceof DamagedError && error.block >= 0 && error.version === id);
        let lost = 0;
        for await (const piece of opened.stream(id, { lossy: true })) lost += piece.lost ? piece.length : 0;
        assert.ok(lost > 0 && lost <= 2 << 16, `${lost}`);
      }
      const damage = await opened.damage();
      assert.deepEqual(damage.map(({ version }) => version.id).sort(), hit);
      for (const { lost } of damage) assert.ok(lost.length > 0 && lost[0].length > 0);
    });
  });
  await test("a_version_is_saved_to_a_file_handle", async () => {
    const saved = { bytes: Buffer.alloc(0), writes: 0, closed: false };
    const writable = {
      truncate: async (size) => (saved.bytes = Buffer.concat([saved.bytes.subarray(0, size), Buffer.alloc(Math.max(0, size - saved.bytes.length))])),
      write: async ({ type, position, data }) => {
        assert.equal(type, "write");
        saved.bytes.set(data, position);
        saved.writes += data.length;
      },
      close: async () => (saved.closed = true),
      abort: async () => {},
    };
    const { dataBytes, size } = await using(repo, { workers: 1 }, (opened) => opened.saveTo({ createWritable: async () => writable }, "disk@monday"));
    assert.equal(Buffer.compare(saved.bytes, monday), 0);
    assert.ok(saved.closed && saved.writes === dataBytes && dataBytes < size);
    return `${dataBytes} of ${size} bytes written`;
  });
  await test("a_file_is_compared_with_a_version_to_the_sector", async () => {
    const other = Buffer.from(monday);
    other[0] ^= 1;
    other[70_000] ^= 1;
    other.fill(9, 200_000, 210_000);
    for (const workers of [0, 2]) {
      await using(repo, { workers }, async (opened) => {
        const alike = await opened.compareWith(new Blob([monday]), "disk@monday");
        assert.deepEqual(alike, { equal: true, size: DISK_BYTES, fileSize: DISK_BYTES, differences: [], lost: [] });
        const { equal, differences } = await opened.compareWith(new Blob([other]), "disk@monday");
        assert.equal(equal, false);
        assert.deepEqual(differences, expected(monday, other));
        const shorter = await opened.compareWith(new Blob([monday.subarray(0, DISK_BYTES - 512)]), "disk@monday");
        assert.equal(shorter.equal, false);
      });
    }
  });

  await test("blocks_are_told_as_they_lie", async () => {
    await using(repo, { workers: 0 }, async (opened) => {
      const ids = command(repo, "manifest", "disk@tuesday").trim().split("\n");
      const blocks = [];
      for await (const block of opened.blocks("disk@tuesday")) blocks.push(block);
      assert.equal(blocks.length, ids.length);
      assert.deepEqual(blocks.map(({ state }) => state === "zero"), ids.map((id) => id === "-"));
      assert.ok(blocks.some(({ shared }) => shared) && blocks.some(({ shared }) => !shared) && blocks.some(({ state }) => state === "delta"));
      assert.equal(blocks.reduce((sum, { length }) => sum + length, 0), DISK_BYTES);
      for (const block of blocks.filter(({ state }) => state !== "zero").slice(0, 5)) {
        const { id, entries } = await opened.describeBlock("disk@tuesday", block.block);
        assert.equal(id, ids[block.block]);
        assert.deepEqual(entries[0], { segment: block.segment, offset: block.at, storedBytes: block.storedBytes });
        assert.equal(entries.length > 1, block.state === "delta");
      }
    });
  });
  await test("memory_is_bounded_with_all_workers_together", async () => {
    const large = join(folder, "large");
    command(large, "init", "--block", "16M", "--frame", "256K", "--codec", "lz4");
    writeFileSync(join(folder, "large.raw"), Buffer.alloc(160 << 20, disk(0)));
    command(large, "backup", join(folder, "large.raw"), "--name", "large");
    const peak = await using(large, {}, async (opened) => {
      assert.ok(!(await opened.scrub()).damaged);
      for await (const { length } of opened.stream("latest")) assert.ok(length > 0);
      return opened.usage.memoryBytes;
    });
    assert.ok(peak > 0 && peak <= 512 << 20, `${peak}`);
    return `blocks of 16 MiB, workers as many as processors: at most ${(peak / (1 << 20)).toFixed(0)} MiB`;
  });
  await test("verbs_wait_for_each_other", async () => {
    await using(repo, { workers: 1 }, async (opened) => {
      const [scrub, versions, bytes, check] = await Promise.all([opened.scrub(), opened.versions(), opened.read("latest", 0, 4096), opened.check()]);
      assert.ok(!scrub.damaged && versions.length === 2 && bytes.length === 4096 && !check.damaged);
    });
  });
  await test("a_newer_commit_is_seen_when_asked_for", async () => {
    const growing = copy(repo, "growing");
    await using(growing, { workers: 0 }, async (opened) => {
      assert.equal(await opened.refresh(), false);
      writeFileSync(join(folder, "wednesday.raw"), disk(2));
      command(growing, "backup", join(folder, "wednesday.raw"), "--name", "disk", "--snapshot", "wednesday");
      assert.equal((await opened.versions()).length, 2);
      assert.equal(await opened.refresh(), true);
      assert.equal((await opened.versions()).length, 3);
    });
  });
}

/** Runs of sectors in which two disks differ. */
function expected(one, other) {
  const runs = [];
  for (let offset = 0; offset < one.length; offset += 512) {
    if (Buffer.compare(one.subarray(offset, offset + 512), other.subarray(offset, offset + 512)) === 0) continue;
    const last = runs.at(-1);
    if (last && last.offset + last.length === offset) last.length += 512;
    else runs.push({ offset, length: 512 });
  }
  return runs;
}
