// What was dropped on the page, as the package opens it.

/** {from, called} of a drop. Must be called while the drop is handled: what it holds is gone afterwards. */
export function dropped({ items, files }) {
  const kept = [...items].filter(({ kind }) => kind === "file");
  const handles = kept.map((item) => item.getAsFileSystemHandle?.());
  const entries = kept.map((item) => item.webkitGetAsEntry?.());
  return opened(handles, entries, [...files]);
}

async function opened(asked, entries, files) {
  const handles = await Promise.all(asked);
  if (handles.length === 1 && handles[0]?.kind === "directory") return { from: await repositoryIn(handles[0]), called: handles[0].name };
  const folders = entries.filter((entry) => entry?.isDirectory);
  if (folders.length > 0) return { from: (await Promise.all(folders.map(filesOf))).flat(), called: folders.map(({ name }) => name).join(", ") };
  return { from: files, called: files.length === 1 ? files[0].name : `${files.length} files` };
}

/** The folder that holds `segments`: this one, or the only one in it that does. Of a folder of segments, its files. */
export async function repositoryIn(folder) {
  if (await has(folder, "segments")) return folder;
  const inner = [], segments = [];
  for await (const child of folder.values()) {
    if (child.kind === "directory" && (await has(child, "segments"))) inner.push(child);
    if (child.kind === "file" && child.name.endsWith(".seg")) segments.push(child);
  }
  if (segments.length > 0) return Promise.all(segments.map((file) => file.getFile()));
  return inner.length === 1 ? inner[0] : folder;
}

async function has(folder, name) {
  try {
    await folder.getDirectoryHandle(name);
    return true;
  } catch (error) {
    if (error.name !== "NotFoundError" && error.name !== "TypeMismatchError") throw error;
    return false;
  }
}

/** All files below an entry, each with its path, for browsers that give no handles. */
async function filesOf(entry) {
  if (entry.isFile) return [withPath(await new Promise((resolve, reject) => entry.file(resolve, reject)), entry.fullPath.slice(1))];
  const reader = entry.createReader(), children = [];
  for (;;) {
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (some.length === 0) return (await Promise.all(children.map(filesOf))).flat();
    children.push(...some);
  }
}

function withPath(file, path) {
  return Object.defineProperty(file, "webkitRelativePath", { value: path });
}
