"""Link: which object, and where its entry lies (section 6)."""

from dataclasses import dataclass

from .fields import Fields, u32
from .ids import ZERO_ID

SIZE = 40


@dataclass(frozen=True)
class Link:
    id: bytes
    segment: int
    offset: int

    def emit(self):
        return self.id + u32(self.segment) + u32(self.offset)


NOWHERE = Link(ZERO_ID, 0, 0)


def parse(data):
    fields = Fields(data)
    link = Link(fields.take(32), fields.u32(), fields.u32())
    fields.done()
    return link
