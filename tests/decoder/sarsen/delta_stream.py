"""Delta stream: what differs between two versions of a disk (section 16)."""

import zlib
from dataclasses import dataclass

from . import codec
from .bad import need
from .fields import Fields, string, u8, u16, u32, u64
from .ids import ZERO_ID

MAGIC = b"SARSDIFF"
HEADER_FIXED = 120
HEADER_SIZE_MAX = 1024
RECORD_SIZE = 40
SECTOR = 512
BLOCKS_MAX = 1 << 34
DATA, ZERO, END = 1, 2, 3


@dataclass(frozen=True)
class Header:
    digest_algorithm: int
    log2_block_bytes: int
    log2_frame_bytes: int
    log2_fan_out: int
    base_size: int
    target_size: int
    base_root: bytes
    target_root: bytes
    start: int
    time: int
    disk_name: bytes
    snapshot_name: bytes
    source_identity: bytes

    @property
    def frame_bytes(self):
        return 1 << self.log2_frame_bytes

    def size(self):
        return HEADER_FIXED + sum(len(name) + 1 for name in self._names()) + 4

    def _names(self):
        return self.disk_name, self.snapshot_name, self.source_identity

    def emit(self):
        logs = u8(self.log2_block_bytes) + u8(self.log2_frame_bytes) + u8(self.log2_fan_out)
        head = MAGIC + u16(0) + u8(self.digest_algorithm) + logs + u16(0) + u32(self.size()) + u32(0)
        head += u64(self.base_size) + u64(self.target_size) + self.base_root + self.target_root
        head += u64(self.start) + u64(self.time) + b"".join(map(string, self._names()))
        return head + u32(zlib.crc32(head))


@dataclass(frozen=True)
class Record:
    number: int
    kind: int
    codec: int
    offset: int
    length: int
    stored: bytes = b""

    def emit(self, header):
        head = u8(self.kind) + u8(self.codec) + u16(0) + u32(len(self.stored))
        head += u64(self.number) + u64(self.offset) + u64(self.length) + u32(0)
        return head + u32(crc(header, head, self.stored)) + self.stored

    def plain(self):
        """What data holds once it is decoded."""
        return self.stored if self.codec == codec.NONE else codec.decode(self.codec, self.stored, self.length)


def crc(header, head, stored):
    return zlib.crc32(header.base_root + header.target_root + head + stored)


def parse(data):
    """Header and records of a whole stream, the end record included; frames are not decoded."""
    header, behind = parse_header(data)
    return header, list(_records(header, Fields(data[behind:])))


def parse_header(data):
    """The header, and where it ends."""
    need(data.startswith(MAGIC), "delta stream: magic")
    size = int.from_bytes(data[16:20], "little")
    need(len(data) >= 20 and HEADER_FIXED + 7 <= size <= min(HEADER_SIZE_MAX, len(data)), "delta stream: header length")
    head, stated = data[: size - 4], int.from_bytes(data[size - 4 : size], "little")
    need(zlib.crc32(head) == stated, "delta stream: CRC of the header")
    fields = Fields(head)
    fields.take(len(MAGIC))
    need(fields.u16() == 0, "delta stream: version")
    logs = [fields.u8() for _ in range(4)]
    fields.zeros(2)
    fields.u32()
    fields.zeros(4)
    sizes = fields.u64(), fields.u64()
    roots = fields.take(32), fields.take(32)
    times = fields.u64(), fields.u64()
    header = Header(*logs, *sizes, *roots, *times, *(fields.string() for _ in range(3)))
    fields.done()
    _check_header(header)
    return header, size


def _check_header(header):
    block, frame = header.log2_block_bytes, header.log2_frame_bytes
    need(header.digest_algorithm in (1, 2), "digest algorithm")
    need(12 <= frame <= block <= 24 and block - frame <= 12, "block and frame bytes")
    need(4 <= header.log2_fan_out <= 8, "fan-out")
    need(max(header.base_size, header.target_size) <= BLOCKS_MAX << block, "delta stream: disk size")
    need(header.base_size == 0 or header.base_root != ZERO_ID, "delta stream: a size without a base")
    need(header.target_root != ZERO_ID, "delta stream: no target")
    need(header.start <= header.target_size, "delta stream: it starts behind the disk")
    need(header.start % SECTOR == 0 or header.start == header.target_size, "delta stream: it starts within a sector")


def _records(header, fields):
    number, begun = 0, header.start
    while True:
        record = _record(header, fields)
        need(record.number == number, "delta stream: number of a record")
        yield record
        if record.kind == END:
            need((record.offset, record.length) == (header.target_size, number), "delta stream: its end")
            fields.done()
            return
        need(record.offset >= begun, "delta stream: records do not ascend")
        number, begun = number + 1, record.offset + record.length


def _record(header, fields):
    head = fields.take(RECORD_SIZE)
    told = Fields(head)
    kind, used_codec = told.u8(), told.u8()
    told.zeros(2)
    stored_length, number, offset, length = told.u32(), told.u64(), told.u64(), told.u64()
    told.zeros(4)
    need(kind in (DATA, ZERO, END), "delta stream: kind of a record")
    stored = fields.take(stored_length)
    need(told.u32() == crc(header, head[:36], stored), "delta stream: CRC of a record")
    record = Record(number, kind, used_codec, offset, length, stored)
    if kind != END:
        _check_place(header, record)
    if kind == DATA:
        _check_stored(header, record)
    else:
        need(used_codec == codec.NONE and not stored, "delta stream: stored bytes of what has none")
    return record


def _check_place(header, record):
    end = record.offset + record.length
    need(record.length > 0 and end <= header.target_size, "delta stream: a record is not on the disk")
    need(record.offset % SECTOR == 0, "delta stream: a record begins within a sector")
    need(end % SECTOR == 0 or end == header.target_size, "delta stream: a record ends within a sector")


def _check_stored(header, record):
    last = record.offset + record.length - 1
    need(record.offset // header.frame_bytes == last // header.frame_bytes, "delta stream: data crosses frames")
    need(record.codec in (codec.NONE, codec.LZ4, codec.ZSTANDARD, codec.ZLIB), "delta stream: codec")
    if record.codec == codec.NONE:
        need(len(record.stored) == record.length, "delta stream: stored length of raw data")
    else:
        need(0 < len(record.stored) < record.length, "delta stream: stored length")
