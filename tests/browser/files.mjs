// The page for files: what it shows of repositories that are whole, hurt, or none, and that its report is what the command prints.

import assert from "node:assert/strict";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { same } from "../wasm/agree.mjs";
import { copy, disk, folder, judged, repository, SMALL, test } from "../wasm/harness.mjs";
import { flip, fromTheFuture, segmentsOf, touch } from "./hurt.mjs";
import { servePage, visit } from "./visit.mjs";

/** Where a payload lies: in the middle of the first segment's first blocks. */
const IN_A_FRAME = 70_000;

export async function filesTests() {
  const { url, close } = await servePage();
  const repo = repository("browser", "--codec", "zstd", ...SMALL);
  const theirs = judged(repo, "scrub");

  await test("a_chosen_folder_shows_its_versions_and_nothing_is_called_intact_before_it_was_read", () =>
    visit(url, async (at) => {
      await at.open(repo);
      assert.deepEqual(await at.standings(), { "disk@tuesday": "not looked at", "disk@monday": "not looked at" });
      assert.match(await at.verdict("Not looked at yet"), /Scrub to know/);
      assert.doesNotMatch(await at.page.locator("#desk .verdict").innerText(), /Intact/);
    }));
  await test("a_dropped_folder_is_opened", () =>
    visit(url, async (at) => {
      await at.drop(repo);
      await at.page.waitForSelector(".versions tbody");
      await at.scrub();
      assert.match(await at.verdict("Intact"), /Every byte of 2 versions/);
      same(await at.report(), theirs);
    }));
  for (const [method, words] of [["decoded", /Every block decoded/], ["stored", /Stored bytes compared with their digests; SHA-256 by (WASM|WebCrypto)/]]) {
    await test(`a_whole_repository_is_intact_once_it_is_scrubbed_${method}`, () =>
      visit(url, async (at) => {
        await at.open(repo);
        await at.scrub(method);
        const said = await at.verdict("Intact");
        assert.match(said, words);
        assert.deepEqual(await at.standings(), { "disk@tuesday": "intact", "disk@monday": "intact" });
        const report = await at.report();
        same(report, theirs);
        assert.equal(report.method, method);
        assert.equal(await at.page.locator(".findings").count(), 0);
        return said.split("\n").at(-1);
      }));
  }
  await test("a_check_says_complete_and_not_intact", () =>
    visit(url, async (at) => {
      await at.open(repo);
      await at.page.click("#check");
      await at.verdict("Complete, not read");
      assert.deepEqual(await at.standings(), { "disk@tuesday": "complete, not read", "disk@monday": "complete, not read" });
      same(await at.report(), judged(repo, "check"));
    }));
  await test("a_sample_says_so", () =>
    visit(url, async (at) => {
      await at.open(repo);
      await at.page.selectOption("#sample", "25");
      await at.scrub();
      assert.match(await at.verdict("No damage in the sample"), /Nothing is said about the others/);
      assert.equal((await at.standings())["disk@monday"], "no damage in the sample");
    }));
  await test("one_version_is_scrubbed_alone", () =>
    visit(url, async (at) => {
      await at.open(repo);
      await at.page.getByRole("button", { name: "Scrub disk@monday" }).click();
      assert.match(await at.verdict("Intact"), /Every byte of disk@monday/);
      assert.deepEqual(await at.standings(), { "disk@tuesday": "not looked at", "disk@monday": "intact" });
      same(await at.report(), judged(repo, "scrub", "disk@monday"));
    }));

  await test("a_flipped_byte_in_a_frame_is_told_with_its_place_its_versions_and_what_to_do", () =>
    visit(url, async (at) => {
      const hurt = copy(repo);
      flip(segmentsOf(hurt)[1], IN_A_FRAME);
      await at.open(hurt);
      await at.scrub();
      const said = await at.verdict("Damaged");
      const report = await at.report(), expected = judged(hurt, "scrub");
      same(report, expected);
      assert.ok(expected.hit.length > 0);
      assert.match(said, new RegExp(`${expected.hit.length} of 2 versions? (is|are) hit`));
      const [{ kind, segment, offset }] = expected.findings;
      const row = await at.page.locator(`.findings tr[data-kind="${kind}"]`).first().innerText();
      assert.ok(row.includes(String(segment).padStart(10, "0")) && row.replaceAll(",", "").includes(`byte ${offset}`), row);
      assert.match(row, /Back up the disk again/);
      for (const id of expected.hit) {
        assert.match(await at.page.locator(".hit li", { has: at.page.locator(`[data-id="${id}"]`) }).first().innerText(), /of the disk in 1 range/);
      }
      const { ranges } = report.lost.find(({ version }) => version === expected.hit[0]);
      assert.ok(ranges.length === 1 && ranges[0].length > 0);
      const standings = Object.values(await at.standings());
      assert.equal(standings.filter((text) => text === "damaged").length, expected.hit.length);
    }));

  await test("a_folder_without_segments_is_no_repository", () =>
    visit(url, async (at) => {
      const empty = join(folder, "holiday");
      mkdirSync(empty, { recursive: true });
      writeFileSync(join(empty, "photo.jpg"), "x");
      await at.choose(empty);
      assert.match(await at.verdict("No repository"), /Choose the folder that holds/);
    }));
  await test("a_newer_format_is_refused_and_not_called_damaged", () =>
    visit(url, async (at) => {
      const hurt = copy(repo);
      fromTheFuture(hurt);
      await at.choose(hurt);
      const said = await at.verdict("A newer format");
      assert.match(said, /Nothing is said about whether it is intact/);
      assert.doesNotMatch(said, /[Dd]amage/);
    }));
  await test("what_cannot_be_read_is_not_called_damaged_nor_intact", () =>
    visit(url, async (at) => {
      const moving = copy(repo);
      await at.open(moving);
      segmentsOf(moving).forEach(touch);
      await at.scrub();
      const said = await at.verdict("Not all could be read");
      assert.match(said, /Of 2 versions nobody knows/);
      assert.doesNotMatch(said, /[Dd]amaged|[Ii]ntact/);
      assert.deepEqual(await at.standings(), { "disk@tuesday": "could not be read", "disk@monday": "could not be read" });
      const { findings, hit, unread } = await at.report();
      assert.deepEqual([hit.length, unread.length], [0, 2]);
      assert.ok(findings.length > 0 && findings.every(({ kind }) => kind === "unreadable"));
    }));

  await test("a_scrub_that_is_stopped_says_nothing_of_what_was_not_read", () =>
    visit(url, async (at) => {
      await at.open(repo);
      await at.page.evaluate(slowBlobs);
      await at.scrub();
      await at.page.getByRole("button", { name: "Cancel" }).click();
      assert.match(await at.verdict("Stopped"), /nothing is said about what is intact/);
      assert.deepEqual(await at.standings(), { "disk@tuesday": "not looked at", "disk@monday": "not looked at" });
      assert.equal((await at.report()).stopped, true);
    }));
  await test("a_scrub_that_is_paused_reads_nothing_and_goes_on", () =>
    visit(url, async (at) => {
      await at.open(repo);
      await at.page.evaluate(slowBlobs);
      await at.scrub();
      await at.page.getByRole("button", { name: "Pause" }).click();
      await at.page.waitForTimeout(600); // what is under way ends
      const before = await at.page.evaluate("slices");
      await at.page.waitForTimeout(500);
      assert.equal(await at.page.evaluate("slices"), before);
      assert.equal(await at.page.locator("#verdict h2").innerText(), "Not looked at yet");
      await at.page.getByRole("button", { name: "Continue" }).click();
      await at.verdict("Intact");
      same(await at.report(), theirs);
      return `${before} reads, then ${await at.page.evaluate("slices")}`;
    }));

  await test("an_image_that_is_saved_is_the_disk", () =>
    visit(url, async (at) => {
      await at.open(repo);
      for (const [day, snapshot] of ["monday", "tuesday"].entries()) {
        const download = at.page.waitForEvent("download");
        await at.page.getByRole("button", { name: `Save image of disk@${snapshot}` }).click();
        const file = await download;
        assert.equal(file.suggestedFilename(), `disk@${snapshot}.raw`);
        assert.equal(Buffer.compare(readFileSync(await file.path()), disk(day)), 0);
        assert.match(await at.page.locator("#saved").innerText(), /decoded and compared with their digests/);
      }
    }));
  await test("an_image_that_damage_hits_is_not_saved", () =>
    visit(url, async (at) => {
      const hurt = copy(repo);
      flip(segmentsOf(hurt)[1], IN_A_FRAME);
      const { versions: [{ id }] } = judged(copy(hurt, "judged"), "scrub"); // the one that needs all of it
      await at.open(hurt);
      await at.page.locator(`.versions tr[data-id="${id}"]`).getByRole("button", { name: /^Save image/ }).click();
      await at.page.locator("#saved h2", { hasText: "Not saved: damaged" }).waitFor();
    }));
  await close();
}

/** Makes reading slow, and counts it. Runs in the page. */
function slowBlobs() {
  globalThis.slices = 0;
  const { arrayBuffer } = Blob.prototype;
  Blob.prototype.arrayBuffer = async function (...args) {
    globalThis.slices += 1;
    await new Promise((resolve) => setTimeout(resolve, 100));
    return arrayBuffer.apply(this, args);
  };
}
