"""Scrub: every byte that should be true is looked at; what is not right is a finding (section 13)."""

from dataclasses import dataclass, field

from . import catalogue, prefix
from .bad import Bad
from .chain import Chains
from .disk import Disk, Hits, Named
from .index import Index
from .segment import Entry
from .tree import Manifests, Trees

KINDS = (
    "pin",
    "behind",
    "missing",
    "foreign",
    "renamed",
    "header",
    "truncated",
    "footer",
    "entry",
    "digest",
    "payload",
    "padding",
    "unreadable",
)


@dataclass(frozen=True)
class Finding:
    kind: str
    segment: int = None
    offset: int = None

    def order(self):
        place = (self.segment, self.offset) if self.segment is not None else (-1, -1)
        return *place, KINDS.index(self.kind)


@dataclass
class Verdict:
    findings: list
    versions: list = field(default_factory=list)

    def hit_ids(self):
        return sorted({listed.id.hex() for listed, hit in self.versions if hit})


class Scrub:
    def __init__(self, repository):
        self.repository = repository
        self.findings = []
        self.usable = []
        self.entries = []

    def verdict(self):
        self._look_at_opening()
        trees = Trees(self.repository)
        prefixes = prefix.all_of(self.repository, trees)
        for number in self.repository.missed[:1]:
            self._find("missing", number, 0)
        for number in sorted(set(prefixes) | set(self.repository.segments)):
            self._look_at_segment(number, prefixes.get(number))
        versions = self._judge(trees)
        self.findings.sort(key=Finding.order)
        return Verdict(self.findings, versions)

    def _find(self, kind, segment=None, offset=None):
        self.findings.append(Finding(kind, segment, offset))

    def _look_at_opening(self):
        if self.repository.pin_is_bad or self.repository.pin_contradicts():
            self._find("pin")
        later = self.repository.behind()
        if later:
            self._find("behind", *later)

    def _look_at_segment(self, number, part):
        segment = self.repository.segments.get(number)
        if segment is None:
            self._find("missing", number, 0)
        elif segment.stranger:
            self._find(segment.stranger, number, 0)
        elif part is not None:
            self._look_at_part(segment, part)

    def _look_at_part(self, segment, part):
        if not segment.has_right_start():
            self._find("header", segment.number, 0)
        is_truncated = segment.length < self._length_demanded(part)
        good = prefix.good_footer(self.repository, part)
        if is_truncated:
            self._find("truncated", segment.number, segment.length)
        elif part.is_sealed and not good:
            self._find("footer", segment.number, part.end)
        self._look_at_entries(segment, part, good, is_truncated)

    def _length_demanded(self, part):
        return max(part.end, self.repository.pinned_length() if part.tail else 0)

    def _look_at_entries(self, segment, part, good, is_truncated):
        entries = list(prefix.entries(self.repository, part, good))
        self.entries += [found for found in entries if isinstance(found, Entry)]
        self.usable += [found for found in entries if self._is_usable(segment, found)]
        for found in prefix.tail_entries(self.repository, part, good):
            self._is_usable(segment, found)
        if not good and not is_truncated and all(isinstance(found, Entry) for found in entries):
            self._check_digest(part, entries)

    def _check_digest(self, part, entries):
        lines = [found.line() for found in entries]
        digest = prefix.digest_of(self.repository, part.segment, lines)
        if part.entries_digest not in (None, digest):
            self._find("digest", part.segment, 0)

    def _is_usable(self, segment, found):
        """Whether the object can be read; the finding the entry has, if any, is noted."""
        kind = _finding_of(segment, found)
        if kind:
            self._find(kind, segment.number, found.offset)
        return kind in (None, "padding")

    def _judge(self, trees):
        index = Index(self.usable)
        manifests, chains = Manifests(self.repository, index), Chains(self.repository, index)
        listed = [each for each in catalogue.read(self.repository, trees, self.entries) if each.is_version()]
        records = [each.record and each.record.immutable for each in listed]
        disks = [told and Disk(self.repository, manifests, chains, told) for told in records]
        self._read_along_chains(filter(None, disks), chains)
        hits = Hits(manifests, chains)
        return [(each, disk is None or hits.hit(disk)) for each, disk in zip(listed, disks)]

    def _read_along_chains(self, disks, chains):
        """Blocks on a base, whose entries could not be judged each by itself."""
        named = Named()
        for disk in disks:
            for id in named.met(disk):
                for own in chains.misled(id):
                    self._find("payload", own.segment, own.offset)


def _finding_of(segment, found):
    if not isinstance(found, Entry):
        return "entry"
    try:
        segment.payload(found)
    except Bad:
        return "payload"
    return None if segment.is_padded(found) else "padding"
