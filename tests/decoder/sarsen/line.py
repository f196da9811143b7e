"""Line: the 48 bytes a footer keeps of each entry (section 3)."""

from dataclasses import dataclass

from .entry import LINE_SIZE
from .fields import Fields


@dataclass(frozen=True)
class Line:
    offset: int
    kind: int
    tree: int
    encoding: int
    depth: int
    stored_length: int
    raw_length: int
    object_id: bytes


def parse(data):
    fields = Fields(data)
    offset = fields.u32()
    kind, tree, encoding, depth = fields.take(4)
    line = Line(offset, kind, tree, encoding, depth, fields.u32(), fields.u32(), fields.take(32))
    fields.done()
    return line


def split(payload):
    """The lines as stored. The payload's length is a multiple of theirs, which the caller knows."""
    return [payload[at : at + LINE_SIZE] for at in range(0, len(payload), LINE_SIZE)]
