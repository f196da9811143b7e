// The loop that drives a verb: the director says what is next, this fetches, posts jobs, and brings back outcomes.

import { failure } from "./errors.js";

export const DONE = 0, PENDING = 1, BATCH = 2, WAIT = 3, AGAIN = 4, ZSTD = 5;

/** Calls of the engine are interrupted so often, for whoever wants to stop or to draw. */
const TURN_MS = 25;

/** Lets everything else have a turn. */
const breathe = () => new Promise((resolve) => setTimeout(resolve));

/** What hears the engine: facts come one by one, and `end` says what they were about. */
export function ear(heard) {
  let facts = {};
  return {
    text: (key, value) => void (facts[key] = value),
    number: (key, value) => void (facts[key] = value),
    end(what) {
      const said = facts;
      facts = {};
      heard(what, said);
    },
  };
}

/** Makes of whatever was thrown an error of this package. */
export function explained(error, reader, more = {}) {
  if (error instanceof Error) return error;
  const known = reader.failure;
  const { class: kind, code, segment, offset, entries, entriesMax, memoryBytes } = error;
  const told = { class: kind, code, segment, offset, entries, entriesMax, memoryBytes };
  error.free?.();
  if (told.class === "unread" && known) {
    reader.failure = undefined;
    return failure({ ...told, segment: told.segment ?? known.segment, offset: told.offset ?? known.offset }, { ...more, cause: known.error });
  }
  return failure(told, more);
}

/** Repeats a call while it is pending; answers what it answers in the end. */
export async function patiently(call, { medium, reader, signal, zstd }) {
  let since = performance.now();
  for (;;) {
    signal?.throwIfAborted();
    let answer;
    try {
      answer = call();
    } catch (error) {
      throw explained(error, reader);
    }
    if (answer !== PENDING) medium.done();
    if (answer === PENDING) await abortable(medium.settle(signal), signal);
    else if (answer === ZSTD) await zstd.load();
    else if (answer !== AGAIN) return answer;
    if (performance.now() - since > TURN_MS) {
      await breathe();
      since = performance.now();
    }
  }
}

/** What a loop that never waits asks for on its way: undefined, or a promise to wait for, so that everything else has a turn. */
export function pace(signal) {
  let since = performance.now();
  return () => {
    if (performance.now() - since <= TURN_MS) return undefined;
    return breathe().then(() => {
      signal?.throwIfAborted();
      since = performance.now();
    });
  };
}

/** The same, or the reason why somebody wants to stop, whichever comes first. */
export function abortable(promise, signal) {
  if (!signal) return promise;
  return new Promise((resolve, reject) => {
    const stop = () => reject(signal.reason);
    if (signal.aborted) stop();
    signal.addEventListener("abort", stop, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", stop));
  });
}

/**
 * Drives the verb that the director has begun to its end. `pool` does the jobs, `heard` is told what happens, `drain` is waited for before more
 * is asked for, `done` is told how many bytes jobs have read.
 */
export async function drive(director, { pool, medium, reader, signal, listener, drain, done, underWay }) {
  const out = new Set();
  let broken, wake, over = false;
  const poke = () => wake?.();

  const send = async (first, jobs, ranges) => {
    const bytes = ranges.reduce((sum, { start, end }) => sum + end - start, 0);
    underWay.now += bytes;
    underWay.most = Math.max(underWay.most, underWay.now);
    try {
      const got = await readAll(reader, ranges, signal);
      const outcomes = over ? undefined : await pool.perform(jobs, got);
      if (over) return;
      director.deliver(first, outcomes);
      done?.(bytes);
    } finally {
      underWay.now -= bytes;
    }
  };
  const launch = () => {
    const first = director.next_number();
    const ranges = rangesOf(director.ranges()); // before the batch is taken
    const batch = send(first, director.batch(), ranges).catch((error) => (broken ??= { error })).finally(() => (out.delete(batch), poke()));
    out.add(batch);
  };
  const oneBack = () => new Promise((resolve) => (wake = resolve));

  try {
    for (;;) {
      if (broken) throw broken.error;
      await abortable(Promise.resolve(drain?.()), signal);
      const answer = await patiently(() => director.turn(listener), { medium, reader, signal });
      if (answer === DONE) return;
      if (answer === BATCH) launch();
      if (out.size >= pool.room || answer === WAIT) {
        if (out.size === 0) throw new Error("the engine waits for outcomes when none are due");
        await abortable(oneBack(), signal);
      }
    }
  } catch (error) {
    throw explained(error, reader);
  } finally {
    over = true;
    director.stop();
  }
}

function rangesOf(numbers) {
  const ranges = [];
  for (let at = 0; at < numbers.length; at += 3) ranges.push({ name: numbers[at], start: numbers[at + 1], end: numbers[at + 2] });
  return ranges;
}

/** Reads ranges side by side. */
export function readAll(reader, ranges, signal) {
  return Promise.all(ranges.map(({ name, start, end }) => reader.read(name, start, end, signal)));
}
