//! What stands at the start of a run in use: which part of which segment it holds (docs/FORMAT.md section 17). Bytes only.

use crate::error::What;
use crate::format::bytes::{Reader, Writer, crc32};
use crate::types::SegmentNumber;

/// Bytes of a claim.
pub const LEN: usize = 64;
/// How many retired runs a claim names.
pub const RETIRED: usize = 15;
/// No run.
pub const NO_RUN: u16 = u16::MAX;

const MAGIC: [u8; 4] = *b"SNor";
/// Magic and checksum.
const SUM_LEN: usize = 8;

/// A claim.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Claim {
    /// Higher in each claim.
    pub sequence: u64,
    /// Bytes of a run, as the flash was divided.
    pub run_bytes: u32,
    /// The segment.
    pub segment: SegmentNumber,
    /// How many runs of the segment come before this one.
    pub position: u16,
    /// The run that this is a copy of, or [`NO_RUN`].
    pub copied: u16,
    /// How often the run was erased.
    pub erases: u32,
    /// Runs from this number on were never erased.
    pub reached: u16,
    /// Runs that are not used any more, newest first.
    pub retired: [u16; RETIRED],
}

impl Claim {
    /// Reads the claim of the run that begins at `offset`.
    pub fn parse(bytes: &[u8; LEN], offset: u32) -> Result<Claim, What> {
        let mut fields = Reader(bytes);
        if fields.array()? != MAGIC {
            return Err(What::Magic);
        }
        if fields.u32()? != sum(bytes, offset) {
            return Err(What::Checksum);
        }
        let (sequence, run_bytes) = (fields.u64()?, fields.u32()?);
        let (segment, position, copied) = (SegmentNumber(fields.u32()?), fields.u16()?, fields.u16()?);
        let (erases, reached, mut retired) = (fields.u32()?, fields.u16()?, [NO_RUN; RETIRED]);
        for run in &mut retired {
            *run = fields.u16()?;
        }
        match segment <= SegmentNumber::MAX {
            true => Ok(Claim { sequence, run_bytes, segment, position, copied, erases, reached, retired }),
            false => Err(What::Field),
        }
    }

    /// The bytes of the claim of the run that begins at `offset`.
    pub fn bytes(&self, offset: u32) -> [u8; LEN] {
        let mut bytes = [0; LEN];
        let mut fields = Writer::new(&mut bytes);
        fields.bytes(&MAGIC).u32(0).u64(self.sequence).u32(self.run_bytes);
        fields.u32(self.segment.0).u16(self.position).u16(self.copied).u32(self.erases).u16(self.reached);
        self.retired.iter().for_each(|&run| {
            fields.u16(run);
        });
        let sum = sum(&bytes, offset);
        Writer::new(&mut bytes).bytes(&MAGIC).u32(sum);
        bytes
    }
}

fn sum(bytes: &[u8; LEN], offset: u32) -> u32 {
    crc32(&[&offset.to_le_bytes(), bytes.get(SUM_LEN..).unwrap_or(&[])])
}

#[cfg(test)]
mod tests {
    #![allow(clippy::indexing_slicing)]
    use super::*;

    const CLAIM: Claim = Claim {
        sequence: 0x0102_0304_0506_0708,
        run_bytes: 4096,
        segment: SegmentNumber(9),
        position: 2,
        copied: 7,
        erases: 300,
        reached: 11,
        retired: [NO_RUN; RETIRED],
    };

    #[test]
    fn a_claim_lies_as_its_table_says() {
        let bytes = CLAIM.bytes(8192);
        assert_eq!(bytes[..4], *b"SNor");
        assert_eq!(bytes[8..16], [8, 7, 6, 5, 4, 3, 2, 1]);
        assert_eq!(bytes[16..34], [0, 16, 0, 0, 9, 0, 0, 0, 2, 0, 7, 0, 44, 1, 0, 0, 11, 0]);
        assert_eq!(bytes[34..], [0xFF; 30]);
        assert_eq!(Claim::parse(&bytes, 8192), Ok(CLAIM));
    }

    #[test]
    fn any_other_bit_or_place_is_no_claim() {
        let bytes = CLAIM.bytes(8192);
        for bit in 0..LEN * 8 {
            let mut other = bytes;
            other[bit / 8] ^= 1 << (bit % 8);
            assert!(Claim::parse(&other, 8192).is_err(), "bit {bit}");
        }
        assert_eq!(Claim::parse(&bytes, 4096), Err(What::Checksum));
        assert_eq!(Claim::parse(&[0xFF; LEN], 0), Err(What::Magic));
        let none = Claim { segment: SegmentNumber(u32::MAX), ..CLAIM }.bytes(0);
        assert_eq!(Claim::parse(&none, 0), Err(What::Field));
    }
}
