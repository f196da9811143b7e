// The engine in WebAssembly, and a page's part in it: what it imports, and the loop that fetches and asks again.

import { readFile } from "node:fs/promises";
import { webcrypto } from "node:crypto";

const DONE = 0, PENDING = 1;

export class Engine {
  #exports;
  #medium;
  #told = { versions: [], findings: [], hit: [], report: null, failure: null };

  /** A module of its own for each repository. */
  static async load(path, medium) {
    const engine = new Engine();
    const imports = { medium: medium.imports(), page: engine.#page() };
    const { instance } = await WebAssembly.instantiate(await readFile(path), imports);
    medium.attach(instance.exports.memory);
    engine.#exports = instance.exports;
    engine.#medium = medium;
    return engine;
  }

  open = () => this.#run("open");
  /** Versions: {id, name, snapshot, time, size}. */
  list = async () => (await this.#run("list")).versions;
  /** Structure: {findings, hit, report}. */
  check = () => this.#run("check", 0);
  /** Every byte. */
  scrub = () => this.#run("check", 1);

  memoryBytes = () => this.#exports.memory.buffer.byteLength;

  async #run(name, ...args) {
    this.#told = { versions: [], findings: [], hit: [], report: null, failure: null };
    for (;;) {
      const answer = this.#exports[name](...args);
      if (answer === DONE) return this.#told;
      if (answer !== PENDING) throw new Error(`${name}: ${this.#told.failure ?? `answer ${answer}`}`);
      // A call that is pending and asked for nothing would be pending for ever.
      if ((await this.#medium.settle()) === 0) throw new Error(`${name} waits for nothing`);
    }
  }

  #bytes = (at, len) => new Uint8Array(this.#exports.memory.buffer, at, len);
  #text = (at, len) => new TextDecoder().decode(this.#bytes(at, len));
  #id = (at) => Buffer.from(this.#bytes(at, 32)).toString("hex");

  #page() {
    return {
      now: () => BigInt(Date.now()),
      random: (at, len) => {
        webcrypto.getRandomValues(this.#bytes(at, len));
        return 0;
      },
      progress: () => 0,
      version: (id, isDraft, time, size, name, nameLen, snapshot, snapshotLen) => {
        if (isDraft) return;
        const names = { name: this.#text(name, nameLen), snapshot: this.#text(snapshot, snapshotLen) };
        this.#told.versions.push({ id: this.#id(id), ...names, time: Number(time), size: Number(size) });
      },
      finding: (kind, kindLen, segment, offset) => {
        const place = segment < 0n ? { segment: null, offset: null } : { segment: Number(segment), offset: offset >>> 0 };
        this.#told.findings.push({ kind: this.#text(kind, kindLen), ...place });
      },
      hit: (id) => this.#told.hit.push(this.#id(id)),
      checked: (...counts) => {
        const [segments, entries, bytes, versions, findings, hit] = counts.map(Number);
        this.#told.report = { segments, entries, bytes, versions, findings, hit };
      },
      failed: (at, len) => (this.#told.failure = this.#text(at, len)),
    };
  }
}
