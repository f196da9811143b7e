"""Codec: how the stored bytes of a frame become the frame (section 5).

Every decoder is told how much it must produce, and may not be talked into producing more.
"""

import zlib

from .bad import Bad, Missing, need

NONE, LZ4, ZSTANDARD, ZLIB = range(4)


def decode(codec, stored, length):
    plain = _DECODERS[codec](stored, length)
    need(len(plain) == length, "a frame decodes to another length")
    return plain


def _lz4(stored, length):
    try:
        import lz4.block
    except ImportError:
        raise Missing("this repository has LZ4 frames: pip install lz4") from None
    try:
        return lz4.block.decompress(stored, uncompressed_size=length)
    except (lz4.block.LZ4BlockError, ValueError, OverflowError):
        raise Bad("LZ4 block") from None


def _zstandard(stored, length):
    try:
        import zstandard
    except ImportError:
        raise Missing("this repository has Zstandard frames: pip install zstandard") from None
    try:
        _check_zstandard_header(zstandard.get_frame_parameters(stored), length)
        decoder = zstandard.ZstdDecompressor(max_window_size=1 << 27)
        return decoder.decompress(stored, max_output_size=length, allow_extra_data=False)
    except (zstandard.ZstdError, ValueError, MemoryError):
        raise Bad("Zstandard frame") from None


def _check_zstandard_header(parameters, length):
    """The library allocates what the frame's header claims, so the claim is checked first."""
    unknown = (1 << 64) - 1
    need(parameters.content_size in (length, unknown), "Zstandard content size")
    need(parameters.dict_id == 0, "Zstandard dictionary")


def _zlib(stored, length):
    decoder = zlib.decompressobj()
    try:
        plain = decoder.decompress(stored, length + 1)
    except zlib.error:
        raise Bad("zlib stream") from None
    need(decoder.eof and not decoder.unused_data, "zlib stream: its end")
    return plain


_DECODERS = {LZ4: _lz4, ZSTANDARD: _zstandard, ZLIB: _zlib}
