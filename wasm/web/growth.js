// A picture of what each version brought: a bar for each, where it was made in time, as high as the data that was new.

import { element } from "./element.js";
import { count, moment, size } from "./figures.js";
import { nameOf } from "./words.js";

const WIDTH = 640, HEIGHT = 150, LEFT = 64, BOTTOM = 20, TOP = 10;
const NAMESPACE = "http://www.w3.org/2000/svg";

/** The picture, or a line where there is nothing to show. */
export function growthPicture(versions) {
  const shown = versions.filter(({ kind, time, newBytes }) => kind === "version" && time !== undefined && newBytes !== undefined);
  if (shown.length === 0) return element("p", { class: "hint" }, "No version's record tells.");
  const most = Math.max(1, ...shown.map(({ newBytes }) => newBytes));
  const [from, to] = [shown[0].time, shown.at(-1).time].sort((one, other) => one - other);
  const room = WIDTH - LEFT, wide = Math.max(1, Math.min(28, (room / shown.length) * 0.7));
  // Evenly where all were made at once, which says nothing about time.
  const xOf = (version, at) => LEFT + (room - wide) * (to > from ? Math.min(1, Math.max(0, (version.time - from) / (to - from))) : shown.length === 1 ? 0 : at / (shown.length - 1));
  const bars = shown.map((version, at) => {
    const high = (version.newBytes / most) * (HEIGHT - BOTTOM - TOP);
    return drawn("rect", { x: xOf(version, at).toFixed(1), y: (HEIGHT - BOTTOM - high).toFixed(1), width: wide.toFixed(1), height: Math.max(1, high).toFixed(1), rx: Math.min(2, wide / 4) }, drawn("title", {}, `${nameOf(version)}, ${moment(version.time)}: ${size(version.newBytes)}`));
  });
  const sum = shown.reduce((sum, { newBytes }) => sum + newBytes, 0);
  return drawn(
    "svg",
    { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, class: "picture growth", role: "img", "aria-label": `New data of ${count(shown.length, "version")} from ${moment(from)} to ${moment(to)}: ${size(sum)} in all, at most ${size(most)} in one. The table of versions has the figures.` },
    drawn("line", { x1: LEFT, x2: WIDTH, y1: HEIGHT - BOTTOM + 0.5, y2: HEIGHT - BOTTOM + 0.5 }),
    drawn("text", { x: LEFT - 8, y: TOP + 8, "text-anchor": "end" }, size(most)),
    drawn("text", { x: LEFT - 8, y: HEIGHT - BOTTOM, "text-anchor": "end" }, "0"),
    drawn("text", { x: LEFT, y: HEIGHT - 4 }, moment(from)),
    to > from && drawn("text", { x: WIDTH, y: HEIGHT - 4, "text-anchor": "end" }, moment(to)),
    ...bars,
  );
}

function drawn(name, attributes, ...children) {
  const made = document.createElementNS(NAMESPACE, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children.filter(Boolean));
  return made;
}
