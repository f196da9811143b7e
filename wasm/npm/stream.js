// Verifying a delta stream: to its end, and against the version it makes, where that is here.

import { StreamError } from "./errors.js";
import { ear } from "./run.js";

const READ_BYTES = 1 << 20;
/** A stream says what it is in less. */
const START_BYTES = 4096;
const NO_ROOT = "0".repeat(64);

/** `stream` is the engine's, `chosen` the version that was named; `reading` prepares to read a version and answers what fills bytes from an offset. */
export async function verifyStream(file, stream, { versions, chosen, objectBytes, signal, blockBytes, reading }) {
  let told;
  const start = await bytesOf(file, 0, START_BYTES);
  let at = stream.begin(start, file.size, chosen?.size ?? Number.MAX_SAFE_INTEGER, objectBytes, ear((_, facts) => (told = facts)));
  if (at < 0) throw { class: "stream", code: "short", offset: file.size };
  const own = told.format === "sarsen";
  if (own && chosen && chosen.root !== told.targetRoot) throw { class: "stream", code: "stream-base" };
  const withRoot = (root) => (root === NO_ROOT ? null : (versions.find((version) => version.root === root && version.kind === "version") ?? null));
  const target = own ? withRoot(told.targetRoot) : (chosen ?? null);
  const result = { ...told, bytes: file.size, dataBytes: 0, zeroBytes: 0, target, base: own ? withRoot(told.baseRoot) : null };
  const fill = target && (await reading(target));

  let pieces = [];
  const sink = {
    data: (offset, bytes) => pieces.push({ offset, length: bytes.length, bytes: bytes.slice() }),
    zero: (offset, length) => pieces.push({ offset, length }),
  };
  while (at < file.size) {
    signal?.throwIfAborted();
    const bytes = await bytesOf(file, at, at + READ_BYTES);
    stream.feed(bytes, sink);
    at += bytes.length;
    for (const piece of pieces) {
      result[piece.bytes ? "dataBytes" : "zeroBytes"] += piece.length;
      if (target) await compare(piece, fill, { target, blockBytes });
    }
    pieces = [];
  }
  stream.feed(new Uint8Array(), sink);
  stream.end();
  return { ...result, verdict: target ? "same" : own ? "whole" : "complete" };
}

const bytesOf = async (file, start, end) => new Uint8Array(await file.slice(start, end).arrayBuffer());

/** Whether a piece of a stream is what the version has there. */
async function compare({ offset, length, bytes }, fill, { target, blockBytes }) {
  for (let at = 0; at < length; at += READ_BYTES) {
    const there = new Uint8Array(Math.min(READ_BYTES, length - at));
    await fill(offset + at, there);
    const differs = there.findIndex((byte, within) => byte !== (bytes ? bytes[at + within] : 0));
    if (differs < 0) continue;
    const where = offset + at + differs;
    throw new StreamError(`at byte ${where} of the disk the stream differs from ${target.id}`, {
      code: "differs", offset: where, block: Math.floor(where / blockBytes), version: target.id,
    });
  }
}
