"""Which finding each kind of harm gives, and what it makes of the versions."""

import unittest
from collections import Counter

import build_sample
import sarsen_decoder as decoder
from sarsen import codec, entry, head_pin, row
from sarsen.medium import Medium
from sarsen.writer import Writer
from spoilt import entry_offsets, flipped, offset_of, places, sample, with_pin, with_segment, without_segment


class Kinds(unittest.TestCase):
    """Which finding a flip gives, by what it hits."""

    def setUp(self):
        self.built = sample(log2_alignment=7)
        self.medium = self.built.writer.medium()
        self.settings = self.built.writer.settings

    def flip(self, number, offset):
        return decoder.verdict_of(with_segment(self.medium, number, flipped(self.medium.segments[number], offset)))

    def offset(self, number, kind, tree=0, nth=0):
        return offset_of(self.medium, number, self.settings, kind, tree, nth)

    def test_segment_header(self):
        self.assertEqual(places(self.flip(1, 30)), [("header", 1, 0)])

    def test_gap_behind_the_header(self):
        medium = sample(log2_alignment=9).writer.medium()
        spoilt = with_segment(medium, 1, flipped(medium.segments[1], 300))
        self.assertEqual(places(decoder.verdict_of(spoilt)), [("header", 1, 0)])

    def test_entry_header(self):
        at = self.offset(0, entry.BLOCK)
        verdict = self.flip(0, at + 9)
        self.assertEqual(places(verdict), [("entry", 0, at)])
        self.assertEqual(verdict["hit"], [], "the block was stored anew")

    def test_frame_table(self):
        at = self.offset(0, entry.BLOCK, nth=1)
        verdict = self.flip(0, at + 130)
        self.assertEqual(places(verdict), [("payload", 0, at)])
        self.assertEqual(len(verdict["hit"]), 1, "only the first version has that block")

    def test_stored_frame(self):
        at = self.offset(0, entry.BLOCK, nth=2)
        header = dict(entry_offsets(self.medium, 0, self.settings))[at]
        verdict = self.flip(0, at + 127 + header.stored_length)
        self.assertEqual(places(verdict), [("payload", 0, at)])
        self.assertEqual(len(verdict["hit"]), 2)

    def test_padding(self):
        at = self.offset(0, entry.BLOCK, nth=1)
        header = dict(entry_offsets(self.medium, 0, self.settings))[at]
        self.assertEqual(places(self.flip(0, at + 128 + header.stored_length)), [("padding", 0, at)])

    def test_footer_and_locator(self):
        for number, data in self.medium.segments.items():
            at = self.offset(number, entry.FOOTER)
            end = at if number != 2 else self.offset(number, entry.COMMIT)
            for spoilt in (at, at + 128, len(data) - 128, len(data) - 1):
                self.assertEqual(places(self.flip(number, spoilt)), [("footer", number, end)], spoilt)

    def test_commit_copy(self):
        at = self.offset(2, entry.COMMIT)
        self.assertEqual(places(self.flip(2, at + 128)), [("payload", 2, at)])
        self.assertEqual(places(self.flip(2, at)), [("entry", 2, at)])

    def test_page_of_a_manifest(self):
        shared = self.offset(0, entry.PAGE, row.MANIFEST, nth=1)
        self.assertEqual(len(self.flip(0, shared + 160)["hit"]), 2)
        changed = self.offset(2, entry.PAGE, row.MANIFEST)
        self.assertEqual(len(self.flip(2, changed + 160)["hit"]), 1)
        base = self.offset(0, entry.PAGE, row.MANIFEST)
        self.assertEqual(len(self.flip(0, base + 160)["hit"]), 2, "the second version's page is a delta over it")

    def test_record(self):
        at = self.offset(0, entry.RECORD)
        header = dict(entry_offsets(self.medium, 0, self.settings))[at]
        verdict = self.flip(0, at + 140)
        self.assertEqual(verdict["hit"], [header.object_id.hex()])
        self.assertIsNone(verdict["versions"][0]["name"])

    def test_page_of_the_segment_table_is_derived(self):
        at = self.offset(2, entry.PAGE, row.SEGMENTS)
        verdict = self.flip(2, at + 140)
        self.assertEqual((places(verdict), verdict["hit"]), ([("payload", 2, at)], []))

    def test_page_of_the_catalogue_is_rebuilt(self):
        at = self.offset(2, entry.PAGE, row.CATALOGUE)
        clean = decoder.verdict_of(self.medium)
        verdict = self.flip(2, at + 140)
        self.assertEqual((places(verdict), verdict["hit"]), ([("payload", 2, at)], []))
        self.assertEqual(verdict["versions"], clean["versions"])

    def test_base_of_the_catalogue_is_rebuilt(self):
        at = self.offset(0, entry.PAGE, row.CATALOGUE)
        verdict = self.flip(0, at + 140)
        self.assertEqual((places(verdict), len(verdict["versions"])), ([("payload", 0, at)], 2))

    def test_page_of_the_damage_list_is_taken_for_empty(self):
        at = self.offset(2, entry.PAGE, row.DAMAGE)
        verdict = self.flip(2, at + 140)
        self.assertEqual((places(verdict), verdict["hit"]), ([("payload", 2, at)], []))


class WholeSegments(unittest.TestCase):
    def setUp(self):
        self.built = sample()
        self.medium = self.built.writer.medium()

    def verdict(self, medium):
        return decoder.verdict_of(medium)

    def test_missing(self):
        verdict = self.verdict(without_segment(self.medium, 1))
        self.assertEqual(places(verdict), [("missing", 1, 0)])
        self.assertEqual(len(verdict["hit"]), 1)

    def test_missing_with_both_versions(self):
        verdict = self.verdict(without_segment(self.medium, 0))
        self.assertIn(("missing", 0, 0), places(verdict))
        self.assertEqual(places(verdict), [("missing", 0, 0)])

    def test_missing_newest_is_behind(self):
        verdict = self.verdict(without_segment(self.medium, 2))
        self.assertEqual(places(verdict), [("behind", 2, 0)])
        self.assertEqual(len(verdict["versions"]), 1)

    def test_missing_newest_without_a_pin_cannot_be_known(self):
        medium = without_segment(with_pin(self.medium, None), 2)
        self.assertEqual(places(self.verdict(medium)), [])

    def test_truncated_in_the_footer(self):
        for cut in (1, 16, 32, 100):
            data = self.medium.segments[1][:-cut]
            end = offset_of(self.medium, 1, self.built.writer.settings, entry.FOOTER)
            self.assertEqual(places(self.verdict(with_segment(self.medium, 1, data))), [("footer", 1, end)])

    def test_truncated_in_an_entry(self):
        at = offset_of(self.medium, 1, self.built.writer.settings, entry.BLOCK, nth=1)
        expected = {
            at: [("truncated", 1, at)],
            at + 1: [("entry", 1, at), ("truncated", 1, at + 1)],
            at + 127: [("entry", 1, at), ("truncated", 1, at + 127)],
            at + 128: [("payload", 1, at), ("truncated", 1, at + 128)],
            at + 150: [("payload", 1, at), ("truncated", 1, at + 150)],
        }
        for length, findings in expected.items():
            medium = with_segment(self.medium, 1, self.medium.segments[1][:length])
            self.assertEqual(places(self.verdict(medium)), findings)

    def test_truncated_to_nothing(self):
        for number in (0, 1):
            findings = places(self.verdict(with_segment(self.medium, number, b"")))
            self.assertEqual(findings, [("header", number, 0), ("truncated", number, 0)])

    def test_newest_truncated_behind_its_commit(self):
        data = self.medium.segments[2]
        end = offset_of(self.medium, 2, self.built.writer.settings, entry.FOOTER)
        for length in (end, end + 10, len(data) - 16):
            findings = places(self.verdict(with_segment(self.medium, 2, data[:length])))
            self.assertEqual(findings, [("truncated", 2, length)])

    def test_newest_truncated_in_its_second_copy(self):
        data = self.medium.segments[2]
        at = offset_of(self.medium, 2, self.built.writer.settings, entry.COMMIT, nth=1)
        findings = places(self.verdict(with_segment(self.medium, 2, data[: at + 130])))
        self.assertEqual(findings, [("payload", 2, at), ("truncated", 2, at + 130)])

    def test_longer_than_its_footer(self):
        for number in (0, 1):
            medium = with_segment(self.medium, number, self.medium.segments[number] + bytes(16))
            self.assertEqual([kind for kind, _, _ in places(self.verdict(medium))], ["footer"])

    def test_swapped(self):
        zero, one = self.medium.segments[0], self.medium.segments[1]
        swapped = Medium(self.medium.segments | {0: one, 1: zero}, self.medium.pin)
        self.assertEqual(places(self.verdict(swapped)), [("renamed", 0, 0), ("renamed", 1, 0)])

    def test_renamed(self):
        renamed = without_segment(with_segment(self.medium, 9, self.medium.segments[1]), 1)
        self.assertEqual(places(self.verdict(renamed)), [("missing", 1, 0), ("renamed", 9, 0)])

    def test_foreign(self):
        other = sample(repository_id=bytes(16)).writer.medium()
        for number in (0, 1):
            medium = with_segment(self.medium, number, other.segments[number])
            self.assertEqual(places(self.verdict(medium)), [("foreign", number, 0)])

    def test_foreign_and_not_listed(self):
        other = sample(repository_id=bytes(16)).writer.medium()
        medium = with_segment(self.medium, 5, other.segments[2])
        self.assertEqual(places(self.verdict(medium)), [("foreign", 5, 0)])

    def test_other_parameters(self):
        other = sample(features_ignored=1).writer.medium()
        medium = with_segment(self.medium, 1, other.segments[1])
        self.assertEqual(places(self.verdict(medium)), [("header", 1, 0)])

    def test_never_committed(self):
        writer = self.built.writer
        writer.begin()
        writer.block([(b"lost", codec.NONE, b"")])
        self.assertEqual(places(self.verdict(writer.medium())), [])

    def test_garbage_that_was_never_committed(self):
        for data in (b"", b"\xff" * 999, self.medium.segments[2][128:]):
            self.assertEqual(places(self.verdict(with_segment(self.medium, 7, data))), [])

    def test_rolled_back(self):
        """A segment of the right number, repository and form, but with another past."""
        writer = Writer(build_sample.SETTINGS)
        writer.segments = {0: self.medium.segments[0]}
        writer.begin()
        first, base = self.built.disks["first"][: build_sample.BLOCK_BYTES], b"X" * build_sample.BLOCK_BYTES
        id = build_sample.store(writer, base)
        build_sample.store_changed(writer, base, id, base[:512] + b"Y" * 512 + base[1024:])
        build_sample.store(writer, first)
        writer.roll()
        verdict = self.verdict(with_segment(self.medium, 1, writer.segments[1]))
        end = offset_of(self.medium, 1, writer.settings, entry.FOOTER)
        self.assertEqual(places(verdict), [("digest", 1, 0), ("footer", 1, end)])
        self.assertEqual(len(verdict["hit"]), 1)


class Digest(unittest.TestCase):
    def test_valid_entries_that_are_not_those_demanded(self):
        """Without a footer only the entries digest tells that an entry was another one."""
        first, second = (self.unsealed(letter) for letter in (b"x", b"y"))
        medium = first.medium()
        swapped = second.medium().segments[0][: first.rows[0].length]
        data = swapped + medium.segments[0][first.rows[0].length :]
        verdict = decoder.verdict_of(with_segment(medium, 0, data))
        self.assertEqual(places(verdict), [("digest", 0, 0)])

    def unsealed(self, letter):
        writer = Writer(build_sample.SETTINGS)
        writer.begin()
        writer.block([(letter, codec.NONE, b"")])
        writer.commit(1)
        writer.begin()
        writer.commit(2)
        writer.end()
        return writer


class Pin(unittest.TestCase):
    def setUp(self):
        self.medium = sample().writer.medium()
        self.pin = head_pin.parse(self.medium.pin)

    def verdict(self, **changes):
        pin = head_pin.HeadPin(**(vars(self.pin) | changes))
        return decoder.verdict_of(with_pin(self.medium, pin.emit()))

    def test_of_a_higher_sequence(self):
        self.assertEqual(places(self.verdict(sequence=3, segment=7)), [("behind", 7, 0)])

    def test_of_another_commit(self):
        self.assertEqual(places(self.verdict(commit_id=bytes(32))), [("pin", None, None)])

    def test_of_another_repository(self):
        self.assertEqual(self.verdict(repository_id=bytes(16)), {"refused": "no-header"})

    def test_of_a_longer_file(self):
        length = len(self.medium.segments[2])
        self.assertEqual(places(self.verdict(length=length + 16)), [("truncated", 2, length)])

    def test_too_long(self):
        verdict = decoder.verdict_of(with_pin(self.medium, self.medium.pin + b"\0"))
        self.assertEqual(places(verdict), [("pin", None, None)])


class Behind(unittest.TestCase):
    def test_a_listed_commit_without_a_good_copy(self):
        """Both copies of the second commit spoilt: the first, in the same segment, is the newest."""
        writer = Writer(build_sample.SETTINGS)
        writer.begin()
        writer.commit(1)
        writer.commit(2)
        writer.end()
        data, offsets = writer.medium().segments[0], self.commit_offsets(writer)
        for at in offsets[2:]:
            data = flipped(data, at + 128)
        verdict = decoder.verdict_of(Medium({0: data}, None))
        self.assertIn(("behind", 0, offsets[2]), places(verdict))
        pinned = decoder.verdict_of(Medium({0: data}, writer.pin))
        self.assertIn(("behind", 0, 0), places(pinned))

    def test_a_newer_segment_without_a_good_copy(self):
        built = sample()
        medium, settings = built.writer.medium(), built.writer.settings
        at = [offset_of(medium, 2, settings, entry.COMMIT, nth=nth) for nth in (0, 1)]
        data = flipped(flipped(medium.segments[2], at[0]), at[1])
        verdict = decoder.verdict_of(with_segment(with_pin(medium, None), 2, data))
        self.assertEqual(places(verdict), [("behind", 2, at[0])])

    def commit_offsets(self, writer):
        found = entry_offsets(writer.medium(), 0, writer.settings)
        return [at for at, header in found if header.kind == entry.COMMIT]


class Refusals(unittest.TestCase):
    def setUp(self):
        self.medium = sample().writer.medium()

    def refusal(self, medium):
        verdict = decoder.verdict_of(medium)
        self.assertEqual(decoder.status_of(verdict), decoder.FAILED)
        return verdict["refused"]

    def test_of_nothing(self):
        self.assertEqual(self.refusal(Medium({}, None)), "not-a-repository")
        self.assertEqual(self.refusal(Medium({}, self.medium.pin)), "not-a-repository")

    def test_without_a_header(self):
        spoilt = {number: flipped(data, 3) for number, data in self.medium.segments.items()}
        self.assertEqual(self.refusal(Medium(spoilt, self.medium.pin)), "no-header")

    def test_of_a_repository_without_a_commit(self):
        writer = Writer(build_sample.SETTINGS)
        writer.begin()
        self.assertEqual(self.refusal(writer.medium()), "no-commit")

    def test_of_what_is_not_supported(self):
        for changes in ({"format_version": 1}, {"features_reader": 1 << 40}):
            self.assertEqual(self.refusal(sample(**changes).writer.medium()), "unsupported")

    def test_not_of_features_that_writers_must_know(self):
        medium = sample(features_writer=1).writer.medium()
        self.assertEqual(decoder.verdict_of(medium)["findings"], [])

    def test_not_of_one_header_that_is_left(self):
        spoilt = {number: flipped(data, 3) if number else data for number, data in self.medium.segments.items()}
        self.assertEqual(places(decoder.verdict_of(Medium(spoilt, None))), [("header", 1, 0), ("header", 2, 0)])


class Damage(unittest.TestCase):
    """Larger harm: whatever is read, there is a verdict and no other end."""

    def test_blocks_of_garbage(self):
        medium = sample().writer.medium()
        outcomes = Counter()
        for number, data in medium.segments.items():
            for offset in range(0, len(data), 97):
                for filling in (b"\0", b"\xff", b"SEnt"):
                    hole = (filling * 512)[: min(512, len(data) - offset)]
                    spoilt = with_segment(medium, number, data[:offset] + hole + data[offset + len(hole) :])
                    verdict = decoder.verdict_of(spoilt)
                    outcomes["refused" if "refused" in verdict else bool(verdict["findings"])] += 1
        self.assertEqual(set(outcomes), {True})

    def test_every_length(self):
        medium = sample().writer.medium()
        for number, data in medium.segments.items():
            for length in range(0, len(data), 31):
                verdict = decoder.verdict_of(with_segment(medium, number, data[:length]))
                self.assertTrue(verdict["findings"], (number, length))


if __name__ == "__main__":
    unittest.main()
