"""Streams: one repeated byte, behind a few others where there is a head, as each codec stores it.

Laid by hand from the codecs' own documents, so that what is built from them stays the same
whatever version of a compressor is installed.
"""

import zlib

from . import codec


def lz4_run(byte, length, head=b""):
    """Up to 15 literals, one match of distance 1, and the five literals an LZ4 block must end with."""
    literals = head + byte
    rest = length - len(literals) - 5 - 4 - 15
    extra = b"\xff" * (rest // 255) + bytes((rest % 255,))
    return bytes((len(literals) << 4 | 15,)) + literals + b"\x01\x00" + extra + b"\x50" + byte * 5


def zstandard_run(byte, length, head=b""):
    """A single-segment frame whose size takes two bytes, a raw block of the head, and one run-length block."""
    size = (length - 256).to_bytes(2, "little")
    raw = (len(head) << 3).to_bytes(3, "little") + head if head else b""
    run = (1 | 1 << 1 | (length - len(head)) << 3).to_bytes(3, "little")
    return b"\x28\xb5\x2f\xfd\x60" + size + raw + run + byte


def zlib_run(byte, length, head=b""):
    """One block of fixed Huffman codes: literals, then matches of distance 1."""
    bits = [1, 1, 0] + sum(map(_literal, head + byte), [])
    longest, rest = divmod(length - len(head) - 1, 258)
    bits += (_high_first(0xC5, 8) + [0] * 5) * longest
    bits += _literal(byte[0]) * rest + [0] * 7
    plain = head + byte * (length - len(head))
    return b"\x78\x01" + _packed(bits) + zlib.adler32(plain).to_bytes(4, "big")


def _literal(value):
    return _high_first(0x30 + value, 8) if value < 144 else _high_first(0x190 + value - 144, 9)


def _high_first(code, width):
    return [code >> place & 1 for place in reversed(range(width))]


def _packed(bits):
    return bytes(sum(bit << place for place, bit in enumerate(bits[at : at + 8])) for at in range(0, len(bits), 8))


RUNS = {codec.LZ4: lz4_run, codec.ZSTANDARD: zstandard_run, codec.ZLIB: zlib_run}
