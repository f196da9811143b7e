// A repository that is open for reading. One verb at a time: another one waits until the first has ended.

import { fasterHash } from "./engine.js";
import { DamagedError, RefusedError } from "./errors.js";
import { Flow } from "./flow.js";
import { Medium } from "./medium.js";
import { Pieces } from "./pieces.js";
import { Pool } from "./pool.js";
import { Progress } from "./progress.js";
import { Reader } from "./reader.js";
import { findingOf, reportOf, versionOf } from "./report.js";
import { abortable, AGAIN, DONE, drive, ear, explained, patiently, PENDING, readAll } from "./run.js";
import { verifyStream } from "./stream.js";
import { Zstd } from "./zstd.js";

const CHECK = 0, SCRUB = 1, SCRUB_ONE = 2, SCRUB_STORED = 3;
const READ_BYTES = 1 << 20;

/** Workers, all together, and what is under way to and from them may take so much. With an index of 2^24 entries, which takes 285 MiB, and pages of
 * tables, which take 32, that makes less than 512 MiB. */
const WORKERS_BYTES = 180 << 20;

/** A scrub of more counts entries before it reads them: there may be too many. */
const UNCOUNTED_BYTES = 2 ** 31;

/** So much of a stream waits to be taken before more is read. */
const AHEAD_BYTES = 16 << 20;
/** So many blocks are told of at once. */
const MAP_BLOCKS = 4096;
/** Whoever wants to know how far a count is, is told so often. */
const TELL_MS = 50;
const STATES = ["zero", "stored", "delta", "lost", "unreadable"];

export class Repository {
  #director;
  #medium;
  #reader;
  #engine;
  #source;
  #options;
  #last = Promise.resolve();
  #turns = 0;
  #mapped; // {version, turn} of the last map
  #pool;
  #zstd;
  #workersBytes = 0;
  #underWay = { now: 0, most: 0 }; // bytes of batches

  /** What `init` chose: id, digest, codec, lengths; and the sequence of the newest commit. */
  info;

  /** See `open` in index.js. */
  static async open(source, engine, options) {
    const repository = new Repository();
    repository.#source = source;
    repository.#options = options;
    repository.#reader = new Reader(source);
    repository.#medium = new Medium(repository.#reader);
    repository.#zstd = new Zstd(options.zstd);
    repository.#engine = engine;
    try {
      repository.#director = new engine.glue.Repository(repository.#medium, options.memoryBytes);
      await repository.#turn(options.signal, () => repository.#openNewest(options.signal));
    } catch (error) {
      await repository.close();
      throw explained(error, repository.#reader);
    }
    return repository;
  }

  /** Versions and drafts, oldest first. */
  versions({ signal } = {}) {
    return this.#turn(signal, async () => this.#list(signal));
  }

  /** Structure: whether everything that a version needs is there. No payload is read. */
  check(options = {}) {
    return this.#turn(options.signal, () => this.#inspect(CHECK, options));
  }

  /** Every byte. */
  scrub(options = {}) {
    const { version, method = "decoded" } = options;
    const depth = version !== undefined ? SCRUB_ONE : method === "stored" ? SCRUB_STORED : SCRUB;
    return this.#turn(options.signal, () => this.#inspect(depth, options));
  }

  /** Bytes of a version, checked. */
  read(version, offset, length, { signal } = {}) {
    return this.#turn(signal, async () => {
      const fill = await this.#reading(version, signal);
      const size = this.#director.reading_size();
      if (!(offset >= 0 && length >= 0 && offset + length <= size)) {
        throw new RangeError(`${length} bytes from ${offset} on are not within the ${size} bytes of the disk`);
      }
      const bytes = new Uint8Array(length);
      for (let at = 0; at < length; at += READ_BYTES) {
        const part = bytes.subarray(at, Math.min(at + READ_BYTES, length));
        await fill(offset + at, part);
      }
      return bytes;
    });
  }

  /** A version from its start to its end, checked: pieces {offset, length, bytes}, without bytes where all is zero. */
  async *stream(version, { lossy = false, onProgress, signal } = {}) {
    const flow = new Flow(AHEAD_BYTES);
    const stop = new AbortController();
    const both = signal ? AbortSignal.any([signal, stop.signal]) : stop.signal;
    const ended = this.#turn(both, () => this.#restore(version, flow, { lossy, onProgress, signal: both })).then(() => flow.end(), (error) => flow.end(error));
    try {
      yield* flow;
    } finally {
      stop.abort(new DOMException("the stream was left", "AbortError"));
      await ended;
    }
  }

  /** Writes a version to a file handle, or to an object with `write(offset, bytes)` and `truncate(size)`; zeros are left out where that is the same. */
  async saveTo(target, version, options = {}) {
    const { size } = await this.#describe(version, options.signal);
    const file = typeof target.createWritable === "function" ? await handleTarget(target) : target;
    let dataBytes = 0;
    const lost = [];
    try {
      await file.truncate(0);
      await file.truncate(size);
      for await (const { offset, length, bytes, lost: gone } of this.stream(version, options)) {
        if (gone) lost.push({ offset, length });
        if (!bytes) continue;
        dataBytes += length;
        await file.write(offset, bytes);
      }
    } catch (error) {
      await file.abort?.(error);
      throw error;
    }
    await file.close?.();
    return { size, dataBytes, lost };
  }

  /** Where a file differs from a version: ranges of the disk, in whole sectors. */
  compareWith(file, version, { onProgress, signal } = {}) {
    return this.#turn(signal, async () => {
      await this.#find(version, signal);
      const pool = await this.#hands();
      const told = { differences: [], lost: [], report: undefined };
      const note = (offset, length) => {
        const last = told.differences.at(-1);
        if (last && last.offset + last.length === offset) last.length += length;
        else told.differences.push({ offset, length });
      };
      const sink = { data: (offset, bytes) => note(offset, bytes.length), zero: note };
      const listener = ear((what, facts) => {
        if (what === "lost") told.lost.push({ offset: facts.offset, length: facts.length });
        if (what === "report") told.report = facts;
      });
      await this.#patiently(() => this.#director.begin_compare(sink), signal);
      await pool.compare(file);
      try {
        await this.#drive({ signal, listener, done: () => onProgress?.({}) });
      } finally {
        await pool.compare(undefined).catch(() => {});
      }
      const differences = without(told.differences, told.lost);
      const size = told.report.diskSize;
      const equal = differences.length === 0 && told.lost.length === 0 && file.size === size;
      return { equal, size, fileSize: file.size, differences, lost: told.lost };
    });
  }

  /** Whether a delta stream is whole, tells of what the repository has, and tells all of it. */
  verifyStream(file, { version, base, objectBytes = 4 << 20, signal } = {}) {
    return this.#turn(signal, () => this.#verify(file, { version, base, objectBytes, signal }));
  }

  /** What is known of each block of a version, in order: {block, offset, length, state, shared, segment, at, storedBytes}. */
  async *blocks(version, { first = 0, signal } = {}) {
    for (let from = first; ; ) {
      const some = await this.#turn(signal, () => this.#map(version, from, signal));
      yield* some;
      if (some.length < MAP_BLOCKS) return;
      from += some.length;
    }
  }

  /** One block: its id, and the entries that give it. */
  describeBlock(version, block, { signal } = {}) {
    return this.#turn(signal, async () => {
      const [{ state } = {}] = await this.#map(version, block, signal, 1);
      if (state === undefined) throw new RangeError(`there is no block ${block}`);
      let id, entries;
      await this.#patiently(() => {
        entries = [];
        return this.#director.describe_block(block, ear((what, facts) => (what === "block" ? (id = facts.id) : entries.push(facts))));
      }, signal);
      return { block, id, state, entries };
    });
  }

  /**
   * What of each version, or of one, is lost or could not be read, as ranges of its disk: after a scrub as that has found, otherwise as the
   * repository knows.
   */
  async damage({ version: wanted, onProgress, signal } = {}) {
    const versions = await this.#judged(wanted, signal);
    const total = versions.reduce((sum, { size = 0 }) => sum + size, 0);
    const hit = [];
    let done = 0;
    for (const version of versions) {
      const of = version.unread ? { version, lost: [], unread: null } : { version, lost: null, unread: [] };
      if (version.kind !== null) Object.assign(of, await this.#lostOf(version, signal, (bytes) => onProgress?.({ done: (done += bytes), total })));
      if (of.lost === null || of.lost.length > 0 || of.unread === null || of.unread.length > 0) hit.push(of);
    }
    return hit;
  }

  /** What of each segment versions and drafts need: {segments: [{segment, bytes, liveBytes, deadBytes}], bytes, liveBytes, deadBytes, complete}. */
  segments({ onProgress, signal } = {}) {
    return this.#turn(signal, () => this.#count({ onProgress, signal }));
  }

  /** Looks for the newest commit: whether there is a newer one than before. */
  refresh({ signal } = {}) {
    return this.#turn(signal, async () => {
      const before = this.info.commit;
      this.#medium.forget();
      await this.#openNewest(signal);
      return this.info.commit !== before;
    });
  }

  /** Ends everything; the repository cannot be used any more. */
  async close() {
    this.#pool?.then((pool) => pool.close(), () => {});
    await this.#last;
    this.#director?.free();
    this.#director = undefined;
    await this.#source.close?.();
  }

  /** What was read of the source so far, and the most memory there was: of the index, of all engines and decoders besides, of batches on their way, and of pages kept. */
  get usage() {
    const index = this.#director?.index_bytes() ?? 0;
    const memory = {
      index,
      director: this.#engine.memory.buffer.byteLength - index + this.#zstd.memoryBytes,
      workers: this.#workersBytes,
      batches: this.#underWay.most,
      pages: this.#medium.mostBytes,
    };
    return { ...this.#reader.counts, memory, memoryBytes: Object.values(memory).reduce((sum, bytes) => sum + bytes) };
  }

  /** One verb after the other. */
  #turn(signal, verb) {
    const done = this.#last.then(() => {
      if (this.#director === undefined) throw new RefusedError("the repository was closed", { code: "closed" });
      signal?.throwIfAborted();
      this.#medium.retry();
      this.#turns += 1;
      return verb();
    });
    this.#last = done.catch(() => {});
    return done;
  }

  #patiently(call, signal) {
    return patiently(call, { medium: this.#medium, reader: this.#reader, signal, zstd: this.#zstd });
  }

  async #openNewest(signal) {
    await this.#patiently(() => this.#director.open(), signal);
    this.#medium.opened();
    this.#director.describe(ear((_, facts) => (this.info = facts)));
  }

  async #list(signal) {
    const versions = [];
    let tags = []; // of the version that is told next
    const listener = ear((what, facts) => {
      if (what === "tag") return tags.push(facts.tag);
      versions.push(versionOf(facts, tags));
      tags = [];
    });
    await this.#patiently(() => this.#director.list(listener), signal);
    return versions;
  }

  async #find(version, signal) {
    if (version.record) {
      const [segment, offset] = version.place.split(":").map(Number);
      return this.#director.choose(bytesOfHex(version.record), segment, offset);
    }
    const text = typeof version === "string" ? version : version.id;
    try {
      await this.#patiently(() => this.#director.find(text), signal);
    } catch (error) {
      error.version ??= text;
      throw error;
    }
  }

  /** Those who do jobs; made when they are first needed. */
  #hands() {
    this.#pool ??= this.#openPool();
    return this.#pool;
  }

  async #openPool() {
    const count = this.#options.workers ?? workersFor(this.info);
    const { hashing = "auto" } = this.#options;
    this.hashing = hashing === "auto" ? await fasterHash(this.#engine.glue) : hashing;
    const { module } = this.#engine;
    const setup = { parameters: this.#director.parameters(), module, zstd: this.#options.zstd, hashing: this.hashing };
    return Pool.open(count, this.#engine, setup, (wanted) => readAll(this.#reader, wanted), this.#options.worker);
  }

  async #inspect(depth, { version, sample = 100, onProgress, onFinding, ready, signal }) {
    if (!(sample > 0 && sample <= 100)) throw new RangeError(`a sample of ${sample} percent: more than 0 and at most 100`);
    if (version !== undefined) await this.#find(version, signal);
    const only = version === undefined ? undefined : this.#director.found_at().join(":");
    await this.#relist(signal);
    const found = { findings: [], hit: new Set(), unread: new Set(), report: undefined };
    const bytes = await this.#bytesOf(depth, signal);
    if (bytes > UNCOUNTED_BYTES) await this.#patiently(() => this.#director.count_entries(), signal);
    const progress = new Progress(bytes, onProgress);
    const listener = ear((what, facts) => {
      if (what === "finding") onFinding?.(findingOf(facts));
      if (what === "found") found.findings.push(findingOf(facts));
      if (what === "hit" || what === "unread") found[what].add(`${facts.segment}:${facts.offset}`);
      if (what === "report") found.report = facts;
    });
    await this.#hands();
    this.#director.begin_check(depth, Math.ceil(sample));
    await this.#drive({ signal, listener, drain: ready, done: (bytes) => progress.add(bytes) });
    const versions = await this.#list(signal);
    progress.end();
    const method = { [SCRUB]: "decoded", [SCRUB_ONE]: "decoded", [SCRUB_STORED]: "stored" }[depth] ?? null;
    return reportOf(depth === CHECK, found, versions, only, { method, hashing: method !== null && this.info.digest === "sha256" ? this.hashing : "wasm" });
  }

  /** There are no jobs in this: the director does it alone. */
  async #count({ onProgress, signal }) {
    await this.#relist(signal);
    const segments = [], total = this.#medium.segments().length;
    let report, told = 0;
    const listener = ear((what, facts) => {
      if (what === "segment") segments.push(withDead(facts));
      if (what === "report") report = withDead({ ...facts, complete: facts.complete === 1 });
    });
    this.#director.begin_usage();
    try {
      await this.#patiently(() => {
        const answer = this.#director.turn(listener);
        if (performance.now() - told > TELL_MS) {
          told = performance.now();
          onProgress?.({ done: this.#director.counted(), total });
        }
        return answer;
      }, signal);
    } finally {
      this.#director.stop();
    }
    return { segments, ...report };
  }

  async #restore(version, flow, { lossy, onProgress, signal }) {
    await this.#find(version, signal);
    const pieces = new Pieces();
    const listener = ear((what, facts) => {
      if (what === "lost") pieces.lose(facts.offset);
    });
    await this.#patiently(() => this.#director.begin_restore(pieces), signal);
    const hand = () => {
      if (!lossy && pieces.lost.length > 0) throw lostError(pieces.lost[0], this.info, version);
      flow.put(pieces.take());
      return flow.room(signal);
    };
    await this.#drive({ signal, listener, drain: hand, done: () => onProgress?.({}) });
    await hand();
  }

  async #describe(version, signal) {
    if (typeof version !== "string") return version;
    return this.#turn(signal, async () => {
      await this.#reading(version, signal);
      return { size: this.#director.reading_size() };
    });
  }

  async #map(version, first, signal, most = MAP_BLOCKS) {
    // What is prepared is still there, unless something else was done since.
    const isNext = this.#mapped?.version === version && this.#mapped.turn === this.#turns - 1;
    this.#mapped = undefined;
    if (!isNext) {
      await this.#reading(version, signal);
      await this.#patiently(() => this.#director.begin_map(), signal);
    }
    const size = this.#director.reading_size();
    const { blockBytes } = this.info;
    const facts = new Uint32Array(most * 4);
    const done = await this.#toldOf(most, (done) => this.#director.map(first + done, facts.subarray(done * 4)), signal);
    this.#mapped = { version, turn: this.#turns };
    return Array.from({ length: done }, (_, at) => {
      const [state, segment, start, storedBytes] = facts.subarray(at * 4, at * 4 + 4);
      const offset = (first + at) * blockBytes;
      const block = { block: first + at, offset, length: Math.min(blockBytes, size - offset), state: STATES[state & 255], shared: state >= 256 };
      return block.state === "stored" || block.state === "delta" ? { ...block, segment, at: start, storedBytes } : block;
    });
  }

  /** All versions, or the one that is wanted. */
  async #judged(wanted, signal) {
    const versions = (await this.versions({ signal })).filter(({ kind }) => kind !== "draft");
    if (wanted === undefined) return versions;
    const place = await this.#turn(signal, async () => (await this.#find(wanted, signal), this.#director.found_at().join(":")));
    return versions.filter((version) => version.place === place);
  }

  async #lostOf(version, signal, passed) {
    const ranges = { lost: [], unreadable: [] };
    for (let first = 0, some; some === undefined || some.length === MAP_BLOCKS; first += MAP_BLOCKS) {
      some = await this.#turn(signal, () => this.#map(version, first, signal));
      for (const { offset, length, state } of some) {
        const last = ranges[state]?.at(-1);
        if (last && last.offset + last.length === offset) last.length += length;
        else ranges[state]?.push({ offset, length });
      }
      passed(some.reduce((sum, { length }) => sum + length, 0));
    }
    return { lost: ranges.lost, unread: ranges.unreadable };
  }

  async #verify(file, { version, base, objectBytes, signal }) {
    await this.#zstd.load();
    const versions = await this.#list(signal);
    const listed = async (version) => {
      await this.#find(version, signal);
      const found = this.#director.found_at().join(":");
      return versions.find(({ place }) => place === found);
    };
    const chosen = version === undefined ? undefined : await listed(version);
    const laidOn = base === undefined || base === null ? base : await listed(base);
    const stream = new this.#engine.glue.Stream(this.#zstd);
    try {
      const reading = (target, below) => this.#beside(target, below, signal);
      return await verifyStream(file, stream, { versions, chosen, base: laidOn, objectBytes, signal, info: this.info, reading });
    } catch (error) {
      throw explained(error, this.#reader, { version: chosen?.id });
    } finally {
      stream.free();
    }
  }

  /** Prepares to read a version beside another one, if that has an id: what fills bytes from an offset of each, and how their blocks differ. */
  async #beside(version, below, signal) {
    const fill = await this.#reading(version, signal);
    await this.#patiently(() => this.#director.begin_contrast(), signal);
    if (below?.id !== undefined) {
      await this.#find(below, signal);
      await this.#patiently(() => this.#director.begin_below(), signal);
    }
    const fillBelow = (offset, to) => this.#patiently(() => this.#director.read_below(offset, to), signal);
    const facts = async (first, most) => {
      const some = new Uint8Array(most);
      return some.subarray(0, await this.#toldOf(most, (done) => this.#director.contrast(first + done, some.subarray(done)), signal));
    };
    return { fill, fillBelow, facts };
  }

  /** Repeats a call of the engine that answers how many it told of, or -1 while it is pending, until those are as `most`, or there are no more. */
  async #toldOf(most, call, signal) {
    let done = 0;
    await this.#patiently(() => {
      const told = call(done);
      if (told < 0) return PENDING;
      done += told;
      return told === 0 || done === most ? DONE : AGAIN;
    }, signal);
    return done;
  }

  /** Prepares to read a version; what fills bytes from an offset. */
  async #reading(version, signal) {
    await this.#find(version, signal);
    await this.#patiently(() => this.#director.begin_read(this.#zstd), signal);
    return (offset, to) => this.#patiently(() => this.#director.read(offset, to), signal);
  }

  /** All segments there are, and not only those that opening needs. */
  async #relist(signal) {
    if (!(await abortable(this.#medium.relist(signal), signal))) throw explained({ class: "unread", code: "failed" }, this.#reader);
  }

  /** Bytes that a scrub is going to read; 0 where that is not known. */
  async #bytesOf(depth, signal) {
    if (depth !== SCRUB && depth !== SCRUB_STORED) return 0;
    await this.#patiently(() => this.#medium.measure(), signal);
    return this.#medium.segments().reduce((sum, number) => sum + Math.max(0, this.#medium.len(number)), 0);
  }

  async #drive(options) {
    const pool = await this.#hands();
    await drive(this.#director, { pool, medium: this.#medium, reader: this.#reader, underWay: this.#underWay, ...options });
    this.#workersBytes = pool.memoryBytes;
  }
}

/** As many as there are processors, and as memory allows. */
function workersFor({ blockBytes }) {
  const cores = globalThis.navigator?.hardwareConcurrency ?? 2;
  const each = blockBytes * 5 + (12 << 20); // its buffers, and batches on their way
  return Math.max(1, Math.min(cores, Math.floor(WORKERS_BYTES / each), 16));
}

/** Dead is what is not in use: what no version or draft needs, and headers, commits and footers. */
const withDead = (facts) => ({ ...facts, deadBytes: facts.bytes - facts.liveBytes });

function lostError({ offset }, { blockBytes }, version) {
  return new DamagedError(`damaged: from byte ${offset} of the disk on it cannot be restored; scrub() says what else is hit`, {
    code: "lost", offset, block: Math.floor(offset / blockBytes), version: typeof version === "string" ? version : version.id,
  });
}

function bytesOfHex(hex) {
  return Uint8Array.from(hex.match(/../g), (digits) => parseInt(digits, 16));
}

/** Ranges without those that are in others. */
function without(ranges, others) {
  const left = [];
  for (let { offset, length } of ranges) {
    for (const other of others) {
      if (other.offset + other.length <= offset || other.offset >= offset + length) continue;
      if (other.offset > offset) left.push({ offset, length: other.offset - offset });
      const end = offset + length;
      offset = Math.min(end, other.offset + other.length);
      length = end - offset;
    }
    if (length > 0) left.push({ offset, length });
  }
  return left;
}

async function handleTarget(handle) {
  const writable = await handle.createWritable();
  return {
    truncate: (size) => writable.truncate(size),
    write: (position, data) => writable.write({ type: "write", position, data }),
    abort: (reason) => writable.abort(reason),
    close: () => writable.close(),
  };
}
