// What the parts of a repository are called (FORMAT.md section 1), and by which numbers the engine knows them.

/** The head pin, as the engine numbers names; segments have their own number. */
export const PIN = -1;

const SEGMENT = /^segments\/(\d{10})\.seg$/;
const LAST = 0xfffffffe;

/** The name of a segment, or of the head pin. */
export function nameOf(number) {
  return number === PIN ? "head" : `segments/${String(number).padStart(10, "0")}.seg`;
}

/** The number of the segment with this name; undefined if it is none. */
export function segmentOf(name) {
  const number = Number(SEGMENT.exec(name)?.[1] ?? NaN);
  return number <= LAST ? number : undefined;
}
