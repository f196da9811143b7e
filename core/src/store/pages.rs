//! Pages of all trees, loaded along their chain of bases and stored whole or as a delta.

use crate::digest::digest;
use crate::error::{Error, Memory as Lent, What};
use crate::format::entry::{EntryHeader, Kind, LEN, PAGE_DEPTH_MAX, TreeKind, total_bytes};
use crate::format::header::SEGMENT_BYTES_MAX;
use crate::format::page::{BASE_LEN, Geometry, HEAD_LEN, RUN_LEN, StoredPage, emit_delta, emit_whole, page_id, row_len};
use crate::store::{Sought, Store};
use crate::tree::{Loaded, NewPage, Pages};
use crate::types::{Id, Link, Place, low32, narrow, wide};

impl<'m> Store<'m> {
    /// The entries that the page loaded last was made of: its own, its base's, and so on.
    pub fn last_chain(&self) -> impl Iterator<Item = Place> + 'static {
        self.chain.into_iter().flatten()
    }

    fn entry_of_page(&self, tree: TreeKind, link: &Link) -> Result<(Place, EntryHeader), Error> {
        if tree == TreeKind::Manifest {
            return match &self.lookup(Sought::Page, &link.id, u8::MAX) {
                Ok(Some(found)) => Ok((found.place, found.entry)),
                Ok(None) => Err(Error::corrupt(Place::NONE, What::Absent)),
                Err(error) => Err(*error),
            };
        }
        self.source().entry(link.place, SEGMENT_BYTES_MAX.into()).map(|entry| (link.place, entry))
    }
}

impl Pages for Store<'_> {
    fn load(&mut self, tree: TreeKind, level: u8, fan_out_log2: u8, link: &Link, rows: &mut [u8]) -> Result<Loaded, Error> {
        let mut chain = [None; PAGE_DEPTH_MAX as usize + 1];
        let (place, depth) = self.bases(tree, link, &mut chain)?;
        let mut span = 0;
        rows.fill(0);
        for place in chain.iter().rev().flatten() {
            span = self.lay(tree, level, *place, rows)?;
        }
        self.chain = chain;
        let geometry = Geometry { tree, fan_out_log2, rows: span };
        let raw = narrow(geometry.span(level, 0).div_ceil(geometry.reach(level))).saturating_mul(row_len(tree, level));
        let used = rows.get(..raw).unwrap_or(&[]);
        match page_id(self.head.parameters.algorithm, &geometry, level, span, used) == link.id {
            true => Ok(Loaded { link: Link { id: link.id, place }, depth, span }),
            false => Err(Error::corrupt(place, What::Id)),
        }
    }

    fn save(&mut self, page: &NewPage<'_>) -> Result<Link, Error> {
        (self.save)(self, page)
    }
}

impl Store<'_> {
    /// Stores a page, or finds it stored.
    pub(super) fn save_page(&mut self, page: &NewPage<'_>) -> Result<Link, Error> {
        let parameters = self.head.parameters;
        let NewPage { geometry, level, position, rows, .. } = *page;
        let tree = geometry.tree;
        let span = geometry.span(level, position);
        let id = page_id(parameters.algorithm, &geometry, level, span, rows);
        let in_manifest = tree == TreeKind::Manifest;
        let by_id = Link { id, place: Place::NONE };
        if id.is_zero() {
            return Ok(if in_manifest { by_id } else { Link::ZERO });
        }
        if id == page.base.link.id {
            return Ok(if in_manifest { by_id } else { page.base.link });
        }
        if in_manifest && self.readable(Sought::Page, &id)?.is_some() {
            return Ok(by_id);
        }
        let plan = Plan::of(page, !self.is_damaged());
        self.room(total_bytes(&parameters, low32(wide(plan.stored_bytes))))?;
        self.with_buffer(|store, buffer| {
            let place = store.put_page(page, id, span, &plan, buffer)?;
            Ok(if in_manifest { by_id } else { Link { id, place } })
        })
    }
}

/// How a page is going to be stored.
struct Plan {
    delta: bool,
    stored_bytes: usize,
}

impl Plan {
    fn of(page: &NewPage<'_>, deltas: bool) -> Plan {
        let len = row_len(page.geometry.tree, page.level);
        let whole = HEAD_LEN.saturating_add(page.rows.len());
        let (mut runs, mut rows) = (0usize, 0usize);
        for (_, count) in Runs::of(page.changed, page.rows.len() / len) {
            runs = runs.saturating_add(1);
            rows = rows.saturating_add(count.into());
        }
        let body = runs.saturating_mul(RUN_LEN).saturating_add(rows.saturating_mul(len));
        let delta_bytes = body.saturating_add(HEAD_LEN).saturating_add(BASE_LEN);
        let possible = deltas && !page.base.link.id.is_zero() && page.base.depth < PAGE_DEPTH_MAX && runs > 0;
        let delta = possible && delta_bytes < whole;
        Plan { delta, stored_bytes: if delta { delta_bytes } else { whole } }
    }
}

/// Runs of changed rows: (first, count).
struct Runs<'a> {
    changed: &'a [u8],
    at: usize,
    rows: usize,
}

impl<'a> Runs<'a> {
    fn of(changed: &'a [u8], rows: usize) -> Runs<'a> {
        Runs { changed, at: 0, rows }
    }

    fn is_changed(&self, row: usize) -> bool {
        let bits = self.changed.get(row / 8).copied().unwrap_or(0);
        bits.checked_shr(low32(wide(row % 8))).unwrap_or(0) & 1 == 1
    }
}

impl Iterator for Runs<'_> {
    type Item = (u16, u16);

    fn next(&mut self) -> Option<(u16, u16)> {
        let first = (self.at..self.rows).find(|&row| self.is_changed(row))?;
        let end = (first..self.rows).find(|&row| !self.is_changed(row)).unwrap_or(self.rows);
        self.at = end;
        Some((u16::try_from(first).ok()?, u16::try_from(end.saturating_sub(first)).ok()?))
    }
}

impl Store<'_> {
    /// Finds the entries that a page is made of, its own first; its place and depth.
    #[inline(never)] // their headers are not there while they are laid on each other
    fn bases(
        &mut self,
        tree: TreeKind,
        link: &Link,
        chain: &mut [Option<Place>; PAGE_DEPTH_MAX as usize + 1],
    ) -> Result<(Place, u8), Error> {
        let (mut place, mut entry) = self.entry_of_page(tree, link)?;
        let top = (place, entry.depth);
        let mut below = *link;
        let mut depth = None;
        for slot in chain {
            let right = matches!(entry.kind, Kind::Page { tree: of, .. } if of == tree)
                && entry.id == below.id
                && depth.is_none_or(|above: u8| match tree {
                    // A base found by its id may have been stored anew, at a smaller depth.
                    TreeKind::Manifest => entry.depth < above,
                    _ => above.checked_sub(1) == Some(entry.depth),
                });
            if !right {
                return Err(Error::corrupt(place, What::Id));
            }
            (*slot, depth) = (Some(place), Some(entry.depth));
            if entry.depth == 0 {
                break;
            }
            let base = self.base_place(tree, place, &entry)?;
            below = Link { id: entry.base, place: base };
            (place, entry) = self.entry_of_page(tree, &below)?;
        }
        Ok(top)
    }

    /// Where a delta's base lies, as its payload says.
    #[inline(never)]
    fn base_place(&mut self, tree: TreeKind, place: Place, entry: &EntryHeader) -> Result<Place, Error> {
        if tree == TreeKind::Manifest {
            return Ok(Place::NONE);
        }
        let source = self.source();
        let payload = source.payload(place, entry, self.buffer)?;
        let page = StoredPage::parse(tree, true, self.head.parameters.fan_out_log2, entry.raw_bytes, payload);
        let page = page.map_err(|what| Error::corrupt(place, what))?;
        page.base.ok_or(Error::corrupt(place, What::Field))
    }

    /// Lays one stored page over `rows`, cutting what is behind its own; its span.
    #[inline(never)]
    fn lay(&mut self, tree: TreeKind, level: u8, place: Place, rows: &mut [u8]) -> Result<u64, Error> {
        let source = self.source();
        let corrupt = |what| Error::corrupt(place, what);
        let read = source.entry(place, SEGMENT_BYTES_MAX.into());
        let entry = read.as_ref().map_err(|error| *error)?;
        let payload = source.payload(place, entry, self.buffer)?;
        let Kind::Page { delta, .. } = entry.kind else { return Err(corrupt(What::Field)) };
        let fan_out_log2 = source.parameters.fan_out_log2;
        let page = StoredPage::parse(tree, delta, fan_out_log2, entry.raw_bytes, payload).map_err(corrupt)?;
        if page.level != level {
            return Err(corrupt(What::Field));
        }
        let (own, behind) = rows.split_at_mut_checked(narrow(entry.raw_bytes.into())).ok_or(corrupt(What::Length))?;
        behind.fill(0);
        page.lay(own).map_err(corrupt)?;
        Ok(page.span)
    }

    fn put_page(&mut self, page: &NewPage<'_>, id: Id, span: u64, plan: &Plan, buffer: &mut [u8]) -> Result<Place, Error> {
        let NewPage { geometry, level, rows, changed, base, .. } = *page;
        let tree = geometry.tree;
        let body = buffer.get_mut(LEN..).unwrap_or(&mut []);
        let needed = Error::Memory { memory: Lent::Buffer, needed: wide(plan.stored_bytes.saturating_add(LEN)) };
        let stored = if plan.delta {
            let len = row_len(tree, level);
            let place = if tree == TreeKind::Manifest { Place::NONE } else { base.link.place };
            emit_delta(level, span, place, rows, len, Runs::of(changed, rows.len() / len), body)
        } else {
            emit_whole(level, span, rows, body)
        };
        let stored = stored.map_err(|_| needed)?;
        let payload = body.get(..stored).unwrap_or(&[]);
        let digest = digest(self.head.parameters.algorithm, payload);
        let stored_bytes = low32(wide(stored));
        let header = EntryHeader {
            kind: Kind::Page { tree, delta: plan.delta },
            depth: if plan.delta { base.depth.saturating_add(1) } else { 0 },
            stored_bytes,
            head_bytes: stored_bytes,
            raw_bytes: low32(wide(rows.len())),
            id,
            base: if plan.delta { base.link.id } else { Id::ZERO },
            digest,
        };
        let place = self.append(buffer, &header)?;
        if tree == TreeKind::Manifest {
            self.index.insert(&id, place)?;
        }
        Ok(place)
    }
}
