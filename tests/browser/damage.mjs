// One hurt at a time, at each kind of byte that a repository has: over files and over ranges the page tells of it as the command does.

import assert from "node:assert/strict";
import { join } from "node:path";
import { same } from "../wasm/agree.mjs";
import { copy, judged, repository, SMALL, test } from "../wasm/harness.mjs";
import { serve } from "../wasm/server.mjs";
import { cut, entriesIn, exchange, flip, lose, segmentsOf } from "./hurt.mjs";
import { servePage, visit } from "./visit.mjs";

/** Flips a byte of an entry, so far behind where `part` begins. */
const flipIn = ({ file, ...entry }, part, by = 9) => flip(file, entry[part] + by);

/** Of each: how it is done to a repository (whose neighbour is another one), and a kind of finding there must be. */
const HURTS = {
  "a flip in a frame": { hurtIt: (repo) => flipFrame(entriesIn(repo, "block")[5]), finds: "payload" },
  "a flip in a frame table": { hurtIt: (repo) => flipIn(entriesIn(repo, "block")[5], "payload"), finds: "payload" },
  "a flip in a block's header": { hurtIt: (repo) => flipIn(entriesIn(repo, "block")[5], "at"), finds: "entry" },
  "a flip in a page of a manifest": { hurtIt: (repo) => flipIn(entriesIn(repo, "page", "manifest")[0], "payload"), finds: "payload" },
  "a flip in a page of the catalogue": { hurtIt: (repo) => flipIn(entriesIn(repo, "page", "catalogue").at(-1), "payload"), finds: "payload" },
  "a flip in a page of the segment table": { hurtIt: (repo) => flipIn(entriesIn(repo, "page", "segments").at(-1), "payload"), finds: "payload" },
  "a flip in a record": { hurtIt: (repo) => flipIn(entriesIn(repo, "record")[0], "payload"), finds: "payload" },
  "a flip in an older commit": { hurtIt: (repo) => flipIn(entriesIn(repo, "commit")[0], "payload"), finds: "payload" },
  "a flip in the newest commit's first copy": { hurtIt: (repo) => flipIn(entriesIn(repo, "commit").at(-2), "payload"), finds: "payload" },
  "a flip in the newest commit's second copy": { hurtIt: (repo) => flipIn(entriesIn(repo, "commit").at(-1), "payload"), finds: "payload" },
  "a flip in both copies of the newest commit": { hurtIt: (repo) => entriesIn(repo, "commit").slice(-2).forEach((entry) => flipIn(entry, "payload")), finds: "behind" },
  "a flip in the filling": { hurtIt: (repo) => flipFilling(entriesIn(repo, "record")[0]), finds: "padding" },
  "a flip in a footer": { hurtIt: (repo) => flipIn(entriesIn(repo, "footer")[1], "payload"), finds: "footer" },
  "a flip in a footer's end": { hurtIt: (repo) => flip(segmentsOf(repo)[1], -20), finds: "footer" },
  "a flip in a header": { hurtIt: (repo) => flip(segmentsOf(repo)[0], 40), finds: "header" },
  "a flip in the head pin": { hurtIt: (repo) => flip(join(repo, "head"), 50), finds: "pin" },
  "a truncated segment": { hurtIt: (repo) => cut(segmentsOf(repo)[1], 3000), finds: "truncated" },
  "an empty segment": { hurtIt: (repo) => cut(segmentsOf(repo)[1], 0), finds: "truncated" },
  "a missing segment": { hurtIt: (repo) => lose(segmentsOf(repo)[1]), finds: "missing" },
  "the newest segment missing": { hurtIt: (repo) => lose(segmentsOf(repo).at(-1)), finds: "behind" },
  "a foreign segment in the place of one": { hurtIt: (repo, other) => exchange(segmentsOf(repo)[1], segmentsOf(other)[1]), finds: "foreign" },
  "a foreign segment beside the others": { hurtIt: (repo, other) => exchange(join(repo, "segments", numbered(segmentsOf(repo).length)), segmentsOf(other)[1]), finds: "foreign" },
  "a segment under another's name": { hurtIt: (repo) => exchange(segmentsOf(repo)[1], segmentsOf(repo)[2]), finds: "renamed" },
};

const numbered = (number) => `${String(number).padStart(10, "0")}.seg`;

/** Behind the frame table. */
function flipFrame({ file, payload, table, stored }) {
  assert.ok(table < stored);
  flip(file, payload + Math.floor((table + stored) / 2));
}

function flipFilling({ file, payload, stored, end }) {
  assert.ok(payload + stored < end);
  flip(file, end - 1);
}

/** What the page must show of a report, and the report must be. */
async function tells(at, expected, finds) {
  await at.scrub();
  const title = expected.hit.length > 0 ? "Damaged$" : "Damaged, but no version is hit";
  await at.verdict(title);
  same(await at.report(), expected);
  const kinds = await at.page.locator(".findings tbody tr").evaluateAll((rows) => rows.map(({ dataset }) => dataset.kind));
  assert.deepEqual(kinds, expected.findings.map(({ kind }) => kind));
  assert.ok(kinds.includes(finds), `${kinds}`);
  const standings = await at.page.locator(".versions tbody tr").evaluateAll((rows) => rows.map((row) => [row.dataset.id, row.querySelector(".standing").textContent.replace(/^\S+\s+/, "").trim()]));
  assert.deepEqual(standings.reverse(), expected.versions.map(({ id, hit }) => [id, hit ? "damaged" : "intact"]));
  const told = await at.page.locator(".hit [data-id]").evaluateAll((items) => items.map(({ dataset }) => dataset.id));
  assert.deepEqual([...new Set(told)].sort(), expected.hit);
}

export async function damageTests() {
  const page = await servePage();
  const repo = repository("whole", "--codec", "zstd", ...SMALL), other = repository("another", "--codec", "none", ...SMALL);
  for (const [name, { hurtIt, finds }] of Object.entries(HURTS)) {
    await test(`${name.replaceAll(" ", "_").replaceAll("'", "")}_is_told_as_the_command_tells_it_over_files_and_over_ranges`, async () => {
      const hurt = copy(repo);
      hurtIt(hurt, other);
      const expected = judged(copy(hurt, "judged"), "scrub");
      assert.ok(expected.damaged ?? expected.findings.length > 0);
      await visit(page.url, async (at) => {
        await at.open(hurt);
        await tells(at, expected, finds);
      });
      const server = await serve(hurt, "ranges", { origins: true });
      await visit(`${page.url}url.html`, async (at) => {
        await at.go(server.url);
        await at.page.waitForSelector(".versions tbody");
        await tells(at, expected, finds);
      }, { expected: /Failed to load resource/ });
      await server.close();
      return `${[...new Set(expected.findings.map(({ kind }) => kind))].join(" ")}; ${expected.hit.length} of ${expected.versions.length} versions`;
    });
  }
  await page.close();
}
