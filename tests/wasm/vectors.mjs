// The vectors that Rust and Python run, as far as a record reaches the package's face: segment headers and delta streams.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { load } from "../../wasm/npm/engine.js";
import { ear } from "../../wasm/npm/run.js";
import { Zstd } from "../../wasm/npm/zstd.js";
import { test } from "./harness.mjs";

const vectors = (name) => JSON.parse(readFileSync(new URL(`../vectors/${name}.json`, import.meta.url), "utf8"));
const bytesOf = (hex) => Uint8Array.from(Buffer.from(hex, "hex"));

export async function vectorTests() {
  const { glue } = await load();
  const zstd = new Zstd();
  await zstd.load();

  await test("segment_header_vectors", async () => {
    const { cases, reject } = vectors("segment_header");
    const parse = (bytes) => new glue.Worker(bytesOf(bytes), {}, zstd).free();
    for (const { bytes } of cases) parse(bytes);
    for (const { name, bytes } of reject) assert.throws(() => parse(bytes), undefined, name);
    return `${cases.length} taken, ${reject.length} refused`;
  });

  await test("delta_stream_vectors", async () => {
    const { cases, reject } = vectors("delta_stream");
    for (const { name, fields, bytes } of cases) {
      for (const slice of [1, 7, Infinity]) {
        const { header, pieces } = read(glue, zstd, bytesOf(bytes), slice);
        assert.equal(header.targetSize, fields.target_size ?? fields.header?.target_size ?? header.targetSize, name);
        const records = fields.records.filter(({ kind }) => kind !== "end" && kind !== 3);
        assert.deepEqual(pieces.map(({ offset, length }) => [offset, length]), records.map(({ offset, length }) => [offset, length]), name);
      }
    }
    for (const { name, bytes } of reject) assert.throws(() => read(glue, zstd, bytesOf(bytes), Infinity), undefined, name);
    return `${cases.length} taken, ${reject.length} refused`;
  });
}

function read(glue, zstd, bytes, slice) {
  const stream = new glue.Stream(zstd);
  const pieces = [];
  const sink = { data: (offset, { length }) => pieces.push({ offset, length }), zero: (offset, length) => pieces.push({ offset, length }) };
  let header;
  try {
    let at = stream.begin(bytes, bytes.length, 0, 4 << 20, ear((_, facts) => (header = facts)));
    if (at < 0) throw new Error("the stream is too short");
    while (at < bytes.length) {
      stream.feed(bytes.subarray(at, at + slice), sink);
      at += Math.min(slice, bytes.length - at);
    }
    stream.end();
  } finally {
    stream.free();
  }
  return { header, pieces };
}
