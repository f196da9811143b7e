// The main states, in light and dark and on a phone: axe finds nothing serious in them, and they are left as pictures to be looked at.

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { command, copy, folder, test } from "../wasm/harness.mjs";
import { flip, lose, segmentsOf, touch } from "./hurt.mjs";
import { servePage, visit } from "./visit.mjs";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const PICTURES = join(import.meta.dirname, "../../target/screenshots");
const LOOKS = {
  light: { colorScheme: "light" },
  dark: { colorScheme: "dark" },
  phone: { colorScheme: "light", viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, hasTouch: true },
};

/** A week of a machine whose disk changes here and there. */
function week() {
  const repo = join(folder, "web-server"), image = join(folder, "web-server.raw");
  command(repo, "init", "--codec", "zstd", "--block", "64K", "--frame", "16K", "--segment", "1M");
  const bytes = Buffer.alloc(20 << 20);
  let noise = 7;
  const write = (from, length) => {
    for (let at = from; at < from + length; at++) bytes[at] = (noise = (Math.imul(noise, 1664525) + 1013904223) >>> 0) >>> 24;
  };
  write(0, 5 << 20);
  for (const [day, snapshot] of ["monday", "tuesday", "wednesday", "thursday", "friday"].entries()) {
    for (let change = 0; change < 6 + day * 4; change++) write(((day * 37 + change * 53) % 250) * 65536 + 4096, change % 3 === 0 ? 65536 : 8192);
    writeFileSync(image, bytes);
    command(repo, "backup", image, "--name", "web-server", "--snapshot", snapshot);
  }
  return repo;
}

/** Another machine's disk, of which one version is removed that the next shares half of its blocks with. */
function halfRemoved(repo) {
  const image = join(folder, "database.raw"), bytes = randomBytes(3 << 20);
  for (const snapshot of ["monday", "tuesday"]) {
    writeFileSync(image, bytes);
    command(repo, "backup", image, "--name", "database", "--snapshot", snapshot, "--base", "none");
    for (let at = 0; at < bytes.length; at += 128 << 10) bytes.fill(0, at, at + 40_000 + (at >> 6));
  }
  command(repo, "rm", "database@monday");
}

/** What axe finds that is serious, as lines. */
async function faults(page) {
  await page.evaluate(AXE);
  const { violations } = await page.evaluate(() => globalThis.axe.run());
  return violations.filter(({ impact }) => impact === "serious" || impact === "critical").map(({ id, nodes }) => `${id}: ${nodes.map(({ html, any }) => `${html.slice(0, 120)} ${any[0]?.message ?? ""}`).join("; ")}`);
}

export async function looksTests() {
  const { url, close } = await servePage();
  const repo = week();
  const hurt = copy(repo, "web-server-hurt");
  flip(segmentsOf(hurt)[1], 70_000);
  flip(segmentsOf(hurt)[3], 70_000);
  lose(segmentsOf(hurt)[2]);
  const partly = copy(repo, "web-server-backups");
  flip(segmentsOf(partly).at(-1), 20_000); // what friday brought
  const removed = copy(repo, "web-server-less");
  halfRemoved(removed);
  mkdirSync(PICTURES, { recursive: true });

  const states = {
    start: async () => {},
    listed: (at) => at.open(repo),
    intact: async (at) => {
      await at.open(repo);
      await at.scrub();
      await at.verdict("Intact");
      await showBlocks(at, "web-server@friday");
    },
    damaged: async (at) => {
      await at.open(hurt);
      await at.scrub();
      await at.verdict("Damaged");
      await showBlocks(at, "web-server@monday");
    },
    partly: async (at) => {
      await at.open(partly);
      await at.scrub();
      assert.match(await at.verdict("Damaged"), /1 of 5 versions is hit. The others are intact/);
      await showBlocks(at, "web-server@friday");
    },
    unread: async (at) => {
      const moving = copy(repo, "web-server-moving");
      await at.open(moving);
      touch(segmentsOf(moving).at(-2));
      await at.scrub();
      assert.match(await at.verdict("Not all could be read"), /could not be read. Of \d versions? nobody knows.* are intact/);
      assert.equal(await at.page.getByRole("heading", { name: "Damage" }).count(), 0);
      await showBlocks(at, "web-server@friday");
    },
    paused: async (at) => {
      await at.open(repo);
      await at.page.evaluate(slowly);
      await at.scrub();
      await at.page.waitForTimeout(900);
      await at.page.getByRole("button", { name: "Pause" }).click();
    },
    refused: async (at) => {
      const empty = join(folder, "holiday-pictures");
      mkdirSync(empty, { recursive: true });
      writeFileSync(join(empty, "photo.jpg"), "x");
      await at.choose(empty);
      await at.verdict("No repository");
    },
    counted: async (at) => {
      await at.open(removed);
      await at.page.click("#count");
      await at.page.locator(".picture.segments").waitFor();
      await at.page.locator(".figures-of summary").click();
    },
    url: (at) => at.page.goto(`${url}url.html`),
    proof: (at) => at.page.goto(`${url}proof.html`),
  };
  for (const [look, options] of Object.entries(LOOKS)) {
    for (const [state, reach] of Object.entries(states)) {
      await test(`axe_finds_nothing_serious_${state}_${look}`, () =>
        visit(url, async (at) => {
          await reach(at);
          await at.page.evaluate(() => scrollTo(0, 0));
          await at.page.screenshot({ path: join(PICTURES, `${state}-${look}.png`), fullPage: true });
          assert.deepEqual(await faults(at.page), []);
          const { scrollWidth, clientWidth } = await at.page.evaluate(() => ({ scrollWidth: document.documentElement.scrollWidth, clientWidth: document.documentElement.clientWidth }));
          assert.ok(scrollWidth <= clientWidth, `${scrollWidth} pixels wide, of ${clientWidth}`);
        }, options));
    }
  }
  // What README.md shows; it is copied to docs/page.png by hand, when the page looks otherwise.
  await test("a_picture_for_the_readme", () =>
    visit(url, async (at) => {
      await states.partly(at);
      await at.page.mouse.move(0, 0);
      await at.page.evaluate(() => (document.activeElement.blur(), scrollTo(0, 0)));
      const { y } = await at.page.getByRole("heading", { name: "New data over time" }).boundingBox();
      const path = join(PICTURES, "readme.png");
      await at.page.screenshot({ path, fullPage: true, clip: { x: 0, y: 0, width: 1080, height: y - 10 } });
      assert.ok(statSync(path).size < 150_000, `${statSync(path).size} bytes`);
    }, { viewport: { width: 1080, height: 800 }, deviceScaleFactor: 0.65 }));
  await test("axe_would_find_something", () =>
    visit(url, async (at) => {
      await at.page.evaluate(() => document.body.append(Object.assign(document.createElement("button"), { type: "button" })));
      assert.match((await faults(at.page)).join(" "), /button-name/);
    }));
  await test("all_is_done_with_the_keyboard", () =>
    visit(url, async (at) => {
      await at.open(repo);
      const reached = new Set();
      for (let press = 0; press < 60; press++) {
        await at.page.keyboard.press("Tab");
        reached.add(await at.page.evaluate(() => document.activeElement.getAttribute("aria-label") ?? document.activeElement.textContent.trim().slice(0, 30)));
      }
      for (const name of ["Choose a folder…", "Scrub all", "Check structure", "Scrub web-server@friday", "Blocks of web-server@monday", "Save image of web-server@monday", "Count what is in use", "What is proved here, and what "]) assert.ok(reached.has(name), `${name}, of ${[...reached]}`);
      await at.page.locator("#scrub").focus();
      await at.page.keyboard.press("Enter");
      await at.verdict("Intact");
      assert.equal(await at.page.evaluate(() => document.activeElement.textContent), "Intact");
      assert.equal(await at.page.locator(".spoken").textContent(), "Intact");
    }));
  await close();
}

async function showBlocks(at, name) {
  await at.page.getByRole("button", { name: `Blocks of ${name}` }).click();
  await at.page.locator("canvas").waitFor();
  await at.page.locator(".job").waitFor({ state: "hidden" });
}

/** Makes reading slow. Runs in the page. */
function slowly() {
  const { arrayBuffer } = Blob.prototype;
  Blob.prototype.arrayBuffer = async function (...args) {
    await new Promise((resolve) => setTimeout(resolve, 60));
    return arrayBuffer.apply(this, args);
  };
}
