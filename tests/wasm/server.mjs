// A loopback server for a repository's directory, in several moods.

import { createServer } from "node:http";
import { closeSync, fstatSync, openSync, readSync, statSync } from "node:fs";
import { join } from "node:path";

/** So many bytes are kept back, and not told of, by a server in the mood `less`. */
export const LESS_BYTES = 10;

/**
 * Moods: `ranges` (as a good server does), `whole` (ranges are ignored), `mute` (no Content-Range), `short` (fewer bytes than it says),
 * `long` and `less` (lie about the total length of segments), `fickle` (in every other answer), `dying` (connections break after so many requests), `slow`, `forbidden`, `flaky` (every request fails once),
 * `sick` (a range that has this byte of this file fails).
 * With `origins`, pages of other origins may ask.
 */
export async function serve(root, mood = "ranges", options = {}) {
  const seen = { requests: 0, heads: 0, ranged: 0, failed: new Set() };
  const server = createServer((request, response) => {
    if (options.origins) allow(response);
    answer(root, mood, options, seen, request, response);
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const close = () => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  };
  return { url: `http://127.0.0.1:${server.address().port}/`, seen, close };
}

function allow(response) {
  response.setHeader("Access-Control-Allow-Origin", "*");
  response.setHeader("Access-Control-Expose-Headers", "Content-Range");
}

function answer(root, mood, { dies = 20, delay = 300, sick }, seen, request, response) {
  const number = (seen.requests += 1);
  if (request.method === "HEAD") seen.heads += 1;
  if (mood === "dying" && number > dies) return response.destroy();
  const asked = `${request.url} ${request.headers.range}`;
  if (mood === "flaky" && !seen.failed.has(asked)) {
    seen.failed.add(asked);
    return response.writeHead(503).end();
  }
  if (mood === "forbidden") return response.writeHead(403).end();
  if (mood === "sick" && isSick(sick, request)) return response.writeHead(500).end();
  const path = join(root, new URL(request.url, "http://x").pathname);
  if (!statSync(path, { throwIfNoEntry: false })?.isFile()) return response.writeHead(404).end();
  const file = openSync(path, "r");
  try {
    const lie = path.endsWith(".seg") ? (LIES[mood]?.(number) ?? 0) : 0;
    send(response, part(file, request.headers.range, mood, lie), mood === "slow" ? delay : 0);
  } finally {
    closeSync(file);
  }
  if (request.headers.range && mood !== "whole") seen.ranged += 1;
}

function isSick({ name, at }, { url, headers }) {
  const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(headers.range ?? "") ?? [];
  return url.endsWith(name) && first <= at && at <= last;
}

/** {status, headers, bytes} of the answer, with so many bytes too many in the total, or that many less. */
function part(file, asked, mood, lie) {
  const { size } = fstatSync(file);
  const range = /^bytes=(\d+)-(\d+)$/.exec(asked ?? "");
  if (!range || mood === "whole") return { status: 200, headers: {}, bytes: readAt(file, 0, size) };
  const total = size + lie;
  const start = Number(range[1]), end = Math.min(Number(range[2]) + 1, size, total);
  if (start >= end) return { status: 416, headers: { "Content-Range": `bytes */${total}` } };
  const headers = mood === "mute" ? {} : { "Content-Range": `bytes ${start}-${end - 1}/${total}` };
  return { status: 206, headers, bytes: readAt(file, start, mood === "short" && end - start > 100 ? end - 10 : end) };
}

/** By how much totals are wrong, in the answer of a number. */
const LIES = { long: () => 4096, less: () => -LESS_BYTES, fickle: (number) => (number % 2) * 4096 };

function readAt(file, start, end) {
  const bytes = Buffer.alloc(end - start);
  return bytes.subarray(0, readSync(file, bytes, 0, bytes.length, start));
}

function send(response, { status, headers, bytes = Buffer.alloc(0) }, delay) {
  setTimeout(() => response.writeHead(status, { ...headers, "Content-Length": bytes.length }).end(bytes), delay);
}
