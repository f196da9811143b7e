// Ways to hurt a repository.

import { closeSync, openSync, readdirSync, readFileSync, readSync, rmSync, truncateSync, utimesSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { entriesOf } from "../wasm/entries.mjs";

export const segmentsOf = (repo) => readdirSync(join(repo, "segments")).sort().map((name) => join(repo, "segments", name));

/** Those of all segments that are of a kind and, if named, of a tree. */
export function entriesIn(repo, kind, tree) {
  return segmentsOf(repo).flatMap(entriesOf).filter((entry) => entry.kind === kind && (tree === undefined || entry.tree === tree));
}

/** Changes a file's bytes. */
export function edit(file, change) {
  const bytes = readFileSync(file);
  change(bytes);
  writeFileSync(file, bytes);
}

/** Flips a bit. */
export const flip = (file, at) => edit(file, (bytes) => (bytes[at < 0 ? bytes.length + at : at] ^= 0x10));

/** The same, of a file too large to be held. */
export function flipInPlace(path, at) {
  const file = openSync(path, "r+"), byte = Buffer.alloc(1);
  readSync(file, byte, 0, 1, at);
  byte[0] ^= 0x10;
  writeSync(file, byte, 0, 1, at);
  closeSync(file);
}

/** Makes a browser refuse to read it: it was written since it was chosen. */
export function touch(file) {
  writeFileSync(file, Buffer.concat([readFileSync(file), Buffer.alloc(7)]));
  utimesSync(file, new Date(), new Date(Date.now() + 60_000));
}

export const cut = (file, bytes) => truncateSync(file, bytes);
export const lose = (file) => rmSync(file);
export const exchange = (file, other) => writeFileSync(file, readFileSync(other));

/** Makes it look as if a newer version had written it. */
export function fromTheFuture(repo) {
  for (const file of segmentsOf(repo)) {
    edit(file, (bytes) => {
      bytes.writeUInt16LE(1, 8);
      bytes.writeUInt32LE(crc32(bytes.subarray(0, 124)), 124);
    });
  }
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
