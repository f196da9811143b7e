"""Block: a frame table and the stored bytes of its frames (section 5)."""

from dataclasses import dataclass

from . import codec
from .bad import need
from .fields import Fields, u8, u16, u32
from .ids import ZERO_ID

ZERO, WHOLE = range(2)
FRAMES_MAX = 4096


@dataclass(frozen=True)
class FrameRow:
    index: int
    kind: int
    codec: int
    stored_length: int
    plain_digest: bytes = b""
    stored_digest: bytes = b""

    def emit(self):
        place = u16(self.index) + u8(self.kind) + u8(self.codec) + u32(self.stored_length)
        return place + self.plain_digest + self.stored_digest

    def id_digest(self):
        """The frame digest as it goes into the block's id."""
        return self.plain_digest or ZERO_ID


def emit_table(rows):
    return u16(len(rows)) + u16(0) + b"".join(row.emit() for row in rows)


def frame_row(ids, index, plain, used_codec=codec.NONE, stored=b""):
    """The row of a frame, which a codec turned into the stored bytes unless it is none."""
    if not any(plain):
        return FrameRow(index, ZERO, codec.NONE, 0)
    if used_codec == codec.NONE:
        return FrameRow(index, WHOLE, codec.NONE, len(plain), ids.digest(plain))
    return FrameRow(index, WHOLE, used_codec, len(stored), ids.digest(plain), ids.digest(stored))


def frame_lengths(raw_length, frame_bytes):
    whole, rest = divmod(raw_length, frame_bytes)
    return [frame_bytes] * whole + [rest] * (rest > 0)


def parse_table(table, lengths):
    """The rows of a table, one for each frame; `lengths` are those of the frames."""
    fields = Fields(table)
    need(fields.u16() == len(lengths), "frame table: a frame is not listed")
    fields.zeros(2)
    rows = [_parse_row(fields, index, length) for index, length in enumerate(lengths)]
    fields.done()
    return rows


def _parse_row(fields, index, length):
    need(fields.u16() == index, "frame row: index")
    kind, used_codec, stored_length = fields.u8(), fields.u8(), fields.u32()
    need(kind in (ZERO, WHOLE), "frame row: kind")
    need(used_codec <= codec.ZLIB, "frame row: codec")
    if kind == ZERO:
        need(used_codec == codec.NONE and stored_length == 0, "frame row: a zero frame stores nothing")
        return FrameRow(index, kind, used_codec, 0)
    if used_codec == codec.NONE:
        need(stored_length == length, "frame row: length of a raw frame")
        return FrameRow(index, kind, used_codec, stored_length, fields.take(32))
    need(0 < stored_length < length, "frame row: a stored frame did not shrink")
    return FrameRow(index, kind, used_codec, stored_length, fields.take(32), fields.take(32))


def parse(payload, head_length, raw_length, repository, ids):
    """The block's id and its bytes, with every digest checked. `repository` is a segment header."""
    need(0 < raw_length <= repository.block_bytes, "block: raw length")
    need(head_length <= len(payload), "block: head length")
    lengths = frame_lengths(raw_length, repository.frame_bytes)
    rows = parse_table(payload[:head_length], lengths)
    stored = Fields(payload[head_length:])
    need(sum(row.stored_length for row in rows) == stored.left(), "block: stored bytes")
    pieces = [stored.take(row.stored_length) for row in rows]
    plain = b"".join(_frame(*each, ids) for each in zip(rows, pieces, lengths))
    digests = [row.id_digest() for row in rows]
    return ids.block(raw_length, repository.frame_bytes, digests), plain


def _frame(row, stored, length, ids):
    if row.kind == ZERO:
        return bytes(length)
    if row.codec == codec.NONE:
        plain = stored
    else:
        need(ids.digest(stored) == row.stored_digest, "frame: stored digest")
        plain = codec.decode(row.codec, stored, length)
    need(any(plain), "frame: zeros are not stored")
    need(ids.digest(plain) == row.plain_digest, "frame: plain digest")
    return plain
