//! Pages of the one tree: manifest, segment table, catalogue and damage list (docs/FORMAT.md section 6).
//!
//! A page here is its rows in memory; a stored page is whole, or runs of rows on a base page.

use super::bytes::{Reader, Writer, copy};
use super::damage::{self, Mark};
use super::entry::TreeKind;
use super::link;
use super::row::{self, SegmentRow};
use crate::digest::{Algorithm, Hasher, is_zero};
use crate::error::What;
use crate::types::{DIGEST_BYTES, Id, Place, SegmentNumber, narrow};

/// Bytes before the rows, or before a delta's base place.
pub const HEAD_LEN: usize = 16;
/// Bytes of a delta's base place.
pub const BASE_LEN: usize = 8;
/// Bytes before a run's rows.
pub const RUN_LEN: usize = 4;
/// The longest row.
pub const ROW_LEN_MAX: usize = damage::LEN;
/// The most levels of a tree.
pub const LEVELS_MAX: usize = 9;
/// The most rows of a tree.
pub const ROWS_MAX: u64 = 1 << 34;

/// Bytes of a row at a level.
pub fn row_len(tree: TreeKind, level: u8) -> usize {
    match (tree, level) {
        (TreeKind::Manifest, _) => DIGEST_BYTES,
        (TreeKind::Segments, 0) => row::LEN,
        (TreeKind::Damage, 0) => damage::LEN,
        _ => link::LEN,
    }
}

/// The shape of a tree: everything that follows from its kind, fan-out and number of rows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Geometry {
    /// Which tree.
    pub tree: TreeKind,
    /// log2 of the rows in a page.
    pub fan_out_log2: u8,
    /// Leaf rows.
    pub rows: u64,
}

impl Geometry {
    /// Rows of the array under one row at `level`: F^level. Saturates far above [`ROWS_MAX`].
    pub fn reach(&self, level: u8) -> u64 {
        let shift = u32::from(self.fan_out_log2).saturating_mul(level.into());
        if shift < 48 { 1u64.checked_shl(shift).unwrap_or(1 << 48) } else { 1 << 48 }
    }

    /// Rows of the array under one page at `level`.
    pub fn page_reach(&self, level: u8) -> u64 {
        self.reach(level.saturating_add(1))
    }

    /// The top page's level; 0 also for an empty tree.
    pub fn top(&self) -> u8 {
        let mut level = 0u8;
        while self.page_reach(level) < self.rows && usize::from(level) < LEVELS_MAX {
            level = level.saturating_add(1);
        }
        level
    }

    /// The position of the page at `level` that leaf row `key` lies under.
    pub fn page_of(&self, level: u8, key: u64) -> u64 {
        key.checked_div(self.page_reach(level)).unwrap_or(0)
    }

    /// Leaf rows under a page.
    pub fn span(&self, level: u8, position: u64) -> u64 {
        let start = position.saturating_mul(self.page_reach(level));
        self.rows.saturating_sub(start).min(self.page_reach(level))
    }

    /// Rows in a page.
    pub fn count(&self, level: u8, position: u64) -> u64 {
        self.span(level, position).div_ceil(self.reach(level))
    }

    /// Bytes of the rows of a page.
    pub fn page_bytes(&self, level: u8, position: u64) -> usize {
        narrow(self.count(level, position)).saturating_mul(row_len(self.tree, level))
    }

    /// Bytes of the largest page of this tree.
    pub fn page_bytes_max(&self) -> usize {
        let widest = row_len(self.tree, 0).max(row_len(self.tree, 1));
        narrow(self.reach(1)).saturating_mul(widest)
    }
}

/// The id of a page with these rows; zero if they are all zero.
pub fn page_id(algorithm: Algorithm, geometry: &Geometry, level: u8, span: u64, rows: &[u8]) -> Id {
    if is_zero(rows) {
        return Id::ZERO;
    }
    let mut hasher = Hasher::named(algorithm, geometry.tree.name());
    hasher.number(level.into()).number(geometry.reach(1)).number(span).update(rows);
    hasher.id()
}

/// A stored page, its form checked, its rows not yet laid out.
#[derive(Clone, Copy, Debug)]
pub struct StoredPage<'a> {
    /// Level.
    pub level: u8,
    /// Leaf rows under it.
    pub span: u64,
    /// Where the base lies, of a delta; [`Place::NONE`] in a manifest.
    pub base: Option<Place>,
    body: &'a [u8],
    row_len: usize,
    rows_bytes: usize,
}

impl<'a> StoredPage<'a> {
    /// Reads a page's payload; `raw_bytes` is what its header says its rows take.
    pub fn parse(
        tree: TreeKind,
        delta: bool,
        fan_out_log2: u8,
        raw_bytes: u32,
        payload: &'a [u8],
    ) -> Result<StoredPage<'a>, What> {
        let mut fields = Reader(payload);
        let level = fields.u8()?;
        fields.zeros(7)?;
        let span = fields.u64()?;
        let geometry = Geometry { tree, fan_out_log2, rows: span };
        if usize::from(level) >= LEVELS_MAX || span == 0 || span > ROWS_MAX.min(geometry.page_reach(level)) {
            return Err(What::Field);
        }
        let base = match delta {
            true => Some(Place { segment: SegmentNumber(fields.u32()?), offset: fields.u32()? }),
            false => None,
        };
        if delta && (tree == TreeKind::Manifest) != (base == Some(Place::NONE)) {
            return Err(What::Field);
        }
        let row_len = row_len(tree, level);
        let rows_bytes = narrow(raw_bytes.into());
        let page = StoredPage { level, span, base, body: fields.0, row_len, rows_bytes };
        if rows_bytes != geometry.page_bytes(level, 0) {
            return Err(What::Length);
        }
        match delta {
            true => page.check_runs()?,
            false if page.body.len() != rows_bytes => return Err(What::Length),
            false => page.check_rows(tree)?,
        }
        Ok(page)
    }

    /// Leaf rows of the tables hold nothing that is not assigned.
    fn check_rows(&self, tree: TreeKind) -> Result<(), What> {
        let rows = self.body.chunks_exact(self.row_len.max(1));
        match (tree, self.level) {
            (TreeKind::Segments, 0) => rows.map(SegmentRow::parse).try_for_each(|row| row.map(|_| ())),
            (TreeKind::Damage, 0) => rows.map(Mark::parse).try_for_each(|mark| mark.map(|_| ())),
            _ => Ok(()),
        }
    }

    fn check_runs(&self) -> Result<(), What> {
        let mut free_from = 0usize;
        let mut runs = 0u32;
        for run in self.runs() {
            let (start, rows) = run?;
            let end = start.saturating_add(rows.len());
            if start < free_from || end > self.rows_bytes {
                return Err(What::Length);
            }
            free_from = end;
            runs = runs.saturating_add(1);
        }
        if runs > 0 { Ok(()) } else { Err(What::Length) }
    }

    /// The runs as (bytes from the first row, rows).
    fn runs(&self) -> impl Iterator<Item = Result<(usize, &'a [u8]), What>> {
        let (mut fields, row_len) = (Reader(self.body), self.row_len);
        core::iter::from_fn(move || {
            if fields.0.is_empty() {
                return None;
            }
            let run = read_run(&mut fields, row_len);
            if run.is_err() {
                fields = Reader(&[]);
            }
            Some(run)
        })
    }

    /// The rows, of a page stored whole.
    pub fn whole_rows(&self) -> Option<&'a [u8]> {
        self.base.is_none().then_some(self.body)
    }

    /// Lays the page over `rows`: its base's rows if it is a delta, cut or filled up to its own number.
    pub fn lay(&self, rows: &mut [u8]) -> Result<(), What> {
        if rows.len() != self.rows_bytes {
            return Err(What::Length);
        }
        if self.base.is_none() {
            return copy(rows, self.body);
        }
        for run in self.runs() {
            let (start, from) = run?;
            let end = start.saturating_add(from.len());
            copy(rows.get_mut(start..end).ok_or(What::Length)?, from)?;
        }
        Ok(())
    }
}

fn read_run<'a>(fields: &mut Reader<'a>, row_len: usize) -> Result<(usize, &'a [u8]), What> {
    let (first, count) = (fields.u16()?, fields.u16()?);
    if count == 0 {
        return Err(What::Length);
    }
    let rows = fields.slice(usize::from(count).saturating_mul(row_len))?;
    Ok((usize::from(first).saturating_mul(row_len), rows))
}

/// Writes a page's payload, whole.
pub fn emit_whole(level: u8, span: u64, rows: &[u8], to: &mut [u8]) -> Result<usize, What> {
    let mut fields = Writer::new(to);
    fields.u8(level).zeros(7).u64(span).bytes(rows);
    fields.end()
}

/// Writes a page's payload as runs on a base; `runs` gives (first row, count).
pub fn emit_delta(
    level: u8,
    span: u64,
    base: Place,
    rows: &[u8],
    row_len: usize,
    runs: impl Iterator<Item = (u16, u16)>,
    to: &mut [u8],
) -> Result<usize, What> {
    let mut fields = Writer::new(to);
    fields.u8(level).zeros(7).u64(span).u32(base.segment.0).u32(base.offset);
    for (first, count) in runs {
        let start = usize::from(first).saturating_mul(row_len);
        let end = usize::from(count).saturating_mul(row_len).saturating_add(start);
        fields.u16(first).u16(count).bytes(rows.get(start..end).ok_or(What::Length)?);
    }
    fields.end()
}
