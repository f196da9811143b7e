"""Entry headers, with their lines (section 3)."""

import zlib
from dataclasses import replace

from sarsen.entry import EntryHeader
from sarsen.ids import ZERO_ID

from .case import REPOSITORY_ID, U32_MAX, case, file, laid_over, reject, shown, some_id

SEGMENT, OFFSET = 3, 4096
BLOCK = EntryHeader(1, 0, 0, 0, 65540 + 576, 580, 1 << 20, some_id(1), ZERO_ID, some_id(3))
PAGE = EntryHeader(2, 1, 0, 0, 16 + 32 * 128, 16 + 32 * 128, 32 * 128, some_id(1), ZERO_ID, some_id(3))
DELTA = EntryHeader(2, 3, 1, 1, 24 + 44, 24 + 44, 40 * 128, some_id(1), some_id(2), some_id(3))
ON_BASE = EntryHeader(1, 0, 1, 1, 516 + 80, 80, 1 << 20, some_id(1), some_id(2), some_id(3))
RECORD = EntryHeader(3, 0, 0, 0, 300, 300, 300, some_id(1), ZERO_ID, some_id(3))
COMMIT = replace(RECORD, kind=4, stored_length=296, head_length=296, raw_length=296)
FOOTER = replace(RECORD, kind=5, stored_length=480, head_length=480, raw_length=480, object_id=ZERO_ID)
PAD = replace(FOOTER, kind=6, stored_length=384, head_length=384, raw_length=384)
LONGEST = 1 << 25
CASES = {
    "block": (BLOCK, SEGMENT, OFFSET),
    "block of one zero table": (replace(BLOCK, stored_length=44, head_length=44), SEGMENT, OFFSET),
    "block, the longest payload": (replace(BLOCK, stored_length=LONGEST, raw_length=1 << 24), SEGMENT, OFFSET),
    "block on a base, depth 1": (ON_BASE, SEGMENT, OFFSET),
    "block on a base, depth 9": (replace(ON_BASE, depth=9), SEGMENT, OFFSET),
    "block on a base, depth 31": (replace(ON_BASE, depth=31), SEGMENT, OFFSET),
    "page of a manifest": (PAGE, SEGMENT, OFFSET),
    "page of the segment table": (replace(PAGE, tree=2), SEGMENT, OFFSET),
    "page of the catalogue": (replace(PAGE, tree=3), SEGMENT, OFFSET),
    "page of the damage list": (replace(PAGE, tree=4), SEGMENT, OFFSET),
    "delta page of depth 1": (DELTA, SEGMENT, OFFSET),
    "delta page of depth 8": (replace(DELTA, depth=8), SEGMENT, OFFSET),
    "record": (RECORD, SEGMENT, OFFSET),
    "commit": (COMMIT, SEGMENT, OFFSET),
    "footer": (FOOTER, SEGMENT, OFFSET),
    "footer without lines": (replace(FOOTER, stored_length=0, head_length=0, raw_length=0), 0, 128),
    "pad": (PAD, SEGMENT, OFFSET),
    "at the last place of all": (PAD, (1 << 32) - 2, U32_MAX - 15),
}
REJECTS = {
    "kind 0": replace(RECORD, kind=0),
    "kind 7": replace(RECORD, kind=7),
    "page of tree 0": replace(PAGE, tree=0),
    "page of tree 5": replace(PAGE, tree=5),
    "block with a tree": replace(BLOCK, tree=1),
    "record with a tree": replace(RECORD, tree=3),
    "page of encoding 2": replace(PAGE, encoding=2),
    "block of encoding 2": replace(ON_BASE, encoding=2),
    "block on a base, depth 0": replace(ON_BASE, depth=0),
    "block on a base, depth 32": replace(ON_BASE, depth=32),
    "block on a base, depth 255": replace(ON_BASE, depth=255),
    "block on a base without its id": replace(ON_BASE, base_id=ZERO_ID),
    "block on a base without id and depth": replace(ON_BASE, depth=0, base_id=ZERO_ID),
    "block on a base with a tree": replace(ON_BASE, tree=1),
    "block on a base of the zero id": replace(ON_BASE, object_id=ZERO_ID),
    "block on a base, head longer than payload": replace(ON_BASE, head_length=ON_BASE.stored_length + 1),
    "record on a base": replace(RECORD, encoding=1, depth=1, base_id=some_id(2)),
    "pad on a base": replace(PAD, encoding=1, depth=1, base_id=some_id(2)),
    "whole page with a depth": replace(PAGE, depth=1),
    "whole page with a base": replace(PAGE, base_id=some_id(2)),
    "whole page with base and depth": replace(PAGE, base_id=some_id(2), depth=1),
    "whole block with a depth": replace(BLOCK, depth=1),
    "whole block with a base": replace(BLOCK, base_id=some_id(2)),
    "whole block with base and depth": replace(BLOCK, base_id=some_id(2), depth=1),
    "delta page without a base": replace(DELTA, base_id=ZERO_ID),
    "delta page of depth 0": replace(DELTA, depth=0),
    "delta page of depth 9": replace(DELTA, depth=9),
    "delta page without base and depth": replace(DELTA, depth=0, base_id=ZERO_ID),
    "payload longer than 2^25": replace(BLOCK, stored_length=LONGEST + 1),
    "block, head longer than payload": replace(BLOCK, head_length=BLOCK.stored_length + 1),
    "page, head shorter than payload": replace(PAGE, head_length=PAGE.stored_length - 1),
    "record, head shorter than payload": replace(RECORD, head_length=299),
    "record, raw length is not the stored": replace(RECORD, raw_length=301),
    "commit, raw length 0": replace(COMMIT, raw_length=0),
    "pad, head length 0": replace(PAD, head_length=0),
    "footer with an id": replace(FOOTER, object_id=some_id(1)),
    "pad with an id": replace(PAD, object_id=some_id(1)),
    "block of the zero id": replace(BLOCK, object_id=ZERO_ID),
    "page of the zero id": replace(PAGE, object_id=ZERO_ID),
    "record of the zero id": replace(RECORD, object_id=ZERO_ID),
    "commit of the zero id": replace(COMMIT, object_id=ZERO_ID),
}
CONTEXT = {"repository_id": REPOSITORY_ID, "segment": SEGMENT, "offset": OFFSET}


def vectors():
    cases = [case(name, *_case(*each)) for name, each in CASES.items()]
    rejects = [reject(name, header.emit(REPOSITORY_ID, SEGMENT, OFFSET), CONTEXT) for name, header in REJECTS.items()]
    return file("entry header at a place, and its line", cases, rejects + _spoilt() + _moved())


def _case(header, segment, offset):
    context = {"repository_id": REPOSITORY_ID, "segment": segment, "offset": offset}
    fields = context | shown(header) | {"line": header.line(offset)}
    return fields, header.emit(REPOSITORY_ID, segment, offset)


def _spoilt():
    good = RECORD.emit(REPOSITORY_ID, SEGMENT, OFFSET)
    spoilt = {
        "magic": laid_over(good, 3, b"d"),
        "a first field that must be 0": laid_over(good, 20, b"\1"),
        "a second field that must be 0": laid_over(good, 123, b"\1"),
    }
    rejects = [reject(name, _summed(data[:124]), CONTEXT) for name, data in spoilt.items()]
    rejects.append(reject("CRC", laid_over(good, 127, bytes((good[127] ^ 0x80,))), CONTEXT))
    return rejects + [reject("too short", good[:127], CONTEXT)]


def _moved():
    good = RECORD.emit(REPOSITORY_ID, SEGMENT, OFFSET)
    elsewhere = {
        "of another repository": {"repository_id": bytes(16)},
        "of another segment": {"segment": SEGMENT + 1},
        "of another offset": {"offset": OFFSET + 128},
    }
    return [reject(name, good, CONTEXT | change) for name, change in elsewhere.items()]


def _summed(head):
    place = SEGMENT.to_bytes(4, "little") + OFFSET.to_bytes(4, "little")
    return head + zlib.crc32(REPOSITORY_ID + place + head).to_bytes(4, "little")
