// How much memory a repository takes that has very many objects: director, workers, and what is under way between them.
//
//   node memory.mjs REPOSITORY [METHOD]     scrubs it, and prints what that took, as JSON
//
// The tests run that in a process of its own: memory of WebAssembly never shrinks, so what other tests took would count.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { closeSync, openSync, readdirSync, readFileSync, rmSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { open } from "../../wasm/npm/index.js";
import { directory } from "../../wasm/npm/node.js";

const MIB = 2 ** 20;
/** What there may be at most, and for how many entries that must do. */
const MEMORY_BYTES = 512 * MIB, ENTRIES_MAX = 2 ** 24;
/** Slots of 16 bytes, of which nine in ten are used: more have been grown, and not made at once. */
const ENTRY_BYTES = (16 * 10) / 9;
/** What the director has besides: buffers, jobs that are out. */
const DIRECTOR_BYTES = 15 * MIB;
/** What all but the index is allowed. */
const OTHERS_BYTES = 227 * MIB;

const BLOCK_BYTES = 4096, DISK_BLOCKS = 2 ** 20;
/** Pages that are kept, those of a long read, and a few besides. */
const PAGES_BYTES = (32 + 8 + 1) * MIB;
/** More than the engine asks for at once. */
const LONG_BYTES = 256 << 10;

/** A repository of so many blocks that are all different, and small when compressed, in disks of at most a million. */
function manyBlocks(command, folder, blocks) {
  const repo = join(folder, `blocks-${blocks}`), image = join(folder, "blocks.raw");
  const some = Buffer.alloc(256 * BLOCK_BYTES);
  command(repo, "init", "--block", "4K", "--frame", "4K", "--codec", "lz4");
  for (let first = 0; first < blocks; first += DISK_BLOCKS) {
    const file = openSync(image, "w");
    for (let block = first; block < Math.min(first + DISK_BLOCKS, blocks); block++) {
      some.writeDoubleLE(block + 1, (block % 256) * BLOCK_BYTES);
      if (block % 256 === 255) writeSync(file, some);
    }
    closeSync(file);
    command(repo, "backup", image, "--name", `disk-${first / DISK_BLOCKS}`);
  }
  rmSync(image);
  return repo;
}

/** What a scrub took, in a process of its own. */
const measured = (repo, ...method) => JSON.parse(execFileSync(process.execPath, [fileURLToPath(import.meta.url), repo, ...method], { encoding: "utf8" }));
const mib = (bytes) => `${(bytes / MIB).toFixed(1)} MiB`;

export async function memoryTests() {
  const { command, folder, test } = await import("./harness.mjs");
  const { agrees } = await import("./agree.mjs");
  const repo = manyBlocks(command, folder, 200 * 1024);
  await test("the_index_is_made_at_once_and_16_million_entries_fit_into_512_mib", async () => {
    const { entries, memory, memoryBytes, processBytes } = measured(repo);
    const each = memory.index / entries;
    assert.ok(Math.abs(each - ENTRY_BYTES) < 0.05, `${each} bytes for each entry`);
    assert.ok(memory.director <= DIRECTOR_BYTES, `${memory.director} bytes beside the index`);
    const projected = memoryBytes - memory.index + ENTRIES_MAX * each;
    assert.ok(projected <= MEMORY_BYTES, `${projected} bytes for ${ENTRIES_MAX} entries`);
    return `${entries} entries: ${mib(memoryBytes)}, of which the index ${each.toFixed(1)} bytes each; ${ENTRIES_MAX} would take ${mib(projected)}; Node all in all ${mib(processBytes)}`;
  });
  await test("pages_of_footers_are_given_back_while_the_index_is_made", async () => {
    const many = manyBlocks(command, folder, 1000 * 1024); // their lines are 47 MiB
    const repository = await open(directory(many));
    assert.ok(!(await repository.check()).damaged);
    const { pages } = repository.usage.memory;
    await repository.close();
    rmSync(many, { recursive: true });
    assert.ok(pages <= PAGES_BYTES, `${pages} bytes of pages`);
    return mib(pages);
  });
  const long = (name, run) => (process.env.SARSEN_LONG ? test(name, run) : console.log(`test ${name} ... ignored, long: sixteen million blocks are backed up first`));
  await long("sixteen_million_entries_take_less_than_512_mib", async () => {
    const huge = manyBlocks(command, folder, 2 ** 24 - 2 ** 18); // and pages of manifests
    const { entries, memoryBytes, seconds, processBytes } = measured(huge, "stored");
    rmSync(huge, { recursive: true });
    assert.ok(entries > 16_000_000 && entries <= ENTRIES_MAX, `${entries} entries`);
    assert.ok(memoryBytes <= MEMORY_BYTES, `${memoryBytes} bytes`);
    return `${entries} entries: ${mib(memoryBytes)}; Node all in all ${mib(processBytes)}; ${Math.round(seconds)} s`;
  });
  await test("more_entries_than_memory_bytes_allows_are_refused_and_what_the_error_names_does", async () => {
    const opened = (memoryBytes) => open(directory(repo), { workers: 0, memoryBytes });
    const scrubbed = async (memoryBytes) => {
      const repository = await opened(memoryBytes);
      try {
        return { ...(await repository.scrub({ method: "stored" })), index: repository.usage.memory.index };
      } catch (error) {
        assert.equal((await repository.versions()).length, 1, "it is listed");
        return { error, index: repository.usage.memory.index };
      } finally {
        await repository.close();
      }
    };
    const { entries } = await scrubbed(undefined);
    const tight = await scrubbed(230 * MIB);
    assert.deepEqual([tight.error.name, tight.error.code, tight.error.entries], ["MemoryError", "entries", entries]);
    assert.ok(tight.index <= 2 * MIB, `${tight.index} bytes were taken`);
    const { entriesMax, memoryBytes, message } = tight.error;
    assert.ok(Math.abs(entriesMax - (3 * MIB) / ENTRY_BYTES) < 100, `${entriesMax}`);
    assert.ok(Math.abs(memoryBytes - OTHERS_BYTES - entries * ENTRY_BYTES) < 2048, `${memoryBytes}`);
    assert.ok(message.includes(`${memoryBytes}`) && message.includes("command"), message);
    const enough = await scrubbed(memoryBytes);
    assert.ok(!enough.damaged && enough.entries === entries && enough.index > tight.index);
    const short = await scrubbed(memoryBytes - 16);
    assert.deepEqual([short.error.code, short.error.entriesMax, short.error.memoryBytes], ["entries", entries - 1, memoryBytes]);

    for (const none of [0, -1, NaN, 100 * MIB]) await assert.rejects(opened(none), { name: "MemoryError", code: "memory-bytes" });
    const least = (await opened(1).catch((error) => error)).memoryBytes;
    await (await opened(least)).close();
    await assert.rejects(opened(least - 1), { code: "memory-bytes", memoryBytes: least });
    await (await opened(2 ** 60)).close();
    return `${entries} entries need ${(memoryBytes / MIB).toFixed(1)} MiB, and there must be ${(least / MIB).toFixed(0)}`;
  });
  await test("a_long_footer_is_fetched_in_few_reads", async () => {
    const repository = await open(directory(repo));
    const { damaged } = await repository.check();
    const { reads, bytes } = repository.usage;
    await repository.close();
    assert.ok(!damaged);
    assert.ok(reads < bytes / (256 << 10), `${reads} reads for ${bytes} bytes`);
    return `${reads} reads for ${bytes} bytes`;
  });
  await test("what_could_not_be_read_is_remembered_while_entries_are_counted", async () => {
    const source = directory(repo), [, name] = readdirSync(join(repo, "segments")).sort();
    const hits = (file, offset, length) => file === `segments/${name}` && offset <= 1_000_000 && 1_000_000 < offset + length;
    const read = (file, offset, ...more) => (hits(file, offset, more[0]) ? Promise.reject(new Error("no")) : source.read(file, offset, ...more));
    const repository = await open({ list: () => source.list(), size: (file) => source.size(file), read });
    const { findings, unread, hit, versions } = await repository.scrub({ method: "stored" });
    await repository.close();
    assert.deepEqual(findings.map(({ kind }) => kind), ["unreadable"]);
    assert.deepEqual([hit.length, unread.length, versions[0].verdict], [0, 1, "unread"]);
  });
  await test("a_repository_that_only_just_needs_counting_is_counted", async () => {
    const just = manyBlocks(command, folder, 130_560); // its index is a little larger than what comes without counting
    const repository = await open(directory(just));
    const { damaged, entries } = await repository.check();
    await repository.close();
    rmSync(just, { recursive: true });
    assert.ok(!damaged && entries > 130_560);
  });
  await test("small_segments_are_not_read_over_and_over", async () => {
    const small = join(folder, "small-segments"), image = join(folder, "noise.raw");
    writeFileSync(image, randomBytes(48 * MIB));
    command(small, "init", "--block", "4K", "--frame", "4K", "--segment", "66048", "--codec", "none");
    command(small, "backup", image, "--name", "disk");
    rmSync(image);
    const repository = await open(directory(small));
    const { damaged, segments, bytes } = await repository.scrub();
    const read = repository.usage.bytes / bytes;
    await repository.close();
    assert.ok(!damaged && segments > 800);
    assert.ok(read < 2.75, `${read} times`);
    return `${segments} segments, ${read.toFixed(2)} times`;
  });
  await test("what_cannot_be_read_ahead_is_not_missed", async () => {
    const source = directory(repo);
    let refused = 0;
    const read = (name, offset, length, signal) =>
      length > LONG_BYTES ? Promise.reject(new Error(`too much at once, ${++refused}`)) : source.read(name, offset, length, signal);
    const repository = await open({ list: () => source.list(), size: (name) => source.size(name), read });
    assert.ok(!(await repository.check()).damaged);
    await repository.close();
    assert.ok(refused > 0);
  });
  await test("damage_is_found_as_well_where_entries_are_counted_first", async () => {
    const [, name] = readdirSync(join(repo, "segments")).sort();
    const file = join(repo, "segments", name), bytes = readFileSync(file);
    for (let at = 0; at < 300; at++) bytes[(bytes.length >> 2) + at] ^= 1; // more than one entry
    writeFileSync(file, bytes);
    const { ours } = await agrees(repo, "scrub", { workers: 1 });
    assert.ok(ours.damaged && ours.hit.length === 1);
    return ours.findings.map(({ kind }) => kind).join(" ");
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const repository = await open(directory(process.argv[2]));
  const began = performance.now();
  const { entries, damaged } = await repository.scrub({ method: process.argv[3] });
  assert.ok(!damaged);
  const seconds = (performance.now() - began) / 1000;
  console.log(JSON.stringify({ entries, seconds, ...repository.usage, processBytes: process.resourceUsage().maxRSS * 1024 }));
  await repository.close();
}
