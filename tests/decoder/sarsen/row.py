"""Row: one element of the four arrays that page trees hold (section 6)."""

from dataclasses import dataclass

from . import link
from .bad import need
from .fields import Fields, u32, u64

MANIFEST, SEGMENTS, CATALOGUE, DAMAGE = range(1, 5)
LEAF_SIZES = {MANIFEST: 32, SEGMENTS: 44, CATALOGUE: link.SIZE, DAMAGE: 56}


def size(tree, level):
    if level == 0:
        return LEAF_SIZES[tree]
    return 32 if tree == MANIFEST else link.SIZE


@dataclass(frozen=True)
class SegmentRow:
    """How far a segment is true; a row of the segment table."""

    length: int
    footer: int
    live: int
    entries_digest: bytes

    def emit(self):
        return u32(self.length) + u32(self.footer) + u32(self.live) + self.entries_digest


@dataclass(frozen=True)
class DamageRow:
    segment: int
    offset: int
    length: int
    when: int
    payload_digest: bytes

    def emit(self):
        place = u32(self.segment) + u32(self.offset) + u32(self.length)
        return place + u32(0) + u64(self.when) + self.payload_digest


def parse_segment(data):
    fields = Fields(data)
    row = SegmentRow(fields.u32(), fields.u32(), fields.u32(), fields.take(32))
    fields.done()
    need(row.footer <= 1, "segment row: footer")
    return row


def parse_damage(data):
    fields = Fields(data)
    place = fields.u32(), fields.u32(), fields.u32()
    fields.zeros(4)
    row = DamageRow(*place, fields.u64(), fields.take(32))
    fields.done()
    return row
