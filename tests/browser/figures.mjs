// How fast a browser scrubs and lists, beside the native command on the same repositories: tables for docs/BENCHMARKS.md.
//
//   node figures.mjs SARSEN [ROUNDS]        by tests/browser/run.sh figures
//
// The repository holds what `tar` makes of FIGURES_FROM (/usr), in disks of 256 MiB, as many as make 1 GiB of segments. Each round runs the
// command and then each way of the browser, so that whatever else the machine does hurts all alike; of each the best round counts.

import { spawnSync } from "node:child_process";
import { closeSync, mkdirSync, openSync, readdirSync, rmSync, statSync, writeSync } from "node:fs";
import { availableParallelism, loadavg } from "node:os";
import { join } from "node:path";
import { randomFillSync } from "node:crypto";
import { command, folder, sarsen } from "../wasm/harness.mjs";
import { browser, serveFolder, servePage, visit } from "./visit.mjs";

const PACKAGE = join(import.meta.dirname, "../../wasm/npm");
const FROM = process.env.FIGURES_FROM ?? "/usr";
const ROUNDS = Number(process.argv[3] ?? 3);
const REPOSITORY_BYTES = 2 ** 30;
const DISK_MIB = 256;
const SEGMENTS = 10_000;
const LIMITS = { stored: 0.5, decoded: 0.25 };
const LISTED_SECONDS = 1;

/** A page that has nothing but the package, and where files can be chosen. */
const BENCH = `<!doctype html><meta charset="utf-8"><title>figures</title><link rel="icon" href="data:,">
<input type="file" id="chooser" webkitdirectory multiple>
<script type="module">
  import { open } from "./index.js";
  const seconds = async (run) => { const began = performance.now(); const answer = await run(); return { answer, seconds: (performance.now() - began) / 1000 }; };
  globalThis.scrub = async (method, hashing) => {
    const repository = await open(document.getElementById("chooser").files, { hashing });
    const { answer, seconds: took } = await seconds(() => repository.scrub({ method }));
    const { memoryBytes } = repository.usage;
    await repository.close();
    return { seconds: took, damaged: answer.damaged, entries: answer.entries, bytes: answer.bytes, memoryBytes };
  };
  globalThis.ready = true;
</script>`;

const missed = [];

function line(...cells) {
  console.log(`| ${cells.join(" | ")} |`);
}

function judged(kept, what) {
  if (!kept) missed.push(what);
  return kept ? "kept" : "**missed**";
}

const segmentsOf = (repo) => readdirSync(join(repo, "segments")).map((name) => statSync(join(repo, "segments", name)).size);
const sum = (numbers) => numbers.reduce((one, other) => one + other, 0);
const best = (numbers) => Math.min(...numbers);

/** A repository of real files, with one GiB of segments. */
function realRepository(name, ...options) {
  const repo = join(folder, name), image = join(folder, "image.raw");
  command(repo, "init", ...options);
  let diskBytes = 0;
  for (let disk = 0; sum(segmentsOf(repo)) < REPOSITORY_BYTES; disk++) {
    const cut = `tar --sort=name --create --file=- --directory=/ "$1" 2>/dev/null | dd of="$2" bs=1M iflag=fullblock skip=$3 count=${DISK_MIB} status=none`;
    spawnSync("sh", ["-c", cut, "sh", FROM.replace(/^\//, ""), image, String(disk * DISK_MIB)]);
    const bytes = statSync(image).size;
    if (bytes === 0) throw new Error(`${FROM} has too few files for a repository of 1 GiB: FIGURES_FROM names another folder`);
    command(repo, "backup", image, "--name", `disk-${disk}`);
    diskBytes += bytes;
  }
  rmSync(image);
  return { repo, diskBytes };
}

/** A repository with so many segments. */
function manySegments() {
  const repo = join(folder, "many"), image = join(folder, "image.raw");
  command(repo, "init", "--block", "4K", "--frame", "4K", "--segment", "66048", "--codec", "none", "--digest", "blake3");
  const file = openSync(image, "w"), noise = Buffer.alloc(1 << 20);
  for (let mib = 0; mib < (SEGMENTS * 56) / 1024; mib++) writeSync(file, randomFillSync(noise));
  closeSync(file);
  command(repo, "backup", image, "--name", "disk");
  rmSync(image);
  return repo;
}

function native(repo) {
  const began = performance.now();
  const { status, stderr } = spawnSync(sarsen, ["--repo", repo, "scrub", "--json"], { encoding: "utf8", maxBuffer: 1 << 28 });
  if (status !== 0) throw new Error(`scrub: ${stderr}`);
  return (performance.now() - began) / 1000;
}

const WAYS = ["stored", "decoded"].flatMap((method) => ["webcrypto", "wasm"].map((hashing) => ({ method, hashing })));

async function scrubs(page, digest) {
  const { repo, diskBytes } = realRepository(digest, "--digest", digest);
  const bytes = sum(segmentsOf(repo));
  const ways = WAYS.filter(({ hashing }) => digest === "sha256" || hashing === "wasm");
  const times = new Map([["native", []], ...ways.map((way) => [way, []])]);
  let memoryBytes = 0;
  await page.setInputFiles("#chooser", repo);
  native(repo); // the page cache is warm from here on
  for (let round = 0; round < ROUNDS; round++) {
    times.get("native").push(native(repo));
    for (const way of ways) {
      const told = await page.evaluate(({ method, hashing }) => globalThis.scrub(method, hashing), way);
      if (told.damaged) throw new Error("the repository is called damaged");
      memoryBytes = Math.max(memoryBytes, told.memoryBytes);
      times.get(way).push(told.seconds);
    }
  }
  const reference = best(times.get("native"));
  console.log(`\n${digest}: ${bytes} bytes of segments, ${diskBytes} bytes of disks; memory of all engines and batches at most ${(memoryBytes / 2 ** 20).toFixed(0)} MiB\n`);
  line("scrub", "seconds", "MB/s of segments", "of the command's rate", "limit", "");
  line(...Array(6).fill("---"));
  line("`sarsen scrub`, decodes", reference.toFixed(2), (bytes / reference / 1e6).toFixed(0), "1.00", "", "");
  for (const way of ways) {
    const { method, hashing } = way, took = best(times.get(way)), ratio = reference / took;
    const isDefault = digest === "blake3" || hashing === "webcrypto";
    const verdict = isDefault ? judged(ratio >= LIMITS[method], `${digest} ${method}`) : "";
    line(`browser, ${method}, ${digest === "blake3" ? "BLAKE3 by WASM" : `SHA-256 by ${hashing === "wasm" ? "WASM" : "WebCrypto"}`}`, took.toFixed(2), (bytes / took / 1e6).toFixed(0), ratio.toFixed(2), isDefault ? LIMITS[method] : "", verdict);
  }
  rmSync(repo, { recursive: true });
}

async function listing(url) {
  const repo = manySegments(), segments = segmentsOf(repo).length;
  if (segments < SEGMENTS) throw new Error(`only ${segments} segments`);
  const dropped = [];
  for (let round = 0; round < ROUNDS; round++) {
    await visit(url, async (at) => {
      await at.page.evaluate(() => {
        addEventListener("drop", () => (globalThis.began = performance.now()), { capture: true });
        new MutationObserver(() => document.querySelector(".versions tbody") && (globalThis.listed ??= performance.now())).observe(document.body, { childList: true, subtree: true });
      });
      await at.drop(repo);
      await at.page.waitForFunction(() => globalThis.listed, undefined, { timeout: 60_000 });
      dropped.push((await at.page.evaluate(() => globalThis.listed - globalThis.began)) / 1000);
    });
  }
  const took = best(dropped);
  console.log("");
  line("list", "seconds", "limit", "");
  line(...Array(4).fill("---"));
  line(`versions on the page after a folder with ${segments} segments was dropped`, `${took.toFixed(2)} (rounds: ${dropped.map((one) => one.toFixed(2)).join(", ")})`, LISTED_SECONDS, judged(took <= LISTED_SECONDS, "listing"));
}

mkdirSync(folder, { recursive: true });
console.log(`${availableParallelism()} cores, load ${loadavg()[0].toFixed(1)} at the start; Chromium ${browser.version()}; ${ROUNDS} rounds, the best of each`);
try {
  const bench = await serveFolder(PACKAGE);
  // Any file will do to be where the package lies.
  await visit(`${bench.url}index.js`, async ({ page }) => {
    await page.setContent(BENCH);
    await page.waitForFunction(() => globalThis.ready);
    page.setDefaultTimeout(600_000);
    for (const digest of ["sha256", "blake3"]) await scrubs(page, digest);
  }, { expected: /404/ });
  await bench.close();
  const { url, close } = await servePage();
  await listing(url);
  await close();
} finally {
  await browser.close();
  rmSync(folder, { recursive: true, force: true });
}
console.log(`\nload ${loadavg()[0].toFixed(1)} at the end; ${missed.length ? `missed: ${missed.join(", ")}` : "all kept"}`);
process.exit(missed.length ? 1 : 0);
