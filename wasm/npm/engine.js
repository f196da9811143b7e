// Loads the engine: once in each worker, and once beside the page.

import init, * as glue from "./engine/sarsen.js";

/** The module in the folder of this package, where nobody names another. */
export const wasmUrl = () => new URL("./engine/sarsen.wasm", import.meta.url);

let loading;

/** {glue, memory, module}. `wasm` is a URL, a Response, bytes, or a compiled module; the first call decides. */
export function load(wasm) {
  loading ??= start(wasm ?? wasmUrl());
  loading.catch(() => (loading = undefined));
  return loading;
}

async function start(wasm) {
  const module = await compile(wasm);
  const { memory } = await init({ module_or_path: module });
  return { glue, memory, module };
}

/** Frames of this length are typical. */
const SAMPLE_BYTES = 128 << 10, SAMPLES = 8;

let measured;

/** Who hashes SHA-256 faster here, the engine or WebCrypto, which only secure pages have: `wasm` or `webcrypto`. Measured once. */
export function fasterHash(glue) {
  measured ??= measure(glue);
  return measured;
}

async function measure(glue) {
  if (typeof crypto === "undefined" || !crypto.subtle) return "wasm";
  const bytes = new Uint8Array(SAMPLE_BYTES).map((_, at) => at * 7);
  const theirs = async () => Promise.all(Array.from({ length: SAMPLES }, () => crypto.subtle.digest("SHA-256", bytes)));
  const ours = () => Array.from({ length: SAMPLES }, () => glue.sha256(bytes));
  const [expected] = [ours(), await theirs()]; // both once, to be warm
  const began = performance.now();
  ours();
  const between = performance.now();
  const [digest] = await theirs();
  const end = performance.now();
  const agree = new Uint8Array(digest).every((byte, at) => byte === expected[0][at]);
  return agree && end - between < between - began ? "webcrypto" : "wasm";
}

/** Compiles what lies at a URL, or what is already here. */
export async function compile(wasm) {
  const from = await wasm;
  if (from instanceof WebAssembly.Module) return from;
  if (ArrayBuffer.isView(from) || from instanceof ArrayBuffer) return WebAssembly.compile(from);
  if (typeof Response === "function" && from instanceof Response) return WebAssembly.compile(await from.arrayBuffer());
  const url = new URL(from, import.meta.url);
  if (url.protocol === "file:") {
    // Not named, or bundlers would look for it.
    const { readFile } = await import(/* @vite-ignore */ /* webpackIgnore: true */ ["node", "fs/promises"].join(":"));
    return WebAssembly.compile(await readFile(url));
  }
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url}: ${response.status} ${response.statusText}`);
  return WebAssembly.compile(await response.arrayBuffer());
}
