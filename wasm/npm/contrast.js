// A version beside the one that a stream is laid on: what the stream tells must be in the one, and what it does not tell must be the same in both.
// Blocks whose ids say so already are not read.

import { StreamError } from "./errors.js";
import { pace } from "./run.js";

/** What the engine says of a block; see `contrast` there. */
const HAS_DATA = 1, IS_UNLIKE = 2;
/** Ids of so many blocks are compared at once. */
const BLOCKS = 4096;

/** A version's disk, a frame at a time: ranges that are asked for in order have each frame decoded once. Behind its end are zeros. */
class Frames {
  #fill;
  #size;
  #bytes;
  #start = -1;

  constructor(fill, size, frameBytes) {
    this.#fill = fill;
    this.#size = size;
    this.#bytes = new Uint8Array(frameBytes);
  }

  /** A range within one frame. */
  async part(start, end) {
    const first = start - (start % this.#bytes.length);
    if (first !== this.#start) {
      this.#start = -1;
      const length = Math.max(0, Math.min(this.#bytes.length, this.#size - first));
      this.#bytes.fill(0, length);
      if (length > 0) await this.#fill(first, this.#bytes.subarray(0, length));
      this.#start = first;
    }
    return this.#bytes.subarray(start - first, end - first);
  }
}

export class Contrast {
  #target;
  #frames;
  #below;
  #facts;
  #known = { first: 0, facts: new Uint8Array() };
  #at;
  #info;
  #pace;

  /**
   * `target` is the version, `fill` reads it, `facts` compares ids of blocks with those of `below`, which `fillBelow` reads; undefined where it is not
   * known what lies below, and what is not told cannot be compared. Nothing is said of what lies before `start`.
   */
  constructor({ target, fill, below, fillBelow, facts, start, info, signal }) {
    this.#target = target;
    this.#frames = new Frames(fill, target.size, info.frameBytes);
    this.#below = below && new Frames(fillBelow, below.size, info.frameBytes);
    this.#facts = facts;
    this.#at = start;
    this.#info = info;
    this.#pace = pace(signal);
  }

  /** The stream tells of this, and of nothing between the end of what it told before and this. Without bytes it is zeros. */
  async told({ offset, length, bytes }) {
    await this.end(offset);
    this.#at = offset + length;
    if (bytes) await this.#compare(offset, this.#at, 0, (start, end) => bytes.subarray(start - offset, end - offset), "differs");
    else await this.#compare(offset, this.#at, HAS_DATA, () => undefined, "differs");
  }

  /** The stream tells of nothing more up to there. */
  async end(end) {
    if (this.#below) await this.#compare(this.#at, end, IS_UNLIKE, (from, to) => this.#below.part(from, to), "untold");
  }

  /** Compares the version with the `other`, but for blocks that lack the `fact`, if there is one. */
  async #compare(start, end, fact, other, code) {
    const { blockBytes, frameBytes } = this.#info;
    for (let at = start, next; at < end; at = next) {
      const wait = this.#pace();
      if (wait) await wait;
      next = fact === 0 ? at : Math.max(at, blockBytes * (await this.#nextWith(fact, Math.floor(at / blockBytes))));
      if (next > at) continue;
      next = Math.min(end, at - (at % frameBytes) + frameBytes);
      const within = firstDifference(await this.#frames.part(at, next), await other(at, next));
      if (within >= 0) throw this.#wrong(at + within, code);
    }
  }

  /** The first block from this one on that has the fact, or of which nothing is known yet. */
  async #nextWith(fact, block) {
    if (this.#known.facts[block - this.#known.first] === undefined) this.#known = { first: block, facts: await this.#facts(block, BLOCKS) };
    const { first, facts } = this.#known;
    let at = block - first;
    while (at < facts.length && (facts[at] & fact) === 0) at++;
    return first + at;
  }

  #wrong(offset, code) {
    const { id } = this.#target;
    const words = {
      differs: `at byte ${offset} of the disk the stream differs from ${id}`,
      untold: `at byte ${offset} of the disk ${id} differs from what the stream is laid on, and the stream does not tell; ask for it again where it was made`,
    };
    return new StreamError(words[code], { code, offset, block: Math.floor(offset / this.#info.blockBytes), version: id });
  }
}

/** Where two runs of equal length differ first, or -1; the other may be undefined, which is zeros. */
function firstDifference(here, there) {
  for (let at = 0; at < here.length; at++) if (here[at] !== (there === undefined ? 0 : there[at])) return at;
  return -1;
}
