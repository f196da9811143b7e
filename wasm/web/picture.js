// Pictures made of bars, with the highest named at their side and what is at their ends below.

const WIDTH = 640, HEIGHT = 150, BOTTOM = 20, TOP = 10, WIDEST = 28;
const NAMESPACE = "http://www.w3.org/2000/svg";

/** Where bars begin, and how much room they have. */
const LEFT = 64, ROOM = WIDTH - LEFT;

/**
 * Bars {at, title, value}: where from 0 to 1, what is said of it, and how high. `kind` is a class, `label` what a screen reader says, `top` the
 * text of the highest value, `ends` those below.
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

function drawnBar({ at, title, value }, most, wide) {
  const high = Math.max(1, (value / most) * (HEIGHT - BOTTOM - TOP));
  const box = { x: LEFT + (ROOM - wide) * at, y: HEIGHT - BOTTOM - high, width: wide, height: high };
  return drawn("rect", Object.fromEntries(Object.entries(box).map(([key, length]) => [key, length.toFixed(1)])), drawn("title", {}, title));
}

function drawn(name, attributes, ...children) {
  const made = document.createElementNS(NAMESPACE, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children.filter(Boolean));
  return made;
}
