"""Tree: an array of rows, read page by page from the top (sections 6 and 11)."""

from functools import lru_cache

from . import entry, link, page, row
from .bad import Bad, need
from .ids import ZERO_ID
from .page import Shape

PAGES_CACHED = 512


class Trees:
    """Trees whose pages are found by links. They raise Bad where a page is not readable."""

    def __init__(self, repository):
        self.repository = repository
        self.fan_out = repository.settings.fan_out
        # Each page of such a tree has an entry of its own. A tree that leads to more pages than
        # the medium can hold was forged, and would be walked forever.
        self.pages_max = sum(segment.length for segment in repository.segments.values()) // entry.SIZE

    def rows(self, tree, root):
        """Index and bytes of every leaf row that is not absent."""
        found = []
        if root.row_count:
            self._walk(Top(tree, root.row_count, self.fan_out).shape(), root.top, 0, found, [0])
        return found

    def _walk(self, shape, to, first, found, visited):
        if to.id == ZERO_ID:
            return
        visited[0] += 1
        need(visited[0] <= self.pages_max, "tree: more pages than the medium can hold")
        for index, child, stored in children(shape, self._page(shape, to), first, self.fan_out):
            if child:
                self._walk(child, link.parse(stored), index, found, visited)
            elif any(stored):
                found.append((index, stored))

    def _page(self, shape, to):
        found = self._linked((to.segment, to.offset), to.id, shape.tree)
        told, rows = self._content(found, self.repository.payload(found))
        need(told == shape, "page: not of its place in the tree")
        return rows

    def _linked(self, place, id, tree):
        found = self.repository.entry_at(place)
        need(found is not None, "page: no entry")
        header = found.header
        need((header.kind, header.tree, header.object_id) == (entry.PAGE, tree, id), "page: another entry")
        return found

    def _content(self, found, payload):
        """Shape and rows of a page whose entry is good, with its id checked."""
        header = found.header
        if header.encoding == page.WHOLE:
            return page.parse_whole(payload, header.tree, self.fan_out)
        shape, place, runs = page.parse_delta(payload, header.tree, self.fan_out)
        told, base_rows = self._content(*self._base(header, place))
        need(told.level == shape.level, "delta page: level of its base")
        rows = page.lay(base_rows, runs, shape, self.fan_out)
        page.check_rows(shape, rows)
        id = self.repository.ids.page(shape.tree, shape.level, self.fan_out, shape.span, rows)
        need(id == header.object_id, "delta page: id")
        return shape, rows

    def _base(self, header, place):
        found = self._linked(place, header.base_id, header.tree)
        need(found.header.depth == header.depth - 1, "delta page: depth of its base")
        return found, self.repository.payload(found)


class Manifests(Trees):
    """Pages of manifests, found by id in an index."""

    def __init__(self, repository, index):
        super().__init__(repository)
        self.index = index
        self.page = lru_cache(PAGES_CACHED)(self._page_by_id)

    def _page_by_id(self, shape, id):
        told, rows = self._content(*self._usable(id, entry.PAGE_DEPTH_MAX))
        need(told == shape, "page: not of its place in the tree")
        return rows

    def _base(self, header, place):
        """A base may have been stored anew, with another depth: a smaller one is what ends the chain."""
        return self._usable(header.base_id, header.depth - 1)

    def _usable(self, id, depth_max):
        """The last usable entry with the id, of those that are not too deep."""
        for found, payload in self.usable(entry.PAGE, row.MANIFEST, id):
            if found.header.depth <= depth_max:
                return found, payload
        raise Bad("page: no usable entry")

    def usable(self, kind, tree, id):
        for found in self.index.latest_first(kind, tree, id):
            try:
                yield found, self.repository.payload(found)
            except Bad:
                continue


class Top:
    """The top page of an array that is not empty."""

    def __init__(self, tree, row_count, fan_out):
        self.tree = tree
        self.row_count = row_count
        self.level = page.top_level(row_count, fan_out)

    def shape(self):
        return Shape(self.tree, self.level, self.row_count)


def children(shape, rows, first, fan_out):
    """For each row: the index of the first leaf row below it, the shape of the page below if any, its bytes."""
    reach = fan_out**shape.level
    for position, stored in enumerate(page.split(shape, rows)):
        start = position * reach
        below = Shape(shape.tree, shape.level - 1, min(reach, shape.span - start)) if shape.level else None
        yield first + start, below, stored
