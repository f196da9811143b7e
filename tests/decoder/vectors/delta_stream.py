"""Delta streams (section 16)."""

import zlib
from dataclasses import replace

from sarsen import codec, delta_stream, streams
from sarsen.delta_stream import DATA, END, ZERO, Header, Record
from sarsen.ids import ZERO_ID

from .case import U64_MAX, case, file, laid_over, reject, shown, some_id

FRAME = 4096
HEADER = Header(
    digest_algorithm=1,
    log2_block_bytes=16,
    log2_frame_bytes=12,
    log2_fan_out=4,
    base_size=3 * FRAME,
    target_size=8 * FRAME + 100,
    base_root=some_id(1),
    target_root=some_id(2),
    start=0,
    time=1_700_000_000_000,
    disk_name=b"disk",
    snapshot_name=b"monday",
    source_identity=b"",
)
FULL = replace(HEADER, base_size=0, base_root=ZERO_ID)
LONG = "é".encode() * 127 + b"x"
NAMES = dict.fromkeys(("disk_name", "snapshot_name", "source_identity"), LONG)
LARGEST = replace(
    HEADER,
    log2_block_bytes=24,
    log2_frame_bytes=24,
    log2_fan_out=8,
    base_size=1 << 58,
    target_size=1 << 58,
    time=U64_MAX,
)
SECTOR = bytes(range(256)) * 2


def raw(offset, data):
    return DATA, codec.NONE, offset, len(data), data


def run(used_codec, offset, length):
    return DATA, used_codec, offset, length, streams.RUNS[used_codec](b"\x41", length)


def zero(offset, length):
    return ZERO, codec.NONE, offset, length, b""


CASES = {
    "nothing differs": (HEADER, []),
    "the empty disk, in full": (replace(FULL, target_size=0), []),
    "one sector": (HEADER, [raw(1024, SECTOR)]),
    "a stream in full": (FULL, [raw(0, SECTOR * 8), zero(FRAME, 7 * FRAME), raw(8 * FRAME, SECTOR[:100])]),
    "every codec": (
        HEADER,
        [
            run(codec.LZ4, 0, FRAME),
            run(codec.ZSTANDARD, FRAME, FRAME),
            run(codec.ZLIB, 2 * FRAME + 512, 1024),
            raw(4 * FRAME - 512, SECTOR),
        ],
    ),
    "zeros over frames up to the disk's end": (HEADER, [zero(FRAME - 512, 7 * FRAME + 612)]),
    "records that touch": (HEADER, [zero(512, 512), raw(1024, SECTOR), raw(1536, SECTOR), zero(2048, 512)]),
    "gone on with": (replace(HEADER, start=5 * FRAME + 512), [raw(5 * FRAME + 512, SECTOR)]),
    "gone on with at the end": (replace(HEADER, start=HEADER.target_size), []),
    "a disk that shrinks": (replace(HEADER, base_size=100 * FRAME), []),
    "a base of nothing": (replace(HEADER, base_size=0), [zero(0, 512)]),
    "the longest names": (replace(HEADER, **NAMES), []),
    "no names": (replace(HEADER, disk_name=b"", snapshot_name=b""), []),
    "numbers as large as may be": (LARGEST, [zero(0, 1 << 58)]),
    "digest algorithm 2": (replace(HEADER, digest_algorithm=2), [raw(0, SECTOR)]),
}


def numbered(header, told):
    records = [Record(number, *each) for number, each in enumerate(told)]
    return [*records, Record(len(records), END, codec.NONE, header.target_size, len(records))]


def joined(header, records):
    return header.emit() + b"".join(each.emit(header) for each in records)


def vectors():
    cases = []
    for name, (header, told) in CASES.items():
        records = numbered(header, told)
        fields = shown(header) | {"records": [shown(each) for each in records]}
        cases.append(case(name, fields, joined(header, records)))
    spoilt = _headers() | _records() | _orders() | _bytes()
    rejects = [reject(name, data, {"digest_algorithm": 1}) for name, data in spoilt.items()]
    return file("delta stream", cases, rejects)


def _summed(head):
    return head + zlib.crc32(head).to_bytes(4, "little")


def _headers():
    """Headers whose CRC is right, though no reader may take them; nothing is wrong behind them."""
    wrong = {
        "digest algorithm 0": replace(HEADER, digest_algorithm=0),
        "digest algorithm 3": replace(HEADER, digest_algorithm=3),
        "blocks of 2 KiB": replace(HEADER, log2_block_bytes=11),
        "blocks of 32 MiB": replace(HEADER, log2_block_bytes=25),
        "frames of 2 KiB": replace(HEADER, log2_frame_bytes=11),
        "frames longer than blocks": replace(HEADER, log2_frame_bytes=17),
        "fan-out 8": replace(HEADER, log2_fan_out=3),
        "fan-out 512": replace(HEADER, log2_fan_out=9),
        "base of more than 2^34 blocks": replace(HEADER, base_size=(1 << 50) + 1),
        "target of more than 2^34 blocks": replace(HEADER, target_size=(1 << 50) + 1),
        "a size without a base": replace(HEADER, base_root=ZERO_ID),
        "no target": replace(HEADER, target_root=ZERO_ID),
        "start behind the disk": replace(HEADER, start=9 * FRAME),
        "start within a sector": replace(HEADER, start=100),
        "a name that is not UTF-8": replace(HEADER, snapshot_name=b"\xff"),
    }
    patches = {"version 1": (8, b"\1"), "a flag": (14, b"\1"), "a high flag": (15, b"\x80"), "filling": (20, b"\1")}
    for name, (at, patch) in patches.items():
        wrong[name] = _Patched(laid_over(HEADER.emit()[:-4], at, patch))
    short = HEADER.emit()[:-4]
    wrong["a string ends behind the header"] = _Patched(laid_over(short, 125, b"\7"))
    wrong["a byte behind the strings"] = _Patched(laid_over(short + b"\0", 16, bytes((HEADER.size() + 1,))))
    return {f"header: {name}": joined(header, numbered(HEADER, [])) for name, header in wrong.items()}


class _Patched:
    """A header as bytes, for records that are bound to what it was."""

    base_root, target_root = HEADER.base_root, HEADER.target_root

    def __init__(self, head):
        self.head = head

    def emit(self):
        return _summed(self.head)


def _records():
    """A first record that is wrong by itself; its number and CRC are right."""
    wrong = {
        "kind 0": (0, codec.NONE, 0, 512, SECTOR),
        "kind 4": (4, codec.NONE, 0, 512, b""),
        "codec 4": (DATA, 4, 0, 512, b"a"),
        "empty data": (DATA, codec.NONE, 0, 0, b""),
        "empty zeros": zero(0, 0),
        "data from within a sector": raw(100, SECTOR),
        "data that ends within a sector": raw(0, SECTOR[:511]),
        "data over two frames": raw(FRAME - 512, SECTOR * 2),
        "data longer than a frame": raw(0, SECTOR * 9),
        "data behind the disk": raw(9 * FRAME, SECTOR),
        "data over the disk's end": raw(8 * FRAME, SECTOR),
        "zeros over the disk's end": zero(0, 8 * FRAME + 512),
        "zeros beyond all numbers": zero(512, U64_MAX),
        "zeros from within a sector": zero(1, 511),
        "raw data that is too short": (DATA, codec.NONE, 0, 1024, SECTOR),
        "raw data that is too long": (DATA, codec.NONE, 0, 512, SECTOR * 2),
        "coded data that does not shrink": (DATA, codec.ZLIB, 0, 512, SECTOR),
        "coded data without bytes": (DATA, codec.ZLIB, 0, 512, b""),
        "zeros with a codec": (ZERO, codec.LZ4, 0, 512, b""),
        "zeros with bytes": (ZERO, codec.NONE, 0, 512, b"\0"),
    }
    found = {f"record: {name}": joined(HEADER, numbered(HEADER, [each])) for name, each in wrong.items()}
    for name, at in {"the second byte": 2, "the third": 3, "filling": 32}.items():
        head = laid_over(Record(0, *zero(0, 512)).emit(HEADER)[:36], at, b"\1")
        stored = head + delta_stream.crc(HEADER, head, b"").to_bytes(4, "little")
        found[f"record: must be 0, {name}"] = HEADER.emit() + stored + numbered(HEADER, [zero(0, 512)])[1].emit(HEADER)
    return found


def _orders():
    first, second, end = numbered(HEADER, [raw(0, SECTOR), zero(1024, 512)])
    started = replace(HEADER, start=1024)
    orders = {
        "swapped": [second, first, end],
        "the first is missing": [second, end],
        "the last is missing": [first, end],
        "one twice": [first, first, second, end],
        "no end": [first, second],
        "two ends": [first, second, end, end],
        "overlapping": numbered(HEADER, [zero(0, 1024), zero(512, 1024)]),
        "descending": numbered(HEADER, [zero(1024, 512), zero(0, 512)]),
        "an end elsewhere": [replace(numbered(HEADER, [])[0], offset=HEADER.base_size)],
        "an end of another count": [replace(numbered(HEADER, [])[0], length=1)],
        "an end with bytes": [replace(numbered(HEADER, [])[0], stored=b"\0")],
        "an end with a codec": [replace(numbered(HEADER, [])[0], codec=codec.LZ4)],
    }
    found = {f"order: {name}": joined(HEADER, records) for name, records in orders.items()}
    found["order: before the start"] = joined(started, numbered(started, [zero(512, 1024)]))
    for root in ("base_root", "target_root"):
        other = replace(HEADER, **{root: some_id(9)})
        good = joined(HEADER, [first, second, end])
        found[f"order: records of another {root}"] = other.emit() + good[HEADER.size() :]
    return found


def _bytes():
    good = joined(HEADER, numbered(HEADER, [raw(0, SECTOR)]))
    size = HEADER.size()
    return {
        "empty": b"",
        "magic alone": good[:8],
        "magic of a segment": laid_over(good, 0, b"SARSEN\r\n"),
        "cut inside the header": good[: size - 1],
        "a header alone": good[:size],
        "cut inside a record": good[: size + 39],
        "cut inside stored bytes": good[: size + 100],
        "cut by its last byte": good[:-1],
        "a byte behind the end": good + b"\0",
        "header length 0": laid_over(good, 16, bytes(4)),
        "header length 126": laid_over(good, 16, bytes((126, 0, 0, 0))),
        "header length beyond the stream": laid_over(good, 16, b"\xff\xff\xff\xff"),
        "stored length beyond the stream": laid_over(good, size + 4, b"\xff\xff\xff\xff"),
        "CRC of the header": laid_over(good, size - 1, bytes((good[size - 1] ^ 1,))),
        "CRC of a record": laid_over(good, size + 36, bytes((good[size + 36] ^ 1,))),
    }
