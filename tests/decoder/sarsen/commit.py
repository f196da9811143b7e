"""Commit: what is true from now on, written twice with a pad between (section 8)."""

from dataclasses import dataclass

from . import entry, link
from .bad import need
from .fields import Fields, u16, u32, u64
from .ids import ZERO_ID

HEAD_SIZE = 248
PAD_TOTAL_MIN = 512
HISTORY_MAX = 64
ROWS_MAX = 1 << 34


@dataclass(frozen=True)
class Root:
    """Where an array's pages hang: its number of rows, and the link to its top page."""

    row_count: int
    top: link.Link

    def emit(self):
        return u64(self.row_count) + self.top.emit()


NO_ROWS = Root(0, link.NOWHERE)


@dataclass(frozen=True)
class Commit:
    sequence: int
    time: int
    previous: bytes
    own_segment: int
    own_length: int
    own_entries_digest: bytes
    segment_max: int
    segments: Root
    catalogue: Root
    damage: Root
    history: tuple

    def emit(self):
        own = u32(self.own_segment) + u32(self.own_length) + self.own_entries_digest
        head = u64(self.sequence) + u64(self.time) + self.previous + own + u32(self.segment_max) + u32(0)
        roots = self.segments.emit() + self.catalogue.emit() + self.damage.emit()
        older = b"".join(u64(sequence) + id for sequence, id in self.history)
        return head + roots + u16(len(self.history)) + bytes(6) + older


def parse(payload):
    fields = Fields(payload)
    sequence, time, previous = fields.u64(), fields.u64(), fields.take(32)
    own = fields.u32(), fields.u32(), fields.take(32)
    segment_max = fields.u32()
    fields.zeros(4)
    roots = [_parse_root(fields) for _ in range(3)]
    count = fields.u16()
    fields.zeros(6)
    need(count <= HISTORY_MAX, "commit: history")
    history = tuple((fields.u64(), fields.take(32)) for _ in range(count))
    fields.done()
    need(sequence > 0 and (sequence == 1) == (previous == ZERO_ID), "commit: sequence")
    return Commit(sequence, time, previous, *own, segment_max, *roots, history)


def _parse_root(fields):
    row_count = fields.u64()
    need(row_count <= ROWS_MAX, "commit: rows of a tree")
    return Root(row_count, link.parse(fields.take(link.SIZE)))


def pad_total(repository):
    return repository.align(max(PAD_TOTAL_MIN, repository.alignment))


def copy_total(repository, payload_length):
    return repository.align(entry.SIZE + payload_length)


def second_copy(repository, payload_length, first):
    return first + copy_total(repository, payload_length) + pad_total(repository)


def end(repository, payload_length, first):
    return second_copy(repository, payload_length, first) + copy_total(repository, payload_length)


def lies_right(commit, payload_length, repository, segment, offset):
    """Whether a copy with this payload may stand there, as the first or as the second."""
    first = commit.own_length
    copies = first, second_copy(repository, payload_length, first)
    return commit.own_segment == segment and offset in copies


def emit_pair(repository, commit, ids):
    """Both copies and the pad between, as entries; and the headers of the three."""
    payload = commit.emit()
    segment, first = commit.own_segment, commit.own_length
    copy = entry.plain(entry.COMMIT, ids.commit(repository.repository_id, segment, payload), payload, ids)
    filling = b"\xff" * (pad_total(repository) - entry.SIZE)
    pad = entry.plain(entry.PAD, ZERO_ID, filling, ids)
    pad_at = first + copy_total(repository, len(payload))
    placed = (
        (first, copy, payload),
        (pad_at, pad, filling),
        (second_copy(repository, len(payload), first), copy, payload),
    )
    stored = b"".join(entry.emit(repository, segment, *each) for each in placed)
    return stored, [(offset, header) for offset, header, _ in placed]
