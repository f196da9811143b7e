// Pictures made of bars, with the highest named at their side and what is at their ends below.

const WIDTH = 640, HEIGHT = 156, BOTTOM = 26, TOP = 10, WIDEST = 28;
const NAMESPACE = "http://www.w3.org/2000/svg";

/** Where bars begin, and how much room they have. */
const LEFT = 96, ROOM = WIDTH - LEFT;

/**
 * Bars {at, title, value, filled}: where from 0 to 1, what is said of it, how high, and how far it is filled, all of it unless that is said. `kind`
 * is a class, `label` what a screen reader says, `top` the text of the highest value, `ends` those below.
 */
export function picture({ kind, label, bars, top, ends }) {
  const most = Math.max(1, ...bars.map(({ value }) => value));
  const wide = Math.max(1, Math.min(WIDEST, (ROOM / bars.length) * 0.7));
  return drawn(
    "svg",
    { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, class: `picture ${kind}`, role: "img", "aria-label": label },
    drawn("line", { x1: LEFT, x2: WIDTH, y1: HEIGHT - BOTTOM + 0.5, y2: HEIGHT - BOTTOM + 0.5 }),
    drawn("text", { x: LEFT - 8, y: TOP + 8, "text-anchor": "end" }, top),
    drawn("text", { x: LEFT - 8, y: HEIGHT - BOTTOM, "text-anchor": "end" }, "0"),
    drawn("text", { x: LEFT, y: HEIGHT - 4 }, ends[0]),
    ends[1] !== undefined && drawn("text", { x: WIDTH, y: HEIGHT - 4, "text-anchor": "end" }, ends[1]),
    ...bars.map((bar) => drawnBar(bar, most, wide)),
  );
}

function drawnBar({ at, title, value, filled = value }, most, wide) {
  const x = LEFT + (ROOM - wide) * at;
  const bar = drawn("g", {}, drawn("title", {}, title));
  if (heightOf(value - filled, most) > 0.5) bar.append(drawnBox("rest", x, value, most, wide));
  if (filled > 0 || value === 0) bar.append(drawnBox("full", x, filled, most, wide));
  return bar;
}

const heightOf = (value, most) => (value / most) * (HEIGHT - BOTTOM - TOP);

function drawnBox(kind, x, value, most, wide) {
  const high = Math.max(1, heightOf(value, most));
  const box = { x, y: HEIGHT - BOTTOM - high, width: wide, height: high };
  return drawn("rect", { class: kind, ...Object.fromEntries(Object.entries(box).map(([key, length]) => [key, length.toFixed(1)])) });
}

function drawn(name, attributes, ...children) {
  const made = document.createElementNS(NAMESPACE, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children.filter(Boolean));
  return made;
}
