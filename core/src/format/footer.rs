//! Footer locator: the last 32 bytes of a sealed segment lead to its footer entry (docs/FORMAT.md section 8).

use super::bytes::Writer;
use super::entry::{self, LINE_LEN};
use super::header::{Parameters, seal, unseal};
use crate::error::What;
use crate::types::{Place, RepositoryId, SegmentNumber, align_up};

/// Bytes of a locator.
pub const LOCATOR_LEN: usize = 32;
/// The first bytes of a locator.
pub const MAGIC: [u8; 4] = *b"SEnd";

/// Where the footer lies.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Locator {
    /// Offset of the footer entry.
    pub footer: u32,
    /// Lines in it.
    pub lines: u32,
}

impl Locator {
    /// Reads the locator that should stand at `place`.
    pub fn parse(bytes: &[u8; LOCATOR_LEN], repository: &RepositoryId, place: Place) -> Result<Locator, What> {
        let (segment, offset) = (place.segment.0.to_le_bytes(), place.offset.to_le_bytes());
        let mut fields = unseal(bytes, &MAGIC, &[&repository.0, &segment, &offset])?;
        let locator = Locator { footer: fields.u32()?, lines: fields.u32()? };
        fields.zeros(16)?;
        Ok(locator)
    }

    /// Writes the locator for `place`.
    pub fn emit(&self, to: &mut [u8; LOCATOR_LEN], repository: &RepositoryId, place: Place) {
        let mut fields = Writer::new(to);
        fields.bytes(&MAGIC).u32(self.footer).u32(self.lines).zeros(16);
        seal(to, &[&repository.0, &place.segment.0.to_le_bytes(), &place.offset.to_le_bytes()]);
    }
}

/// The length of a segment file whose footer of `lines` lines starts at `footer`.
pub fn sealed_bytes(parameters: &Parameters, footer: u64, lines: u64) -> u64 {
    let payload = lines.saturating_mul(LINE_LEN as u64);
    let entry = parameters.align(payload.saturating_add(entry::LEN as u64));
    footer.saturating_add(entry).saturating_add(align_up(LOCATOR_LEN as u64, parameters.alignment().into()))
}

/// Where the locator of a segment of this length lies; none if the segment is too short for one.
pub fn locator_place(segment: SegmentNumber, len_bytes: u64) -> Option<Place> {
    let offset = u32::try_from(len_bytes.checked_sub(LOCATOR_LEN as u64)?).ok()?;
    Some(Place { segment, offset })
}
