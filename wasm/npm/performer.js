// Does batches of jobs, in a worker or beside the director. What a job needs and has not got, it asks for, and goes on.

import { Ranges } from "./ranges.js";
import { Zstd } from "./zstd.js";
import { FileDisk } from "./disk.js";

const DONE = 0, PENDING = 1, ZSTD = 5;

export class Performer {
  #ranges = new Ranges();
  #zstd;
  #disk;
  #worker;
  #fetch;

  /** `fetch` is given ranges that are wanted, and answers with them. */
  constructor(glue, { parameters, zstd, file }, fetch) {
    this.#zstd = new Zstd(zstd);
    this.#worker = new glue.Worker(parameters, this.#ranges, this.#zstd);
    this.#disk = file && new FileDisk(file);
    if (this.#disk) this.#worker.compare_with(this.#disk);
    this.#fetch = fetch;
  }

  /** The outcomes of a batch, as the director takes them. */
  async perform(jobs, ranges) {
    this.#ranges.begin(ranges);
    this.#worker.begin(jobs);
    for (;;) {
      const answer = this.#worker.work();
      if (answer === DONE) return this.#worker.outcomes();
      if (answer === ZSTD) await this.#zstd.load();
      if (answer === PENDING) await this.#settle();
    }
  }

  async #settle() {
    const wanted = this.#ranges.wanted();
    if (wanted.length > 0) this.#ranges.add(await this.#fetch(wanted));
    else if (!(await this.#disk?.settle())) throw new Error("a job waits for nothing");
  }

  free() {
    this.#worker.free();
  }
}
