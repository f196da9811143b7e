"""Catalogue: the records of all versions and drafts (sections 7 and 11)."""

from dataclasses import dataclass

from . import entry, link, record, row
from .bad import Bad


@dataclass(frozen=True)
class Listed:
    """What the catalogue says exists; `record` is None if it cannot be read."""

    record_id: bytes
    record: record.Record
    ids: object

    @property
    def id(self):
        """The version id, or the record id in its place."""
        return self.record.version_id(self.ids) if self.record else self.record_id

    def is_version(self):
        """A record that cannot be read is taken for a version's: nothing lost is to be passed over."""
        return self.record is None or self.record.is_version()


def read(repository, trees, entries):
    """In the order of creation; `entries` are what to rebuild it from if a page is not readable."""
    try:
        rows = trees.rows(row.CATALOGUE, repository.newest.commit.catalogue)
    except Bad:
        return _rebuilt(repository, entries)
    return [_linked(repository, link.parse(stored)) for _, stored in rows]


def _linked(repository, to):
    found = repository.entry_at((to.segment, to.offset))
    names_it = found and (found.header.kind, found.header.object_id) == (entry.RECORD, to.id)
    return Listed(to.id, _parsed(repository, found) if names_it else None, repository.ids)


def _rebuilt(repository, entries):
    listed = {}
    for found in entries:
        if found.header.kind != entry.RECORD:
            continue
        id = found.header.object_id
        one = Listed(id, _parsed(repository, found), repository.ids)
        if one.is_version():
            listed.setdefault(id, one)
    return list(listed.values())


def _parsed(repository, found):
    try:
        payload = repository.payload(found)
    except Bad:
        return None
    return record.parse(payload, repository.settings.block_bytes)
