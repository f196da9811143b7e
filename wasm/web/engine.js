// The engine, embedded in this page: nothing is fetched to start it, nor to start its workers.

import { open } from "../npm/index.js";
import sarsen from "../npm/engine/sarsen.wasm";
import zstd from "../npm/engine/zstd.wasm";
import worker from "worker:../npm/worker.js";

const zstdModule = WebAssembly.compile(zstd);
const workerUrl = URL.createObjectURL(new Blob([worker], { type: "text/javascript" }));

/** Opens a repository, see `open` of the package. */
export async function openRepository(from, options) {
  return open(from, { ...options, wasm: sarsen, zstd: await zstdModule, worker: () => new Worker(workerUrl, { type: "module", name: "sarsen" }) });
}
