// Those who do jobs: workers, or nobody but the director's own instance.

import { failure } from "./errors.js";
import { Performer } from "./performer.js";

/** One after the other, in this very thread. */
class Inline {
  #performer;
  #last = Promise.resolve();

  constructor(engine, setup, fetch) {
    this.#performer = new Performer(engine, setup, fetch);
  }

  /** Its engine is the director's. */
  get memoryBytes() {
    return this.#performer.decoderBytes;
  }

  async compare(file) {
    await this.#last;
    this.#performer.compare(file);
  }

  perform(jobs, ranges) {
    const done = this.#last.then(() => this.#performer.perform(jobs, ranges));
    this.#last = done.catch(() => {});
    return done;
  }

  close() {
    this.#last.then(() => this.#performer.free());
  }
}

/** A worker, and the batch it does. */
class Remote {
  #port;
  #fetch;
  memoryBytes = 0; // of its engine and decoder, after its last batch
  #waiting; // {resolve, reject} of what it does
  #last;

  constructor(port, setup, fetch) {
    this.#port = port;
    this.#fetch = fetch;
    port.listen((message) => this.#heard(message), (error) => this.#waiting?.reject(error));
    this.#last = this.#ask({ open: setup });
    this.#last.catch(() => {});
  }

  perform(jobs, ranges) {
    return this.#next({ jobs, ranges }, buffersOf(ranges)).then(({ outcomes, memoryBytes }) => {
      this.memoryBytes = memoryBytes;
      return outcomes;
    });
  }

  compare(file) {
    return this.#next({ compare: file });
  }

  close() {
    this.#port.close();
    this.#waiting?.reject(new Error("the worker was closed"));
  }

  /** Asks when all before was answered. */
  #next(message, transfer) {
    const done = this.#last.then(() => this.#ask(message, transfer));
    this.#last = done.catch(() => {});
    return done;
  }

  #ask(message, transfer = []) {
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
      this.#port.post(message, transfer);
    });
  }

  async #heard(message) {
    if (message.wanted) {
      const ranges = await this.#fetch(message.wanted);
      this.#port.post({ ranges }, buffersOf(ranges));
    } else if (message.failed) {
      this.#waiting.reject(message.failed.code ? failure(message.failed) : Object.assign(new Error(message.failed.message), { stack: message.failed.stack }));
    } else {
      this.#waiting.resolve(message);
    }
  }
}

/** What can be handed over without a copy: ranges that have a buffer of their own. */
function buffersOf(ranges) {
  const own = ({ bytes }) => bytes && bytes.byteOffset === 0 && bytes.byteLength === bytes.buffer.byteLength;
  return [...new Set(ranges.filter(own).map(({ bytes }) => bytes.buffer))];
}

/** A worker's port: of a browser or of Node. `make` makes the worker, where the page must do that itself. */
async function openPort(make) {
  if (typeof Worker === "function") {
    const worker = make ? make() : new Worker(new URL("./worker.js", import.meta.url), { type: "module", name: "sarsen" });
    return {
      post: (message, transfer) => worker.postMessage(message, transfer),
      listen: (heard, failed) => {
        worker.onmessage = ({ data }) => heard(data);
        worker.onerror = ({ message, error }) => failed(error ?? new Error(`a worker could not be started: ${message ?? ""}`));
      },
      close: () => worker.terminate(),
    };
  }
  const threads = await import(/* @vite-ignore */ /* webpackIgnore: true */ ["node", "worker_threads"].join(":"));
  const worker = new threads.Worker(new URL("./worker.js", import.meta.url));
  worker.unref();
  return {
    post: (message, transfer) => worker.postMessage(message, transfer),
    listen: (heard, failed) => worker.on("message", heard).on("error", failed),
    close: () => void worker.terminate(),
  };
}

export class Pool {
  #hands = [];
  #busy = new Map(); // hand -> how many batches it has

  /** So many workers; 0: none, and jobs are done here. `setup` is what they are told first, `fetch` reads ranges for them, `make` makes one. */
  static async open(count, engine, setup, fetch, make) {
    const pool = new Pool();
    if (count === 0) pool.#hands = [new Inline(engine, setup, fetch)];
    else for (let at = 0; at < count; at++) pool.#hands.push(new Remote(await openPort(make), setup, fetch));
    for (const hand of pool.#hands) pool.#busy.set(hand, 0);
    return pool;
  }

  /** How many batches are to be out at once: each has one to do, and one to do next. */
  get room() {
    return this.#hands.length * 2;
  }

  /** Memory of the workers' engines and decoders. */
  get memoryBytes() {
    return this.#hands.reduce((sum, hand) => sum + hand.memoryBytes, 0);
  }

  /** The outcomes of a batch. */
  async perform(jobs, ranges) {
    const hand = this.#hands.reduce((least, hand) => (this.#busy.get(hand) < this.#busy.get(least) ? hand : least));
    this.#busy.set(hand, this.#busy.get(hand) + 1);
    try {
      return await hand.perform(jobs, ranges);
    } finally {
      this.#busy.set(hand, this.#busy.get(hand) - 1);
    }
  }

  /** The file that versions are compared with from now on. */
  async compare(file) {
    await Promise.all(this.#hands.map((hand) => hand.compare(file)));
  }

  close() {
    for (const hand of this.#hands) hand.close();
  }
}
