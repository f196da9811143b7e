"""Blocks on a base: tables of some frames, and deltas (section 5)."""

from dataclasses import replace

from sarsen import block, body, codec, streams
from sarsen.block import FrameRow
from sarsen.body import Run

from .case import ALGORITHMS, case, file, laid_over, of_both, reject, repeated

FRAME = 4096
RAW = FRAME + 1300
STONE = b"a stone that stands by itself; "
BASE = repeated(STONE, RAW)
SHORT = 1300
ONE = b"\x41" * 512
TWO_RUNS = [Run(0, 1, ONE), Run(1, 1, ONE[:276])]
# A head of four bytes and then one byte repeated: what the streams laid by hand can hold.
COMPRESSIBLE = [Run(0, 2, ONE * 2)]


def vectors():
    each_case = of_both(_cases(), ("some sectors of a short frame", "LZ4"))
    cases = [case(name, *_case(ids, *each)) for ids, name, each in each_case]
    return file("payload of a block on a base", cases, _rejects())


def _cases():
    """What the base repeats up to which length, and how each listed frame is stored: zero, whole, or as runs."""
    return {
        "some sectors of a short frame": (STONE, SHORT, {0: (TWO_RUNS, codec.NONE)}),
        "LZ4": (STONE, SHORT, {0: (COMPRESSIBLE, codec.LZ4)}),
        "Zstandard": (STONE, SHORT, {0: (COMPRESSIBLE, codec.ZSTANDARD)}),
        "zlib": (STONE, SHORT, {0: (COMPRESSIBLE, codec.ZLIB)}),
        "a zero frame": (STONE, RAW, {1: (None, codec.NONE)}),
        "a whole frame": (STONE, RAW, {1: (b"\1" * SHORT, codec.NONE)}),
        "a whole frame of a codec": (STONE, RAW, {1: (b"\1" * SHORT, codec.ZLIB)}),
        "a delta of the first frame only": (STONE, RAW, {0: ([Run(7, 1, ONE)], codec.NONE)}),
        "a delta of the last frame only": (STONE, RAW, {1: ([Run(2, 1, ONE[:276])], codec.NONE)}),
        "every frame": (STONE, RAW, {0: ([Run(3, 2)], codec.NONE), 1: (TWO_RUNS, codec.NONE)}),
        "a delta on zeros": (b"\0", SHORT, {0: (TWO_RUNS, codec.NONE)}),
        "a delta that changes nothing": (STONE, SHORT, {0: ([Run(0, 1, BASE[:512])], codec.NONE)}),
    }


def _case(ids, pattern, length, changes):
    listed, plain = _listed(ids, repeated(pattern, length), changes)
    rows = [row for row, _ in listed]
    table = block.emit_table(rows)
    fields = _context(ids, len(table), pattern, length)
    digests = [ids.frame(frame) for frame in _frames(plain)]
    fields |= {"frames": rows, "plain": plain, "block_id": ids.block(length, FRAME, digests)}
    return fields, table + b"".join(stored for _, stored in listed)


def _context(ids, head_length, pattern, length):
    return {
        "digest_algorithm": ids.algorithm,
        "block_bytes": 4 * FRAME,
        "frame_bytes": FRAME,
        "head_length": head_length,
        "raw_length": length,
        "base_repeats": pattern,
    }


def _frames(plain):
    return [plain[at : at + FRAME] for at in range(0, len(plain), FRAME)]


def _listed(ids, base, changes):
    """Rows with their stored bytes, and what becomes of the base."""
    frames, listed = _frames(base), []
    for index, (change, used) in changes.items():
        if isinstance(change, list):
            frames[index] = body.lay(frames[index], change)
            listed.append(_delta(ids, index, frames[index], change, used))
            continue
        frames[index] = change or bytes(len(frames[index]))
        stored = _coded(frames[index], used) if change else b""
        listed.append((block.frame_row(ids, index, frames[index], used, stored), stored))
    return listed, b"".join(frames)


def _delta(ids, index, plain, runs, used):
    laid = body.emit(runs)
    stored = _coded(laid, used, 4)
    return block.delta_row(ids, index, plain, len(laid), used, stored), stored


def _coded(data, used, head=0):
    return streams.RUNS[used](data[head : head + 1], len(data), data[:head]) if used else data


def _rejects():
    """All of SHA-256, on a base of a whole frame and a short one. The sums that are not spoilt are right."""
    ids = ALGORITHMS[1]
    return [_reject(ids, name, *each) for name, each in (_tables(ids) | _lengths(ids) | _contents(ids)).items()]


def _reject(ids, name, rows, stored):
    table = rows if isinstance(rows, bytes) else block.emit_table(rows)
    return reject(name, table + stored, _context(ids, len(table), STONE, RAW))


def _good(ids):
    """A delta of the short frame, its stored bytes, and the frame that results."""
    plain = body.lay(BASE[FRAME:], TWO_RUNS)
    return *_delta(ids, 1, plain, TWO_RUNS, codec.NONE), plain


def _tables(ids):
    row, stored, _ = _good(ids)
    zero, table = FrameRow(0, block.ZERO, 0, 0), block.emit_table([row])
    return {
        "no frame listed": ([], b""),
        "a frame the block has not": ([replace(row, index=2)], stored),
        "a frame listed twice": ([row, row], stored * 2),
        "indexes descend": ([row, zero], stored),
        "more rows than frames": ([zero, row, row], stored * 2),
        "count says more than there is": (laid_over(table, 0, b"\2"), stored),
        "count says less than there is": (laid_over(block.emit_table([zero, row]), 0, b"\1"), stored),
        "a field that must be 0": (laid_over(table, 3, b"\1"), stored),
        "kind 3": ([replace(row, kind=3)], stored),
        "codec 4": ([replace(row, codec=4)], stored),
        "row cut": (table[:-1], stored),
        "a byte behind the rows": (table + b"\0", stored),
        "delta without a body length": (table[:12] + table[16:], stored),
        "stored bytes missing": ([row], stored[:-1]),
        "stored bytes left over": ([row], stored + b"\0"),
        "zero frame with a codec": ([replace(zero, codec=1)], b""),
        "zero frame that stores a byte": ([replace(zero, stored_length=1)], b"\0"),
        "raw frame shorter than the frame": ([block.frame_row(ids, 1, b"\1" * 1299)], b"\1" * 1299),
    }


def _lengths(ids):
    row, stored, plain = _good(ids)
    whole = body.emit([Run(0, 3, plain)])
    frame = whole[:SHORT]
    packed = _coded(body.emit(COMPRESSIBLE), codec.ZLIB, 4)
    coded = block.delta_row(ids, 1, plain, 1028, codec.ZLIB, packed)
    return {
        "delta of nothing": ([block.delta_row(ids, 1, plain, 0, codec.NONE, b"")], b""),
        "body as long as the frame": ([block.delta_row(ids, 1, plain, SHORT, codec.NONE, frame)], frame),
        "body longer than the frame": ([block.delta_row(ids, 1, plain, len(whole), codec.NONE, whole)], whole),
        "raw body shorter than its length": ([replace(row, body_length=row.body_length + 1)], stored),
        "raw body longer than its length": ([replace(row, body_length=row.body_length - 1)], stored),
        "coded body, nothing stored": ([block.delta_row(ids, 1, plain, 1028, codec.ZLIB, b"")], b""),
        "coded body of no length": ([replace(coded, body_length=0)], packed),
        "coded body as long as the frame": ([replace(coded, body_length=SHORT)], packed),
        "coded body that did not shrink": ([replace(coded, body_length=len(packed))], packed),
        "coded body, one byte more": ([replace(coded, body_length=1029)], packed),
        "coded body, one byte less": ([replace(coded, body_length=1027)], packed),
    }


def _contents(ids):
    row, stored, plain = _good(ids)
    cases = {
        "stored digest": ([row], stored[:-1] + b"\0"),
        "raw frame of another digest": ([block.frame_row(ids, 1, BASE[FRAME:])], BASE[:SHORT]),
        "whole frame of zeros": ([FrameRow(1, block.WHOLE, codec.NONE, SHORT, ids.digest(bytes(SHORT)))], bytes(SHORT)),
        "a run without sectors": _raw(ids, plain, b"\0\0\0\0"),
        "a body that ends behind the frame": _raw(ids, plain, body.emit([Run(2, 2)])),
        "a body of three bytes": _raw(ids, plain, b"\0\0\1"),
        "contents cut": _raw(ids, plain, stored[:-1]),
        "a result of another digest": ([replace(row, plain_digest=ids.digest(BASE))], stored),
        "a result of zeros": _raw(ids, bytes(SHORT), body.emit([Run(0, 3)])),
        "a result of zeros and of the zero id": (
            [replace(_raw(ids, bytes(SHORT), body.emit([Run(0, 3)]))[0][0], plain_digest=bytes(32))],
            body.emit([Run(0, 3)]),
        ),
    }
    for used in streams.RUNS:
        cases |= {f"codec {used}, {name}": each for name, each in _coded_contents(ids, plain, used).items()}
    return cases


def _raw(ids, plain, laid):
    return [block.delta_row(ids, 1, plain, len(laid), codec.NONE, laid)], laid


def _coded_contents(ids, plain, used):
    laid = body.emit(COMPRESSIBLE)
    good = _coded(laid, used, 4)
    result = body.lay(BASE[FRAME:], COMPRESSIBLE)
    behind = _coded(laid_over(laid, 0, b"\2"), used, 4)

    def of(stored):
        return [block.delta_row(ids, 1, result, len(laid), used, stored)], stored

    return {
        "stored digest": (of(good)[0], good[:-1] + b"\1"),
        "cut": of(good[:-1]),
        "bytes behind the end": of(good + b"\0"),
        "not such a stream": of(b"\xee" * 40),
        "a body that ends behind the frame": of(behind),
        "a result of another digest": ([block.delta_row(ids, 1, plain, len(laid), used, good)], good),
    }
