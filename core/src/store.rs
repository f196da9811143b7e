//! Objects by id, the tables that say what is true, and transactions.
//!
//! A store is opened as of the newest commit. Writing begins a session; what was written becomes true with [`Store::commit`] and not before.
//! Roll back = open again. Knows nothing of versions.

use crate::damage::{Marked, Marks};
use crate::digest::digest;
use crate::error::{Error, Memory as Lent, Refusal, Trouble, What};
use crate::format::commit::{Commit, Root};
use crate::format::damage::Mark;
use crate::format::entry::{DEPTH_MAX, EntryHeader, Kind, LEN, TreeKind, total_bytes};
use crate::format::header::{Parameters, SEGMENT_BYTES_MAX, WRITE_FEATURES};
use crate::format::page::{BASE_LEN, Geometry, HEAD_LEN, RUN_LEN, StoredPage, emit_delta, emit_whole, page_id, row_len};
use crate::format::record::{PLAIN_LEN_MAX, record_id};
use crate::format::row::SegmentRow;
use crate::format::{commit, page};
use crate::host::{Host, Slots};
use crate::index::{Index, Slot};
use crate::log::{self, Head};
use crate::medium::Medium;
use crate::segment::{Footer, Item, Lines, Source};
use crate::session::{NewCommit, Session, plain_header};
use crate::tree::{Changed, Cursor, Loaded, NewPage, Pages};
use crate::types::{Id, Link, Place, SegmentNumber, low32, narrow, wide};

/// Memory a store is lent.
pub struct Memory<'m> {
    /// The object index; 16 bytes an object and some room.
    pub index: &'m mut dyn Slots<Slot>,
    /// Damage marks.
    pub marks: &'m mut dyn Slots<Marked>,
    /// One entry: [`buffer_bytes`].
    pub buffer: &'m mut [u8],
    /// Lines of footers: 48 bytes at least, more is faster.
    pub chunk: &'m mut [u8],
    /// Pages of a table that is changed: [`table_bytes`].
    pub pages: &'m mut [u8],
    /// Pages of a table that is walked: [`table_bytes`].
    pub walk: &'m mut [u8],
}

/// Bytes of [`Memory::buffer`] for a fan-out, alignment (both as log2) and length of history.
pub const fn buffer_bytes(fan_out_log2: u8, align_log2: u8, history: u16) -> usize {
    let page = HEAD_LEN + BASE_LEN + (1usize << fan_out_log2) * (page::ROW_LEN_MAX + RUN_LEN);
    let commit = commit::FIXED_LEN + commit::HISTORY_LEN * history as usize;
    let mut payload = if page > PLAIN_LEN_MAX { page } else { PLAIN_LEN_MAX };
    if commit > payload {
        payload = commit;
    }
    let alignment = 1usize << align_log2;
    (LEN + payload).div_ceil(alignment) * alignment + alignment
}

/// Bytes of [`Memory::pages`] and [`Memory::walk`] for tables of so many levels.
pub const fn table_bytes(fan_out_log2: u8, levels: usize) -> usize {
    (1usize << fan_out_log2) * page::ROW_LEN_MAX * levels
}

/// What a session is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Purpose {
    /// Adds: the reserve must be there first.
    Ordinary,
    /// Gives space back or notes damage: may use the reserve.
    Maintenance,
}

/// How far the index is.
#[derive(Clone, Copy)]
enum Loading {
    Segments { key: u64, walk: Option<Cursor> },
    Marks { key: u64, walk: Option<Cursor> },
    Lines { after: Option<SegmentNumber>, walk: Option<Cursor>, current: Option<(SegmentNumber, u32, Lines)> },
    Done,
}

const NOT_LOADED: Loading = Loading::Segments { key: 0, walk: None };
/// Rows that may wait. Half of them do before they are settled; the others are for segments that a single change of a table fills.
const PENDING_ROWS: usize = 8;

/// What is true of a segment, and whether its footer can be used.
#[derive(Clone, Copy, Debug)]
pub struct Prefix {
    /// Which segment.
    pub segment: SegmentNumber,
    /// Where the true prefix ends; 0 if the row was derived and nothing of the segment is true.
    pub len_bytes: u32,
    /// The entries digest demanded, if one is.
    pub digest: Option<crate::types::Digest>,
    /// Whether a footer must follow.
    pub footer_expected: bool,
    /// The footer, if it is good.
    pub footer: Option<Footer>,
    /// Length of the file; none if it is missing.
    pub file_bytes: Option<u64>,
    /// Whether its header is right but not of this repository or number: nothing is read of it.
    pub stranger: bool,
    /// Bytes of it in use, as last counted.
    pub live_bytes: u32,
}

impl Prefix {
    /// Whether the file is there and long enough.
    pub fn is_whole(&self) -> bool {
        !self.stranger && self.file_bytes.is_some_and(|bytes| bytes >= self.len_bytes.into())
    }

    /// The lines of the prefix.
    pub fn lines(&self, source: &Source<'_>) -> Lines {
        match self.footer {
            Some(footer) => Lines::of_footer(source, self.segment, footer.offset, footer.lines),
            None => Lines::by_scan(source, self.segment, self.len_bytes.into(), self.file_bytes.unwrap_or(0)),
        }
    }
}

/// An object that was found.
#[derive(Clone, Copy, Debug)]
pub struct Found {
    /// Its slot in the index.
    pub slot: crate::index::SlotIndex,
    /// Its entry.
    pub place: Place,
    /// That entry's header.
    pub entry: EntryHeader,
}

/// A repository.
pub struct Store<'m> {
    medium: &'m dyn Medium,
    host: &'m dyn Host,
    head: Head,
    segments: Root,
    catalogue: Root,
    damage: Root,
    session: Option<Session<'m>>,
    /// Whether the session has read the newest commit behind its fence, and may write.
    fenced: bool,
    pending_rows: [Option<(SegmentNumber, SegmentRow)>; PENDING_ROWS],
    loading: Loading,
    derived: bool,
    /// The missing segment for which the table cannot be read.
    table_lost_with: Option<SegmentNumber>,
    rebuilt: bool,
    incomplete: bool,
    chain: [Option<Place>; DEPTH_MAX as usize + 1],
    index: Index<'m>,
    marks: Marks<'m>,
    buffer: &'m mut [u8],
    chunk: &'m mut [u8],
    pages: &'m mut [u8],
    walk: &'m mut [u8],
}

impl<'m> Store<'m> {
    /// Opens a repository as of its newest commit.
    pub fn open(medium: &'m dyn Medium, host: &'m dyn Host, memory: Memory<'m>) -> Result<Store<'m>, Error> {
        let Memory { index, marks, buffer, chunk, pages, walk } = memory;
        let head = log::open(medium, chunk, buffer)?;
        let mut seed = [[0; 8]; 4];
        if !seed.iter_mut().all(|word| host.random(word)) {
            return Err(Error::Random);
        }
        Ok(Store {
            medium,
            host,
            head,
            segments: head.commit.segments,
            catalogue: head.commit.catalogue,
            damage: head.commit.damage,
            session: None,
            fenced: false,
            pending_rows: [None; PENDING_ROWS],
            loading: NOT_LOADED,
            derived: false,
            table_lost_with: None,
            rebuilt: false,
            incomplete: false,
            chain: [None; DEPTH_MAX as usize + 1],
            index: Index::new(index, seed.map(u64::from_le_bytes)),
            marks: Marks::new(marks),
            buffer,
            chunk,
            pages,
            walk,
        })
    }

    /// Looks whether a newer commit was made since: then everything is as of that, and the index must be loaded again.
    ///
    /// A reader does so before it believes that an object is lost: compaction may have moved it.
    pub fn refresh(&mut self) -> Result<bool, Error> {
        let head = log::open(self.medium, self.chunk, self.buffer)?;
        if head.id == self.head.id || self.session.is_some() {
            return Ok(false);
        }
        self.head = head;
        (self.segments, self.catalogue, self.damage) = (head.commit.segments, head.commit.catalogue, head.commit.damage);
        (self.derived, self.rebuilt, self.table_lost_with) = (false, false, None);
        self.unload(false);
        Ok(true)
    }

    /// The parameters.
    pub fn parameters(&self) -> &Parameters {
        &self.head.parameters
    }

    /// The medium and parameters, to read with.
    pub fn source(&self) -> Source<'m> {
        Source { medium: self.medium, parameters: self.head.parameters }
    }

    /// Time and randomness.
    pub fn host(&self) -> &'m dyn Host {
        self.host
    }

    /// The newest commit, as opened or as written since.
    pub fn head(&self) -> &Head {
        &self.head
    }

    /// The catalogue, with what was changed since the last commit.
    pub fn catalogue(&self) -> Root {
        self.catalogue
    }

    /// The segment table, with what was changed since the last commit.
    pub fn segments(&self) -> Root {
        self.segments
    }

    /// The damage list, with what was changed since the last commit.
    pub fn damage(&self) -> Root {
        self.damage
    }

    /// Known damage.
    pub fn marks(&self) -> &Marks<'m> {
        &self.marks
    }

    /// Known damage, to change.
    pub fn marks_mut(&mut self) -> &mut Marks<'m> {
        &mut self.marks
    }

    /// The index.
    pub fn index(&self) -> &Index<'m> {
        &self.index
    }

    /// The index, to flag what was reached.
    pub fn index_mut(&mut self) -> &mut Index<'m> {
        &mut self.index
    }

    /// Whether the segment table could not be read and what is true was derived from the segments.
    pub fn is_derived(&self) -> bool {
        self.derived
    }

    /// The segment that is not there, if the segment table could not be read for that.
    pub fn table_lost_with(&self) -> Option<SegmentNumber> {
        self.table_lost_with
    }

    /// Says that the catalogue could not be read and is rebuilt from records: nothing may be written any more.
    pub fn set_rebuilt(&mut self) {
        self.rebuilt = true;
    }

    /// Whether the catalogue is rebuilt.
    pub fn is_rebuilt(&self) -> bool {
        self.rebuilt
    }

    /// Whether a mark, or a missing or cut segment, is known: nothing new may then build on what is stored.
    pub fn is_damaged(&self) -> bool {
        self.incomplete || self.derived || !self.marks.is_empty()
    }

    /// Whether this store may write at all.
    pub fn check_writable(&self) -> Result<(), Error> {
        if self.head.behind.is_some() {
            return Err(Refusal::Behind.into());
        }
        if self.derived || self.rebuilt {
            return Err(Refusal::Rebuilt.into());
        }
        let unknown = self.head.parameters.write_features & !WRITE_FEATURES != 0;
        match self.medium.writer() {
            Some(_) if !unknown => Ok(()),
            _ => Err(Refusal::ReadOnly.into()),
        }
    }

    // ---- what is true ----

    /// The row of a segment in the table or among rows not yet in it.
    fn row(&mut self, segment: SegmentNumber, walk: &mut Cursor) -> Result<Option<SegmentRow>, Error> {
        if u64::from(segment.0) >= self.segments.rows {
            return Ok(None);
        }
        let row = self.with_walk(|store, memory| Ok(SegmentRow::parse(walk.get(segment.0.into(), store, memory)?)))?;
        row.map_err(|what| Error::corrupt(Place::new(segment, 0), what))
    }

    /// A cursor to walk the segment table with; used with memory of its own.
    pub fn table_walk(&self) -> Cursor {
        Cursor::over(TreeKind::Segments, self.head.parameters.fan_out_log2, self.segments)
    }

    /// Lends the walk's memory, beside the store itself.
    pub fn with_walk<R>(&mut self, run: impl FnOnce(&mut Self, &mut [u8]) -> Result<R, Error>) -> Result<R, Error> {
        let memory = core::mem::take(&mut self.walk);
        let result = run(self, memory);
        self.walk = memory;
        result
    }

    /// The next segment of which something is true, in ascending order; the newest commit's own is the last.
    pub fn next_true(&mut self, after: Option<SegmentNumber>, walk: &mut Cursor) -> Result<Option<SegmentNumber>, Error> {
        let own = self.head.commit.segment;
        let from = after.map_or(0, |number| u64::from(number.0).saturating_add(1));
        if from > own.0.into() {
            return Ok(None);
        }
        let next = match self.derived {
            true => log::next_segment(self.medium, after)?,
            false => {
                let key = self.with_walk(|store, memory| walk.next_present(from, store, memory))?;
                key.map(|key| SegmentNumber(low32(key)))
            }
        };
        Ok(Some(next.filter(|&number| number < own).unwrap_or(own)))
    }

    /// What is true of a segment that [`Store::next_true`] named.
    pub fn prefix(&mut self, segment: SegmentNumber, walk: &mut Cursor) -> Result<Prefix, Error> {
        let source = self.source();
        let own = segment == self.head.commit.segment;
        let row = match (own, self.derived) {
            (true, _) => Some(SegmentRow {
                len_bytes: self.head.commit.len_bytes,
                footer: self.head.sealed(),
                live_bytes: self.head.commit.len_bytes,
                digest: self.head.commit.digest,
            }),
            (false, true) => None,
            (false, false) => self.row(segment, walk)?,
        };
        let file_bytes = source.len(segment)?;
        let stranger = file_bytes.is_some() && !log::belongs(&source, segment)?;
        let mut prefix = Prefix {
            segment,
            len_bytes: 0,
            digest: row.map(|row| row.digest),
            footer_expected: row.is_some_and(|row| row.footer),
            footer: None,
            file_bytes,
            stranger,
            live_bytes: row.map_or(0, |row| row.live_bytes),
        };
        prefix.len_bytes = row.map_or(prefix.len_bytes, |row| row.len_bytes);
        let Some(file_bytes) = file_bytes.filter(|_| !stranger) else { return Ok(prefix) };
        match row {
            Some(_) if own => prefix.footer = self.head.good_footer(),
            Some(row) if row.footer => {
                let footer = source.footer(segment, file_bytes, row.len_bytes, self.chunk)?;
                prefix.footer = footer.filter(|f| f.filled && f.offset == row.len_bytes && f.digest == row.digest);
            }
            Some(_) => {}
            None => self.derive(&mut prefix, file_bytes)?,
        }
        Ok(prefix)
    }

    /// What must be true of a segment whose row cannot be read (docs/FORMAT.md section 11).
    fn derive(&mut self, prefix: &mut Prefix, file_bytes: u64) -> Result<(), Error> {
        let source = self.source();
        if let Some(footer) = source.footer(prefix.segment, file_bytes, u32::MAX, self.chunk)? {
            prefix.len_bytes = footer.offset;
            prefix.footer_expected = true;
            prefix.footer = Some(footer).filter(|footer| footer.filled);
        } else if let Some(commit) = log::last_commit(&source, prefix.segment, file_bytes, self.chunk, self.buffer)? {
            prefix.len_bytes = commit.len_bytes;
        }
        Ok(())
    }

    /// The next line of a segment, read through the store's chunk: one listing at a time.
    pub fn next_line(&mut self, lines: &mut Lines) -> Result<Option<Item>, Error> {
        let source = self.source();
        lines.next(&source, self.chunk)
    }

    /// Lends the store's chunk and buffer, for reading.
    pub fn with_buffer<R>(&mut self, run: impl FnOnce(&mut Self, &mut [u8]) -> Result<R, Error>) -> Result<R, Error> {
        let memory = core::mem::take(&mut self.buffer);
        let result = run(self, memory);
        self.buffer = memory;
        result
    }

    // ---- the index ----

    /// Forgets the index; `marks` too, or keeps them as they are (a scrub that has just made them).
    pub fn unload(&mut self, keep_marks: bool) {
        self.index.clear();
        self.incomplete = false;
        if keep_marks {
            self.loading = Loading::Lines { after: None, walk: None, current: None };
        } else {
            self.marks.clear();
            self.loading = NOT_LOADED;
        }
    }

    /// One step of loading marks and index; true when done.
    pub fn load(&mut self) -> Result<bool, Error> {
        self.loading = match self.loading {
            Loading::Segments { key, walk } => self.load_segments(key, walk)?,
            Loading::Marks { key, walk } => self.load_marks(key, walk)?,
            Loading::Lines { after, walk, current } => self.load_lines(after, walk, current)?,
            Loading::Done => return Ok(true),
        };
        Ok(false)
    }

    /// One step of finding out whether the segment table and the damage list can be read, and of loading marks; true when done.
    pub fn load_tables(&mut self) -> Result<bool, Error> {
        if matches!(self.loading, Loading::Lines { .. } | Loading::Done) {
            return Ok(true);
        }
        self.load()?;
        Ok(false)
    }

    /// Reads the segment table once through, to know whether it can be read.
    fn load_segments(&mut self, key: u64, walk: Option<Cursor>) -> Result<Loading, Error> {
        let mut walk = walk.unwrap_or_else(|| self.table_walk());
        let next = self.with_walk(|store, memory| walk.next_present(key, store, memory));
        let marks = Loading::Marks { key: 0, walk: None };
        match next {
            Ok(Some(key)) => Ok(Loading::Segments { key: key.saturating_add(1), walk: Some(walk) }),
            Ok(None) => Ok(marks),
            Err(error) if error.is_damage() => {
                self.derived = true;
                if let Error::Medium { segment, trouble: Trouble::Gone } = error {
                    self.table_lost_with = segment;
                }
                Ok(marks)
            }
            Err(error) => Err(error),
        }
    }

    fn load_marks(&mut self, key: u64, walk: Option<Cursor>) -> Result<Loading, Error> {
        let lines = Loading::Lines { after: None, walk: None, current: None };
        let mut walk = walk.unwrap_or_else(|| Cursor::over(TreeKind::Damage, self.head.parameters.fan_out_log2, self.damage));
        let next = self.with_walk(|store, memory| match walk.next_present(key, store, memory)? {
            Some(key) => Ok(Some((key, Mark::parse(walk.get(key, store, memory)?)))),
            None => Ok(None),
        });
        match next {
            Ok(Some((key, mark))) => {
                if let Ok(Some(mark)) = mark {
                    self.marks.load(mark)?;
                }
                Ok(Loading::Marks { key: key.saturating_add(1), walk: Some(walk) })
            }
            Ok(None) => Ok(lines),
            Err(error) if error.is_damage() => {
                self.marks.lose();
                self.damage = Root::EMPTY;
                Ok(lines)
            }
            Err(error) => Err(error),
        }
    }

    fn load_lines(
        &mut self,
        after: Option<SegmentNumber>,
        walk: Option<Cursor>,
        current: Option<(SegmentNumber, u32, Lines)>,
    ) -> Result<Loading, Error> {
        let mut walk = walk.unwrap_or_else(|| self.table_walk());
        let Some((segment, end, mut lines)) = current else {
            let Some(segment) = self.next_true(after, &mut walk)? else { return Ok(Loading::Done) };
            let prefix = self.prefix(segment, &mut walk)?;
            let current = match prefix.file_bytes {
                Some(_) if !prefix.stranger => Some((segment, prefix.len_bytes, prefix.lines(&self.source()))),
                _ => None,
            };
            self.incomplete |= !prefix.is_whole();
            return Ok(Loading::Lines { after: Some(segment), walk: Some(walk), current });
        };
        // A chunk of lines a step: few reads, and nothing is done twice if the next one must be waited for.
        for _ in 0..512 {
            match self.next_line(&mut lines) {
                Ok(Some(Item::Line(line))) if line.kind.indexed() && line.offset < end => {
                    let place = Place::new(segment, line.offset);
                    if !self.marks.contains(place) {
                        self.index.insert(&line.id, place)?;
                    }
                }
                Ok(Some(Item::Line(_))) => {}
                Ok(Some(Item::Gap(_))) => self.incomplete = true,
                Ok(None) => return Ok(Loading::Lines { after: Some(segment), walk: Some(walk), current: None }),
                Err(error) if error.is_pending() => break,
                Err(error) => return Err(error),
            }
        }
        Ok(Loading::Lines { after, walk: Some(walk), current: Some((segment, end, lines)) })
    }

    /// The usable entry of an object, the newest if there are several; none if there is none.
    pub fn lookup(&self, id: &Id) -> Result<Option<Found>, Error> {
        let source = self.source();
        let mut below: Option<Place> = None;
        loop {
            let candidates = self.index.candidates(id).filter(|(_, place, _)| below.is_none_or(|below| *place < below));
            let Some((slot, place, _)) = candidates.max_by_key(|(_, place, _)| *place) else { return Ok(None) };
            match source.entry(place, SEGMENT_BYTES_MAX.into()) {
                Ok(entry) if entry.id == *id && entry.kind.indexed() && !self.marks.contains(place) => {
                    return Ok(Some(Found { slot, place, entry }));
                }
                Err(error) if !error.is_damage() => return Err(error),
                _ => below = Some(place),
            }
        }
    }

    /// The usable entry of an object whose whole chain of bases is usable.
    pub fn readable(&self, id: &Id) -> Result<Option<Found>, Error> {
        let Some(found) = self.lookup(id)? else { return Ok(None) };
        let mut entry = found.entry;
        while entry.depth > 0 {
            match self.lookup(&entry.base)? {
                Some(base) if base.entry.depth < entry.depth => entry = base.entry,
                _ => return Ok(None),
            }
        }
        Ok(Some(found))
    }

    // ---- writing ----

    /// Begins a session, if none is under way: creates its first segment, and only then reads which commit is the newest.
    pub fn begin(&mut self, purpose: Purpose) -> Result<(), Error> {
        if self.session.as_ref().is_some_and(Session::is_poisoned) {
            return Err(Refusal::Poisoned.into());
        }
        if self.session.is_none() {
            self.create_session(purpose)?;
        }
        match self.fenced {
            true => Ok(()),
            false => self.read_behind_fence(),
        }
    }

    fn create_session(&mut self, purpose: Purpose) -> Result<(), Error> {
        self.check_writable()?;
        let writer = self.medium.writer().ok_or(Error::Refused(Refusal::ReadOnly))?;
        let held = match purpose {
            Purpose::Ordinary => reserve_bytes(&self.head.parameters),
            Purpose::Maintenance => 0,
        };
        writer.hold(held).map_err(Error::listing)?;
        let highest = self.medium.previous(None).map_err(Error::listing)?.unwrap_or(SegmentNumber(0));
        let first = highest.max(self.head.commit.highest).next().ok_or(Error::Refused(Refusal::TableFull))?;
        self.session = Some(Session::create(writer, self.source(), first)?);
        self.fenced = false;
        Ok(())
    }

    /// Only now that nobody else can begin: whether the newest commit is still the one that was opened.
    fn read_behind_fence(&mut self) -> Result<(), Error> {
        let head = log::open(self.medium, self.chunk, self.buffer)?;
        if head.id != self.head.id {
            self.session = None;
            return Err(Refusal::Fenced.into());
        }
        self.head = head;
        let session = self.session.as_mut().ok_or(Error::Refused(Refusal::ReadOnly))?;
        session.write_header(self.buffer)?;
        self.fenced = true;
        self.pending_rows = [None; PENDING_ROWS];
        self.add_row(head.commit.segment, previous_row(&head))
    }

    fn session(&mut self) -> Result<&mut Session<'m>, Error> {
        self.session.as_mut().ok_or(Error::Refused(Refusal::ReadOnly))
    }

    fn add_row(&mut self, segment: SegmentNumber, row: SegmentRow) -> Result<(), Error> {
        let free = self.pending_rows.iter_mut().find(|row| row.is_none());
        *free.ok_or(Error::Memory { memory: Lent::Live, needed: PENDING_ROWS as u64 })? = Some((segment, row));
        Ok(())
    }

    /// Makes sure that an entry of `total` bytes fits the open segment; otherwise seals it and goes on in the next.
    pub fn room(&mut self, total: u64) -> Result<(), Error> {
        let history = self.head.parameters.history;
        if self.session()?.fits(total, history) {
            return Ok(());
        }
        let session = self.session.as_mut().ok_or(Error::Refused(Refusal::ReadOnly))?;
        let (left, row) = session.advance(self.chunk, self.buffer)?;
        self.add_row(left, row)?;
        match self.session()?.fits(total, history) {
            true => Ok(()),
            false => Err(Refusal::Parameter.into()),
        }
    }

    /// Appends an entry that [`Store::room`] was made for.
    pub fn append(&mut self, entry: &mut [u8], header: &EntryHeader) -> Result<Place, Error> {
        self.session()?.append(entry, header)
    }

    /// Stores an object that is found by its id. `entry` holds 128 bytes for the header, the payload, and room for the padding.
    pub fn put(&mut self, entry: &mut [u8], header: &EntryHeader) -> Result<Place, Error> {
        self.settle_if_many()?;
        self.room(header.total_bytes(&self.head.parameters))?;
        let place = self.append(entry, header)?;
        self.index.insert(&header.id, place)?;
        Ok(place)
    }

    /// Stores a record; which it is and where it lies. `payload` is asked twice, once for its length.
    pub fn put_record(&mut self, payload: impl Fn(&mut [u8]) -> Result<usize, What>) -> Result<Link, Error> {
        let too_long = |_| Error::Refused(Refusal::TextTooLong);
        let parameters = self.head.parameters;
        self.settle_if_many()?;
        let stored = payload(self.buffer.get_mut(LEN..).unwrap_or(&mut [])).map_err(too_long)?;
        self.room(total_bytes(&parameters, low32(wide(stored))))?;
        self.with_buffer(|store, buffer| {
            let stored = payload(buffer.get_mut(LEN..).unwrap_or(&mut [])).map_err(too_long)?;
            let bytes = buffer.get(LEN..LEN.saturating_add(stored)).unwrap_or(&[]);
            let id = record_id(parameters.algorithm, bytes);
            let header = plain_header(Kind::Record, id, digest(parameters.algorithm, bytes), low32(wide(stored)));
            Ok(Link { id, place: store.append(buffer, &header)? })
        })
    }

    /// Sets a row of a table; the table's new root is true with the next commit.
    pub fn set_row(&mut self, tree: TreeKind, key: u64, row: &[u8]) -> Result<(), Error> {
        let root = self.root(tree);
        let new =
            self.edit(tree, root.rows.max(key.saturating_add(1)), |cursor, store, memory| cursor.set(key, row, store, memory))?;
        *self.root_mut(tree) = new;
        Ok(())
    }

    /// Changes rows of a table that is to have `rows` rows.
    pub fn edit(
        &mut self,
        tree: TreeKind,
        rows: u64,
        change: impl FnOnce(&mut Cursor, &mut Self, &mut [u8]) -> Result<(), Error>,
    ) -> Result<Root, Error> {
        let root = self.root(tree);
        let fan_out_log2 = self.head.parameters.fan_out_log2;
        let memory = core::mem::take(&mut self.pages);
        let result = Cursor::resized(tree, fan_out_log2, root, rows, self, memory).and_then(|mut cursor| {
            change(&mut cursor, self, memory)?;
            cursor.finish(self, memory)
        });
        self.pages = memory;
        if let Ok(root) = result {
            *self.root_mut(tree) = root;
        }
        result
    }

    fn root(&self, tree: TreeKind) -> Root {
        match tree {
            TreeKind::Catalogue => self.catalogue,
            TreeKind::Damage => self.damage,
            _ => self.segments,
        }
    }

    fn root_mut(&mut self, tree: TreeKind) -> &mut Root {
        match tree {
            TreeKind::Catalogue => &mut self.catalogue,
            TreeKind::Damage => &mut self.damage,
            _ => &mut self.segments,
        }
    }

    /// Puts the rows of sealed segments into the table once a few of them wait: each change of the table stores its pages anew.
    pub fn settle_if_many(&mut self) -> Result<(), Error> {
        match self.pending_rows.iter().flatten().count() < PENDING_ROWS / 2 {
            true => Ok(()),
            false => self.settle(),
        }
    }

    /// Puts the rows of sealed segments into the table.
    pub fn settle(&mut self) -> Result<(), Error> {
        while let Some(highest) = self.pending_rows.iter().flatten().map(|(segment, _)| segment.0).max() {
            let rows = self.segments.rows.max(u64::from(highest).saturating_add(1));
            self.edit(TreeKind::Segments, rows, |cursor, store, memory| store.set_pending(cursor, rows, memory))?;
            // Segments sealed meanwhile have higher numbers, and wait for the next round.
            for row in &mut self.pending_rows {
                *row = row.filter(|(segment, _)| u64::from(segment.0) >= rows);
            }
        }
        Ok(())
    }

    fn set_pending(&mut self, cursor: &mut Cursor, rows: u64, memory: &mut [u8]) -> Result<(), Error> {
        for at in 0..PENDING_ROWS {
            let row = self.pending_rows.get(at).copied().flatten();
            if let Some((segment, row)) = row.filter(|(segment, _)| u64::from(segment.0) < rows) {
                cursor.set(segment.0.into(), &row.bytes(), self, memory)?;
            }
        }
        Ok(())
    }

    /// Reads what a change of the catalogue and a commit are going to read, so that a medium that answers "pending" does so before anything is
    /// appended, and not in between.
    pub fn warm(&mut self) -> Result<(), Error> {
        for tree in [TreeKind::Catalogue, TreeKind::Segments] {
            let root = self.root(tree);
            if let Some(last) = root.rows.checked_sub(1) {
                let mut cursor = Cursor::over(tree, self.head.parameters.fan_out_log2, root);
                let memory = core::mem::take(&mut self.pages);
                let read = cursor.get(last, self, memory).map(|_| ());
                self.pages = memory;
                read?;
            }
        }
        self.history().map(|_| ())
    }

    /// Makes everything written since the last commit true.
    pub fn commit(&mut self) -> Result<(), Error> {
        loop {
            self.settle()?;
            // `fits` leaves room for a commit behind what it is asked for, so nothing more is asked for.
            self.room(0)?;
            if self.pending_rows.iter().all(Option::is_none) {
                break;
            }
        }
        let new = NewCommit {
            sequence: self.head.commit.sequence.saturating_add(1),
            time: self.host.now(),
            previous: self.head.id,
            roots: [self.segments, self.catalogue, self.damage],
            history: &[],
        };
        let rows = self.history()?;
        let chunk = &*self.chunk;
        let new = NewCommit { history: chunk.get(..rows).unwrap_or(&[]), ..new };
        let session = self.session.as_mut().ok_or(Error::Refused(Refusal::ReadOnly))?;
        let (commit, id) = session.commit(&new, self.buffer)?;
        session.pin(commit.sequence, id, 0)?;
        self.head.commit = commit;
        self.head.id = id;
        self.head.footer = None;
        Ok(())
    }

    /// Lays the rows of history for the next commit into the chunk; their length in bytes.
    fn history(&mut self) -> Result<usize, Error> {
        let wanted = usize::from(self.head.parameters.history);
        if wanted == 0 || self.head.commit.sequence == 0 {
            return Ok(0);
        }
        let older = usize::from(self.head.commit.history).min(wanted.saturating_sub(1));
        let len = older.saturating_add(1).saturating_mul(commit::HISTORY_LEN);
        let source = self.source();
        let head = self.head;
        let (chunk, needed) = (&mut *self.chunk, Error::Memory { memory: Lent::Buffer, needed: wide(len) });
        let (newest, rest) = chunk.get_mut(..len).ok_or(needed)?.split_at_mut_checked(commit::HISTORY_LEN).ok_or(needed)?;
        crate::format::bytes::Writer::new(newest).u64(head.commit.sequence).bytes(&head.id.0);
        for offset in [u64::from(head.commit.len_bytes), head.commit.second_copy(&head.parameters)] {
            let place = Place::new(head.commit.segment, low32(offset));
            let entry = match source.entry(place, SEGMENT_BYTES_MAX.into()) {
                Ok(entry) => entry,
                Err(error) if error.is_damage() => continue,
                Err(error) => return Err(error),
            };
            match source.payload(place, &entry, self.buffer) {
                Ok(payload) => {
                    let old = payload.get(commit::FIXED_LEN..).and_then(|old| old.get(..rest.len()));
                    if let Some(old) = old {
                        rest.copy_from_slice(old);
                        return Ok(len);
                    }
                }
                Err(error) if error.is_damage() => {}
                Err(error) => return Err(error),
            }
        }
        Ok(commit::HISTORY_LEN)
    }

    /// Ends the session: seals its segment if all of it was committed, and pins that. What was not committed is forgotten.
    pub fn close(&mut self) -> Result<(), Error> {
        let Some(mut session) = self.session.take() else { return Ok(()) };
        if session.is_poisoned() || !session.is_committed() {
            return Ok(());
        }
        let file_bytes = session.finish(self.chunk, self.buffer)?;
        session.pin(self.head.commit.sequence, self.head.id, file_bytes)?;
        self.head.file_bytes = file_bytes.into();
        Ok(())
    }

    /// Holds space back for maintenance again, as far as there is any.
    pub fn hold_reserve(&self) -> Result<(), Error> {
        let Some(writer) = self.medium.writer() else { return Ok(()) };
        match writer.hold(reserve_bytes(&self.head.parameters)) {
            Ok(()) | Err(Trouble::Full) => Ok(()),
            Err(trouble) => Err(Error::listing(trouble)),
        }
    }

    /// Removes a segment that no commit needs; one that is gone already is as good.
    pub fn remove_segment(&self, segment: SegmentNumber) -> Result<(), Error> {
        let writer = self.medium.writer().ok_or(Error::Refused(Refusal::ReadOnly))?;
        match writer.remove(segment) {
            Ok(()) | Err(Trouble::Gone) => Ok(()),
            Err(trouble) => Err(Error::segment(segment)(trouble)),
        }
    }

    /// The segment that is being written, if any.
    pub fn open_segment(&self) -> Option<SegmentNumber> {
        self.session.as_ref().map(Session::segment)
    }

    /// Reads the record a link leads to, into `to`; its payload.
    pub fn record<'b>(&self, link: &Link, to: &'b mut [u8]) -> Result<&'b [u8], Error> {
        let source = self.source();
        let entry = source.entry(link.place, SEGMENT_BYTES_MAX.into())?;
        if entry.kind != Kind::Record || entry.id != link.id {
            return Err(Error::corrupt(link.place, What::Id));
        }
        let payload = source.payload(link.place, &entry, to)?;
        match record_id(source.parameters.algorithm, payload) == link.id {
            true => Ok(payload),
            false => Err(Error::corrupt(link.place, What::Id)),
        }
    }

    /// The entries that the page loaded last was made of: its own, its base's, and so on.
    pub fn last_chain(&self) -> impl Iterator<Item = Place> + 'static {
        self.chain.into_iter().flatten()
    }

    fn entry_of_page(&self, tree: TreeKind, link: &Link) -> Result<(Place, EntryHeader), Error> {
        if tree == TreeKind::Manifest {
            let found = self.lookup(&link.id)?;
            let found = found.ok_or(Error::corrupt(Place::NONE, What::Absent))?;
            return Ok((found.place, found.entry));
        }
        let entry = self.source().entry(link.place, SEGMENT_BYTES_MAX.into())?;
        Ok((link.place, entry))
    }
}

/// Space that only rm, gc, compact and damage marks may use: enough to copy what lives in one segment, and the tables.
pub fn reserve_bytes(parameters: &Parameters) -> u64 {
    u64::from(parameters.segment_bytes).saturating_mul(2)
}

/// The row that the newest commit's segment gets when the next session begins.
///
/// What was synced before the commit was written lasts; the commit's copies and the footer last if the pin, written after they were synced, says so.
/// That they can be read now means nothing: they may lie in a cache, or be cells that read differently tomorrow.
fn previous_row(head: &Head) -> SegmentRow {
    match head.good_footer().filter(|_| head.pinned_bytes().is_some()) {
        Some(footer) => SegmentRow { len_bytes: footer.offset, footer: true, live_bytes: footer.offset, digest: footer.digest },
        None => {
            let Commit { len_bytes, digest, .. } = head.commit;
            SegmentRow { len_bytes, footer: false, live_bytes: len_bytes, digest }
        }
    }
}

impl Pages for Store<'_> {
    fn load(&mut self, tree: TreeKind, level: u8, fan_out_log2: u8, link: &Link, rows: &mut [u8]) -> Result<Loaded, Error> {
        let mut chain = [None; DEPTH_MAX as usize + 1];
        let top = self.entry_of_page(tree, link)?;
        let mut below = *link;
        let mut depth = None;
        for slot in &mut chain {
            let (place, entry) = if depth.is_none() { top } else { self.entry_of_page(tree, &below)? };
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
        }
        let mut span = 0;
        rows.fill(0);
        for place in chain.into_iter().rev().flatten() {
            span = self.lay(tree, level, place, rows)?;
        }
        self.chain = chain;
        let geometry = Geometry { tree, fan_out_log2, rows: span };
        let raw = narrow(geometry.span(level, 0).div_ceil(geometry.reach(level))).saturating_mul(row_len(tree, level));
        let used = rows.get(..raw).unwrap_or(&[]);
        match page_id(self.head.parameters.algorithm, &geometry, level, span, used) == link.id {
            true => Ok(Loaded { link: Link { id: link.id, place: top.0 }, depth: top.1.depth, span }),
            false => Err(Error::corrupt(top.0, What::Id)),
        }
    }

    fn save(&mut self, page: &NewPage<'_>) -> Result<Link, Error> {
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
        if in_manifest && self.readable(&id)?.is_some() {
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
        let possible = deltas && !page.base.link.id.is_zero() && page.base.depth < DEPTH_MAX && runs > 0;
        let delta = possible && delta_bytes < whole;
        Plan { delta, stored_bytes: if delta { delta_bytes } else { whole } }
    }
}

/// Runs of changed rows: (first, count).
struct Runs<'a> {
    changed: &'a Changed,
    at: usize,
    rows: usize,
}

impl<'a> Runs<'a> {
    fn of(changed: &'a Changed, rows: usize) -> Runs<'a> {
        Runs { changed, at: 0, rows }
    }

    fn is_changed(&self, row: usize) -> bool {
        let word = self.changed.get(row / 64).copied().unwrap_or(0);
        word.checked_shr(low32(wide(row % 64))).unwrap_or(0) & 1 == 1
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
    /// Where a delta's base lies, as its payload says.
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
    fn lay(&mut self, tree: TreeKind, level: u8, place: Place, rows: &mut [u8]) -> Result<u64, Error> {
        let source = self.source();
        let corrupt = |what| Error::corrupt(place, what);
        let entry = source.entry(place, SEGMENT_BYTES_MAX.into())?;
        let payload = source.payload(place, &entry, self.buffer)?;
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
