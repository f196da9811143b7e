// What all tests of the npm package share: a folder, repositories made by the command, and a line for each test as the other languages print it.

import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export const sarsen = process.argv[2];
export const folder = mkdtempSync(join(tmpdir(), "sarsen-wasm-"));
export const DISK_BYTES = 6 << 20;

const counts = { passed: 0, failed: 0 };
const only = process.argv[3] ?? "";

/** Runs a test unless another one was asked for. What it answers is said behind its name. */
export async function test(name, run) {
  if (!name.includes(only)) return;
  try {
    const said = await run();
    counts.passed += 1;
    console.log(`test ${name} ... ok${said ? ` (${said})` : ""}`);
  } catch (error) {
    counts.failed += 1;
    console.log(`test ${name} ... FAILED\n${error.stack}`);
  }
}

/** Says how it went, cleans up, and ends. */
export function finish() {
  rmSync(folder, { recursive: true, force: true });
  console.log(`\ntest result: ${counts.failed ? "FAILED" : "ok"}. ${counts.passed} passed; ${counts.failed} failed; 0 ignored`);
  process.exit(counts.failed ? 1 : 0);
}

export const command = (repo, ...args) => execFileSync(sarsen, ["--repo", repo, ...args], { encoding: "utf8" });

/** What the command's check or scrub prints. Exit codes other than 0 mean something here: 3 is damage, 6 that not all could be read. */
export function judged(repo, verb, ...args) {
  const { status, stdout, stderr } = spawnSync(sarsen, ["--repo", repo, verb, ...args, "--json"], { encoding: "utf8" });
  assert.ok([0, 3, 6].includes(status), `${verb}: ${stderr}`);
  return JSON.parse(stdout);
}

/** What a disk holds on a day: runs of zeros, a MiB of them too, of text-like bytes and of noise; on later days some of it differs. */
export function disk(day) {
  const bytes = Buffer.alloc(DISK_BYTES);
  let noise = 1;
  for (let at = 0; at < DISK_BYTES; at += 4096) {
    const page = at >> 12, changed = day > 0 && page % (97 + day) === 5;
    if ((page % 5 < 2 || (page >= 512 && page < 768)) && !changed) continue;
    for (let i = 0; i < 4096; i++) {
      noise = (Math.imul(noise, 1664525) + 1013904223) >>> 0;
      bytes[at + i] = page % 3 === 0 || changed ? noise >>> 24 : (i + page) & 0x3f;
    }
  }
  return bytes;
}

export const SNAPSHOTS = ["monday", "tuesday"];

/** A repository with a version for each snapshot. */
export function repository(name, ...options) {
  const repo = join(folder, name), image = join(folder, "disk.raw");
  command(repo, "init", ...options);
  for (const [day, snapshot] of SNAPSHOTS.entries()) {
    writeFileSync(image, disk(day));
    command(repo, "backup", image, "--name", "disk", "--snapshot", snapshot);
  }
  return repo;
}

/** A copy to be hurt. */
export function copy(repo, name = "hurt") {
  const to = join(folder, name);
  rmSync(to, { recursive: true, force: true });
  cpSync(repo, to, { recursive: true });
  return to;
}

export const SMALL = ["--block", "64K", "--frame", "16K", "--segment", "1M"];
