// Puts the page together: target/web/ is then a folder for any web server. The engine and the worker's code are embedded in the page's script,
// so that the page needs no request once it is loaded, and its Content-Security-Policy can forbid all of them.
//
//   node wasm/web/build.mjs        after wasm/build.sh, and `npm ci --prefix wasm/web`

import { build } from "esbuild";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
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

// What all pages begin with is written in one place; what is proved is said in one, and read in two.
const parts = {
  "<!-- head.html -->": readFileSync(join(here, "head.html"), "utf8"),
  "<!-- docs/BROWSER.md -->": marked.parse(readFileSync(join(here, "../../docs/BROWSER.md"), "utf8")),
};
for (const name of ["index.html", "url.html", "proof.html"]) {
  let page = readFileSync(join(here, name), "utf8");
  for (const [mark, part] of Object.entries(parts)) page = page.replace(mark, () => part.trim());
  writeFileSync(join(target, name), page);
}
