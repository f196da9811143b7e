"""Body: the runs of sectors that make one frame of another (section 5)."""

from dataclasses import dataclass

from .bad import need
from .fields import Fields, u16

SECTOR = 512
ZEROS = 1 << 15


@dataclass(frozen=True)
class Run:
    """Sectors that follow each other; `contents` is None where they all become zero."""

    gap: int
    count: int
    contents: bytes = None

    def emit(self):
        if self.contents is None:
            return u16(self.gap) + u16(self.count | ZEROS)
        return u16(self.gap) + u16(self.count) + self.contents


def emit(runs):
    return b"".join(run.emit() for run in runs)


def parse(body, length):
    """The runs of a body for a frame of `length` bytes."""
    fields, runs, at = Fields(body), [], 0
    while fields.left() > 0:
        gap, count = fields.u16(), fields.u16()
        is_zero, count = bool(count & ZEROS), count & ~ZEROS
        need(count > 0, "body: a run without sectors")
        first, at = at + gap, at + gap + count
        need(at <= -(-length // SECTOR), "body: a run ends behind the frame")
        size = min(at * SECTOR, length) - first * SECTOR
        runs.append(Run(gap, count, None if is_zero else fields.take(size)))
    need(runs, "body: no run")
    return runs


def lay(base, runs):
    """The frame that the runs make of the base's."""
    frame, at = bytearray(base), 0
    for run in runs:
        start, at = (at + run.gap) * SECTOR, at + run.gap + run.count
        end = min(at * SECTOR, len(frame))
        frame[start:end] = bytes(end - start) if run.contents is None else run.contents
    return bytes(frame)


def difference(base, frame):
    """Runs that make `frame` of `base`: one for each sector that differs."""
    runs, behind = [], 0
    for number, start in enumerate(range(0, len(frame), SECTOR)):
        before, now = base[start : start + SECTOR], frame[start : start + SECTOR]
        if before != now:
            runs.append(Run(number - behind, 1, now if any(now) else None))
            behind = number + 1
    return runs
