"""Bodies of deltas: runs of sectors (section 5)."""

from sarsen import body
from sarsen.body import Run

from .case import case, file, reject, repeated, some_id

FRAME = 3 * 512 + 100
STONE = b"a stone that stands by itself; "
BASE = repeated(STONE, FRAME)
ONE, TWO, SHORT = some_id(1) * 16, some_id(2) * 32, some_id(3) * 3 + b"abcd"
CASES = {
    "the first sector": (STONE, FRAME, [Run(0, 1, ONE)]),
    "a sector behind a gap": (STONE, FRAME, [Run(2, 1, ONE)]),
    "two sectors": (STONE, FRAME, [Run(1, 2, TWO)]),
    "the last sector, which is short": (STONE, FRAME, [Run(3, 1, SHORT)]),
    "two sectors, the last short": (STONE, FRAME, [Run(2, 2, ONE + SHORT)]),
    "sectors of zeros": (STONE, FRAME, [Run(1, 2)]),
    "the last sector becomes zero": (STONE, FRAME, [Run(3, 1)]),
    "runs with a gap": (STONE, FRAME, [Run(0, 1, ONE), Run(1, 1, ONE)]),
    "runs without a gap": (STONE, FRAME, [Run(0, 1, ONE), Run(0, 1, ONE), Run(0, 1), Run(0, 1, SHORT)]),
    "all sectors": (STONE, FRAME, [Run(0, 4, ONE + TWO + SHORT)]),
    "all sectors become zero": (STONE, FRAME, [Run(0, 4)]),
    "contents of zeros": (STONE, FRAME, [Run(1, 1, bytes(512))]),
    "contents as in the base": (STONE, FRAME, [Run(1, 1, BASE[512:1024])]),
    "on zeros": (b"\0", FRAME, [Run(1, 1, ONE)]),
    "zeros on zeros": (b"\0", FRAME, [Run(1, 1)]),
    "a frame of just three sectors": (STONE, 3 * 512, [Run(2, 1, ONE)]),
    "a frame of one byte": (b"x", 1, [Run(0, 1, b"y")]),
    "a frame of one sector and a byte": (STONE, 513, [Run(1, 1, b"y")]),
}
REJECTS = {
    "nothing": b"",
    "a head cut after its gap": b"\0\0",
    "a head cut in its count": b"\0\0\1",
    "no sectors": b"\0\0\0\0",
    "no sectors of zeros": b"\0\0\0\x80",
    "no sectors, before a run": b"\0\0\0\0" + Run(0, 1, ONE).emit(),
    "no sectors, behind a run": Run(0, 1, ONE).emit() + b"\0\0\0\0",
    "contents missing": b"\0\0\1\0",
    "contents cut": Run(0, 1, ONE[:-1]).emit(),
    "contents of two sectors cut": Run(0, 2, TWO[:-1]).emit(),
    "contents of the last sector cut": Run(3, 1, SHORT[:-1]).emit(),
    "contents of the last sector too long": Run(3, 1, SHORT + b"\0").emit(),
    "the last sector with contents of a whole one": Run(3, 1, ONE).emit(),
    "a run of zeros with contents": Run(0, 1).emit() + ONE,
    "begins behind the frame": Run(4, 1, b"").emit(),
    "zeros behind the frame": Run(4, 1).emit(),
    "ends behind the frame": Run(3, 2, SHORT).emit(),
    "zeros that end behind the frame": Run(3, 2).emit(),
    "ends behind the frame, with contents for it": Run(0, 5, ONE + TWO + SHORT + ONE).emit(),
    "the second run ends behind the frame": Run(0, 2, TWO).emit() + Run(2, 1, ONE).emit(),
    "the second run, of zeros, ends behind the frame": Run(0, 2).emit() + Run(1, 2).emit(),
    "the greatest gap": Run(0xFFFF, 1, ONE).emit(),
    "the most sectors of zeros": Run(0, 0x7FFF).emit(),
    "gaps that come to nothing in 16 bits": Run(0, 1, ONE).emit() + Run(0xFFFF, 1, ONE).emit(),
    "a byte left over": Run(0, 1, ONE).emit() + b"\0",
}


def vectors():
    cases = [case(name, _fields(*each), body.emit(each[2])) for name, each in CASES.items()]
    rejects = [reject(name, data, _context(STONE, FRAME)) for name, data in REJECTS.items()]
    return file("body of a delta: runs of sectors, laid over a frame of the base", cases, rejects)


def _context(pattern, length):
    return {"base_repeats": pattern, "frame_length": length}


def _fields(pattern, length, runs):
    return _context(pattern, length) | {"runs": runs, "plain": body.lay(repeated(pattern, length), runs)}
