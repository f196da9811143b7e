"""Head pins (section 9)."""

import zlib

from sarsen.head_pin import HeadPin

from .case import REPOSITORY_ID, U32_MAX, U64_MAX, case, file, laid_over, reject, some_id

CASES = {
    "after a seal": HeadPin(REPOSITORY_ID, 5, 3, 8192, some_id(9)),
    "after a commit": HeadPin(REPOSITORY_ID, 6, 4, 0, some_id(8)),
    "the first": HeadPin(bytes(16), 1, 0, 0, some_id(7)),
    "everything as large as may be": HeadPin(b"\xff" * 16, U64_MAX, U32_MAX - 1, U32_MAX, b"\xff" * 32),
}


def vectors():
    cases = [case(name, pin, pin.emit()) for name, pin in CASES.items()]
    return file("head pin", cases, _spoilt(CASES["after a seal"].emit()))


def _spoilt(good):
    return [
        reject("magic", _summed(laid_over(good, 0, b"s")[:92])),
        reject("magic of a segment", _summed(laid_over(good, 0, b"SARSEN\r\n")[:92])),
        reject("a field that must be 0, its first byte", _summed(laid_over(good, 72, b"\1")[:92])),
        reject("a field that must be 0, its last byte", _summed(laid_over(good, 91, b"\1")[:92])),
        reject("CRC", laid_over(good, 92, bytes((good[92] ^ 1,)))),
        reject("too short", good[:95]),
        reject("too long", good + b"\0"),
        reject("empty", b""),
    ]


def _summed(head):
    return head + zlib.crc32(head).to_bytes(4, "little")
