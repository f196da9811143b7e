//! Head pin: 96 bytes beside the segments that name the newest commit (docs/FORMAT.md section 9).

use super::bytes::Writer;
use super::header::{seal, unseal};
use crate::error::What;
use crate::types::{Id, RepositoryId, SegmentNumber};

/// Bytes of a pin.
pub const LEN: usize = 96;
/// The first bytes of a pin.
pub const MAGIC: [u8; 8] = *b"SARSHEAD";

/// The newest commit, as last seen by a writer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Pin {
    /// Which repository.
    pub repository: RepositoryId,
    /// The commit's sequence.
    pub sequence: u64,
    /// The segment it lies in.
    pub segment: SegmentNumber,
    /// Length of that segment's file if it was sealed, otherwise 0.
    pub sealed_bytes: u32,
    /// The commit.
    pub commit: Id,
}

impl Pin {
    /// Reads a pin.
    pub fn parse(bytes: &[u8; LEN]) -> Result<Pin, What> {
        let mut fields = unseal(bytes, &MAGIC, &[])?;
        let pin = Pin {
            repository: RepositoryId(fields.array()?),
            sequence: fields.u64()?,
            segment: SegmentNumber(fields.u32()?),
            sealed_bytes: fields.u32()?,
            commit: Id(fields.array()?),
        };
        fields.zeros(20)?;
        Ok(pin)
    }

    /// The pin's bytes.
    pub fn bytes(&self) -> [u8; LEN] {
        let mut bytes = [0; LEN];
        let mut fields = Writer::new(&mut bytes);
        fields.bytes(&MAGIC).bytes(&self.repository.0).u64(self.sequence).u32(self.segment.0);
        fields.u32(self.sealed_bytes).bytes(&self.commit.0).zeros(20);
        seal(&mut bytes, &[]);
        bytes
    }
}
