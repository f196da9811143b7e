// The entries of a segment, found without the engine: where each begins and ends, what it is, and on what it lies (docs/FORMAT.md section 3).

import { readFileSync } from "node:fs";

const KINDS = ["block", "page", "record", "commit", "footer", "pad"];
const TREES = ["", "manifest", "segments", "catalogue", "damage"];
const HEADER_BYTES = 128, ALIGNMENT_AT = 14;

/** Those of a whole segment. `table` bytes of a payload are covered by the header's digest: of a block, its frame table. */
export function entriesOf(file) {
  const bytes = readFileSync(file), entries = [];
  const aligned = (at) => Math.ceil(at / 2 ** bytes[ALIGNMENT_AT]) * 2 ** bytes[ALIGNMENT_AT];
  for (let at = aligned(HEADER_BYTES); bytes.toString("latin1", at, at + 4) === "SEnt"; ) {
    const [stored, table] = [bytes.readUInt32LE(at + 8), bytes.readUInt32LE(at + 12)];
    const payload = at + HEADER_BYTES, end = aligned(payload + stored);
    const [id, base] = [24, 56].map((from) => bytes.toString("hex", at + from, at + from + 32));
    entries.push({ file, kind: KINDS[bytes[at + 4] - 1], tree: TREES[bytes[at + 5]], id, base, at, payload, table, stored, end });
    at = end;
  }
  return entries;
}
