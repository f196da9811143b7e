"""Record: a version or a draft, as the catalogue keeps it (section 7)."""

from dataclasses import dataclass

from .bad import need
from .fields import Fields, string, u8, u16, u64
from .ids import ZERO_ID

SIZE_MAX = 16384
VERSION, DRAFT = 1, 2
PROTECTED = 1
BLOCKS_MAX = 1 << 34
HINTS_SOURCE_MAX = 5


@dataclass(frozen=True)
class Immutable:
    kind: int
    flags: int
    group_id: bytes
    start: int
    disk_size: int
    root: bytes
    top: bytes
    base: bytes
    disk_name: bytes
    snapshot_name: bytes
    source_identity: bytes
    hints_identity: bytes
    hints_source: int = 0

    def emit(self):
        numbers = u8(1) + u8(self.kind) + u8(self.flags) + u8(self.hints_source)
        numbers += self.group_id + u64(self.start) + u64(self.disk_size)
        names = self.disk_name, self.snapshot_name, self.source_identity, self.hints_identity
        return numbers + self.root + self.top + self.base + ZERO_ID + b"".join(map(string, names))


@dataclass(frozen=True)
class Mutable:
    flags: int
    expiry: int
    position: int
    draft_top: bytes
    bytes_read: int
    bytes_not_zero: int
    blocks_new: int
    bytes_new: int
    milliseconds: int
    tags: tuple
    attachments: tuple

    def emit(self):
        counts = self.bytes_read, self.bytes_not_zero, self.blocks_new, self.bytes_new, self.milliseconds
        head = u8(1) + u8(self.flags) + bytes(2) + u64(self.expiry) + u64(self.position)
        tags = u8(len(self.tags)) + b"".join(map(string, self.tags))
        attached = b"".join(string(name) + u16(len(data)) + data for name, data in self.attachments)
        return head + self.draft_top + b"".join(map(u64, counts)) + tags + u8(len(self.attachments)) + attached


@dataclass(frozen=True)
class Record:
    immutable: Immutable
    mutable: Mutable
    immutable_bytes: bytes

    def is_version(self):
        return self.immutable.kind == VERSION

    def version_id(self, ids):
        return ids.version(self.immutable_bytes)


def emit(immutable, mutable):
    first, second = immutable.emit(), mutable.emit()
    return u16(len(first)) + u16(len(second)) + first + second


def parse(payload, block_bytes):
    need(len(payload) <= SIZE_MAX, "record: length")
    fields = Fields(payload)
    first_length, second_length = fields.u16(), fields.u16()
    first, second = fields.take(first_length), fields.take(second_length)
    fields.done()
    immutable = _parse_immutable(Fields(first), block_bytes)
    mutable = _parse_mutable(Fields(second), immutable.kind)
    return Record(immutable, mutable, first)


def _parse_immutable(fields, block_bytes):
    need(fields.u8() == 1, "immutable half: version")
    kind, flags = fields.u8(), fields.u8()
    need(kind in (VERSION, DRAFT), "immutable half: kind")
    need(flags <= 1, "immutable half: flags")
    hints_source = fields.u8()
    need(hints_source <= HINTS_SOURCE_MAX, "immutable half: source of hints")
    group_id, start, disk_size = fields.take(16), fields.u64(), fields.u64()
    root, top, base = fields.take(32), fields.take(32), fields.take(32)
    fields.zeros(32)
    names = [fields.string() for _ in range(4)]
    fields.done()
    need(disk_size <= BLOCKS_MAX * block_bytes, "immutable half: disk size")
    need(kind == VERSION or root == top == ZERO_ID, "immutable half: a draft has no root")
    return Immutable(kind, flags, group_id, start, disk_size, root, top, base, *names, hints_source)


def _parse_mutable(fields, kind):
    need(fields.u8() == 1, "mutable half: version")
    flags = fields.u8()
    need(flags <= 1, "mutable half: flags")
    fields.zeros(2)
    expiry, position, draft_top = fields.u64(), fields.u64(), fields.take(32)
    counts = [fields.u64() for _ in range(5)]
    tags = tuple(fields.string() for _ in range(fields.u8()))
    attachments = tuple((fields.string(), fields.take(fields.u16())) for _ in range(fields.u8()))
    fields.done()
    need(kind == DRAFT or (position == 0 and draft_top == ZERO_ID), "mutable half: of a draft only")
    return Mutable(flags, expiry, position, draft_top, *counts, tags, attachments)
