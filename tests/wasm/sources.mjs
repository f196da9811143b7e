// What a repository can be opened from, what is refused, and how "could not read" is told from "damaged".

import assert from "node:assert/strict";
import { cpSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { open, ReadError, RefusedError } from "../../wasm/npm/index.js";
import { directory } from "../../wasm/npm/node.js";
import { agrees, same } from "./agree.mjs";
import { entriesOf } from "./entries.mjs";
import { copy, disk, DISK_BYTES, folder, judged, repository, SMALL, test } from "./harness.mjs";
import { serve } from "./server.mjs";

const segmentsOf = (repo) => readdirSync(join(repo, "segments")).sort();

/** A repository's files as a page gets them that lets a folder be chosen. */
function filesOf(repo, under = "repo/") {
  const file = (name, path) => Object.defineProperty(new File([readFileSync(path)], name), "webkitRelativePath", { value: under + path.slice(repo.length + 1) });
  const files = segmentsOf(repo).map((name) => file(name, join(repo, "segments", name)));
  return [...files, file("head", join(repo, "head"))];
}

/** A directory handle, as browsers give them. */
function handleOf(path) {
  const missing = (name) => Object.assign(new Error(name), { name: "NotFoundError" });
  const at = (name, isRight) => {
    const found = statSync(join(path, name), { throwIfNoEntry: false });
    if (!found || !isRight(found)) throw missing(name);
    return join(path, name);
  };
  return {
    kind: "directory",
    async *keys() {
      yield* readdirSync(path);
    },
    getDirectoryHandle: async (name) => handleOf(at(name, (found) => found.isDirectory())),
    getFileHandle: async (name) => {
      const file = at(name, (found) => found.isFile());
      return { kind: "file", getFile: async () => new File([readFileSync(file)], name) };
    },
  };
}

async function scrubbed(from, options = {}) {
  const opened = await open(from, { workers: 0, ...options });
  const report = await opened.scrub();
  await opened.close();
  return report;
}

export async function sourceTests() {
  const repo = repository("sources", "--codec", "lz4", ...SMALL);
  const theirs = judged(repo, "scrub");

  await test("files_chosen_as_a_folder_are_a_repository", async () => same(await scrubbed(filesOf(repo)), theirs));
  await test("files_without_paths_are_a_repository", async () => {
    same(await scrubbed(filesOf(repo).map((file) => new File([file], file.name))), theirs);
  });
  await test("two_repositories_at_once_are_refused_by_name", async () => {
    const both = [...filesOf(repo, "one/"), ...filesOf(repo, "more/two/")];
    await assert.rejects(open(both), { name: "RefusedError", code: "several-repositories", message: /one\/, more\/two\// });
  });
  await test("a_directory_handle_is_a_repository", async () => same(await scrubbed(handleOf(repo)), theirs));
  await test("nothing_is_no_repository", async () => {
    const empty = join(folder, "empty");
    mkdirSync(empty, { recursive: true });
    for (const from of [[], handleOf(empty), directory(empty)]) {
      await assert.rejects(open(from), { name: "RefusedError", code: "not-a-repository" });
    }
    await assert.rejects(open(17), TypeError);
  });

  await test("a_url_is_a_repository_and_nothing_but_ranges_are_asked_for", async () => {
    const { url, seen, close } = await serve(repo);
    const opened = await open(url, { workers: 0 });
    await opened.versions();
    const toList = seen.requests;
    same(await opened.scrub(), theirs);
    await opened.close();
    await close();
    assert.equal(seen.heads, 0);
    return `${toList} requests to list, ${seen.requests} after a scrub`;
  });
  await test("a_url_with_damage_is_told_as_the_command_tells_it", async () => {
    const hurt = copy(repo);
    const [, first, , third] = segmentsOf(hurt); // those that hold nothing but blocks
    const bytes = readFileSync(join(hurt, "segments", third));
    bytes[70_000] ^= 1;
    writeFileSync(join(hurt, "segments", third), bytes);
    truncateSync(join(hurt, "segments", first), statSync(join(hurt, "segments", first)).size >> 1);
    const { url, close } = await serve(hurt);
    const ours = await scrubbed(url);
    await close();
    same(ours, judged(hurt, "scrub"));
    const kinds = ours.findings.map(({ kind }) => kind);
    assert.ok(kinds.includes("payload") && kinds.includes("truncated"), `${kinds}`);
    return kinds.join(" ");
  });
  await test("a_url_without_its_head_is_found_all_the_same", async () => {
    const hurt = copy(repo);
    rmSync(join(hurt, "head"));
    const { url, close } = await serve(hurt);
    same(await scrubbed(url), judged(hurt, "scrub"));
    await close();
  });
  await test("a_url_whose_newest_header_or_segment_table_is_damaged_is_read_all_the_same", async () => {
    const newest = (hurt) => join(hurt, "segments", segmentsOf(hurt).at(-1));
    const table = (hurt) => segmentsOf(hurt).flatMap((name) => entriesOf(join(hurt, "segments", name))).findLast(({ tree }) => tree === "segments");
    for (const [name, place] of [["header", (hurt) => [newest(hurt), 40]], ["table", (hurt) => [table(hurt).file, table(hurt).payload + 9]]]) {
      const hurt = copy(repo, name), [file, at] = place(hurt);
      const bytes = readFileSync(file);
      bytes[at] ^= 1;
      writeFileSync(file, bytes);
      const { url, close } = await serve(hurt);
      const opened = await open(url, { workers: 0 });
      const read = await opened.read("latest", 0, DISK_BYTES);
      await opened.close();
      assert.equal(Buffer.compare(read, disk(1)), 0, name);
      same(await scrubbed(url), judged(hurt, "scrub"));
      await close();
    }
  });
  await test("servers_without_ranges_get_a_clear_error", async () => {
    for (const mood of ["whole", "mute"]) {
      const { url, close } = await serve(repo, mood);
      await assert.rejects(open(url), (error) => {
        const refused = error instanceof RefusedError ? error : error.cause;
        return refused.code === "no-ranges" && refused.message.includes("range");
      }, mood);
      await close();
    }
  });
  await test("servers_that_lie_or_refuse_are_not_damage", async () => {
    for (const mood of ["short", "forbidden"]) {
      const { url, close } = await serve(repo, mood);
      await assert.rejects(open(url), ReadError, mood);
      await close();
    }
  });
  await test("a_server_that_dies_half_way_is_not_damage", async () => {
    const { url, close } = await serve(repo, "dying", { dies: 60 });
    await assert.rejects(scrubbed(url), (error) => error instanceof ReadError && error.segment !== undefined && error.cause !== undefined);
    await close();
  });
  await test("a_server_that_fails_now_and_then_is_asked_again", async () => {
    const { url, close } = await serve(repo, "flaky");
    same(await scrubbed(url), theirs);
    await close();
  });

  await test("an_object_that_cannot_be_read_is_not_damage", async () => {
    const good = directory(repo);
    let reads = 0;
    const failing = { ...good, read: (...args) => (++reads > 3 ? Promise.reject(new Error("the cable is out")) : good.read(...args)) };
    for (const workers of [0, 1]) {
      reads = 0;
      await assert.rejects(scrubbed(failing, { workers }), (error) => {
        return error instanceof ReadError && /could not read: segment \d+/.test(error.message) && error.cause.message === "the cable is out";
      });
    }
  });
  await test("a_range_that_cannot_be_read_is_neither_damage_nor_proof", () => oneRangeFails(repo, theirs));
  await test("a_segment_that_cannot_be_read_is_told_as_the_command_tells_it", async () => {
    const hurt = copy(repo);
    const name = join(hurt, "segments", segmentsOf(hurt)[1]);
    rmSync(name);
    symlinkSync(name, name); // a loop: opening it fails, and not because it is not there
    for (const verb of ["check", "scrub"]) {
      const { ours } = await agrees(hurt, verb);
      assert.deepEqual(ours.findings.map(({ kind, offset }) => [kind, offset]), [["unreadable", 0]]);
      assert.ok(!ours.damaged && ours.unread.length > 0 && ours.versions.every(({ verdict }) => verdict !== "intact" && verdict !== "damaged"));
    }
    const opened = await open(directory(hurt));
    const damage = await opened.damage();
    await opened.close();
    assert.ok(damage.length > 0 && damage.every(({ lost, unread }) => lost.length === 0 && unread.length > 0));
  });
  await test("a_server_that_fails_for_one_range_is_read_all_the_same", async () => {
    const { url, close } = await serve(repo, "sick", { sick: { name: segmentsOf(repo)[1], at: 150_000 } });
    const report = await scrubbed(url);
    await close();
    assert.deepEqual(report.findings.map(({ kind, segment }) => [kind, segment]), [["unreadable", 1]]);
    assert.ok(!report.damaged && report.unread.length > 0);
  });
  await test("what_failed_once_may_be_tried_again", async () => {
    const good = directory(repo);
    let broken = true;
    const opened = await open({ ...good, read: (...args) => (broken ? Promise.reject(new Error("no")) : good.read(...args)) }, { workers: 0 }).catch((error) => error);
    assert.ok(opened instanceof ReadError);
    broken = false;
    same(await scrubbed(good), theirs);
  });

  await test("missing_foreign_renamed_and_cut_segments_are_told_as_the_command_tells_them", async () => {
    const other = repository("other", "--codec", "none", ...SMALL);
    const path = (at, name) => join(at, "segments", name);
    const names = segmentsOf(repo);
    const hurts = {
      missing: (hurt) => rmSync(path(hurt, names[1])),
      "missing newest": (hurt) => rmSync(path(hurt, names.at(-1))),
      "missing oldest": (hurt) => rmSync(path(hurt, names[0])),
      foreign: (hurt) => cpSync(path(other, segmentsOf(other)[1]), path(hurt, names[1])),
      stranger: (hurt) => cpSync(path(other, segmentsOf(other)[1]), path(hurt, "0000000999.seg")),
      renamed: (hurt) => renameSync(path(hurt, names[1]), path(hurt, "0000000777.seg")),
      cut: (hurt) => truncateSync(path(hurt, names[1]), 3000),
      empty: (hurt) => truncateSync(path(hurt, names[1]), 0),
      "cut newest": (hurt) => truncateSync(path(hurt, names.at(-1)), 200),
      "no head": (hurt) => rmSync(join(hurt, "head")),
      "bad head": (hurt) => writeFileSync(join(hurt, "head"), "x"),
    };
    for (const [name, hurtIt] of Object.entries(hurts)) {
      const hurt = copy(repo);
      hurtIt(hurt);
      for (const verb of ["check", "scrub"]) {
        await agrees(hurt, verb).catch((error) => {
          throw new Error(`${name}, ${verb}: ${error.message}`, { cause: error });
        });
      }
    }
    return Object.keys(hurts).join(", ");
  });
  await test("a_newer_format_is_refused_and_not_called_damaged", async () => {
    const hurt = copy(repo);
    for (const name of segmentsOf(hurt)) {
      const file = join(hurt, "segments", name);
      const bytes = readFileSync(file);
      bytes.writeUInt16LE(1, 8); // the version
      bytes.writeUInt32LE(crc32(bytes.subarray(0, 124)), 124);
      writeFileSync(file, bytes);
    }
    await assert.rejects(open(directory(hurt)), { name: "RefusedError", code: "unsupported" });
  });

  await test("a_verb_stops_within_200_ms", async () => {
    const { url, close } = await serve(repo, "slow", { delay: 400 });
    const waits = [];
    for (const workers of [0, 2]) {
      const [good, stop] = [directory(repo), new AbortController()];
      let reads = 0;
      const stopping = { ...good, read: (...args) => (++reads === 12 && stop.abort(new Error("enough")), good.read(...args)) };
      const opened = await open(stopping, { workers });
      await assert.rejects(opened.scrub({ signal: stop.signal }), /enough/);
      same(await opened.scrub(), theirs); // and it can be used again
      await opened.close();
    }
    const opened = await open(url, { workers: 0 });
    const stop = new AbortController();
    const began = opened.scrub({ signal: stop.signal });
    await new Promise((resolve) => setTimeout(resolve, 100));
    const at = performance.now();
    stop.abort();
    await assert.rejects(began, { name: "AbortError" });
    waits.push(performance.now() - at);
    assert.ok(waits.every((ms) => ms < 200), `${waits}`);
    await close();
    return `${Math.max(...waits).toFixed(1)} ms with a slow server`;
  });
}

/** One byte of the repository cannot be read: of payload, header or table, at several places. What is said of it, block by block, and after it was mended. */
async function oneRangeFails(repo, theirs) {
  const good = directory(repo);
  const name = segmentsOf(repo)[1];
  const bad = { at: 0, error: new Error("no") };
  const failing = {
    ...good,
    read(file, offset, length) {
      const hit = file === `segments/${name}` && offset <= bad.at && offset + length > bad.at;
      return hit ? Promise.reject(bad.error) : good.read(file, offset, length);
    },
  };
  let places = 0;
  for (const workers of [0, 2]) {
    for (bad.at of [140, 130_000, 300_000, 500_000]) {
      bad.error = new Error("no");
      const opened = await open(failing, { workers });
      const report = await opened.scrub();
      assert.deepEqual(report.findings.map(({ kind, segment }) => [kind, segment]), [["unreadable", 1]], `at ${bad.at}`);
      const [{ offset, length }] = report.findings;
      assert.ok(offset <= bad.at && bad.at < offset + length, `${offset} ${length}`);
      assert.equal(report.damaged, false);
      assert.deepEqual(report.hit, []);
      assert.ok(report.unread.length > 0);
      for (const { id, hit, unread, verdict } of report.versions) {
        assert.equal(hit, false);
        assert.equal(verdict, unread ? "unread" : "intact");
        assert.equal(unread, report.unread.includes(id));
      }
      const damage = await opened.damage();
      assert.deepEqual(damage.map(({ version }) => version.id).sort(), report.unread);
      assert.ok(damage.every(({ lost, unread }) => lost.length === 0 && unread.length > 0));
      const [{ version, unread: [range] }] = damage;
      assert.deepEqual(await opened.damage({ version }), damage.slice(0, 1));
      const block = range.offset / opened.info.blockBytes;
      assert.equal((await opened.describeBlock(version, block)).state, "unreadable");
      await assert.rejects(opened.read(version, range.offset, range.length), ReadError);
      // A bad sector is damage, as the command has it: these bytes are lost.
      bad.error = Object.assign(new Error("EIO: i/o error, read"), { code: "EIO" });
      const lost = await opened.scrub();
      assert.deepEqual(lost.findings, report.findings);
      assert.deepEqual([lost.damaged, lost.hit, lost.unread], [true, report.unread, []]);
      bad.at = -1;
      same(await opened.scrub(), theirs); // and it is well again
      await opened.read(version, range.offset, range.length);
      await opened.close();
      places += 1;
    }
  }
  return `${places} places`;
}

/** CRC-32 as headers have it: ISO-HDLC. */
function crc32(bytes) {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return (crc ^ 0xffffffff) >>> 0;
}
