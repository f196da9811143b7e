"""Builds repositories whose blocks lie on others, as a writer would and as only a forger would.

Each is in a directory of its own below the one that is named. Every sum that a lie does not concern is right.
"""

import pathlib
import sys
from dataclasses import dataclass, replace

import build_sample
from sarsen import block, body, codec, row
from sarsen.ids import ZERO_ID
from sarsen.page import Shape
from sarsen.writer import Writer

FRAME = 4096
FRAMES = 4
SETTINGS = replace(build_sample.SETTINGS, log2_block_bytes=14, codec=codec.NONE, segment_length_max=1 << 20)
START = [bytes((65 + each,)) * FRAME for each in range(FRAMES)]


@dataclass(frozen=True)
class Laid:
    """A block that was stored: its id, what its frames should be, and how deep it lies."""

    id: bytes
    frames: list
    depth: int

    @property
    def length(self):
        return sum(map(len, self.frames))


def changed(frames, index, sector=0, letter=b"z"):
    """Frames of which one sector is another."""
    start = sector * body.SECTOR
    frame = frames[index][:start] + letter * body.SECTOR + frames[index][start + body.SECTOR :]
    return [*frames[:index], frame, *frames[index + 1 :]]


class Builder:
    def __init__(self):
        self.writer = Writer(SETTINGS)
        self.writer.begin()
        self.count = 0

    def whole(self, frames=START):
        return Laid(self.writer.block([(frame, codec.NONE, b"") for frame in frames]), frames, 0)

    def on(self, base, frames, claimed=None, again=(), **lies):
        """What differs from the base, and frames `again` whole.

        Digests and id are those of frames that are `claimed`; lies may be base_id, depth, and other frames that the id is of.
        """
        claimed = claimed or frames
        changes = [self._change(*each, again) for each in enumerate(zip(base.frames, frames, claimed))]
        digests = [self.writer.ids.frame(frame) for frame in lies.get("id_of", claimed)]
        base_id, depth = lies.get("base_id", base.id), lies.get("depth", base.depth + 1)
        changes, length = [each for each in changes if each], sum(map(len, claimed))
        id = self.writer.block_on(base_id, depth, digests, length, changes)
        return Laid(id, claimed, depth)

    def _change(self, index, frames, again):
        before, after, claimed = frames
        if index in again or not any(after):
            return block.frame_row(self.writer.ids, index, after), after if any(after) else b""
        if before == after:
            return None
        laid = body.emit(body.difference(before, after))
        return block.delta_row(self.writer.ids, index, claimed, len(laid), codec.NONE, laid), laid

    def chain(self, depth):
        """A block of that depth, each entry of which changes a sector."""
        laid = self.whole()
        for at in range(depth):
            laid = self.on(laid, changed(laid.frames, at % FRAMES, at // FRAMES))
        return laid

    def version(self, *blocks, length=None, **lies):
        """A disk of these blocks."""
        size = length or sum(each.length for each in blocks)
        top = self.writer.tree(row.MANIFEST, [each.id for each in blocks]).id
        self.count += 1
        told = build_sample.version_told(self.writer, str(self.count), top, ZERO_ID)
        sizes = SETTINGS.block_bytes, SETTINGS.frame_bytes, SETTINGS.fan_out
        told = replace(told, disk_size=size, root=self.writer.ids.root(size, *sizes, top))
        self.writer.list_record(replace(told, **lies), build_sample.MUTABLE)

    def draft(self, laid):
        top = self.writer.tree(row.MANIFEST, [laid.id]).id
        told = replace(build_sample.draft_told(), disk_size=laid.length)
        self.writer.list_record(told, replace(build_sample.MUTABLE, draft_top=top))

    def medium(self):
        self.writer.commit(build_sample.TIME + 1)
        self.writer.end()
        return self.writer.medium()


def of_every_depth(built):
    laid = built.whole()
    for at in range(31):
        laid = built.on(laid, changed(laid.frames, at % FRAMES, at // FRAMES))
        built.version(laid)


def bases_that_no_version_names(built):
    built.version(built.chain(31))


def frames_of_every_kind(built):
    base = built.whole()
    middle = built.on(base, [bytes(FRAME), *changed(base.frames, 1)[1:]], again=(2,))
    top = built.on(middle, changed(changed(middle.frames, 0), 1, 7))
    built.version(middle, top, base)


def short_last_block(built):
    base = built.whole([START[0], START[1][:700]])
    built.version(built.whole(), built.on(base, [START[0], START[1][:512] + b"y" * 188]))


def base_stored_anew_deeper(built):
    """The older entry, of less depth, is the one to be taken."""
    base = built.whole()
    middle = built.on(base, changed(base.frames, 0))
    top = built.on(middle, changed(middle.frames, 1))
    built.on(built.chain(7), middle.frames)
    built.version(top)


def base_stored_anew_whole(built):
    middle = built.on(built.whole(), changed(START, 0))
    top = built.on(middle, changed(middle.frames, 1))
    built.whole(middle.frames)
    built.version(top)


def result_of_another_digest(built):
    base = built.whole()
    built.version(built.on(base, changed(START, 0), claimed=changed(START, 0, letter=b"y")))


def digests_that_do_not_give_the_id(built):
    built.version(built.on(built.whole(), changed(START, 0), id_of=changed(START, 1)))


def result_of_zeros(built):
    """Zeros are of kind 0 and of no other, even where all digests are right."""
    base, writer = built.whole(), built.writer
    laid = body.emit([body.Run(0, 8)])
    changes = [(block.delta_row(writer.ids, 0, bytes(FRAME), len(laid), codec.NONE, laid), laid)]
    digests = [writer.ids.digest(frame) for frame in [bytes(FRAME), *START[1:]]]
    id = writer.block_on(base.id, 1, digests, 4 * FRAME, changes)
    built.version(Laid(id, START, 1))


def no_base(built):
    built.version(built.on(built.whole(), changed(START, 0), base_id=b"\1" * 32))


def own_base(built):
    frames = changed(START, 0)
    id = built.writer.ids.block(4 * FRAME, FRAME, [built.writer.ids.frame(frame) for frame in frames])
    built.version(built.on(built.whole(), frames, base_id=id))


def base_of_the_same_depth(built):
    middle = built.chain(1)
    built.version(built.on(middle, changed(middle.frames, 2), depth=1))


def base_of_greater_depth(built):
    middle = built.chain(5)
    built.version(built.on(middle, changed(middle.frames, 2, 5), depth=4))


def base_of_much_smaller_depth(built):
    """A base may have been stored anew with less depth than it had: any that is smaller will do."""
    middle = built.chain(1)
    built.version(built.on(middle, changed(middle.frames, 2), depth=31))


def base_of_another_length(built):
    base = built.whole([*START[:3], START[3][:512]])
    frames = [*START[:3], START[3][:513]]
    built.version(built.on(replace(base, frames=frames), changed(frames, 0)))


def place_of_another_length(built):
    laid = built.on(built.whole([START[0], START[1][:700]]), [START[0], START[1][:512] + b"y" * 188])
    built.version(laid, length=FRAME + 699)


def _wrong(built):
    """A block that its entries do not give, in its first frame."""
    return built.on(built.whole(), changed(START, 0), claimed=changed(START, 0, letter=b"y"))


def wrong_base_that_no_version_names(built):
    wrong = _wrong(built)
    built.version(built.on(wrong, changed(wrong.frames, 1)))


def wrong_base_whose_fault_is_listed_over(built):
    wrong = _wrong(built)
    built.version(built.on(wrong, changed(wrong.frames, 1), again=(0,)))


def wrong_base_named_before(built):
    wrong = _wrong(built)
    top = built.on(wrong, changed(wrong.frames, 1))
    built.version(wrong)
    built.version(top)


def wrong_base_named_behind(built):
    wrong = _wrong(built)
    top = built.on(wrong, changed(wrong.frames, 1))
    built.version(top)
    built.version(wrong)


def wrong_base_named_behind_in_one_disk(built):
    wrong = _wrong(built)
    top = built.on(wrong, changed(wrong.frames, 1))
    built.version(top, wrong, top)


def wrong_base_listed_over_and_named_behind(built):
    wrong = _wrong(built)
    built.version(built.on(wrong, changed(wrong.frames, 1), again=(0,)))
    built.version(wrong)


def wrong_in_a_draft(built):
    built.draft(_wrong(built))
    built.version(built.chain(2))


def wrong_in_a_version_of_another_root(built):
    built.version(_wrong(built), root=b"\1" * 32)


def wrong_where_an_older_entry_is_right(built):
    built.whole(changed(START, 0, letter=b"y"))
    built.version(_wrong(built))


def wrong_where_a_newer_entry_is_right(built):
    wrong = _wrong(built)
    built.whole(wrong.frames)
    built.version(wrong)


def wrong_twice(built):
    """Both entries of the block are told, or whoever reads would be sent to the other."""
    _wrong(built)
    built.version(_wrong(built))


def page_of_the_id_of_a_block(built):
    """The entry of a page on a base does not tell by itself whether its id is right: it may be anything."""
    laid, writer, ids = built.chain(2), built.writer, built.writer.ids
    built.version(laid)
    shape, rows = Shape(row.MANIFEST, 0, 2), START[0][:64]
    base = writer.page(shape, rows)
    writer.ids = _Naming(ids, laid.id)
    writer.delta_page(shape, base, rows, rows[:32] + bytes(32), 1)
    writer.ids = ids


class _Naming:
    """Ids, but all pages have one."""

    def __init__(self, ids, id):
        self.ids = ids
        self.id = id

    def __getattr__(self, name):
        return (lambda *_: self.id) if name == "page" else getattr(self.ids, name)


# Which entries have a `payload` finding, by their number in the segment, and which versions are hit, in order of the catalogue.
CASES = {
    of_every_depth: ([], [False] * 31),
    bases_that_no_version_names: ([], [False]),
    frames_of_every_kind: ([], [False]),
    short_last_block: ([], [False]),
    base_stored_anew_deeper: ([], [False]),
    base_stored_anew_whole: ([], [False]),
    result_of_another_digest: ([1], [True]),
    digests_that_do_not_give_the_id: ([1], [True]),
    result_of_zeros: ([1], [True]),
    no_base: ([], [True]),
    own_base: ([], [True]),
    base_of_the_same_depth: ([], [True]),
    base_of_greater_depth: ([], [True]),
    base_of_much_smaller_depth: ([], [False]),
    base_of_another_length: ([1], [True]),
    place_of_another_length: ([], [True]),
    wrong_base_that_no_version_names: ([2], [True]),
    wrong_base_whose_fault_is_listed_over: ([], [False]),
    wrong_base_named_before: ([1], [True, True]),
    wrong_base_named_behind: ([1, 2], [True, True]),
    wrong_base_named_behind_in_one_disk: ([1, 2], [True]),
    wrong_base_listed_over_and_named_behind: ([1], [True, True]),
    wrong_in_a_draft: ([], [False]),
    wrong_in_a_version_of_another_root: ([1], [True]),
    wrong_where_an_older_entry_is_right: ([2], [False]),
    wrong_where_a_newer_entry_is_right: ([], [False]),
    wrong_twice: ([1, 3], [True]),
    page_of_the_id_of_a_block: ([], [False]),
}


def build(case):
    built = Builder()
    case(built)
    return built.medium()


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: build_chains.py DIRECTORY")
    for each in CASES:
        build_sample.write(build(each), pathlib.Path(sys.argv[1]) / each.__name__)
