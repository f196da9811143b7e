// The page for URLs: repositories behind servers that answer ranges, and behind those that do not.

import assert from "node:assert/strict";
import { statSync } from "node:fs";
import { same } from "../wasm/agree.mjs";
import { copy, judged, repository, SMALL, test } from "../wasm/harness.mjs";
import { LESS_BYTES, serve } from "../wasm/server.mjs";
import { cut, flip, lose, segmentsOf } from "./hurt.mjs";
import { servePage, visit } from "./visit.mjs";

/** Browsers complain of answers that are no success, and of connections that break. */
const NETWORK = /Failed to load resource|ERR_/;

/** Scrubs what lies behind a URL; the page has to find what the command finds in this damaged repository, which is the answer. */
async function scrubbedAs(hurt, at, url) {
  await at.go(url);
  await at.verdict("Not looked at yet");
  await at.scrub();
  await at.verdict("Damaged");
  const report = await at.report(), expected = judged(hurt, "scrub");
  same(report, expected);
  return expected;
}

export async function urlTests() {
  const page = await servePage();
  const address = `${page.url}url.html`;
  const repo = repository("url", "--codec", "lz4", ...SMALL);
  const theirs = judged(repo, "scrub");
  const behind = async (root, mood, options, run) => {
    const server = await serve(root, mood, { origins: true, ...options });
    try {
      return await visit(address, (at) => run(at, server), { expected: NETWORK });
    } finally {
      await server.close();
    }
  };

  await test("a_url_is_opened_by_ranges_and_scrubbed", () =>
    behind(repo, "ranges", {}, async (at, { url, seen }) => {
      await at.go(url);
      await at.verdict("Not looked at yet");
      const listed = seen.requests;
      await at.scrub();
      await at.verdict("Intact");
      same(await at.report(), theirs);
      assert.equal(seen.heads, 0);
      return `${listed} requests to list, ${seen.requests} in all`;
    }));
  await test("damage_behind_a_url_is_told_as_the_command_tells_it", async () => {
    const hurt = copy(repo);
    flip(segmentsOf(hurt)[1], 70_000);
    lose(segmentsOf(hurt)[2]);
    await behind(hurt, "ranges", {}, async (at, { url }) => {
      const expected = await scrubbedAs(hurt, at, url);
      assert.ok(expected.findings.some(({ kind }) => kind === "missing") && expected.findings.some(({ kind }) => kind === "payload"));
    });
  });
  for (const mood of ["whole", "mute"]) {
    await test(`a_server_without_ranges_is_told_so_${mood}`, () =>
      behind(repo, mood, {}, async (at, { url }) => {
        await at.go(url);
        assert.match(await at.verdict("The server sends no ranges"), /range/);
      }));
  }
  for (const mood of ["short", "forbidden"]) {
    await test(`a_server_that_is_${mood}_could_not_be_read_and_is_not_damage`, () =>
      behind(repo, mood, {}, async (at, { url }) => {
        await at.go(url);
        const said = await at.verdict("Could not be read");
        assert.match(said, /says nothing about whether its bytes are intact/);
        assert.doesNotMatch(said, /[Dd]amaged/);
      }));
  }
  for (const mood of ["long", "fickle"]) {
    await test(`a_server_that_lies_about_total_lengths_could_not_be_read_${mood}`, () =>
      behind(repo, mood, {}, async (at, { url }) => {
        await at.go(url);
        const said = await at.verdict("Could not be read");
        assert.match(said, /says nothing about whether its bytes are intact/);
        assert.doesNotMatch(await at.text(), /[Dd]amaged|Intact/);
        return /asked for.*|the server (?:has|says).*/i.exec(said)[0].slice(0, 100);
      }));
  }
  await test("a_server_that_always_keeps_back_the_end_is_told_as_files_that_were_cut", async () => {
    const hurt = copy(repo);
    for (const file of segmentsOf(hurt)) cut(file, statSync(file).size - LESS_BYTES);
    await behind(repo, "less", {}, async (at, { url }) => {
      const expected = await scrubbedAs(hurt, at, url);
      assert.ok(expected.findings.length >= segmentsOf(hurt).length);
    });
  });
  await test("a_server_that_dies_half_way_leaves_no_verdict", () =>
    behind(repo, "dying", { dies: 40 }, async (at, { url }) => {
      await at.go(url);
      await at.verdict("Not looked at yet");
      await at.scrub();
      await at.verdict("Could not be read");
      assert.deepEqual(await at.standings(), { "disk@tuesday": "could not be read", "disk@monday": "could not be read" });
      assert.equal((await at.report()).versions.length, 0);
    }));
  await test("a_slow_server_is_waited_for_and_can_be_stopped", () =>
    behind(repo, "slow", { delay: 150 }, async (at, { url }) => {
      await at.go(url);
      await at.verdict("Not looked at yet");
      await at.scrub();
      const began = Date.now();
      await at.page.getByRole("button", { name: "Cancel" }).click();
      await at.verdict("Stopped");
      return `${Date.now() - began} ms`;
    }));
  await test("nothing_at_a_url_is_no_repository", async () => {
    const server = await serve("/nowhere", "ranges", { origins: true });
    await visit(address, async (at) => {
      await at.go(server.url);
      await at.verdict("No repository");
    }, { expected: NETWORK });
    await server.close();
  });
  await test("a_server_that_does_not_allow_this_origin_is_told_so", async () => {
    const server = await serve(repo, "ranges");
    await visit(address, async (at) => {
      await at.go(server.url);
      assert.match(await at.verdict("Could not be read"), /Access-Control-Allow-Origin/);
    }, { expected: /CORS|Failed to load|ERR_/ });
    await server.close();
  });
  await page.close();
}
