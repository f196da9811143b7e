// A worker's medium: the ranges that came with a batch of jobs. What a job needs besides is remembered as wanted.

import { FAILED, isPartly, OK, PENDING, SHORT } from "./reader.js";

/** Small reads are asked for with what lies behind them, which is mostly wanted next. */
const AHEAD_BYTES = 64 << 10;

export class Ranges {
  #ranges = [];
  #wanted = [];

  /** What a batch reads, and nothing of the one before. */
  begin(ranges) {
    this.#ranges = ranges;
    this.#wanted = [];
  }

  /** More of it. */
  add(ranges) {
    this.#ranges.push(...ranges);
  }

  /** What is wanted since this was asked last. */
  wanted() {
    const wanted = this.#wanted;
    this.#wanted = [];
    return wanted;
  }

  read(name, at, to) {
    const end = at + to.length;
    const around = this.#ranges.filter((range) => range.name === name && range.start <= at && range.end >= end);
    const range = around.findLast(({ bytes }) => bytes) ?? around.at(-1);
    // Where more than this was asked for and could not be read, it need not be these bytes.
    const exactly = isPartly(range?.code) && around.every((failed) => failed.start !== at || failed.end !== end);
    if (range === undefined || exactly) {
      this.#wanted.push({ name, start: at, end: exactly ? end : Math.max(end, at + AHEAD_BYTES) });
      return PENDING;
    }
    if (range.code !== undefined) return range.code;
    if (end - range.start > range.bytes.length) return SHORT;
    to.set(range.bytes.subarray(at - range.start, end - range.start));
    return OK;
  }

  // Jobs name their places, and neither list nor measure.
  next = () => FAILED;
  previous = () => FAILED;
  len = () => FAILED;
}
