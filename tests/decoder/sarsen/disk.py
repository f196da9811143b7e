"""Disk: the blocks of one version, by its manifest (sections 4 to 6)."""

from dataclasses import dataclass

from . import row
from .bad import Bad, need
from .ids import ZERO_ID
from .tree import Top, children


@dataclass(frozen=True)
class Extent:
    """Blocks that follow each other: all zero, all lost with a page, or one block of an id."""

    first: int
    count: int
    id: bytes = ZERO_ID
    is_lost: bool = False


class Disk:
    def __init__(self, repository, manifests, chains, immutable):
        self.settings = repository.settings
        self.ids = repository.ids
        self.manifests = manifests
        self.chains = chains
        self.told = immutable
        self.size = immutable.disk_size

    def block_count(self):
        return -(-self.size // self.settings.block_bytes)

    def block_length(self, index):
        return min(self.settings.block_bytes, self.size - index * self.settings.block_bytes)

    def last_length(self):
        return self.block_length(self.block_count() - 1)

    def has_its_root(self):
        settings = self.settings
        sizes = settings.block_bytes, settings.frame_bytes, settings.fan_out
        return self.ids.root(self.size, *sizes, self.told.top) == self.told.root

    def top_shape(self):
        return Top(row.MANIFEST, self.block_count(), self.settings.fan_out).shape()

    def extents(self):
        """All blocks, in order."""
        return self._extents(self.top_shape(), self.told.top, 0) if self.size else iter(())

    def _extents(self, shape, id, first):
        if id == ZERO_ID:
            yield Extent(first, shape.span)
            return
        try:
            rows = self.manifests.page(shape, id)
        except Bad:
            yield Extent(first, shape.span, is_lost=True)
            return
        for start, below, stored in children(shape, rows, first, self.settings.fan_out):
            if below:
                yield from self._extents(below, stored, start)
            else:
                yield Extent(start, 1, stored)

    def block(self, index, id):
        """The bytes of a block that is not of zeros; raises Bad if no usable entry has them."""
        for _ in self.chains.misled(id):
            pass
        chain = self.chains.readable(id)
        need(chain is not None, "block: no usable entry, or not with all its bases")
        need(chain[0].header.raw_length == self.block_length(index), "block: not of its place on the disk")
        return self.chains.read(chain)


class Hits:
    """Which disks are hit, each shared page being judged once."""

    def __init__(self, manifests, chains):
        self.manifests = manifests
        self.chains = chains
        self.settings = manifests.repository.settings
        self.judged = {}

    def hit(self, disk):
        if not disk.has_its_root():
            return True
        if disk.size == 0 or disk.told.top == ZERO_ID:
            return False
        return not self._is_whole(disk.top_shape(), disk.told.top, disk.last_length())

    def _is_whole(self, shape, id, last_length):
        """`last_length` is that of the last block below: the key tells the end of a disk from its middle."""
        key = shape, id, last_length
        if key not in self.judged:
            self.judged[key] = self._judge(shape, id, last_length)
        return self.judged[key]

    def _judge(self, shape, id, last_length):
        try:
            rows = self.manifests.page(shape, id)
        except Bad:
            return False
        fan_out, full = self.settings.fan_out, self.settings.block_bytes
        last_start = (shape.row_count(fan_out) - 1) * fan_out**shape.level
        for start, below, stored in children(shape, rows, 0, fan_out):
            if not any(stored):
                continue
            length = last_length if start == last_start else full
            if not (self._is_whole(below, stored, length) if below else self._has_block(stored, length)):
                return False
        return True

    def _has_block(self, id, length):
        chain = self.chains.readable(id)
        return chain is not None and chain[0].header.raw_length == length


class Named:
    """The blocks that disks name, each once, in the order in which they are met first."""

    def __init__(self):
        self.pages = set()
        self.blocks = set()

    def met(self, disk):
        return self._below(disk, disk.top_shape(), disk.told.top) if disk.size else iter(())

    def _below(self, disk, shape, id):
        if id == ZERO_ID or (shape, id) in self.pages:
            return
        self.pages.add((shape, id))
        try:
            rows = disk.manifests.page(shape, id)
        except Bad:
            return
        for _, below, stored in children(shape, rows, 0, disk.settings.fan_out):
            if below:
                yield from self._below(disk, below, stored)
            elif any(stored) and stored not in self.blocks:
                self.blocks.add(stored)
                yield stored
