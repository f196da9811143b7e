// A picture of the segments: a bar for each, or for several in a row, as high as its bytes, filled as far as versions need them.

import { button, element, section } from "./element.js";
import { count, segmentFile, size } from "./figures.js";
import { picture } from "./picture.js";

/** So many bars can be told from each other, and so many rows be read. */
const BARS = 120, ROWS = 500;

/** The section. `usage` is what was counted, once that was asked for by `ask`. */
export function segmentsSection(usage, ask) {
  if (usage === undefined) {
    return section("Segments", element("p", { class: "hint" }, "How much of each segment versions still need is not noted anywhere; it can be counted, which reads tables and no payloads."), button("Count what is in use", ask, { class: "verb", id: "count" }));
  }
  return section("Segments", element("p", { id: "in-use", tabindex: "-1" }, summary(usage)), usage.segments.length > 0 && drawing(usage), legend(), table(usage));
}

function summary({ segments, bytes, liveBytes, complete }) {
  const dead = segments.filter((segment) => segment.liveBytes === 0).length;
  return [
    `${size(liveBytes)} are in use of ${size(bytes)} in ${count(segments.length, "segment")}.`,
    complete && dead > 0 && ` ${count(dead)} ${dead === 1 ? "holds" : "hold"} nothing that is: sarsen gc removes ${dead === 1 ? "it" : "them"}.`,
    !complete && " Something that versions need cannot be read, so more may be in use than that, and gc keeps what may be.",
  ].filter(Boolean);
}

/** Segments in a row, where there are more than can be told from each other. */
function grouped(segments) {
  const each = Math.ceil(segments.length / BARS);
  return Array.from({ length: Math.ceil(segments.length / each) }, (_, at) => {
    const group = segments.slice(at * each, (at + 1) * each);
    const sum = (key) => group.reduce((sum, segment) => sum + segment[key], 0);
    const called = each === 1 ? segmentFile(group[0].segment) : `segments ${group[0].segment} to ${group.at(-1).segment}`;
    return { called, bytes: sum("bytes"), liveBytes: sum("liveBytes") };
  });
}

function drawing({ segments, bytes, liveBytes }) {
  const groups = grouped(segments), last = Math.max(1, groups.length - 1);
  return picture({
    kind: "segments",
    label: `Bytes of ${count(segments.length, "segment")}, ${size(bytes)} in all, of which ${size(liveBytes)} are in use. The table below has the figures.`,
    bars: groups.map(({ called, bytes, liveBytes }, at) => ({ at: at / last, title: `${called}: ${size(liveBytes)} in use of ${size(bytes)}`, value: bytes, filled: liveBytes })),
    top: size(Math.max(...groups.map(({ bytes }) => bytes))),
    ends: groups.length > 1 ? [segmentFile(segments[0].segment), segmentFile(segments.at(-1).segment)] : [segmentFile(segments[0].segment)],
  });
}

function legend() {
  const of = (kind, text) => element("li", {}, element("span", { class: `swatch ${kind}`, "aria-hidden": "true" }), text);
  return element("ul", { class: "legend" }, of("live", "in use"), of("dead", "not in use, or headers, commits and footers"));
}

function table({ segments }) {
  const cell = (label, text) => element("td", { "data-label": label }, text);
  const rows = segments.slice(0, ROWS).map(({ segment, bytes, liveBytes, deadBytes }) =>
    element("tr", { "data-segment": segment, "data-live": liveBytes, "data-dead": deadBytes }, element("th", { scope: "row" }, element("code", {}, segmentFile(segment))), cell("Bytes", size(bytes)), cell("In use", size(liveBytes)), cell("Not in use", size(deadBytes))),
  );
  const head = element("thead", {}, element("tr", {}, ["Segment", "Bytes", "In use", "Not in use"].map((text) => element("th", { scope: "col" }, text))));
  const rest = segments.length > ROWS && element("p", {}, `And ${count(segments.length - ROWS)} more; the saved report lists all.`);
  return element("details", { class: "figures-of" }, element("summary", {}, "Figures of each segment"), element("div", { class: "wide", role: "region", "aria-label": "Table of segments", tabindex: "0" }, element("table", {}, head, element("tbody", {}, rows)), rest));
}
