// Loads the engine: once in each worker, and once beside the page.

import init, * as glue from "./engine/sarsen.js";

/** The module in the folder of this package, where nobody names another. */
export const wasmUrl = () => new URL("./engine/sarsen.wasm", import.meta.url);

let loading;

/** {glue, module}. `wasm` is a URL, a Response, bytes, or a compiled module; the first call decides. */
export function load(wasm) {
  loading ??= start(wasm ?? wasmUrl());
  loading.catch(() => (loading = undefined));
  return loading;
}

async function start(wasm) {
  const module = await compile(wasm);
  await init({ module_or_path: module });
  return { glue, module };
}

/** Compiles what lies at a URL, or what is already here. */
export async function compile(wasm) {
  const from = await wasm;
  if (from instanceof WebAssembly.Module) return from;
  if (ArrayBuffer.isView(from) || from instanceof ArrayBuffer) return WebAssembly.compile(from);
  if (typeof Response === "function" && from instanceof Response) return WebAssembly.compile(await from.arrayBuffer());
  const url = new URL(from, import.meta.url);
  if (url.protocol === "file:") {
    const { readFile } = await import(/* @vite-ignore */ /* webpackIgnore: true */ "node:fs/promises");
    return WebAssembly.compile(await readFile(url));
  }
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url}: ${response.status} ${response.statusText}`);
  return WebAssembly.compile(await response.arrayBuffer());
}
