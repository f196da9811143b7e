// Errors: what was wrong, where, and what to do next. "Damaged" is about bytes that were read; "could not read" is about bytes that were not.

/** The parent of all errors of this package. Names are spelled out, as classes lose theirs when code is made smaller. */
export class SarsenError extends Error {
  name = "SarsenError";

  constructor(message, { code, segment, offset, block, version, cause } = {}) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
    this.segment = segment;
    this.offset = offset;
    this.block = block;
    this.version = version;
  }
}

/** Bytes were read and are not what they must be. */
export class DamagedError extends SarsenError {
  name = "DamagedError";
}

/** Bytes could not be read: this says nothing about whether they are intact. */
export class ReadError extends SarsenError {
  name = "ReadError";
}

/** Not a repository, a newer format, no such version: nothing was done. */
export class RefusedError extends SarsenError {
  name = "RefusedError";
}

/** More memory is needed than there may be. */
export class MemoryError extends SarsenError {
  name = "MemoryError";

  constructor(message, { entries, entriesMax, memoryBytes, ...more } = {}) {
    super(message, more);
    this.entries = entries;
    this.entriesMax = entriesMax;
    this.memoryBytes = memoryBytes;
  }
}

/** A stream is not what it must be, or not of this repository. */
export class StreamError extends SarsenError {
  name = "StreamError";
}

const CLASSES = { damaged: DamagedError, unread: ReadError, refused: RefusedError, memory: MemoryError, stream: StreamError };

const WORDS = {
  "not-a-repository": "not a repository, as it holds no segments; choose the folder that holds `segments` and `head`",
  unsupported: "made by a newer sarsen, or with a feature this one does not know; use a newer sarsen",
  "no-header": "no segment's header can be read, so nothing is known of the others; put a segment back from a copy",
  "no-commit": "nothing was ever committed here; if that is not right, put its segments back from a copy",
  "unknown-version": "no such version; versions() lists them (the beginning of an id needs four digits at least)",
  "ambiguous-version": "more than one version's id begins so; give more of its digits",
  codec: "it is encoded in a way this build does not know",
  gone: "it is not there",
  short: "it ends too soon",
  failed: "it could not be read; try again, or look at where it lies",
  unreadable: "it could not be read; try again, or look at where it lies",
  disk: "the file could not be read",
  entries: "the segment holds other objects than were committed",
  magic: "something else stands where an object must begin",
  checksum: "a header's checksum is wrong",
  "stored-digest": "the stored bytes are not those that were written",
  "plain-digest": "the decoded bytes are not those that were backed up",
  encoding: "the stored bytes cannot be decoded",
  id: "it is another object than the one asked for",
  absent: "an object that is needed is nowhere to be found whole",
  "stream-base": "the stream is not laid on this version, or on one that is not here",
  "stream-size": "the stream says another size of a disk than its version here has",
  "stream-parameters": "the stream is of a repository with another digest, block, frame or fan-out",
  outcome: "what comes out is not the disk that the stream tells of",
};

/** Of what there is too little memory for. */
const ROOM = {
  index: () => "not enough memory for the index of objects",
  entries: ({ entries, entriesMax, memoryBytes }) =>
    `the repository has ${entries} entries, and there is memory for an index of ${entriesMax}; ` +
    (memoryBytes ? `open it with a memoryBytes of ${memoryBytes}, or use the command` : "use the command, as no memoryBytes would do here"),
  "memory-bytes": ({ memoryBytes }) => `memoryBytes must be ${memoryBytes} at least`,
};

/** An error from what the engine told; `more` may add block, version and cause. */
export function failure(told, more = {}) {
  const { class: kind, code, segment, offset, entries, entriesMax, memoryBytes } = told;
  const Class = CLASSES[kind] ?? SarsenError;
  const where = [
    segment === undefined ? "" : `segment ${segment} (segments/${String(segment).padStart(10, "0")}.seg)`,
    offset === undefined ? "" : `offset ${offset}`,
  ].filter(Boolean).join(", ");
  const what = kind === "damaged" ? "damaged: " : kind === "unread" ? "could not read: " : "";
  const words = (kind === "memory" ? ROOM[code]?.(told) : WORDS[code]) ?? code;
  return new Class(`${what}${where}${where && ": "}${words}`, { code, segment, offset, entries, entriesMax, memoryBytes, ...more });
}
