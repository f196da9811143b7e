"""Blocks: a frame table and stored frames (section 5)."""

from dataclasses import replace

from sarsen import block, codec, streams
from sarsen.block import FrameRow

from .case import ALGORITHMS, case, file, laid_over, of_both, reject

FRAME = 4096
SHORT = b"a stone that stands by itself"
TWO_FRAMES = FRAME + len(SHORT)
TEXT = (b"a stone that stands by itself; " * 140)[:FRAME]
RUN = b"\x41" * FRAME
ZEROS = bytes(FRAME)
DELTA = b"\0\0\1\0" + TEXT[:512]
PIECES = {
    "one raw frame": ([(TEXT, codec.NONE)], FRAME),
    "one short raw frame": ([(b"\x01", codec.NONE)], FRAME),
    "zero and raw frames": ([(ZEROS, codec.NONE), (TEXT, codec.NONE)], 4 * FRAME),
    "LZ4": ([(RUN, codec.LZ4)], FRAME),
    "Zstandard": ([(RUN, codec.ZSTANDARD)], FRAME),
    "zlib": ([(RUN, codec.ZLIB)], FRAME),
    "all codecs and a zero frame": (
        [(RUN, codec.LZ4), (RUN, codec.ZSTANDARD), (ZEROS, codec.NONE), (RUN, codec.ZLIB)],
        4 * FRAME,
    ),
    "last block, its last frame short": ([(ZEROS, codec.NONE), (b"end", codec.NONE)], 4 * FRAME),
    "last block, its last frame short and compressed": (
        [(RUN, codec.ZLIB), (RUN[:1000], codec.ZLIB)],
        4 * FRAME,
    ),
}


def vectors():
    cases = [case(name, *_block(ids, *each)) for ids, name, each in of_both(PIECES, ("one short raw frame", "LZ4"))]
    return file("block payload: frame table and stored frames", cases, _rejects())


def _block(ids, pieces, block_bytes):
    rows, stored = _rows_and_bytes(ids, pieces)
    table = block.emit_table(rows)
    raw_length = sum(len(plain) for plain, _ in pieces)
    fields = _context(ids, block_bytes, len(table), raw_length)
    fields["frames"] = rows
    fields["plain"] = b"".join(plain for plain, _ in pieces)
    fields["block_id"] = ids.block(raw_length, FRAME, [row.id_digest() for row in rows])
    return fields, table + stored


def _context(ids, block_bytes, head_length, raw_length):
    return {
        "digest_algorithm": ids.algorithm,
        "block_bytes": block_bytes,
        "frame_bytes": FRAME,
        "head_length": head_length,
        "raw_length": raw_length,
    }


def _rows_and_bytes(ids, pieces):
    rows, stored = [], b""
    for index, (plain, used) in enumerate(pieces):
        laid = streams.RUNS[used](plain[:1], len(plain)) if used else plain
        rows.append(block.frame_row(ids, index, plain, used, laid))
        stored += laid if any(plain) else b""
    return rows, stored


def _rejects():
    """All of SHA-256, and of a zero frame and a short raw one, where nothing else is said."""
    ids = ALGORITHMS[1]
    return [_reject(ids, name, *each) for name, each in (_tables(ids) | _payloads(ids) | _streams(ids)).items()]


def _reject(ids, name, table, stored, raw_length=TWO_FRAMES):
    return reject(name, table + stored, _context(ids, 4 * FRAME, len(table), raw_length))


def _tables(ids):
    zero, raw = FrameRow(0, block.ZERO, 0, 0), block.frame_row(ids, 1, SHORT)
    good = block.emit_table([zero, raw])
    stored = ids.digest(bytes(20))
    emit = block.emit_table
    return {
        "a frame not listed": (emit([raw]), SHORT),
        "a frame too many": (emit([zero, raw, FrameRow(2, 0, 0, 0)]), SHORT),
        "no frame listed": (emit([]), b""),
        "indexes descend": (emit([raw, zero]), SHORT),
        "an index twice": (emit([FrameRow(1, 0, 0, 0), raw]), SHORT),
        "an index skipped": (emit([zero, replace(raw, index=2)]), SHORT),
        "count says more than there is": (laid_over(good, 0, b"\3"), SHORT),
        "count says less than there is": (laid_over(good, 0, b"\1"), SHORT),
        "a field that must be 0": (laid_over(good, 2, b"\1"), SHORT),
        "kind 2 without a base": (emit([block.delta_row(ids, 0, RUN, 516, 0, DELTA), raw]), DELTA + SHORT),
        "kind 3": (emit([FrameRow(0, 3, 0, 0), raw]), SHORT),
        "codec 4": (emit([FrameRow(0, 1, 4, 20, ids.digest(RUN), stored), raw]), bytes(20) + SHORT),
        "zero frame with a codec": (emit([FrameRow(0, 0, 1, 0), raw]), SHORT),
        "zero frame that stores a byte": (emit([FrameRow(0, 0, 0, 1), raw]), b"\0" + SHORT),
        "table cut inside a row": (good[:-1], SHORT),
        "table cut inside its head": (good[:3], SHORT),
        "a byte behind the rows": (good + b"\0", SHORT),
    }


def _payloads(ids):
    zero, raw = FrameRow(0, block.ZERO, 0, 0), block.frame_row(ids, 1, SHORT)
    good = block.emit_table([zero, raw])
    zeros = replace(raw, plain_digest=ids.digest(bytes(len(SHORT))))
    nameless = replace(raw, plain_digest=bytes(32))
    return {
        "stored bytes missing": (good, SHORT[:-1]),
        "stored bytes left over": (good, SHORT + b"\0"),
        "plain digest of a raw frame": (good, laid_over(SHORT, 0, b"b")),
        "whole frame of zeros": (block.emit_table([zero, zeros]), bytes(len(SHORT))),
        "whole frame of zeros and of the zero id": (block.emit_table([zero, nameless]), bytes(len(SHORT))),
        "raw frame shorter than the frame": (good, SHORT, TWO_FRAMES + 1),
        "raw frame longer than the frame": (good, SHORT, TWO_FRAMES - 1),
        "raw length 0": (block.emit_table([]), b"", 0),
        "raw length above the block": (good, SHORT, 4 * FRAME + 1),
        "raw length of one frame more": (good, SHORT, 2 * FRAME + 1),
        "raw length of one frame less": (good, SHORT, FRAME),
    }


def _streams(ids):
    cases = {}
    for used, run in streams.RUNS.items():
        for name, stored in _spoilt(run).items():
            cases[f"codec {used}, {name}"] = _table_of(ids, used, stored), stored, FRAME
        good = run(b"\x41", FRAME)
        cases[f"codec {used}, plain digest"] = _table_of(ids, used, good, plain=TEXT), good, FRAME
        cases[f"codec {used}, stored digest"] = _table_of(ids, used, good), good[:-1] + b"\0", FRAME
    long = TEXT[:-1] + b"\1"
    cases["codec 1, as long as the frame"] = _table_of(ids, 1, long), long, FRAME
    cases["codec 1, nothing stored"] = _table_of(ids, 1, b""), b"", FRAME
    return cases


def _table_of(ids, used, stored, plain=RUN):
    return block.emit_table([FrameRow(0, block.WHOLE, used, len(stored), ids.digest(plain), ids.digest(stored))])


def _spoilt(run):
    good = run(b"\x41", FRAME)
    return {
        "one byte too many": run(b"\x41", FRAME + 1),
        "one byte too few": run(b"\x41", FRAME - 1),
        "cut": good[:-1],
        "bytes behind the end": good + b"\0",
        "two of them": good + good,
        "not such a stream": b"\xee" * 40,
    }
