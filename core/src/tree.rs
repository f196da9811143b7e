//! The one page tree, as a cursor: manifest, segment table, catalogue and damage list are read and written through it.
//!
//! A cursor keeps the pages from the top to one leaf in lent memory, and what it knows of each behind its rows: so the cursor itself is small, and may be
//! moved and copied where a stack has few kilobytes. Setting a row changes pages in memory; moving on, or [`Cursor::finish`], stores
//! what changed and shares the rest, so that cost follows change. It does not know where pages are kept: [`Pages`] does.
//! Every step may be repeated after it failed; what was stored by then is found again.

use crate::digest::is_zero;
use crate::error::{Error, Memory, What};
use crate::format::bytes::{Reader, Writer, copy};
use crate::format::commit::Root;
use crate::format::entry::TreeKind;
use crate::format::link;
use crate::format::page::{Geometry, LEVELS_MAX, ROWS_MAX, row_len};
use crate::types::{DIGEST_BYTES, Id, Link, Place, low32, narrow, wide};

/// A page as it was loaded, or nothing: what a delta may build on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Loaded {
    /// The page and its entry; zero if there was none.
    pub link: Link,
    /// Bases below it.
    pub depth: u8,
    /// Leaf rows under it, as it says itself.
    pub span: u64,
}

impl Loaded {
    /// Nothing was there.
    pub const NOTHING: Loaded = Loaded { link: Link::ZERO, depth: 0, span: 0 };

    /// That it is the page of its place in the tree.
    fn check_place(&self, geometry: &Geometry, level: u8, position: u64) -> Result<(), Error> {
        match self.link.id.is_zero() || self.span == geometry.span(level, position) {
            true => Ok(()),
            false => Err(Error::corrupt(self.link.place, What::Length)),
        }
    }
}

/// A page to store.
#[derive(Clone, Copy)]
pub struct NewPage<'a> {
    /// The tree it is of.
    pub geometry: Geometry,
    /// Its level.
    pub level: u8,
    /// Its position in the level.
    pub position: u64,
    /// Its rows.
    pub rows: &'a [u8],
    /// The rows that differ from the base's, a bit each.
    pub changed: &'a [u8],
    /// What it was before.
    pub base: Loaded,
}

/// Where pages are kept.
pub trait Pages {
    /// Lays a stored page's rows at the start of `rows` (zeros behind them) and checks its id.
    fn load(&mut self, tree: TreeKind, level: u8, fan_out_log2: u8, link: &Link, rows: &mut [u8]) -> Result<Loaded, Error>;
    /// Stores a page, or finds it stored; zero if its rows are all zero.
    fn save(&mut self, page: &NewPage<'_>) -> Result<Link, Error>;
}

/// What is known of the page in a slot of the memory. It lies there too, behind the page's rows; behind it the rows that were changed, a bit each.
#[derive(Clone, Copy, Debug)]
struct Level {
    position: Option<u64>,
    dirty: bool,
    base: Loaded,
}

const EMPTY: Level = Level { position: None, dirty: false, base: Loaded::NOTHING };

/// Bytes of a [`Level`].
const LEVEL_BYTES: usize = 19 + link::LEN;
/// Where a level says whether it is dirty.
const DIRTY_AT: usize = 1;

impl Level {
    fn parse(bytes: &[u8]) -> Option<Level> {
        let mut fields = Reader(bytes);
        let (present, dirty, depth) = (fields.u8().ok()? == 1, fields.u8().ok()? == 1, fields.u8().ok()?);
        let (position, span) = (fields.u64().ok()?, fields.u64().ok()?);
        let base = Loaded { link: link::parse(&mut fields).ok()?, depth, span };
        Some(Level { position: present.then_some(position), dirty, base })
    }

    fn emit(&self, to: &mut [u8]) {
        let mut fields = Writer::new(to);
        fields.u8(self.position.is_some().into()).u8(self.dirty.into()).u8(self.base.depth);
        fields.u64(self.position.unwrap_or(0)).u64(self.base.span);
        link::emit(&self.base.link, &mut fields);
    }
}

/// A path through a tree. The same memory must be lent to every call.
#[derive(Clone, Copy, Debug)]
pub struct Cursor {
    geometry: Geometry,
    top: Link,
    /// What lies in the memory is this cursor's; before that, whatever was left there.
    begun: bool,
    failed: Option<(u8, u64)>,
}

/// Bytes of memory that a page takes whose rows take `page_bytes` at most.
pub const fn slot_bytes(page_bytes: usize, fan_out_log2: u8) -> usize {
    page_bytes.saturating_add(LEVEL_BYTES).saturating_add((1usize << fan_out_log2) / 8)
}

/// Bytes of memory a cursor over a tree of so many rows needs.
pub fn memory_bytes(geometry: &Geometry) -> usize {
    let slot = slot_bytes(geometry.page_bytes_max(), geometry.fan_out_log2);
    usize::from(geometry.top()).saturating_add(1).saturating_mul(slot)
}

impl Cursor {
    /// A cursor over a tree as it is.
    pub fn over(tree: TreeKind, fan_out_log2: u8, root: Root) -> Cursor {
        let geometry = Geometry { tree, fan_out_log2, rows: root.rows };
        Cursor { geometry, top: root.top, begun: false, failed: None }
    }

    /// From now on the tree has `rows` rows: it is cut, or filled up with absent ones. Comes before all else; if it fails the cursor is of no use.
    pub fn resize(&mut self, rows: u64, pages: &mut impl Pages, memory: &mut [u8]) -> Result<(), Error> {
        if rows > ROWS_MAX {
            return Err(crate::error::Refusal::DiskTooLarge.into());
        }
        let old = self.geometry;
        let new = Geometry { rows, ..old };
        let edge = rows.min(old.rows);
        if rows == old.rows {
            return Ok(());
        }
        if edge == 0 || self.top.id.is_zero() {
            (self.top, self.geometry) = (Link::ZERO, new);
            return Ok(());
        }
        self.top = self.descend(new.top(), pages, memory)?;
        self.geometry = new;
        self.touch(old.top(), edge.saturating_sub(1), pages, memory)
    }

    /// The link of the leftmost page at `level`, or of the top page if that is lower.
    fn descend(&self, level: u8, pages: &mut impl Pages, memory: &mut [u8]) -> Result<Link, Error> {
        let mut top = self.top;
        let mut at = self.geometry.top();
        while at > level && !top.id.is_zero() {
            let rows = page_slot(&self.geometry, 0, memory)?;
            pages.load(self.geometry.tree, at, self.geometry.fan_out_log2, &top, rows)?;
            top = read_link(&self.geometry, at, rows, 0);
            at = at.saturating_sub(1);
        }
        Ok(top)
    }

    /// Loads the path to the edge of what stays and marks it for storing anew: its pages' spans have changed.
    /// Pages above the old top are made here, with the old top as their first row.
    fn touch(&mut self, old_top: u8, key: u64, pages: &mut impl Pages, memory: &mut [u8]) -> Result<(), Error> {
        let root = self.top;
        for level in (0..=self.geometry.top()).rev() {
            let position = self.geometry.page_of(level, key);
            let slot = page_slot(&self.geometry, level, memory)?;
            slot.fill(0);
            let base = if level > old_top {
                Loaded::NOTHING
            } else {
                let link = if level == old_top.min(self.geometry.top()) { root } else { self.child_link(level, key, memory)? };
                let slot = page_slot(&self.geometry, level, memory)?;
                load_page(&self.geometry, level, &link, pages, slot)?
            };
            let bytes = self.geometry.page_bytes(level, position);
            let slot = page_slot(&self.geometry, level, memory)?;
            slot.get_mut(bytes..).unwrap_or(&mut []).fill(0);
            self.set_level(level, &Level { position: Some(position), dirty: true, base }, memory)?;
        }
        self.begun = true;
        Ok(())
    }

    /// The tree's shape.
    pub fn geometry(&self) -> &Geometry {
        &self.geometry
    }

    /// Bytes of memory this cursor needs.
    pub fn memory_bytes(&self) -> usize {
        memory_bytes(&self.geometry)
    }

    /// The page that could not be loaded by the last failing call: the first key behind it.
    pub fn behind_failed(&self) -> Option<u64> {
        let (level, position) = self.failed?;
        Some(position.saturating_add(1).saturating_mul(self.geometry.page_reach(level)).min(self.geometry.rows))
    }

    /// Before the first page is there, the memory holds none.
    fn begin(&mut self, memory: &mut [u8]) -> Result<(), Error> {
        let levels = if self.begun { 0 } else { self.geometry.top().saturating_add(1) };
        (0..levels).try_for_each(|level| self.set_level(level, &EMPTY, memory))
    }

    fn level(&self, level: u8, memory: &mut [u8]) -> Result<Level, Error> {
        let (_, state) = slot(&self.geometry, level, memory)?;
        Level::parse(state).ok_or(too_small(LEVEL_BYTES))
    }

    fn set_level(&self, level: u8, known: &Level, memory: &mut [u8]) -> Result<(), Error> {
        let (_, state) = slot(&self.geometry, level, memory)?;
        known.emit(state);
        state.get_mut(LEVEL_BYTES..).unwrap_or(&mut []).fill(0);
        Ok(())
    }

    /// Whether the page at `level` that is there, if any, lies on the path to `key`.
    fn is_on_path(&self, level: u8, key: u64, memory: &mut [u8]) -> Result<bool, Error> {
        Ok(self.level(level, memory)?.position == Some(self.geometry.page_of(level, key)))
    }

    /// The row of leaf `key`; zeros if absent.
    pub fn get<'b>(&mut self, key: u64, pages: &mut impl Pages, memory: &'b mut [u8]) -> Result<&'b [u8], Error> {
        self.seek(key, pages, memory)?;
        row_at(&self.geometry, 0, key, memory)
    }

    /// Sets the row of leaf `key`.
    pub fn set(&mut self, key: u64, row: &[u8], pages: &mut impl Pages, memory: &mut [u8]) -> Result<(), Error> {
        self.seek(key, pages, memory)?;
        self.put_row(0, key, row, memory)
    }

    /// The leaf rows behind this key, as far as its page goes, if that is there.
    pub fn rows_behind<'b>(&self, key: u64, memory: &'b mut [u8]) -> Result<&'b [u8], Error> {
        match self.is_on_path(0, key, memory)? {
            true => rows_behind(&self.geometry, key, memory),
            false => Ok(&[]),
        }
    }

    /// The first key from `key` on whose row is present.
    pub fn next_present(&mut self, key: u64, pages: &mut impl Pages, memory: &mut [u8]) -> Result<Option<u64>, Error> {
        let mut key = key;
        while key < self.geometry.rows {
            match self.descend_present(key, pages, memory)? {
                None => return Ok(Some(key)),
                Some(behind) => key = behind,
            }
        }
        Ok(None)
    }

    /// Goes down to leaf `key`; where a row on the way is absent, the first key behind it.
    fn descend_present(&mut self, key: u64, pages: &mut impl Pages, memory: &mut [u8]) -> Result<Option<u64>, Error> {
        self.leave(key, pages, memory)?;
        for level in (0..=self.geometry.top()).rev() {
            self.enter(level, key, pages, memory)?;
            if is_zero(row_at(&self.geometry, level, key, memory)?) && !self.is_written_below(level, key, memory)? {
                let reach = self.geometry.reach(level);
                let behind = key.checked_div(reach).unwrap_or(0).saturating_add(1).saturating_mul(reach);
                return Ok(Some(behind));
            }
        }
        Ok(None)
    }

    /// Whether a page below `level` on the path to `key` was written to and not stored yet: the row above does not lead to it yet.
    fn is_written_below(&self, level: u8, key: u64, memory: &mut [u8]) -> Result<bool, Error> {
        for below in 0..level {
            let known = self.level(below, memory)?;
            if known.dirty && known.position == Some(self.geometry.page_of(below, key)) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Stores what changed; the tree's new root.
    pub fn finish(&mut self, pages: &mut impl Pages, memory: &mut [u8]) -> Result<Root, Error> {
        self.begin(memory)?;
        for level in 0..=self.geometry.top() {
            self.flush(level, pages, memory)?;
        }
        Ok(Root { rows: self.geometry.rows, top: self.top })
    }

    fn seek(&mut self, key: u64, pages: &mut impl Pages, memory: &mut [u8]) -> Result<(), Error> {
        self.leave(key, pages, memory)?;
        for level in (0..=self.geometry.top()).rev() {
            self.enter(level, key, pages, memory)?;
        }
        Ok(())
    }

    /// Stores and forgets the pages that do not lie on the path to `key`, lowest first.
    fn leave(&mut self, key: u64, pages: &mut impl Pages, memory: &mut [u8]) -> Result<(), Error> {
        self.begin(memory)?;
        for level in 0..=self.geometry.top() {
            if self.is_on_path(level, key, memory)? {
                break;
            }
            self.flush(level, pages, memory)?;
            self.set_level(level, &EMPTY, memory)?;
        }
        Ok(())
    }

    /// Loads the page at `level` on the path to `key`, if it is not there; the level above is.
    fn enter(&mut self, level: u8, key: u64, pages: &mut impl Pages, memory: &mut [u8]) -> Result<(), Error> {
        if self.is_on_path(level, key, memory)? {
            return Ok(());
        }
        let position = self.geometry.page_of(level, key);
        let link = if level == self.geometry.top() { self.top } else { self.child_link(level, key, memory)? };
        let slot = page_slot(&self.geometry, level, memory)?;
        self.failed = Some((level, position));
        let base = load_page(&self.geometry, level, &link, pages, slot)?;
        base.check_place(&self.geometry, level, position)?;
        (self.failed, self.begun) = (None, true);
        self.set_level(level, &Level { position: Some(position), dirty: false, base }, memory)
    }

    /// The link of the page at `level` on the path to `key`, as the page above has it.
    fn child_link(&self, level: u8, key: u64, memory: &mut [u8]) -> Result<Link, Error> {
        let above = level.saturating_add(1);
        let index = self.row_index(above, key);
        let rows = page_slot(&self.geometry, above, memory)?;
        Ok(read_link(&self.geometry, above, rows, index))
    }

    fn row_index(&self, level: u8, key: u64) -> usize {
        row_index(&self.geometry, level, key)
    }

    fn flush(&mut self, level: u8, pages: &mut impl Pages, memory: &mut [u8]) -> Result<(), Error> {
        let Level { position: Some(position), dirty: true, base } = self.level(level, memory)? else { return Ok(()) };
        let geometry = self.geometry;
        let (rows, state) = slot(&geometry, level, memory)?;
        let rows = rows.get(..geometry.page_bytes(level, position)).unwrap_or(&[]);
        let changed = state.get(LEVEL_BYTES..).unwrap_or(&[]);
        let link = pages.save(&NewPage { geometry, level, position, rows, changed, base })?;
        if level == self.geometry.top() {
            self.top = link;
        } else {
            let key = position.saturating_mul(self.geometry.page_reach(level));
            let mut row = [0; link::LEN];
            write_link(&self.geometry, &link, &mut row);
            let len = row_len(self.geometry.tree, level.saturating_add(1));
            self.put_row(level.saturating_add(1), key, row.get(..len).unwrap_or(&row), memory)?;
        }
        // What was stored is the base of what comes next; its depth is not known here, so the page is loaded when it is entered again.
        self.set_level(level, &EMPTY, memory)
    }

    fn put_row(&mut self, level: u8, key: u64, row: &[u8], memory: &mut [u8]) -> Result<(), Error> {
        let index = self.row_index(level, key);
        let len = row_len(self.geometry.tree, level);
        let start = index.saturating_mul(len);
        let (rows, state) = slot(&self.geometry, level, memory)?;
        let to = rows.get_mut(start..start.saturating_add(len)).ok_or(too_small(len))?;
        if to != row {
            copy(to, row).map_err(|_| too_small(len))?;
            if let Some(dirty) = state.get_mut(DIRTY_AT) {
                *dirty = 1;
            }
            if let Some(bits) = state.get_mut(LEVEL_BYTES.saturating_add(index / 8)) {
                *bits |= 1u8.checked_shl(low32(wide(index % 8))).unwrap_or(0);
            }
        }
        Ok(())
    }
}

impl Cursor {
    /// Marks a page for storing anew, whole: neither its entry nor its bases are needed any more.
    pub fn renew(&mut self, level: u8, position: u64, pages: &mut impl Pages, memory: &mut [u8]) -> Result<(), Error> {
        let key = position.saturating_mul(self.geometry.page_reach(level));
        self.leave(key, pages, memory)?;
        for level in (level..=self.geometry.top()).rev() {
            self.enter(level, key, pages, memory)?;
        }
        let known = self.level(level, memory)?;
        self.set_level(level, &Level { dirty: true, base: Loaded::NOTHING, ..known }, memory)
    }
}

/// What a descent meets next.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Meeting {
    /// A page, not read yet: [`Descent::enter`] or [`Descent::skip`] it.
    Page {
        /// Its level.
        level: u8,
        /// Its position in the level.
        position: u64,
        /// Its link.
        link: Link,
    },
    /// A leaf row that is present.
    Row {
        /// Its key.
        key: u64,
    },
    /// All rows of a page were met.
    Left {
        /// Its level.
        level: u8,
    },
}

#[derive(Clone, Copy, Debug)]
struct Stand {
    position: u64,
    index: usize,
}

/// A walk over all pages and rows of a tree, each page once, in order; the caller may pass over a page it knows.
#[derive(Clone, Copy, Debug)]
pub struct Descent {
    geometry: Geometry,
    /// The lowest page read so far on the path; none before the top page.
    level: Option<u8>,
    stands: [Stand; LEVELS_MAX],
    ahead: Option<(u8, u64, Link)>,
}

impl Descent {
    /// A walk over a tree.
    pub fn over(tree: TreeKind, fan_out_log2: u8, root: Root) -> Descent {
        let geometry = Geometry { tree, fan_out_log2, rows: root.rows };
        let ahead = (!root.top.id.is_zero() && root.rows > 0).then(|| (geometry.top(), 0, root.top));
        Descent { geometry, level: None, stands: [Stand { position: 0, index: 0 }; LEVELS_MAX], ahead }
    }

    /// What comes next; none at the end. Reads nothing; asked again, it says the same of a page until that is entered or skipped.
    pub fn next(&mut self, memory: &mut [u8]) -> Result<Option<Meeting>, Error> {
        if let Some((level, position, link)) = self.ahead {
            return Ok(Some(Meeting::Page { level, position, link }));
        }
        let Some(level) = self.level else { return Ok(None) };
        let stand = self.stands.get(usize::from(level)).copied().unwrap_or(Stand { position: 0, index: 0 });
        let count = narrow(self.geometry.count(level, stand.position));
        let len = row_len(self.geometry.tree, level);
        let rows = page_slot(&self.geometry, level, memory)?;
        let present = (stand.index..count).find(|&index| !is_zero(row_of(rows, index, len)));
        let Some(index) = present else {
            self.level = (level < self.geometry.top()).then(|| level.saturating_add(1));
            return Ok(Some(Meeting::Left { level }));
        };
        if let Some(stand) = self.stands.get_mut(usize::from(level)) {
            stand.index = index.saturating_add(1);
        }
        let row = stand.position.saturating_mul(self.geometry.reach(1)).saturating_add(wide(index));
        if level == 0 {
            return Ok(Some(Meeting::Row { key: row }));
        }
        let (below, link) = (level.saturating_sub(1), read_link(&self.geometry, level, rows, index));
        self.ahead = Some((below, row, link));
        Ok(Some(Meeting::Page { level: below, position: row, link }))
    }

    /// Reads the page just met.
    pub fn enter(&mut self, pages: &mut impl Pages, memory: &mut [u8]) -> Result<Loaded, Error> {
        let Some((level, position, link)) = self.ahead else { return Ok(Loaded::NOTHING) };
        let slot = page_slot(&self.geometry, level, memory)?;
        let loaded = load_page(&self.geometry, level, &link, pages, slot)?;
        loaded.check_place(&self.geometry, level, position)?;
        if let Some(stand) = self.stands.get_mut(usize::from(level)) {
            *stand = Stand { position, index: 0 };
        }
        (self.level, self.ahead) = (Some(level), None);
        Ok(loaded)
    }

    /// Passes over the page just met.
    pub fn skip(&mut self) {
        self.ahead = None;
    }

    /// Meets the leaf row with this key, which was just met, once more.
    pub fn again(&mut self, key: u64) {
        let index = row_index(&self.geometry, 0, key);
        if let Some(stand) = self.stands.first_mut() {
            stand.index = index;
        }
    }

    /// The leaf row with this key, which was just met.
    pub fn row<'b>(&self, key: u64, memory: &'b mut [u8]) -> Result<&'b [u8], Error> {
        row_at(&self.geometry, 0, key, memory)
    }

    /// The leaf rows behind that one, as far as its page goes.
    pub fn rows_behind<'b>(&self, key: u64, memory: &'b mut [u8]) -> Result<&'b [u8], Error> {
        rows_behind(&self.geometry, key, memory)
    }

    /// Bytes of memory this walk needs.
    pub fn memory_bytes(&self) -> usize {
        memory_bytes(&self.geometry)
    }
}

fn row_of(rows: &[u8], index: usize, len: usize) -> &[u8] {
    let start = index.saturating_mul(len);
    rows.get(start..start.saturating_add(len)).unwrap_or(&[])
}

fn too_small(needed: usize) -> Error {
    Error::Memory { memory: Memory::Pages, needed: wide(needed) }
}

/// The rows of a page, and what is known of it.
fn slot<'b>(geometry: &Geometry, level: u8, memory: &'b mut [u8]) -> Result<(&'b mut [u8], &'b mut [u8]), Error> {
    let rows = geometry.page_bytes_max();
    let len = slot_bytes(rows, geometry.fan_out_log2);
    let start = usize::from(level).saturating_mul(len);
    let slot = memory.get_mut(start..start.saturating_add(len));
    slot.and_then(|slot| slot.split_at_mut_checked(rows)).ok_or_else(|| too_small(memory_bytes(geometry)))
}

fn page_slot<'b>(geometry: &Geometry, level: u8, memory: &'b mut [u8]) -> Result<&'b mut [u8], Error> {
    slot(geometry, level, memory).map(|(rows, _)| rows)
}

fn row_index(geometry: &Geometry, level: u8, key: u64) -> usize {
    let row = key.checked_div(geometry.reach(level)).unwrap_or(0);
    narrow(row.checked_rem(geometry.reach(1)).unwrap_or(0))
}

fn row_at<'b>(geometry: &Geometry, level: u8, key: u64, memory: &'b mut [u8]) -> Result<&'b [u8], Error> {
    let len = row_len(geometry.tree, level);
    let start = row_index(geometry, level, key).saturating_mul(len);
    page_slot(geometry, level, memory)?.get(start..start.saturating_add(len)).ok_or(too_small(len))
}

fn rows_behind<'b>(geometry: &Geometry, key: u64, memory: &'b mut [u8]) -> Result<&'b [u8], Error> {
    let start = row_index(geometry, 0, key).saturating_add(1).saturating_mul(row_len(geometry.tree, 0));
    let end = geometry.page_bytes(0, geometry.page_of(0, key));
    Ok(page_slot(geometry, 0, memory)?.get(start..end).unwrap_or(&[]))
}

/// Row `index` of a page above the leaves, as a link.
pub fn read_link(geometry: &Geometry, level: u8, rows: &[u8], index: usize) -> Link {
    let len = row_len(geometry.tree, level);
    let start = index.saturating_mul(len);
    let mut fields = Reader(rows.get(start..).unwrap_or(&[]));
    match geometry.tree {
        TreeKind::Manifest => Link { id: Id(fields.array::<DIGEST_BYTES>().unwrap_or_default()), place: Place::NONE },
        _ => link::parse(&mut fields).unwrap_or(Link::ZERO),
    }
}

fn write_link(geometry: &Geometry, link: &Link, to: &mut [u8]) {
    let mut fields = Writer::new(to);
    match geometry.tree {
        TreeKind::Manifest => {
            fields.bytes(&link.id.0);
        }
        _ if link.id.is_zero() => {}
        _ => link::emit(link, &mut fields),
    }
}

fn load_page(geometry: &Geometry, level: u8, link: &Link, pages: &mut impl Pages, slot: &mut [u8]) -> Result<Loaded, Error> {
    if link.id.is_zero() {
        slot.fill(0);
        return Ok(Loaded::NOTHING);
    }
    pages.load(geometry.tree, level, geometry.fan_out_log2, link, slot)
}
