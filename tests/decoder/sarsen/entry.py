"""Entry: a header of 128 bytes, a payload, and 0xFF up to the alignment (section 3)."""

import zlib
from dataclasses import dataclass

from .bad import need
from .fields import Fields, u8, u32
from .ids import ZERO_ID

MAGIC = b"SEnt"
SIZE = 128
LINE_SIZE = 48
STORED_LENGTH_MAX = 1 << 25
PAGE_DEPTH_MAX, BLOCK_DEPTH_MAX = 8, 31
BLOCK, PAGE, RECORD, COMMIT, FOOTER, PAD = range(1, 7)
NAMELESS = (FOOTER, PAD)


@dataclass(frozen=True)
class EntryHeader:
    kind: int
    tree: int
    encoding: int
    depth: int
    stored_length: int
    head_length: int
    raw_length: int
    object_id: bytes
    base_id: bytes
    payload_digest: bytes

    def emit(self, repository_id, segment, offset):
        head = b"".join(
            (
                MAGIC,
                bytes((self.kind, self.tree, self.encoding, self.depth)),
                u32(self.stored_length),
                u32(self.head_length),
                u32(self.raw_length),
                bytes(4),
                self.object_id,
                self.base_id,
                self.payload_digest,
                bytes(4),
            )
        )
        return head + u32(_crc(repository_id, segment, offset, head))

    def line(self, offset):
        shape = u8(self.kind) + u8(self.tree) + u8(self.encoding) + u8(self.depth)
        return u32(offset) + shape + u32(self.stored_length) + u32(self.raw_length) + self.object_id

    def total_length(self, header):
        return header.align(SIZE + self.stored_length)


def emit(segment_header, segment, offset, entry_header, payload):
    """The whole entry, as it lies at that place."""
    head = entry_header.emit(segment_header.repository_id, segment, offset)
    padding = entry_header.total_length(segment_header) - SIZE - len(payload)
    return head + payload + b"\xff" * padding


def plain(kind, object_id, payload, ids):
    """The header of an entry that is neither a block nor a page."""
    size = len(payload)
    return EntryHeader(kind, 0, 0, 0, size, size, size, object_id, ZERO_ID, ids.digest(payload))


def parse(data, repository_id, segment, offset):
    """The header at that place, apart from whether its entry ends within what is being read."""
    need(len(data) == SIZE and data.startswith(MAGIC), "entry header: magic")
    crc = int.from_bytes(data[124:], "little")
    need(_crc(repository_id, segment, offset, data[:124]) == crc, "entry header: CRC")
    fields = Fields(data)
    fields.take(len(MAGIC))
    kind, tree, encoding, depth = fields.take(4)
    lengths = fields.u32(), fields.u32(), fields.u32()
    fields.zeros(4)
    ids = fields.take(32), fields.take(32), fields.take(32)
    fields.zeros(4)
    header = EntryHeader(kind, tree, encoding, depth, *lengths, *ids)
    _check_shape(header)
    _check_lengths(header)
    return header


def _check_shape(header):
    is_page, may_have_base = header.kind == PAGE, header.kind in (BLOCK, PAGE)
    need(BLOCK <= header.kind <= PAD, "kind")
    need(1 <= header.tree <= 4 if is_page else header.tree == 0, "tree")
    need(header.encoding <= 1 if may_have_base else header.encoding == 0, "encoding")
    need(header.depth <= (BLOCK_DEPTH_MAX if header.kind == BLOCK else PAGE_DEPTH_MAX), "depth")
    need((header.depth > 0) == (header.encoding == 1), "depth without a base, or a base without depth")
    need((header.base_id != ZERO_ID) == (header.encoding == 1), "base of a whole object, or none of another")
    need((header.object_id == ZERO_ID) == (header.kind in NAMELESS), "object id")


def _check_lengths(header):
    need(header.stored_length <= STORED_LENGTH_MAX, "stored length")
    if header.kind == BLOCK:
        need(header.head_length <= header.stored_length, "head length")
        return
    need(header.head_length == header.stored_length, "head length")
    need(header.kind == PAGE or header.raw_length == header.stored_length, "raw length")


def _crc(repository_id, segment, offset, head):
    return zlib.crc32(repository_id + u32(segment) + u32(offset) + head)
