"""Block: a frame table and the stored bytes of its frames, of all or of those that differ from a base (section 5)."""

from dataclasses import dataclass

from . import body, codec
from .bad import need
from .fields import Fields, u8, u16, u32
from .ids import ZERO_ID

ZERO, WHOLE, DELTA = range(3)
FRAMES_MAX = 4096


@dataclass(frozen=True)
class FrameRow:
    index: int
    kind: int
    codec: int
    stored_length: int
    plain_digest: bytes = b""
    stored_digest: bytes = b""
    body_length: int = 0

    def emit(self):
        place = u16(self.index) + u8(self.kind) + u8(self.codec) + u32(self.stored_length)
        body_length = u32(self.body_length) if self.kind == DELTA else b""
        return place + body_length + self.plain_digest + self.stored_digest

    def id_digest(self):
        """The frame digest as it goes into the block's id."""
        return self.plain_digest or ZERO_ID


@dataclass(frozen=True)
class Listed:
    """A row, the stored bytes it speaks of, and the length of its frame."""

    row: FrameRow
    stored: bytes
    length: int


def emit_table(rows):
    return u16(len(rows)) + u16(0) + b"".join(row.emit() for row in rows)


def frame_row(ids, index, plain, used_codec=codec.NONE, stored=b""):
    """The row of a frame, which a codec turned into the stored bytes unless it is none."""
    if not any(plain):
        return FrameRow(index, ZERO, codec.NONE, 0)
    if used_codec == codec.NONE:
        return FrameRow(index, WHOLE, codec.NONE, len(plain), ids.digest(plain))
    return FrameRow(index, WHOLE, used_codec, len(stored), ids.digest(plain), ids.digest(stored))


def delta_row(ids, index, plain, body_length, used_codec, stored):
    """The row of a frame that results from a body, which the stored bytes are or give."""
    digests = ids.digest(plain), ids.digest(stored)
    return FrameRow(index, DELTA, used_codec, len(stored), *digests, body_length)


def frame_lengths(raw_length, frame_bytes):
    whole, rest = divmod(raw_length, frame_bytes)
    return [frame_bytes] * whole + [rest] * (rest > 0)


def parse_table(table, lengths, is_on_base=False):
    """The rows of a table; `lengths` are those of all frames of the block."""
    fields = Fields(table)
    count = fields.u16()
    fields.zeros(2)
    if is_on_base:
        need(count > 0, "frame table: no frame is listed")
    else:
        need(count == len(lengths), "frame table: a frame is not listed")
    rows, least = [], 0
    for _ in range(count):
        rows.append(_parse_row(fields, least, lengths, is_on_base))
        least = rows[-1].index + 1
    fields.done()
    return rows


def _parse_row(fields, least, lengths, is_on_base):
    index = fields.u16()
    # Without a base as many rows as frames are demanded, so that ascending indexes list every frame.
    need(least <= index < len(lengths), "frame row: index")
    kind, used_codec, stored_length = fields.u8(), fields.u8(), fields.u32()
    need(kind <= (DELTA if is_on_base else WHOLE), "frame row: kind")
    need(used_codec <= codec.ZLIB, "frame row: codec")
    if kind == ZERO:
        need(used_codec == codec.NONE and stored_length == 0, "frame row: a zero frame stores nothing")
        return FrameRow(index, kind, used_codec, 0)
    if kind == DELTA:
        return _parse_delta_row(fields, index, used_codec, stored_length, lengths[index])
    if used_codec == codec.NONE:
        need(stored_length == lengths[index], "frame row: length of a raw frame")
        return FrameRow(index, kind, used_codec, stored_length, fields.take(32))
    need(0 < stored_length < lengths[index], "frame row: a stored frame did not shrink")
    return FrameRow(index, kind, used_codec, stored_length, fields.take(32), fields.take(32))


def _parse_delta_row(fields, index, used_codec, stored_length, length):
    body_length = fields.u32()
    need(0 < body_length < length, "frame row: length of a body")
    if used_codec == codec.NONE:
        need(stored_length == body_length, "frame row: length of a raw body")
    else:
        need(0 < stored_length < body_length, "frame row: a stored body did not shrink")
    return FrameRow(index, DELTA, used_codec, stored_length, fields.take(32), fields.take(32), body_length)


def parse(header, payload, repository):
    """What a block's entry lists. `header` is the entry's, `repository` a segment header. No digest is looked at."""
    need(0 < header.raw_length <= repository.block_bytes, "block: raw length")
    need(header.head_length <= len(payload), "block: head length")
    lengths = frame_lengths(header.raw_length, repository.frame_bytes)
    rows = parse_table(payload[: header.head_length], lengths, header.depth > 0)
    stored = Fields(payload[header.head_length :])
    need(sum(row.stored_length for row in rows) == stored.left(), "block: stored bytes")
    return [Listed(row, stored.take(row.stored_length), lengths[row.index]) for row in rows]


def check(header, payload, repository, ids):
    """All that an entry's own bytes can say: of a block on a base neither its deltas' results nor its id."""
    listed = parse(header, payload, repository)
    for each in listed:
        if each.row.kind == DELTA:
            _runs(each, ids)
        else:
            check_plain(each.row, _whole(each, ids), ids)
    if header.depth == 0:
        id = ids.block(header.raw_length, repository.frame_bytes, [each.row.id_digest() for each in listed])
        need(id == header.object_id, "block: id")


def read(layers, repository, ids):
    """The bytes of a block from (header, payload) of its own entry, of its base, and so on."""
    own = layers[0][0]
    need(all(header.raw_length == own.raw_length for header, _ in layers), "block: raw length of a base")
    tables = [{each.row.index: each for each in parse(*layer, repository)} for layer in layers]
    frames, digests = [], []
    for index, length in enumerate(frame_lengths(own.raw_length, repository.frame_bytes)):
        listed = [table[index] for table in tables if index in table]
        frames.append(_made(listed, length, ids))
        digests.append(listed[0].row.id_digest())
    need(ids.block(own.raw_length, repository.frame_bytes, digests) == own.object_id, "block: id")
    return b"".join(frames)


def _made(listed, length, ids):
    """A frame from what each entry that lists it says, the own entry first; the last without a base lists all."""
    deltas = []
    for each in listed:
        if each.row.kind != DELTA:
            frame = _whole(each, ids)
            break
        deltas.append(_runs(each, ids))
    for runs in reversed(deltas):
        frame = body.lay(frame, runs)
    check_plain(listed[0].row, frame, ids)
    return frame


def _whole(listed, ids):
    row = listed.row
    if row.kind == ZERO:
        return bytes(listed.length)
    return listed.stored if row.codec == codec.NONE else _decoded(listed, listed.length, ids)


def _runs(listed, ids):
    """The runs of a delta; its stored digest counts for a raw body too."""
    return body.parse(_decoded(listed, listed.row.body_length, ids), listed.length)


def _decoded(listed, length, ids):
    need(ids.digest(listed.stored) == listed.row.stored_digest, "frame: stored digest")
    return listed.stored if listed.row.codec == codec.NONE else codec.decode(listed.row.codec, listed.stored, length)


def check_plain(row, plain, ids):
    if row.kind != ZERO:
        need(any(plain), "frame: zeros are not stored")
        need(ids.digest(plain) == row.plain_digest, "frame: plain digest")
