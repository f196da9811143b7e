// A file that a version is compared with. Jobs cannot wait, so what was not read yet is remembered, and read until the job is repeated.

const AHEAD_BYTES = 4 << 20;

export class FileDisk {
  #file;
  #start = 0;
  #bytes = new Uint8Array();
  #wanted;

  /** `file` is a File or Blob. */
  constructor(file) {
    this.#file = file;
  }

  size() {
    return this.#file.size;
  }

  read(at, to) {
    const end = at + to.length;
    if (at < this.#start || end > this.#start + this.#bytes.length) {
      this.#wanted = { at, end: Math.max(end, at + AHEAD_BYTES) };
      return false;
    }
    to.set(this.#bytes.subarray(at - this.#start, end - this.#start));
    return true;
  }

  /** Reads what was wanted; false if that is nothing. */
  async settle() {
    if (this.#wanted === undefined) return false;
    const { at, end } = this.#wanted;
    this.#wanted = undefined;
    this.#bytes = new Uint8Array(await this.#file.slice(at, end).arrayBuffer());
    this.#start = at;
    return true;
  }
}
