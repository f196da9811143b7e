//! Header of a delta stream: which two versions it lies between (docs/FORMAT.md section 16).

use super::SECTOR_BYTES;
use crate::digest::Algorithm;
use crate::error::What;
use crate::format::bytes::{Reader, Writer};
use crate::format::header::{seal, unseal};
use crate::format::record::{put_text, text};
use crate::types::{Id, low32, narrow, wide};

/// The first bytes of every stream.
pub const MAGIC: [u8; 8] = *b"SARSDIFF";
/// The version this build reads and writes.
pub const VERSION: u16 = 0;
/// Bytes that tell how long the header is.
pub const PRELUDE_LEN: usize = 20;
/// The most bytes of a header, of any version.
pub const HEADER_LEN_MAX: usize = 1024;

const FIXED_LEN: usize = 120;
const CRC_LEN: usize = 4;
const HEADER_LEN_MIN: usize = FIXED_LEN + 3 + CRC_LEN;
const BLOCKS_MAX_LOG2: u32 = 34;

/// What a stream is of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Header<'a> {
    /// The digest that both roots are made with.
    pub algorithm: Algorithm,
    /// log2 of the block length in bytes.
    pub block_log2: u8,
    /// log2 of the frame length in bytes.
    pub frame_log2: u8,
    /// log2 of the rows in a page.
    pub fan_out_log2: u8,
    /// Bytes of the disk that the differences are laid on; 0 without a base.
    pub base_bytes: u64,
    /// Bytes of the disk that comes out.
    pub target_bytes: u64,
    /// The root of the version that the differences are laid on; zero if they are all of the disk.
    pub base_root: Id,
    /// The root of the version that comes out.
    pub target_root: Id,
    /// From where on the stream tells differences; what lies before, the reader has from an earlier stream.
    pub start: u64,
    /// When the target version's backup started, ms since 1970.
    pub time: u64,
    /// The disk's name.
    pub name: &'a str,
    /// The target version's snapshot name.
    pub snapshot: &'a str,
    /// What the target version's source was.
    pub source: &'a str,
}

impl<'a> Header<'a> {
    /// How long the header is in all, CRC included, as its first bytes say; none while there are fewer than [`PRELUDE_LEN`].
    pub fn stated_len(start: &[u8]) -> Result<Option<usize>, What> {
        let known = start.len().min(MAGIC.len());
        if start.get(..known) != MAGIC.get(..known) {
            return Err(What::Magic);
        }
        let Some(prelude) = start.first_chunk::<PRELUDE_LEN>() else { return Ok(None) };
        let mut fields = Reader(prelude);
        fields.slice(PRELUDE_LEN - 4)?;
        match narrow(fields.u32()?.into()) {
            len @ HEADER_LEN_MIN..=HEADER_LEN_MAX => Ok(Some(len)),
            _ => Err(What::Length),
        }
    }

    /// Reads a header from exactly the bytes that [`Header::stated_len`] says. Magic and CRC first: what is right but unknown is
    /// [`What::Unsupported`], not damage.
    pub fn parse(bytes: &'a [u8]) -> Result<Header<'a>, What> {
        if Header::stated_len(bytes)? != Some(bytes.len()) {
            return Err(What::Length);
        }
        let mut fields = unseal(bytes, &MAGIC, &[])?;
        if fields.u16()? != VERSION {
            return Err(What::Unsupported);
        }
        let algorithm = Algorithm::from_code(fields.u8()?);
        let (block_log2, frame_log2, fan_out_log2) = (fields.u8()?, fields.u8()?, fields.u8()?);
        // The zeros are flags, the length that was looked at already, and filling.
        fields.zeros(2)?;
        fields.u32()?;
        fields.zeros(4)?;
        let header = Header {
            algorithm: algorithm.ok_or(What::Unsupported)?,
            block_log2,
            frame_log2,
            fan_out_log2,
            base_bytes: fields.u64()?,
            target_bytes: fields.u64()?,
            base_root: Id(fields.array()?),
            target_root: Id(fields.array()?),
            start: fields.u64()?,
            time: fields.u64()?,
            name: text(&mut fields)?,
            snapshot: text(&mut fields)?,
            source: text(&mut fields)?,
        };
        fields.end()?;
        header.valid().then_some(header).ok_or(What::Field)
    }

    /// Whether every field is within the format's limits.
    fn valid(&self) -> bool {
        let disk_bytes_max = 1u64.checked_shl(BLOCKS_MAX_LOG2.saturating_add(self.block_log2.into())).unwrap_or(0);
        (12..=24).contains(&self.block_log2)
            && (12..=self.block_log2).contains(&self.frame_log2)
            && self.block_log2.saturating_sub(self.frame_log2) <= 12
            && (4..=8).contains(&self.fan_out_log2)
            && self.base_bytes.max(self.target_bytes) <= disk_bytes_max
            && (self.base_bytes == 0 || !self.base_root.is_zero())
            && !self.target_root.is_zero()
            && self.start <= self.target_bytes
            && (self.start.is_multiple_of(SECTOR_BYTES) || self.start == self.target_bytes)
    }

    /// Bytes of a frame.
    pub fn frame_bytes(&self) -> u32 {
        1u32.checked_shl(self.frame_log2.into()).unwrap_or(u32::MAX)
    }

    /// Bytes of the header in all.
    pub fn len_bytes(&self) -> usize {
        let texts = [self.name, self.snapshot, self.source];
        texts.iter().fold(HEADER_LEN_MIN, |len, text| len.saturating_add(text.len()))
    }

    /// Writes the header. [`What::Field`] if a field is outside its limits, [`What::Length`] if a text is.
    pub fn emit(&self, to: &mut [u8]) -> Result<usize, What> {
        if !self.valid() {
            return Err(What::Field);
        }
        let to = to.get_mut(..self.len_bytes()).ok_or(What::Length)?;
        let (body, _) = to.split_last_chunk_mut::<CRC_LEN>().ok_or(What::Length)?;
        let mut fields = Writer::new(body);
        fields.bytes(&MAGIC).u16(VERSION).u8(self.algorithm.code()).u8(self.block_log2).u8(self.frame_log2);
        fields.u8(self.fan_out_log2).u16(0).u32(low32(wide(self.len_bytes()))).u32(0);
        fields.u64(self.base_bytes).u64(self.target_bytes).bytes(&self.base_root.0).bytes(&self.target_root.0);
        fields.u64(self.start).u64(self.time);
        for text in [self.name, self.snapshot, self.source] {
            put_text(text, &mut fields)?;
        }
        fields.end()?;
        seal(to, &[]);
        Ok(self.len_bytes())
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::super::tests::{HEADER, header};
    use super::*;
    use crate::format::bytes::crc32;

    #[test]
    fn a_header_lies_as_the_format_says() {
        let head = [
            &b"SARSDIFF\0\0\x01\x0D\x0C\x04\0\0\x89\0\0\0\0\0\0\0"[..],
            b"\0\x10\0\0\0\0\0\0\x64\x30\0\0\0\0\0\0",
            &[0xBA; 32],
            &[0x7A; 32],
            b"\0\x02\0\0\0\0\0\0\0\x68\xE5\xCF\x8B\x01\0\0\x04disk\x06monday\0",
        ]
        .concat();
        let expected = [&head[..], &crc32(&[&head]).to_le_bytes()].concat();
        assert_eq!(expected.len(), 137);
        assert_eq!(header(), expected);
        assert_eq!(Header::parse(&expected), Ok(HEADER));
        assert_eq!(HEADER.emit(&mut [0; 136]), Err(What::Length), "no room");
    }

    #[test]
    fn a_header_says_early_how_long_it_is() {
        let bytes = header();
        for len in 0..PRELUDE_LEN {
            assert_eq!(Header::stated_len(&bytes[..len]), Ok(None), "{len}");
        }
        assert_eq!(Header::stated_len(&bytes[..PRELUDE_LEN]), Ok(Some(bytes.len())));
        assert_eq!(Header::stated_len(b"SARSDIFG"), Err(What::Magic));
        assert_eq!(Header::stated_len(b"x"), Err(What::Magic));
        for (len, expected) in [(126u32, false), (127, true), (1024, true), (1025, false), (u32::MAX, false)] {
            let mut bytes = bytes.clone();
            bytes[16..20].copy_from_slice(&len.to_le_bytes());
            assert_eq!(Header::stated_len(&bytes).is_ok(), expected, "{len}");
        }
    }

    #[test]
    fn every_cut_and_flip_of_a_header_is_noticed() {
        let bytes = header();
        for len in 0..bytes.len() {
            assert!(Header::parse(&bytes[..len]).is_err(), "cut to {len}");
        }
        assert_eq!(Header::parse(&[&bytes[..], &[0]].concat()), Err(What::Length));
        for at in 0..bytes.len() {
            for bit in 0..8 {
                let mut flipped = bytes.clone();
                flipped[at] ^= 1 << bit;
                assert!(Header::parse(&flipped).is_err(), "bit {bit} of byte {at}");
            }
        }
    }

    /// Patches a header and gives it the CRC of what it then is.
    fn patched(at: usize, patch: &[u8]) -> Result<(), What> {
        let mut bytes = header();
        bytes[at..at + patch.len()].copy_from_slice(patch);
        let body = bytes.len() - CRC_LEN;
        let crc = crc32(&[&bytes[..body]]);
        bytes[body..].copy_from_slice(&crc.to_le_bytes());
        Header::parse(&bytes).map(|_| ())
    }

    #[test]
    fn a_header_outside_its_limits_is_refused() {
        assert_eq!(patched(0, b""), Ok(()));
        for (at, patch, what) in [
            (8, &[1][..], What::Unsupported),
            (10, &[0], What::Unsupported),
            (10, &[9], What::Unsupported),
            (11, &[11], What::Field),
            (11, &[25], What::Field),
            (12, &[11], What::Field),
            (12, &[14], What::Field),
            (13, &[3], What::Field),
            (13, &[9], What::Field),
            (14, &[1], What::Field),
            (15, &[1], What::Field),
            (20, &[1], What::Field),
            (23, &[1], What::Field),
            (24, &[0, 0, 0, 0, 0, 0, 0, 1], What::Field),
            (32, &[0, 0, 0, 0, 0, 0, 0, 1], What::Field),
            (40, &[0; 32], What::Field),
            (72, &[0; 32], What::Field),
            (104, &[1], What::Field),
            (104, &[0x65, 0x30], What::Field),
            (120, &[5], What::Length),
            (125, &[7], What::Length),
            (125, &[5], What::Length),
            (122, &[0xFF], What::Text),
        ] {
            assert_eq!(patched(at, patch), Err(what), "{patch:?} at {at}");
        }
        assert_eq!(patched(104, &[0x64, 0x30]), Ok(()), "a stream may start at the disk's end");
        assert_eq!(patched(24, &[0; 40]), Err(What::Field), "a target of 12 KiB, a base of nothing, a start behind the end");
        let full = Header { base_bytes: 0, base_root: Id::ZERO, start: 0, ..HEADER };
        let mut bytes = [0; HEADER_LEN_MAX];
        assert_eq!(full.emit(&mut bytes), Ok(137));
        assert_eq!(Header { base_bytes: 1, ..full }.emit(&mut bytes), Err(What::Field));
        let long = "x".repeat(256);
        let longest = Header { name: &long[1..], snapshot: &long[1..], source: &long[1..], ..HEADER };
        assert_eq!(longest.emit(&mut bytes), Ok(892));
        assert_eq!(Header { name: &long, ..HEADER }.emit(&mut bytes), Err(What::Length));
    }
}
