"""Bytes with right sums that no writer makes: nothing is believed, nothing crashes, nothing runs away."""

import contextlib
import json
import unittest
import zlib
from dataclasses import replace

import build_sample
import sarsen_decoder as decoder
from sarsen import codec, commit, entry, page, row
from sarsen.bad import Bad
from sarsen.entry import EntryHeader
from sarsen.fields import U32_MAX
from sarsen.ids import ZERO_ID
from sarsen.link import Link
from sarsen.medium import Medium
from sarsen.page import Run, Shape
from sarsen.row import SegmentRow
from sarsen.writer import Writer
from spoilt import entry_offsets, flipped, offset_of, places, with_pin
from test_vectors import PARSERS, VECTORS

SETTINGS = build_sample.SETTINGS


class Forged(unittest.TestCase):
    """A writer that is used as nobody would."""

    def setUp(self):
        self.writer = Writer(SETTINGS)
        self.writer.begin()

    def verdict(self):
        return decoder.verdict_of(self.writer.medium())

    def list_disk(self, top_id, size):
        """Adds a version of that manifest, with a right root."""
        told = build_sample.version_told(self.writer, "first", top_id, ZERO_ID)
        root = self.writer.ids.root(size, SETTINGS.block_bytes, SETTINGS.frame_bytes, SETTINGS.fan_out, top_id)
        self.writer.list_record(replace(told, disk_size=size, root=root), build_sample.MUTABLE)

    def commit(self, **changes):
        """A commit with other fields than it should have."""
        told = replace(self.writer.commit_told(1, (commit.NO_ROWS,) * 3), **changes)
        self.writer.put_commit(told)


class DeltaChains(Forged):
    """Pages of manifests over pages: a base is found by id, and must be less deep."""

    SHAPE = Shape(row.MANIFEST, 0, 4)

    def setUp(self):
        super().setUp()
        ids = [self.writer.block([(bytes((each,)) * 4096, codec.NONE, b"")]) for each in range(1, 5)]
        self.rows = b"".join(ids)

    def chain(self, depth):
        """A page of that depth and its rows, in which each delta moves all rows by one."""
        rows = self.rows
        base = self.writer.page(self.SHAPE, rows)
        for at in range(1, depth + 1):
            base, rows = self.delta(base, rows, at)
        return base, rows

    def delta(self, base, rows, depth):
        changed = rows[32:] + rows[:32]
        return self.writer.delta_page(self.SHAPE, base, rows, changed, depth), changed

    def verdict_on(self, top):
        self.list_disk(top.id, 4 * 4096)
        self.writer.commit(1)
        self.writer.end()
        return self.verdict()

    def test_of_the_greatest_depth_are_read(self):
        top, _ = self.chain(3)
        self.assertEqual(self.verdict_on(top)["hit"], [])

    def test_of_every_depth_are_read(self):
        rows = [self.rows[:32] * count for count in range(1, 10)]
        shapes = [Shape(row.MANIFEST, 0, count) for count in range(1, 10)]
        top = self.writer.page(shapes[0], rows[0])
        for depth in range(1, 9):
            top = self.writer.delta_page(shapes[depth], top, rows[depth - 1], rows[depth], depth)
        self.list_disk(top.id, 9 * 4096)
        self.writer.commit(1)
        self.assertEqual((self.verdict()["findings"], self.verdict()["hit"]), ([], []))

    def test_a_base_stored_anew_as_a_whole_is_as_good(self):
        base, rows = self.chain(1)
        top, _ = self.delta(base, rows, 2)
        self.writer.page(self.SHAPE, rows)
        self.assertEqual(self.verdict_on(top)["hit"], [])

    def test_a_base_stored_anew_deeper_is_passed_over(self):
        base, rows = self.chain(0)
        top, _ = self.delta(base, rows, 1)
        deep, deep_rows = self.delta(*self.delta(base, rows, 1), 2)
        again = self.writer.delta_page(self.SHAPE, deep, deep_rows, rows, 3)
        self.assertEqual(again.id, base.id)
        self.assertEqual(self.verdict_on(top)["hit"], [])

    def test_a_page_that_is_its_own_base_is_not_readable(self):
        id = self.writer.ids.page(row.MANIFEST, 0, 16, 4, self.rows)
        top = self.writer.delta_page(self.SHAPE, Link(id, 0, 0), b"", self.rows, 1)
        verdict = self.verdict_on(top)
        self.assertEqual((places(verdict), len(verdict["hit"])), ([], 1))

    def test_a_base_of_another_level_is_not_taken(self):
        other = self.writer.page(Shape(row.MANIFEST, 1, 64), self.rows)
        top, _ = self.delta(other, self.rows, 1)
        self.assertEqual(len(self.verdict_on(top)["hit"]), 1)

    def test_rows_are_cut_and_filled_up(self):
        shape = Shape(row.MANIFEST, 0, 3)
        rows = page.lay(b"\1" * 32, [Run(2, b"\2" * 32)], shape, 16)
        self.assertEqual(rows, b"\1" * 32 + bytes(32) + b"\2" * 32)
        self.assertEqual(page.lay(b"\1" * 320, [Run(0, b"\3" * 32)], shape, 16), b"\3" * 32 + b"\1" * 64)


class Trees(Forged):
    def test_a_catalogue_that_names_one_page_everywhere(self):
        """16^8 times the same page: a reader that follows each link is not heard of again."""
        self.writer.list_record(build_sample.draft_told(), build_sample.MUTABLE)
        top = self.writer.page(Shape(row.CATALOGUE, 0, 16), self.writer.catalogue[0] * 16)
        for level in range(1, 8):
            top = self.writer.page(Shape(row.CATALOGUE, level, 16 ** (level + 1)), top.emit() * 16)
        self.commit(catalogue=commit.Root(16**8, top))
        self.assertEqual(self.verdict()["versions"], [])

    def test_a_segment_table_with_more_rows_than_there_are_numbers(self):
        self.commit(segments=commit.Root(1 << 34, Link(b"\1" * 32, 0, 128)))
        self.assertEqual(self.verdict()["findings"], [])

    def test_a_manifest_that_shares_all_pages_is_judged_once(self):
        """2^32 blocks in eight pages: sharing is what the format is for."""
        id = self.writer.block([(b"\1" * 4096, codec.NONE, b"")])
        for level in range(8):
            id = self.writer.page(Shape(row.MANIFEST, level, 16 ** (level + 1)), id * 16).id
        self.list_disk(id, 4096 << 32)
        self.writer.commit(1)
        verdict = self.verdict()
        self.assertEqual((verdict["findings"], verdict["hit"]), ([], []))

    def test_a_block_of_another_length_than_its_place(self):
        id = self.writer.block([(b"\1" * 100, codec.NONE, b"")])
        top = self.writer.page(Shape(row.MANIFEST, 0, 1), id)
        self.list_disk(top.id, 101)
        self.list_disk(top.id, 100)
        self.writer.commit(1)
        self.assertEqual([each["hit"] for each in self.verdict()["versions"]], [True, False])

    def test_a_top_page_of_another_span(self):
        id = self.writer.block([(b"\1" * 4096, codec.NONE, b"")])
        top = self.writer.page(Shape(row.MANIFEST, 0, 2), id * 2)
        self.list_disk(top.id, 4096)
        self.writer.commit(1)
        self.assertEqual(len(self.verdict()["hit"]), 1)

    def test_a_block_named_where_a_page_should_be(self):
        id = self.writer.block([(b"\1" * 4096, codec.NONE, b"")])
        self.list_disk(id, 4096)
        self.writer.commit(1)
        self.assertEqual(len(self.verdict()["hit"]), 1)

    def test_a_root_of_another_manifest(self):
        told = build_sample.version_told(self.writer, "first", ZERO_ID, ZERO_ID)
        self.writer.list_record(replace(told, root=b"\1" * 32), build_sample.MUTABLE)
        self.writer.commit(1)
        self.assertEqual(len(self.verdict()["hit"]), 1)

    def test_catalogue_links_that_lead_nowhere(self):
        self.writer.list_record(build_sample.draft_told(), build_sample.MUTABLE)
        good = self.writer.catalogue[0]
        for number, place in enumerate(((0, 0), (0, 129), (0, U32_MAX), (U32_MAX, 128), (0, 128))):
            self.writer.catalogue.append(Link(bytes((number + 1,)) * 32, *place).emit())
        self.writer.catalogue.append(good)
        self.writer.commit(1)
        versions = self.verdict()["versions"]
        self.assertEqual([each["id"][:2] for each in versions], ["01", "02", "03", "04", "05"])
        self.assertTrue(all(each["hit"] for each in versions))


class SegmentTables(unittest.TestCase):
    def verdict(self, stored):
        """On a second session, whose table has that row for the segment of the first."""
        writer = Writer(SETTINGS)
        writer.begin()
        writer.block([(b"x", codec.NONE, b"")])
        writer.commit(1)
        writer.end()
        writer.begin()
        writer.rows[0] = SegmentRow(*stored, writer.rows[0].entries_digest)
        writer.commit(2)
        writer.end()
        return decoder.verdict_of(writer.medium())

    def test_rows_of_any_length(self):
        for length in (0, 1, 127, 128, 129, 1 << 16, U32_MAX):
            for has_footer in (0, 1):
                verdict = self.verdict((length, has_footer, 0))
                self.assertTrue(verdict["findings"], (length, has_footer))

    def test_a_row_with_a_footer_that_is_neither(self):
        self.assertEqual([each["kind"] for each in self.verdict((128, 2, 0))["findings"]], ["payload"])


class Sums(unittest.TestCase):
    """Every byte flipped and every length cut, with the sums made right: a parser may only say that it is bad."""

    def spoil(self, data):
        for offset in range(len(data)):
            for mask in (0x01, 0x80, 0xFF):
                yield flipped(data, offset, mask)
            yield data[:offset]

    def test_parsers_of_payloads(self):
        for name, parser in PARSERS.items():
            cases = json.loads((VECTORS / f"{name}.json").read_text())["cases"]
            smallest = min((case for case in cases), key=lambda case: len(case["bytes"]))
            for data in self.spoil(bytes.fromhex(smallest["bytes"])):
                with contextlib.suppress(Bad):
                    parser(smallest["fields"], data)

    def test_delta_pages(self):
        cases = json.loads((VECTORS / "page.json").read_text())["cases"]
        for case in cases:
            if case["fields"]["encoding"] == page.DELTA and case["fields"]["digest_algorithm"] == 1:
                for data in self.spoil(bytes.fromhex(case["bytes"])):
                    with contextlib.suppress(Bad):
                        page.parse_delta(data, case["fields"]["tree"], case["fields"]["fan_out"])

    def test_commits_that_are_believed(self):
        built = build_sample.build()
        writer, settings = built.writer, built.writer.settings
        at = offset_of(writer.medium(), 2, settings, entry.COMMIT)
        header = dict(entry_offsets(writer.medium(), 2, settings))[at]
        data = writer.medium().segments[2]
        told = data[at + 128 : at + 128 + header.stored_length]
        for payload in self.spoil(told):
            copy = entry.plain(entry.COMMIT, writer.ids.commit(settings.repository_id, 2, payload), payload, writer.ids)
            stored = entry.emit(settings, 2, at, copy, payload)
            decoder.verdict_of(Medium(writer.medium().segments | {2: data[:at] + stored}, None))

    def test_segment_headers_that_are_believed(self):
        medium = build_sample.build().writer.medium()
        for head in self.spoil(medium.segments[0][:124]):
            data = head + zlib.crc32(head).to_bytes(4, "little") + medium.segments[0][128:]
            for pin in (None, medium.pin):
                decoder.verdict_of(Medium(medium.segments | {0: data}, pin))

    def test_pins_that_are_believed(self):
        medium = build_sample.build().writer.medium()
        for head in self.spoil(medium.pin[:92]):
            decoder.verdict_of(with_pin(medium, head + zlib.crc32(head).to_bytes(4, "little")))


class Claims(Forged):
    def test_a_frame_that_claims_to_be_huge(self):
        claims = b"\x28\xb5\x2f\xfd\xe0" + (1 << 50).to_bytes(8, "little") + b"\3\x80\0A"
        with self.assertRaises(Bad):
            codec.decode(codec.ZSTANDARD, claims, 4096)

    def test_a_frame_that_wants_a_huge_window(self):
        claims = b"\x28\xb5\x2f\xfd\x00\xff" + b"\3\x80\0A"
        with self.assertRaises(Bad):
            codec.decode(codec.ZSTANDARD, claims, 4096)

    def test_an_entry_that_is_longer_than_its_segment(self):
        header = EntryHeader(entry.PAD, 0, 0, 0, 1 << 25, 1 << 25, 1 << 25, ZERO_ID, ZERO_ID, bytes(32))
        self.writer.commit(1)
        self.writer.segments[0] += header.emit(SETTINGS.repository_id, 0, len(self.writer.data))
        self.assertEqual(self.verdict()["findings"], [])


if __name__ == "__main__":
    unittest.main()
