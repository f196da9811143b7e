// The table of versions, newest first.

import { button, element } from "./element.js";
import { count, moment, size } from "./figures.js";
import { nameOf, STANDINGS } from "./words.js";

/** So many rows at first: a table of ten thousand would take longer than opening the repository. */
const ROWS = 200;

/** The table. `actions` are {text, does(version), title, needsSize}. */
export function versionsTable(audit, actions) {
  const versions = [...audit.versions].reverse();
  const body = element("tbody", {}, versions.slice(0, ROWS).map((version) => row(version, audit, actions)));
  const table = element(
    "table",
    { class: "versions" },
    element("thead", {}, element("tr", {}, ["Version", "Taken", "Disk", "New data", "Standing", "What to do"].map((text) => element("th", { scope: "col" }, text)))),
    body,
  );
  const left = versions.length - ROWS;
  const rest = left > 0 && button(`Show ${count(left, "more version", "more versions")}`, ({ currentTarget }) => {
    body.append(...versions.slice(ROWS).map((version) => row(version, audit, actions)));
    currentTarget.remove();
  });
  return element("div", { class: "wide", role: "region", "aria-label": "Table of versions", tabindex: "0" }, table, rest);
}

function row(version, audit, actions) {
  const cell = (label, ...children) => element("td", { "data-label": label }, ...children);
  const name = nameOf(version);
  const note = [version.kind === "draft" && "draft", version.protected && "protected", version.sourceChanged && "source changed while it was read"].filter(Boolean).join(", ");
  return element(
    "tr",
    { "data-id": version.id },
    element("th", { scope: "row" }, element("span", { class: "name" }, name), element("code", { title: version.id }, version.id.slice(0, 12)), note && element("span", { class: "note" }, note)),
    cell("Taken", version.time === undefined ? "–" : element("time", { datetime: new Date(version.time).toISOString() }, moment(version.time))),
    cell("Disk", version.size === undefined ? "–" : size(version.size)),
    cell("New data", version.newBytes === undefined ? "–" : size(version.newBytes)),
    cell("Standing", version.kind === "draft" ? standing({ sign: "–", text: "a draft is not judged", tone: "dim" }) : standing(STANDINGS[audit.standingOf(version)])),
    cell("What to do", element("div", { class: "row" }, version.kind === "version" && actions.map(({ text, does, label }) => button(text, () => does(version), { "aria-label": label(name), class: "small verb" })))),
  );
}

/** A sign and a word: never colour alone. */
export function standing({ sign, text, tone }) {
  return element("span", { class: `standing ${tone}` }, element("span", { "aria-hidden": "true" }, sign), ` ${text}`);
}
