//! What lies where in a whole repository: which part of it every byte belongs to, and which entries a version needs.

use crate::rig::{Item, patiently};
use sarsen_core::catalogue::with_record;
use sarsen_core::chain::LEN_MAX;
use sarsen_core::error::Error;
use sarsen_core::format::entry::{Kind, LEN, TreeKind};
use sarsen_core::manifest;
use sarsen_core::segment::{Item as Standing, Lines};
use sarsen_core::store::{Found, Store, table_bytes};
use sarsen_core::tree::{Descent, Meeting};
use sarsen_core::types::{Id, Place, SegmentNumber, low32, narrow, wide};
use sarsen_core::version::Version;
use std::collections::BTreeSet;
use std::ops::Range;

/// What a part of a segment file is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Role {
    /// The segment header, with the filling up to the first entry.
    Header,
    /// An entry that is true, or the newest commit in a sealed segment: its header, payload and filling.
    Entry {
        /// What it holds.
        kind: Kind,
        /// Bytes of its payload.
        stored_bytes: u32,
    },
    /// A footer that is looked at, up to the end of the file.
    Footer,
    /// Never committed.
    Behind,
}

/// A part of a segment file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Part {
    /// Where a scrub reports damage to it.
    pub place: Place,
    /// Its bytes in the file.
    pub range: Range<usize>,
    /// What it is.
    pub role: Role,
}

impl Part {
    fn new(segment: SegmentNumber, range: Range<u64>, role: Role) -> Part {
        let range = narrow(range.start)..narrow(range.end);
        Part { place: Place::new(segment, low32(wide(range.start))), range, role }
    }

    /// What a scrub calls damage to the byte at `offset` of the file; none where nothing is true.
    pub fn finding_at(&self, offset: usize) -> Option<&'static str> {
        match self.role {
            Role::Header => Some("header"),
            Role::Footer => Some("footer"),
            Role::Behind => None,
            Role::Entry { stored_bytes, .. } => Some(match offset - self.range.start {
                within if within < LEN => "entry",
                within if within < LEN + narrow(stored_bytes.into()) => "payload",
                _ => "padding",
            }),
        }
    }
}

/// Every byte of every segment, part by part. The repository must be whole.
pub fn parts(store: &mut Store<'_>) -> Result<Vec<Part>, Error> {
    while !patiently(|| store.load())? {}
    let mut walk = store.table_walk();
    let (mut parts, mut after) = (Vec::new(), None);
    while let Some(segment) = store.next_true(after, &mut walk)? {
        parts.extend(parts_of(segment, store)?);
        after = Some(segment);
    }
    Ok(parts)
}

fn parts_of(segment: SegmentNumber, store: &mut Store<'_>) -> Result<Vec<Part>, Error> {
    let source = store.source();
    let prefix = store.prefix(segment, &mut store.table_walk())?;
    let file_bytes = prefix.file_bytes.expect("no segment is missing");
    let end = prefix.footer.map_or(prefix.len_bytes, |footer| footer.offset);
    let mut parts = vec![Part::new(segment, 0..source.parameters.first_entry().into(), Role::Header)];
    let mut lines = prefix.lines(&source);
    while let Some(line) = next_line(store, &mut lines)? {
        let entry = source.entry(Place::new(segment, line.offset), end.into())?;
        let range = u64::from(line.offset)..line.end(&source.parameters);
        parts.push(Part::new(segment, range, Role::Entry { kind: entry.kind, stored_bytes: entry.stored_bytes }));
    }
    let behind = if prefix.footer.is_some() { Role::Footer } else { Role::Behind };
    let last = Part::new(segment, end.into()..file_bytes, behind);
    // The newest commit lies between the prefix and its footer.
    parts.push(Part { place: Place::new(segment, prefix.len_bytes), ..last });
    Ok(parts)
}

fn next_line(store: &mut Store<'_>, lines: &mut Lines) -> Result<Option<sarsen_core::format::entry::Line>, Error> {
    Ok(store.next_line(lines)?.map(|item| match item {
        Standing::Line(line) => line,
        Standing::Gap(offset) => panic!("a gap at {offset} of a whole repository"),
    }))
}

/// The entries that a version needs: its record, and of its manifest all pages and blocks, with the bases they lie on.
pub fn footprint(store: &mut Store<'_>, item: &Item) -> Result<BTreeSet<Place>, Error> {
    while !patiently(|| store.load())? {}
    let parameters = *store.parameters();
    let mut places = BTreeSet::from([item.entry.link.place]);
    let top = with_record(store, &item.entry.link, |_, record| record.top)?;
    let root = manifest::tree(&parameters, item.size, top);
    let mut descent = Descent::over(TreeKind::Manifest, parameters.fan_out_log2, root);
    let mut memory = vec![0; table_bytes(8, 9)];
    while let Some(meeting) = descent.next(&mut memory)? {
        match meeting {
            Meeting::Page { .. } => {
                descent.enter(store, &mut memory)?;
                places.extend(store.last_chain());
            }
            Meeting::Row { key } => {
                let id = Id(*descent.row(key, &mut memory)?.first_chunk().expect("rows of a manifest are ids"));
                places.extend(chain(store, &id)?.iter().map(|found| found.place));
            }
            Meeting::Left { .. } => {}
        }
    }
    Ok(places)
}

/// The entries that give a block, its own first. Each has less depth than the one before, so that no chain goes in a circle.
pub fn chain(store: &Store<'_>, id: &Id) -> Result<Vec<Found>, Error> {
    let mut chain: Vec<Found> = Vec::new();
    let whole = store.visit_chain(sarsen_core::store::Sought::Block, id, &mut |found| chain.push(*found))?;
    assert!(whole, "every block is there, and what it lies on");
    assert!(chain.windows(2).all(|pair| pair[0].entry.depth > pair[1].entry.depth), "{chain:?}");
    assert!(chain.windows(2).all(|pair| pair[0].entry.base == pair[1].entry.id), "{chain:?}");
    assert!(chain.len() <= LEN_MAX && chain.last().is_some_and(|last| last.entry.depth == 0), "{chain:?}");
    Ok(chain)
}

/// The ids of a version's blocks, by their number; zero blocks are left out.
pub fn blocks(store: &mut Store<'_>, item: &Item) -> Result<Vec<(u64, Id)>, Error> {
    while !patiently(|| store.load())? {}
    let parameters = *store.parameters();
    let top = with_record(store, &item.entry.link, |_, record| record.top)?;
    let mut memory = vec![0; table_bytes(8, 9)];
    let mut version = Version::of_tree(&parameters, item.size, top, &mut memory);
    let (mut blocks, mut from) = (Vec::new(), 0);
    while let Some(block) = version.next_data(from, store)? {
        blocks.push((block, version.block(block, store)?));
        from = block + 1;
    }
    Ok(blocks)
}
