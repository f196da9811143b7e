"""Opening: whose repository it is, its settings, and its newest commit (section 10)."""

from dataclasses import dataclass

from . import commit, entry, head_pin, line, segment_header
from .bad import Bad, Refused
from .ids import Ids
from .segment import Entry, Segment


@dataclass(frozen=True)
class Placed:
    """A good commit, and where its copies lie."""

    commit: commit.Commit
    id: bytes
    payload_length: int

    @property
    def segment(self):
        return self.commit.own_segment

    @property
    def first(self):
        return self.commit.own_length

    def end(self, repository):
        return commit.end(repository, self.payload_length, self.first)


class Repository:
    """An open repository: nothing is known of its segments but what opening needs."""

    def __init__(self, medium):
        if not medium.segments:
            raise Refused("not-a-repository")
        self.pin, self.pin_is_bad = _pin(medium.pin)
        self.settings = _settings(medium, self.pin)
        self.ids = Ids(self.settings.digest_algorithm)
        self.segments = {
            number: Segment(number, data, self.settings, self.ids) for number, data in sorted(medium.segments.items())
        }
        # Numbers that links led to and that are not on the medium.
        self.missed = []
        self.newest = self._newest()

    def _newest(self):
        for segment in reversed(self.segments.values()):
            placed = None if segment.stranger else last_commit(segment)
            if placed:
                return placed
        raise Refused("no-commit")

    @property
    def own(self):
        """The segment of the newest commit."""
        return self.segments[self.newest.segment]

    def behind(self):
        """Where something newer shows that once existed, or None."""
        if self.pin and self.pin.sequence > self.newest.commit.sequence:
            return self.pin.segment, 0
        return next(self._listed_later(), None)

    def _listed_later(self):
        for number, segment in self.segments.items():
            after = self.newest.end(self.settings) if number == self.newest.segment else 0
            if number >= self.newest.segment and not segment.stranger and segment.footer:
                yield from ((number, each.offset) for each in _commits(segment.footer.lines) if each.offset >= after)

    def pin_names_newest(self):
        return self.pin is not None and self.pin.sequence == self.newest.commit.sequence

    def pin_contradicts(self):
        """Whether the pin is of the newest sequence, but of another commit."""
        return self.pin_names_newest() and self.pin.commit_id != self.newest.id

    def pinned_length(self):
        """What the pin says about the length of the newest commit's segment, 0 if nothing."""
        if self.pin_names_newest() and self.pin.segment == self.newest.segment:
            return self.pin.length
        return 0

    def is_sealed(self):
        footer = self.own.footer
        return (footer is not None and footer.offset <= self.newest.end(self.settings)) or self.pinned_length() != 0

    def entry_at(self, place):
        """The entry that a link leads to, or None; it may lie in any segment that can be read."""
        number, offset = place
        segment = self.segments.get(number)
        if segment is None:
            self.missed.append(number)
        if segment is None or segment.stranger:
            return None
        # Its payload must be in the file, its padding need not: the payload's check tells.
        return segment.entry_at(offset, segment_header.SEGMENT_LENGTH_MAX)

    def payload(self, found):
        return self.segments[found.segment].payload(found)


def _pin(stored):
    """The pin if it is right, and whether there is one that is not."""
    if stored is None:
        return None, False
    try:
        return head_pin.parse(stored), False
    except Bad:
        return None, True


def _settings(medium, pin):
    heads = [data[: segment_header.SIZE] for _, data in sorted(medium.segments.items())]
    whole = [head for head in heads if segment_header.is_whole(head)]
    id = pin.repository_id if pin else next(map(segment_header.repository_id, whole), None)
    for head in whole:
        if segment_header.repository_id(head) == id:
            segment_header.refuse_unsupported(head)
            try:
                return segment_header.parse(head)
            except Bad:
                continue
    raise Refused("no-header")


def _commits(lines):
    return (each for each in lines if each.kind == entry.COMMIT)


def last_commit(segment):
    """The last good commit of a segment, or None."""
    placed = None
    for found in _commit_entries(segment):
        placed = _good_commit(segment, found) or placed
    return placed


def _commit_entries(segment):
    end = segment.scan_end()
    if segment.footer:
        listed = line.split(segment.footer.payload)
        found = segment.along(listed, segment.footer.offset)
    else:
        found = segment.scan(segment.repository.first_entry, end)
    return (each for each in found if isinstance(each, Entry) and each.header.kind == entry.COMMIT)


def _good_commit(segment, found):
    try:
        payload = segment.payload(found)
    except Bad:
        return None
    return Placed(commit.parse(payload), found.header.object_id, len(payload))
