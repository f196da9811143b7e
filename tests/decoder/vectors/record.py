"""Records: versions and drafts (section 7)."""

from dataclasses import replace

from sarsen import record
from sarsen.fields import u16
from sarsen.ids import ZERO_ID
from sarsen.record import DRAFT, VERSION, Immutable, Mutable

from .case import ALGORITHMS, U64_MAX, case, file, laid_over, of_both, reject, shown, some_id

BLOCK_BYTES, FRAME_BYTES, FAN_OUT = 1 << 20, 1 << 16, 128
FIRST = Immutable(
    kind=VERSION,
    flags=0,
    group_id=bytes(16),
    start=1_700_000_000_000,
    disk_size=10 * BLOCK_BYTES + 512,
    root=ZERO_ID,
    top=some_id(1),
    base=ZERO_ID,
    disk_name=b"disk",
    snapshot_name=b"monday",
    source_identity=b"",
    hints_identity=b"",
)
SECOND = Mutable(
    flags=0,
    expiry=0,
    position=0,
    draft_top=ZERO_ID,
    bytes_read=0,
    bytes_not_zero=0,
    blocks_new=0,
    bytes_new=0,
    milliseconds=0,
    tags=(),
    attachments=(),
)
COUNTED = replace(
    SECOND,
    bytes_read=10 * BLOCK_BYTES,
    bytes_not_zero=9 * BLOCK_BYTES,
    blocks_new=8,
    bytes_new=7 * BLOCK_BYTES,
    milliseconds=6543,
)
LARGEST = replace(
    SECOND,
    flags=1,
    expiry=U64_MAX,
    bytes_read=U64_MAX,
    bytes_not_zero=U64_MAX,
    blocks_new=U64_MAX,
    bytes_new=U64_MAX,
    milliseconds=U64_MAX,
)
LONG = "é".encode() * 127 + b"x"
NAMES = dict.fromkeys(("disk_name", "snapshot_name", "source_identity", "hints_identity"), LONG)
DRAFT_FIRST = replace(FIRST, kind=DRAFT, top=ZERO_ID)
DRAFT_SECOND = replace(COUNTED, position=3 * BLOCK_BYTES, draft_top=some_id(2))
ATTACHED = (("vm.conf".encode(), b"cores: 2\n"), (b"", b""), (LONG, bytes(range(256))))
CASES = {
    "version": (FIRST, COUNTED),
    "version of an empty disk": (replace(FIRST, disk_size=0, top=ZERO_ID), SECOND),
    "version of the largest disk": (replace(FIRST, disk_size=BLOCK_BYTES << 34), SECOND),
    "version with a base, of a group, changed while read": (
        replace(FIRST, flags=1, group_id=bytes(range(1, 17)), base=some_id(3)),
        COUNTED,
    ),
    "version with the longest names": (replace(FIRST, **NAMES), SECOND),
    "version without names": (replace(FIRST, disk_name=b"", snapshot_name=b""), SECOND),
    "version by hints of rbd": (replace(FIRST, hints_source=1, hints_identity=b"pool/disk@monday"), SECOND),
    "version by hints of the caller": (replace(FIRST, hints_source=5), SECOND),
    "numbers as large as may be": (replace(FIRST, start=U64_MAX), LARGEST),
    "tags and attachments": (FIRST, replace(COUNTED, tags=(b"keep", b"", LONG), attachments=ATTACHED)),
    "as many tags as may be": (FIRST, replace(SECOND, tags=(b"t",) * 255)),
    "as many attachments as may be": (FIRST, replace(SECOND, attachments=((b"a", b""),) * 255)),
    "draft": (DRAFT_FIRST, DRAFT_SECOND),
    "draft at its start": (DRAFT_FIRST, SECOND),
}


def vectors():
    every = CASES | {"the longest of all": (FIRST, _filling(record.SIZE_MAX))}
    cases = [case(name, *_case(ids, *each)) for ids, name, each in of_both(every, ("version", "draft"))]
    return file("record payload, with its ids", cases, _rejects())


def _filling(length):
    """A mutable half that makes the record exactly that long."""
    free = length - len(record.emit(FIRST, replace(SECOND, attachments=((b"all", b""),))))
    return replace(SECOND, attachments=((b"all", b"\xa5" * free),))


def _case(ids, immutable, mutable):
    if immutable.kind == VERSION:
        immutable = replace(immutable, root=_root(ids, immutable))
    payload = record.emit(immutable, mutable)
    attachments = [{"name": name, "bytes": data} for name, data in mutable.attachments]
    fields = _settings(ids.algorithm) | {
        "immutable": shown(immutable),
        "mutable": shown(mutable) | {"attachments": attachments},
        "record_id": ids.record(payload),
        "version_id": ids.version(immutable.emit()),
    }
    return fields, payload


def _settings(algorithm):
    return {
        "digest_algorithm": algorithm,
        "block_bytes": BLOCK_BYTES,
        "frame_bytes": FRAME_BYTES,
        "fan_out": FAN_OUT,
    }


def _root(ids, immutable):
    return ids.root(immutable.disk_size, BLOCK_BYTES, FRAME_BYTES, FAN_OUT, immutable.top)


def _rejects():
    version = replace(FIRST, root=_root(ALGORITHMS[1], FIRST))
    spoilt = _halves(version) | _bytes(version) | _lengths(version)
    return [reject(name, data, _settings(1)) for name, data in spoilt.items()]


def _halves(version):
    """Fields that are emitted as asked for, though no reader may take them."""
    long = replace(version, snapshot_name=b"\xff\xfe")
    halves = {
        "kind 0": (replace(version, kind=0), SECOND),
        "kind 3": (replace(version, kind=3), SECOND),
        "an unknown flag of the immutable half": (replace(version, flags=2), SECOND),
        "an unknown flag of the mutable half": (version, replace(SECOND, flags=2)),
        "disk of more than 2^34 blocks": (replace(version, disk_size=(BLOCK_BYTES << 34) + 1), SECOND),
        "draft with a root": (replace(DRAFT_FIRST, root=some_id(1)), DRAFT_SECOND),
        "draft with a top page": (replace(DRAFT_FIRST, top=some_id(1)), DRAFT_SECOND),
        "version with a position": (version, replace(SECOND, position=1)),
        "version with the top page of a draft": (version, replace(SECOND, draft_top=some_id(1))),
        "snapshot name that is not UTF-8": (long, SECOND),
        "disk name of a surrogate": (replace(version, disk_name=b"\xed\xa0\x80"), SECOND),
        "disk name of an overlong NUL": (replace(version, disk_name=b"\xc0\x80"), SECOND),
        "disk name cut inside a character": (replace(version, disk_name=b"caf\xc3"), SECOND),
        "tag that is not UTF-8": (version, replace(SECOND, tags=(b"\x80",))),
        "attachment whose name is not UTF-8": (version, replace(SECOND, attachments=((b"\xff", b""),))),
        "longer than 16,384 bytes": (version, _filling(record.SIZE_MAX + 1)),
    }
    return {name: record.emit(*each) for name, each in halves.items()}


def _bytes(version):
    first, second = version.emit(), SECOND.emit()
    return {
        "version 0 of the immutable half": _joined(laid_over(first, 0, b"\0"), second),
        "version 2 of the immutable half": _joined(laid_over(first, 0, b"\2"), second),
        "version 2 of the mutable half": _joined(first, laid_over(second, 0, b"\2")),
        "unknown source of hints": _joined(laid_over(first, 3, b"\6"), second),
        "signed": _joined(laid_over(first, 132, b"\1"), second),
        "a field of the mutable half that must be 0": _joined(first, laid_over(second, 3, b"\1")),
        "a string ends behind the immutable half": _joined(laid_over(first, 164, b"\xff"), second),
        "a byte behind the immutable half": _joined(first + b"\0", second),
        "a byte behind the mutable half": _joined(first, second + b"\0"),
        "a tag that is not there": _joined(first, second[:-2] + b"\1\0"),
        "an attachment that is not there": _joined(first, second[:-1] + b"\1"),
        "an attachment longer than what is left": _joined(first, second[:-1] + b"\1\1a\xff\xff."),
        "no count of attachments": _joined(first, second[:-1]),
        "an empty immutable half": _joined(b"", second),
        "an empty mutable half": _joined(first, b""),
    }


def _lengths(version):
    first, second = version.emit(), SECOND.emit()
    good = _joined(first, second)
    return {
        "empty": b"",
        "cut inside its head": good[:3],
        "cut inside the immutable half": good[:100],
        "cut by its last byte": good[:-1],
        "a byte behind the halves": good + b"\0",
        "immutable half longer than the record": laid_over(good, 0, u16(65535)),
        "mutable half longer than the record": laid_over(good, 2, u16(65535)),
        "halves that share a byte": u16(len(first) + 1) + u16(len(second)) + first + second,
    }


def _joined(first, second):
    return u16(len(first)) + u16(len(second)) + first + second
