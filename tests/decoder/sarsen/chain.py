"""Chain: a block's own entry, the base it lies on, that one's base, and so on (sections 5 and 11)."""

from . import block, entry
from .bad import Bad


class Chains:
    """Finds the chains of blocks in an index of entries, and reads blocks along them."""

    def __init__(self, repository, index):
        self.repository = repository
        self.index = index
        self.good = {}
        self.judged = {}

    def own(self, id):
        """The last usable entry of a block, or None."""
        return self._usable(id, entry.BLOCK_DEPTH_MAX)

    def of(self, own):
        """The entries to read for an entry, itself first, or None if a base has no usable one."""
        chain = [own]
        while chain[-1].header.depth:
            header = chain[-1].header
            base = self._usable(header.base_id, header.depth - 1)
            if base is None:
                return None
            chain.append(base)
        return chain

    def _usable(self, id, depth_max):
        for found in self.index.latest_first(entry.BLOCK, 0, id):
            if found.header.depth <= depth_max and self._is_good(found):
                return found
        return None

    def _is_good(self, found):
        if found.place not in self.good:
            self.good[found.place] = _holds(lambda: self.repository.payload(found))
        return self.good[found.place]

    def read(self, chain):
        """The bytes of the block; raises Bad if the chain does not give it."""
        layers = [(found.header, self.repository.payload(found)) for found in chain]
        return block.read(layers, self.repository.settings, self.repository.ids)

    def gives(self, chain):
        """Whether the chain gives its block. Without a base the entry's own check has told."""
        key = tuple(found.place for found in chain)
        if len(chain) > 1 and key not in self.judged:
            self.judged[key] = _holds(lambda: self.read(chain))
        return len(chain) == 1 or self.judged[key]

    def misled(self, id):
        """Own entries of a block, one after the other, whose chains do not give it; each is dropped from the index."""
        while True:
            own = self.own(id)
            chain = self.of(own) if own else None
            if chain is None or self.gives(chain):
                return
            self.index.drop(own)
            yield own

    def readable(self, id):
        """The chain that gives a block, or None."""
        own = self.own(id)
        chain = self.of(own) if own else None
        return chain if chain and self.gives(chain) else None


def _holds(work):
    try:
        work()
    except Bad:
        return False
    return True
