"""Segment headers (section 2)."""

import zlib
from dataclasses import replace

from sarsen.segment_header import SegmentHeader

from .case import REPOSITORY_ID, U64_MAX, case, file, laid_over, reject

USUAL = SegmentHeader(
    format_version=0,
    digest_algorithm=1,
    log2_block_bytes=20,
    log2_frame_bytes=16,
    log2_fan_out=7,
    log2_alignment=7,
    codec=2,
    segment_length_max=1 << 28,
    segment_number=0,
    repository_id=REPOSITORY_ID,
    features_reader=0,
    features_writer=0,
    features_ignored=0,
    made=1_700_000_000_123,
    history=16,
)
SMALL_BLOCK_ENTRY = 4304
SMALL = replace(
    USUAL,
    log2_block_bytes=12,
    log2_frame_bytes=12,
    log2_fan_out=4,
    log2_alignment=4,
    codec=0,
    segment_length_max=2 * SMALL_BLOCK_ENTRY,
    history=0,
)
# 128 bytes of entry header, 4 of table, 76 for each of four frames, and the block; then up to the alignment.
FOUR_FRAMES_ENTRY = 16_832
FOUR_FRAMES = replace(SMALL, log2_block_bytes=14, segment_length_max=2 * FOUR_FRAMES_ENTRY)
LARGE = replace(
    USUAL,
    digest_algorithm=2,
    log2_block_bytes=24,
    log2_frame_bytes=12,
    log2_fan_out=8,
    log2_alignment=12,
    codec=3,
    segment_length_max=1 << 30,
    segment_number=(1 << 32) - 2,
    repository_id=b"\xff" * 16,
    features_writer=U64_MAX,
    features_ignored=U64_MAX,
    made=U64_MAX,
    history=64,
)
CASES = {
    "as usual": USUAL,
    "everything as small as may be": SMALL,
    "a segment of just two blocks of four frames": FOUR_FRAMES,
    "everything as large as may be": LARGE,
    "another segment of the same": replace(USUAL, segment_number=7),
    "frames as large as blocks": replace(USUAL, log2_frame_bytes=20, codec=1),
}
REJECTS = {
    "format version 1": replace(USUAL, format_version=1),
    "a feature a reader must know": replace(USUAL, features_reader=1),
    "the last feature a reader must know": replace(USUAL, features_reader=1 << 63),
    "digest algorithm 0": replace(USUAL, digest_algorithm=0),
    "digest algorithm 3": replace(USUAL, digest_algorithm=3),
    "blocks of 2 KiB": replace(USUAL, log2_block_bytes=11, log2_frame_bytes=11),
    "blocks of 32 MiB": replace(USUAL, log2_block_bytes=25),
    "frames of 2 KiB": replace(USUAL, log2_frame_bytes=11),
    "frames larger than blocks": replace(USUAL, log2_frame_bytes=21),
    "fan-out 8": replace(USUAL, log2_fan_out=3),
    "fan-out 512": replace(USUAL, log2_fan_out=9),
    "alignment 8": replace(USUAL, log2_alignment=3),
    "alignment 8192": replace(USUAL, log2_alignment=13),
    "codec 4": replace(USUAL, codec=4),
    "segments of more than 2^30 bytes": replace(USUAL, segment_length_max=(1 << 30) + 128),
    "segments that end unaligned": replace(USUAL, segment_length_max=(1 << 28) + 64),
    "segments too short for two blocks": replace(SMALL, segment_length_max=2 * SMALL_BLOCK_ENTRY - 16),
    "segments too short for two blocks of four frames": replace(
        FOUR_FRAMES, segment_length_max=2 * FOUR_FRAMES_ENTRY - 16
    ),
    "segment number 2^32 - 1": replace(USUAL, segment_number=(1 << 32) - 1),
    "history of 65": replace(USUAL, history=65),
}


def vectors():
    cases = [case(name, header, header.emit()) for name, header in CASES.items()]
    rejects = [reject(name, header.emit()) for name, header in REJECTS.items()]
    return file("segment header", cases, rejects + _spoilt(USUAL.emit()))


def _spoilt(good):
    tail = laid_over(good, 74, b"\1")[:124]
    end = laid_over(good, 123, b"\1")[:124]
    return [
        reject("magic", _summed(laid_over(good, 0, b"s")[:124])),
        reject("CRC", laid_over(good, 124, bytes((good[124] ^ 1,)))),
        reject("a field that must be 0, its first byte", _summed(tail)),
        reject("a field that must be 0, its last byte", _summed(end)),
        reject("too short", good[:127]),
    ]


def _summed(head):
    return head + zlib.crc32(head).to_bytes(4, "little")
