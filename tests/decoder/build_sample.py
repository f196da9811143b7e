"""Builds a small but complete repository: what a decoder must cope with before there is an engine.

Two sessions. The first stores a version in segment 0. The second stores another, which shares pages with
the first, over segments 1 and 2: with delta pages, a block on a base, that base stored anew and its first
place in the damage list, and a draft.
"""

import pathlib
import sys
from dataclasses import dataclass, replace

from sarsen import block, body, codec, row, streams
from sarsen.ids import ZERO_ID
from sarsen.link import Link
from sarsen.page import Shape
from sarsen.record import DRAFT, VERSION, Immutable, Mutable
from sarsen.row import DamageRow
from sarsen.segment_header import SegmentHeader
from sarsen.writer import Writer

BLOCK_BYTES = 4096
TAIL = b"the last block of the disk is short"
BLOCKS = 20
DISK_SIZE = (BLOCKS - 1) * BLOCK_BYTES + len(TAIL)
TIME = 1_700_000_000_000
SETTINGS = SegmentHeader(
    format_version=0,
    digest_algorithm=1,
    log2_block_bytes=12,
    log2_frame_bytes=12,
    log2_fan_out=4,
    log2_alignment=4,
    codec=codec.ZLIB,
    segment_length_max=1 << 17,
    segment_number=0,
    repository_id=bytes(range(0x50, 0x60)),
    features_reader=0,
    features_writer=0,
    features_ignored=0,
    made=TIME,
    history=2,
)
MUTABLE = Mutable(0, 0, 0, ZERO_ID, DISK_SIZE, 3 * BLOCK_BYTES, 3, 300, 5, (b"small",), ((b"note", b"a sample"),))


@dataclass
class Sample:
    """The writer that made it, and the bytes of its two versions by name."""

    writer: Writer
    disks: dict


def first_disk():
    """A few blocks of letters among zeros, and a short last one."""
    disk = bytearray(DISK_SIZE)
    for index, letter in ((0, b"A"), (3, b"B"), (5, b"A"), (17, b"C")):
        _lay(disk, index, letter * BLOCK_BYTES)
    disk[-len(TAIL) :] = TAIL
    return bytes(disk)


def second_disk():
    """Blocks before the sixteenth differ, so that the second leaf page is shared."""
    disk = bytearray(first_disk())
    _lay(disk, 1, b"D" * BLOCK_BYTES)
    _lay(disk, 3, bytes(BLOCK_BYTES))
    start = 5 * BLOCK_BYTES + 2 * body.SECTOR
    disk[start : start + body.SECTOR] = b"E" * body.SECTOR
    return bytes(disk)


def _lay(disk, index, data):
    disk[index * BLOCK_BYTES : (index + 1) * BLOCK_BYTES] = data


def build(**changes):
    """`changes` are to the settings: another digest algorithm, alignment, codec or history."""
    writer = Writer(replace(SETTINGS, **changes))
    disks = {"first": first_disk(), "second": second_disk()}
    first_top, first_leaf = _first_session(writer, disks["first"])
    _second_session(writer, disks, first_top, first_leaf)
    return Sample(writer, disks)


def _first_session(writer, disk):
    writer.begin()
    ids = _blocks(writer, disk, {})
    top = writer.tree(row.MANIFEST, ids)
    writer.list_record(version_told(writer, "first", top.id, ZERO_ID), MUTABLE)
    writer.commit(TIME + 1)
    writer.end()
    return top, ids


def _second_session(writer, disks, first_top, first_ids):
    writer.begin()
    known = dict(zip(_pieces(disks["first"]), first_ids))
    before, after = _pieces(disks["first"]), _pieces(disks["second"])
    known[after[1]] = store(writer, after[1])
    known[after[5]] = store_changed(writer, before[5], first_ids[5], after[5])
    ids = _blocks(writer, disks["second"], known)
    _store_anew(writer, disks["first"][:BLOCK_BYTES])
    writer.roll()
    top = _second_manifest(writer, ids, first_ids, first_top)
    base = writer.ids.version(version_told(writer, "first", first_top.id, ZERO_ID).emit())
    writer.list_record(version_told(writer, "second", top.id, base), MUTABLE)
    writer.list_record(draft_told(), replace(MUTABLE, position=BLOCK_BYTES, draft_top=first_top.id))
    writer.commit(TIME + 2, _grown_catalogue(writer))
    writer.end()


def _pieces(disk):
    return [disk[at : at + BLOCK_BYTES] for at in range(0, len(disk), BLOCK_BYTES)]


def _blocks(writer, disk, known):
    """Block ids of a disk; what is known is not stored again."""
    known = dict(known)
    for piece in _pieces(disk):
        if piece not in known:
            known[piece] = store(writer, piece)
    return [known[piece] for piece in _pieces(disk)]


def store(writer, piece):
    used = writer.settings.codec if len(piece) == BLOCK_BYTES else codec.NONE
    stored = streams.RUNS[used](piece[:1], len(piece)) if used and any(piece) else b""
    return writer.block([(piece, used, stored)])


def store_changed(writer, before, base_id, after):
    """A block of one frame, in one run of whose sectors one byte is repeated: as that change to a whole block."""
    runs = body.difference(before, after)
    laid, used = body.emit(runs), writer.settings.codec
    stored = streams.RUNS[used](laid[4:5], len(laid), laid[:4]) if used else laid
    changed = block.delta_row(writer.ids, 0, after, len(laid), used, stored)
    return writer.block_on(base_id, 1, [changed.id_digest()], len(after), [(changed, stored)])


def _store_anew(writer, piece):
    """As after damage: the first entry of segment 0 goes into the damage list."""
    store(writer, piece)
    digest = writer.ids.digest(b"of a payload")
    writer.damage.append(DamageRow(0, writer.settings.first_entry, 4096, TIME, digest).emit())


def _second_manifest(writer, ids, first_ids, first_top):
    """Both its own pages are deltas over the first version's; the other leaf page is shared."""
    before, after = b"".join(first_ids[:16]), b"".join(ids[:16])
    leaf, shared = Shape(row.MANIFEST, 0, 16), Shape(row.MANIFEST, 0, BLOCKS - 16)
    old_leaf = Link(_page_id(writer, leaf, before), 0, 0)
    shared_id = _page_id(writer, shared, b"".join(ids[16:]))
    new_leaf = writer.delta_page(leaf, old_leaf, before, after, 1)
    top = Shape(row.MANIFEST, 1, BLOCKS)
    return writer.delta_page(top, first_top, old_leaf.id + shared_id, new_leaf.id + shared_id, 1)


def _page_id(writer, shape, rows):
    return writer.ids.page(shape.tree, shape.level, writer.settings.fan_out, shape.span, rows)


def _grown_catalogue(writer):
    """The catalogue's only page, as a delta over that of the first commit."""
    rows = b"".join(writer.catalogue)
    shape = Shape(row.CATALOGUE, 0, len(writer.catalogue))
    base = writer.catalogue_root
    return writer.delta_page(shape, base.top, rows[: base.row_count * 40], rows, 1)


def version_told(writer, snapshot, top, base):
    settings = writer.settings
    root = writer.ids.root(DISK_SIZE, settings.block_bytes, settings.frame_bytes, settings.fan_out, top)
    names = b"disk", snapshot.encode(), b"", b""
    return Immutable(VERSION, 0, bytes(16), TIME, DISK_SIZE, root, top, base, *names)


def draft_told():
    return Immutable(DRAFT, 0, bytes(16), TIME, DISK_SIZE, ZERO_ID, ZERO_ID, ZERO_ID, b"disk", b"draft", b"", b"")


def write(medium, path):
    folder = pathlib.Path(path) / "segments"
    folder.mkdir(parents=True, exist_ok=True)
    for number, data in medium.segments.items():
        (folder / f"{number:010}.seg").write_bytes(data)
    if medium.pin is not None:
        (folder.parent / "head").write_bytes(medium.pin)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: build_sample.py DIRECTORY")
    write(build().writer.medium(), sys.argv[1])
