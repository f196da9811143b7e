// A repository's directory as a medium for the engine in WebAssembly, which cannot wait: whatever has not been fetched yet is answered
// "pending" and remembered; `settle` fetches it, and the engine asks again. So would a page that reads a URL by ranges.

import { open, readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";

const OK = 0, PENDING = 1, GONE = 2, SHORT = 6, FAILED = 7; // enum sarsen_medium_answer
const NO_SEGMENT = 0xffffffff;
const PIN = 1; // kinds of names: 0 a segment, 1 the head pin

// A range that was fetched is kept until this many others were asked for: no more than core/src/medium.rs demands (READS_A_STEP),
// so that an engine that relies on more is found out.
const RANGES_KEPT = 2048;

export class DirectoryMedium {
  #directory;
  #memory;
  #segments = null; // numbers, ascending, once listed
  #wanted = new Map(); // key -> how to fetch it
  #lengths = new Map();
  #ranges = new Map(); // in the order they were last asked for
  #refused = new Map(); // key -> answer other than OK
  counts = { asked: 0, pending: 0, fetched: 0, bytes: 0 };

  constructor(directory) {
    this.#directory = directory;
  }

  /** What the module imports. Every pointer is one into its memory, which `attach` names. */
  imports() {
    return {
      next: (after) => this.#beside(after >>> 0, (list, at) => list.find((number) => at === NO_SEGMENT || number > at)),
      previous: (before) => this.#beside(before >>> 0, (list, at) => list.findLast((number) => number < at)),
      len: (kind, segment, to) => this.#len(kind, segment >>> 0, to),
      read: (kind, segment, at, to, len) => this.#read(kind, segment >>> 0, at, to, len),
    };
  }

  attach(memory) {
    this.#memory = memory;
  }

  /** Fetches all that was asked for and not there. Answers how much that was. */
  async settle() {
    const wanted = [...this.#wanted.values()];
    this.#wanted.clear();
    await Promise.all(wanted.map((fetch) => fetch()));
    this.counts.fetched += wanted.length;
    return wanted.length;
  }

  #path(kind, segment) {
    return kind === PIN ? join(this.#directory, "head") : join(this.#directory, "segments", `${String(segment).padStart(10, "0")}.seg`);
  }

  /** A number found is answered as it is; -1: there is none; -2: pending. */
  #beside(at, choose) {
    this.counts.asked += 1;
    if (this.#segments === null) {
      this.#want("list", async () => {
        const names = await readdir(join(this.#directory, "segments"));
        this.#segments = names.filter((name) => /^\d{10}\.seg$/.test(name)).map((name) => parseInt(name)).sort((a, b) => a - b);
      });
      return -2n;
    }
    const found = choose(this.#segments, at);
    return found === undefined ? -1n : BigInt(found);
  }

  #len(kind, segment, to) {
    this.counts.asked += 1;
    const key = `${kind}:${segment}`;
    if (this.#refused.has(key)) return this.#refused.get(key);
    if (!this.#lengths.has(key)) {
      return this.#want(key, async () => {
        try {
          this.#lengths.set(key, (await stat(this.#path(kind, segment))).size);
        } catch (error) {
          this.#refused.set(key, error.code === "ENOENT" ? GONE : FAILED);
        }
      });
    }
    new DataView(this.#memory.buffer).setBigUint64(to, BigInt(this.#lengths.get(key)), true);
    return OK;
  }

  #read(kind, segment, at, to, len) {
    this.counts.asked += 1;
    const key = `${kind}:${segment}:${at}:${len}`;
    const bytes = this.#ranges.get(key);
    if (bytes === undefined) return this.#want(key, () => this.#fetch(key, kind, segment, Number(at), len));
    this.#ranges.delete(key); // and to the end of the order
    this.#ranges.set(key, bytes);
    if (typeof bytes === "number") return bytes;
    new Uint8Array(this.#memory.buffer, to, len).set(bytes);
    return OK;
  }

  async #fetch(key, kind, segment, at, len) {
    let answer;
    try {
      const file = await open(this.#path(kind, segment));
      try {
        const { bytesRead, buffer } = await file.read(new Uint8Array(len), 0, len, at);
        answer = bytesRead === len ? buffer : SHORT;
        this.counts.bytes += bytesRead;
      } finally {
        await file.close();
      }
    } catch (error) {
      answer = error.code === "ENOENT" ? GONE : FAILED;
    }
    this.#ranges.set(key, answer);
    while (this.#ranges.size > RANGES_KEPT + 1) this.#ranges.delete(this.#ranges.keys().next().value);
  }

  #want(key, fetch) {
    this.counts.pending += 1;
    this.#wanted.set(key, fetch);
    return PENDING;
  }
}
