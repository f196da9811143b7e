// From a verb that makes pieces to whoever takes them, no further ahead than is good.

import { abortable } from "./run.js";

/** Pieces on their way from the engine to whoever takes them. */
export class Flow {
  #pieces = [];
  #held = 0;
  #most;
  #ended = false;
  #error;
  #arrived = () => {};
  #taken = () => {};

  constructor(most) {
    this.#most = most;
  }

  put(pieces) {
    if (pieces.length === 0) return;
    this.#pieces.push(...pieces);
    for (const { bytes } of pieces) this.#held += bytes?.length ?? 0;
    this.#arrived();
  }

  end(error) {
    [this.#ended, this.#error] = [true, error];
    this.#arrived();
  }

  /** Waits until there is room for more. */
  async room(signal) {
    while (this.#held > this.#most) await abortable(new Promise((resolve) => (this.#taken = resolve)), signal);
  }

  async *[Symbol.asyncIterator]() {
    for (;;) {
      while (this.#pieces.length > 0) {
        const pieces = this.#pieces;
        [this.#pieces, this.#held] = [[], 0];
        this.#taken();
        yield* pieces;
      }
      if (this.#ended && this.#error) throw this.#error;
      if (this.#ended) return;
      await new Promise((resolve) => (this.#arrived = resolve));
    }
  }
}
