//! Segment header: 128 bytes at offset 0 (docs/FORMAT.md section 2). Every segment repeats the repository's parameters, so it describes itself.

use super::block::table_bytes_max;
use super::bytes::{Reader, Writer, crc32};
use crate::codec::CodecId;
use crate::digest::Algorithm;
use crate::error::What;
use crate::types::{RepositoryId, SegmentNumber, align_up, low32, wide};

/// Bytes of a segment header.
pub const LEN: usize = 128;
/// The first bytes of every segment.
pub const MAGIC: [u8; 8] = *b"SARSEN\r\n";
/// The format version this build reads and writes.
pub const VERSION: u16 = 0;
/// Features a reader must know that this build knows.
pub const READ_FEATURES: u64 = 0;
/// Features a writer must know that this build knows.
pub const WRITE_FEATURES: u64 = 0;
/// The most commits that a commit may list.
pub const HISTORY_MAX: u16 = 64;
/// The greatest length of a segment.
pub const SEGMENT_BYTES_MAX: u32 = 1 << 30;

/// What is the same in all segments of a repository.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Parameters {
    /// Which repository.
    pub repository: RepositoryId,
    /// The digest of everything.
    pub algorithm: Algorithm,
    /// log2 of the block length in bytes.
    pub block_log2: u8,
    /// log2 of the frame length in bytes.
    pub frame_log2: u8,
    /// log2 of the rows in a page.
    pub fan_out_log2: u8,
    /// log2 of the alignment in bytes.
    pub align_log2: u8,
    /// The codec a writer uses.
    pub codec: CodecId,
    /// The greatest length of a segment in bytes.
    pub segment_bytes: u32,
    /// Features a writer must know.
    pub write_features: u64,
    /// Features that may be ignored.
    pub ignored_features: u64,
    /// When the repository was made, ms since 1970.
    pub made: u64,
    /// How many older commits a commit lists.
    pub history: u16,
}

impl Parameters {
    /// Bytes of a block.
    pub fn block_bytes(&self) -> u32 {
        1u32.checked_shl(self.block_log2.into()).unwrap_or(u32::MAX)
    }

    /// Bytes of a frame.
    pub fn frame_bytes(&self) -> u32 {
        1u32.checked_shl(self.frame_log2.into()).unwrap_or(u32::MAX)
    }

    /// Rows of a page.
    pub fn fan_out(&self) -> u32 {
        1u32.checked_shl(self.fan_out_log2.into()).unwrap_or(u32::MAX)
    }

    /// Alignment in bytes.
    pub fn alignment(&self) -> u32 {
        1u32.checked_shl(self.align_log2.into()).unwrap_or(u32::MAX)
    }

    /// `len` rounded up to the alignment.
    pub fn align(&self, len: u64) -> u64 {
        align_up(len, self.alignment().into())
    }

    /// Where the first entry of a segment lies.
    pub fn first_entry(&self) -> u32 {
        low32(self.align(LEN as u64))
    }

    /// The least a segment must hold: two of the largest blocks.
    fn segment_bytes_min(&self) -> u64 {
        let frames = u64::from(self.block_bytes() >> self.frame_log2);
        let table = wide(table_bytes_max(low32(frames)));
        let block = table.saturating_add(self.block_bytes().into());
        self.align(block.saturating_add(LEN as u64)).saturating_mul(2)
    }

    /// Whether every field is within the format's limits.
    pub fn valid(&self) -> bool {
        (12..=24).contains(&self.block_log2)
            && (12..=self.block_log2).contains(&self.frame_log2)
            && self.block_log2.saturating_sub(self.frame_log2) <= 12
            && (4..=8).contains(&self.fan_out_log2)
            && (4..=12).contains(&self.align_log2)
            && self.segment_bytes <= SEGMENT_BYTES_MAX
            && self.segment_bytes.checked_rem(self.alignment()) == Some(0)
            && u64::from(self.segment_bytes) >= self.segment_bytes_min()
            && self.history <= HISTORY_MAX
    }
}

/// A segment header.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SegmentHeader {
    /// The repository's parameters.
    pub parameters: Parameters,
    /// This segment's number.
    pub segment: SegmentNumber,
}

/// Why a header cannot be used.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum HeaderFault {
    /// The bytes are damaged, or no header.
    Bad(What),
    /// The bytes are as written, by a newer sarsen or with a feature unknown here.
    Unsupported {
        /// The repository it says it is of.
        repository: RepositoryId,
    },
}

impl From<What> for HeaderFault {
    fn from(what: What) -> HeaderFault {
        HeaderFault::Bad(what)
    }
}

impl SegmentHeader {
    /// Reads a header. Magic and CRC first: what is right but unknown is [`HeaderFault::Unsupported`], not damage.
    pub fn parse(bytes: &[u8; LEN]) -> Result<SegmentHeader, HeaderFault> {
        let mut fields = unseal(bytes, &MAGIC, &[])?;
        let unsupported = HeaderFault::Unsupported { repository: RepositoryId(Reader(bytes.get(24..).unwrap_or(&[])).array()?) };
        if fields.u16()? != VERSION {
            return Err(unsupported);
        }
        let (algorithm, block_log2, frame_log2) = (fields.u8()?, fields.u8()?, fields.u8()?);
        let (fan_out_log2, align_log2, codec) = (fields.u8()?, fields.u8()?, fields.u8()?);
        let (segment_bytes, segment) = (fields.u32()?, fields.u32()?);
        let repository = RepositoryId(fields.array()?);
        let (read_features, write_features, ignored_features) = (fields.u64()?, fields.u64()?, fields.u64()?);
        if read_features & !READ_FEATURES != 0 {
            return Err(unsupported);
        }
        let parameters = Parameters {
            repository,
            algorithm: Algorithm::from_code(algorithm).ok_or(unsupported)?,
            block_log2,
            frame_log2,
            fan_out_log2,
            align_log2,
            codec: CodecId::from_code(codec).ok_or(unsupported)?,
            segment_bytes,
            write_features,
            ignored_features,
            made: fields.u64()?,
            history: fields.u16()?,
        };
        fields.zeros(50)?;
        match parameters.valid() && SegmentNumber(segment) <= SegmentNumber::MAX {
            true => Ok(SegmentHeader { parameters, segment: SegmentNumber(segment) }),
            false => Err(What::Field.into()),
        }
    }

    /// Writes the header.
    pub fn emit(&self, to: &mut [u8; LEN]) {
        let p = &self.parameters;
        let mut fields = Writer::new(to);
        fields.bytes(&MAGIC).u16(VERSION).u8(p.algorithm.code()).u8(p.block_log2).u8(p.frame_log2);
        fields.u8(p.fan_out_log2).u8(p.align_log2).u8(p.codec.code());
        fields.u32(p.segment_bytes).u32(self.segment.0).bytes(&p.repository.0);
        fields.u64(READ_FEATURES).u64(p.write_features).u64(p.ignored_features).u64(p.made).u16(p.history).zeros(50);
        seal(to, &[]);
    }
}

/// Puts the CRC of `context` and all but the last four bytes into the last four.
pub(crate) fn seal(bytes: &mut [u8], context: &[&[u8]]) {
    if let Some((body, crc)) = bytes.split_last_chunk_mut::<4>() {
        *crc = checksum(context, body).to_le_bytes();
    }
}

/// The fields between a magic and the CRC that [`seal`] has put behind them, if both are right.
pub(crate) fn unseal<'a, const M: usize>(bytes: &'a [u8], magic: &[u8; M], context: &[&[u8]]) -> Result<Reader<'a>, What> {
    let (body, crc) = bytes.split_last_chunk::<4>().ok_or(What::Length)?;
    let mut fields = Reader(body);
    if fields.array()? != *magic {
        return Err(What::Magic);
    }
    match checksum(context, body) == u32::from_le_bytes(*crc) {
        true => Ok(fields),
        false => Err(What::Checksum),
    }
}

/// The CRC of at most three parts of context and a body.
pub(crate) fn checksum(context: &[&[u8]], body: &[u8]) -> u32 {
    match context {
        [a, b, c] => crc32(&[a, b, c, body]),
        _ => crc32(&[body]),
    }
}
