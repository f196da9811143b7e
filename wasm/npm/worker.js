// A worker: does the batches it is sent, and asks for what they need besides. Messages: {open}, {jobs, ranges}, {ranges} that it has
// asked for, {compare}; it answers {opened}, {outcomes}, {wanted}, {compares} and {failed}.

import { load } from "./engine.js";
import { Performer } from "./performer.js";

let engine, performer;
let arrived; // whoever waits for ranges

async function serve(message, answer) {
  try {
    if (message.open) {
      engine = await load(message.open.module);
      performer = new Performer(engine, message.open, (wanted) => new Promise((resolve) => ((arrived = resolve), answer({ wanted }))));
      answer({ opened: true });
    } else if ("compare" in message) {
      performer.compare(message.compare);
      answer({ compares: true });
    } else if (message.jobs) {
      const outcomes = await performer.perform(message.jobs, message.ranges);
      answer({ outcomes, memoryBytes: engine.memory.buffer.byteLength + performer.decoderBytes }, [outcomes.buffer]);
    } else if (message.ranges) {
      arrived(message.ranges);
    }
  } catch (error) {
    answer({ failed: describe(error) });
  }
}

/** Errors of the engine are objects of this worker's own: what they say is sent. */
function describe(error) {
  if (error instanceof Error) return { message: error.message, stack: error.stack };
  const { class: kind, code, segment, offset } = error;
  return { class: kind, code, segment, offset };
}

if (typeof WorkerGlobalScope === "function") {
  self.onmessage = ({ data }) => serve(data, (message, transfer) => self.postMessage(message, transfer ?? []));
} else {
  // Nothing is awaited here, and nothing named: bundlers make of a worker one file, for browsers.
  import(/* @vite-ignore */ /* webpackIgnore: true */ ["node", "worker_threads"].join(":")).then(({ parentPort }) => {
    parentPort.on("message", (data) => serve(data, (message, transfer) => parentPort.postMessage(message, transfer ?? [])));
  });
}
