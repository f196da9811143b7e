// The director's medium. The engine cannot wait, so what was not fetched yet is answered "pending" and remembered; `settle` fetches it, and the
// engine asks again, from the start of its step. What a step has asked for stays until the step is done; of the rest, as much as fits.

import { segmentOf } from "./names.js";
import { FAILED, isPartly, OK, PENDING, SHORT } from "./reader.js";

const PAGE_BYTES = 16 << 10;
const KEPT_BYTES = 32 << 20;
/** Pages are fetched together where no more than so many lie between them. */
const NEAR_PAGES = 4;
/** What is asked for no further from the end of what was fetched last goes on from there: objects lie nearly in the order they are asked for. */
const NEXT_PAGES = 16;
/** Where pages are wanted behind others, each fetch takes twice as many as the last, up to this: a step that must wait begins anew. */
const AHEAD_PAGES = 512;
const NONE = -1;

export class Medium {
  #reader;
  #numbers; // of segments, ascending, once listed
  #all = false; // whether those are all there are
  #opened = false;
  #sizes = new Map(); // name -> bytes, or a code
  #pages = new Map(); // "name:page" -> {bytes or code, step}, in the order they were last used
  #held = 0;
  #most = 0;
  #step = 0;
  #wanted = new Map(); // key -> how to fetch it
  #missing = new Map(); // name -> pages that were asked for
  #fetched = { name: NONE, end: NONE, pages: 0 }; // the run fetched last

  constructor(reader) {
    this.#reader = reader;
  }

  /** To open, any segment will do, for its header; whoever wants another one, or asks later, wants all of them. */
  next(after) {
    return this.#beside((numbers) => numbers[after < 0 ? 0 : above(numbers, after)], after >= 0 || this.#opened);
  }

  /** Those behind the newest commit's segment were listed in any case; below it there may be more. */
  previous(before) {
    const choose = (numbers) => numbers[(before < 0 ? numbers.length : above(numbers, before - 1)) - 1];
    const found = this.#beside(choose, false);
    return found === NONE ? this.#beside(choose, true) : found;
  }

  len(name) {
    const size = this.#sizes.get(name);
    if (size !== undefined) return size;
    return this.#want(`size:${name}`, async (signal) => void this.#sizes.set(name, await this.#reader.size(name, signal)));
  }

  read(name, at, to) {
    const first = Math.floor(at / PAGE_BYTES), last = Math.floor((at + to.length - 1) / PAGE_BYTES);
    let missing = false;
    for (let page = first; page <= last; page++) missing = this.#use(name, page) === undefined || missing;
    if (missing) return this.#wantPages(name, first, last);
    for (let page = first; page <= last; page++) {
      const { bytes, code } = this.#pages.get(`${name}:${page}`);
      if (isPartly(code)) return this.#readExactly(name, at, to);
      if (code !== undefined) return code;
      const start = page * PAGE_BYTES, from = Math.max(at, start), end = Math.min(at + to.length, start + PAGE_BYTES);
      if (end - start > bytes.length) return SHORT;
      to.set(bytes.subarray(from - start, end - start), from - at);
    }
    return OK;
  }

  /** A page could not be read, which may be for bytes that nobody needs. */
  #readExactly(name, at, to) {
    const key = `${at}+${to.length}`;
    const part = this.#use(name, key);
    if (part === undefined) {
      return this.#want(`${name}:${key}`, async (signal) => {
        const { bytes, code } = await this.#reader.read(name, at, at + to.length, signal);
        this.#keep(`${name}:${key}`, { bytes, code, step: this.#step });
      });
    }
    if (part.code !== undefined) return part.code;
    if (part.bytes.length < to.length) return SHORT;
    to.set(part.bytes);
    return OK;
  }

  /** A call was not pending: what it asked for need not be kept. */
  done() {
    this.#step += 1;
    this.#trim();
  }

  /** Fetches all that was asked for and not there. */
  async settle(signal) {
    const wanted = [...this.#wanted.values(), ...this.#runs().map((run) => (signal) => this.#fetch(run, signal))];
    this.#wanted.clear();
    if (wanted.length === 0) throw new Error("the engine waits for nothing");
    await Promise.all(wanted.map((fetch) => fetch(signal)));
  }

  /** Lists anew, all there is; false if that failed. */
  async relist(signal) {
    await this.#list(true, signal);
    return this.#numbers !== FAILED;
  }

  /** Forgets what could not be read, so that it is tried again, and lengths, which may have changed. */
  retry() {
    this.#wanted.clear();
    this.#missing.clear();
    this.#sizes.clear();
    if (this.#numbers === FAILED) this.#numbers = undefined;
    for (const [key, { code }] of this.#pages) if (code !== undefined) this.#pages.delete(key);
  }

  /** The repository is open. */
  opened() {
    this.#opened = true;
  }

  /** Forgets everything. */
  forget() {
    this.retry();
    this.#numbers = undefined;
    this.#opened = false;
    this.#pages.clear();
    this.#held = 0;
  }

  /** Asks for all lengths at once: 0, or 1 while that is pending. */
  measure() {
    let pending = 0;
    for (const number of this.segments()) if (this.len(number) === PENDING) pending = 1;
    return pending;
  }

  /** The most bytes that were held at once. */
  get mostBytes() {
    return this.#most;
  }

  /** The segments there are, as far as they were listed. */
  segments() {
    return this.#numbers ?? [];
  }

  #beside(choose, all) {
    if (this.#numbers === FAILED) return FAILED;
    if (this.#numbers === undefined || (all && !this.#all)) return this.#want("list", (signal) => this.#list(all, signal));
    return choose(this.#numbers) ?? NONE;
  }

  async #list(all, signal) {
    try {
      const numbers = new Set();
      for (const name of await this.#reader.list(all, signal)) numbers.add(segmentOf(name));
      numbers.delete(undefined);
      this.#numbers = Float64Array.from(numbers).sort();
      this.#all = all;
    } catch (error) {
      this.#reader.failure = { error };
      this.#numbers = FAILED;
    }
  }

  #use(name, number) {
    const key = `${name}:${number}`;
    const page = this.#pages.get(key);
    if (page === undefined) return undefined;
    page.step = this.#step;
    this.#pages.delete(key); // and to the end of the order
    this.#pages.set(key, page);
    return page;
  }

  #wantPages(name, first, last) {
    if (!this.#missing.has(name)) this.#missing.set(name, new Set());
    for (let page = first; page <= last; page++) if (!this.#pages.has(`${name}:${page}`)) this.#missing.get(name).add(page);
    return PENDING;
  }

  /** What to fetch of the pages that are missing: those that lie close together at once. */
  #runs() {
    const runs = [];
    for (const [name, pages] of this.#missing) {
      let run = { last: -Infinity };
      for (const page of [...pages].sort((one, other) => one - other)) {
        if (page - run.last <= NEAR_PAGES) run.last = page;
        else runs.push((run = { name, first: page, last: page }));
      }
    }
    this.#missing.clear();
    return runs.map((run) => ({ ...run, ahead: this.#ahead(run) }));
  }

  /** The last page to fetch where those from `first` to `last` are wanted. */
  #ahead({ name, first, last }) {
    const { name: before, end, pages } = this.#fetched;
    const wanted = last - first + 1, isNext = before === name && Math.abs(first - end) <= NEXT_PAGES;
    const fetched = isNext ? Math.max(wanted, Math.min(2 * pages, AHEAD_PAGES)) : wanted;
    this.#fetched = { name, end: first + fetched, pages: fetched };
    return first + fetched - 1;
  }

  /** Pages to `last` are wanted, and those to `ahead` are welcome: if they cannot be read, that says nothing of the others. */
  async #fetch({ name, first, last, ahead }, signal) {
    const read = (last) => this.#reader.read(name, first * PAGE_BYTES, (last + 1) * PAGE_BYTES, signal);
    let got = await read(ahead), end = ahead;
    if (got.code !== undefined && last < ahead) (got = await read(last)), (end = last);
    for (let page = first; page <= end; page++) {
      const start = (page - first) * PAGE_BYTES;
      const bytes = got.bytes?.subarray(start, start + PAGE_BYTES);
      this.#keep(`${name}:${page}`, { bytes, code: got.code, step: this.#step });
    }
    this.#trim();
  }

  #keep(key, page) {
    this.#held += (page.bytes?.length ?? 0) - (this.#pages.get(key)?.bytes?.length ?? 0);
    this.#most = Math.max(this.#most, this.#held);
    this.#pages.delete(key);
    this.#pages.set(key, page);
  }

  #trim() {
    for (const [key, page] of this.#pages) {
      if (this.#held <= KEPT_BYTES || page.step === this.#step) return;
      this.#pages.delete(key);
      this.#held -= page.bytes?.length ?? 0;
    }
  }

  #want(key, fetch) {
    this.#wanted.set(key, fetch);
    return PENDING;
  }
}

/** How many of the ascending numbers are at most `than`. */
function above(numbers, than) {
  let low = 0, high = numbers.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (numbers[middle] <= than) low = middle + 1;
    else high = middle;
  }
  return low;
}
