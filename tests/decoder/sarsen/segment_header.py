"""Segment header: the 128 bytes every segment begins with (section 2)."""

import zlib
from dataclasses import dataclass, replace

from .bad import Refused, need
from .fields import Fields, u8, u16, u32, u64

MAGIC = b"SARSEN\r\n"
SIZE = 128
SEGMENT_LENGTH_MAX = 1 << 30
SEGMENT_NUMBER_MAX = (1 << 32) - 2
FRAME_ROW_MAX = 76


@dataclass(frozen=True)
class SegmentHeader:
    format_version: int
    digest_algorithm: int
    log2_block_bytes: int
    log2_frame_bytes: int
    log2_fan_out: int
    log2_alignment: int
    codec: int
    segment_length_max: int
    segment_number: int
    repository_id: bytes
    features_reader: int
    features_writer: int
    features_ignored: int
    made: int
    history: int

    @property
    def block_bytes(self):
        return 1 << self.log2_block_bytes

    @property
    def frame_bytes(self):
        return 1 << self.log2_frame_bytes

    @property
    def fan_out(self):
        return 1 << self.log2_fan_out

    @property
    def alignment(self):
        return 1 << self.log2_alignment

    def align(self, length):
        return -(-length // self.alignment) * self.alignment

    @property
    def first_entry(self):
        return self.align(SIZE)

    def largest_block_entry(self):
        table = 4 + FRAME_ROW_MAX * (self.block_bytes // self.frame_bytes)
        return self.align(128 + table + self.block_bytes)

    def parameters(self):
        """All that is equal in every segment of a repository."""
        return replace(self, segment_number=0)

    def emit(self):
        head = b"".join(
            (
                MAGIC,
                u16(self.format_version),
                u8(self.digest_algorithm),
                u8(self.log2_block_bytes),
                u8(self.log2_frame_bytes),
                u8(self.log2_fan_out),
                u8(self.log2_alignment),
                u8(self.codec),
                u32(self.segment_length_max),
                u32(self.segment_number),
                self.repository_id,
                u64(self.features_reader),
                u64(self.features_writer),
                u64(self.features_ignored),
                u64(self.made),
                u16(self.history),
                bytes(50),
            )
        )
        return head + u32(zlib.crc32(head))


def is_whole(data):
    """Whether magic and CRC are right: then the bytes are as a writer of some version left them."""
    if len(data) != SIZE or not data.startswith(MAGIC):
        return False
    return zlib.crc32(data[:124]) == int.from_bytes(data[124:], "little")


def repository_id(data):
    """Of a whole header of any version: a reader must know whose it is before it may refuse it."""
    return data[24:40]


def refuse_unsupported(data):
    version = int.from_bytes(data[8:10], "little")
    features = int.from_bytes(data[40:48], "little")
    if version != 0 or features != 0:
        raise Refused("unsupported")


def parse(data):
    need(is_whole(data), "segment header: magic or CRC")
    fields = Fields(data)
    fields.take(len(MAGIC))
    header = SegmentHeader(
        format_version=fields.u16(),
        digest_algorithm=fields.u8(),
        log2_block_bytes=fields.u8(),
        log2_frame_bytes=fields.u8(),
        log2_fan_out=fields.u8(),
        log2_alignment=fields.u8(),
        codec=fields.u8(),
        segment_length_max=fields.u32(),
        segment_number=fields.u32(),
        repository_id=fields.take(16),
        features_reader=fields.u64(),
        features_writer=fields.u64(),
        features_ignored=fields.u64(),
        made=fields.u64(),
        history=fields.u16(),
    )
    fields.zeros(50)
    _check(header)
    return header


def _check(header):
    need(header.format_version == 0, "format version")
    need(header.features_reader == 0, "a feature a reader must know")
    need(header.digest_algorithm in (1, 2), "digest algorithm")
    need(12 <= header.log2_frame_bytes <= header.log2_block_bytes <= 24, "block and frame bytes")
    need(4 <= header.log2_fan_out <= 8, "fan-out")
    need(4 <= header.log2_alignment <= 12, "alignment")
    need(header.codec <= 3, "codec")
    need(header.segment_number <= SEGMENT_NUMBER_MAX, "segment number")
    need(header.history <= 64, "history")
    need(header.segment_length_max % header.alignment == 0, "greatest segment length is not aligned")
    need(
        2 * header.largest_block_entry() <= header.segment_length_max <= SEGMENT_LENGTH_MAX,
        "greatest segment length",
    )
