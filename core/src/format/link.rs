//! Link: 40 bytes, an object's id and where its entry lies (docs/FORMAT.md section 6).

use super::bytes::{Reader, Writer};
use crate::error::What;
use crate::types::{Id, Link, Place, SegmentNumber};

/// Bytes of a link.
pub const LEN: usize = 40;

/// Reads a link.
pub fn parse(fields: &mut Reader<'_>) -> Result<Link, What> {
    let id = Id(fields.array()?);
    let place = Place { segment: SegmentNumber(fields.u32()?), offset: fields.u32()? };
    Ok(Link { id, place })
}

/// Writes a link.
pub fn emit(link: &Link, fields: &mut Writer<'_>) {
    fields.bytes(&link.id.0).u32(link.place.segment.0).u32(link.place.offset);
}
