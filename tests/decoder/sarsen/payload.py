"""Payload: what the bytes behind an entry header must be (section 13, `payload`)."""

from . import block, commit, entry, page, record
from .bad import need
from .fields import Fields


def check(header, payload, place, repository, ids):
    """`place` is (segment, offset) of the entry. Raises Bad; on its return the entry is good."""
    need(len(payload) == header.stored_length, "payload: cut off")
    digest = ids.digest(payload[: header.head_length])
    need(digest == header.payload_digest, "payload: digest")
    _CHECKS[header.kind](header, payload, place, repository, ids)


def _block(header, payload, place, repository, ids):
    """What a block on a base gives is judged by who reads it along its chain."""
    block.check(header, payload, repository, ids)


def _page(header, payload, place, repository, ids):
    """The rows of a delta page are judged by who reads it together with its base."""
    fan_out = repository.fan_out
    shape = page.parse_shape(Fields(payload), header.tree, fan_out)
    need(shape.raw_length(fan_out) == header.raw_length, "page: raw length")
    if header.encoding == page.DELTA:
        page.parse_delta(payload, header.tree, fan_out)
        return
    shape, rows = page.parse_whole(payload, header.tree, fan_out)
    id = ids.page(shape.tree, shape.level, fan_out, shape.span, rows)
    need(id == header.object_id, "page: id")


def _record(header, payload, place, repository, ids):
    record.parse(payload, repository.block_bytes)
    need(ids.record(payload) == header.object_id, "record: id")


def _commit(header, payload, place, repository, ids):
    segment, offset = place
    parsed = commit.parse(payload)
    need(ids.commit(repository.repository_id, segment, payload) == header.object_id, "commit: id")
    need(commit.lies_right(parsed, len(payload), repository, segment, offset), "commit: another place")


def _footer(header, payload, place, repository, ids):
    need(len(payload) % entry.LINE_SIZE == 0, "footer: lines")


def _pad(header, payload, place, repository, ids):
    need(payload == b"\xff" * len(payload), "pad")


_CHECKS = {
    entry.BLOCK: _block,
    entry.PAGE: _page,
    entry.RECORD: _record,
    entry.COMMIT: _commit,
    entry.FOOTER: _footer,
    entry.PAD: _pad,
}
