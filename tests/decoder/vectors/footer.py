"""Footers: lines, filling and locator, to the end of the file (section 8)."""

from dataclasses import replace

from sarsen import entry, footer
from sarsen.entry import EntryHeader
from sarsen.ids import ZERO_ID

from .case import ALGORITHMS, case, file, laid_over, of_both, reject, some_id
from .segment_header import USUAL

SEGMENT = 3
BLOCK = EntryHeader(1, 0, 0, 0, 1000, 44, 4096, some_id(1), ZERO_ID, some_id(2))
DELTA = EntryHeader(2, 3, 1, 8, 68, 68, 640, some_id(3), some_id(4), some_id(5))
RECORD = EntryHeader(3, 0, 0, 0, 256, 256, 256, some_id(6), ZERO_ID, some_id(7))
CASES = {
    "no line": ([], 7),
    "one line": ([BLOCK], 7),
    "three lines": ([BLOCK, DELTA, RECORD], 7),
    "three lines, alignment 16": ([BLOCK, DELTA, RECORD], 4),
    "three lines, alignment 4096": ([BLOCK, DELTA, RECORD], 12),
    "a hundred lines": ([RECORD] * 100, 9),
}


def vectors():
    cases = [case(name, *_case(ids, *each)) for ids, name, each in of_both(CASES, ("no line", "three lines"))]
    return file("all from the footer entry to the end of the file", cases, _rejects())


def _repository(ids, log2_alignment=7):
    return replace(USUAL, digest_algorithm=ids.algorithm, log2_alignment=log2_alignment)


def _placed(repository, headers):
    """The headers with their offsets, and the offset behind the last."""
    placed, at = [], repository.first_entry
    for header in headers:
        placed.append((at, header))
        at += header.total_length(repository)
    return placed, at


def _case(ids, headers, log2_alignment):
    repository = _repository(ids, log2_alignment)
    placed, offset = _placed(repository, headers)
    lines = [header.line(at) for at, header in placed]
    stored = footer.emit(repository, SEGMENT, offset, lines, ids)
    fields = _context(repository, offset) | {
        "lines": [_line(at, header) for at, header in placed],
        "entries_digest": ids.entries(repository.repository_id, SEGMENT, lines),
        "footer_payload": b"".join(lines),
        "locator": stored[-footer.LOCATOR_SIZE :],
        "file_length": offset + len(stored),
    }
    return fields, stored


def _context(repository, offset):
    return {
        "digest_algorithm": repository.digest_algorithm,
        "repository_id": repository.repository_id,
        "segment": SEGMENT,
        "alignment": repository.alignment,
        "offset": offset,
    }


def _line(offset, header):
    names = "kind", "tree", "encoding", "depth", "stored_length", "raw_length", "object_id"
    return {"offset": offset} | {name: getattr(header, name) for name in names}


def _rejects():
    """None of these is a right footer of its place; all are of SHA-256 and three lines."""
    ids = ALGORITHMS[1]
    repository = _repository(ids)
    placed, offset = _placed(repository, [BLOCK, DELTA, RECORD])
    lines = [header.line(at) for at, header in placed]
    spoilt = _lines(repository, ids, lines, offset) | _locators(repository, ids, lines, offset)
    return [reject(name, data, _context(repository, offset)) for name, data in spoilt.items()]


def _lines(repository, ids, lines, offset):
    first, second, third = lines
    moved = laid_over(second, 0, (int.from_bytes(second[:4], "little") + 128).to_bytes(4, "little"))
    others = {
        "the first line missing": [second, third],
        "a line missing": [first, third],
        "the last line missing": [first, second],
        "a line twice": [first, first, second, third],
        "lines in another order": [second, first, third],
        "a line of another offset": [first, moved, third],
        "a line of another length": [first, laid_over(second, 8, b"\xff\xff"), third],
        "a line cut": [first, second, third[:-1]],
    }
    return {name: footer.emit(repository, SEGMENT, offset, each, ids) for name, each in others.items()}


def _locators(repository, ids, lines, offset):
    good = footer.emit(repository, SEGMENT, offset, lines, ids)
    at = len(good) - footer.LOCATOR_SIZE

    def located(footer_offset, count, segment=SEGMENT, locator_at=offset + at):
        id = repository.repository_id
        return good[:at] + footer.emit_locator(id, segment, locator_at, footer_offset, count)

    return {
        "locator of another count": located(offset, 4),
        "locator of another footer": located(offset - 128, 3),
        "locator that leads behind the file": located(1 << 31, 3),
        "locator of another segment": located(offset, 3, segment=4),
        "locator of another offset": located(offset, 3, locator_at=offset),
        "locator, CRC": laid_over(good, len(good) - 1, bytes((good[-1] ^ 1,))),
        "locator, magic": laid_over(good, at, b"s"),
        "footer entry, CRC": laid_over(good, 127, bytes((good[127] ^ 1,))),
        "footer payload": laid_over(good, entry.SIZE + 40, b"\0"),
        "file longer than the footer": good + b"\xff" * 128,
        "file shorter than the footer": good[:-16],
        "no locator": good[:-128],
    }
