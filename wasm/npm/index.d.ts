// sarsen: opens repositories of disk backups for reading, and says what of them is intact. Nothing is written, nothing leaves the machine.
// Offsets and lengths are bytes. Times are milliseconds since 1970.

/** Where a repository lies, for those who bring their own. Names are relative to its folder: `head`, `segments/0000000042.seg`. */
export interface Source {
  /** All names, or at least those of segments. `all: false`: the newest segments will do, where a list of all is expensive. */
  list(options: { all: boolean }, signal?: AbortSignal): Promise<Iterable<string>>;
  /** A length. Rejects with an error whose `code` is `"gone"` (or Node's `"ENOENT"`, or a `NotFoundError`) if there is no such name. */
  size(name: string, signal?: AbortSignal): Promise<number>;
  /**
   * The bytes; fewer where the file ends. Its buffer may be taken over. Rejects as `size` does; any other error means: could not be read. With the
   * `code` `"EIO"` it means that just these bytes are lost, as in a bad sector.
   */
  read(name: string, offset: number, length: number, signal?: AbortSignal): Promise<Uint8Array>;
  /** Asked for when the repository is closed. */
  close?(): Promise<void>;
}

export interface OpenOptions {
  /** How many workers do the heavy work; as many as there are processors unless told otherwise. 0: none, it is done in this thread. */
  workers?: number;
  /**
   * What the engine, its workers and what is on its way between them may take together, in bytes; 512 MiB unless told. 227 MiB of it are not the
   * index's, which takes 17.8 bytes for each entry of the repository: by default there may be 2^24. At least 229 MiB; more than 2,275 changes nothing,
   * as an index has no more than 2 GiB.
   */
  memoryBytes?: number;
  /** The engine's module, if it does not lie where this package does: a URL, a response, bytes, or compiled. The first `open` decides. */
  wasm?: string | URL | Response | BufferSource | WebAssembly.Module | Promise<Response>;
  /** The Zstandard module, likewise; a URL or a compiled module. */
  zstd?: string | WebAssembly.Module;
  /** Makes a module worker that runs this package's `worker.js`, for pages that may not load it from where it lies. */
  worker?(): Worker;
  /** Who hashes frames in a scrub, where the digest is SHA-256: measured when it is first needed, unless told. */
  hashing?: "auto" | "wasm" | "webcrypto";
  /** Of a URL: what to send besides the range. */
  headers?: Record<string, string>;
  /** Of a URL: what to use instead of `fetch`. */
  fetch?: typeof globalThis.fetch;
  /** Of a URL where there is no head pin: the highest number of a segment. */
  highestSegment?: number;
  signal?: AbortSignal;
}

/**
 * Opens a repository as of its newest commit, from files (dropped, or chosen as a folder), from a directory handle (of the user's files or the
 * origin private file system), from a base URL whose server answers range requests, or from any source.
 */
export function open(
  from: Iterable<File> | ArrayLike<File> | FileSystemDirectoryHandle | string | URL | Source,
  options?: OpenOptions,
): Promise<Repository>;

export interface RepositoryInfo {
  id: string;
  digest: "sha256" | "blake3";
  codec: "none" | "lz4" | "zstd" | "zlib";
  blockBytes: number;
  frameBytes: number;
  fanOut: number;
  segmentBytes: number;
  /** When it was made. */
  made: number;
  /** The sequence number of the newest commit. */
  commit: number;
}

/** A version or draft. All but the id is null or absent where its record cannot be read; the id is then the record's. */
export interface Version {
  id: string;
  kind: "version" | "draft" | null;
  name: string | null;
  snapshot: string | null;
  /** The version it was built on. */
  base: string | null;
  /** Commits to every byte of the disk. */
  root?: string;
  /** What the source was, as the host named it. */
  source?: string;
  time?: number;
  /** Bytes of the disk. */
  size?: number;
  readBytes?: number;
  newBlocks?: number;
  newBytes?: number;
  /** Of a draft: bytes done. */
  position?: number;
  sourceChanged?: boolean;
  protected?: boolean;
  /** True where its record could not be read, which says nothing about it; `kind` is null then, as where it is damaged. */
  unread?: boolean;
  tags?: string[];
  /** When it may be removed; absent if never by itself. */
  expiry?: number;
}

/** What is meant by a version: itself, an id or the beginning of one, `NAME@SNAPSHOT`, `NAME` or `latest`. */
export type VersionLike = Version | string;

export type FindingKind =
  | "pin" | "behind" | "missing" | "foreign" | "renamed" | "header"
  | "truncated" | "footer" | "entry" | "digest" | "payload" | "padding" | "unreadable";

/**
 * Damage, and where; segment and offset are null for the head pin. `unreadable` is no damage, but for where the source says that just these bytes
 * are lost (an error with the code `"EIO"`).
 */
export interface Finding {
  kind: FindingKind;
  segment: number | null;
  offset: number | null;
  /** Of what could not be read: bytes of the segment; 0 if nobody knows how many. */
  length?: number;
}

/**
 * A verdict in a word. `intact` is said only where every byte was read; `unread`: something that it needs could not be, and nothing is known to be
 * damaged; `sampled`: nothing is wrong in what was read; `complete`: all that it
 * needs is there, and was not read.
 */
export type Verdict = "intact" | "sampled" | "complete" | "unread" | "damaged";

/** What `sarsen check --json` and `sarsen scrub --json` print, field by field, and more. */
export interface Report {
  depth: "check" | "scrub";
  /** How a scrub looked at blocks: decoded, or digests of stored bytes alone. */
  method: "decoded" | "stored" | null;
  /** Who hashed. */
  hashing: "wasm" | "webcrypto";
  findings: Finding[];
  versions: { id: string; name: string | null; snapshot: string | null; hit: boolean; unread: boolean; verdict: Verdict }[];
  /** Ids of the versions that are hit, sorted. */
  hit: string[];
  /** Ids of the versions that need what could not be read, and are not hit as far as is known, sorted. */
  unread: string[];
  segments: number;
  entries: number;
  /** Entries that were not read, not being in the sample. */
  skipped: number;
  bytes: number;
  /** Something newer than what is here once existed. */
  behind: boolean;
  /** Tables were made anew from what is left. */
  rebuilt: boolean;
  /** The repository was written meanwhile, so that findings may be of what has moved: open it again, and look again. */
  changed: boolean;
  /** Nothing is written here. */
  marks_written: false;
  /** Whether anything is wrong. */
  damaged: boolean;
}

export interface Progress {
  /** Bytes that were checked. */
  done: number;
  /** Bytes that there are to check; 0 if that is not known. */
  total: number;
  bytesPerSecond: number;
  secondsLeft?: number;
}

export interface InspectOptions {
  signal?: AbortSignal;
  onProgress?(progress: Progress): void;
  onFinding?(finding: Finding): void;
  /** Asked before more is read, and waited for: a verb pauses for as long as that takes. */
  ready?(): Promise<unknown> | undefined;
}

/** Of a disk. */
export interface Range {
  offset: number;
  length: number;
}

/** A piece of a disk; without bytes it is zeros, or with `lost` what cannot be restored. */
export interface StreamPiece extends Range {
  bytes: Uint8Array | null;
  lost?: true;
}

export interface StreamOptions {
  lossy?: boolean;
  signal?: AbortSignal;
}

/** Where a version is saved to. */
export interface SaveTarget {
  truncate(size: number): Promise<unknown>;
  write(offset: number, bytes: Uint8Array): Promise<unknown>;
  close?(): Promise<unknown>;
  abort?(reason: unknown): Promise<unknown>;
}

export interface Comparison {
  equal: boolean;
  /** Of the version's disk. */
  size: number;
  fileSize: number;
  differences: Range[];
  lost: Range[];
}

export interface StreamReport {
  format: "sarsen" | "sheepdog";
  /**
   * `same`: all it tells is what the target version has. `whole`: complete, and every record is as it was written; the target is not here to
   * compare. `complete`: it ends as it should, which is all that can be said of a stream without checksums.
   */
  verdict: "same" | "whole" | "complete";
  /**
   * It was checked that the stream tells all in which the target differs from what it is laid on, from `start` on: the stream laid on that makes the
   * target. False: that was not checked, as the one or the other is not here, or not named.
   */
  tellsAll: boolean;
  bytes: number;
  dataBytes: number;
  zeroBytes: number;
  /** The version it makes, and the one it is laid on, if they are here; a stream of a whole disk is laid on none. */
  target: Version | null;
  base: Version | null;
  name?: string;
  snapshot?: string;
  baseRoot?: string;
  targetRoot?: string;
  baseSize?: number;
  targetSize?: number;
  /** Where it begins to tell: 0, unless it goes on where an earlier one was cut. */
  start?: number;
  time?: number;
}

export interface Block extends Range {
  block: number;
  /**
   * Zeros; stored whole; stored as changes to others; not to be had, as an entry that it needs is damaged or missing; or such an entry could not be
   * read, now or in the last check or scrub.
   */
  state: "zero" | "stored" | "delta" | "lost" | "unreadable";
  /** The version it was built on has the same. */
  shared: boolean;
  /** Where its own entry lies, and its stored bytes. */
  segment?: number;
  at?: number;
  storedBytes?: number;
}

/** Bytes of a segment up to where it is true: in use, or not. Headers, commits and footers are never in use. */
export interface SegmentUse {
  bytes: number;
  /** Of entries that versions or drafts need. */
  liveBytes: number;
  /** All others. Where nothing is alive, gc removes the segment. */
  deadBytes: number;
}

/** What is in use, in all and of each segment in order. */
export interface Usage extends SegmentUse {
  segments: (SegmentUse & { segment: number })[];
  /** Whether all that is in use was found; if not, what is lost was not counted. */
  complete: boolean;
}

/** A repository that is open. Verbs are done one after the other; open it twice to do two at once. */
export class Repository {
  private constructor();
  readonly info: RepositoryInfo;
  /** Who hashes frames in a scrub; undefined before that was needed. */
  readonly hashing?: "wasm" | "webcrypto";
  /** What was read of the source so far, and the most memory there was: of the index, of the director besides, of all workers, of batches on their way, of pages kept; and their sum. */
  readonly usage: { reads: number; bytes: number; memory: { index: number; director: number; workers: number; batches: number; pages: number }; memoryBytes: number };
  /** Versions and drafts, oldest first. */
  versions(options?: { signal?: AbortSignal }): Promise<Version[]>;
  /** Structure: headers, footers, tables, and that everything a version needs is there. Payloads are not read. */
  check(options?: InspectOptions): Promise<Report>;
  /**
   * Every byte; of one version, every byte that it needs. `decoded` decodes all blocks; `stored` compares digests of what is stored, which is
   * faster: bytes that are as they were stored were right when they were stored. A `sample` reads so many percent of entries.
   */
  scrub(options?: InspectOptions & { version?: VersionLike; method?: "decoded" | "stored"; sample?: number }): Promise<Report>;
  /** Bytes of a version, checked. */
  read(version: VersionLike, offset: number, length: number, options?: { signal?: AbortSignal }): Promise<Uint8Array>;
  /** A version from its start to its end, checked. What cannot be restored ends it with a DamagedError, or is named with `lossy`. */
  stream(version: VersionLike, options?: StreamOptions): AsyncGenerator<StreamPiece, void, void>;
  /** Writes a version; zeros are left out, as a file that was just made longer reads as zeros. */
  saveTo(target: FileSystemFileHandle | SaveTarget, version: VersionLike, options?: StreamOptions): Promise<{ size: number; dataBytes: number; lost: Range[] }>;
  /** Where a file differs from a version, in whole sectors. What cannot be read of the version is lost, and neither equal nor different. */
  compareWith(file: Blob, version: VersionLike, options?: { signal?: AbortSignal }): Promise<Comparison>;
  /**
   * Reads a delta stream of sarsen or Sheepdog to its end, and compares what it tells with the version that it makes, where that is here, and what
   * it does not tell with the version that it is laid on, where that is here too. One of ours says itself which those are; for Sheepdog's name them:
   * `version` and `base`, null for an empty disk. Rejects with a StreamError where something is wrong; its code is `differs` where the stream
   * tells something else than the version has, `untold` where the version differs from its base and the stream does not tell.
   */
  verifyStream(
    file: Blob,
    options?: { version?: VersionLike; base?: VersionLike | null; objectBytes?: number; signal?: AbortSignal },
  ): Promise<StreamReport>;
  /** What is known of each block of a version, in order. */
  blocks(version: VersionLike, options?: { first?: number; signal?: AbortSignal }): AsyncGenerator<Block, void, void>;
  /** One block: its id, and the entries that give it, its own first. */
  describeBlock(version: VersionLike, block: number, options?: { signal?: AbortSignal }): Promise<{ block: number; id: string; state: Block["state"]; entries: { segment: number; offset: number; storedBytes: number }[] }>;
  /**
   * Versions that damage hits, and which ranges of their disks are lost or could not be read (null where that is the record, so all of it); of all
   * versions, or of one. After a scrub that is what it has found; before one, what the repository has noted. Progress is told in bytes of disks.
   */
  damage(options?: {
    version?: VersionLike;
    signal?: AbortSignal;
    onProgress?(progress: { done: number; total: number }): void;
  }): Promise<{ version: Version; lost: Range[] | null; unread: Range[] | null }[]>;
  /** What of each segment is in use, as gc counts it and `sarsen du --json` prints it. `done` and `total` are segments. */
  segments(options?: { signal?: AbortSignal; onProgress?(progress: { done: number; total: number }): void }): Promise<Usage>;
  /** Looks for a newer commit; whether there is one. What is open then is that. */
  refresh(options?: { signal?: AbortSignal }): Promise<boolean>;
  /** Ends what is under way, and gives memory back. */
  close(): Promise<void>;
}

/** The parent of this package's errors. Where something is not about a segment, an offset, a block or a version, it is undefined. */
export class SarsenError extends Error {
  readonly code: string;
  readonly segment?: number;
  readonly offset?: number;
  readonly block?: number;
  readonly version?: string;
}

/** Bytes were read and are not what they must be. */
export class DamagedError extends SarsenError {}
/** Bytes could not be read: nothing is said about whether they are intact. `cause` is what the source said. */
export class ReadError extends SarsenError {}
/** Not a repository, a newer format, no such version, a server without ranges: nothing was done. */
export class RefusedError extends SarsenError {}
/** More memory is needed than there may be. */
export class MemoryError extends SarsenError {
  /** With the code `entries`: how many the repository has, and how many there may be within the `memoryBytes` that it was opened with. */
  readonly entries?: number;
  readonly entriesMax?: number;
  /** What `memoryBytes` would do: exactly enough for this repository's entries, or undefined where no browser can. With the code `memory-bytes`, the least. */
  readonly memoryBytes?: number;
}
/** A stream is not what it must be, or not of this repository. */
export class StreamError extends SarsenError {}
