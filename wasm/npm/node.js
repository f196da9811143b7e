// Repositories in directories, for Node.

import { open, readdir, stat } from "node:fs/promises";
import { join } from "node:path";

/** A source for `open`: the directory of a repository. */
export function directory(path) {
  const files = new Map(); // name -> promise of a handle

  const handleOf = (name) => {
    if (!files.has(name)) {
      const opened = open(join(path, name));
      files.set(name, opened);
      opened.catch(() => files.delete(name));
    }
    return files.get(name);
  };

  return {
    async list() {
      const names = await readdir(join(path, "segments")).catch((error) => {
        if (error.code === "ENOENT") return [];
        throw error;
      });
      return names.map((name) => `segments/${name}`);
    },
    async size(name) {
      return (await stat(join(path, name))).size;
    },
    async read(name, offset, length) {
      const file = await handleOf(name);
      const bytes = new Uint8Array(length);
      let held = 0;
      while (held < length) {
        const { bytesRead } = await file.read(bytes, held, length - held, offset + held);
        if (bytesRead === 0) break;
        held += bytesRead;
      }
      return held === length ? bytes : bytes.slice(0, held);
    },
    async close() {
      const open = [...files.values()];
      files.clear();
      for (const file of open) await (await file).close();
    },
  };
}
