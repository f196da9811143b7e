// How far a verb is, told not too often.

/** Tells how far it is, not too often. */
export class Progress {
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
