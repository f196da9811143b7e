"""Writer: lays down whole repositories in memory, session by session (section 8).

It has no power cuts, no reuse and no search for what is stored already: whoever uses it says what is written.
"""

from . import block, codec, commit, entry, footer, page, record, row
from .entry import EntryHeader
from .head_pin import HeadPin
from .ids import ZERO_ID, Ids
from .link import NOWHERE, Link
from .medium import Medium
from .page import Run, Shape
from .row import SegmentRow


class Writer:
    def __init__(self, settings):
        self.settings = settings
        self.ids = Ids(settings.digest_algorithm)
        self.segments = {}
        self.lines = []
        self.rows = {}
        self.row_behind = None
        self.catalogue = []
        self.catalogue_root = commit.NO_ROWS
        self.damage = []
        self.commits = []
        self.pin = None

    @property
    def number(self):
        return len(self.segments) - 1

    @property
    def data(self):
        return self.segments[self.number]

    def medium(self):
        return Medium(dict(self.segments), self.pin)

    def begin(self):
        """Begins a session: a new segment, and a row for the one in which the last commit lies."""
        if self.row_behind:
            self.rows[self.number] = self.row_behind
        self._create()

    def roll(self):
        """Leaves the segment in the middle of a session."""
        self.rows[self.number] = self._row(len(self.data), 1, self.lines)
        self._seal()
        self._create()

    def end(self):
        """Ends a session cleanly, right after its commit."""
        self.row_behind = self._row(len(self.data), 1, self.lines)
        self._seal()
        self._replace_pin(len(self.data))

    def _create(self):
        number = len(self.segments)
        header = self._numbered(number).emit()
        self.segments[number] = header + b"\xff" * (self.settings.first_entry - len(header))
        self.lines = []
        self.row_behind = None

    def _numbered(self, number):
        return type(self.settings)(**(vars(self.settings) | {"segment_number": number}))

    def _row(self, length, has_footer, lines):
        digest = self.ids.entries(self.settings.repository_id, self.number, lines)
        return SegmentRow(length, has_footer, length, digest)

    def _seal(self):
        stored = footer.emit(self.settings, self.number, len(self.data), self.lines, self.ids)
        self.segments[self.number] += stored

    def _put(self, header, payload):
        offset = len(self.data)
        self.lines.append(header.line(offset))
        self.segments[self.number] += entry.emit(self.settings, self.number, offset, header, payload)
        return Link(header.object_id, self.number, offset)

    def block(self, frames):
        """`frames` are (plain, codec, stored); zeros are not stored, and neither is a block of them."""
        rows = [block.frame_row(self.ids, index, *frame) for index, frame in enumerate(frames)]
        raw_length = sum(len(plain) for plain, _, _ in frames)
        id = self.ids.block(raw_length, self.settings.frame_bytes, [each.id_digest() for each in rows])
        if id == ZERO_ID:
            return id
        table = block.emit_table(rows)
        payload = table + b"".join(_stored(each, frame) for each, frame in zip(rows, frames))
        digest = self.ids.digest(table)
        self._put(EntryHeader(entry.BLOCK, 0, 0, 0, len(payload), len(table), raw_length, id, ZERO_ID, digest), payload)
        return id

    def block_on(self, base_id, depth, digests, raw_length, changes):
        """A block on a base. `digests` are those of all its frames, `changes` rows of some with their stored bytes."""
        id = self.ids.block(raw_length, self.settings.frame_bytes, digests)
        table = block.emit_table([changed for changed, _ in changes])
        payload = table + b"".join(stored for _, stored in changes)
        lengths, digest = (len(payload), len(table), raw_length), self.ids.digest(table)
        self._put(EntryHeader(entry.BLOCK, 0, 1, depth, *lengths, id, base_id, digest), payload)
        return id

    def page(self, shape, rows):
        """A whole page; of rows that are all zero, nothing."""
        id = self.ids.page(shape.tree, shape.level, self.settings.fan_out, shape.span, rows)
        if id == ZERO_ID:
            return NOWHERE
        return self._put_page(shape, rows, id, page.emit_whole(shape, rows), ZERO_ID, 0)

    def delta_page(self, shape, base, base_rows, rows, depth):
        """A page stored as what differs from its base."""
        id = self.ids.page(shape.tree, shape.level, self.settings.fan_out, shape.span, rows)
        place = page.BY_ID if shape.tree == row.MANIFEST else (base.segment, base.offset)
        payload = page.emit_delta(shape, place, _runs(shape, base_rows, rows))
        return self._put_page(shape, rows, id, payload, base.id, depth)

    def _put_page(self, shape, rows, id, payload, base_id, depth):
        size, encoding = len(payload), 1 if depth else 0
        digest = self.ids.digest(payload)
        lengths = size, size, len(rows)
        return self._put(EntryHeader(entry.PAGE, shape.tree, encoding, depth, *lengths, id, base_id, digest), payload)

    def tree(self, tree, rows):
        """All pages of an array, whole, from the leaves up; the link to the top."""
        fan_out, level, below = self.settings.fan_out, 0, rows
        while True:
            count = -(-len(below) // fan_out)
            links = [self._page_of(tree, level, position, below, len(rows)) for position in range(count)]
            if count == 1:
                return links[0]
            below = [each.id if tree == row.MANIFEST else each.emit() for each in links]
            level += 1

    def _page_of(self, tree, level, position, below, row_count):
        fan_out = self.settings.fan_out
        shape = Shape(tree, level, page.span_at(level, position, row_count, fan_out))
        return self.page(shape, b"".join(below[position * fan_out : (position + 1) * fan_out]))

    def list_record(self, immutable, mutable):
        """Adds a record to the catalogue that the next commit names."""
        payload = record.emit(immutable, mutable)
        header = entry.plain(entry.RECORD, self.ids.record(payload), payload, self.ids)
        self.catalogue.append(self._put(header, payload).emit())

    def commit(self, time, catalogue=None):
        """`catalogue` is the link to its top page if that is written already."""
        roots = (
            self._root(row.SEGMENTS, [self._table_row(number) for number in range(self.number)]),
            commit.Root(len(self.catalogue), catalogue) if catalogue else self._root(row.CATALOGUE, self.catalogue),
            self._root(row.DAMAGE, self.damage),
        )
        self.catalogue_root = roots[1]
        told = self.commit_told(time, roots)
        self.put_commit(told)
        self._replace_pin(0)

    def _root(self, tree, rows):
        return commit.Root(len(rows), self.tree(tree, rows)) if rows else commit.NO_ROWS

    def _table_row(self, number):
        return self.rows[number].emit() if number in self.rows else bytes(row.LEAF_SIZES[row.SEGMENTS])

    def commit_told(self, time, roots):
        own_digest = self.ids.entries(self.settings.repository_id, self.number, self.lines)
        history = tuple(reversed(self.commits[-self.settings.history :])) if self.settings.history else ()
        previous = self.commits[-1][1] if self.commits else ZERO_ID
        own = self.number, len(self.data), own_digest
        return commit.Commit(len(self.commits) + 1, time, previous, *own, self.number, *roots, history)

    def put_commit(self, told):
        self.row_behind = self._row(len(self.data), 0, self.lines)
        stored, placed = commit.emit_pair(self.settings, told, self.ids)
        self.segments[self.number] += stored
        self.lines += [header.line(offset) for offset, header in placed]
        self.commits.append((told.sequence, placed[0][1].object_id))

    def _replace_pin(self, length):
        sequence, id = self.commits[-1]
        self.pin = HeadPin(self.settings.repository_id, sequence, self.number, length, id).emit()


def _stored(frame_row, frame):
    plain, used, stored = frame
    if frame_row.kind == block.ZERO:
        return b""
    return plain if used == codec.NONE else stored


def _runs(shape, base_rows, rows):
    """One run for each row that differs from the base's, or from the zeros the base is filled up with."""
    before = page.split(shape, base_rows.ljust(len(rows), b"\0"))
    return [Run(at, now) for at, now in enumerate(page.split(shape, rows)) if now != before[at]]
