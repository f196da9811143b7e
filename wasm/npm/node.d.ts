import type { Source } from "./index.js";

/** A source for `open`: the directory of a repository. */
export function directory(path: string): Source & { close(): Promise<void> };
