// The example that Vite builds (wasm/examples/vite): as a user who copies it gets it.

import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { command, copy, judged, repository, SMALL, test } from "../wasm/harness.mjs";
import { flip, segmentsOf } from "./hurt.mjs";
import { serveFolder, visit } from "./visit.mjs";

const ROOT = join(import.meta.dirname, "../..");
const EXAMPLE = join(ROOT, "wasm/examples/vite"), BUILT = join(ROOT, "target/vite-example");

export async function viteTests() {
  await test("the_lines_to_copy_are_those_of_the_example", () => {
    const [, lines] = /```js\n(.*?)```/s.exec(readFileSync(join(ROOT, "wasm/npm/README.md"), "utf8"));
    assert.equal(lines, readFileSync(join(EXAMPLE, "main.js"), "utf8"));
  });
  if (!existsSync(BUILT) && process.env.CI !== "true") return console.log("test the_example_that_vite_builds ... SKIPPED: Vite is not here");

  const { url, seen, close } = await serveFolder(BUILT);
  const repo = repository("vite", "--codec", "zstd", ...SMALL);
  const shown = async (from, done) =>
    visit(url, async (at) => {
      let workers = 0;
      at.page.on("worker", () => (workers += 1));
      await at.page.setInputFiles("input", from);
      await at.page.locator("output", { hasText: done }).waitFor();
      assert.ok(workers > 0);
      return at.page.locator("output").textContent();
    });

  await test("the_example_that_vite_builds_lists_versions_and_says_they_are_intact", async () => {
    const { versions } = JSON.parse(command(repo, "ls", "--json"));
    const expected = [...versions.map(({ id, name, snapshot, size }) => `${id} is ${name}@${snapshot}, ${size} bytes\n`), ...versions.map(({ id }) => `${id} is intact\n`)];
    assert.equal(await shown(repo, new RegExp(`${versions.at(-1).id} is intact`)), expected.join(""));
    assert.ok(seen.some((line) => /\.wasm$/.test(line)) && seen.some((line) => /worker.*\.js$/.test(line)), `${seen}`);
  });
  await test("the_example_that_vite_builds_tells_damage_as_the_command_does", async () => {
    const hurt = copy(repo);
    flip(segmentsOf(hurt)[1], 70_000);
    const { findings, hit } = judged(copy(hurt, "judged"), "scrub");
    const said = await shown(hurt, /is damaged/);
    for (const { kind, segment, offset } of findings) assert.ok(said.includes(`damage: ${kind} in segment ${segment} at ${offset}\n`), said);
    assert.deepEqual([...said.matchAll(/(\w+) is damaged/g)].map(([, id]) => id).sort(), hit);
  });
  await close();
}
