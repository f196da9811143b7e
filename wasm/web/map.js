// A map of the blocks of one version. Each cell is a block, or the worst of several.

import { element, section } from "./element.js";
import { count, segmentFile, size } from "./figures.js";
import { explain, nameOf } from "./words.js";

/** What a cell may be, the worst last. */
const KINDS = ["zero", "shared", "delta", "stored", "unread", "unreadable", "damaged"];
const LABELS = {
  zero: "zeros",
  shared: "shared with the version before",
  delta: "changes to other blocks",
  stored: "stored whole",
  unread: "not yet read",
  unreadable: "could not be read",
  damaged: "damaged",
};

const CELL_PX = 22, CELL_MIN_PX = 5, HEIGHT_PX = 330;
const DESCRIBE_MS = 200;

export class BlockMap {
  #repository;
  #audit;
  #isBusy;
  #version;
  #blocks; // Blocks, once they were told
  #canvas = element("canvas", { tabindex: "0", role: "slider", "aria-label": "Blocks; arrow keys go from one to the next", "aria-valuemin": "1", "aria-valuenow": "1", "aria-valuetext": "none chosen" });
  #legend = element("ul", { class: "legend" });
  #told = element("output", { class: "told" });
  #title = element("p");
  #body = element("div", { hidden: true }, this.#title, this.#canvas, this.#told, this.#legend);
  #hint = element("p", { class: "hint" }, "Choose “Blocks” of a version above.");
  #grid;
  #at; // the cell that is pointed to
  #asking;
  #resized = new ResizeObserver(() => this.#draw());
  #scheme = matchMedia("(prefers-color-scheme: dark)");
  #repaint = () => this.#draw();

  element = section("Blocks", this.#hint, this.#body);

  constructor(repository, audit, isBusy) {
    [this.#repository, this.#audit, this.#isBusy] = [repository, audit, isBusy];
    this.#resized.observe(this.#body);
    this.#scheme.addEventListener("change", this.#repaint);
    this.#canvas.addEventListener("pointermove", ({ offsetX, offsetY }) => this.#point(this.#grid?.cellAt(offsetX, offsetY)));
    this.#canvas.addEventListener("pointerdown", ({ offsetX, offsetY }) => this.#point(this.#grid?.cellAt(offsetX, offsetY)));
    this.#canvas.addEventListener("keydown", (event) => this.#key(event));
  }

  /** Asks what a version consists of, and shows that. */
  async show(version, { signal, onProgress }) {
    const blocks = await this.#read(version, { signal, onProgress });
    [this.#version, this.#blocks, this.#at] = [version, blocks, undefined];
    this.#title.textContent = `${nameOf(version)}: ${count(blocks.length, "block")} of ${size(blocks.blockBytes)}`;
    this.#hint.hidden = true;
    this.#body.hidden = false;
    this.#told.textContent = "";
    this.#draw();
    this.element.scrollIntoView({ block: "nearest" });
  }

  /** Asks again, where a version is shown: a look may have found damage in it. */
  async refresh({ signal }) {
    if (this.#version !== undefined) this.#blocks = await this.#read(this.#version, { signal });
  }

  async #read(version, { signal, onProgress }) {
    const blocks = new Blocks(version.size, this.#audit.info.blockBytes);
    for await (const block of this.#repository.blocks(version, { signal })) {
      blocks.set(block);
      if (block.block % 4096 === 0) onProgress?.({ done: block.offset, total: version.size });
    }
    return blocks;
  }

  /** Says why it cannot. */
  fail(error, overNetwork) {
    const { title, text } = explain(error, overNetwork);
    this.#body.hidden = true;
    this.#hint.hidden = false;
    this.#hint.textContent = `${title}. ${text}`;
  }

  /** Shows what was learned. */
  renew() {
    this.#draw();
  }

  leave() {
    this.#resized.disconnect();
    this.#scheme.removeEventListener("change", this.#repaint);
    clearTimeout(this.#asking);
  }

  /** The kind of a block, as far as it was looked at. */
  #kindOf(block) {
    const { state, shared, segment } = this.#blocks.get(block);
    if (state === "zero") return "zero";
    if (state === "lost") return "damaged";
    if (state === "unreadable" || segment === this.#audit.unreadSegment) return "unreadable";
    if (!this.#audit.wasRead(this.#version)) return "unread";
    return shared ? "shared" : state;
  }

  #draw() {
    const width = this.#body.clientWidth;
    if (this.#blocks === undefined || width === 0) return;
    const grid = (this.#grid = new Grid(this.#blocks.length, width));
    const colours = KINDS.map((kind) => this.#colour(`--block-${kind}`)), signs = this.#colour("--block-sign");
    const counts = new Float64Array(KINDS.length);
    const context = sized(this.#canvas, grid, globalThis.devicePixelRatio ?? 1);
    for (let cell = 0; cell < grid.cells; cell++) {
      const kind = this.#worst(grid, cell, counts);
      const { x, y } = grid.placeOf(cell);
      context.fillStyle = colours[kind];
      context.fillRect(x, y, grid.px - 1, grid.px - 1);
      if (kind >= KINDS.indexOf("unreadable")) sign(context, x, y, grid.px - 1, KINDS[kind], signs);
    }
    if (this.#at !== undefined) outline(context, grid, this.#at, this.#colour("--ink"));
    this.#canvas.setAttribute("aria-valuemax", this.#blocks.length);
    this.#legend.replaceChildren(...KINDS.flatMap((kind, at) => (counts[at] === 0 ? [] : [legendOf(kind, counts[at])])));
  }

  /** A colour of the style sheet, as it is in light or dark: a property that is not in use is text to a browser, and no colour. */
  #colour(property) {
    this.#canvas.style.color = `var(${property})`;
    return getComputedStyle(this.#canvas).color;
  }

  #worst(grid, cell, counts) {
    let worst = 0;
    for (let block = grid.first(cell); block < grid.first(cell + 1); block++) {
      const kind = KINDS.indexOf(this.#kindOf(block));
      counts[kind] += 1;
      if (kind > worst) worst = kind;
    }
    return worst;
  }

  #key(event) {
    if (this.#grid === undefined) return;
    const steps = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: this.#grid.columns, ArrowUp: -this.#grid.columns, Home: -Infinity, End: Infinity };
    if (!(event.key in steps)) return;
    event.preventDefault();
    this.#point(Math.max(0, Math.min(this.#grid.cells - 1, (this.#at ?? -1) + steps[event.key])));
  }

  /** Tells of a cell, and a moment later of its block's id. */
  #point(cell) {
    if (cell === undefined || cell === this.#at) return;
    this.#at = cell;
    this.#draw();
    const block = this.#grid.first(cell), last = this.#grid.first(cell + 1) - 1;
    const text = this.#describe(block, last);
    this.#tell(block, text);
    clearTimeout(this.#asking);
    if (block === last && this.#blocks.get(block).state !== "zero") this.#asking = setTimeout(() => this.#identify(cell, block, text), DESCRIBE_MS);
  }

  #describe(block, last) {
    const { state, shared, segment, at, storedBytes } = this.#blocks.get(block);
    const { blockBytes } = this.#blocks;
    if (block !== last) return `blocks ${count(block)} to ${count(last)}, offset ${count(block * blockBytes)}; the worst: ${LABELS[this.#kindOf(this.#worstBlock(block, last))]}`;
    const where = state === "stored" || state === "delta" ? `${state === "delta" ? "changes, " : ""}${size(storedBytes)} stored in ${segmentFile(segment)} at ${count(at)}${shared ? ", shared" : ""}` : undefined;
    return [`block ${count(block)}`, `offset ${count(block * blockBytes)}`, LABELS[this.#kindOf(block)], where].filter(Boolean).join(" · ");
  }

  #worstBlock(first, last) {
    let worst = first;
    for (let block = first; block <= last; block++) if (KINDS.indexOf(this.#kindOf(block)) > KINDS.indexOf(this.#kindOf(worst))) worst = block;
    return worst;
  }

  async #identify(cell, block, text) {
    if (this.#isBusy()) return;
    try {
      const { id } = await this.#repository.describeBlock(this.#version, block);
      if (this.#at === cell) this.#tell(block, `${text} · id ${id}`);
    } catch (error) {
      if (this.#at === cell) this.#tell(block, `${text} · id not known: ${error.message}`);
    }
  }

  #tell(block, text) {
    this.#told.textContent = text;
    this.#canvas.setAttribute("aria-valuenow", block + 1);
    this.#canvas.setAttribute("aria-valuetext", text);
  }
}

const STATES = ["zero", "stored", "delta", "lost", "unreadable"];
const SHARED = 8;

/** What is known of each block, in few bytes. */
class Blocks {
  #facts;
  #places;

  constructor(diskBytes, blockBytes) {
    this.blockBytes = blockBytes;
    this.length = Math.ceil(diskBytes / blockBytes);
    this.#facts = new Uint8Array(this.length);
    this.#places = new Uint32Array(this.length * 3);
  }

  set({ block, state, shared, segment = 0, at = 0, storedBytes = 0 }) {
    this.#facts[block] = STATES.indexOf(state) | (shared ? SHARED : 0);
    this.#places.set([segment, at, storedBytes], block * 3);
  }

  get(block) {
    const facts = this.#facts[block];
    const [segment, at, storedBytes] = this.#places.subarray(block * 3, block * 3 + 3);
    return { state: STATES[facts & 7], shared: facts >= SHARED, segment, at, storedBytes };
  }
}

/** Where cells lie. */
class Grid {
  constructor(blocks, width) {
    this.px = CELL_PX;
    const rows = () => Math.ceil(blocks / Math.max(1, Math.floor(width / this.px)));
    while (this.px > CELL_MIN_PX && rows() * this.px > HEIGHT_PX) this.px -= 1;
    this.columns = Math.max(1, Math.floor(width / this.px));
    const room = this.columns * Math.floor(HEIGHT_PX / this.px);
    this.per = Math.max(1, Math.ceil(blocks / room));
    this.cells = Math.ceil(blocks / this.per);
    this.blocks = blocks;
    this.width = Math.min(this.cells, this.columns) * this.px;
    this.height = Math.ceil(this.cells / this.columns) * this.px;
  }

  first(cell) {
    return Math.min(cell * this.per, this.blocks);
  }

  placeOf(cell) {
    return { x: (cell % this.columns) * this.px, y: Math.floor(cell / this.columns) * this.px };
  }

  cellAt(x, y) {
    const column = Math.floor(x / this.px), cell = Math.floor(y / this.px) * this.columns + column;
    return column >= 0 && column < this.columns && cell >= 0 && cell < this.cells ? cell : undefined;
  }
}

function sized(canvas, { width, height, px }, ratio) {
  canvas.dataset.cell = px;
  canvas.width = width * ratio;
  canvas.height = height * ratio;
  canvas.style.width = `${width}px`;
  canvas.style.height = `${height}px`;
  const context = canvas.getContext("2d");
  context.scale(ratio, ratio);
  return context;
}

/** Never colour alone: damage is crossed out, what could not be read is struck through. */
function sign(context, x, y, px, kind, colour) {
  context.strokeStyle = colour;
  context.lineWidth = Math.max(1, px / 7);
  context.beginPath();
  context.moveTo(x + px * 0.22, y + px * 0.78);
  context.lineTo(x + px * 0.78, y + px * 0.22);
  if (kind === "damaged") {
    context.moveTo(x + px * 0.22, y + px * 0.22);
    context.lineTo(x + px * 0.78, y + px * 0.78);
  }
  context.stroke();
}

function outline(context, grid, cell, colour) {
  const { x, y } = grid.placeOf(cell);
  context.strokeStyle = colour;
  context.lineWidth = 2;
  context.strokeRect(x, y, grid.px - 1, grid.px - 1);
}

const legendOf = (kind, number) => element("li", { "data-kind": kind, "data-count": number }, element("span", { class: `swatch ${kind}`, "aria-hidden": "true" }), `${LABELS[kind]} (${count(number)})`);
