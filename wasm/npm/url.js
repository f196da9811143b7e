// A repository behind a base URL: ranges by HTTP, nothing else. No request but GET with a range, and none for a list, which servers have not.
//
// Which segments there are: the head pin names the newest commit's, which is all that opening needs; its table names the others. Only a check or
// scrub, which also looks for segments that do not belong there, tries every number up to the highest.

import { RefusedError } from "./errors.js";
import { nameOf } from "./names.js";

const RETRIES_MS = [200, 800];
/** So many numbers in a row that are not there, behind the newest commit's segment, are the end. */
const MISSES = 4;
const AT_ONCE = 16;
const NUMBERS_MAX = 1 << 17;

const PIN_MAGIC = "SARSHEAD";
const PIN_BYTES = 96;
const PIN_SEGMENT_AT = 32;

export class UrlSource {
  #base;
  #fetch;
  #highest; // given by the caller, where there is no head pin
  #failing = false; // the last range could not be had, however often it was asked for
  #sizes = new Map(); // as just learned from probing; each is told once
  #totals = new Map(); // what the server said last of each length

  constructor(base, { fetch: own, headers, highestSegment } = {}) {
    this.#base = new URL(base, globalThis.location?.href);
    if (!this.#base.pathname.endsWith("/")) this.#base.pathname += "/";
    const get = own ?? globalThis.fetch.bind(globalThis);
    this.#fetch = (url, init) => get(url, { ...init, headers: { ...headers, ...init.headers } });
    this.#highest = highestSegment;
  }

  async list({ all } = {}, signal) {
    this.#totals.clear();
    const top = await this.#top(signal);
    if (top === undefined) return [];
    const known = new Set(await this.#upwards(top, signal));
    if (all && top < NUMBERS_MAX) for (const number of await this.#probe(0, top, signal)) known.add(number);
    for (let below = top; known.size === 0 && below >= 0; below -= AT_ONCE) {
      for (const number of await this.#probe(Math.max(0, below - AT_ONCE + 1), below + 1, signal)) known.add(number);
    }
    return [...known].map(nameOf);
  }

  async size(name, signal) {
    const known = this.#sizes.get(name);
    if (known !== undefined) {
      this.#sizes.delete(name);
      return known;
    }
    const { total } = await this.#get(name, 0, 1, signal);
    return total;
  }

  async read(name, offset, length, signal) {
    return (await this.#get(name, offset, length, signal)).bytes;
  }

  /** The highest number known of: the pin's, or the caller's. */
  async #top(signal) {
    if (this.#highest !== undefined) return this.#highest;
    const pin = await this.read("head", 0, PIN_BYTES, signal).catch(unlessGone);
    if (pin?.length === PIN_BYTES && new TextDecoder().decode(pin.subarray(0, 8)) === PIN_MAGIC) {
      return new DataView(pin.buffer, pin.byteOffset).getUint32(PIN_SEGMENT_AT, true);
    }
    const first = await this.#probe(0, 8 * AT_ONCE, signal);
    if (first.length === 0) return undefined;
    return (await this.#upwards(first.at(-1), signal)).at(-1);
  }

  /** This one and those behind it. */
  async #upwards(from, signal) {
    const found = await this.#probe(from, from + 1, signal);
    for (let next = from + 1; ; next += MISSES) {
      const more = await this.#probe(next, next + MISSES, signal);
      if (more.length === 0) return found;
      found.push(...more);
    }
  }

  /** Which of these numbers are there. */
  async #probe(from, to, signal) {
    const found = [];
    let next = from;
    const one = async () => {
      while (next < to) {
        const name = nameOf(next), number = next++;
        const got = await this.#get(name, 0, 1, signal).catch(unlessGone);
        if (got === undefined) continue;
        this.#sizes.set(name, got.total);
        found.push(number);
      }
    };
    await Promise.all(Array.from({ length: Math.min(AT_ONCE, to - from) }, one));
    return found.sort((one, other) => one - other);
  }

  async #get(name, offset, length, signal) {
    for (let failures = 0; ; failures++) {
      try {
        const got = await this.#once(name, offset, length, signal);
        this.#failing = false;
        return got;
      } catch (error) {
        if (signal?.aborted || error.code) throw error;
        // Where one could not be had, others may not either: they are asked for once, until one can.
        this.#failing ||= failures >= RETRIES_MS.length;
        if (this.#failing) throw error;
        await new Promise((resolve) => setTimeout(resolve, RETRIES_MS[failures]));
      }
    }
  }

  /** {bytes, total}. Errors that have a code are final. */
  async #once(name, offset, length, signal) {
    const url = new URL(name, this.#base);
    const range = `bytes=${offset}-${offset + length - 1}`;
    const response = await this.#fetch(url, { headers: { Range: range }, signal, cache: "no-store" });
    const said = response.headers.get("Content-Range");
    if (response.status === 206) return this.#agreeing(url, this.#ranged(url, said, offset, length, await response.arrayBuffer()));
    response.body?.cancel().catch(() => {});
    if (response.status === 404 || response.status === 410) throw coded(`${url}: not there`, "gone");
    if (response.status === 416) return this.#agreeing(url, beyond(url, said ?? `bytes */${this.#totals.get(url.href) ?? 0}`, offset));
    if (response.status === 200) {
      throw new RefusedError(`${url}: the server answers a range with the whole file; it must support range requests`, { code: "no-ranges" });
    }
    const error = `${url}: the server answered ${response.status} ${response.statusText}`;
    throw response.status >= 500 || response.status === 429 ? new Error(error) : coded(error, "http");
  }

  /** Nothing that was written gets shorter, though it may get longer while it is read. */
  #agreeing(url, answer) {
    const before = this.#totals.get(url.href) ?? 0;
    if (answer.total < before) throw coded(`${url}: the server says that it has ${answer.total} bytes, and said ${before} before`, "http");
    this.#totals.set(url.href, answer.total);
    return answer;
  }

  #ranged(url, said, offset, length, buffer) {
    const [, start, end, total] = /^bytes (\d+)-(\d+)\/(\d+)$/.exec(said) ?? [];
    if (total === undefined) {
      throw new RefusedError(`${url}: the server does not say which range it sent (Content-Range; across origins it must be exposed)`, { code: "no-ranges" });
    }
    const wanted = Math.min(length, total - offset);
    if (Number(start) !== offset || Number(end) + 1 - Number(start) !== wanted || buffer.byteLength !== wanted) {
      const bytes = `${buffer.byteLength} bytes, called ${said}`;
      throw new Error(`${url}: asked for ${wanted} bytes from ${offset} on, the server sent ${bytes}`);
    }
    return { bytes: new Uint8Array(buffer), total: Number(total) };
  }
}

/** What was asked for lies behind the end, if that is so. */
function beyond(url, said, offset) {
  const total = Number(/^bytes \*\/(\d+)$/.exec(said)?.[1] ?? 0);
  if (total > offset) throw coded(`${url}: the server has nothing from ${offset} on, and says that it has ${total} bytes`, "http");
  return { bytes: new Uint8Array(), total };
}

function coded(message, code) {
  return Object.assign(new Error(message), { code });
}

function unlessGone(error) {
  if (error?.code !== "gone") throw error;
}
