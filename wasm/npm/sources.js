// What a repository can be opened from, all made into one thing: an object with `list`, `size` and `read`, whose names are relative to the
// repository's folder.

import { RefusedError } from "./errors.js";
import { segmentOf } from "./names.js";
import { UrlSource } from "./url.js";

/** The source that is meant. */
export function sourceOf(from, options) {
  if (typeof from === "string" || from instanceof URL) return new UrlSource(from, options);
  if (typeof from?.list === "function" && typeof from.size === "function" && typeof from.read === "function") return from;
  if (from?.kind === "directory") return new FolderSource(from);
  if (isFiles(from)) return new FilesSource([...from]);
  throw new TypeError("open() takes File[], a directory handle, a URL, or an object with list, size and read");
}

/** Lengths are not asked for: a browser looks at the disk for each, which takes seconds for thousands of segments. */
function isFiles(from) {
  return typeof from?.[Symbol.iterator] === "function" && [...from].every((file) => typeof file?.slice === "function" && "size" in file);
}

const gone = (name) => Object.assign(new Error(`${name}: no such file`), { code: "gone" });

async function bytesOf(blob, offset, length) {
  return new Uint8Array(await blob.slice(offset, offset + length).arrayBuffer());
}

/** Files that were dropped, or chosen as a folder. */
class FilesSource {
  #files;

  constructor(files) {
    this.#files = repositoryAmong(files);
  }

  async list() {
    return this.#files.keys();
  }

  async size(name) {
    return this.#file(name).size;
  }

  async read(name, offset, length) {
    return bytesOf(this.#file(name), offset, length);
  }

  #file(name) {
    const file = this.#files.get(name);
    if (file === undefined) throw gone(name);
    return file;
  }
}

/** The files of the one repository among them, by name within it. */
function repositoryAmong(files) {
  const roots = new Map();
  for (const file of files) {
    const path = file.webkitRelativePath || file.name;
    const [, root, name] = /^(.*?)((?:segments\/)?\d{10}\.seg|head)$/.exec(path) ?? [];
    if (name === undefined || !(root === "" || root.endsWith("/"))) continue;
    const folder = root.replace(/segments\/$/, "");
    if (!roots.has(folder)) roots.set(folder, new Map());
    roots.get(folder).set(name === "head" || name.startsWith("segments/") ? name : `segments/${name}`, file);
  }
  const repositories = [...roots].filter(([, names]) => [...names.keys()].some((name) => segmentOf(name) !== undefined));
  if (repositories.length > 1) {
    const folders = repositories.map(([folder]) => folder || "the folder itself").join(", ");
    throw new RefusedError(`several repositories: ${folders}; choose one of them`, { code: "several-repositories" });
  }
  return repositories[0]?.[1] ?? new Map();
}

/** A directory handle: of the user's own files, or of the origin private file system. */
class FolderSource {
  #folder;
  #files = new Map(); // name -> File, as it was when it was first asked for

  constructor(folder) {
    this.#folder = folder;
  }

  async list() {
    const names = [];
    const segments = await this.#folder.getDirectoryHandle("segments").catch(unlessGone);
    for await (const name of segments?.keys() ?? []) names.push(`segments/${name}`);
    return names;
  }

  async size(name) {
    this.#files.delete(name); // it may have grown
    return (await this.#file(name)).size;
  }

  async read(name, offset, length) {
    return bytesOf(await this.#file(name), offset, length);
  }

  async #file(name) {
    const known = this.#files.get(name);
    if (known !== undefined) return known;
    const path = name.split("/");
    const file = path.pop();
    let folder = this.#folder;
    for (const part of path) folder = await folder.getDirectoryHandle(part);
    const found = await (await folder.getFileHandle(file)).getFile();
    this.#files.set(name, found);
    return found;
  }
}

function unlessGone(error) {
  if (error?.name !== "NotFoundError") throw error;
}
