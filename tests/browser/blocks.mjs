// The block map, and the pictures.

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { command, copy, disk, folder, judged, repository, SMALL, test } from "../wasm/harness.mjs";
import { flip, segmentsOf } from "./hurt.mjs";
import { servePage, visit } from "./visit.mjs";

/** How many blocks the legend tells of, by kind. */
const legend = (page) => page.locator(".legend li[data-count]").evaluateAll((items) => Object.fromEntries(items.map(({ dataset }) => [dataset.kind, Number(dataset.count)])));

export async function blocksTests() {
  const { url, close } = await servePage();
  const repo = repository("blocks", "--codec", "lz4", ...SMALL);
  const image = join(folder, "wednesday.raw"), bytes = disk(1);
  bytes.fill(7, 200_000, 300_000); // and all else is as on tuesday
  writeFileSync(image, bytes);
  command(repo, "backup", image, "--name", "disk", "--snapshot", "wednesday");
  const ids = command(repo, "manifest", "disk@wednesday").trim().split("\n");
  const zeros = ids.filter((id) => id === "-").length;

  const show = async (at, name) => {
    await at.page.getByRole("button", { name: `Blocks of ${name}` }).click();
    await at.page.locator("canvas").waitFor();
  };

  await test("blocks_are_not_yet_read_until_they_are", () =>
    visit(url, async (at) => {
      await at.open(repo);
      await show(at, "disk@wednesday");
      assert.deepEqual(await legend(at.page), { zero: zeros, unread: ids.length - zeros });
      await at.page.click("#check");
      await at.verdict("Complete");
      assert.deepEqual(await legend(at.page), { zero: zeros, unread: ids.length - zeros });
      await at.scrub();
      await at.verdict("Intact");
      const told = await legend(at.page);
      assert.equal(told.unread, undefined);
      assert.equal(told.zero, zeros);
      assert.ok(told.shared > 70 && told.shared + told.delta + (told.stored ?? 0) === ids.length - zeros && told.damaged === undefined, JSON.stringify(told));
      assert.equal(Object.values(told).reduce((sum, number) => sum + number), ids.length);
      return JSON.stringify(told);
    }));
  await test("the_keyboard_and_the_mouse_tell_of_a_block_and_its_id", () =>
    visit(url, async (at) => {
      await at.open(repo);
      await show(at, "disk@wednesday");
      const canvas = at.page.locator("canvas");
      await canvas.focus();
      await at.page.keyboard.press("Home");
      for (let block = 0; block < 3; block++) await at.page.keyboard.press("ArrowRight");
      await at.page.locator(".told", { hasText: `id ${ids[3]}` }).waitFor();
      const said = await at.page.locator(".told").innerText();
      assert.match(said, /^block 3 · offset 196,608 · .* stored in \d{10}\.seg at [\d,]+/);
      assert.equal(await canvas.getAttribute("aria-valuetext"), said);
      const cell = Number(await canvas.getAttribute("data-cell"));
      await canvas.hover({ position: { x: cell * 5 + 4, y: 4 } });
      await at.page.locator(".told", { hasText: ids[5] === "-" ? "zeros" : `id ${ids[5]}` }).waitFor();
      return said;
    }));
  await test("damaged_blocks_are_told_as_such", () =>
    visit(url, async (at) => {
      const hurt = copy(repo);
      flip(segmentsOf(hurt)[1], 70_000);
      assert.ok(judged(copy(hurt, "judged"), "scrub").hit.length > 0);
      await at.open(hurt);
      await show(at, "disk@monday");
      await at.scrub();
      await at.verdict("Damaged");
      const told = await legend(at.page);
      assert.equal(told.damaged, 1, JSON.stringify(told));
      assert.equal(told.unread, undefined);
      const painted = await at.page.evaluate(coloursOfCells);
      assert.equal(painted.cells.filter((colour) => colour === painted.damaged).length, 1, JSON.stringify(painted));
      assert.equal(painted.cells.filter((colour) => colour === painted.stored).length, told.stored, JSON.stringify(painted));
    }));
  await test("what_versions_brought_is_drawn", () =>
    visit(url, async (at) => {
      await at.open(repo);
      const bars = await at.page.locator(".picture.growth g").evaluateAll((bars) => bars.map((bar) => bar.textContent));
      assert.equal(bars.length, 3);
      assert.match(bars[0], /^disk@monday, .*: \d/);
      assert.match(await at.page.locator(".picture.growth").getAttribute("aria-label"), /New data of 3 versions/);
    }));
  await test("what_was_counted_before_damage_was_found_is_counted_anew", () =>
    visit(url, async (at) => {
      const hurt = copy(repo);
      flip(segmentsOf(hurt)[1], 70_000);
      await at.open(hurt);
      await at.page.click("#count");
      await at.page.locator("#in-use", { hasText: "sarsen gc removes" }).waitFor();
      await at.scrub();
      await at.verdict("Damaged");
      await at.page.click("#count");
      const said = await at.page.locator("#in-use").innerText();
      assert.match(said, /cannot be read, so more may be in use/);
      assert.doesNotMatch(said, /removes/);
    }));
  await test("what_of_each_segment_is_in_use_is_drawn_as_the_command_counts_it", () =>
    visit(url, async (at) => {
      // Every other block of a version that is removed is needed by another one.
      const less = copy(repo, "less"), noise = randomBytes(3 << 20), every = join(folder, "every.raw"), other = join(folder, "other.raw");
      writeFileSync(every, noise);
      for (let at = 0; at < noise.length; at += 128 << 10) noise.fill(0, at, at + (64 << 10));
      writeFileSync(other, noise);
      command(less, "backup", every, "--name", "every");
      command(less, "backup", other, "--name", "other", "--base", "none");
      command(less, "rm", "every");
      const { segments, live_bytes } = JSON.parse(command(less, "du", "--json"));
      await at.open(less);
      await at.page.click("#count");
      await at.page.locator(".picture.segments").waitFor();
      const rows = await at.page.locator("tr[data-segment]").evaluateAll((rows) => rows.map(({ dataset }) => [dataset.segment, dataset.live, dataset.dead].map(Number)));
      assert.deepEqual(rows, segments.map(({ segment, bytes, live_bytes }) => [segment, live_bytes, bytes - live_bytes]));
      assert.ok(rows.some(([, live, dead]) => live > 100_000 && dead > 100_000) && rows.some(([, live]) => live === 0), JSON.stringify(rows));
      // The heights of a bar and of how far it is filled.
      const drawn = await at.page.locator(".picture.segments g").evaluateAll((bars) => bars.map((bar) => ["full", "rest"].map((part) => Number(bar.querySelector(`.${part}`)?.getAttribute("height") ?? 0))));
      assert.equal(drawn.length, segments.length);
      for (const [number, [full, rest]] of drawn.entries()) {
        const [, live, dead] = rows[number], high = Math.max(full, rest), part = full / high;
        if (high < 20) continue; // too small to be exact
        assert.ok(Math.abs(part - live / (live + dead)) < 0.02, `${number}: ${part} is drawn of ${live} and ${dead}`);
      }
      const summary = await at.page.locator("#in-use").innerText();
      assert.match(summary, /hold nothing that is: sarsen gc removes them|holds nothing that is: sarsen gc removes it/);
      assert.equal(await at.page.evaluate(() => document.activeElement.id), "in-use");
      await at.page.click("#check");
      await at.verdict("Complete");
      assert.equal((await at.report()).usage.liveBytes, live_bytes);
      return summary;
    }));
  await close();
}

/** The colour of each cell near its edge, where no sign is, and what the legend calls damaged and stored. Runs in the page. */
function coloursOfCells() {
  const canvas = document.querySelector("canvas"), context = canvas.getContext("2d"), px = Number(canvas.dataset.cell);
  const cells = [];
  for (let y = 0; y < canvas.height; y += px) {
    for (let x = 0; x + px <= canvas.width; x += px) cells.push(`rgb(${[...context.getImageData(x + 1, y + px / 2, 1, 1).data.slice(0, 3)].join(", ")})`);
  }
  const probe = document.querySelector(".swatch.stored");
  const stored = getComputedStyle(probe).backgroundColor;
  probe.style.backgroundColor = "var(--block-damaged)";
  return { cells, stored, damaged: getComputedStyle(probe).backgroundColor };
}
