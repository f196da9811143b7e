// A repository that is open, and all that is shown of it.

import { Audit } from "./audit.js";
import { damageSection } from "./damage.js";
import { button, element, facts, section } from "./element.js";
import { openRepository } from "./engine.js";
import { count, moment, size } from "./figures.js";
import { growthPicture } from "./growth.js";
import { chooseTarget, imageName, saveImage } from "./image.js";
import { Job } from "./job.js";
import { BlockMap } from "./map.js";
import { give } from "./saved.js";
import { segmentsSection } from "./segments.js";
import { verdict } from "./verdict.js";
import { versionsTable } from "./versions.js";
import { explain, nameOf } from "./words.js";

export class Desk {
  #place;
  #repository;
  #audit;
  #overNetwork = false;
  #job = new Job();
  #map;
  #options; // how to scrub, as chosen
  #opening = 0;
  // Parts that are made anew when something was learned.
  #verdict = element("div");
  #damage = element("div");
  #versions = element("div");
  #segments = element("div");
  #report = element("div");

  constructor(place) {
    this.#place = place;
  }

  /** Opens what was given, and shows its versions. */
  async open(from, { called, overNetwork = false }) {
    const turn = (this.#opening += 1);
    await this.#leave();
    this.#overNetwork = overNetwork;
    this.#place.replaceChildren(...this.#job.elements);
    let repository;
    try {
      await this.#job.run("Opening", async ({ signal }) => {
        repository = await openRepository(from, { signal });
        this.#audit = new Audit({ called, info: repository.info, versions: await repository.versions({ signal }) });
      }, { pausable: false });
    } catch (error) {
      await repository?.close();
      if (turn === this.#opening) this.refuse(error);
      return;
    }
    if (turn !== this.#opening) return repository.close();
    this.#repository = repository;
    this.#show();
    this.#job.say(`${called} is open: ${count(this.#audit.versions.length, "version")}.`);
  }

  /** Shows why something could not be opened. */
  refuse(error) {
    const { title, text } = error.name === "AbortError" ? { title: "Stopped", text: "Nothing was opened." } : explain(error, this.#overNetwork);
    const tone = error.name === "DamagedError" ? "bad" : "warn";
    this.#place.replaceChildren(...this.#job.elements, element("div", { class: `verdict ${tone}`, id: "verdict", role: "alert" }, element("h2", {}, title), element("p", {}, text)));
  }

  async #leave() {
    this.#job.cancel();
    const repository = this.#repository;
    this.#repository = undefined;
    this.#map?.leave();
    await repository?.close();
  }

  #show() {
    const { called, info, versions } = this.#audit;
    this.#map = new BlockMap(this.#repository, this.#audit, () => this.#job.busy);
    const summary = facts([
      ["Repository", element("code", {}, info.id)],
      ["Made", moment(info.made)],
      ["Commit", count(info.commit)],
      ["Digest", info.digest === "blake3" ? "BLAKE3" : "SHA-256"],
      ["Codec", info.codec],
      ["Block", size(info.blockBytes)],
      ["Frame", size(info.frameBytes)],
    ]);
    this.#place.replaceChildren(
      element("div", { class: "headline" }, element("h1", {}, called), summary),
      this.#verdict,
      this.#actions(),
      ...this.#job.elements,
      this.#damage,
      section("Versions", this.#versions),
      this.#map.element,
      section("New data over time", growthPicture(versions)),
      this.#segments,
      this.#report,
    );
    this.#renew();
  }

  /** Shows what was learned. */
  #renew() {
    this.#verdict.replaceChildren(verdict(this.#audit, this.#overNetwork));
    this.#damage.replaceChildren(...[damageSection(this.#audit)].filter(Boolean));
    this.#versions.replaceChildren(versionsTable(this.#audit, this.#verbs()));
    this.#segments.replaceChildren(segmentsSection(this.#audit.usage, () => this.#count()));
    this.#report.replaceChildren(...this.#reportPart());
    this.#map.renew();
  }

  #verbs() {
    return [
      { text: "Scrub", label: (name) => `Scrub ${name}`, does: (version) => this.#scrub(version) },
      { text: "Blocks", label: (name) => `Blocks of ${name}`, does: (version) => this.#blocks(version) },
      { text: "Save image", label: (name) => `Save image of ${name}`, does: (version) => this.#save(version) },
    ];
  }

  #actions() {
    const method = element("select", { id: "method" }, element("option", { value: "decoded" }, "decode every block"), element("option", { value: "stored" }, "digests of stored bytes (faster)"));
    const sample = element("select", { id: "sample" }, [100, 25, 5, 1].map((percent) => element("option", { value: percent }, percent === 100 ? "everything" : `a sample of ${percent} %`)));
    this.#options = () => ({ method: method.value, sample: Number(sample.value) });
    return element(
      "div",
      { class: "actions" },
      button("Scrub all", () => this.#scrub(), { class: "first verb", id: "scrub" }),
      button("Check structure", () => this.#check(), { class: "verb", id: "check" }),
      element("label", { for: "method" }, "Method ", method),
      element("label", { for: "sample" }, "Read ", sample),
    );
  }

  #scrub(version) {
    const { method, sample } = this.#options();
    const of = version ? { version } : { method, sample };
    return this.#look(`Scrubbing ${version ? nameOf(version) : "all versions"}`, version, (hooks) => this.#repository.scrub({ ...of, ...hooks }));
  }

  #check() {
    return this.#look("Checking", undefined, (hooks) => this.#repository.check(hooks));
  }

  /** Looks, and shows what came out. */
  async #look(title, about, verb) {
    if (this.#job.busy) return;
    const audit = this.#audit, repository = this.#repository, findings = [];
    this.#freeze(true);
    try {
      await this.#job.run(title, async (hooks) => {
        const onFinding = (finding) => (findings.push(finding), hooks.onFinding(finding));
        const report = await verb({ ...hooks, onFinding });
        const seconds = this.#job.seconds;
        const damage = report.hit.length > 0 ? await repository.damage({ signal: hooks.signal }) : [];
        await this.#map.refresh(hooks);
        audit.conclude(report, damage, seconds);
      });
    } catch (error) {
      const stopped = error.name === "AbortError";
      audit.breakOff({ error: stopped ? undefined : error, stopped, findings, about, seconds: this.#job.seconds });
    }
    if (repository !== this.#repository) return;
    this.#freeze(false);
    this.#renew();
    const heading = this.#verdict.querySelector("h2");
    this.#job.say(heading.textContent);
    heading.focus({ preventScroll: true });
    heading.scrollIntoView({ block: "nearest" });
  }

  async #blocks(version) {
    if (this.#job.busy) return;
    this.#freeze(true);
    try {
      await this.#job.run(`Reading what ${nameOf(version)} consists of`, (hooks) => this.#map.show(version, hooks), { pausable: false });
    } catch (error) {
      if (error.name !== "AbortError") this.#map.fail(error, this.#overNetwork);
    } finally {
      this.#freeze(false);
    }
  }

  async #count() {
    if (this.#job.busy) return;
    const audit = this.#audit, repository = this.#repository;
    this.#freeze(true);
    try {
      await this.#job.run("Counting what is in use", async ({ signal, onProgress }) => {
        audit.usage = await repository.segments({ signal, onProgress: ({ done, total }) => onProgress({ done, total, of: "segment" }) });
      }, { pausable: false });
      if (repository !== this.#repository) return;
      this.#segments.replaceChildren(segmentsSection(audit.usage));
      const summary = this.#segments.querySelector("#in-use");
      this.#job.say(summary.textContent);
      summary.focus({ preventScroll: true });
    } catch (error) {
      if (error.name === "AbortError") return;
      const { title, text } = explain(error, this.#overNetwork);
      this.#segments.replaceChildren(section("Segments", element("p", { class: "hint", role: "alert" }, `${title}. ${text}`)));
    } finally {
      this.#freeze(false);
    }
  }

  async #save(version) {
    if (this.#job.busy) return;
    let told;
    try {
      const target = await chooseTarget(imageName(version));
      this.#freeze(true);
      const saved = await this.#job.run(`Saving ${nameOf(version)}`, (hooks) => saveImage(this.#repository, version, target, hooks), { pausable: false });
      told = { tone: "good", title: "Saved", text: `${imageName(version)} has ${size(saved.size)}; ${size(saved.dataBytes)} of them were decoded and compared with their digests on the way, the rest is zeros.` };
    } catch (error) {
      if (error.name === "AbortError") return;
      told = { tone: error.name === "DamagedError" ? "bad" : "warn", ...explain(error, this.#overNetwork) };
      told.title = `Not saved: ${told.title.toLowerCase()}`;
    } finally {
      this.#freeze(false);
    }
    this.#verdict.replaceChildren(element("div", { class: `verdict ${told.tone}`, id: "saved" }, element("h2", { tabindex: "-1" }, told.title), element("p", {}, told.text)), verdict(this.#audit, this.#overNetwork));
    this.#job.say(told.title);
  }

  #reportPart() {
    const { ended } = this.#audit;
    if (ended === undefined) return [];
    const name = `sarsen-${this.#audit.info.id.slice(0, 8)}-${ended.toISOString().slice(0, 16).replaceAll(":", "")}.json`;
    const save = () => give(new Blob([`${JSON.stringify(this.#audit, null, 2)}\n`], { type: "application/json" }), name);
    const made = section("Report", element("p", {}, `Of ${this.#audit.called}, ${ended.toISOString()}.`), element("div", { class: "row" }, button("Save as JSON", save, { id: "save" }), button("Print", () => print())));
    return [made];
  }

  /** Verbs are not offered while one is under way. */
  #freeze(frozen) {
    for (const verb of this.#place.querySelectorAll("button.verb")) verb.disabled = frozen;
    this.#place.classList.toggle("busy", frozen);
  }
}
