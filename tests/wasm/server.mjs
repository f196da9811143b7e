// A loopback server for a repository's directory, in several moods.

import { createServer } from "node:http";
import { readFileSync } from "node:fs";
import { join } from "node:path";

/**
 * Moods: `ranges` (as a good server does), `whole` (ranges are ignored), `mute` (no Content-Range), `short` (fewer bytes than it says),
 * `long` (lies about the total length), `dying` (connections break after so many requests), `slow`, `forbidden`, `flaky` (every request fails once).
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

function answer(root, mood, { dies = 20, delay = 300 }, seen, request, response) {
  const number = (seen.requests += 1);
  if (request.method === "HEAD") seen.heads += 1;
  if (mood === "dying" && number > dies) return response.destroy();
  const asked = `${request.url} ${request.headers.range}`;
  if (mood === "flaky" && !seen.failed.has(asked)) {
    seen.failed.add(asked);
    return response.writeHead(503).end();
  }
  if (mood === "forbidden") return response.writeHead(403).end();
  let bytes;
  try {
    bytes = readFileSync(join(root, new URL(request.url, "http://x").pathname));
  } catch {
    return response.writeHead(404).end();
  }
  const range = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? "");
  if (!range || mood === "whole") return response.writeHead(200, { "Content-Length": bytes.length }).end(bytes);
  seen.ranged += 1;
  const start = Number(range[1]), end = Math.min(Number(range[2]) + 1, bytes.length);
  if (start >= bytes.length) return response.writeHead(416, { "Content-Range": `bytes */${bytes.length}` }).end();
  const total = mood === "long" ? bytes.length + 4096 : bytes.length;
  const headers = mood === "mute" ? {} : { "Content-Range": `bytes ${start}-${end - 1}/${total}` };
  const part = mood === "short" && end - start > 100 ? bytes.subarray(start, end - 10) : bytes.subarray(start, end);
  const send = () => response.writeHead(206, { ...headers, "Content-Length": part.length }).end(part);
  if (mood === "slow") setTimeout(send, delay);
  else send();
}
