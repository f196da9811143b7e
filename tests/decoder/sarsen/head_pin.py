"""Head pin: 96 bytes beside the segments that name the newest commit (section 9)."""

import zlib
from dataclasses import dataclass

from .bad import need
from .fields import Fields, u32, u64

MAGIC = b"SARSHEAD"
SIZE = 96


@dataclass(frozen=True)
class HeadPin:
    repository_id: bytes
    sequence: int
    segment: int
    length: int
    commit_id: bytes

    def emit(self):
        numbers = u64(self.sequence) + u32(self.segment) + u32(self.length)
        head = MAGIC + self.repository_id + numbers + self.commit_id + bytes(20)
        return head + u32(zlib.crc32(head))


def parse(data):
    need(len(data) == SIZE and data.startswith(MAGIC), "head pin: magic or size")
    need(zlib.crc32(data[:92]) == int.from_bytes(data[92:], "little"), "head pin: CRC")
    fields = Fields(data)
    fields.take(len(MAGIC))
    pin = HeadPin(fields.take(16), fields.u64(), fields.u32(), fields.u32(), fields.take(32))
    fields.zeros(20)
    return pin
