//! The frame table at the head of a block's payload (docs/FORMAT.md section 5).
//!
//! ```text
//! table: count u16 | 0 u16 | row ...
//! row:   index u16 | kind u8 | codec u8 | stored length u32 | [plain digest 32] | [stored digest 32]
//!        8 bytes for a zero frame, 40 for a raw one, 72 for a coded one
//! ```
//!
//! A [`FrameTable`] has been checked as a whole: every frame of the block is listed once and in order, and the stored lengths fill the
//! payload exactly, so a row's bytes can be sliced. It does not know whether any digest is right.

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
pub const ROW_BYTES_MAX: usize = 72;

const ZERO: u8 = 0;
const WHOLE: u8 = 1;

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
        /// Bytes as stored; fewer than the frame has.
        stored_bytes: u32,
        /// H of the frame.
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
        };
    }

    /// Bytes the row takes.
    pub const fn row_bytes(&self) -> usize {
        match self.body {
            FrameBody::Zero => 8,
            FrameBody::Raw { .. } => 40,
            FrameBody::Coded { .. } => ROW_BYTES_MAX,
        }
    }

    /// Bytes the frame takes behind the table.
    pub const fn stored_bytes(&self) -> u32 {
        match self.body {
            FrameBody::Zero => 0,
            FrameBody::Raw { stored_bytes, .. } | FrameBody::Coded { stored_bytes, .. } => stored_bytes,
        }
    }

    /// The frame's digest as the block's id takes it: zero for a zero frame.
    pub const fn plain(&self) -> Digest {
        match self.body {
            FrameBody::Zero => Digest::ZERO,
            FrameBody::Raw { plain, .. } | FrameBody::Coded { plain, .. } => plain,
        }
    }

    /// Whether the stored length is one a frame of `frame_bytes` may have.
    const fn fits(&self, frame_bytes: u32) -> bool {
        match self.body {
            FrameBody::Zero => true,
            FrameBody::Raw { stored_bytes, .. } => stored_bytes == frame_bytes,
            FrameBody::Coded { stored_bytes, .. } => stored_bytes < frame_bytes,
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
    /// Reads the table that is all of `head`, of a block of `raw_bytes` whose payload has `stored_bytes`.
    pub fn parse(head: &'a [u8], raw_bytes: u32, frame_bytes: u32, stored_bytes: u32) -> Result<FrameTable<'a>, What> {
        let mut fields = Reader(head);
        let count = fields.u16()?;
        fields.zeros(2)?;
        let frames = frame_count(raw_bytes, frame_bytes);
        if frames == 0 || frames > FRAMES_MAX || u32::from(count) != frames {
            return Err(What::Length);
        }
        let table = FrameTable { rows: fields.0, head_bytes: head.len(), raw_bytes, frame_bytes };
        let mut end = wide(head.len());
        for index in 0..count {
            let row = FrameRow::parse(&mut fields)?;
            if row.index != index || !row.fits(table.frame_len(index)) {
                return Err(What::Length);
            }
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
        Rows { table: *self, fields: Reader(self.rows), index: 0, at: self.head_bytes }
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
    index: u16,
    at: usize,
}

impl Iterator for Rows<'_> {
    type Item = Listed;

    fn next(&mut self) -> Option<Listed> {
        let row = FrameRow::parse(&mut self.fields).ok()?; // checked before: fails at the end only
        let end = self.at.saturating_add(narrow(row.stored_bytes().into()));
        let listed = Listed { row, stored: self.at..end, plain_bytes: self.table.frame_len(self.index) };
        self.index = self.index.saturating_add(1);
        self.at = end;
        Some(listed)
    }
}
