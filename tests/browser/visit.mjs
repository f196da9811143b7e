// A browser, a server for the page, and visits to it: what a person does there, and what they see.

import assert from "node:assert/strict";
import { createServer } from "node:http";
import { readFileSync } from "node:fs";
import { extname, join } from "node:path";
import { chromium } from "playwright-core";

const WEB = join(import.meta.dirname, "../../target/web");
const TYPES = { ".html": "text/html; charset=utf-8", ".js": "text/javascript", ".css": "text/css", ".wasm": "application/wasm" };
const ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];
const PATIENCE_MS = 15_000;

/** The page, behind a server. */
export const servePage = () => serveFolder(WEB);

/** A server as any is: it sends files, and nothing else. */
export async function serveFolder(folder) {
  const seen = [];
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url, "http://x");
    seen.push(`${request.method} ${request.url}`);
    try {
      const bytes = readFileSync(join(folder, pathname === "/" ? "index.html" : pathname));
      response.writeHead(200, { "Content-Type": TYPES[extname(pathname || ".html")] ?? "text/html; charset=utf-8" }).end(bytes);
    } catch {
      response.writeHead(404).end();
    }
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const close = () => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  };
  return { url: `http://127.0.0.1:${server.address().port}/`, seen, close };
}

export const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ARGUMENTS });

/** Runs with a page of its own. What the page complains of fails the test, but for what `expected` names. `before` runs in it ahead of its own code. */
export async function visit(address, run, { expected, before, ...options } = {}) {
  const context = await browser.newContext({ viewport: { width: 1180, height: 900 }, acceptDownloads: true, ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE_MS);
  const complaints = [];
  page.on("console", (message) => message.type() === "error" && complaints.push(message.text()));
  page.on("pageerror", (error) => complaints.push(String(error)));
  // Its own dialogs no test can use; what browsers without them do, all can.
  await page.addInitScript(() => {
    delete globalThis.showDirectoryPicker;
    delete globalThis.showSaveFilePicker;
  });
  if (before) await page.addInitScript(before);
  try {
    await page.goto(address);
    const answer = await run(new Visit(page, context));
    assert.deepEqual(complaints.filter((text) => !expected?.test(text)), [], "the console");
    return answer;
  } catch (error) {
    error.stack += `\nthe page showed:\n${await page.locator("body").innerText().catch(() => "nothing")}\n${complaints.join("\n")}`;
    throw error;
  } finally {
    await context.close();
  }
}

/** What a person does on the page. */
export class Visit {
  constructor(page, context) {
    this.page = page;
    this.context = context;
  }

  /** Chooses a folder, as by the button. */
  async choose(folder) {
    const chooser = this.page.waitForEvent("filechooser");
    await this.page.click("#choose");
    await (await chooser).setFiles(folder);
  }

  /** Chooses a repository, and waits for its versions. */
  async open(folder) {
    await this.choose(folder);
    await this.page.waitForSelector(".versions tbody");
  }

  /** Names a URL. */
  async go(url) {
    await this.page.fill("#url", url);
    await this.page.click("#where button");
  }

  /** Drops files or folders on the page, as the system's file manager does. */
  async drop(...paths) {
    const { x, y, width, height } = await this.page.locator("#drop").boundingBox();
    const devtools = await this.context.newCDPSession(this.page);
    for (const type of ["dragEnter", "dragOver", "drop"]) {
      await devtools.send("Input.dispatchDragEvent", { type, x: x + width / 2, y: y + height / 2, data: { items: [], files: paths, dragOperationsMask: 1 } });
    }
  }

  /** Waits for a verdict that begins so; all it says. */
  async verdict(title) {
    await this.page.locator("#verdict h2", { hasText: new RegExp(`^${title}`) }).waitFor();
    return this.page.locator("#verdict").innerText();
  }

  /** Scrubs all, by the method if one is named. */
  async scrub(method) {
    if (method) await this.page.selectOption("#method", method);
    await this.page.click("#scrub");
  }

  /** The report, as it is saved. */
  async report() {
    const download = this.page.waitForEvent("download");
    await this.page.click("#save");
    return JSON.parse(readFileSync(await (await download).path(), "utf8"));
  }

  /** What each version's row says of its standing, by the name of the version. */
  standings() {
    return this.page.locator(".versions tbody tr").evaluateAll((rows) => Object.fromEntries(rows.map((row) => [row.querySelector(".name").textContent, row.querySelector(".standing").textContent.replace(/^\S+\s+/, "").trim()])));
  }

  /** All text there is. */
  text() {
    return this.page.locator("main").innerText();
  }
}
