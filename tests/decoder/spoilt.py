"""Spoilt: repositories in memory with a bit of harm done to them, and what is found in them."""

import build_sample
from sarsen import entry
from sarsen.medium import Medium


def sample(**changes):
    return build_sample.build(**changes)


def flipped(data, offset, mask=0x40):
    spoilt = bytearray(data)
    spoilt[offset] ^= mask
    return bytes(spoilt)


def with_segment(medium, number, data):
    return Medium(medium.segments | {number: data}, medium.pin)


def without_segment(medium, number):
    return Medium({each: data for each, data in medium.segments.items() if each != number}, medium.pin)


def with_pin(medium, pin):
    return Medium(medium.segments, pin)


def places(verdict):
    return [(each["kind"], each["segment"], each["offset"]) for each in verdict["findings"]]


def entry_offsets(medium, number, settings):
    """Offset and header of every entry, by walking from header to header."""
    data, at, found = medium.segments[number], settings.first_entry, []
    while data[at : at + 4] == entry.MAGIC:
        header = entry.parse(data[at : at + 128], settings.repository_id, number, at)
        found.append((at, header))
        at += header.total_length(settings)
    return found


def offset_of(medium, number, settings, kind, tree=0, nth=0):
    found = entry_offsets(medium, number, settings)
    return [at for at, header in found if (header.kind, header.tree) == (kind, tree)][nth]
