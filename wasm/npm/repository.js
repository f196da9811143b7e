// A repository that is open for reading. One verb at a time: another one waits until the first has ended.

import { RefusedError } from "./errors.js";
import { Medium } from "./medium.js";
import { Pool } from "./pool.js";
import { Reader } from "./reader.js";
import { abortable, DONE, drive, ear, explained, patiently, readAll } from "./run.js";
import { Zstd } from "./zstd.js";

const CHECK = 0, SCRUB = 1, SCRUB_ONE = 2;
const READ_BYTES = 1 << 20;

/** Workers, all together, and what is under way to and from them may take so much. */
const MEMORY_BYTES = 512 << 20;

/** What an entry of the list says that is yes or no. */
const FLAGS = ["sourceChanged", "protected"];

export class Repository {
  #director;
  #medium;
  #reader;
  #module;
  #glue;
  #source;
  #options;
  #last = Promise.resolve();
  #pool;
  #zstd;

  /** What `init` chose: id, digest, codec, lengths; and the sequence of the newest commit. */
  info;

  /** See `open` in index.js. */
  static async open(source, { glue, module }, options) {
    const repository = new Repository();
    repository.#source = source;
    repository.#options = options;
    repository.#reader = new Reader(source);
    repository.#medium = new Medium(repository.#reader);
    repository.#director = new glue.Repository(repository.#medium);
    repository.#zstd = new Zstd(options.zstd);
    [repository.#glue, repository.#module] = [glue, module];
    try {
      await repository.#turn(options.signal, () => repository.#openNewest(options.signal));
    } catch (error) {
      await repository.close();
      throw error;
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
    return this.#turn(options.signal, () => this.#inspect(options.version === undefined ? SCRUB : SCRUB_ONE, options));
  }

  /** Bytes of a version, checked. */
  read(version, offset, length, { signal } = {}) {
    return this.#turn(signal, async () => {
      await this.#find(version, signal);
      await this.#patiently(() => this.#director.begin_read(this.#zstd), signal);
      const size = this.#director.reading_size();
      if (!(offset >= 0 && length >= 0 && offset + length <= size)) {
        throw new RangeError(`${length} bytes from ${offset} on are not within the ${size} bytes of the disk`);
      }
      const bytes = new Uint8Array(length);
      for (let at = 0; at < length; at += READ_BYTES) {
        const part = bytes.subarray(at, Math.min(at + READ_BYTES, length));
        await this.#patiently(() => this.#director.read(offset + at, part), signal);
      }
      return bytes;
    });
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
    this.#director.free();
    this.#director = undefined;
    await this.#source.close?.();
  }

  /** Bytes that were read of the source so far, and memory of the director's instance. */
  get usage() {
    return { ...this.#reader.counts };
  }

  /** One verb after the other. */
  #turn(signal, verb) {
    const done = this.#last.then(() => {
      if (this.#director === undefined) throw new RefusedError("the repository was closed", { code: "closed" });
      signal?.throwIfAborted();
      this.#medium.retry();
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
    this.#director.describe(ear((_, facts) => (this.info = facts)));
  }

  async #list(signal) {
    const versions = [];
    const listener = ear((_, facts) => versions.push(versionOf(facts)));
    await this.#patiently(() => this.#director.list(listener), signal);
    return versions;
  }

  async #find(version, signal) {
    try {
      await this.#patiently(() => this.#director.find(typeof version === "string" ? version : version.id), signal);
    } catch (error) {
      error.version ??= typeof version === "string" ? version : version.id;
      throw error;
    }
  }

  /** Those who do jobs; made when they are first needed. */
  #hands() {
    const count = this.#options.workers ?? workersFor(this.info);
    const setup = { parameters: this.#director.parameters(), module: this.#module, zstd: this.#options.zstd };
    this.#pool ??= Pool.open(count, this.#glue, setup, (wanted) => readAll(this.#reader, wanted));
    return this.#pool;
  }

  async #inspect(depth, { version, onProgress, onFinding, signal }) {
    if (version !== undefined) await this.#find(version, signal);
    await this.#relist(signal);
    const found = { findings: [], hit: new Set(), report: undefined };
    const progress = new Progress(await this.#bytesOf(depth, signal), onProgress);
    const listener = ear((what, facts) => {
      if (what === "finding") onFinding?.(findingOf(facts));
      if (what === "found") found.findings.push(findingOf(facts));
      if (what === "hit") found.hit.add(`${facts.segment}:${facts.offset}`);
      if (what === "report") found.report = facts;
    });
    this.#director.begin_check(depth);
    await this.#drive({ signal, listener, done: (bytes) => progress.add(bytes) });
    const versions = await this.#list(signal);
    progress.end();
    const only = version === undefined ? undefined : typeof version === "string" ? undefined : version.id;
    return reportOf(depth, found, versions, only);
  }

  /** All segments there are, and not only those that opening needs. */
  async #relist(signal) {
    if (!(await abortable(this.#medium.relist(signal), signal))) throw explained({ class: "unread", code: "failed" }, this.#reader);
  }

  /** Bytes that a scrub is going to read; 0 where that is not known. */
  async #bytesOf(depth, signal) {
    if (depth !== SCRUB) return 0;
    await this.#patiently(() => this.#medium.measure(), signal);
    return this.#medium.segments().reduce((sum, number) => sum + Math.max(0, this.#medium.len(number)), 0);
  }

  async #drive(options) {
    const pool = await this.#hands();
    return drive(this.#director, { pool, medium: this.#medium, reader: this.#reader, ...options });
  }
}

/** As many as there are processors, and as memory allows. */
function workersFor({ blockBytes }) {
  const cores = globalThis.navigator?.hardwareConcurrency ?? 2;
  const each = blockBytes * 5 + (8 << 20); // its buffers, and batches on their way
  return Math.max(1, Math.min(cores, Math.floor(MEMORY_BYTES / 2 / each), 16));
}

function versionOf({ segment, offset, ...facts }) {
  const version = { kind: null, name: null, snapshot: null, base: null, ...facts };
  for (const flag of FLAGS) if (flag in facts) version[flag] = facts[flag] === 1;
  Object.defineProperty(version, "place", { value: `${segment}:${offset}` });
  return version;
}

function findingOf({ kind, segment = null, offset = null }) {
  return { kind, segment, offset };
}

/** What `sarsen check --json` and `scrub --json` print (VERIFY.md), and a verdict in a word for each version. */
function reportOf(depth, { findings, hit, report }, all, only) {
  const judged = all.filter(({ kind, id }) => kind !== "draft" && (only === undefined || only === id));
  const whole = depth === CHECK ? "complete" : "intact";
  const versions = judged.map(({ id, name, snapshot, place }) => {
    const damaged = hit.has(place);
    return { id, name, snapshot, hit: damaged, verdict: damaged ? "damaged" : whole };
  });
  const { segments, entries, bytes, behind, rebuilt, changed } = report;
  return {
    depth: depth === CHECK ? "check" : "scrub",
    findings,
    versions,
    hit: [...new Set(versions.filter(({ hit }) => hit).map(({ id }) => id))].sort(),
    segments,
    entries,
    bytes,
    behind: behind === 1,
    rebuilt: rebuilt === 1,
    changed: changed === 1,
    marks_written: false,
    damaged: findings.length > 0 || versions.some(({ hit }) => hit) || behind === 1 || rebuilt === 1,
  };
}

/** Tells how far it is, not too often. */
class Progress {
  #total;
  #tell;
  #done = 0;
  #began = performance.now();
  #told = 0;

  constructor(total, tell) {
    this.#total = total;
    this.#tell = tell;
    this.#say();
  }

  add(bytes) {
    this.#done += bytes;
    if (performance.now() - this.#told > 50) this.#say();
  }

  end() {
    this.#say();
  }

  #say() {
    this.#told = performance.now();
    const seconds = (this.#told - this.#began) / 1000;
    const rate = seconds > 0 ? this.#done / seconds : 0;
    const left = rate > 0 && this.#total > this.#done ? (this.#total - this.#done) / rate : undefined;
    this.#tell?.({ done: this.#done, total: Math.max(this.#total, this.#done), bytesPerSecond: rate, secondsLeft: left });
  }
}
