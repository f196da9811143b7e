"""CRC-32, as every record uses it."""

import zlib

from .case import case, file

TEXTS = {
    "nothing": b"",
    "one zero": b"\0",
    "the check value of CRC catalogues": b"123456789",
    "text": b"The quick brown fox jumps over the lazy dog",
    "erased flash": b"\xff" * 32,
    "every byte": bytes(range(256)),
}


def vectors():
    cases = [case(name, {"crc": zlib.crc32(data)}, data) for name, data in TEXTS.items()]
    return file("CRC-32 of the bytes", cases, [])
