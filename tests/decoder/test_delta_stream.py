"""Delta streams: nothing that chance does to one goes unnoticed, and the command says so."""

import contextlib
import io
import pathlib
import tempfile
import unittest

import sarsen_decoder as decoder
from sarsen import codec, delta_stream
from sarsen.bad import Bad
from spoilt import flipped
from vectors.delta_stream import FULL, HEADER, SECTOR, joined, numbered, raw, run, zero

SMALL = [raw(1024, SECTOR), run(codec.ZLIB, 4096, 4096), zero(8192, 8192), raw(8 * 4096, SECTOR[:100])]
STREAM = joined(HEADER, numbered(HEADER, SMALL))


class DeltaStreams(unittest.TestCase):
    def test_every_cut_and_flip_is_noticed(self):
        self.assertEqual(delta_stream.parse(STREAM), (HEADER, numbered(HEADER, SMALL)))
        for offset in range(len(STREAM)):
            with self.assertRaises(Bad, msg=f"cut to {offset}"):
                delta_stream.parse(STREAM[:offset])
            for bit in range(8):
                with self.assertRaises(Bad, msg=f"bit {bit} of byte {offset}"):
                    delta_stream.parse(flipped(STREAM, offset, 1 << bit))

    def test_data_decodes_to_what_it_was(self):
        _, records = delta_stream.parse(STREAM)
        self.assertEqual([each.plain() for each in records[:2]], [SECTOR, b"\x41" * 4096])

    def verify(self, data):
        out = io.TextIOWrapper(io.BytesIO(), "utf-8")
        with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(out):
            path = pathlib.Path(folder) / "stream"
            path.write_bytes(data)
            status = decoder.main(["verify-stream", str(path)])
        out.flush()
        return status, out.buffer.getvalue().decode()

    def test_the_command_says_what_a_stream_is_of(self):
        roots = f"base {HEADER.base_root.hex()} target {HEADER.target_root.hex()}\n"
        self.assertEqual(self.verify(STREAM), (0, roots + "whole: 4 records, 4708 bytes of data, 8192 of zeros\n"))
        empty = joined(FULL, numbered(FULL, []))
        self.assertEqual(self.verify(empty)[1].splitlines()[1], "whole: 0 records, 0 bytes of data, 0 of zeros")

    def test_the_command_notices_damage_and_what_does_not_decode(self):
        self.assertEqual(self.verify(flipped(STREAM, 700)), (3, "damaged: delta stream: CRC of a record\n"))
        undecodable = joined(HEADER, numbered(HEADER, [(delta_stream.DATA, codec.ZLIB, 0, 512, b"no stream")]))
        self.assertEqual(self.verify(undecodable), (3, "damaged: zlib stream\n"))


if __name__ == "__main__":
    unittest.main()
