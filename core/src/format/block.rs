//! The frame table at the head of a block's payload (docs/FORMAT.md section 5).
//!
//! ```text
//! table: count u16 | 0 u16 | row ...
//! row:   index u16 | kind u8 | codec u8 | stored length u32 | [body length u32] | [plain digest 32] | [stored digest 32]
//!        8 bytes for a zero frame, 40 for a raw one, 72 for a coded one, 76 for a delta
//! ```
//!
//! A [`FrameTable`] has been checked as a whole: frames are listed once and in order, all of them where there is no base, and the stored
//! lengths fill the payload exactly, so a row's bytes can be sliced. It does not know whether any digest is right.

use super::bytes::{Reader, Writer};
use crate::codec::CodecId;
use crate::error::What;
use crate::types::{Digest, narrow, wide};
use core::ops::Range;

/// The most frames a block may have.
pub const FRAMES_MAX: u32 = 4096;
/// Bytes before the rows.
pub const COUNT_BYTES: usize = 4;
/// The most bytes a row takes.
pub const ROW_BYTES_MAX: usize = 76;

const ZERO: u8 = 0;
const WHOLE: u8 = 1;
const DELTA: u8 = 2;

/// The most bytes a table of this many frames takes.
pub const fn table_bytes_max(frames: u32) -> usize {
    COUNT_BYTES.saturating_add(ROW_BYTES_MAX.saturating_mul(narrow(frames as u64)))
}

/// How many frames of `frame_bytes` it takes to hold `raw_bytes`; the last may be shorter.
pub const fn frame_count(raw_bytes: u32, frame_bytes: u32) -> u32 {
    if frame_bytes == 0 { 0 } else { raw_bytes.div_ceil(frame_bytes) }
}

/// Bytes of the frame at `index` of a block of `raw_bytes`; 0 behind the last.
pub const fn frame_len(raw_bytes: u32, frame_bytes: u32, index: u32) -> u32 {
    let left = raw_bytes.saturating_sub(index.saturating_mul(frame_bytes));
    if left < frame_bytes { left } else { frame_bytes }
}

/// How a frame is stored.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FrameBody {
    /// Not at all: zeros.
    Zero,
    /// As it is.
    Raw {
        /// H of the frame.
        plain: Digest,
        /// Bytes; the frame's own length.
        stored_bytes: u32,
    },
    /// Through a codec.
    Coded {
        /// Which; never [`CodecId::None`].
        codec: CodecId,
        /// Bytes as stored; some, but fewer than the frame has.
        stored_bytes: u32,
        /// H of the frame.
        plain: Digest,
        /// H of the stored bytes.
        stored: Digest,
    },
    /// As changes to the same frame of the base block.
    Delta {
        /// Which codec the body went through, if any.
        codec: CodecId,
        /// Bytes as stored; no more than the body has.
        stored_bytes: u32,
        /// Bytes of the body; fewer than the frame has.
        body_bytes: u32,
        /// H of the frame that results.
        plain: Digest,
        /// H of the stored bytes.
        stored: Digest,
    },
}

/// One row of the table.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FrameRow {
    /// Which frame of the block.
    pub index: u16,
    /// How it is stored.
    pub body: FrameBody,
}

impl FrameRow {
    /// Reads a row; lengths are for the table to judge.
    pub fn parse(fields: &mut Reader<'_>) -> Result<FrameRow, What> {
        let (index, kind, codec, stored_bytes) = (fields.u16()?, fields.u8()?, fields.u8()?, fields.u32()?);
        let body = match (kind, CodecId::from_code(codec).ok_or(What::Field)?) {
            (ZERO, CodecId::None) if stored_bytes == 0 => FrameBody::Zero,
            (ZERO, CodecId::None) => return Err(What::Length),
            (WHOLE, CodecId::None) => FrameBody::Raw { plain: Digest(fields.array()?), stored_bytes },
            (WHOLE, codec) => {
                let (plain, stored) = (Digest(fields.array()?), Digest(fields.array()?));
                FrameBody::Coded { codec, stored_bytes, plain, stored }
            }
            (DELTA, codec) => {
                let (body_bytes, plain, stored) = (fields.u32()?, Digest(fields.array()?), Digest(fields.array()?));
                FrameBody::Delta { codec, stored_bytes, body_bytes, plain, stored }
            }
            _ => return Err(What::Field),
        };
        Ok(FrameRow { index, body })
    }

    /// Writes the row.
    pub fn emit(&self, to: &mut Writer<'_>) {
        to.u16(self.index);
        match &self.body {
            FrameBody::Zero => to.u8(ZERO).u8(CodecId::None.code()).u32(0),
            FrameBody::Raw { plain, stored_bytes } => to.u8(WHOLE).u8(CodecId::None.code()).u32(*stored_bytes).bytes(&plain.0),
            FrameBody::Coded { codec, stored_bytes, plain, stored } => {
                to.u8(WHOLE).u8(codec.code()).u32(*stored_bytes).bytes(&plain.0).bytes(&stored.0)
            }
            FrameBody::Delta { codec, stored_bytes, body_bytes, plain, stored } => {
                to.u8(DELTA).u8(codec.code()).u32(*stored_bytes).u32(*body_bytes).bytes(&plain.0).bytes(&stored.0)
            }
        };
    }

    /// Bytes the row takes.
    pub const fn row_bytes(&self) -> usize {
        match self.body {
            FrameBody::Zero => 8,
            FrameBody::Raw { .. } => 40,
            FrameBody::Coded { .. } => 72,
            FrameBody::Delta { .. } => ROW_BYTES_MAX,
        }
    }

    /// Bytes the frame takes behind the table.
    pub const fn stored_bytes(&self) -> u32 {
        match self.body {
            FrameBody::Zero => 0,
            FrameBody::Raw { stored_bytes, .. }
            | FrameBody::Coded { stored_bytes, .. }
            | FrameBody::Delta { stored_bytes, .. } => stored_bytes,
        }
    }

    /// Whether it takes the base's frame to make this one.
    pub const fn is_delta(&self) -> bool {
        matches!(self.body, FrameBody::Delta { .. })
    }

    /// The frame's digest as the block's id takes it: zero for a zero frame.
    pub const fn plain(&self) -> Digest {
        match self.body {
            FrameBody::Zero => Digest::ZERO,
            FrameBody::Raw { plain, .. } | FrameBody::Coded { plain, .. } | FrameBody::Delta { plain, .. } => plain,
        }
    }

    /// Whether the stored length is one a frame of `frame_bytes` may have.
    const fn fits(&self, frame_bytes: u32) -> bool {
        match self.body {
            FrameBody::Zero => true,
            FrameBody::Raw { stored_bytes, .. } => stored_bytes == frame_bytes,
            FrameBody::Coded { stored_bytes, .. } => 0 < stored_bytes && stored_bytes < frame_bytes,
            FrameBody::Delta { codec: CodecId::None, stored_bytes, body_bytes, .. } => {
                0 < stored_bytes && stored_bytes == body_bytes && body_bytes < frame_bytes
            }
            FrameBody::Delta { stored_bytes, body_bytes, .. } => {
                0 < stored_bytes && stored_bytes < body_bytes && body_bytes < frame_bytes
            }
        }
    }
}

/// Starts a table; rows follow.
pub fn emit_count(to: &mut Writer<'_>, frames: u32) -> Result<(), What> {
    to.u16(u16::try_from(frames).map_err(|_| What::Length)?).u16(0);
    Ok(())
}

/// A row and where its frame lies.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Listed {
    /// The row.
    pub row: FrameRow,
    /// The frame's stored bytes, within the payload.
    pub stored: Range<usize>,
    /// Bytes of the frame.
    pub plain_bytes: u32,
}

/// A frame table that has been checked as a whole.
#[derive(Clone, Copy, Debug)]
pub struct FrameTable<'a> {
    rows: &'a [u8],
    head_bytes: usize,
    raw_bytes: u32,
    frame_bytes: u32,
}

impl<'a> FrameTable<'a> {
    /// Reads the table that is all of `head`, of a block of `raw_bytes` whose payload has `stored_bytes` and which has a base or not.
    pub fn parse(
        head: &'a [u8],
        raw_bytes: u32,
        frame_bytes: u32,
        stored_bytes: u32,
        based: bool,
    ) -> Result<FrameTable<'a>, What> {
        let mut fields = Reader(head);
        let count = fields.u16()?;
        fields.zeros(2)?;
        let frames = frame_count(raw_bytes, frame_bytes);
        let listed = u32::from(count);
        let right = if based { 0 < listed && listed <= frames } else { listed == frames };
        if frames == 0 || frames > FRAMES_MAX || !right {
            return Err(What::Length);
        }
        let table = FrameTable { rows: fields.0, head_bytes: head.len(), raw_bytes, frame_bytes };
        let (mut end, mut next) = (wide(head.len()), 0);
        for _ in 0..count {
            let row = FrameRow::parse(&mut fields)?;
            let index = u32::from(row.index);
            let in_place = if based { next <= index && index < frames } else { index == next };
            if !in_place || !row.fits(table.frame_len(row.index)) {
                return Err(What::Length);
            }
            if row.is_delta() && !based {
                return Err(What::Field);
            }
            next = index.saturating_add(1);
            end = end.saturating_add(row.stored_bytes().into());
        }
        fields.end()?;
        match end == u64::from(stored_bytes) {
            true => Ok(table),
            false => Err(What::Length),
        }
    }

    /// All rows, in order.
    pub fn rows(&self) -> Rows<'a> {
        Rows { table: *self, fields: Reader(self.rows), at: self.head_bytes }
    }

    fn frame_len(&self, index: u16) -> u32 {
        frame_len(self.raw_bytes, self.frame_bytes, index.into())
    }
}

/// The rows of a table.
#[derive(Clone)]
pub struct Rows<'a> {
    table: FrameTable<'a>,
    fields: Reader<'a>,
    at: usize,
}

impl Iterator for Rows<'_> {
    type Item = Listed;

    fn next(&mut self) -> Option<Listed> {
        let row = FrameRow::parse(&mut self.fields).ok()?; // checked before: fails at the end only
        let end = self.at.saturating_add(narrow(row.stored_bytes().into()));
        let listed = Listed { row, stored: self.at..end, plain_bytes: self.table.frame_len(row.index) };
        self.at = end;
        Some(listed)
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::vec::Vec;

    const PLAIN: Digest = Digest([0xAA; 32]);
    const STORED: Digest = Digest([0xBB; 32]);

    /// 4096 zeros, 4096 bytes through LZ4 in 300, 1000 bytes raw.
    const RAW_BYTES: u32 = 9192;
    const FRAME_BYTES: u32 = 4096;

    fn rows() -> [FrameRow; 3] {
        [
            FrameRow { index: 0, body: FrameBody::Zero },
            FrameRow {
                index: 1,
                body: FrameBody::Coded { codec: CodecId::Lz4, stored_bytes: 300, plain: PLAIN, stored: STORED },
            },
            FrameRow { index: 2, body: FrameBody::Raw { plain: PLAIN, stored_bytes: 1000 } },
        ]
    }

    fn table_of(count: u32, rows: &[FrameRow]) -> Vec<u8> {
        let mut bytes = std::vec![0; table_bytes_max(low(rows.len()))];
        let mut to = Writer::new(&mut bytes);
        emit_count(&mut to, count).unwrap();
        rows.iter().for_each(|row| row.emit(&mut to));
        let len = to.end().unwrap();
        bytes.truncate(len);
        bytes
    }

    fn low(len: usize) -> u32 {
        u32::try_from(len).unwrap()
    }

    fn fixed() -> Vec<u8> {
        let mut bytes = Vec::from([3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1, 1, 0x2C, 1, 0, 0]);
        bytes.extend([0xAA; 32]);
        bytes.extend([0xBB; 32]);
        bytes.extend([2, 0, 1, 0, 0xE8, 3, 0, 0]);
        bytes.extend([0xAA; 32]);
        bytes
    }

    fn parse(head: &[u8]) -> Result<(), What> {
        FrameTable::parse(head, RAW_BYTES, FRAME_BYTES, low(head.len()) + 1300, false).map(|_| ())
    }

    #[test]
    fn a_table_is_these_bytes() {
        assert_eq!(table_of(3, &rows()), fixed());
        assert_eq!(fixed().len(), COUNT_BYTES + rows().iter().map(FrameRow::row_bytes).sum::<usize>());
        assert_eq!(rows().map(|row| row.row_bytes()), [8, 72, 40]);
    }

    #[test]
    fn rows_come_with_the_place_of_their_frames() {
        let head = fixed();
        let table = FrameTable::parse(&head, RAW_BYTES, FRAME_BYTES, 1424, false).unwrap();
        let listed: Vec<Listed> = table.rows().collect();
        assert_eq!(listed.iter().map(|listed| listed.row).collect::<Vec<_>>(), rows());
        assert_eq!(listed.iter().map(|listed| listed.stored.clone()).collect::<Vec<_>>(), [124..124, 124..424, 424..1424]);
        assert_eq!(listed.iter().map(|listed| listed.plain_bytes).collect::<Vec<_>>(), [4096, 4096, 1000]);
        assert_eq!(listed.iter().map(|listed| listed.row.plain()).collect::<Vec<_>>(), [Digest::ZERO, PLAIN, PLAIN]);
    }

    #[test]
    fn every_field_out_of_place_is_rejected() {
        let cases: [(usize, u8, What); 14] = [
            (0, 2, What::Length),     // count too small
            (0, 4, What::Length),     // count too large
            (2, 1, What::Field),      // must be 0
            (4, 1, What::Length),     // index not ascending
            (6, 4, What::Field),      // kind unknown
            (6, 3, What::Field),      // kind unknown
            (7, 1, What::Field),      // zero frame with a codec
            (8, 1, What::Length),     // zero frame with bytes
            (12, 0, What::Length),    // index repeated
            (12, 2, What::Length),    // index left out
            (14, 0, What::Field),     // zero frame with a codec
            (15, 4, What::Field),     // codec unknown
            (16, 0x2D, What::Length), // one byte more than there is
            (89, 0, What::Length),    // raw frame not of its length
        ];
        assert_eq!(parse(&fixed()), Ok(()));
        for (at, value, what) in cases {
            let mut head = fixed();
            assert_ne!(head[at], value);
            head[at] = value;
            assert_eq!(parse(&head), Err(what), "{at} = {value}");
        }
    }

    #[test]
    fn a_table_ends_where_the_head_ends_and_frames_where_the_payload_ends() {
        let head = fixed();
        for len in 0..head.len() {
            assert_eq!(
                FrameTable::parse(&head[..len], RAW_BYTES, FRAME_BYTES, low(len) + 1300, false).err(),
                Some(What::Length),
                "{len}"
            );
        }
        assert_eq!(parse(&[head.as_slice(), &[0]].concat()), Err(What::Length));
        for stored_bytes in [0, 1423, 1425, u32::MAX] {
            assert_eq!(FrameTable::parse(&head, RAW_BYTES, FRAME_BYTES, stored_bytes, false).err(), Some(What::Length));
        }
    }

    #[test]
    fn a_frame_has_no_more_than_its_own_length() {
        let coded = |stored_bytes| {
            let body = FrameBody::Coded { codec: CodecId::Zlib, stored_bytes, plain: PLAIN, stored: STORED };
            let head = table_of(1, &[FrameRow { index: 0, body }]);
            FrameTable::parse(&head, 1000, FRAME_BYTES, low(head.len()).saturating_add(stored_bytes), false).map(|_| ())
        };
        assert_eq!([1, 999].map(coded), [Ok(()); 2]);
        assert_eq!([0, 1000, 1001, u32::MAX].map(coded), [Err(What::Length); 4]);
        let raw = |stored_bytes| {
            let head = table_of(1, &[FrameRow { index: 0, body: FrameBody::Raw { plain: PLAIN, stored_bytes } }]);
            FrameTable::parse(&head, 1000, FRAME_BYTES, low(head.len()).saturating_add(stored_bytes), false).map(|_| ())
        };
        assert_eq!([999, 1000, 1001].map(raw), [Err(What::Length), Ok(()), Err(What::Length)]);
    }

    #[test]
    fn frames_are_counted_up_to_their_limit() {
        let zeros = |frames: u32, raw_bytes: u32, frame_bytes: u32| {
            let rows: Vec<FrameRow> =
                (0..u16::try_from(frames).unwrap()).map(|index| FrameRow { index, body: FrameBody::Zero }).collect();
            let head = table_of(frames, &rows);
            FrameTable::parse(&head, raw_bytes, frame_bytes, low(head.len()), false).map(|table| table.rows().count())
        };
        assert_eq!(zeros(4096, 4096 << 12, 4096), Ok(4096));
        assert_eq!(zeros(4096, (4095 << 12) + 1, 4096), Ok(4096));
        assert_eq!(zeros(4096, 4095 << 12, 4096), Err(What::Length));
        assert_eq!(zeros(4097, 4097 << 12, 4096), Err(What::Length));
        assert_eq!(zeros(0, 0, 4096), Err(What::Length), "no block is empty");
        assert_eq!(zeros(1, 4096, 0), Err(What::Length));
        assert_eq!(zeros(1, u32::MAX, 1 << 24), Err(What::Length));
        assert_eq!((frame_len(9192, 4096, 2), frame_len(9192, 4096, 3), frame_len(u32::MAX, 1 << 24, u32::MAX)), (1000, 0, 0));
    }

    #[test]
    fn a_count_that_does_not_fit_is_not_written() {
        let mut bytes = [0; COUNT_BYTES];
        assert_eq!(emit_count(&mut Writer::new(&mut bytes), 65_536), Err(What::Length));
        assert_eq!(table_bytes_max(4096), 311_300);
    }

    /// On a base: frame 1 through LZ4 in 60 of 200 bytes, frame 2 zero; frame 0 as in the base.
    fn based_rows() -> [FrameRow; 2] {
        let codec = CodecId::Lz4;
        let body = FrameBody::Delta { codec, stored_bytes: 60, body_bytes: 200, plain: PLAIN, stored: STORED };
        [FrameRow { index: 1, body }, FrameRow { index: 2, body: FrameBody::Zero }]
    }

    fn based() -> Vec<u8> {
        let mut bytes = Vec::from([2, 0, 0, 0, 1, 0, 2, 1, 60, 0, 0, 0, 200, 0, 0, 0]);
        bytes.extend([0xAA; 32]);
        bytes.extend([0xBB; 32]);
        bytes.extend([2, 0, 0, 0, 0, 0, 0, 0]);
        bytes
    }

    fn parse_based(head: &[u8]) -> Result<(), What> {
        FrameTable::parse(head, RAW_BYTES, FRAME_BYTES, low(head.len()) + 60, true).map(|_| ())
    }

    #[test]
    fn a_table_on_a_base_is_these_bytes_and_lists_what_changed() {
        assert_eq!(table_of(2, &based_rows()), based());
        assert_eq!(based_rows().map(|row| (row.row_bytes(), row.is_delta())), [(ROW_BYTES_MAX, true), (8, false)]);
        let head = based();
        let table = FrameTable::parse(&head, RAW_BYTES, FRAME_BYTES, 148, true).unwrap();
        let listed: Vec<Listed> = table.rows().collect();
        assert_eq!(listed.iter().map(|listed| listed.row).collect::<Vec<_>>(), based_rows());
        assert_eq!(listed.iter().map(|listed| listed.stored.clone()).collect::<Vec<_>>(), [88..148, 148..148]);
        assert_eq!(listed.iter().map(|listed| listed.plain_bytes).collect::<Vec<_>>(), [4096, 1000]);
        assert_eq!(listed.iter().map(|listed| listed.row.plain()).collect::<Vec<_>>(), [PLAIN, Digest::ZERO]);
    }

    #[test]
    fn every_field_out_of_place_on_a_base_is_rejected() {
        let cases: [(usize, u8, What); 20] = [
            (0, 0, What::Length),     // nothing listed
            (0, 1, What::Length),     // count too small
            (0, 3, What::Length),     // count too large
            (0, 4, What::Length),     // more than there are frames
            (2, 1, What::Field),      // must be 0
            (4, 2, What::Length),     // index repeated by the next
            (4, 3, What::Length),     // no such frame
            (5, 1, What::Length),     // far behind the last
            (6, 3, What::Field),      // kind unknown
            (6, 0, What::Field),      // zero frame with a codec
            (7, 0, What::Length),     // through no codec, and yet not as long as the body
            (7, 4, What::Field),      // codec unknown
            (8, 0, What::Length),     // nothing stored
            (8, 61, What::Length),    // one byte more than there is
            (8, 200, What::Length),   // as long as the body
            (12, 60, What::Length),   // a body as short as what is stored
            (13, 0x10, What::Length), // a body longer than the frame
            (80, 1, What::Length),    // index repeated
            (80, 0, What::Length),    // index descending
            (84, 1, What::Length),    // zero frame with bytes
        ];
        assert_eq!(parse_based(&based()), Ok(()));
        for (at, value, what) in cases {
            let mut head = based();
            assert_ne!(head[at], value);
            head[at] = value;
            assert_eq!(parse_based(&head), Err(what), "{at} = {value}");
        }
        for len in 0..based().len() {
            assert_eq!(parse_based(&based()[..len]), Err(What::Length), "{len}");
        }
        assert_eq!(parse_based(&[based().as_slice(), &[0]].concat()), Err(What::Length));
    }

    #[test]
    fn only_a_block_on_a_base_leaves_frames_out_or_changes_them() {
        let delta = based_rows()[0];
        let all = [FrameRow { index: 0, body: FrameBody::Zero }, delta, FrameRow { index: 2, body: FrameBody::Zero }];
        let parse = |rows: &[FrameRow], based| {
            let head = table_of(low(rows.len()), rows);
            let stored_bytes: u32 = rows.iter().map(FrameRow::stored_bytes).sum();
            FrameTable::parse(&head, RAW_BYTES, FRAME_BYTES, low(head.len()) + stored_bytes, based).map(|_| ())
        };
        assert_eq!((parse(&all, true), parse(&all, false)), (Ok(()), Err(What::Field)));
        assert_eq!((parse(&rows(), true), parse(&rows(), false)), (Ok(()), Ok(())), "all of them whole");
        assert_eq!((parse(&rows()[1..], true), parse(&rows()[1..], false)), (Ok(()), Err(What::Length)));
        assert_eq!((parse(&rows()[..2], true), parse(&rows()[..2], false)), (Ok(()), Err(What::Length)));
        assert_eq!((parse(&[], true), parse(&[], false)), (Err(What::Length), Err(What::Length)));
    }

    #[test]
    fn changes_take_less_than_their_frame_and_a_codec_makes_them_shorter() {
        let delta = |index, codec, stored_bytes, body_bytes| {
            let body = FrameBody::Delta { codec, stored_bytes, body_bytes, plain: PLAIN, stored: STORED };
            let head = table_of(1, &[FrameRow { index, body }]);
            let payload_bytes = low(head.len()).saturating_add(stored_bytes);
            FrameTable::parse(&head, RAW_BYTES, FRAME_BYTES, payload_bytes, true).map(|_| ())
        };
        // The last frame has 1000 bytes, the others 4096.
        for (index, len) in [(0, 4096), (2, 1000)] {
            let plain = |stored_bytes, body_bytes| delta(index, CodecId::None, stored_bytes, body_bytes);
            assert_eq!([1, len - 1].map(|bytes| plain(bytes, bytes)), [Ok(()); 2]);
            assert_eq!([0, len, len + 1, u32::MAX].map(|bytes| plain(bytes, bytes)), [Err(What::Length); 4]);
            assert_eq!([plain(10, 11), plain(11, 10)], [Err(What::Length); 2]);
            let coded = |stored_bytes, body_bytes| delta(index, CodecId::Zstd, stored_bytes, body_bytes);
            assert_eq!([coded(1, 2), coded(len - 2, len - 1)], [Ok(()); 2]);
            assert_eq!([coded(0, 2), coded(2, 2), coded(3, 2), coded(1, len)], [Err(What::Length); 4]);
        }
    }
}
