"""Segment: one file of the log, and the entries in it (sections 3 and 12)."""

from dataclasses import dataclass
from functools import cached_property

from . import entry, footer, payload, segment_header
from .bad import Bad


def right_header(data):
    """The segment header if it is right, whatever repository and number it names."""
    try:
        return segment_header.parse(data[: segment_header.SIZE])
    except Bad:
        return None


@dataclass(frozen=True)
class Gap:
    """Where an entry should begin and stands no valid header."""

    offset: int


@dataclass(frozen=True)
class Entry:
    """A valid header at its place; nothing is known of the payload yet."""

    segment: int
    offset: int
    header: entry.EntryHeader

    @property
    def place(self):
        return self.segment, self.offset

    @property
    def payload_offset(self):
        return self.offset + entry.SIZE

    @property
    def payload_end(self):
        return self.payload_offset + self.header.stored_length

    def end(self, repository):
        return self.offset + self.header.total_length(repository)

    def line(self):
        return self.header.line(self.offset)


class Segment:
    """`repository` is the header whose settings all segments share."""

    def __init__(self, number, data, repository, ids):
        self.number = number
        self.data = data
        self.repository = repository
        self.ids = ids

    @property
    def length(self):
        return len(self.data)

    @cached_property
    def stranger(self):
        """`foreign` or `renamed`, if its header is right and says so; nothing more of it is read."""
        header = right_header(self.data)
        if header and header.repository_id != self.repository.repository_id:
            return "foreign"
        return "renamed" if header and header.segment_number != self.number else None

    def has_right_start(self):
        header = right_header(self.data)
        gap = self.data[segment_header.SIZE : self.repository.first_entry]
        filled = gap == b"\xff" * (self.repository.first_entry - segment_header.SIZE)
        return filled and header is not None and header.parameters() == self.repository.parameters()

    @cached_property
    def footer(self):
        """The right footer, or None."""
        return footer.find(self.data, self.repository, self.number, self.ids)

    def scan_end(self):
        return min(self.length, self.repository.segment_length_max)

    def entry_at(self, offset, end):
        """The entry that begins there and ends within `end`, or None. The file may be shorter."""
        if offset % self.repository.alignment or offset + entry.SIZE > self.length:
            return None
        if self.data[offset : offset + len(entry.MAGIC)] != entry.MAGIC:
            return None
        try:
            id, head = self.repository.repository_id, self.data[offset : offset + entry.SIZE]
            found = Entry(self.number, offset, entry.parse(head, id, self.number, offset))
        except Bad:
            return None
        return found if found.end(self.repository) <= end else None

    def scan(self, start, end):
        """Entries and gaps, in order, of the part from `start` to `end` that the file has."""
        at, last, in_gap = start, min(end, self.length), False
        while at < last:
            found = self.entry_at(at, end)
            if found:
                yield found
            elif not in_gap:
                yield Gap(at)
            in_gap = not found
            at = found.end(self.repository) if found else self._next_magic(at, last)

    def _next_magic(self, at, last):
        """Where the next header may stand: stepping through a hole of a gibibyte would take minutes."""
        while True:
            at = self.data.find(entry.MAGIC, at + 1, last)
            if at < 0 or at % self.repository.alignment == 0:
                return last if at < 0 else at

    def along(self, lines, end):
        """The entries that lines speak of; gaps where an entry is not what its line says."""
        for stored in lines:
            offset = int.from_bytes(stored[:4], "little")
            found = self.entry_at(offset, end)
            yield found if found and found.line() == stored else Gap(offset)

    def payload(self, found):
        """The payload of a good entry; raises Bad for any other."""
        data = self.data[found.payload_offset : found.payload_end]
        payload.check(found.header, data, found.place, self.repository, self.ids)
        return data

    def is_padded(self, found):
        padding = self.data[found.payload_end : found.end(self.repository)]
        return padding == b"\xff" * (found.end(self.repository) - found.payload_end)
