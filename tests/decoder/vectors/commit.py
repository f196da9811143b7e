"""Commits, and the three entries that carry one (section 8)."""

from dataclasses import replace

from sarsen import commit
from sarsen.commit import NO_ROWS, Commit, Root
from sarsen.fields import u16, u64
from sarsen.ids import ZERO_ID
from sarsen.link import Link

from .case import U32_MAX, U64_MAX, case, file, laid_over, of_both, reject, shown, some_id
from .segment_header import USUAL

FIRST = Commit(
    sequence=1,
    time=1_700_000_000_000,
    previous=ZERO_ID,
    own_segment=0,
    own_length=128,
    own_entries_digest=some_id(1),
    segment_max=0,
    segments=NO_ROWS,
    catalogue=NO_ROWS,
    damage=NO_ROWS,
    history=(),
)
LATER = replace(
    FIRST,
    sequence=7,
    previous=some_id(2),
    own_segment=3,
    own_length=8192,
    segment_max=4,
    segments=Root(3, Link(some_id(3), 3, 4096)),
    catalogue=Root(17, Link(some_id(4), 3, 4352)),
    damage=Root(1, Link(some_id(5), 2, 128)),
)
TWO = ((7, some_id(6)), (6, some_id(7)))
LARGEST = replace(
    LATER,
    sequence=U64_MAX,
    time=U64_MAX,
    own_segment=U32_MAX - 1,
    own_length=1 << 30,
    segment_max=U32_MAX - 1,
    catalogue=Root(1 << 34, Link(b"\xff" * 32, U32_MAX - 1, U32_MAX - 15)),
    history=tuple((U64_MAX - 1 - step, some_id(step)) for step in range(64)),
)
CASES = {
    "the first": (FIRST, 7),
    "a later one": (LATER, 7),
    "history of two": (replace(LATER, sequence=8, history=TWO), 7),
    "history of two, alignment 16": (replace(LATER, sequence=8, history=TWO), 4),
    "history of two, alignment 4096": (replace(LATER, sequence=8, history=TWO), 12),
    "everything as large as may be": (LARGEST, 7),
}


def vectors():
    cases = [case(name, *_case(ids, *each)) for ids, name, each in of_both(CASES, ("the first", "history of two"))]
    return file("commit payload, its id, and its three entries from own length on", cases, _rejects())


def _case(ids, each, log2_alignment):
    repository = replace(USUAL, digest_algorithm=ids.algorithm, log2_alignment=log2_alignment)
    payload = each.emit()
    stored, _ = commit.emit_pair(repository, each, ids)
    fields = (
        _context(repository)
        | shown(each)
        | {
            "history": [{"sequence": sequence, "id": id} for sequence, id in each.history],
            "commit_id": ids.commit(repository.repository_id, each.own_segment, payload),
            "second_copy": commit.second_copy(repository, len(payload), each.own_length),
            "entries": stored,
        }
    )
    return fields, payload


def _context(repository):
    return {
        "digest_algorithm": repository.digest_algorithm,
        "repository_id": repository.repository_id,
        "alignment": repository.alignment,
    }


def _rejects():
    good = replace(LATER, history=TWO).emit()
    spoilt = {
        "a first field that must be 0": laid_over(good, 92, b"\1"),
        "a last field that must be 0": laid_over(good, 247, b"\1"),
        "sequence 0": laid_over(good, 0, u64(0)),
        "the first, but with a commit before": laid_over(good, 0, u64(1)),
        "not the first, but without a commit before": laid_over(good, 16, ZERO_ID),
        "segment table of more than 2^34 rows": laid_over(good, 96, u64((1 << 34) + 1)),
        "catalogue of more than 2^34 rows": laid_over(good, 144, u64(U64_MAX)),
        "damage list of more than 2^34 rows": laid_over(good, 192, u64((1 << 34) + 1)),
        "history shorter than its count": laid_over(good, 240, u16(3)),
        "history longer than its count": laid_over(good, 240, u16(1)),
        "history of 65": replace(LATER, history=TWO * 32 + TWO[:1]).emit(),
        "count as large as may be": laid_over(good, 240, u16(65535)),
        "cut inside its head": good[:247],
        "cut by its last byte": good[:-1],
        "a byte behind the history": good + b"\0",
        "empty": b"",
    }
    return [reject(name, data, _context(USUAL)) for name, data in spoilt.items()]
