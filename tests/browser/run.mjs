// The page, driven by a browser, on repositories made by the command.
//
//   node run.mjs SARSEN [PART OF A TEST'S NAME]

import { finish } from "../wasm/harness.mjs";
import { blocksTests } from "./blocks.mjs";
import { damageTests } from "./damage.mjs";
import { filesTests } from "./files.mjs";
import { largeTests } from "./large.mjs";
import { looksTests } from "./looks.mjs";
import { pickerTests } from "./pickers.mjs";
import { privacyTests } from "./privacy.mjs";
import { urlTests } from "./urls.mjs";
import { browser } from "./visit.mjs";
import { viteTests } from "./vite.mjs";

await filesTests();
await damageTests();
await pickerTests();
await blocksTests();
await privacyTests();
await urlTests();
await largeTests();
await looksTests();
await viteTests();
await browser.close();
finish();
