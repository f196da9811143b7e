// Numbers as people read them.

const UNITS = ["bytes", "KiB", "MiB", "GiB", "TiB", "PiB"];

const grouped = new Intl.NumberFormat("en");

/** `1,234` */
export const count = (number, one, many = `${one}s`) => (one === undefined ? grouped.format(number) : `${grouped.format(number)} ${number === 1 ? one : many}`);

/** `6.0 MiB` */
export function size(bytes) {
  let unit = 0, left = bytes;
  while (left >= 1024 && unit < UNITS.length - 1) [left, unit] = [left / 1024, unit + 1];
  return unit === 0 ? count(bytes, "byte") : `${left.toFixed(left < 100 ? 1 : 0)} ${UNITS[unit]}`;
}

/** `3 min 20 s` */
export function duration(seconds) {
  if (seconds < 1) return "less than 1 s";
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
}

/** `2026-11-21 13:40`, where the reader is. */
export function moment(ms) {
  const date = new Date(ms - new Date(ms).getTimezoneOffset() * 60_000);
  return date.toISOString().slice(0, 16).replace("T", " ");
}

/** `0000000042.seg` */
export const segmentFile = (number) => `${String(number).padStart(10, "0")}.seg`;
