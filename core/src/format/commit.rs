//! Commit: the payload that says what it makes true (docs/FORMAT.md section 8).

use super::bytes::{Reader, Writer};
use super::entry::total_bytes;
use super::header::{HISTORY_MAX, Parameters};
use super::link;
use super::page::ROWS_MAX;
use crate::digest::{Algorithm, Hasher};
use crate::error::What;
use crate::types::{Digest, Id, Link, RepositoryId, SegmentNumber, low32};

/// Bytes of a commit without history.
pub const FIXED_LEN: usize = 248;
/// Bytes of a row of history.
pub const HISTORY_LEN: usize = 40;
/// Bytes of the longest commit.
pub const LEN_MAX: usize = FIXED_LEN + HISTORY_LEN * HISTORY_MAX as usize;

/// A tree as a commit names it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Root {
    /// Rows in the array.
    pub rows: u64,
    /// The top page.
    pub top: Link,
}

impl Root {
    /// A tree without rows.
    pub const EMPTY: Root = Root { rows: 0, top: Link::ZERO };
}

/// A commit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Commit {
    /// 1 for the first.
    pub sequence: u64,
    /// When, ms since 1970.
    pub time: u64,
    /// The commit before.
    pub previous: Id,
    /// The segment it lies in.
    pub segment: SegmentNumber,
    /// Offset of its first copy.
    pub len_bytes: u32,
    /// Digest of the lines before its first copy.
    pub digest: Digest,
    /// Highest segment number ever used.
    pub highest: SegmentNumber,
    /// The segment table.
    pub segments: Root,
    /// The catalogue.
    pub catalogue: Root,
    /// The damage list.
    pub damage: Root,
    /// Older commits listed behind the fixed part.
    pub history: u16,
}

impl Commit {
    /// Reads a commit's payload; its history is [`history_row`]'s.
    pub fn parse(payload: &[u8]) -> Result<Commit, What> {
        let mut fields = Reader(payload);
        let (sequence, time, previous) = (fields.u64()?, fields.u64()?, Id(fields.array()?));
        let (segment, len_bytes) = (SegmentNumber(fields.u32()?), fields.u32()?);
        let (digest, highest) = (Digest(fields.array()?), SegmentNumber(fields.u32()?));
        fields.zeros(4)?;
        let (segments, catalogue, damage) = (parse_root(&mut fields)?, parse_root(&mut fields)?, parse_root(&mut fields)?);
        let history = fields.u16()?;
        fields.zeros(6)?;
        let expected = usize::from(history).saturating_mul(HISTORY_LEN);
        if history > HISTORY_MAX || fields.0.len() != expected {
            return Err(What::Length);
        }
        let rows_max = [segments.rows, catalogue.rows, damage.rows].into_iter().max().unwrap_or(0);
        if sequence == 0 || (sequence == 1) != previous.is_zero() || rows_max > ROWS_MAX {
            return Err(What::Field);
        }
        Ok(Commit { sequence, time, previous, segment, len_bytes, digest, highest, segments, catalogue, damage, history })
    }

    /// Writes the fixed part; the history rows follow it.
    pub fn emit(&self, fields: &mut Writer<'_>) {
        fields.u64(self.sequence).u64(self.time).bytes(&self.previous.0);
        fields.u32(self.segment.0).u32(self.len_bytes).bytes(&self.digest.0).u32(self.highest.0).u32(0);
        for root in [&self.segments, &self.catalogue, &self.damage] {
            fields.u64(root.rows);
            link::emit(&root.top, fields);
        }
        fields.u16(self.history).zeros(6);
    }

    /// Bytes of its payload.
    pub fn stored_bytes(&self) -> u32 {
        low32((FIXED_LEN as u64).saturating_add(u64::from(self.history).saturating_mul(HISTORY_LEN as u64)))
    }

    /// Where its second copy begins.
    pub fn second_copy(&self, parameters: &Parameters) -> u64 {
        u64::from(self.len_bytes)
            .saturating_add(total_bytes(parameters, self.stored_bytes()))
            .saturating_add(pad_bytes(parameters))
    }

    /// Where the second copy ends.
    pub fn end(&self, parameters: &Parameters) -> u64 {
        self.second_copy(parameters).saturating_add(total_bytes(parameters, self.stored_bytes()))
    }
}

/// Total bytes of the pad between two copies.
pub fn pad_bytes(parameters: &Parameters) -> u64 {
    parameters.align(u64::from(parameters.alignment()).max(512))
}

fn parse_root(fields: &mut Reader<'_>) -> Result<Root, What> {
    Ok(Root { rows: fields.u64()?, top: link::parse(fields)? })
}

/// Row `index` of a commit's history: sequence and id.
pub fn history_row(payload: &[u8], index: u16) -> Result<(u64, Id), What> {
    let at = usize::from(index).saturating_mul(HISTORY_LEN).saturating_add(FIXED_LEN);
    let mut fields = Reader(payload.get(at..).ok_or(What::Length)?);
    Ok((fields.u64()?, Id(fields.array()?)))
}

/// The id of a commit with this payload.
pub fn commit_id(algorithm: Algorithm, repository: &RepositoryId, segment: SegmentNumber, payload: &[u8]) -> Id {
    let mut hasher = Hasher::named(algorithm, "sarsen commit");
    hasher.update(&repository.0).number(segment.0.into()).update(payload);
    hasher.id()
}
