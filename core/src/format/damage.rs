//! Leaf row of the damage list: a mark on a place (docs/FORMAT.md section 6).

use super::bytes::{Reader, Writer};
use crate::error::What;
use crate::types::{Digest, Place, SegmentNumber};

/// Bytes of a mark.
pub const LEN: usize = 56;

/// An entry that could not be read as it was written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Mark {
    /// The entry.
    pub place: Place,
    /// Its total bytes; 0 if its header cannot be read.
    pub len_bytes: u32,
    /// When it was found, ms since 1970.
    pub when: u64,
    /// Its payload digest, so that a repair can be recognised; zero if not known.
    pub digest: Digest,
}

impl Mark {
    /// Reads a mark; none if it is absent (zeros).
    pub fn parse(bytes: &[u8]) -> Result<Option<Mark>, What> {
        if bytes.len() == LEN && bytes.iter().all(|&byte| byte == 0) {
            return Ok(None);
        }
        let mut fields = Reader(bytes);
        let place = Place { segment: SegmentNumber(fields.u32()?), offset: fields.u32()? };
        let len_bytes = fields.u32()?;
        fields.zeros(4)?;
        let mark = Mark { place, len_bytes, when: fields.u64()?, digest: Digest(fields.array()?) };
        fields.end()?;
        Ok(Some(mark))
    }

    /// The mark's bytes.
    pub fn bytes(&self) -> [u8; LEN] {
        let mut bytes = [0; LEN];
        let mut fields = Writer::new(&mut bytes);
        fields.u32(self.place.segment.0).u32(self.place.offset).u32(self.len_bytes).u32(0);
        fields.u64(self.when).bytes(&self.digest.0);
        bytes
    }
}
