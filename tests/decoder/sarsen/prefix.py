"""Prefix: how far each segment is true, by the newest commit (sections 8 and 11)."""

from dataclasses import dataclass

from . import commit, line, opening, row
from .bad import Bad


@dataclass(frozen=True)
class Prefix:
    """`entries_digest` is None where none is demanded; `tail` are the commit's own lines behind the prefix."""

    segment: int
    end: int
    is_sealed: bool
    entries_digest: bytes
    tail: tuple = ()
    tail_end: int = 0

    @property
    def footer_offset(self):
        return self.tail_end if self.tail else self.end


def all_of(repository, trees):
    """The prefix of every segment that has one, by number; `repository.missed` is then what the table was lost with."""
    repository.missed.clear()
    try:
        rows = trees.rows(row.SEGMENTS, repository.newest.commit.segments)
        prefixes = {number: _of_row(number, row.parse_segment(stored)) for number, stored in rows}
        repository.missed.clear()
    except Bad:
        prefixes = dict(_derived(repository))
    prefixes[repository.newest.segment] = _own(repository)
    return dict(sorted(prefixes.items()))


def _of_row(number, stored):
    return Prefix(number, stored.length, stored.footer == 1, stored.entries_digest)


def _derived(repository):
    """What the segments themselves say, where the segment table cannot be read."""
    for number, segment in repository.segments.items():
        if number >= repository.newest.segment or segment.stranger:
            continue
        if segment.footer:
            yield number, Prefix(number, segment.footer.offset, True, None)
            continue
        last = opening.last_commit(segment)
        if last:
            yield number, Prefix(number, last.first, False, None)


def _own(repository):
    newest, settings = repository.newest, repository.settings
    _, placed = commit.emit_pair(settings, newest.commit, repository.ids)
    tail = tuple(header.line(offset) for offset, header in placed)
    digest = newest.commit.own_entries_digest
    return Prefix(newest.segment, newest.first, repository.is_sealed(), digest, tail, newest.end(settings))


def good_footer(repository, prefix):
    """The footer, if one is expected and it is right, filled, and of just this prefix."""
    found = repository.segments[prefix.segment].footer if prefix.is_sealed else None
    if not found or not found.is_filled or found.offset != prefix.footer_offset:
        return None
    lines = line.split(found.payload)
    count = len(lines) - len(prefix.tail)
    if tuple(lines[count:]) != prefix.tail or not _is_demanded(repository, prefix, lines[:count]):
        return None
    return found


def _is_demanded(repository, prefix, lines):
    return prefix.entries_digest in (None, digest_of(repository, prefix.segment, lines))


def digest_of(repository, segment, lines):
    return repository.ids.entries(repository.settings.repository_id, segment, lines)


def entries(repository, prefix, good):
    """Entries and gaps of the prefix, without the commit behind it."""
    segment = repository.segments[prefix.segment]
    if good:
        lines = line.split(good.payload)
        return segment.along(lines[: len(lines) - len(prefix.tail)], good.offset)
    return segment.scan(repository.settings.first_entry, prefix.end)


def tail_entries(repository, prefix, good):
    """Entries and gaps of the newest commit itself, where its segment is sealed."""
    if not prefix.tail or not prefix.is_sealed:
        return iter(())
    segment = repository.segments[prefix.segment]
    if good:
        return segment.along(prefix.tail, good.offset)
    return segment.scan(prefix.end, prefix.tail_end)
