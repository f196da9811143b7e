// sarsen: opens repositories of disk backups for reading, and says what of them is intact. Nothing is written, nothing leaves the machine.

import { load } from "./engine.js";
import { Repository } from "./repository.js";
import { sourceOf } from "./sources.js";

export { DamagedError, MemoryError, ReadError, RefusedError, SarsenError, StreamError } from "./errors.js";
export { Repository };

/** Opens a repository as of its newest commit. See index.d.ts for what it can be opened from. */
export async function open(from, options = {}) {
  const source = sourceOf(from, options);
  return Repository.open(source, await load(options.wasm), options);
}
