// What is found, in words: what it means and what to do. The kinds are those of FORMAT.md section 13.

import { count } from "./figures.js";

const BACK = "Put this file back from another copy of the repository, if there is one.";
const STORE_ANEW = "Back up the disk again: what it still holds is stored anew, and every version that needs it is whole. Or put the file back from another copy.";

const FINDINGS = {
  pin: ["The head pin is not right, or names another commit.", "If segments came from different copies, put them all back from one. The next backup writes the pin anew."],
  behind: ["Something newer than what is here once existed.", "Bring the newest segments back from another copy. Until then nothing is written here."],
  missing: ["A segment that is needed is not here.", BACK],
  foreign: ["This segment belongs to another repository.", `Move it away. ${BACK}`],
  renamed: ["This is another segment under this name.", "Give it its own name back, and put the right file in its place."],
  header: ["The segment's header is not as it was written.", BACK],
  truncated: ["The segment ends too soon.", BACK],
  footer: ["The segment's table of contents is not as it was written.", BACK],
  entry: ["Where an object should begin, something else stands.", STORE_ANEW],
  digest: ["The segment holds other objects than were committed.", BACK],
  payload: ["Stored bytes are not those that were written.", STORE_ANEW],
  padding: ["The filling behind an object is not as it was written. The object itself is right.", BACK],
  unreadable: ["This could not be read, so nothing is said about it.", "Look at where it lies, and scrub again."],
};

/** {what, next} of a finding's kind. */
export function wordsOf(kind) {
  const [what, next] = FINDINGS[kind] ?? [`Something is wrong (${kind}).`, BACK];
  return { what, next };
}

/** What is said of a version, and how it is shown. `intact` only where every byte was read. */
export const STANDINGS = {
  unknown: { sign: "–", text: "not looked at", tone: "dim" },
  complete: { sign: "◇", text: "complete, not read", tone: "dim" },
  sampled: { sign: "◈", text: "no damage in the sample", tone: "dim" },
  intact: { sign: "✓", text: "intact", tone: "good" },
  damaged: { sign: "✗", text: "damaged", tone: "bad" },
  unread: { sign: "?", text: "could not be read", tone: "warn" },
};

/** Why something could not be done: a title, what was wrong, what to do. */
export function explain(error, overNetwork = false) {
  const cause = error.cause?.message && error.cause.message !== error.message ? error.cause.message : undefined;
  const refused = error.cause?.code ?? error.code;
  if (refused === "not-a-repository") return { title: "No repository", text: overNetwork ? `Nothing was found there: ${sentence(error.message)}` : "No segments were found in what was given. Choose the folder that holds “segments” and “head”." };
  if (refused === "unsupported") return { title: "A newer format", text: "This repository was made by a newer sarsen, or with a feature this page does not know. Nothing is said about whether it is intact: use a newer page." };
  if (refused === "no-ranges") return { title: "The server sends no ranges", text: sentence(error.cause?.message ?? error.message) };
  if (error.name === "MemoryError" && refused === "entries") return { title: "Too much for this page", text: `The repository has ${count(error.entries, "entry", "entries")}, and the page has memory for an index of ${count(error.entriesMax)}. Nothing is said about whether it is intact: scrub it with the command.` };
  if (error.name === "DamagedError") return { title: "Damaged", text: sentence(error.message) };
  if (error.name === "ReadError") return { title: "Could not be read", text: [sentence(error.message), cause && sentence(cause), overNetwork && error.cause instanceof TypeError && CORS, UNSAID].filter(Boolean).join(" ") };
  return { title: "Not possible", text: [sentence(error.message), cause && sentence(cause)].filter(Boolean).join(" ") };
}

const UNSAID = "This says nothing about whether its bytes are intact.";
const CORS = "Is the server there, and does it allow this page's origin (Access-Control-Allow-Origin, and Content-Range among Access-Control-Expose-Headers)?";

/** As a sentence. */
export function sentence(text) {
  const whole = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?]$/.test(whole) ? whole : `${whole}.`;
}

/** What a version is called. */
export const nameOf = ({ name, snapshot }) => (name === null || name === undefined ? "record not readable" : snapshot ? `${name}@${snapshot}` : name);
