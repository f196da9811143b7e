//! What a stream is laid on: a version of the catalogue, what an earlier stream has left, and the draft that is begun on that.

use super::{Imported, Report};
use crate::catalogue::{Entry, Listed, Listing, with_record};
use crate::draft::{Description, Draft, DraftDisk, Frames};
use crate::error::{Error, Memory, Refusal, What};
use crate::format::entry::TreeKind;
use crate::format::record::{Record, RecordKind};
use crate::frame::Work;
use crate::manifest::{self, blocks};
use crate::store::{Purpose, Store};
use crate::task::patiently;
use crate::tree::Cursor;
use crate::types::{DIGEST_BYTES, Id, Link, Place, wide};

/// How the source of a draft begins that an import has left; both roots follow.
pub const DRAFT_SOURCE: &str = "stream ";
const HEX_LEN: usize = DIGEST_BYTES * 2;
pub(super) const SOURCE_LEN: usize = DRAFT_SOURCE.len() + HEX_LEN + 1 + HEX_LEN;

/// A version to lay a stream on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Base {
    pub id: Id,
    pub root: Id,
    pub manifest: Manifest,
}

/// A manifest to begin with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Manifest {
    pub disk_size: u64,
    pub top: Id,
}

impl Base {
    /// No version.
    pub const NONE: Base = Base { id: Id::ZERO, root: Id::ZERO, manifest: Manifest { disk_size: 0, top: Id::ZERO } };

    fn of(id: Id, record: &Record<'_>) -> Base {
        Base { id, root: record.root, manifest: Manifest { disk_size: record.disk_size, top: record.top } }
    }

    /// The version of a record; `see` gets that too.
    pub fn chosen(store: &mut Store<'_>, link: &Link, see: &mut dyn FnMut(&Record<'_>)) -> Result<Base, Error> {
        let mut read = |store: &mut Store<'_>| {
            with_record(store, link, |id, record| {
                see(record);
                (record.kind == RecordKind::Version).then(|| Base::of(id, record))
            })
        };
        let base = patiently(|| read(store))?.ok_or(Error::Refused(Refusal::UnknownVersion))?;
        base.check(store, link.place)
    }

    /// The newest version with this root.
    pub fn with_root(store: &mut Store<'_>, root: &Id) -> Result<Option<Base>, Error> {
        let mut found = None;
        each_record(store, &mut |entry, id, record| {
            if record.kind == RecordKind::Version && record.root == *root {
                found = Some((entry.link.place, Base::of(id, record)));
            }
        })?;
        found.map(|(place, base)| base.check(store, place)).transpose()
    }

    /// A root that is not that of its pages was forged or damaged.
    fn check(self, store: &Store<'_>, place: Place) -> Result<Base, Error> {
        let Manifest { disk_size, top } = self.manifest;
        match manifest::root_id(store.parameters(), disk_size, top) == self.root {
            true => Ok(self),
            false => Err(Error::corrupt(place, What::Id)),
        }
    }
}

/// What an interrupted import has left.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Kept {
    pub key: u64,
    pub position: u64,
    pub manifest: Manifest,
}

impl Kept {
    /// The draft of that source of which most is done.
    pub fn find(store: &mut Store<'_>, source: &str, disk_size: u64) -> Result<Option<Kept>, Error> {
        let mut found: Option<Kept> = None;
        each_record(store, &mut |entry, _, record| {
            let is_it = record.kind == RecordKind::Draft && record.source == source && record.disk_size == disk_size;
            if let Some(key) = entry.key.filter(|_| is_it && found.is_none_or(|found| found.position <= record.position)) {
                found = Some(Kept { key, position: record.position, manifest: Manifest { disk_size, top: record.draft_top } });
            }
        })?;
        Ok(found)
    }
}

/// Shows every record that can be read, in order of creation.
#[inline(never)]
fn each_record(store: &mut Store<'_>, see: &mut dyn FnMut(&Entry, Id, &Record<'_>)) -> Result<(), Error> {
    let mut listing = Listing::of(store);
    while patiently(|| listing.show(store, see))? != Listed::End {}
    Ok(())
}

/// The source of a draft that only a stream between the same roots continues. No disk's source is called so.
pub(super) fn draft_source<'t>(base: &Id, target: &Id, to: &'t mut [u8]) -> Result<&'t str, Error> {
    let no_room = Error::Memory { memory: Memory::Buffer, needed: wide(SOURCE_LEN) };
    let to = to.get_mut(..SOURCE_LEN).ok_or(no_room)?;
    let hex = [base, target].into_iter().enumerate().flat_map(|(at, id)| {
        let space = (at > 0).then_some(b' ');
        space.into_iter().chain(id.0.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]))
    });
    to.iter_mut().zip(DRAFT_SOURCE.bytes().chain(hex)).for_each(|(to, from)| *to = from);
    core::str::from_utf8(to).map_err(|_| no_room)
}

fn digit(value: u8) -> u8 {
    b"0123456789abcdef".get(usize::from(value)).copied().unwrap_or(b'?')
}

/// Opens a draft that begins with a manifest. This is where writing begins.
pub(super) fn open<'m>(
    store: &mut Store<'_>,
    description: Description<'m>,
    (start, key): (Manifest, Option<u64>),
    (pages, frames): (&'m mut [u8], Frames<'m>),
) -> Result<DraftDisk<'m, 'm>, Error> {
    let parameters = *store.parameters();
    let rows = blocks(description.disk_size, parameters.block_bytes());
    while !patiently(|| store.load())? {}
    // Known only now: what is damaged so that it was rebuilt.
    store.check_writable()?;
    patiently(|| store.begin(Purpose::Ordinary))?;
    let root = manifest::tree(&parameters, start.disk_size, start.top);
    // Once to have it read; then with the memory the draft keeps.
    patiently(|| Cursor::over(TreeKind::Manifest, parameters.fan_out_log2, root).resize(rows, store, pages))?;
    let draft = Draft::begin(store, description, root, key, pages)?;
    DraftDisk::new(store, draft, frames)
}

/// Makes the version.
pub(super) fn finish(
    disk: &mut DraftDisk<'_, '_>,
    started: u64,
    read_bytes: u64,
    store: &mut Store<'_>,
    work: &mut Work<'_>,
) -> Result<Imported, Error> {
    let statistics = &mut disk.draft_mut().statistics;
    statistics.read_bytes = read_bytes;
    statistics.millis = store.host().now().saturating_sub(started);
    let (version, link) = patiently(|| disk.finish(store, work))?;
    patiently(|| store.close())?;
    let draft = disk.draft();
    let (base, disk_size, statistics) = (draft.description().base, disk.size(), draft.statistics);
    Ok(Imported::Version(Report { version, link, base, disk_size, statistics }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_draft_is_called_by_both_roots() {
        let (mut to, mut small) = ([0; SOURCE_LEN], [0; SOURCE_LEN - 1]);
        let source = draft_source(&Id([0x0A; DIGEST_BYTES]), &Id([0xF9; DIGEST_BYTES]), &mut to);
        let right = "stream 0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a \
                     f9f9f9f9f9f9f9f9f9f9f9f9f9f9f9f9f9f9f9f9f9f9f9f9f9f9f9f9f9f9f9f9";
        assert_eq!(source, Ok(right));
        assert!(draft_source(&Id::ZERO, &Id::ZERO, &mut small).is_err());
    }
}
