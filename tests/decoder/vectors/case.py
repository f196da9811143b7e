"""Case: one example of a stored record, with its fields and its bytes."""

from dataclasses import fields as fields_of
from dataclasses import is_dataclass

from sarsen.ids import Ids

REPOSITORY_ID = bytes(range(0xA0, 0xB0))
ALGORITHMS = {1: Ids(1), 2: Ids(2)}
U16_MAX, U32_MAX, U64_MAX = (1 << 16) - 1, (1 << 32) - 1, (1 << 64) - 1


def some_id(seed):
    """Thirty-two bytes that look like no other field."""
    return bytes((seed + step * 7) % 256 for step in range(32))


def of_both(cases, brief):
    """Every case with SHA-256, and a few with BLAKE3: what differs is only the digests."""
    for ids in ALGORITHMS.values():
        for name, each in cases.items():
            if ids.algorithm == 1 or name in brief:
                yield ids, f"{name}, algorithm {ids.algorithm}", each


def case(name, fields, data):
    return {"name": name, "fields": as_json(fields), "bytes": data.hex()}


def reject(name, data, context=None):
    return {"name": name, "fields": as_json(context or {}), "bytes": data.hex()}


def file(what, cases, rejects):
    return {"what": what, "cases": cases, "reject": rejects}


def as_json(value):
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, dict):
        return {name: as_json(each) for name, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [as_json(each) for each in value]
    return shown(value) if is_dataclass(value) else value


def shown(record):
    """The fields of a record, by name."""
    return {each.name: as_json(getattr(record, each.name)) for each in fields_of(record)}


def repeated(pattern, length):
    """What a vector calls a base: bytes repeated up to a length, to be told in few."""
    return (pattern * (length // len(pattern) + 1))[:length]


def laid_over(data, offset, patch):
    return data[:offset] + patch + data[offset + len(patch) :]
