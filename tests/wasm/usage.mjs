// How much of each segment is in use: what the command says, and what the segments' own bytes say without the engine.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { open } from "../../wasm/npm/index.js";
import { directory } from "../../wasm/npm/node.js";
import { entriesOf } from "./entries.mjs";
import { command, copy, folder, repository, sarsen, SMALL, test } from "./harness.mjs";
import { serve } from "./server.mjs";

const segmentsOf = (repo) => readdirSync(join(repo, "segments")).sort().map((name) => join(repo, "segments", name));

async function counted(from, options) {
  const opened = await open(from, { workers: 0 });
  try {
    return await opened.segments(options);
  } finally {
    await opened.close();
  }
}

/** What `sarsen du --json` prints, in the names of the package. */
function told(repo) {
  const { status, stdout } = spawnSync(sarsen, ["--repo", repo, "du", "--json"], { encoding: "utf8" });
  const { segments, bytes, live_bytes, complete } = JSON.parse(stdout);
  assert.equal(status, complete ? 0 : 3);
  const named = ({ segment, bytes, live_bytes }) => ({ ...(segment === undefined ? {} : { segment }), bytes, liveBytes: live_bytes, deadBytes: bytes - live_bytes });
  return { segments: segments.map(named), ...named({ bytes, live_bytes }), complete };
}

/** Bytes of blocks that versions name, and of what those lie on, by segment; and bytes of what may be in use besides, pages and records. */
function foundIn(repo, versions) {
  const entries = segmentsOf(repo).flatMap((file, segment) => entriesOf(file).map((entry) => ({ segment, ...entry })));
  const blocks = new Map(entries.filter(({ kind }) => kind === "block").map((entry) => [entry.id, entry]));
  const needed = new Set();
  for (const version of versions) {
    for (let id of command(repo, "manifest", version).trim().split("\n")) for (; blocks.has(id); id = blocks.get(id).base) needed.add(blocks.get(id));
  }
  const sums = segmentsOf(repo).map(() => ({ blocks: 0, others: 0 }));
  for (const entry of entries) {
    if (needed.has(entry)) sums[entry.segment].blocks += entry.end - entry.at;
    if (entry.kind === "page" || entry.kind === "record") sums[entry.segment].others += entry.end - entry.at;
  }
  return sums;
}

function agree(segments, sums) {
  assert.equal(segments.length, sums.length);
  for (const [at, { segment, liveBytes }] of segments.entries()) {
    assert.equal(segment, at);
    const { blocks, others } = sums[at];
    assert.ok(liveBytes >= blocks && liveBytes <= blocks + others, `segment ${at}: ${liveBytes} in use, of blocks ${blocks}, of pages and records at most ${others}`);
  }
}

export async function usageTests() {
  const repo = repository("usage", "--codec", "lz4", ...SMALL), image = join(folder, "elsewhere.raw");
  writeFileSync(image, randomBytes(3 << 20));
  command(repo, "backup", image, "--name", "elsewhere");

  await test("what_is_in_use_is_what_versions_need_and_what_the_command_says", async () => {
    const ours = await counted(directory(repo));
    assert.deepEqual(ours, told(repo));
    agree(ours.segments, foundIn(repo, ["disk@monday", "disk@tuesday", "elsewhere"]));
    assert.ok(ours.complete);
  });
  await test("what_a_removed_version_alone_needed_is_dead_and_gc_removes_it", async () => {
    const less = copy(repo, "less");
    command(less, "rm", "elsewhere");
    const ours = await counted(directory(less));
    assert.deepEqual(ours, told(less));
    agree(ours.segments, foundIn(less, ["disk@monday", "disk@tuesday"]));
    const dead = ours.segments.filter(({ liveBytes }) => liveBytes === 0).map(({ segment }) => segment);
    const before = readdirSync(join(less, "segments"));
    command(less, "gc");
    const after = readdirSync(join(less, "segments"));
    assert.deepEqual(dead, before.filter((name) => !after.includes(name)).map((name) => parseInt(name)));
    assert.ok(dead.length > 1, `${dead}`);
    return `${dead.length} of ${before.length} segments`;
  });
  await test("what_damage_hides_is_not_called_counted", async () => {
    for (const [at, hurtIt] of [rmSync, (file) => writeFileSync(file, readFileSync(file).fill(0, 0, 5000))].entries()) {
      for (const which of [1, -1]) {
        const hurt = copy(repo, `hidden-${at}${which}`);
        hurtIt(segmentsOf(hurt).at(which));
        const ours = await counted(directory(hurt));
        assert.deepEqual(ours, told(hurt));
        assert.equal(ours.complete, false);
      }
    }
  });
  await test("a_count_over_ranges_tells_how_far_it_is_and_stops", async () => {
    const { url, close } = await serve(repo), far = [];
    assert.deepEqual(await counted(url, { onProgress: ({ done, total }) => far.push([done, total]) }), told(repo));
    assert.ok(far.length > 0 && far.every(([done, total]) => done <= total && total === segmentsOf(repo).length), JSON.stringify(far));
    const stop = new AbortController(), opened = await open(directory(repo), { workers: 0 });
    stop.abort();
    await assert.rejects(opened.segments({ signal: stop.signal }), { name: "AbortError" });
    assert.equal((await opened.segments()).complete, true);
    await opened.close();
    await close();
  });
}
