// What is known of a repository so far: who was looked at, how, and what came out. Nothing is intact that was not read.

export class Audit {
  /** What the folder or address is called by those who gave it. */
  called;
  info;
  versions;
  /** The last report; undefined before the first, and after a look that did not come to its end. */
  report;
  /** What kept the last look from its end. */
  trouble;
  /** Whether somebody stopped it. */
  stopped = false;
  /** Findings of a look that did not come to its end. */
  seen = [];
  /** {version, lost} of versions that are hit. */
  damage = [];
  /** How much of each segment is in use, once it was counted. */
  usage;
  ended;
  seconds;
  #standings = new Map(); // id of a version -> a key of STANDINGS

  constructor({ called, info, versions }) {
    Object.assign(this, { called, info, versions });
  }

  /** A look came to its end. */
  conclude(report, damage, seconds) {
    this.#begin(seconds);
    Object.assign(this, { report, damage });
    if (report.damaged) this.usage = undefined; // what was counted before it was known may not be all
    for (const { id, verdict } of report.versions) this.#standings.set(id, verdict);
  }

  /** A look did not: by whom it was stopped, or what could not be read. `about` is the version looked at, or all. */
  breakOff({ error, stopped = false, findings, about, seconds }) {
    this.#begin(seconds);
    Object.assign(this, { stopped, trouble: error, seen: findings, report: undefined, damage: [] });
    for (const { id } of about ? [about] : this.versions) this.#standings.set(id, error?.name === "ReadError" ? "unread" : "unknown");
  }

  standingOf({ id }) {
    return this.#standings.get(id) ?? "unknown";
  }

  /** Whether all of a version's bytes were read. */
  wasRead(version) {
    return this.standingOf(version) === "intact" || (this.standingOf(version) === "damaged" && this.report?.depth === "scrub" && this.report.skipped === 0);
  }

  /** The segment that could not be read, if that is what ended the last look. */
  get unreadSegment() {
    return this.trouble?.name === "ReadError" ? this.trouble.segment : undefined;
  }

  #begin(seconds) {
    Object.assign(this, { ended: new Date(), seconds, stopped: false, trouble: undefined, seen: [] });
  }

  /** What is saved: the report as the command prints it, and besides what a reader needs to know where it came from. */
  toJSON() {
    const { called, info, report, trouble, stopped, seen, damage, usage, ended, seconds } = this;
    const could = report ?? { depth: null, findings: seen, versions: [], complete: false };
    return {
      ...could,
      repository: info,
      source: called,
      ended: ended?.toISOString() ?? null,
      seconds: seconds ?? null,
      stopped,
      trouble: trouble ? { message: trouble.message, code: trouble.code, segment: trouble.segment, offset: trouble.offset, cause: trouble.cause?.message } : null,
      lost: damage.map(({ version, lost }) => ({ version: version.id, ranges: lost })),
      usage: usage ?? null,
    };
  }
}
