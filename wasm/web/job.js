// What is under way: how far it is, and buttons to pause and to stop it.

import { button, element } from "./element.js";
import { count, duration, size } from "./figures.js";

/** A screen reader is told every so often. */
const SAY_MS = 10_000;

export class Job {
  #bar = element("progress", { "aria-label": "Progress", max: "1" });
  #title = element("strong");
  #figures = element("span", { class: "figures" });
  #spoken = element("p", { class: "spoken", role: "status" });
  #pauseButton = button("Pause", () => this.#toggle());
  #panel;
  #stop;
  #clock;
  #gate; // {promise, open} while it is paused
  #findings = 0;
  #said = 0;

  constructor() {
    this.#panel = element("div", { class: "job", hidden: true }, element("p", {}, this.#title, " ", this.#figures), this.#bar, element("div", { class: "row" }, this.#pauseButton, button("Cancel", () => this.cancel())));
  }

  /** Where it shows. */
  get elements() {
    return [this.#panel, this.#spoken];
  }

  get busy() {
    return this.#stop !== undefined;
  }

  cancel() {
    this.#stop?.abort(new DOMException("stopped", "AbortError"));
    if (this.#gate) this.#toggle();
  }

  /** Runs a verb, which is given {signal, onProgress, onFinding, ready}, to its end. `pausable` where it heeds `ready`. */
  async run(title, verb, { pausable = true } = {}) {
    this.#stop = new AbortController();
    this.#clock = new Clock();
    this.#findings = 0;
    this.#title.textContent = title;
    this.#figures.textContent = "";
    this.#bar.removeAttribute("value");
    this.#pauseButton.hidden = !pausable;
    this.#panel.hidden = false;
    this.#say(`${title}…`);
    try {
      return await verb({
        signal: this.#stop.signal,
        onProgress: (progress) => this.#show(progress),
        onFinding: () => (this.#findings += 1),
        ready: () => this.#gate?.promise,
      });
    } finally {
      this.#panel.hidden = true;
      this.#stop = undefined;
    }
  }

  /** Seconds that the last one took, without pauses. */
  get seconds() {
    return this.#clock.seconds;
  }

  /** Says something to whoever cannot see it. */
  say(text) {
    this.#say(text);
  }

  #toggle() {
    if (this.#gate) {
      this.#gate.open();
      this.#gate = undefined;
      this.#clock.go();
    } else {
      let open;
      this.#gate = { promise: new Promise((resolve) => (open = resolve)), open };
      this.#clock.halt();
    }
    this.#pauseButton.textContent = this.#gate ? "Continue" : "Pause";
    this.#panel.classList.toggle("paused", this.#gate !== undefined);
    this.#say(this.#gate ? "paused" : "going on");
  }

  /** `of` is what is counted, where that is not bytes. */
  #show({ done, total, of }) {
    if (total > 0) this.#bar.value = Math.min(1, done / total);
    const rate = this.#clock.seconds > 0.2 ? done / this.#clock.seconds : 0;
    const told = of ? `${count(done)} of ${count(total, of)}` : total > 0 ? `${size(Math.min(done, total))} of ${size(total)}` : size(done);
    const parts = [
      told,
      rate > 0 && !of && `${size(rate)}/s`,
      rate > 0 && total > done && `${duration((total - done) / rate)} left`,
      this.#findings > 0 && count(this.#findings, "finding"),
    ];
    this.#figures.textContent = parts.filter(Boolean).join(" · ");
    if (performance.now() - this.#said > SAY_MS) this.#say(this.#figures.textContent);
  }

  #say(text) {
    this.#said = performance.now();
    this.#spoken.textContent = text;
  }
}

/** Time that passes while it is not halted. */
class Clock {
  #before = 0;
  #since = performance.now();

  halt() {
    this.#before += performance.now() - this.#since;
    this.#since = undefined;
  }

  go() {
    this.#since = performance.now();
  }

  get seconds() {
    return (this.#before + (this.#since === undefined ? 0 : performance.now() - this.#since)) / 1000;
  }
}
