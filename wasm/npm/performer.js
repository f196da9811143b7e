// Does batches of jobs, in a worker or beside the director. What a job needs and has not got, it asks for, and goes on.

import { Ranges } from "./ranges.js";
import { Zstd } from "./zstd.js";
import { FileDisk } from "./disk.js";

const DONE = 0, PENDING = 1, ZSTD = 5, HASH = 6;
const DIGEST_BYTES = 32;

export class Performer {
  #ranges = new Ranges();
  #zstd;
  #disk;
  #worker;
  #fetch;
  #memory;
  #digests = []; // of the batch, on their way

  /** `fetch` is given ranges that are wanted, and answers with them. */
  constructor({ glue, memory }, { parameters, zstd, hashing }, fetch) {
    this.#zstd = new Zstd(zstd);
    this.#worker = new glue.Worker(parameters, this.#ranges, this.#zstd);
    this.#worker.hash_outside(hashing === "webcrypto");
    this.#memory = memory;
    this.#fetch = fetch;
  }

  /** The file that versions are compared with from now on; none to forget it. */
  compare(file) {
    this.#disk = file && new FileDisk(file);
    this.#worker.compare_with(this.#disk);
  }

  /** The outcomes of a batch, as the director takes them. */
  async perform(jobs, ranges) {
    this.#ranges.begin(ranges);
    this.#digests = []; // of one that was broken off
    this.#worker.begin(jobs);
    for (;;) {
      const answer = this.#worker.work();
      if (answer === DONE) return this.#outcomes();
      if (answer === HASH) this.#hash(this.#worker.frames());
      if (answer === ZSTD) await this.#zstd.load();
      if (answer === PENDING) await this.#settle();
    }
  }

  /** Frames are copied when hashing begins, so the engine may go on at once. */
  #hash(frames) {
    for (let at = 0; at < frames.length; at += 2) {
      this.#digests.push(crypto.subtle.digest("SHA-256", new Uint8Array(this.#memory.buffer, frames[at], frames[at + 1])));
    }
  }

  async #outcomes() {
    const digests = this.#digests;
    this.#digests = [];
    if (digests.length > 0) {
      const all = new Uint8Array(digests.length * DIGEST_BYTES);
      (await Promise.all(digests)).forEach((digest, at) => all.set(new Uint8Array(digest), at * DIGEST_BYTES));
      this.#worker.hashed(all);
    }
    return this.#worker.outcomes();
  }

  async #settle() {
    const wanted = this.#ranges.wanted();
    if (wanted.length > 0) this.#ranges.add(await this.#fetch(wanted));
    else if (!(await this.#disk?.settle())) throw new Error("a job waits for nothing");
  }

  /** Memory of the decoder beside the engine. */
  get decoderBytes() {
    return this.#zstd.memoryBytes;
  }

  free() {
    this.#worker.free();
  }
}
