"""Pages, whole and as deltas, of each of the four trees (section 6)."""

from sarsen import link, page, row
from sarsen.fields import u16, u32
from sarsen.link import NOWHERE, Link
from sarsen.page import Run, Shape
from sarsen.row import DamageRow, SegmentRow

from .case import ALGORITHMS, U32_MAX, U64_MAX, case, file, laid_over, reject, shown, some_id

LINKS = [Link(some_id(1), 0, 128), NOWHERE, Link(some_id(2), U32_MAX - 1, U32_MAX - 15), Link(some_id(3), 2, 4096)]
IDS = [some_id(1), bytes(32), some_id(2), b"\xff" * 32]
SEGMENT_ROWS = [
    SegmentRow(1 << 20, 1, 1 << 19, some_id(5)),
    SegmentRow(0, 0, 0, bytes(32)),
    SegmentRow(4096, 0, 4096, some_id(6)),
    SegmentRow(1 << 30, 1, U32_MAX, some_id(7)),
]
DAMAGE_ROWS = [
    DamageRow(0, 128, 4096, 1_700_000_000_000, some_id(5)),
    DamageRow(0, 0, 0, 0, bytes(32)),
    DamageRow(U32_MAX - 1, U32_MAX - 15, U32_MAX, U64_MAX, b"\xff" * 32),
    DamageRow(3, 256, 128, 1, some_id(6)),
]
LEAVES = {row.MANIFEST: IDS, row.SEGMENTS: SEGMENT_ROWS, row.CATALOGUE: LINKS, row.DAMAGE: DAMAGE_ROWS}
NAMES = {row.MANIFEST: "manifest", row.SEGMENTS: "segments", row.CATALOGUE: "catalogue", row.DAMAGE: "damage"}
FAN_OUT = 16
BASE_PLACE = (2, 8192)


def vectors():
    cases = [*_brief(ALGORITHMS[1]), *_cases(ALGORITHMS[1]), *_brief(ALGORITHMS[2])]
    return file("page payload, with the page's rows and id", cases, _whole_rejects() + _delta_rejects())


def _brief(ids):
    """What is told of both algorithms: they differ in the page's id only."""
    for tree in LEAVES:
        yield _whole(ids, "leaf page", Shape(tree, 0, 4), LEAVES[tree])
        yield _delta(ids, "delta of one row", Shape(tree, 0, 4), LEAVES[tree], 4, {2: LEAVES[tree][:1]})


def _cases(ids):
    for tree in LEAVES:
        yield _whole(ids, "leaf page of one row", Shape(tree, 0, 1), LEAVES[tree][:1])
        yield _whole(ids, "full leaf page", Shape(tree, 0, 16), LEAVES[tree] * 4)
        yield _whole(ids, "upper page", Shape(tree, 1, 49), _upper(tree))
        yield _whole(ids, "page of the largest tree", Shape(tree, 8, 1 << 34), _upper(tree))
        leaf, upper = LEAVES[tree], _upper(tree)
        yield _delta(ids, "delta that grows", Shape(tree, 0, 6), leaf, 4, {1: leaf[:1], 4: leaf[2:3]})
        yield _delta(ids, "delta that shrinks", Shape(tree, 0, 2), leaf, 4, {0: leaf[2:3]})
        runs = {0: upper[:1], 1: upper[2:]}
        yield _delta(ids, "delta, two runs that touch", Shape(tree, 1, 64), upper, 49, runs)
    yield _whole(ids, "widest leaf page", Shape(row.MANIFEST, 0, 256), IDS * 64, 256)


def _upper(tree):
    return IDS if tree == row.MANIFEST else LINKS


def _whole(ids, name, shape, rows, fan_out=FAN_OUT):
    stored = _bytes(rows)
    fields = _fields(ids, shape, rows, fan_out) | {"encoding": 0}
    return case(_title(ids, name, shape), fields, page.emit_whole(shape, stored))


def _delta(ids, name, shape, base_rows, base_span, runs):
    place = page.BY_ID if shape.tree == row.MANIFEST else BASE_PLACE
    laid = [Run(first, _bytes(rows)) for first, rows in runs.items()]
    result = page.lay(_bytes(base_rows), laid, shape, FAN_OUT)
    fields = _fields(ids, shape, _parsed(shape, result), FAN_OUT) | {
        "encoding": 1,
        "base_segment": place[0],
        "base_offset": place[1],
        "base_span": base_span,
        "base_rows": _shown(base_rows),
        "runs": [{"first_row": first, "count": len(rows), "rows": _shown(rows)} for first, rows in runs.items()],
    }
    return case(_title(ids, name, shape), fields, page.emit_delta(shape, place, laid))


def _title(ids, name, shape):
    return f"{name}, {NAMES[shape.tree]}, algorithm {ids.algorithm}"


def _fields(ids, shape, rows, fan_out):
    stored = _bytes(rows)
    return {
        "digest_algorithm": ids.algorithm,
        "fan_out": fan_out,
        "tree": shape.tree,
        "level": shape.level,
        "span": shape.span,
        "rows": _shown(rows),
        "page_id": ids.page(shape.tree, shape.level, fan_out, shape.span, stored),
    }


def _bytes(rows):
    return b"".join(each if isinstance(each, bytes) else each.emit() for each in rows)


def _shown(rows):
    return [{"id": each} if isinstance(each, bytes) else shown(each) for each in rows]


def _parsed(shape, stored):
    """Rows as records again, so that the outcome of a delta is shown like any other page."""
    split = page.split(shape, stored)
    if shape.tree == row.MANIFEST:
        return split
    if shape.level == 0 and shape.tree == row.SEGMENTS:
        return [row.parse_segment(each) for each in split]
    if shape.level == 0 and shape.tree == row.DAMAGE:
        return [row.parse_damage(each) for each in split]
    return [link.parse(each) for each in split]


def _whole_rejects():
    tree, rows = row.CATALOGUE, _bytes(LINKS)
    good = page.emit_whole(Shape(tree, 0, 4), rows)
    five = _bytes(LINKS + LINKS[:1])
    footer_2 = page.emit_whole(Shape(row.SEGMENTS, 0, 4), laid_over(_bytes(SEGMENT_ROWS), 4, b"\2"))
    damage = page.emit_whole(Shape(row.DAMAGE, 0, 4), laid_over(_bytes(DAMAGE_ROWS), 12, b"\1"))
    return [
        _reject("level 9", tree, 0, page.emit_whole(Shape(tree, 9, 1 << 34), rows)),
        _reject("a field that must be 0, its first byte", tree, 0, laid_over(good, 1, b"\1")),
        _reject("a field that must be 0, its last byte", tree, 0, laid_over(good, 7, b"\1")),
        _reject("span 0", tree, 0, page.emit_whole(Shape(tree, 0, 0), b"")),
        _reject("span above the fan-out", tree, 0, page.emit_whole(Shape(tree, 0, 17), rows * 3 + five)),
        _reject("span of more than 2^34", tree, 0, page.emit_whole(Shape(tree, 8, (1 << 34) + 1), five)),
        _reject("span as large as may be", tree, 0, page.emit_whole(Shape(tree, 0, U64_MAX), rows)),
        _reject("a row missing", tree, 0, good[:-40]),
        _reject("a row cut", tree, 0, good[:-1]),
        _reject("a byte behind the rows", tree, 0, good + b"\0"),
        _reject("a row too many", tree, 0, good + _bytes(LINKS[:1])),
        _reject("rows of another size", row.SEGMENTS, 0, good),
        _reject("payload cut inside its head", tree, 0, good[:15]),
        _reject("segment row of footer 2", row.SEGMENTS, 0, footer_2),
        _reject("damage row, a field that must be 0", row.DAMAGE, 0, damage),
    ]


def _delta_rejects():
    one = _bytes(LINKS[:1])
    runs = {
        "no run": b"",
        "empty run": _run(1, 0, b""),
        "empty run behind another": _run(0, 1, one) + _run(1, 0, b""),
        "runs descend": _run(2, 1, one) + _run(0, 1, one),
        "runs overlap": _run(0, 2, one * 2) + _run(1, 1, one),
        "the same row twice": _run(1, 1, one) + _run(1, 1, one),
        "run begins behind the page": _run(4, 1, one),
        "run ends behind the page": _run(3, 2, one * 2),
        "run as large as may be": _run(65535, 65535, one),
        "run cut inside a row": _run(0, 1, one[:-1]),
        "run cut inside its head": _run(0, 1, one) + b"\3\0\1",
        "bytes behind the last run": _run(0, 1, one) + b"\0",
    }
    tree = row.CATALOGUE
    rejects = [_reject(name, tree, 1, _delta_head(tree, BASE_PLACE) + stored) for name, stored in runs.items()]
    manifest = row.MANIFEST
    placed = _delta_head(manifest, BASE_PLACE) + _run(0, 1, some_id(1))
    half = _delta_head(manifest, (U32_MAX, 0)) + _run(0, 1, some_id(1))
    return rejects + [
        _reject("manifest page whose base has a place", manifest, 1, placed),
        _reject("manifest page whose base has half a place", manifest, 1, half),
        _reject("delta cut inside its place", tree, 1, _delta_head(tree, BASE_PLACE)[:-1]),
    ]


def _delta_head(tree, place):
    return page.emit_whole(Shape(tree, 0, 4), b"") + u32(place[0]) + u32(place[1])


def _run(first, count, rows):
    return u16(first) + u16(count) + rows


def _reject(name, tree, encoding, data):
    return reject(name, data, {"digest_algorithm": 1, "fan_out": FAN_OUT, "tree": tree, "encoding": encoding})
