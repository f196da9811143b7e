//! A repository that is open, and the verb under way. Every call may end with "pending" and is repeated; what was done by then is kept.

use crate::memory::{Growing, Piece};
use crate::page::{PageHost, PageMedium, tell_event, tell_hit, tell_report, tell_version};
use core::cell::UnsafeCell;
use sarsen_core::catalogue::{Listed, Listing, with_record};
use sarsen_core::codec::{Lz4, Lz4Table, Zlib, ZlibState};
use sarsen_core::damage::Marked;
use sarsen_core::error::{Error, Memory as Which};
use sarsen_core::format::header::HISTORY_MAX;
use sarsen_core::format::page::LEVELS_MAX;
use sarsen_core::frame::{Work, packed_bytes, raw_bytes, scratch_bytes};
use sarsen_core::index::Slot;
use sarsen_core::ops::check::{Check, Depth};
use sarsen_core::store::{Memory, Store, buffer_bytes, table_bytes};
use sarsen_core::task::{Hands, Job, Next, Outcome, Task, perform};
use sarsen_core::types::wide;

/// Pages have at most 256 rows, entries lie at multiples of at most 4096: what the format allows, since memory is not scarce here.
const BUFFER_BYTES: usize = buffer_bytes(8, 12, HISTORY_MAX);
const TABLE_BYTES: usize = table_bytes(8, LEVELS_MAX);
/// Thousands of lines at once, so that few ranges are asked for, and no step needs more of them than a medium keeps.
const CHUNK_BYTES: usize = 192 << 10;

/// What a store is lent.
struct Lent {
    index: Growing<Slot>,
    marks: Growing<Marked>,
    buffer: Piece,
    chunk: Piece,
    pages: Piece,
    walk: Piece,
    manifest: Piece,
}

struct Shelf(UnsafeCell<Option<Lent>>);

// SAFETY: the module has one thread; its memory is not shared.
unsafe impl Sync for Shelf {}

static SHELF: Shelf = Shelf(UnsafeCell::new(None));

fn take(len: usize) -> Result<Piece, Error> {
    Piece::take(len).ok_or(Error::Memory { memory: Which::Buffer, needed: wide(len) })
}

impl Lent {
    fn new() -> Result<Lent, Error> {
        Ok(Lent {
            buffer: take(BUFFER_BYTES)?,
            chunk: take(CHUNK_BYTES)?,
            pages: take(TABLE_BYTES)?,
            walk: take(TABLE_BYTES)?,
            manifest: take(TABLE_BYTES)?,
            index: Growing::new(),
            marks: Growing::new(),
        })
    }

    /// # Safety
    /// The store that it was lent to before must be gone.
    unsafe fn lend() -> Result<(Memory<'static>, Piece), Error> {
        // SAFETY: one thread, and nobody else looks at the shelf but through what was lent before, which is gone.
        let shelf = unsafe { &mut *SHELF.0.get() };
        let lent = match shelf {
            Some(lent) => lent,
            None => shelf.insert(Lent::new()?),
        };
        // SAFETY: as the caller promised.
        let [buffer, chunk, pages, walk] = [lent.buffer, lent.chunk, lent.pages, lent.walk].map(|piece| unsafe { piece.lend() });
        Ok((Memory { index: &mut lent.index, marks: &mut lent.marks, buffer, chunk, pages, walk }, lent.manifest))
    }
}

/// The verb under way.
#[allow(clippy::large_enum_variant)] // one lives at a time, and there is no heap
enum Doing {
    Nothing,
    Listing(Listing),
    Checking(Checking),
}

struct Checking {
    task: Check<'static>,
    depth: Depth,
    /// A job that is to be done, and then what came of it, until the task has accepted that.
    job: Option<Job>,
    outcome: Option<Result<Outcome, Error>>,
}

/// See the module.
pub struct Reader {
    store: Store<'static>,
    doing: Doing,
    hands: Hands<'static>,
    raw: Piece,
    packed: Piece,
    scratch: Piece,
    manifest: Piece,
    lz4: Lz4Table,
    zlib: ZlibState,
}

impl Reader {
    /// Opens the repository that the page reads. To be called again, from the start, while it is pending.
    pub fn open() -> Result<Reader, Error> {
        // SAFETY: an opening that failed has dropped its store, and one that succeeded is the last (`crate::open`).
        let (memory, manifest) = unsafe { Lent::lend() }?;
        let store = Store::open(&PageMedium, &PageHost, memory)?;
        let parameters = *store.parameters();
        let packed = packed_bytes(parameters.block_bytes(), parameters.frame_bytes(), parameters.alignment());
        Ok(Reader {
            store,
            doing: Doing::Nothing,
            hands: Hands { medium: &PageMedium, parameters, disk: None },
            raw: take(raw_bytes(parameters.block_bytes()))?,
            packed: take(packed.max(BUFFER_BYTES))?,
            scratch: take(scratch_bytes(parameters.block_bytes(), parameters.frame_bytes()))?,
            manifest,
            lz4: Lz4Table::default(),
            zlib: ZlibState::default(),
        })
    }

    /// Tells of versions and drafts, oldest first.
    pub fn list(&mut self) -> Result<(), Error> {
        loop {
            let Doing::Listing(listing) = &mut self.doing else {
                self.doing = Doing::Listing(Listing::of(&self.store));
                continue;
            };
            let before = *listing;
            match listing.next(&mut self.store)? {
                Listed::Step => {}
                Listed::Entry(entry) => match with_record(&mut self.store, &entry.link, tell_version) {
                    Ok(()) => {}
                    Err(error) if error.is_damage() => tell_hit(entry.link.id),
                    Err(error) => {
                        *listing = before;
                        return Err(error);
                    }
                },
                Listed::End => {
                    self.doing = Doing::Nothing;
                    return Ok(());
                }
            }
        }
    }

    /// Checks, telling of what is found.
    pub fn check(&mut self, depth: Depth) -> Result<(), Error> {
        loop {
            let checking = match &mut self.doing {
                Doing::Checking(checking) if checking.depth == depth => checking,
                _ => {
                    self.doing = Doing::Nothing;
                    // SAFETY: the task it was lent to before was dropped just now.
                    let pages = unsafe { self.manifest.lend() };
                    let task = Check::new(&self.store, depth, pages);
                    self.doing = Doing::Checking(Checking { task, depth, job: None, outcome: None });
                    continue;
                }
            };
            let mut codecs = (Lz4::new(&mut self.lz4), Zlib::new(&mut self.zlib));
            // SAFETY: nothing outlives a turn of this loop that was lent these.
            let (raw, packed, scratch) = unsafe { (self.raw.lend(), self.packed.lend(), self.scratch.lend()) };
            let mut work = Work { raw, packed, scratch, codecs: &mut codecs };
            if checking.turn(&mut self.store, &self.hands, &mut work)? {
                self.doing = Doing::Nothing;
                return Ok(());
            }
        }
    }
}

impl Checking {
    /// One step; true at the end. What is pending is held, and tried again at the next turn.
    fn turn(&mut self, store: &mut Store<'static>, hands: &Hands<'_>, work: &mut Work<'_>) -> Result<bool, Error> {
        if let Some(job) = self.job {
            let outcome = match self.outcome {
                Some(outcome) => outcome,
                None => perform(&job, hands, work),
            };
            if let Err(error) = outcome
                && error.is_pending()
            {
                return Err(error);
            }
            self.outcome = Some(outcome);
            if let Some(event) = self.task.accept(store, &job, outcome, work)? {
                tell_event(&event);
            }
            (self.job, self.outcome) = (None, None);
        }
        match self.task.next(store)? {
            Next::Job(job) => self.job = Some(job),
            Next::Say(event) => tell_event(&event),
            Next::Done(report) => {
                tell_report(&report);
                return Ok(true);
            }
            Next::Wait | Next::Step => {}
        }
        Ok(false)
    }
}
