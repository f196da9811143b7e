// A worker's medium: the ranges that came with a batch of jobs. What a job needs besides is remembered as wanted.

import { FAILED, OK, PENDING, SHORT } from "./reader.js";

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
    const range = this.#ranges.findLast((range) => range.name === name && range.start <= at && range.end >= end);
    if (range === undefined) {
      this.#wanted.push({ name, start: at, end: Math.max(end, at + AHEAD_BYTES) });
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
