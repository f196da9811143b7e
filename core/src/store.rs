//! Objects by id, the tables that say what is true, and transactions.
//!
//! A store is opened as of the newest commit. Writing begins a session; what was written becomes true with [`Store::commit`] and not before.
//! Roll back = open again. Knows nothing of versions.

mod load;
mod pages;
mod truth;
mod write;

use load::{Loading, NOT_LOADED};
use write::PENDING_ROWS;

pub use load::{Found, Sought};
pub use truth::Prefix;
pub use write::{Purpose, reserve_bytes};

use crate::damage::{Marked, Marks};
use crate::error::{Error, Refusal};
use crate::format::commit::Root;
use crate::format::entry::TreeKind;
use crate::format::entry::{LEN, PAGE_DEPTH_MAX};
use crate::format::header::{Parameters, WRITE_FEATURES};
use crate::format::page::{BASE_LEN, HEAD_LEN, RUN_LEN};
use crate::format::record::PLAIN_LEN_MAX;
use crate::format::row::SegmentRow;
use crate::format::{commit, page};
use crate::host::{Host, Progress, Slots};
use crate::index::{Index, Slot};
use crate::log::{self, Head};
use crate::medium::Medium;
use crate::segment::Source;
use crate::session::Session;
use crate::tree::{Cursor, NewPage, slot_bytes};
use crate::types::{Link, Place, SegmentNumber};

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
    slot_bytes((1usize << fan_out_log2) * page::ROW_LEN_MAX, fan_out_log2) * levels
}

/// How a page is stored.
type Save = fn(&mut Store<'_>, &NewPage<'_>) -> Result<Link, Error>;

fn nothing_is_saved(_: &mut Store<'_>, _: &NewPage<'_>) -> Result<Link, Error> {
    Err(Refusal::ReadOnly.into())
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
    /// How pages are stored: known from the first session on, so that a program that begins none is not linked with what writes.
    save: Save,
    /// Whether the session has read the newest commit behind its fence, and may write.
    fenced: bool,
    pending_rows: [Option<(SegmentNumber, SegmentRow)>; PENDING_ROWS],
    loading: Loading,
    /// What loading walks with: the segment table, the damage list, the segment table again.
    load_walk: Cursor,
    /// How often a newer commit was found.
    moves: u32,
    derived: bool,
    /// The missing segment for which the table cannot be read.
    table_lost_with: Option<SegmentNumber>,
    rebuilt: bool,
    incomplete: bool,
    /// Segments that cannot be read are passed over, and whether one was.
    forbearing: bool,
    passed_over: bool,
    chain: [Option<Place>; PAGE_DEPTH_MAX as usize + 1],
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
        let head = log::open(medium, memory.chunk, memory.buffer)?;
        Store::over(medium, host, head, memory)
    }

    /// A repository of which the newest commit is known: the second half of [`Store::open`], which reads nothing. A store is large, and the stack
    /// below it may be small.
    pub fn over(medium: &'m dyn Medium, host: &'m dyn Host, head: Head, memory: Memory<'m>) -> Result<Store<'m>, Error> {
        let Memory { index, marks, buffer, chunk, pages, walk } = memory;
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
            save: nothing_is_saved,
            fenced: false,
            pending_rows: [None; PENDING_ROWS],
            loading: NOT_LOADED,
            load_walk: Cursor::over(TreeKind::Segments, head.parameters.fan_out_log2, head.commit.segments),
            moves: 0,
            derived: false,
            table_lost_with: None,
            rebuilt: false,
            incomplete: false,
            forbearing: false,
            passed_over: false,
            chain: [None; PAGE_DEPTH_MAX as usize + 1],
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
    #[inline(never)] // it has a second head in hand
    pub fn refresh(&mut self) -> Result<bool, Error> {
        let opened = log::open(self.medium, self.chunk, self.buffer);
        let head = opened.as_ref().map_err(|error| *error)?;
        if head.id == self.head.id || self.session.is_some() {
            return Ok(false);
        }
        self.head = *head;
        self.moves = self.moves.wrapping_add(1);
        (self.segments, self.catalogue, self.damage) = (head.commit.segments, head.commit.catalogue, head.commit.damage);
        (self.derived, self.rebuilt, self.table_lost_with) = (false, false, None);
        self.unload(false);
        Ok(true)
    }

    /// How often [`Store::refresh`] has found a newer commit, whoever asked: several may read through one store.
    pub fn moves(&self) -> u32 {
        self.moves
    }

    /// The parameters.
    pub fn parameters(&self) -> &Parameters {
        &self.head.parameters
    }

    /// The medium and parameters, to read with.
    #[inline(never)] // asked for everywhere
    pub fn source(&self) -> Source<'m> {
        Source { medium: self.medium, parameters: self.head.parameters }
    }

    /// Time and randomness.
    pub fn host(&self) -> &'m dyn Host {
        self.host
    }

    /// Tells how far a verb has come; an error if it is asked to stop.
    pub fn go_on(&self, done: u64, total: u64) -> Result<(), Error> {
        match self.host.go_on(&Progress { done, total }) {
            true => Ok(()),
            false => Err(Error::Cancelled),
        }
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

    /// Reads the record a link leads to, into `to`; its payload.
    pub fn record<'b>(&self, link: &Link, to: &'b mut [u8]) -> Result<&'b [u8], Error> {
        self.source().record(link, to)
    }
}
