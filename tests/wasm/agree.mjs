// What the package says of a repository is what the command says, on repositories that are whole and on hurt ones, with workers and without.

import assert from "node:assert/strict";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { open } from "../../wasm/npm/index.js";
import { directory } from "../../wasm/npm/node.js";
import { command, copy, disk, DISK_BYTES, judged, repository, SMALL, SNAPSHOTS, test } from "./harness.mjs";

const FLIPS = 24;

/** What the command prints. It may write down what it found, so it comes last. */
export function same(ours, theirs) {
  const { marks_written, ...told } = theirs;
  for (const key of Object.keys(told)) {
    const shown = key === "versions" ? ours.versions.map(({ verdict, ...version }) => version) : ours[key];
    assert.deepEqual(shown, told[key], key);
  }
}

export async function agrees(repo, verb, options = { workers: 0 }) {
  const opened = await open(directory(repo), options);
  const ours = await opened[verb]();
  const { usage } = opened;
  await opened.close();
  same(ours, judged(repo, verb));
  return { ours, usage };
}

async function lists(repo) {
  const opened = await open(directory(repo), { workers: 0 });
  const ours = await opened.versions();
  const theirs = JSON.parse(command(repo, "ls", "--json"));
  assert.deepEqual(
    ours.map((version) => ({
      id: version.id,
      kind: version.kind,
      name: version.name,
      snapshot: version.snapshot,
      time_ms: version.time,
      size: version.size,
      base: version.base,
      read_bytes: version.readBytes,
      new_blocks: version.newBlocks,
      new_bytes: version.newBytes,
      position: version.position ?? null,
      source_changed: version.sourceChanged,
      protected: version.protected,
      tags: version.tags,
      expiry_ms: version.expiry ?? null,
    })),
    theirs.versions,
  );
  const { id, digest, codec, blockBytes, frameBytes, fanOut, segmentBytes } = opened.info;
  const info = { id, digest, codec, block_bytes: blockBytes, frame_bytes: frameBytes, fan_out: fanOut, segment_bytes: segmentBytes };
  assert.deepEqual(info, theirs.repository);
  await opened.close();
}

async function reads(repo) {
  const opened = await open(directory(repo), { workers: 0 });
  for (const [day, snapshot] of SNAPSHOTS.entries()) {
    const bytes = disk(day);
    for (const [offset, length] of [[0, 1], [DISK_BYTES - 1, 1], [65535, 2], [100_000, 300_000], [0, DISK_BYTES], [5, 0]]) {
      const got = await opened.read(`disk@${snapshot}`, offset, length);
      assert.equal(Buffer.compare(got, bytes.subarray(offset, offset + length)), 0, `${snapshot} ${offset} ${length}`);
    }
  }
  await assert.rejects(opened.read("latest", DISK_BYTES, 1), RangeError);
  await assert.rejects(opened.read("nobody", 0, 1), { name: "RefusedError", code: "unknown-version", version: "nobody" });
  await opened.close();
}

export async function agreeTests() {
  const kinds = [["zstd", "sha256"], ["lz4", "sha256"], ["zlib", "blake3"], ["none", "sha256"]];
  for (const [codec, digest] of kinds) {
    const repo = repository(codec, "--codec", codec, "--digest", digest, ...SMALL);
    await test(`${codec}_${digest}_lists_what_the_command_lists`, () => lists(repo));
    await test(`${codec}_${digest}_is_complete`, async () => {
      const { ours } = await agrees(repo, "check");
      assert.ok(ours.versions.every(({ verdict }) => verdict === "complete"), "intact is not said of what was not read");
    });
    for (const workers of [0, 1, 3]) {
      await test(`${codec}_${digest}_is_intact_with_${workers}_workers`, async () => {
        const { ours, usage } = await agrees(repo, "scrub", { workers });
        assert.ok(ours.versions.every(({ verdict }) => verdict === "intact"));
        return `${ours.entries} entries, ${usage.bytes} bytes in ${usage.reads} reads`;
      });
    }
    await test(`${codec}_${digest}_reads_any_range`, () => reads(repo));
  }
  // The comparison must be able to fail, and damage to be found: one byte of each of some places, spread over all segments.
  await test("flipped_bytes_are_found_where_the_command_finds_them", async () => {
    const whole = repository("whole", "--codec", "lz4", ...SMALL);
    const segments = readdirSync(join(whole, "segments"));
    let found = 0;
    for (let flip = 0; flip < FLIPS; flip++) {
      const hurt = copy(whole);
      const file = join(hurt, "segments", segments[flip % segments.length]);
      const bytes = readFileSync(file);
      bytes[Math.floor((bytes.length * (flip + 0.5)) / FLIPS)] ^= 0x40;
      writeFileSync(file, bytes);
      const { ours } = await agrees(hurt, "scrub", { workers: flip % 2 });
      found += ours.findings.length;
      assert.ok(ours.damaged);
    }
    assert.ok(found >= FLIPS);
    return `${FLIPS} flips, ${found} findings`;
  });
}
