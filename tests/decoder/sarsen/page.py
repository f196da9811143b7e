"""Page: the payload of a page entry, whole or as a delta (section 6)."""

from dataclasses import dataclass

from . import row as rows_of
from .bad import need
from .fields import U32_MAX, Fields, u8, u16, u32, u64

WHOLE, DELTA = range(2)
LEVEL_MAX = 8
ROWS_MAX = 1 << 34
BY_ID = (U32_MAX, U32_MAX)


@dataclass(frozen=True)
class Shape:
    """What a page's place in its tree says about it."""

    tree: int
    level: int
    span: int

    def row_size(self):
        return rows_of.size(self.tree, self.level)

    def row_count(self, fan_out):
        return self.span if self.level == 0 else -(-self.span // fan_out**self.level)

    def raw_length(self, fan_out):
        return self.row_size() * self.row_count(fan_out)


@dataclass(frozen=True)
class Run:
    first_row: int
    rows: bytes


def top_level(row_count, fan_out):
    """The smallest h with F^(h+1) >= n, of an array that is not empty."""
    level = 0
    while fan_out ** (level + 1) < row_count:
        level += 1
    return level


def span_at(level, position, row_count, fan_out):
    reach = fan_out ** (level + 1)
    return min(reach, row_count - position * reach)


def _head(shape):
    return u8(shape.level) + bytes(7) + u64(shape.span)


def emit_whole(shape, rows):
    return _head(shape) + rows


def emit_delta(shape, base_place, runs):
    segment, offset = base_place
    size = shape.row_size()
    laid = b"".join(u16(run.first_row) + u16(len(run.rows) // size) + run.rows for run in runs)
    return _head(shape) + u32(segment) + u32(offset) + laid


def parse_shape(fields, tree, fan_out):
    level = fields.u8()
    fields.zeros(7)
    span = fields.u64()
    need(level <= LEVEL_MAX, "page: level")
    need(0 < span <= min(ROWS_MAX, fan_out ** (level + 1)), "page: span")
    return Shape(tree, level, span)


def parse_whole(payload, tree, fan_out):
    fields = Fields(payload)
    shape = parse_shape(fields, tree, fan_out)
    rows = fields.take(shape.raw_length(fan_out))
    fields.done()
    check_rows(shape, rows)
    return shape, rows


def parse_delta(payload, tree, fan_out):
    """Shape, place of the base, and runs."""
    fields = Fields(payload)
    shape = parse_shape(fields, tree, fan_out)
    place = fields.u32(), fields.u32()
    need(tree != rows_of.MANIFEST or place == BY_ID, "delta page: place of a manifest's base")
    need(fields.left() > 0, "delta page: no run")
    return shape, place, _parse_runs(fields, shape, fan_out)


def _parse_runs(fields, shape, fan_out):
    runs, next_row = [], 0
    while fields.left() > 0:
        first_row, count = fields.u16(), fields.u16()
        need(count > 0, "delta page: empty run")
        need(first_row >= next_row, "delta page: runs overlap or descend")
        next_row = first_row + count
        need(next_row <= shape.row_count(fan_out), "delta page: a run ends behind the page")
        runs.append(Run(first_row, fields.take(count * shape.row_size())))
    return runs


def lay(base_rows, runs, shape, fan_out):
    """The rows of a delta page, from those of its base."""
    length, size = shape.raw_length(fan_out), shape.row_size()
    rows = bytearray(base_rows[:length].ljust(length, b"\0"))
    for run in runs:
        start = run.first_row * size
        rows[start : start + len(run.rows)] = run.rows
    return bytes(rows)


def split(shape, rows):
    size = shape.row_size()
    return [rows[at : at + size] for at in range(0, len(rows), size)]


_LEAF_RULES = {rows_of.SEGMENTS: rows_of.parse_segment, rows_of.DAMAGE: rows_of.parse_damage}


def check_rows(shape, rows):
    rule = _LEAF_RULES.get(shape.tree) if shape.level == 0 else None
    if rule:
        for stored in split(shape, rows):
            rule(stored)
