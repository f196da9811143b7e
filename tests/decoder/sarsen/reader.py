"""Reader: lists and reads versions without a scrub before (section 11)."""

from functools import cached_property

from . import catalogue, prefix, row
from .bad import Bad
from .chain import Chains
from .disk import Disk
from .index import Index
from .segment import Entry
from .tree import Manifests, Trees


class Reader:
    def __init__(self, repository):
        self.repository = repository
        self.trees = Trees(repository)

    @cached_property
    def entries(self):
        """All entries of the true prefixes, but those the damage list tells of."""
        damaged = self._damaged_places()
        prefixes = prefix.all_of(self.repository, self.trees)
        return [found for part in prefixes.values() for found in self._of(part) if found.place not in damaged]

    def _of(self, part):
        segment = self.repository.segments.get(part.segment)
        if segment is None or segment.stranger:
            return []
        good = prefix.good_footer(self.repository, part)
        found = prefix.entries(self.repository, part, good)
        return [each for each in found if isinstance(each, Entry)]

    def _damaged_places(self):
        try:
            rows = self.trees.rows(row.DAMAGE, self.repository.newest.commit.damage)
        except Bad:
            return set()
        parsed = (row.parse_damage(stored) for _, stored in rows)
        return {(each.segment, each.offset) for each in parsed}

    @cached_property
    def records(self):
        """What the catalogue lists, drafts too."""
        return catalogue.read(self.repository, self.trees, self.entries)

    def versions(self):
        return [listed for listed in self.records if listed.record and listed.record.is_version()]

    def disk(self, listed):
        index = Index(self.entries)
        manifests, chains = Manifests(self.repository, index), Chains(self.repository, index)
        return Disk(self.repository, manifests, chains, listed.record.immutable)

    def find(self, name):
        """`latest`, a version id or what only one begins with, or the newest of a disk name. None if there is none."""
        versions = self.versions()
        if name == "latest":
            return versions[-1] if versions else None
        by_id = {listed.id: listed for listed in versions if listed.id.hex().startswith(name.lower())}
        if name and len(by_id) == 1:
            return next(iter(by_id.values()))
        named = [each for each in versions if each.record.immutable.disk_name == name.encode(errors="replace")]
        return named[-1] if named else None
