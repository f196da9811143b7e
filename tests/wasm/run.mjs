// Repositories made by the command, opened by the engine in WebAssembly through a medium that answers "pending": what it lists and what it finds
// must be what the command lists and finds, on repositories that are whole and on ones with a byte flipped.
//
//   node run.mjs MODULE.wasm SARSEN

import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DirectoryMedium } from "./medium.mjs";
import { Engine } from "./engine.mjs";

const [wasm, sarsen] = process.argv.slice(2);
const folder = mkdtempSync(join(tmpdir(), "sarsen-wasm-"));
let done = 0;

const DISK_BYTES = 6 << 20;
const FLIPS = 24;

/** What a disk holds on a day: runs of zeros, of text-like bytes and of noise; on the second day some of it differs. */
function disk(day) {
  const bytes = Buffer.alloc(DISK_BYTES);
  let noise = 1;
  for (let at = 0; at < DISK_BYTES; at += 4096) {
    const page = at >> 12, changed = day > 0 && page % 97 === 0;
    if (page % 5 < 2 && !changed) continue;
    for (let i = 0; i < 4096; i++) {
      noise = (Math.imul(noise, 1664525) + 1013904223) >>> 0;
      bytes[at + i] = page % 3 === 0 || changed ? noise >>> 24 : (i + page) & 0x3f;
    }
  }
  return bytes;
}

const command = (repo, ...args) => execFileSync(sarsen, ["--repo", repo, ...args], { encoding: "utf8" });

/** Exit codes other than 0 mean something here: 3 is damage. */
function judged(repo, verb) {
  const { status, stdout, stderr } = spawnSync(sarsen, ["--repo", repo, verb, "--json"], { encoding: "utf8" });
  assert.ok(status === 0 || status === 3, `${verb}: ${stderr}`);
  return JSON.parse(stdout);
}

function repository(name, ...options) {
  const repo = join(folder, name), image = join(folder, "disk.raw");
  command(repo, "init", ...options);
  for (const [day, snapshot] of ["monday", "tuesday"].entries()) {
    writeFileSync(image, disk(day));
    command(repo, "backup", image, "--name", "disk", "--snapshot", snapshot);
  }
  return repo;
}

const inOrder = (findings) => findings.map(({ kind, segment, offset }) => `${segment} ${offset} ${kind}`).sort();

async function opened(repo) {
  const medium = new DirectoryMedium(repo);
  const engine = await Engine.load(wasm, medium);
  await engine.open();
  return { engine, medium };
}

/** The module's verdict equals the command's. The module comes first: a scrub by the command may write down what it found. */
async function agrees(repo, verb) {
  const { engine, medium } = await opened(repo);
  const ours = await engine[verb]();
  const theirs = judged(repo, verb);
  assert.deepEqual(inOrder(ours.findings), inOrder(theirs.findings));
  assert.deepEqual([...new Set(ours.hit)].sort(), [...theirs.hit].sort());
  for (const key of ["segments", "entries", "bytes"]) assert.equal(ours.report[key], theirs[key], key);
  return { ours, counts: medium.counts, memory: engine.memoryBytes() };
}

async function test(name, run) {
  const said = await run();
  done += 1;
  console.log(`test ${name} ... ok${said ? ` (${said})` : ""}`);
}

const lists = async (repo) => {
  const { engine } = await opened(repo);
  const ours = await engine.list();
  const theirs = JSON.parse(command(repo, "ls", "--json")).versions;
  assert.equal(ours.length, 2);
  assert.deepEqual(ours.map(({ id, name, snapshot }) => ({ id, name, snapshot })), theirs.map(({ id, name, snapshot }) => ({ id, name, snapshot })));
  assert.ok(ours.every(({ size }) => size === DISK_BYTES));
};

try {
  for (const [codec, digest] of [["lz4", "sha256"], ["zlib", "blake3"], ["none", "sha256"]]) {
    const repo = repository(codec, "--codec", codec, "--digest", digest, "--block", "64K", "--frame", "16K", "--segment", "1M");
    await test(`${codec}_${digest}_lists_what_the_command_lists`, () => lists(repo));
    await test(`${codec}_${digest}_is_whole_in_structure`, async () => void (await agrees(repo, "check")));
    await test(`${codec}_${digest}_is_whole_in_every_byte`, async () => {
      const { ours, counts, memory } = await agrees(repo, "scrub");
      assert.deepEqual(ours.findings, []);
      assert.ok(counts.pending > 100, "the medium is one that makes the engine wait");
      return `${ours.report.entries} entries, ${counts.pending} times pending, ${counts.bytes} bytes fetched, ${memory >> 10} KiB of memory`;
    });
  }

  const zstd = repository("zstd");
  await test("zstd_lists_what_the_command_lists", () => lists(zstd));
  await test("zstd_is_whole_in_structure", async () => void (await agrees(zstd, "check")));

  // The comparison must be able to fail, and the module to find damage: one byte of each of some places, spread over all segments.
  await test("flipped_bytes_are_found_where_the_command_finds_them", async () => {
    const whole = join(folder, "lz4"), hurt = join(folder, "hurt");
    const segments = readdirSync(join(whole, "segments"));
    let found = 0;
    for (let flip = 0; flip < FLIPS; flip++) {
      rmSync(hurt, { recursive: true, force: true });
      cpSync(whole, hurt, { recursive: true });
      const file = join(hurt, "segments", segments[flip % segments.length]);
      const bytes = readFileSync(file);
      bytes[Math.floor((bytes.length * (flip + 0.5)) / FLIPS)] ^= 0x40;
      writeFileSync(file, bytes);
      const { ours } = await agrees(hurt, "scrub");
      found += ours.findings.length;
    }
    assert.ok(found >= FLIPS);
    return `${FLIPS} flips, ${found} findings`;
  });
  console.log(`\ntest result: ok. ${done} passed; 0 failed; 0 ignored`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
