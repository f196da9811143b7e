// What the engine tells, as the package tells it: versions, findings, reports.

/** What an entry of the list says that is yes or no. */
const FLAGS = ["sourceChanged", "protected", "unread"];

/** A version or draft, as the list tells it. What it is found again by is kept beside. */
export function versionOf({ segment, offset, record, ...facts }, tags) {
  const version = { kind: null, name: null, snapshot: null, base: null, ...facts };
  if (facts.kind) version.tags = tags;
  for (const flag of FLAGS) if (flag in facts) version[flag] = facts[flag] === 1;
  Object.defineProperty(version, "place", { value: `${segment}:${offset}` });
  Object.defineProperty(version, "record", { value: record });
  return version;
}

/** A finding; of what could not be read with its length. */
export function findingOf({ kind, segment = null, offset = null, length }) {
  return length === undefined ? { kind, segment, offset } : { kind, segment, offset, length };
}

/** What `sarsen check --json` and `scrub --json` print (VERIFY.md), how it was found out, and a verdict in a word for each version. */
export function reportOf(isCheck, { findings, hit, unread, report }, all, only, how) {
  const { segments, entries, bytes, behind, rebuilt, changed, skipped } = report;
  const judged = all.filter(({ kind, place }) => kind !== "draft" && (only === undefined || only === place));
  const whole = isCheck ? "complete" : skipped > 0 ? "sampled" : "intact";
  const versions = judged.map(({ id, name, snapshot, place }) => {
    const about = { id, name, snapshot, hit: hit.has(place), unread: unread.has(place) };
    return { ...about, verdict: about.hit ? "damaged" : about.unread ? "unread" : whole };
  });
  const idsOf = (is) => [...new Set(versions.filter(is).map(({ id }) => id))].sort();
  return {
    depth: isCheck ? "check" : "scrub",
    ...how,
    findings,
    versions,
    hit: idsOf(({ hit }) => hit),
    unread: idsOf(({ unread }) => unread),
    segments,
    entries,
    skipped,
    bytes,
    behind: behind === 1,
    rebuilt: rebuilt === 1,
    changed: changed === 1,
    marks_written: false,
    damaged: findings.length > report.unread || versions.some(({ hit }) => hit) || behind === 1 || rebuilt === 1,
  };
}
