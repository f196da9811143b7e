// Repositories at the ends of what there is: very many segments, and segments as long as the format has them.

import assert from "node:assert/strict";
import { createCipheriv } from "node:crypto";
import { closeSync, openSync, rmSync, statSync, writeSync } from "node:fs";
import { join } from "node:path";
import { same } from "../wasm/agree.mjs";
import { command, folder, judged, test } from "../wasm/harness.mjs";
import { serve } from "../wasm/server.mjs";
import { flipInPlace, segmentsOf } from "./hurt.mjs";
import { servePage, visit } from "./visit.mjs";

const SEGMENTS = 5000;
/** What must fit into a segment of blocks of 4 KiB. */
const SHORTEST_BYTES = 66048;
/** The format's limit for a segment is 1 GiB (docs/FORMAT.md section 14): there is none of 3 GiB, nor a read behind 2 GiB. */
const LONGEST_BYTES = 2 ** 30;
const PATIENCE_MS = 600_000;

/** A repository of a disk that holds so many bytes of noise. */
function repositoryOf(name, bytes, ...options) {
  const repo = join(folder, name), image = join(folder, `${name}.raw`);
  command(repo, "init", "--codec", "none", ...options);
  const noise = createCipheriv("aes-128-ctr", Buffer.alloc(16), Buffer.alloc(16)), zeros = Buffer.alloc(8 << 20);
  const file = openSync(image, "w");
  for (let at = 0; at < bytes; at += zeros.length) writeSync(file, noise.update(zeros.subarray(0, Math.min(zeros.length, bytes - at))));
  closeSync(file);
  command(repo, "backup", image, "--name", name);
  rmSync(image);
  return repo;
}

/** Scrubs what is damaged; what the page says is what the command says, which comes last, as it writes down what it finds. How long the page took. */
async function scrubbed(address, repo, open) {
  const { report, said } = await visit(address, async (at) => {
    at.page.setDefaultTimeout(PATIENCE_MS);
    await open(at);
    await at.page.waitForSelector(".versions tbody");
    await at.scrub();
    const said = await at.verdict("Damaged$");
    return { said, report: await at.report() };
  }, { expected: /Failed to load resource/ });
  same(report, judged(repo, "scrub"));
  return said.split("\n").at(-1).replace(/.* in /, "").replace(".", "");
}

const overFiles = (page, repo) => scrubbed(page.url, repo, (at) => at.choose(repo));

async function overRanges(page, repo) {
  const server = await serve(repo, "ranges", { origins: true });
  const took = await scrubbed(`${page.url}url.html`, repo, (at) => at.go(server.url));
  await server.close();
  return `${took} and ${server.seen.requests} requests`;
}

/** A test of the long tier. */
const longTest = (name, run) => (process.env.SARSEN_LONG ? test(name, run) : console.log(`test ${name} ... ignored, long: tens of thousands of requests, and a GiB by ranges`));

function withMany(run) {
  const repo = repositoryOf("many", SEGMENTS * SHORTEST_BYTES, "--block", "4K", "--frame", "4K", "--segment", SHORTEST_BYTES);
  const segments = segmentsOf(repo);
  assert.ok(segments.length >= SEGMENTS, `${segments.length}`);
  flipInPlace(segments[4321], 5000);
  return run(repo).then((took) => `${segments.length} segments: ${took}`).finally(() => rmSync(repo, { recursive: true }));
}

function withLongest(run) {
  const repo = repositoryOf("long", LONGEST_BYTES + (64 << 20), "--segment", "1G");
  const [longest] = segmentsOf(repo).sort((one, other) => statSync(other).size - statSync(one).size), { size } = statSync(longest);
  assert.ok(size <= LONGEST_BYTES && size > LONGEST_BYTES - (8 << 20), `${size} bytes`);
  flipInPlace(longest, size - (1 << 20)); // in the last block that it holds
  return run(repo).then((took) => `${size} bytes: ${took}`).finally(() => rmSync(repo, { recursive: true }));
}

export async function largeTests() {
  const page = await servePage();
  await test("five_thousand_small_segments_are_scrubbed_over_files", () => withMany((repo) => overFiles(page, repo)));
  await test("a_segment_as_long_as_the_format_has_them_is_scrubbed_over_files", () => withLongest((repo) => overFiles(page, repo)));
  await longTest("five_thousand_small_segments_are_scrubbed_over_ranges", () => withMany((repo) => overRanges(page, repo)));
  await longTest("a_segment_as_long_as_the_format_has_them_is_scrubbed_over_ranges", () => withLongest((repo) => overRanges(page, repo)));
  await page.close();
}
