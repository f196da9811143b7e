// What came out of the last look, in a line and a few.

import { element } from "./element.js";
import { count, duration, size } from "./figures.js";
import { explain, nameOf } from "./words.js";

/** An element that says where an audit stands. */
export function verdict(audit, overNetwork) {
  const { tone, title, lines } = told(audit, overNetwork);
  return element("div", { class: `verdict ${tone}`, id: "verdict" }, element("h2", { tabindex: "-1" }, title), lines.filter(Boolean).map((line) => element("p", {}, line)));
}

function told(audit, overNetwork) {
  if (audit.trouble) return ofTrouble(audit, overNetwork);
  if (audit.stopped) return { tone: "dim", title: "Stopped", lines: ["Not everything was read, so nothing is said about what is intact.", foundSoFar(audit)] };
  if (audit.report === undefined) return { tone: "dim", title: "Not looked at yet", lines: ["These are the versions that the repository lists. Scrub to know whether they are intact."] };
  if (audit.report.damaged) return ofDamage(audit);
  return audit.report.findings.length > 0 || audit.report.unread.length > 0 ? ofUnread(audit) : ofSound(audit);
}

function ofTrouble({ trouble, seen }, overNetwork) {
  const { title, text } = explain(trouble, overNetwork);
  return { tone: trouble.name === "DamagedError" ? "bad" : "warn", title, lines: [text, foundSoFar({ seen })] };
}

function foundSoFar({ seen }) {
  return seen.length > 0 ? `Until then, ${count(seen.length, "piece")} of damage had been found; they are listed below.` : "No damage had been found until then.";
}

function ofDamage({ report, ...audit }) {
  const hit = report.versions.filter(({ hit }) => hit);
  const title = hit.length === 0 ? "Damaged, but no version is hit" : "Damaged";
  const whom = report.versions.length === 1 ? `${nameOf(report.versions[0])} is ${hit.length ? "hit" : "not hit"}.` : `${count(hit.length)} of ${count(report.versions.length, "version")} ${hit.length === 1 ? "is" : "are"} hit.`;
  return { tone: "bad", title, lines: [`${count(report.findings.length, "finding")}. ${whom} ${othersOf(report, hit.length)}`, ...more(report), method({ report, ...audit })] };
}

/** Nothing that was read is damaged, and not all was. */
function ofUnread({ report, ...audit }) {
  const whom = report.unread.length === 0 ? "No version needs that." : othersOf(report, 0);
  return { tone: "warn", title: "Not all could be read", lines: [`${count(report.findings.length, "range")} could not be read. ${whom}`, ...more(report), method({ report, ...audit })] };
}

/** What is said of versions that are not hit depends on what was read. */
function othersOf({ versions, depth, skipped, unread }, hit) {
  const others = versions.length - hit - unread.length;
  const unknown = unread.length === 0 ? "" : `Of ${count(unread.length, "version")} nobody knows: not all that is needed could be read. `;
  if (others === 0) return unknown;
  if (depth === "check") return `${unknown}The others are complete, but were not read.`;
  if (skipped > 0) return `${unknown}The others show no damage in the sample.`;
  return `${unknown}${others === 1 && versions.length > 1 ? "The other is" : "The others are"} intact.`;
}

function ofSound({ report, ...audit }) {
  const { versions, depth, skipped, entries } = report;
  const of = versions.length === 1 ? nameOf(versions[0]) : count(versions.length, "version");
  const how = method({ report, ...audit });
  if (versions.length === 0) return { tone: "dim", title: "No versions", lines: ["There is no damage, and nothing to restore.", how] };
  if (depth === "check") return { tone: "dim", title: "Complete, not read", lines: [`Everything that ${of} ${versions.length === 1 ? "needs" : "need"} is there. What it holds was not read: scrub to know whether it is intact.`, ...more(report), how] };
  if (skipped > 0) return { tone: "dim", title: "No damage in the sample", lines: [`${count(entries - skipped)} of ${count(entries, "object")} were read. Nothing is said about the others.`, ...more(report), how] };
  return { tone: "good", title: "Intact", lines: [`Every byte of ${of} was read, and is as it was written.`, ...more(report), how] };
}

function more({ behind, rebuilt, changed }) {
  return [
    behind && "Something newer than what is here once existed: the newest segments are missing.",
    rebuilt && "Tables are damaged and were made anew from what is left: versions may be missing below, or be listed again.",
    changed && "The repository was written meanwhile, so findings may be of what has moved: open it again, and look again.",
  ].filter(Boolean);
}

/** How it was found out, and who hashed. */
function method({ report: { depth, method, hashing, segments, entries, bytes }, seconds, info }) {
  const by = hashing === "webcrypto" ? "WebCrypto" : "WASM";
  const digest = info?.digest === "blake3" ? "BLAKE3" : "SHA-256";
  const how = depth === "check" ? "Structure only" : method === "stored" ? "Stored bytes compared with their digests" : "Every block decoded and compared with its digests";
  return element("span", { class: "method" }, `${how}; ${digest} by ${by}; ${count(segments, "segment")}, ${count(entries, "object")}, ${size(bytes)} in ${duration(seconds)}.`);
}
