"""Ids: what names an object, and the digests it is made of (section 4)."""

import hashlib

from .bad import Missing
from .fields import u64

ZERO_ID = bytes(32)
SHA_256, BLAKE3 = 1, 2
PAGE_NAMES = {1: b"sarsen page", 2: b"sarsen segments", 3: b"sarsen catalogue", 4: b"sarsen damage"}


def _sha_256(data):
    return hashlib.sha256(data).digest()


def _blake3():
    try:
        import blake3
    except ImportError:
        raise Missing("this repository uses BLAKE3: pip install blake3") from None
    return lambda data: blake3.blake3(data).digest()


class Ids:
    """The ids of one digest algorithm."""

    def __init__(self, algorithm):
        self.algorithm = algorithm
        self.digest = _sha_256 if algorithm == SHA_256 else _blake3()

    def frame(self, data):
        return self.digest(data) if any(data) else ZERO_ID

    def block(self, raw_length, frame_bytes, frame_digests):
        if not any(map(any, frame_digests)):
            return ZERO_ID
        return self.digest(b"sarsen block" + u64(raw_length) + u64(frame_bytes) + b"".join(frame_digests))

    def page(self, tree, level, fan_out, span, rows):
        if not any(rows):
            return ZERO_ID
        return self.digest(PAGE_NAMES[tree] + u64(level) + u64(fan_out) + u64(span) + rows)

    def root(self, disk_size, block_bytes, frame_bytes, fan_out, top):
        numbers = u64(disk_size) + u64(block_bytes) + u64(frame_bytes) + u64(fan_out) + u64(self.algorithm)
        return self.digest(b"sarsen root" + numbers + top)

    def record(self, payload):
        return self.digest(b"sarsen record" + payload)

    def version(self, immutable_half):
        return self.digest(b"sarsen version" + immutable_half)

    def commit(self, repository_id, segment, payload):
        return self.digest(b"sarsen commit" + repository_id + u64(segment) + payload)

    def entries(self, repository_id, segment, lines):
        """The entries digest of section 3, of lines as stored."""
        return self.digest(b"sarsen entries" + repository_id + u64(segment) + b"".join(lines))
