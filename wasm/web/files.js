// The entry page for files: a folder is dropped or chosen.

import { Desk } from "./desk.js";
import { dropped, repositoryIn } from "./drop.js";
import { removeStale } from "./image.js";

const desk = new Desk(document.getElementById("desk"));
const drop = document.getElementById("drop"), chooser = document.getElementById("chooser");

/** Opens what a promise will name. */
async function take(found) {
  try {
    const { from, called } = await found;
    await desk.open(from, { called });
  } catch (error) {
    if (error.name !== "AbortError") desk.refuse(error);
  }
}

async function chosen() {
  const folder = await globalThis.showDirectoryPicker({ id: "repository", mode: "read" });
  return { from: await repositoryIn(folder), called: folder.name };
}

document.getElementById("choose").addEventListener("click", () => (globalThis.showDirectoryPicker ? take(chosen()) : chooser.click()));
chooser.addEventListener("change", () => {
  const files = [...chooser.files];
  chooser.value = "";
  take(Promise.resolve({ from: files, called: files[0]?.webkitRelativePath.split("/")[0] || "the chosen folder" }));
});

// Anywhere on the page is near enough.
let inside = 0;
const mark = (by) => drop.classList.toggle("over", (inside = Math.max(0, inside + by)) > 0);
addEventListener("dragenter", () => mark(1));
addEventListener("dragleave", () => mark(-1));
addEventListener("dragover", (event) => event.preventDefault());
addEventListener("drop", (event) => {
  event.preventDefault();
  mark(-inside);
  if ([...event.dataTransfer.items].some(({ kind }) => kind === "file")) take(dropped(event.dataTransfer));
});

removeStale();
