//! The versions and drafts of a repository, and finding the one a person means.

use crate::failure::{Exit, Failure};
use crate::screen::shown;
use sarsen_core::catalogue::{Entry, Listed, Listing, Search, Wanted, with_record};
use sarsen_core::error::{Error, Refusal};
use sarsen_core::format::record::{Record, RecordKind, Statistics};
use sarsen_core::ops::import::DRAFT_SOURCE;
use sarsen_core::store::Store;
use sarsen_core::types::{Id, Link};

/// What a record says, kept.
#[derive(Clone, Debug)]
pub struct Told {
    pub kind: RecordKind,
    pub name: String,
    pub snapshot: String,
    pub source: String,
    pub time: u64,
    pub disk_size: u64,
    pub base: Id,
    pub root: Id,
    pub top: Id,
    pub position: u64,
    pub source_changed: bool,
    pub protected: bool,
    /// When it is no longer needed; 0 never.
    pub expiry: u64,
    pub tags: Vec<String>,
    pub statistics: Statistics,
}

impl Told {
    fn of(record: &Record<'_>) -> Told {
        Told {
            kind: record.kind,
            name: record.name.into(),
            snapshot: record.snapshot.into(),
            source: record.source.into(),
            time: record.time,
            disk_size: record.disk_size,
            base: record.base,
            root: record.root,
            top: record.top,
            position: record.position,
            source_changed: record.source_changed,
            protected: record.protected,
            expiry: record.expiry,
            tags: record.tags.iter().map(String::from).collect(),
            statistics: record.statistics,
        }
    }

    /// Its name as a person gives it: `NAME` or `NAME@SNAPSHOT`.
    pub fn called(&self) -> String {
        match self.snapshot.as_str() {
            "" => shown(&self.name),
            snapshot => format!("{}@{}", shown(&self.name), shown(snapshot)),
        }
    }
}

/// A row of the catalogue.
#[derive(Clone, Debug)]
pub struct Item {
    pub entry: Entry,
    /// Its version id, or its record's id if that cannot be read.
    pub id: Id,
    /// What its record says, if that can be read.
    pub told: Option<Told>,
}

/// All rows, in order of creation.
pub fn list(store: &mut Store<'_>) -> Result<Vec<Item>, Error> {
    list_but(store, Error::is_damage)
}

/// The same, where records may also be such that could not be read.
pub fn list_readable(store: &mut Store<'_>) -> Result<Vec<Item>, Error> {
    list_but(store, |error| error.is_damage() || error.unread().is_some())
}

/// Of records that fail so, only the id is told.
fn list_but(store: &mut Store<'_>, is_lost: fn(&Error) -> bool) -> Result<Vec<Item>, Error> {
    let mut listing = Listing::of(store);
    let mut items = Vec::new();
    loop {
        match listing.next(store)? {
            Listed::Step => {}
            Listed::End => return Ok(items),
            Listed::Entry(entry) => items.push(item(store, entry, is_lost)?),
        }
    }
}

fn item(store: &mut Store<'_>, entry: Entry, is_lost: fn(&Error) -> bool) -> Result<Item, Error> {
    match read(store, &entry.link) {
        Ok((id, told)) => Ok(Item { entry, id, told: Some(told) }),
        Err(error) if is_lost(&error) => Ok(Item { entry, id: entry.link.id, told: None }),
        Err(error) => Err(error),
    }
}

fn read(store: &mut Store<'_>, link: &Link) -> Result<(Id, Told), Error> {
    with_record(store, link, |id, record| (id, Told::of(record)))
}

/// A row that was found, and what it says.
#[derive(Clone, Debug)]
pub struct Found {
    pub entry: Entry,
    pub id: Id,
    pub told: Told,
}

/// The version or draft a person means by `text`.
pub fn find(store: &mut Store<'_>, text: &str) -> Result<Found, Failure> {
    found(store, Wanted::parse(text)).map_err(|error| Failure::at(format_args!("`{}`", shown(text)), error))
}

/// The newest that is wanted, if there is one.
pub fn newest(store: &mut Store<'_>, wanted: Wanted<'_>) -> Result<Option<Found>, Error> {
    match found(store, wanted) {
        Err(Error::Refused(Refusal::UnknownVersion)) => Ok(None),
        found => found.map(Some),
    }
}

/// All versions of a disk with a snapshot name.
pub fn of_snapshot(store: &mut Store<'_>, name: &str, snapshot: &str) -> Result<Vec<Found>, Error> {
    let found = |Item { entry, id, told }: Item| Some(Found { entry, id, told: told? });
    let is_it = |found: &Found| {
        let Told { kind, name: its, snapshot: own, .. } = &found.told;
        *kind == RecordKind::Version && its == name && own == snapshot
    };
    Ok(list(store)?.into_iter().filter_map(found).filter(is_it).collect())
}

fn found(store: &mut Store<'_>, wanted: Wanted<'_>) -> Result<Found, Error> {
    let found = Search::of(store, wanted).run(store)?;
    let (id, told) = read(store, &found.entry.link)?;
    Ok(Found { entry: found.entry, id, told })
}

/// The finished version a person means by `text`.
pub fn find_version(store: &mut Store<'_>, text: &str) -> Result<Found, Failure> {
    let found = find(store, text)?;
    match found.told.kind {
        RecordKind::Version => Ok(found),
        RecordKind::Draft if found.told.source.starts_with(DRAFT_SOURCE) => Err(Failure::new(
            Exit::Failed,
            format!(
                "`{}`: a draft that an interrupted import has left, not a version; import a stream that starts at {} or before, or remove it \
                 with `sarsen rm`",
                shown(text),
                found.told.position
            ),
        )),
        RecordKind::Draft => Err(Failure::new(
            Exit::Failed,
            format!(
                "`{}`: a draft, not a version; finish it with `sarsen backup --continue --name {}`, or remove it with `sarsen rm`",
                shown(text),
                found.told.called()
            ),
        )),
    }
}
