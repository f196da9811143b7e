//! Leaf row of the segment table: what is true of one segment (docs/FORMAT.md section 6).

use super::bytes::{Reader, Writer};
use crate::error::What;
use crate::types::Digest;

/// Bytes of a row.
pub const LEN: usize = 44;

/// What is true of a segment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SegmentRow {
    /// Where the true prefix ends.
    pub len_bytes: u32,
    /// Whether a footer follows the prefix.
    pub footer: bool,
    /// A bound: at most so many bytes of entries are in use. Always the length today, since to write it anew would cost every row of the table a page.
    pub live_bytes: u32,
    /// Digest of the prefix's lines.
    pub digest: Digest,
}

impl SegmentRow {
    /// Reads a row; none if it is absent (zeros).
    pub fn parse(bytes: &[u8]) -> Result<Option<SegmentRow>, What> {
        if bytes.len() == LEN && bytes.iter().all(|&byte| byte == 0) {
            return Ok(None);
        }
        let mut fields = Reader(bytes);
        let (len_bytes, footer, live_bytes) = (fields.u32()?, fields.u32()?, fields.u32()?);
        let digest = Digest(fields.array()?);
        fields.end()?;
        match footer {
            0 | 1 => Ok(Some(SegmentRow { len_bytes, footer: footer == 1, live_bytes, digest })),
            _ => Err(What::Field),
        }
    }

    /// The row's bytes.
    pub fn bytes(&self) -> [u8; LEN] {
        let mut bytes = [0; LEN];
        Writer::new(&mut bytes).u32(self.len_bytes).u32(self.footer.into()).u32(self.live_bytes).bytes(&self.digest.0);
        bytes
    }
}
