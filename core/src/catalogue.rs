//! The list of versions and drafts, in order of creation; and finding the one a person means.
//!
//! Read from the catalogue alone. Where a page of it cannot be read, the list is rebuilt from the records themselves (docs/FORMAT.md section 11).

use crate::error::{Error, Refusal};
use crate::format::entry::{Kind, TreeKind};
use crate::format::record::{self, Record, RecordKind};
use crate::segment::{Item, Lines};
use crate::store::Store;
use crate::tree::Cursor;
use crate::types::{Id, Link, Place, SegmentNumber};

/// A row of the catalogue.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Entry {
    /// Its key; none in a rebuilt catalogue.
    pub key: Option<u64>,
    /// Its record.
    pub link: Link,
}

#[derive(Clone, Copy)]
enum At {
    /// Finding out whether the catalogue can be read.
    Survey {
        key: u64,
    },
    Table {
        key: u64,
    },
    Records {
        after: Option<SegmentNumber>,
        current: Option<(SegmentNumber, u32, Lines)>,
    },
}

/// A walk through the catalogue. Uses the store's walk memory: one walk at a time.
#[derive(Clone, Copy)]
pub struct Listing {
    at: At,
    walk: Cursor,
}

/// What a step of a listing gave.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Listed {
    /// An entry.
    Entry(Entry),
    /// Nothing yet: call again.
    Step,
    /// There are no more.
    End,
}

impl Listing {
    /// From the first entry on.
    pub fn of(store: &Store<'_>) -> Listing {
        let walk = Cursor::over(TreeKind::Catalogue, store.parameters().fan_out_log2, store.catalogue());
        Listing { at: At::Survey { key: 0 }, walk }
    }

    /// The next entry. Nothing has changed if it fails.
    pub fn next(&mut self, store: &mut Store<'_>) -> Result<Listed, Error> {
        match self.at {
            At::Survey { key } => self.survey(key, store),
            At::Table { key } => self.table(key, store),
            At::Records { after, current } => self.records(after, current, store),
        }
    }

    /// The same, and shows the record of an entry if that can be read. Nothing has changed if it fails.
    pub fn show(&mut self, store: &mut Store<'_>, see: &mut dyn FnMut(&Entry, Id, &Record<'_>)) -> Result<Listed, Error> {
        let before = self.at;
        let listed = self.next(store)?;
        if let Listed::Entry(entry) = &listed
            && let Err(error) = with_record(store, &entry.link, |id, record| see(entry, id, record))
            && !error.is_damage()
        {
            // The pages that lie in memory by now may stay there.
            self.at = before;
            return Err(error);
        }
        Ok(listed)
    }

    fn survey(&mut self, key: u64, store: &mut Store<'_>) -> Result<Listed, Error> {
        let walk = &mut self.walk;
        match store.with_walk(|store, memory| walk.next_present(key, store, memory)) {
            Ok(Some(key)) => self.at = At::Survey { key: key.saturating_add(1) },
            Ok(None) => self.at = At::Table { key: 0 },
            Err(error) if error.is_damage() => {
                store.set_rebuilt();
                self.walk = store.table_walk();
                self.at = At::Records { after: None, current: None };
            }
            Err(error) => return Err(error),
        }
        Ok(Listed::Step)
    }

    fn table(&mut self, key: u64, store: &mut Store<'_>) -> Result<Listed, Error> {
        let walk = &mut self.walk;
        let next = store.with_walk(|store, memory| match walk.next_present(key, store, memory)? {
            Some(key) => {
                let row = walk.get(key, store, memory)?;
                Ok(crate::format::link::parse(&mut crate::format::bytes::Reader(row)).ok().map(|link| (key, link)))
            }
            None => Ok(None),
        })?;
        let Some((key, link)) = next else { return Ok(Listed::End) };
        self.at = At::Table { key: key.saturating_add(1) };
        Ok(Listed::Entry(Entry { key: Some(key), link }))
    }

    /// Records of versions in all true prefixes. Those of one id are told apart by their place: only the first is listed.
    #[inline(never)] // lines and a prefix are in hand where a catalogue is rebuilt, and only there
    fn records(
        &mut self,
        after: Option<SegmentNumber>,
        current: Option<(SegmentNumber, u32, Lines)>,
        store: &mut Store<'_>,
    ) -> Result<Listed, Error> {
        let Some((segment, end, mut lines)) = current else {
            if !store.load_tables()? {
                return Ok(Listed::Step);
            }
            let Some(segment) = store.next_true(after, &mut self.walk)? else { return Ok(Listed::End) };
            let prefix = store.prefix(segment, &mut self.walk)?;
            let readable = prefix.file_bytes.is_some() && !prefix.stranger;
            let current = readable.then(|| (segment, prefix.len_bytes, prefix.lines(&store.source())));
            self.at = At::Records { after: Some(segment), current };
            return Ok(Listed::Step);
        };
        let item = store.next_line(&mut lines)?;
        let Some(item) = item else {
            self.at = At::Records { after: Some(segment), current: None };
            return Ok(Listed::Step);
        };
        let listed = match item {
            Item::Line(line) if line.kind == Kind::Record && line.offset < end => {
                let place = Place::new(segment, line.offset);
                let link = Link { id: line.id, place };
                match self.is_version(store, &link)? {
                    true => Listed::Entry(Entry { key: None, link }),
                    false => Listed::Step,
                }
            }
            _ => Listed::Step,
        };
        self.at = At::Records { after, current: Some((segment, end, lines)) };
        Ok(listed)
    }

    /// Whether a record is of a version and was not listed before, lying at an earlier place too.
    fn is_version(&self, store: &mut Store<'_>, link: &Link) -> Result<bool, Error> {
        let kind = with_record(store, link, |_, record| record.kind);
        match kind {
            Ok(kind) => Ok(kind == RecordKind::Version),
            // A record that cannot be read may be of a version: it is named.
            Err(error) if error.is_damage() => Ok(true),
            Err(error) => Err(error),
        }
    }
}

/// Reads the record of an entry; `read` gets the version id and the record.
#[inline(never)] // the record is not there while the caller walks on
pub fn with_record<R>(store: &mut Store<'_>, link: &Link, read: impl FnOnce(Id, &Record<'_>) -> R) -> Result<R, Error> {
    store.with_buffer(|store, buffer| match &record_of(store, link, buffer) {
        Ok((id, record)) => Ok(read(*id, record)),
        Err(error) => Err(*error),
    })
}

#[inline(never)]
fn record_of<'b>(store: &Store<'_>, link: &Link, buffer: &'b mut [u8]) -> Result<(Id, Record<'b>), Error> {
    let corrupt = |what| Error::corrupt(link.place, what);
    let payload = store.record(link, buffer)?;
    let record = Record::parse(payload).map_err(corrupt)?;
    Ok((record::version_id(store.parameters().algorithm, payload).map_err(corrupt)?, record))
}

/// What a person calls a version.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Wanted<'a> {
    /// The newest of all.
    Latest,
    /// A version id in hex, or the beginning of one; or, if no id begins so, a disk name: its newest version.
    IdOrName(&'a str),
    /// The newest version of a disk with this snapshot name.
    Snapshot(&'a str, &'a str),
    /// The newest draft of a disk.
    Draft(&'a str),
    /// The newest version of a disk, by name alone.
    Name(&'a str),
}

impl<'a> Wanted<'a> {
    /// From text: `latest`, `NAME@SNAPSHOT`, an id, a prefix of one, or `NAME`.
    pub fn parse(text: &'a str) -> Wanted<'a> {
        if text == "latest" {
            return Wanted::Latest;
        }
        let at = text.bytes().rposition(|byte| byte == b'@');
        let halves = at.and_then(|at| Some((text.get(..at)?, text.get(at.checked_add(1)?..)?)));
        halves.map_or(Wanted::IdOrName(text), |(name, snapshot)| Wanted::Snapshot(name, snapshot))
    }
}

/// A version or draft that was found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Found {
    /// Its row.
    pub entry: Entry,
    /// Its version id.
    pub id: Id,
}

/// A search through the catalogue.
pub struct Search<'a> {
    wanted: Wanted<'a>,
    listing: Listing,
    hits: Hits,
}

/// What a search has come across.
struct Hits {
    by_id: Option<Found>,
    ambiguous: bool,
    newest: Option<Found>,
}

impl<'a> Search<'a> {
    /// For what is wanted.
    pub fn of(store: &Store<'_>, wanted: Wanted<'a>) -> Search<'a> {
        let hits = Hits { by_id: None, ambiguous: false, newest: None };
        Search { wanted, listing: Listing::of(store), hits }
    }

    /// One step; what was found, at the end.
    pub fn step(&mut self, store: &mut Store<'_>) -> Result<Option<Found>, Error> {
        let Search { wanted, listing, hits } = self;
        match listing.show(store, &mut |entry, id, record| hits.take(entry, id, hit(wanted, id, record)))? {
            Listed::Step | Listed::Entry(_) => Ok(None),
            Listed::End => hits.found().map(Some),
        }
    }

    /// Searches to the end; only for media that never answer "pending".
    pub fn run(&mut self, store: &mut Store<'_>) -> Result<Found, Error> {
        loop {
            if let Some(found) = self.step(store)? {
                return Ok(found);
            }
        }
    }
}

impl Hits {
    fn found(&self) -> Result<Found, Error> {
        if self.ambiguous {
            return Err(Refusal::AmbiguousVersion.into());
        }
        let found = self.by_id.as_ref().or(self.newest.as_ref());
        found.copied().ok_or(Error::Refused(Refusal::UnknownVersion))
    }

    fn take(&mut self, entry: &Entry, id: Id, hit: Hit) {
        let found = Found { entry: *entry, id };
        match hit {
            Hit::No => {}
            Hit::Named => self.newest = Some(found),
            Hit::Id => {
                self.ambiguous |= self.by_id.is_some_and(|other| other.id != found.id);
                self.by_id = Some(found);
            }
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Hit {
    No,
    Named,
    Id,
}

fn hit(wanted: &Wanted<'_>, id: Id, record: &Record<'_>) -> Hit {
    let is_version = record.kind == RecordKind::Version;
    let named = match *wanted {
        Wanted::Latest => is_version,
        Wanted::Snapshot(name, snapshot) => is_version && record.name == name && record.snapshot == snapshot,
        Wanted::Draft(name) => !is_version && record.name == name,
        Wanted::Name(name) => is_version && record.name == name,
        Wanted::IdOrName(text) if begins(&id, text) => return Hit::Id,
        Wanted::IdOrName(text) => is_version && record.name == text,
    };
    if named { Hit::Named } else { Hit::No }
}

/// Whether an id's hex begins so; at least four digits, so that a short name is not taken for an id.
fn begins(id: &Id, text: &str) -> bool {
    let digits = text.as_bytes();
    let nibble = |at: usize| id.0.get(at / 2).map(|byte| if at.is_multiple_of(2) { byte >> 4 } else { byte & 15 });
    let value = |digit: u8| char::from(digit).to_digit(16).filter(|_| !digit.is_ascii_uppercase());
    (4..=64).contains(&digits.len()) && digits.iter().enumerate().all(|(at, &digit)| nibble(at).map(u32::from) == value(digit))
}
