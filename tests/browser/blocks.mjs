// The block map, and the pictures.

import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { command, copy, disk, folder, judged, repository, SMALL, test } from "../wasm/harness.mjs";
import { flip, segmentsOf } from "./hurt.mjs";
import { servePage, visit } from "./visit.mjs";

/** How many blocks the legend tells of, by kind. */
const legend = (page) => page.locator(".legend li").evaluateAll((items) => Object.fromEntries(items.map(({ dataset }) => [dataset.kind, Number(dataset.count)])));

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
    await at.page.getByRole("button", { name: `Show the blocks of ${name}` }).click();
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
      assert.equal(told.unread, 0);
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
      await canvas.hover({ position: { x: 11 * 5 + 4, y: 4 } });
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
      assert.equal(told.unread, 0);
    }));
  await test("what_versions_brought_is_drawn", () =>
    visit(url, async (at) => {
      await at.open(repo);
      const bars = await at.page.locator(".picture.growth rect").evaluateAll((bars) => bars.map((bar) => bar.textContent));
      assert.equal(bars.length, 3);
      assert.match(bars[0], /^disk@monday, .*: \d/);
      assert.match(await at.page.locator(".picture.growth").getAttribute("aria-label"), /New data of 3 versions/);
    }));
  await close();
}
