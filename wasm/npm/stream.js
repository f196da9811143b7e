// Verifying a delta stream: to its end, against the version it makes, and against the one it is laid on, where those are here.

import { Contrast } from "./contrast.js";
import { ear } from "./run.js";

const READ_BYTES = 1 << 20;
/** The engine takes so much at once, and less if that tells of very much. */
const FEED_BYTES = 64 << 10;
/** A stream says what it is in less. */
const START_BYTES = 4096;
const NO_ROOT = "0".repeat(64);
/** What a stream of a whole disk is laid on. */
const EMPTY = { size: 0 };

/**
 * `stream` is the engine's; `chosen` and `base` are the versions that were named, `base` null for an empty disk; `reading` prepares to read one
 * version beside another, and answers what fills bytes from an offset of each, and what says how their blocks differ.
 */
export async function verifyStream(file, stream, { versions, chosen, base, objectBytes, signal, info, reading }) {
  let told;
  let at = stream.begin(await bytesOf(file, 0, START_BYTES), file.size, chosen?.size ?? Number.MAX_SAFE_INTEGER, objectBytes, ear((_, facts) => (told = facts)));
  if (at < 0) throw { class: "stream", code: "short", offset: file.size };
  const ends = told.format === "sarsen" ? endsOf(told, versions, { chosen, base }) : { target: chosen, below: base === null ? EMPTY : base };
  const { target, below } = ends;
  const result = { ...told, bytes: file.size, dataBytes: 0, zeroBytes: 0, target: target ?? null, base: below?.id === undefined ? null : below, tellsAll: false };
  const contrast = target && new Contrast({ target, below, start: told.start ?? 0, info, signal, ...(await reading(target, below)) });

  let pieces = [];
  const sink = {
    data: (offset, bytes) => pieces.push({ offset, length: bytes.length, bytes: bytes.slice() }),
    zero: (offset, length) => pieces.push({ offset, length }),
  };
  while (at < file.size) {
    signal?.throwIfAborted();
    const bytes = await bytesOf(file, at, at + READ_BYTES);
    for (let taken = 0; taken < bytes.length; ) {
      taken += stream.feed(bytes.subarray(taken, taken + FEED_BYTES), sink);
      for (const piece of pieces) {
        result[piece.bytes ? "dataBytes" : "zeroBytes"] += piece.length;
        await contrast?.told(piece);
      }
      pieces = [];
    }
    at += bytes.length;
  }
  stream.feed(new Uint8Array(), sink);
  stream.end();
  await contrast?.end(target.size);
  return { ...result, tellsAll: target !== undefined && below !== undefined, verdict: target ? "same" : told.format === "sarsen" ? "whole" : "complete" };
}

const bytesOf = async (file, start, end) => new Uint8Array(await file.slice(start, end).arrayBuffer());

/** The versions that a stream of ours says it is about, as far as they are here, which must be those that were named. */
function endsOf({ baseRoot, targetRoot, baseSize, targetSize }, versions, { chosen, base }) {
  const isOther = (version, root) => version !== undefined && (version?.root ?? NO_ROOT) !== root;
  if (isOther(chosen, targetRoot) || isOther(base, baseRoot)) throw { class: "stream", code: "stream-base" };
  const withRoot = (root) => versions.find((version) => version.root === root && version.kind === "version");
  const target = chosen ?? withRoot(targetRoot);
  const below = baseRoot === NO_ROOT ? EMPTY : (base ?? withRoot(baseRoot));
  if ((target && target.size !== targetSize) || (below && below.size !== baseSize)) throw { class: "stream", code: "stream-size" };
  return { target, below };
}
