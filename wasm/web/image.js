// A version saved as an image of its disk. Every byte is decoded and checked on its way; where one cannot be, nothing is left behind.

import { give } from "./saved.js";

/** Images that wait here to be downloaded, where a browser does not let a page write to a file of the user's. */
const STORE = "images";

/** Where to save to, chosen by the user; must be called while a click is handled. */
export async function chooseTarget(name) {
  if (globalThis.showSaveFilePicker) {
    const handle = await globalThis.showSaveFilePicker({ suggestedName: name, id: "image" });
    return { handle, finish: async () => {} };
  }
  const folder = await (await navigator.storage.getDirectory()).getDirectoryHandle(STORE, { create: true });
  const handle = await folder.getFileHandle(name, { create: true });
  return { handle, finish: async () => give(await handle.getFile(), name) };
}

/** Saves it; what `saveTo` answers. */
export async function saveImage(repository, version, { handle, finish }, { signal, onProgress }) {
  const writable = await handle.createWritable();
  const target = {
    truncate: (size) => writable.truncate(size),
    write: (position, data) => {
      onProgress({ done: position, total: version.size });
      return writable.write({ type: "write", position, data });
    },
    close: () => writable.close(),
    abort: (reason) => writable.abort(reason),
  };
  const saved = await repository.saveTo(target, version, { signal });
  await finish();
  return saved;
}

/** Images of earlier visits, which were downloaded or will not be. */
export async function removeStale() {
  const root = await navigator.storage?.getDirectory?.().catch(() => undefined);
  await root?.removeEntry(STORE, { recursive: true }).catch((error) => {
    if (error.name !== "NotFoundError") console.warn(error);
  });
}

/** What the file is called. */
export function imageName({ name, snapshot, id }) {
  return `${[name, snapshot].filter(Boolean).join("@").replaceAll(/[^\w.@-]+/g, "_") || id.slice(0, 12)}.raw`;
}
