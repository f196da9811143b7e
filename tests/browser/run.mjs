// The page, driven by a browser, on repositories made by the command.
//
//   node run.mjs SARSEN [PART OF A TEST'S NAME]

import { finish } from "../wasm/harness.mjs";
import { blocksTests } from "./blocks.mjs";
import { filesTests } from "./files.mjs";
import { looksTests } from "./looks.mjs";
import { privacyTests } from "./privacy.mjs";
import { urlTests } from "./urls.mjs";
import { browser } from "./visit.mjs";

await filesTests();
await blocksTests();
await privacyTests();
await urlTests();
await looksTests();
await browser.close();
finish();
