"""Footer: the lines of a sealed segment, and the locator that leads to it (section 8)."""

import zlib
from dataclasses import dataclass

from . import entry, line
from .bad import Bad, need
from .fields import Fields, u32
from .ids import ZERO_ID

MAGIC = b"SEnd"
LOCATOR_SIZE = 32


@dataclass(frozen=True)
class Footer:
    """A right footer. It is good too if it is filled, and the commit or row demands just its lines."""

    offset: int
    lines: list
    payload: bytes
    is_filled: bool


def emit_locator(repository_id, segment, locator_offset, footer_offset, line_count):
    head = MAGIC + u32(footer_offset) + u32(line_count) + bytes(16)
    return head + u32(_crc(repository_id, segment, locator_offset, head))


def parse_locator(data, repository_id, segment, locator_offset):
    """Offset of the footer entry, and its number of lines."""
    need(len(data) == LOCATOR_SIZE and data.startswith(MAGIC), "locator: magic")
    crc = int.from_bytes(data[28:], "little")
    need(_crc(repository_id, segment, locator_offset, data[:28]) == crc, "locator: CRC")
    fields = Fields(data[len(MAGIC) : 28])
    place = fields.u32(), fields.u32()
    fields.zeros(16)
    return place


def file_end(repository, footer_end):
    return footer_end + repository.align(LOCATOR_SIZE)


def emit(repository, segment, offset, lines, ids):
    """All from the footer entry to the end of the file."""
    payload = b"".join(lines)
    header = entry.plain(entry.FOOTER, ZERO_ID, payload, ids)
    stored = entry.emit(repository, segment, offset, header, payload)
    locator_at = file_end(repository, offset + len(stored)) - LOCATOR_SIZE
    filling = b"\xff" * (locator_at - offset - len(stored))
    locator = emit_locator(repository.repository_id, segment, locator_at, offset, len(lines))
    return stored + filling + locator


def parse_lines(payload, footer_offset, line_count, repository):
    """The lines, once they are known to cover all from the first entry to the footer."""
    need(len(payload) == line_count * entry.LINE_SIZE, "footer: number of lines")
    lines = [line.parse(stored) for stored in line.split(payload)]
    at = repository.first_entry
    for each in lines:
        need(each.offset == at, "footer: a line does not begin where the one before ends")
        at += repository.align(entry.SIZE + each.stored_length)
    need(at == footer_offset, "footer: the lines do not end at the footer")
    return lines


def find(data, repository, segment, ids):
    """The right footer that this file ends with, or None."""
    try:
        return _find(data, repository, segment, ids)
    except Bad:
        return None


def _find(data, repository, segment, ids):
    locator_at = len(data) - LOCATOR_SIZE
    need(0 <= locator_at <= repository.segment_length_max, "footer: the file's length")
    locator = data[locator_at : locator_at + LOCATOR_SIZE]
    offset, line_count = parse_locator(locator, repository.repository_id, segment, locator_at)
    header = entry.parse(data[offset : offset + entry.SIZE], repository.repository_id, segment, offset)
    need(header.kind == entry.FOOTER, "footer: kind")
    end = offset + header.total_length(repository)
    need(file_end(repository, end) == len(data), "footer: the file does not end with it")
    payload_end = offset + entry.SIZE + header.stored_length
    payload = data[offset + entry.SIZE : payload_end]
    need(ids.digest(payload) == header.payload_digest, "footer: payload digest")
    lines = parse_lines(payload, offset, line_count, repository)
    filling = data[payload_end:locator_at]
    return Footer(offset, lines, payload, filling == b"\xff" * len(filling))


def _crc(repository_id, segment, offset, head):
    return zlib.crc32(repository_id + u32(segment) + u32(offset) + head)
