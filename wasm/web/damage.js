// Damage: what was found and where, which versions it hits and in which ranges of their disks, and what to do.

import { element, section } from "./element.js";
import { count, segmentFile, size } from "./figures.js";
import { nameOf, wordsOf } from "./words.js";

const ROWS = 500;

/** A section, or nothing where nothing was found. */
export function damageSection({ report, seen, damage }) {
  const findings = report?.findings ?? seen;
  const hit = report?.versions.filter(({ hit }) => hit) ?? [];
  if (findings.length === 0 && hit.length === 0) return undefined;
  const isDamage = report?.damaged ?? findings.some(({ kind }) => kind !== "unreadable");
  return section(isDamage ? "Damage" : "What could not be read", findings.length > 0 && table(findings), hit.length > 0 && element("h3", {}, "Versions that are hit"), hit.length > 0 && hitList(hit, damage), hit.length > 0 && advice(report));
}

function table(findings) {
  const rows = findings.slice(0, ROWS).map(({ kind, segment, offset, length }) => {
    const { what, next } = wordsOf(kind);
    const cell = (label, ...children) => element("td", { "data-label": label }, ...children);
    return element(
      "tr",
      { "data-kind": kind },
      element("th", { scope: "row" }, element("code", {}, kind)),
      cell("What", what),
      cell("Where", segment === null ? "the head pin" : [element("code", {}, segmentFile(segment)), ` at byte ${count(offset)}${length > 0 ? `, ${size(length)}` : ""}`]),
      cell("What to do", next),
    );
  });
  const head = element("thead", {}, element("tr", {}, ["Finding", "What", "Where", "What to do"].map((text) => element("th", { scope: "col" }, text))));
  const rest = findings.length > ROWS && element("p", {}, `And ${count(findings.length - ROWS)} more; the saved report lists all.`);
  return element("div", { class: "wide", role: "region", "aria-label": "Table of findings", tabindex: "0" }, element("table", { class: "findings" }, head, element("tbody", {}, rows)), rest);
}

/** Versions that share what is lost are told of together. */
function hitList(hit, damage) {
  const lostOf = new Map(damage.map(({ version, lost }) => [version.id, lost]));
  const alike = Map.groupBy(hit, ({ id }) => JSON.stringify(lostOf.get(id)));
  return element("ul", { class: "hit" }, [...alike.values()].map((versions) => element("li", {}, versions.map(called), rangesOf(lostOf.get(versions[0].id)))));
}

const called = (version) => element("p", { "data-id": version.id }, element("strong", {}, nameOf(version)), " ", element("code", {}, version.id.slice(0, 12)));

function rangesOf(lost) {
  if (lost === undefined) return element("p", {}, "Which ranges of its disk are lost is not known.");
  if (lost === null) return element("p", {}, "Its record cannot be read, so all of it is lost.");
  const sum = lost.reduce((sum, { length }) => sum + length, 0);
  const lines = lost.slice(0, ROWS).map(({ offset, length }) => element("li", {}, `bytes ${count(offset)} to ${count(offset + length - 1)} (${size(length)})`));
  return element("details", { open: lost.length <= 8 }, element("summary", {}, `${size(sum)} of the disk in ${count(lost.length, "range")}`), element("ul", {}, lines));
}

function advice(report) {
  const intact = report.versions.findLast(({ verdict }) => verdict === "intact");
  const steps = [
    "Keep the repository as it is: nothing here gets better by deleting it.",
    "Where the disk still exists, run sarsen scrub and then back it up again: blocks that it still holds are stored anew, and versions that need them are whole again.",
    "Where another copy of the repository exists, scrub that, and bring the damaged segments back from it.",
    intact && `To restore now, take a version that is intact, as ${nameOf(intact)} is.`,
    "To restore one that is hit, sarsen restore gives back all but the ranges above, and names them.",
  ];
  return [element("h3", {}, "What to do"), element("ul", { class: "advice" }, steps.filter(Boolean).map((step) => element("li", {}, step)))];
}
