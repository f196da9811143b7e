// Ways to hurt a repository.

import { readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export const segmentsOf = (repo) => readdirSync(join(repo, "segments")).sort().map((name) => join(repo, "segments", name));

/** Changes a file's bytes. */
export function edit(file, change) {
  const bytes = readFileSync(file);
  change(bytes);
  writeFileSync(file, bytes);
}

/** Flips a bit. */
export const flip = (file, at) => edit(file, (bytes) => (bytes[at < 0 ? bytes.length + at : at] ^= 0x10));

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
