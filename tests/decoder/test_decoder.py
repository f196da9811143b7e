"""The decoder on a sample repository: clean, and with every byte flipped.

Run as a program, this runs the other tests of the folder too.
"""

import pathlib
import sys
import unittest

import build_sample
import sarsen_decoder as decoder
from sarsen import codec, head_pin
from sarsen.writer import Writer
from spoilt import flipped, places, sample, with_pin, with_segment
from test_commands import restored

VARIANTS = {
    "as usual": {},
    "BLAKE3 and LZ4": {"digest_algorithm": 2, "codec": codec.LZ4},
    "Zstandard, alignment 128": {"codec": codec.ZSTANDARD, "log2_alignment": 7},
    "raw, alignment 512": {"codec": codec.NONE, "log2_alignment": 9},
    "without history, alignment 4096": {"history": 0, "log2_alignment": 12},
}


class CleanSample(unittest.TestCase):
    def test_has_no_findings_and_restores_exactly(self):
        for name, changes in VARIANTS.items():
            with self.subTest(name):
                built = sample(**changes)
                verdict = decoder.verdict_of(built.writer.medium())
                self.assertEqual((verdict["findings"], verdict["hit"]), ([], []))
                self.assertEqual(len(verdict["versions"]), 2)
                for snapshot, disk in built.disks.items():
                    self.assertEqual(restored(built.writer.medium(), snapshot), (disk, []))

    def test_is_the_same_each_time(self):
        self.assertEqual(sample().writer.medium(), sample().writer.medium())

    def test_needs_no_pin(self):
        medium = with_pin(sample().writer.medium(), None)
        self.assertEqual(decoder.verdict_of(medium)["findings"], [])

    def test_an_older_pin_is_the_trace_of_a_power_cut(self):
        writer = Writer(build_sample.SETTINGS)
        writer.begin()
        writer.commit(1)
        older = writer.pin
        writer.commit(2)
        writer.end()
        self.assertEqual(places(decoder.verdict_of(with_pin(writer.medium(), older))), [])


class EveryByte(unittest.TestCase):
    def check(self, medium, number, offset):
        spoilt = with_segment(medium, number, flipped(medium.segments[number], offset))
        verdict = decoder.verdict_of(spoilt)
        self.assertTrue(verdict.get("findings"), f"segment {number} offset {offset}: {verdict}")
        self.assertEqual(decoder.status_of(verdict), decoder.DAMAGED)
        self.assertTrue(all(each["segment"] == number for each in verdict["findings"]), places(verdict))

    def test_of_every_segment_is_covered(self):
        medium = sample().writer.medium()
        for number, data in medium.segments.items():
            for offset in range(len(data)):
                self.check(medium, number, offset)

    def test_of_the_pin_is_covered(self):
        medium = sample().writer.medium()
        for offset in range(head_pin.SIZE):
            spoilt = with_pin(medium, flipped(medium.pin, offset))
            self.assertEqual(places(decoder.verdict_of(spoilt)), [("pin", None, None)])

    def test_of_wide_gaps_and_paddings_is_covered(self):
        """Every byte would take too long, and they are alike: one of each 61, which divides no alignment."""
        medium = sample(log2_alignment=9).writer.medium()
        for number, data in medium.segments.items():
            for offset in range(0, len(data), 61):
                self.check(medium, number, offset)

    def test_of_an_unsealed_commit_is_the_trace_of_a_power_cut(self):
        writer = Writer(build_sample.SETTINGS)
        writer.begin()
        writer.block([(b"x", codec.NONE, b"")])
        writer.commit(1)
        medium, first = writer.medium(), writer.row_behind.length
        for offset in range(first, len(medium.segments[0]), 7):
            spoilt = with_segment(medium, 0, flipped(medium.segments[0], offset))
            self.assertEqual(decoder.verdict_of(spoilt)["findings"], [])
        self.check(medium, 0, first - 1)


if __name__ == "__main__":
    folder = str(pathlib.Path(__file__).resolve().parent)
    unittest.main(module=None, argv=[sys.argv[0], "discover", "-s", folder, *sys.argv[1:]])
