// The browser's own dialogs for folders and files. No test can answer those; so they are answered in the page, by handles that are as real: of
// the origin private file system.

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { same } from "../wasm/agree.mjs";
import { copy, disk, judged, repository, SMALL, test } from "../wasm/harness.mjs";
import { flip, segmentsOf } from "./hurt.mjs";
import { servePage, visit } from "./visit.mjs";

/** Answers both dialogs. Runs in the page, ahead of its own code. */
function answerDialogs() {
  const root = () => navigator.storage.getDirectory();
  globalThis.asked = [];
  globalThis.showDirectoryPicker = async (options) => {
    globalThis.asked.push(options);
    if (globalThis.dismissed) throw new DOMException("The user aborted a request.", "AbortError");
    return (await root()).getDirectoryHandle(globalThis.chosen);
  };
  globalThis.showSaveFilePicker = async (options) => {
    globalThis.asked.push(options);
    return (await root()).getFileHandle(options.suggestedName, { create: true });
  };
  globalThis.put = async (path, base64) => {
    let folder = await root();
    const names = path.split("/"), name = names.pop();
    for (const step of names) folder = await folder.getDirectoryHandle(step, { create: true });
    const file = await (await folder.getFileHandle(name, { create: true })).createWritable();
    await file.write(Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0)));
    await file.close();
  };
  globalThis.digestOf = async (name) => {
    const file = await (await (await root()).getFileHandle(name)).getFile();
    const digest = await crypto.subtle.digest("SHA-256", await file.arrayBuffer());
    return { size: file.size, digest: [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, "0")).join("") };
  };
}

/** Puts a repository into a folder that the dialog is then going to give. */
async function put(at, repo, under, chosen) {
  const files = ["head", ...readdirSync(join(repo, "segments")).map((name) => `segments/${name}`)];
  for (const name of files) await at.page.evaluate(([path, base64]) => globalThis.put(path, base64), [`${under}/${name}`, readFileSync(join(repo, name), "base64")]);
  await at.page.evaluate((name) => (globalThis.chosen = name), chosen);
}

const pick = async (at) => {
  await at.page.click("#choose");
  await at.page.waitForSelector(".versions tbody");
};

export async function pickerTests() {
  const { url, close } = await servePage();
  const repo = repository("picked", "--codec", "zstd", ...SMALL);
  const visiting = (run) => visit(url, run, { before: answerDialogs });

  for (const [name, under, chosen] of [["a_folder", "backups", "backups"], ["the_folder_above", "disks/backups", "disks"]]) {
    await test(`${name}_that_was_picked_is_scrubbed_through_its_handle`, () =>
      visiting(async (at) => {
        await put(at, repo, under, chosen);
        await pick(at);
        await at.scrub();
        await at.verdict("Intact");
        same(await at.report(), judged(repo, "scrub"));
        assert.equal(await at.page.locator(".headline h1").innerText(), chosen);
        assert.equal((await at.page.evaluate("asked"))[0].mode, "read");
      }));
  }
  await test("a_dialog_that_was_dismissed_changes_nothing", () =>
    visiting(async (at) => {
      await put(at, repo, "backups", "backups");
      await pick(at);
      await at.page.evaluate(() => (globalThis.dismissed = true));
      await at.page.click("#choose");
      await at.scrub();
      await at.verdict("Intact");
    }));
  await test("a_folder_without_segments_that_was_picked_is_no_repository", () =>
    visiting(async (at) => {
      await at.page.evaluate(() => globalThis.put("pictures/photo.jpg", btoa("x")));
      await at.page.evaluate(() => (globalThis.chosen = "pictures"));
      await at.page.click("#choose");
      await at.verdict("No repository");
    }));
  await test("an_image_is_written_into_the_file_that_was_picked", () =>
    visiting(async (at) => {
      await put(at, repo, "backups", "backups");
      await pick(at);
      await at.page.getByRole("button", { name: "Save image of disk@tuesday" }).click();
      await at.page.locator("#saved h2", { hasText: /^Saved$/ }).waitFor();
      const bytes = disk(1);
      assert.deepEqual(await at.page.evaluate(() => globalThis.digestOf("disk@tuesday.raw")), { size: bytes.length, digest: createHash("sha256").update(bytes).digest("hex") });
    }));
  await test("of_an_image_that_damage_hits_nothing_is_written_into_the_file_that_was_picked", () =>
    visiting(async (at) => {
      const hurt = copy(repo);
      flip(segmentsOf(hurt)[1], 70_000);
      const { versions } = judged(copy(hurt, "judged"), "scrub");
      const { id, name, snapshot } = versions.find(({ hit }) => hit);
      await put(at, hurt, "backups", "backups");
      await pick(at);
      await at.page.locator(`.versions tr[data-id="${id}"]`).getByRole("button", { name: /^Save image/ }).click();
      await at.page.locator("#saved h2", { hasText: "Not saved: damaged" }).waitFor();
      assert.equal((await at.page.evaluate((name) => globalThis.digestOf(name), `${name}@${snapshot}.raw`)).size, 0);
    }));
  await close();
}
