// The vectors that Rust and Python run: all of them by the engine as it is compiled for the package (vectors/), and once more by the package itself where
// a record reaches its face.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { load } from "../../wasm/npm/engine.js";
import { ear } from "../../wasm/npm/run.js";
import { Zstd } from "../../wasm/npm/zstd.js";
import { test } from "./harness.mjs";

const vectors = (name) => JSON.parse(readFileSync(new URL(`../vectors/${name}.json`, import.meta.url), "utf8"));
const MODULE = new URL("../../target/cross/wasm32-unknown-unknown/release/sarsen_wasm_vectors.wasm", import.meta.url);
const bytesOf = (hex) => Uint8Array.from(Buffer.from(hex, "hex"));

export async function vectorTests() {
  const module = await WebAssembly.compile(readFileSync(MODULE));
  for (const { name, kind } of WebAssembly.Module.exports(module)) {
    if (kind !== "function") continue;
    await test(`vectors_${name}`, async () => {
      const { exports } = await WebAssembly.instantiate(module); // whatever has trapped is not gone on with
      exports[name]();
    });
  }

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
