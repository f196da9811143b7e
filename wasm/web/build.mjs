// Puts the page together: target/web/ is then a folder for any web server. The engine and the worker's code are embedded in the page's script,
// so that the page needs no request once it is loaded, and its Content-Security-Policy can forbid all of them.
//
//   node wasm/web/build.mjs        after wasm/build.sh, and `npm ci --prefix wasm/web`

import { build } from "esbuild";
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { marked } from "marked";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const target = join(here, "../../target/web");

const options = {
  bundle: true,
  minify: true,
  format: "esm",
  target: "es2022",
  platform: "browser",
  external: ["node:*"], // the package runs in Node, too; the page does not
  legalComments: "none",
  logLevel: "warning",
};

/** `worker:PATH` is the text of that module with all it imports. */
const workerText = {
  name: "worker-text",
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^worker:/ }, ({ path, resolveDir }) => ({ path: join(resolveDir, path.slice("worker:".length)), namespace: "worker" }));
    onLoad({ filter: /.*/, namespace: "worker" }, async ({ path }) => {
      const { outputFiles } = await build({ ...options, entryPoints: [path], write: false });
      return { contents: outputFiles[0].text, loader: "text" };
    });
  },
};

rmSync(target, { recursive: true, force: true });
mkdirSync(target, { recursive: true });
await build({
  ...options,
  entryPoints: ["files.js", "url.js", "style.css"].map((name) => join(here, name)),
  outdir: target,
  splitting: true,
  chunkNames: "shared-[hash]",
  loader: { ".wasm": "binary" },
  plugins: [workerText],
});
for (const name of ["index.html", "url.html"]) cpSync(join(here, name), join(target, name));

// What is proved is said in one place, and read in two.
const proof = marked.parse(readFileSync(join(here, "../../docs/BROWSER.md"), "utf8"));
writeFileSync(join(target, "proof.html"), readFileSync(join(here, "proof.html"), "utf8").replace("<!-- docs/BROWSER.md -->", () => proof));
