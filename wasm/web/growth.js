// A picture of what each version brought: a bar for each, where it was made in time, as high as the data that was new.

import { element } from "./element.js";
import { count, moment, size } from "./figures.js";
import { picture } from "./picture.js";
import { nameOf } from "./words.js";

/** The picture, or a line where there is nothing to show. */
export function growthPicture(versions) {
  const shown = versions.filter(({ kind, time, newBytes }) => kind === "version" && time !== undefined && newBytes !== undefined);
  if (shown.length === 0) return element("p", { class: "hint" }, "No version's record tells.");
  const most = Math.max(...shown.map(({ newBytes }) => newBytes));
  const sum = shown.reduce((sum, { newBytes }) => sum + newBytes, 0);
  const from = Math.min(...shown.map(({ time }) => time)), to = Math.max(...shown.map(({ time }) => time));
  return picture({
    kind: "growth",
    label: `New data of ${count(shown.length, "version")} from ${moment(from)} to ${moment(to)}: ${size(sum)} in all, at most ${size(most)} in one. The table of versions has the figures.`,
    bars: shown.map((version) => ({ at: to > from ? (version.time - from) / (to - from) : 0, title: `${nameOf(version)}, ${moment(version.time)}: ${size(version.newBytes)}`, value: version.newBytes })),
    top: size(most),
    ends: to > from ? [moment(from), moment(to)] : [moment(from)],
  });
}
