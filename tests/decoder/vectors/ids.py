"""Ids of every object (section 4); the bytes are what is hashed, nothing for a zero id."""

from sarsen.fields import u64
from sarsen.ids import PAGE_NAMES, ZERO_ID
from sarsen.row import size as row_size

from .case import ALGORITHMS, REPOSITORY_ID, case, file, some_id

FRAMES = {
    "frame of one byte": b"\1",
    "frame of zeros": bytes(4096),
    "frame of text": b"sarsen" * 64,
    "frame of every byte": bytes(range(256)) * 2,
}
BLOCKS = {
    "block of one frame": (4096, 4096, [some_id(1)]),
    "block of two frames, the first zero": (8192, 4096, [ZERO_ID, some_id(1)]),
    "last block of a disk, its last frame short": (5000, 4096, [some_id(1), some_id(2)]),
    "block of zeros": (8192, 4096, [ZERO_ID, ZERO_ID]),
    "block of one short frame": (1, 1 << 24, [some_id(3)]),
}
PAGES = {
    "leaf page": (0, 16, 2),
    "upper page": (1, 16, 40),
    "upper page of the largest tree": (8, 16, 1 << 34),
}


def vectors():
    every = ((ids, *each) for ids in ALGORITHMS.values() for each in _all(ids))
    cases = [case(f"{name}, algorithm {ids.algorithm}", *each) for ids, name, each in every]
    return file("ids; bytes are what is hashed", cases, [])


def _all(ids):
    for name, data in FRAMES.items():
        yield name, _case(ids, "frame", {"frame": data}, data if any(data) else b"", ids.frame(data))
    for name, each in BLOCKS.items():
        yield name, _block(ids, *each)
    for tree in PAGE_NAMES:
        for name, each in PAGES.items():
            yield f"{name} of tree {tree}", _page(ids, tree, *each, 0x11)
        yield f"page of zeros of tree {tree}", _page(ids, tree, *PAGES["leaf page"], 0)
    yield "root", _root(ids, 123_456_789, 1 << 20, 1 << 16, 128, some_id(4))
    yield "root of an empty disk", _root(ids, 0, 4096, 4096, 16, ZERO_ID)
    yield "root of the largest disk", _root(ids, 1 << 58, 1 << 24, 1 << 24, 256, some_id(5))
    yield "record", _of_payload(ids, "record", b"sarsen record", ids.record)
    yield "version", _of_payload(ids, "version", b"sarsen version", ids.version)
    yield "commit", _commit(ids, 0)
    yield "commit of the last segment", _commit(ids, (1 << 32) - 2)
    yield "entries, none", _entries(ids, 0, [])
    yield "entries, two", _entries(ids, 7, [bytes(range(48)), b"\xff" * 48])


def _case(ids, what, inputs, hashed, id):
    return {"what": what, "digest_algorithm": ids.algorithm} | inputs | {"id": id}, hashed


def _block(ids, raw_length, frame_length, digests):
    inputs = {"raw_length": raw_length, "frame_length": frame_length, "frame_digests": digests}
    hashed = b"sarsen block" + u64(raw_length) + u64(frame_length) + b"".join(digests)
    id = ids.block(raw_length, frame_length, digests)
    return _case(ids, "block", inputs, hashed if any(id) else b"", id)


def _page(ids, tree, level, fan_out, span, filling):
    count = span if level == 0 else -(-span // fan_out**level)
    rows = bytes((filling,)) * (row_size(tree, level) * count)
    inputs = {"tree": tree, "level": level, "fan_out": fan_out, "span": span, "rows": rows}
    hashed = PAGE_NAMES[tree] + u64(level) + u64(fan_out) + u64(span) + rows
    return _case(ids, "page", inputs, hashed if filling else b"", ids.page(tree, level, fan_out, span, rows))


def _root(ids, disk_size, block_bytes, frame_bytes, fan_out, top):
    inputs = {"disk_size": disk_size, "block_bytes": block_bytes, "frame_bytes": frame_bytes, "fan_out": fan_out}
    hashed = b"sarsen root" + b"".join(map(u64, (*inputs.values(), ids.algorithm))) + top
    id = ids.root(disk_size, block_bytes, frame_bytes, fan_out, top)
    return _case(ids, "root", inputs | {"top": top}, hashed, id)


def _of_payload(ids, what, name, id_of):
    payload = bytes(range(200))
    return _case(ids, what, {"payload": payload}, name + payload, id_of(payload))


def _commit(ids, segment):
    payload = bytes(range(100))
    inputs = {"repository_id": REPOSITORY_ID, "segment": segment, "payload": payload}
    hashed = b"sarsen commit" + REPOSITORY_ID + u64(segment) + payload
    return _case(ids, "commit", inputs, hashed, ids.commit(REPOSITORY_ID, segment, payload))


def _entries(ids, segment, lines):
    inputs = {"repository_id": REPOSITORY_ID, "segment": segment, "lines": lines}
    hashed = b"sarsen entries" + REPOSITORY_ID + u64(segment) + b"".join(lines)
    return _case(ids, "entries", inputs, hashed, ids.entries(REPOSITORY_ID, segment, lines))
