// Reads ranges of a source, and says in the engine's numbers why one could not be read.

import { nameOf } from "./names.js";

export const OK = 0, PENDING = -2, FAILED = -3, GONE = -4, SHORT = -5, UNREADABLE = -6;

/** Whether a range may have parts that can be read, though all of it cannot. */
export const isPartly = (code) => code === FAILED || code === UNREADABLE;

/** Whether an error says that there is no such file. */
function isGone(error) {
  return error?.code === "ENOENT" || error?.code === "gone" || error?.name === "NotFoundError";
}

export class Reader {
  #source;
  /** The error behind the last FAILED. */
  failure;
  /** Bytes read so far, and reads. */
  counts = { reads: 0, bytes: 0 };

  constructor(source) {
    this.#source = source;
  }

  /** {start, end, bytes}, with fewer bytes where the file ends; {start, end, code} where it cannot be read. */
  async read(number, start, end, signal) {
    try {
      const bytes = await this.#source.read(nameOf(number), start, end - start, signal);
      this.counts.reads += 1;
      this.counts.bytes += bytes.byteLength;
      if (bytes.byteLength > end - start) throw new RangeError(`more bytes than were asked for: ${bytes.byteLength} instead of ${end - start}`);
      return { name: number, start, end, bytes };
    } catch (error) {
      const code = this.#code(error, number, start);
      // A bad sector: these bytes are lost, as the command has it, too. Of a length it would say nothing of any bytes.
      return { name: number, start, end, code: code === FAILED && error?.code === "EIO" ? UNREADABLE : code };
    }
  }

  /** A length in bytes, or a code below 0. */
  async size(number, signal) {
    try {
      return await this.#source.size(nameOf(number), signal);
    } catch (error) {
      return this.#code(error, number, 0);
    }
  }

  /** All names; `all` where a part of them will not do. */
  list(all, signal) {
    return this.#source.list({ all }, signal);
  }

  #code(error, number, offset) {
    if (isGone(error)) return GONE;
    this.failure = { error, segment: number < 0 ? undefined : number, offset };
    return FAILED;
  }
}
