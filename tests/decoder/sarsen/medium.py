"""Medium: the segments and the head pin of a repository in a directory (section 1)."""

import mmap
import pathlib
import re
from dataclasses import dataclass

from .segment_header import SEGMENT_NUMBER_MAX

NAME = re.compile(r"([0-9]{10})\.seg", re.ASCII)
PIN_READ_MAX = 4096


@dataclass
class Medium:
    """`segments` maps numbers to bytes, mapped or held; `pin` is None where there is none."""

    segments: dict
    pin: bytes


def read(path):
    root = pathlib.Path(path)
    folder = root / "segments"
    files = sorted(folder.iterdir()) if folder.is_dir() else []
    numbered = ((_number(file.name), file) for file in files if file.is_file())
    segments = {number: _mapped(file) for number, file in numbered if number is not None}
    return Medium(segments, _pin(root / "head"))


def _number(name):
    match = NAME.fullmatch(name)
    number = int(match[1]) if match else None
    return number if match and number <= SEGMENT_NUMBER_MAX else None


def _mapped(file):
    """Mapped rather than read: a segment may be a gibibyte, and most of it is looked at once."""
    if file.stat().st_size == 0:
        return b""
    with file.open("rb") as opened:
        return mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ)


def _pin(file):
    """Of a file that is too long to be a pin, enough to see that."""
    if not file.is_file():
        return None
    with file.open("rb") as opened:
        return opened.read(PIN_READ_MAX)
