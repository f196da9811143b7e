// Repositories made by the command, opened by the npm package: what it says of them must be what the command says.
//
//   node run.mjs SARSEN [PART OF A TEST'S NAME]

import { agreeTests } from "./agree.mjs";
import { finish } from "./harness.mjs";
import { memoryTests } from "./memory.mjs";
import { sourceTests } from "./sources.mjs";
import { streamTests } from "./streams.mjs";
import { usageTests } from "./usage.mjs";
import { vectorTests } from "./vectors.mjs";
import { verbTests } from "./verbs.mjs";

await agreeTests();
await sourceTests();
await verbTests();
await streamTests();
await usageTests();
await vectorTests();
await memoryTests();
finish();
