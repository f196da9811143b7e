"""Blocks on others: which chains give their blocks, and what is said of those that do not."""

import unittest

import build_chains
import sarsen_decoder as decoder
from build_chains import CASES, SETTINGS, Builder, changed, wrong_base_listed_over_and_named_behind
from sarsen.opening import Repository
from sarsen.reader import Reader
from spoilt import entry_offsets, flipped, places, with_segment
from test_commands import restored


class Verdicts(unittest.TestCase):
    def test_are_as_each_case_says(self):
        for case, (wrong, hit) in CASES.items():
            with self.subTest(case.__name__):
                medium = build_chains.build(case)
                offsets = [at for at, _ in entry_offsets(medium, 0, SETTINGS)]
                verdict = decoder.verdict_of(medium)
                self.assertEqual(places(verdict), [("payload", 0, offsets[number]) for number in wrong])
                self.assertEqual([each["hit"] for each in verdict["versions"]], hit)


class Restoring(unittest.TestCase):
    def test_each_version_of_a_chain_is_its_own(self):
        built, expected = Builder(), {}
        laid = built.whole()
        for at in range(31):
            laid = built.on(laid, changed(laid.frames, at % 4, at // 4))
            built.version(laid)
            expected[str(at + 1)] = b"".join(laid.frames)
        medium = built.medium()
        for name, disk in expected.items():
            self.assertEqual(restored(medium, name), (disk, []))

    def test_gives_what_is_right_and_nothing_else(self):
        """All blocks of a version that is whole come back; of one that is hit, some are lost."""
        # There a scrub takes an entry out of use that a reader who has not met its block could still build on.
        cases = {case: hits for case, (_, hits) in CASES.items() if case != wrong_base_listed_over_and_named_behind}
        for case, hits in cases.items():
            medium = build_chains.build(case)
            reader = Reader(Repository(medium))
            for listed, hit in zip(reader.versions(), hits):
                disk = reader.disk(listed)
                lost = not disk.has_its_root()
                for extent in disk.extents():
                    try:
                        disk.block(extent.first, extent.id)
                    except decoder.Bad:
                        lost = True
                self.assertEqual(lost, hit, case.__name__)

    def test_a_flip_anywhere_in_a_chain_costs_what_lies_on_it(self):
        built = Builder()
        laid = built.whole()
        built.version(laid)
        for at in range(3):
            laid = built.on(laid, changed(laid.frames, at))
            built.version(laid)
        medium = built.medium()
        entries = entry_offsets(medium, 0, SETTINGS)
        blocks = [(at, header) for at, header in entries if header.kind == 1]
        self.assertEqual([header.depth for _, header in blocks], [0, 1, 2, 3])
        for depth, (at, header) in enumerate(blocks):
            for within in (5, 130, 128 + header.stored_length - 1):
                verdict = decoder.verdict_of(with_segment(medium, 0, flipped(medium.segments[0], at + within)))
                kind = "entry" if within < 128 else "payload"
                self.assertEqual(places(verdict), [(kind, 0, at)])
                self.assertEqual([each["hit"] for each in verdict["versions"]], [False] * depth + [True] * (4 - depth))


if __name__ == "__main__":
    unittest.main()
