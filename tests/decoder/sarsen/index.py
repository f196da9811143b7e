"""Index: where the entries of an id lie, for blocks and pages of manifests (section 11)."""


class Index:
    def __init__(self, entries):
        """`entries` in the order (segment, offset)."""
        self.places = {}
        for found in entries:
            header = found.header
            key = header.kind, header.tree, header.object_id
            self.places.setdefault(key, []).append(found)

    def latest_first(self, kind, tree, id):
        return reversed(self.places.get((kind, tree, id), ()))

    def drop(self, found):
        """Forgets an entry that looked usable by itself."""
        header = found.header
        self.places[header.kind, header.tree, header.object_id].remove(found)
