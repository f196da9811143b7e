// Zstandard: a module of its own, loaded when the first frame needs it.

import { compile } from "./engine.js";

/** The module in the folder of this package, where nobody names another. */
export const zstdUrl = () => new URL("./engine/zstd.wasm", import.meta.url);

const DECODED = 0, NOT_LOADED = 2;

export class Zstd {
  #from;
  #exports;

  /** `from` is a URL, bytes or a compiled module. */
  constructor(from) {
    this.#from = from;
  }

  async load() {
    const module = await compile(this.#from ?? zstdUrl());
    this.#exports = (await WebAssembly.instantiate(module, {})).exports;
  }

  /** Memory of the module. */
  get memoryBytes() {
    return this.#exports?.memory.buffer.byteLength ?? 0;
  }

  /** Decodes all of `from` into exactly all of `to`. */
  decode(from, to) {
    if (this.#exports === undefined) return NOT_LOADED;
    const { memory, room, decode } = this.#exports;
    const at = room(from.length, to.length);
    if (at === 0) return 1;
    new Uint8Array(memory.buffer, at, from.length).set(from);
    const answer = decode(from.length, to.length);
    if (answer === DECODED) to.set(new Uint8Array(memory.buffer, at + from.length, to.length));
    return answer;
  }
}
