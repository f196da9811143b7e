"""The commands, as they are called, and what they print."""

import contextlib
import io
import json
import pathlib
import tempfile
import unittest

import build_sample
import sarsen_decoder as decoder
from sarsen import entry, row
from sarsen.bad import Refused
from sarsen.medium import Medium
from sarsen.opening import Repository
from sarsen.reader import Reader
from spoilt import flipped, offset_of, sample, with_segment


def restored(medium, name):
    """The bytes of a version, by the name of its snapshot, and what of it was lost."""
    reader = Reader(Repository(medium))
    listed = next(each for each in reader.versions() if each.record.immutable.snapshot_name == name.encode())
    with tempfile.TemporaryDirectory() as folder:
        out = pathlib.Path(folder) / "disk"
        lost = list(decoder.write_disk(reader.disk(listed), out))
        return out.read_bytes(), lost


class Commands(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.root = pathlib.Path(self.folder.name)
        self.built = sample()
        build_sample.write(self.built.writer.medium(), self.root / "good")
        self.second = self.run_command("ls", self.root / "good")[1].split("\n")[1].split("\t")[0]

    def run_command(self, *arguments):
        out, error = io.TextIOWrapper(io.BytesIO(), "utf-8"), io.TextIOWrapper(io.BytesIO(), "utf-8")
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(error):
            try:
                status = decoder.main([str(each) for each in arguments])
            except SystemExit as exit:
                status = exit.code
        return status, *(_text(stream) for stream in (out, error))

    def spoil(self, number, offset):
        file = self.root / "good" / "segments" / f"{number:010}.seg"
        file.write_bytes(flipped(file.read_bytes(), offset))

    def test_ls(self):
        status, out, _ = self.run_command("ls", self.root / "good")
        rows = [line.split("\t") for line in out.splitlines()]
        self.assertEqual(status, 0)
        self.assertEqual([each[1:] for each in rows][1], ["disk", "second", str(build_sample.DISK_SIZE), "version", "#small"])
        self.assertEqual(rows[2][2:], ["draft", str(build_sample.DISK_SIZE), "draft", "#small"])

    def test_manifest(self):
        for name in ("latest", "disk", self.second, self.second[:6]):
            status, out, _ = self.run_command("manifest", self.root / "good", name)
            lines = out.splitlines()
            self.assertEqual((status, len(lines)), (0, build_sample.BLOCKS))
            zeros = [index for index, line in enumerate(lines) if line == "-"]
            self.assertEqual(zeros, [index for index in range(19) if index not in (0, 1, 5, 17)])

    def test_restore(self):
        status, _, _ = self.run_command("restore", self.root / "good", "latest", self.root / "out")
        self.assertEqual((status, (self.root / "out").read_bytes()), (0, self.built.disks["second"]))

    def test_restore_of_what_is_lost(self):
        at = offset_of(self.built.writer.medium(), 0, self.built.writer.settings, entry.PAGE, row.MANIFEST, nth=1)
        self.spoil(0, at + 150)
        status, _, error = self.run_command("restore", self.root / "good", "latest", self.root / "out")
        kept = self.built.disks["second"][: 16 * 4096]
        lost = build_sample.DISK_SIZE - len(kept)
        self.assertEqual((status, error), (3, f"lost: {lost} bytes from {len(kept)}\n"))
        self.assertEqual((self.root / "out").read_bytes(), kept + bytes(lost))
        status, out, _ = self.run_command("manifest", self.root / "good", "latest")
        self.assertEqual((status, out.splitlines()[16:]), (3, ["?"] * 4))

    def test_restore_goes_by_an_older_copy_of_a_block(self):
        at = offset_of(self.built.writer.medium(), 1, self.built.writer.settings, entry.BLOCK, nth=0)
        self.spoil(1, at + 150)
        status, _, error = self.run_command("restore", self.root / "good", "latest", self.root / "out")
        self.assertEqual((status, error), (3, "lost: 4096 bytes from 4096\n"))

    def test_scrub(self):
        self.assertEqual(self.run_command("scrub", self.root / "good")[:2], (0, "no damage\n"))
        self.spoil(1, 0)
        status, out, _ = self.run_command("scrub", self.root / "good")
        self.assertEqual((status, out), (3, "header segment 1 offset 0\ndamaged\n"))

    def test_scrub_as_json(self):
        self.spoil(1, 0)
        status, out, _ = self.run_command("scrub", self.root / "good", "--json")
        verdict = json.loads(out)
        self.assertEqual((status, verdict["findings"]), (3, [{"kind": "header", "segment": 1, "offset": 0}]))
        self.assertEqual(sorted(verdict), ["findings", "hit", "versions"])
        self.assertEqual(sorted(verdict["versions"][0]), ["hit", "id", "name", "snapshot"])

    def test_verdicts(self):
        (self.root / "empty").mkdir()
        status, out, _ = self.run_command("verdicts", self.root)
        expected = 'empty\t{"refused":"not-a-repository"}\ngood\t{"findings":[],"hit":[]}\n'
        self.assertEqual((status, out), (0, expected))

    def test_refusals_and_mistakes(self):
        good = self.root / "good"
        refused = self.run_command("scrub", self.root / "none", "--json")
        self.assertEqual(refused, (1, '{"refused": "not-a-repository"}\n', ""))
        self.assertEqual(self.run_command("ls", self.root / "none")[0], 1)
        self.assertEqual(self.run_command("restore", good, "nothing", self.root / "out")[0], 1)
        self.assertEqual(self.run_command("restore", good, "latest", self.root / "no" / "folder")[0], 1)
        self.assertEqual(self.run_command("restore", good)[0], 2)
        self.assertEqual(self.run_command("polish", good)[0], 2)

    def test_names_that_are_not_of_segments_are_ignored(self):
        folder = self.root / "good" / "segments"
        for name in ("1.seg", "0000000009.seg.tmp", "4294967295.seg", "9999999999.seg", "٠٠٠٠٠٠٠٠٠٧.seg", "x"):
            (folder / name).write_bytes(b"?")
        (folder / "0000000008.seg").mkdir()
        self.assertEqual(self.run_command("scrub", self.root / "good")[0], 0)


def _text(stream):
    stream.flush()
    return stream.buffer.getvalue().decode()


class Restoring(unittest.TestCase):
    def test_only_what_is_lost_is_zero(self):
        built = sample()
        medium, settings = built.writer.medium(), built.writer.settings
        at = offset_of(medium, 0, settings, entry.BLOCK, nth=1)
        spoilt = with_segment(medium, 0, flipped(medium.segments[0], at + 140))
        disk = built.disks["first"]
        expected = disk[: 3 * 4096] + bytes(4096) + disk[4 * 4096 :]
        self.assertEqual(restored(spoilt, "first"), (expected, [(3 * 4096, 4096)]))
        self.assertEqual(restored(spoilt, "second"), (built.disks["second"], []))

    def test_is_refused_where_opening_is(self):
        with self.assertRaises(Refused):
            restored(Medium({}, None), "first")


if __name__ == "__main__":
    unittest.main()
