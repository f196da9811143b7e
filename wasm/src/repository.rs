//! The director: a repository that is open for reading, and the verb under way.

use crate::failure::{Failure, far};
use crate::memory::{Bench, Growing, StoreRoom, TABLE_BYTES, zeros};
use crate::page::{PageCodecs, PageHost, PageMedium, PageSink, PageZstd, ReadMedium, Taker};
use crate::room::{Budget, Count, Plan};
use crate::verb::{Ended, Verb};
use crate::wire::{Came, Wire, put_job, take_outcome};
use crate::{AGAIN, BATCH, DONE, PENDING, WAIT, ZSTD};
use sarsen_core::catalogue::{Entry, Listed, Listing, Search, Wanted, with_record};
use sarsen_core::codec::{CodecId, Plain};
use sarsen_core::digest::Algorithm;
use sarsen_core::error::{Error, Memory, Refusal};
use sarsen_core::format::bytes::Reader;
use sarsen_core::format::header::{self, SegmentHeader};
use sarsen_core::format::record::{Record, RecordKind};
use sarsen_core::host::Host;
use sarsen_core::index::Slot;
use sarsen_core::manifest::blocks;
use sarsen_core::ops::check::{self, Check, Depth};
use sarsen_core::ops::diff::{self, Differences, Onto};
use sarsen_core::ops::gc::Live;
use sarsen_core::ops::restore::{self, Restore};
use sarsen_core::ops::usage::{self, Usage};
use sarsen_core::store::Store;
use sarsen_core::task::{Event, Finding, FindingKind, Job, Next, Outcome, Piece, Task};
use sarsen_core::types::{Digest, Id, Link, Place, SegmentNumber, wide};
use sarsen_core::version::Version;
use std::collections::VecDeque;
use wasm_bindgen::prelude::wasm_bindgen;

#[wasm_bindgen]
extern "C" {
    /// Hears what is found. Facts come one field at a time; `end` says what they were about.
    pub type Ear;
    #[wasm_bindgen(method)]
    pub fn text(this: &Ear, key: &str, value: &str);
    #[wasm_bindgen(method)]
    pub fn number(this: &Ear, key: &str, value: f64);
    #[wasm_bindgen(method)]
    pub fn end(this: &Ear, what: &str);
}

/// So many bytes go into a batch, unless one job alone needs more.
const BATCH_BYTES: u64 = 4 << 20;
/// So many jobs go into a batch.
const BATCH_JOBS: u32 = 512;
/// So many steps are done in one call.
const STEPS: u32 = 256;

/// Something that others borrow for as long as its owner lives.
pub struct Held<T>(*mut T);

impl<T> Held<T> {
    /// Owns it.
    pub fn new(of: T) -> Held<T> {
        Held(Box::into_raw(Box::new(of)))
    }

    /// # Safety
    /// Whatever it was lent to before must be gone, and this must outlive whatever it is lent to.
    pub unsafe fn lend(&self) -> &'static mut T {
        // SAFETY: it came from a box, and the caller promised the rest.
        unsafe { &mut *self.0 }
    }
}

impl<T> Drop for Held<T> {
    fn drop(&mut self) {
        // SAFETY: it came from a box; borrowers are fields before it, and gone.
        drop(unsafe { Box::from_raw(self.0) });
    }
}

/// One of the versions that are open.
#[derive(Clone, Copy)]
enum Disk {
    Read,
    Below,
}

/// A job that is out, and what came of it.
struct Flight {
    job: Job,
    came: Option<Came>,
}

/// A repository. Fields that borrow stand before those they borrow from: they are dropped in this order.
#[wasm_bindgen]
pub struct Repository {
    verb: Option<Verb>,
    reading: Option<Version<'static>>,
    /// What the version that is read was built on, or is compared with.
    below: Option<Version<'static>>,
    store: Option<Store<'static>>,
    taker: Option<(Held<Onto<'static>>, Held<Taker>)>,
    /// Entries are counted, since the index is to be made larger; and how large.
    count: Option<Count>,
    plan: Plan,
    /// The count passed something over: it is not to be relied on by another verb.
    recounts: bool,
    budget: Budget,
    room: Held<StoreRoom>,
    pages: Held<Vec<u8>>,
    pages_below: Held<Vec<u8>>,
    lives: Held<Growing<Live>>,
    medium: Held<ReadMedium>,
    listing: Option<Listing>,
    search: Option<Listing>,
    found: Option<Entry>,
    own: Option<(Bench, PageCodecs)>,
    findings: Vec<Finding>,
    /// What the last check or scrub could not read, in order.
    unread: Vec<(Place, u64)>,
    flights: VecDeque<Flight>,
    /// The number of the oldest job that is out.
    oldest: u32,
    batch: Wire,
    batch_jobs: u32,
    batch_bytes: u64,
    ranges: Vec<u32>,
    /// A job that found no room in the batch.
    held_back: Option<Job>,
    /// How many of a hundred entries a scrub reads, and how many it has not read.
    sample: u32,
    skipped: u64,
    /// Another sample each time.
    seed: u32,
}

/// Pending is an answer, not a failure.
fn answer(done: Result<u32, Error>) -> Result<u32, Failure> {
    match done {
        Err(error) if error.is_pending() => Ok(PENDING),
        done => Ok(done?),
    }
}

static HOST: PageHost = PageHost;

#[wasm_bindgen]
impl Repository {
    /// A repository on this medium; to be opened. All that works on it may take so much memory, the default if not told.
    #[wasm_bindgen(constructor)]
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // as saturates
    pub fn new(medium: PageMedium, memory_bytes: Option<f64>) -> Result<Repository, Failure> {
        let budget = Budget::of(memory_bytes.map(|bytes| bytes as u64)).map_err(Failure::too_little)?;
        let plan = Plan::default();
        Ok(Repository {
            verb: None,
            reading: None,
            below: None,
            store: None,
            taker: None,
            count: None,
            room: Held::new(StoreRoom::new(plan.clone())?),
            plan,
            recounts: false,
            budget,
            pages: Held::new(zeros(TABLE_BYTES)?),
            pages_below: Held::new(zeros(TABLE_BYTES)?),
            lives: Held::new(Growing::empty()),
            medium: Held::new(ReadMedium(medium)),
            listing: None,
            search: None,
            found: None,
            own: None,
            findings: Vec::new(),
            unread: Vec::new(),
            flights: VecDeque::new(),
            oldest: 0,
            batch: Wire(Vec::new()),
            batch_jobs: 0,
            batch_bytes: 0,
            ranges: Vec::new(),
            held_back: None,
            sample: 100,
            skipped: 0,
            seed: 0,
        })
    }

    /// Opens it as of its newest commit; again and again while it is pending.
    pub fn open(&mut self) -> Result<u32, Failure> {
        self.stop();
        self.store = None;
        self.plan.clear();
        self.unread.clear();
        // SAFETY: the only borrowers, the store and what works with it, are gone; fields are dropped in order.
        let (medium, room) = unsafe { (self.medium.lend(), self.room.lend()) };
        answer(Store::open(medium, &HOST, room.lend()).map(|store| {
            self.store = Some(store);
            DONE
        }))
    }

    /// Ends whatever is under way.
    pub fn stop(&mut self) {
        if let Some(store) = &mut self.store {
            store.retry(); // what a check or a map has passed over
        }
        if core::mem::take(&mut self.recounts) {
            self.plan.clear();
        }
        (self.verb, self.reading, self.below, self.taker) = (None, None, None, None);
        (self.sample, self.skipped) = (100, 0);
        (self.listing, self.search) = (None, None);
        self.findings.clear();
        self.oldest = self.oldest.wrapping_add(u32::try_from(self.flights.len()).unwrap_or(0));
        self.flights.clear();
        self.clear_batch();
        self.held_back = None;
        if let Some(store) = self.store.as_mut().filter(|_| self.count.take().is_some()) {
            store.unload(false);
        }
    }

    /// What workers need to know of the repository.
    pub fn parameters(&self) -> Result<Vec<u8>, Failure> {
        let mut bytes = [0; header::LEN];
        let parameters = *self.opened()?.parameters();
        SegmentHeader { parameters, segment: SegmentNumber(0) }.emit(&mut bytes);
        Ok(bytes.to_vec())
    }

    /// Tells what `init` chose.
    pub fn describe(&self, ear: &Ear) -> Result<(), Failure> {
        let store = self.opened()?;
        let parameters = store.parameters();
        ear.text("id", &parameters.repository.to_string());
        ear.text("digest", algorithm_name(parameters.algorithm));
        ear.text("codec", codec_name(parameters.codec));
        ear.number("blockBytes", parameters.block_bytes().into());
        ear.number("frameBytes", parameters.frame_bytes().into());
        ear.number("fanOut", parameters.fan_out().into());
        ear.number("segmentBytes", parameters.segment_bytes.into());
        ear.number("made", far(parameters.made));
        ear.number("commit", far(store.head().commit.sequence));
        ear.end("repository");
        Ok(())
    }

    /// Tells of each version and draft, oldest first; again and again while it is pending.
    pub fn list(&mut self, ear: &Ear) -> Result<u32, Failure> {
        let (store, listing) = (self.store.as_mut().ok_or(Failure::OUT_OF_TURN)?, &mut self.listing);
        let done = list(store, listing, ear);
        answer(done)
    }

    /// Whether tables had to be made anew from what is left.
    pub fn is_rebuilt(&self) -> Result<bool, Failure> {
        Ok(self.opened()?.is_rebuilt() || self.opened()?.is_derived())
    }

    /// Whether something newer once existed.
    pub fn is_behind(&self) -> Result<bool, Failure> {
        Ok(self.opened()?.head().behind.is_some())
    }

    /// Looks for the version that a person means by `text`; again and again while it is pending. The verbs of one version are about this one.
    pub fn find(&mut self, text: &str) -> Result<u32, Failure> {
        let store = self.store.as_mut().ok_or(Failure::OUT_OF_TURN)?;
        let mut search = Search::of(store, Wanted::parse(text));
        answer(loop {
            match search.step(store) {
                Ok(None) => {}
                Ok(Some(found)) => {
                    self.found = Some(found.entry);
                    break Ok(DONE);
                }
                Err(error) => break Err(error),
            }
        })
    }

    /// The version whose record has this id and lies there is the one that verbs are about.
    pub fn choose(&mut self, record: &[u8], segment: u32, offset: u32) -> Result<(), Failure> {
        let id = Id(*record.first_chunk().ok_or(Failure::GARBLED)?);
        self.found = Some(Entry { key: None, link: Link { id, place: Place::new(SegmentNumber(segment), offset) } });
        Ok(())
    }

    /// Where the record lies of the version that was found: segment and offset.
    pub fn found_at(&self) -> Vec<u32> {
        self.found.map_or(Vec::new(), |found| vec![found.link.place.segment.0, found.link.place.offset])
    }

    /// Counts entries, so that the index is made at once and a repository with too many is refused before it is read; again and again while that is
    /// pending.
    pub fn count_entries(&mut self) -> Result<u32, Failure> {
        if self.count.is_none() && self.plan.is_none() {
            self.stop();
            self.count = self.store.as_ref().map(Count::of);
        }
        if self.count.is_some() {
            let answer = self.go_on_counting()?;
            if self.count.is_some() {
                return Ok(answer);
            }
        }
        // Marks may not have been loaded yet.
        self.store.as_mut().ok_or(Failure::OUT_OF_TURN)?.unload(false);
        Ok(DONE)
    }

    /// Bytes of the index.
    pub fn index_bytes(&self) -> f64 {
        let slots = self.store.as_ref().map_or(0, |store| store.index().usage().slots);
        far(slots.saturating_mul(wide(size_of::<Slot>())))
    }

    /// Begins a check (0) or scrub (1) of everything, or (2) of what the version that was found needs; or (3) a scrub that decodes nothing.
    /// A scrub of everything reads `sample` of a hundred entries, and those that are known to be damaged.
    pub fn begin_check(&mut self, depth: u32, sample: u32) -> Result<(), Failure> {
        self.stop();
        // SAFETY: what borrowed them was just stopped.
        let pages = unsafe { self.pages.lend() };
        let store = self.store.as_ref().ok_or(Failure::OUT_OF_TURN)?;
        let task = match (depth, self.found) {
            (0, _) => Check::new(store, Depth::Check, pages),
            (1, _) => Check::new(store, Depth::Scrub, pages),
            (3, _) => Check::new(store, Depth::Scrub, pages).undecoded(),
            (_, Some(found)) => Check::of_version(store, found, pages),
            _ => return Err(Failure::OUT_OF_TURN),
        };
        self.unread.clear();
        self.verb = Some(Verb::Check(task.growing()));
        self.sample = sample;
        let mut seed = [0; 4];
        if HOST.random(&mut seed) {
            self.seed = u32::from_le_bytes(seed) % 100;
        }
        Ok(())
    }

    /// Begins to count what of each segment is in use.
    pub fn begin_usage(&mut self) -> Result<(), Failure> {
        self.stop();
        // SAFETY: what borrowed them was just stopped.
        let (pages, lives) = unsafe { (self.pages.lend(), self.lives.lend()) };
        let store = self.store.as_ref().ok_or(Failure::OUT_OF_TURN)?;
        self.verb = Some(Verb::Usage(Usage::new(store, lives, pages)));
        Ok(())
    }

    /// How many segments were counted so far.
    pub fn counted(&self) -> u32 {
        match &self.verb {
            Some(Verb::Usage(task)) => u32::try_from(task.segments().len()).unwrap_or(u32::MAX),
            _ => 0,
        }
    }

    /// Begins to hand the bytes of the version that was found to `sink`, in the order of their jobs; again and again while it is pending.
    /// Ranges that cannot be read are told as zeros, and as lost.
    pub fn begin_restore(&mut self, sink: PageSink) -> Result<u32, Failure> {
        let taker = Held::new(Taker(sink));
        answer(self.open_found().map(|version| {
            // SAFETY: both are dropped together, with whatever borrowed them.
            let target = unsafe { taker.lend() };
            let onto = Held::new(Onto(target));
            self.taker = Some((onto, taker));
            if let Some(store) = &self.store {
                let options = restore::Options { target_is_zero: false };
                self.verb = Some(Verb::Restore(Restore::new(store, version, target, options)));
            }
            DONE
        }))
    }

    /// Begins to compare the version that was found with the file that workers read; again and again while it is pending. What the version has
    /// and the file has not is told to `sink`.
    pub fn begin_compare(&mut self, sink: PageSink) -> Result<u32, Failure> {
        let taker = Held::new(Taker(sink));
        answer(self.open_found().and_then(|version| {
            // SAFETY: both are dropped together, with whatever borrowed them.
            let onto = Held::new(Onto(unsafe { taker.lend() }));
            // SAFETY: as before.
            let target = unsafe { onto.lend() };
            self.taker = Some((onto, taker));
            let store = self.store.as_ref().ok_or(Refusal::Parameter)?;
            let options = diff::Options { start: 0, lossy: true };
            self.verb = Some(Verb::Compare(Differences::new(store, diff::From::Disk, version, target, options)?));
            Ok(DONE)
        }))
    }

    /// Prepares to read the version that was found; again and again while it is pending.
    pub fn begin_read(&mut self, zstd: PageZstd) -> Result<u32, Failure> {
        answer(self.open_found().and_then(|version| {
            let store = self.store.as_mut().ok_or(Refusal::Parameter)?;
            self.own = Some((Bench::new(store.parameters())?, PageCodecs::new(zstd)));
            self.reading = Some(version);
            Ok(DONE)
        }))
    }

    /// Bytes of the disk that is read.
    pub fn reading_size(&self) -> f64 {
        self.reading.as_ref().map_or(0.0, |version| far(version.size()))
    }

    /// Fills `to` from `offset` of the version; again and again while it is pending.
    pub fn read(&mut self, offset: f64, to: &mut [u8]) -> Result<u32, Failure> {
        self.fill(Disk::Read, offset, to)
    }

    /// The same, of the version below.
    pub fn read_below(&mut self, offset: f64, to: &mut [u8]) -> Result<u32, Failure> {
        self.fill(Disk::Below, offset, to)
    }

    /// Prepares to compare the version that is read with an empty disk, unless `begin_below` is called as well; again and again while it is pending.
    pub fn begin_contrast(&mut self) -> Result<u32, Failure> {
        self.load()
    }

    /// Prepares to compare the version that is read with the one that was found since; again and again while it is pending.
    pub fn begin_below(&mut self) -> Result<u32, Failure> {
        answer(self.found_link().and_then(|link| self.lay_on(&link)).map(|()| DONE))
    }

    /// Tells of blocks from `first` on, each in a number: 1 if it is not zeros, 2 if the version below has another one, 3 for both. What cannot
    /// be known counts as both. Answers how many it told of; -1 while pending.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss)] // as saturates
    pub fn contrast(&mut self, first: f64, to: &mut [u8]) -> Result<f64, Failure> {
        let mut done = 0usize;
        while let Some(told) = to.get_mut(done) {
            match self.contrast_block((first as u64).saturating_add(wide(done))) {
                Ok(None) => break,
                Ok(Some(facts)) => *told = facts,
                Err(error) if error.is_pending() && done == 0 => return Ok(-1.0),
                Err(error) if error.is_pending() => break,
                Err(error) => return Err(error.into()),
            }
            done = done.saturating_add(1);
        }
        Ok(done as f64)
    }

    /// Prepares to map the version that was found, after `begin_read`: opens what it was built on, if that is here. Again and again while pending.
    /// Segments that cannot be read are passed over.
    pub fn begin_map(&mut self) -> Result<u32, Failure> {
        self.store.as_mut().ok_or(Failure::OUT_OF_TURN)?.forbear();
        match self.load()? {
            DONE => answer(self.open_below().map(|()| DONE)),
            other => Ok(other),
        }
    }

    /// Tells of blocks from `first` on, each in four numbers: state, segment, offset, stored bytes. The state is 0 for zeros, 1 for a block stored
    /// whole, 2 for one that lies on others, 3 for one that is lost, 4 for one that could not be read; 256 is added if the version before has the same. Answers how many it
    /// told of; -1 while pending.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss)] // as saturates
    pub fn map(&mut self, first: f64, to: &mut [u32]) -> Result<f64, Failure> {
        let mut done = 0u32;
        while let Some(told) = to.chunks_exact_mut(4).nth(done as usize) {
            let block = (first as u64).saturating_add(done.into());
            match self.map_block(block) {
                Ok(None) => break,
                Ok(Some(facts)) => told.copy_from_slice(&facts),
                Err(error) if error.is_pending() && done == 0 => return Ok(-1.0),
                Err(error) if error.is_pending() => break,
                Err(error) => return Err(error.into()),
            }
            done = done.saturating_add(1);
        }
        Ok(done.into())
    }

    /// Tells all that is known of one block; again and again while it is pending.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // as saturates
    pub fn describe_block(&mut self, block: f64, ear: &Ear) -> Result<u32, Failure> {
        let (version, store) = self.reading.as_mut().zip(self.store.as_mut()).ok_or(Failure::OUT_OF_TURN)?;
        let told = version.block(block as u64, store).and_then(|id| {
            let chain = match store.chain(&id) {
                Err(error) if error.unread().is_none() => return Err(error),
                chain => chain.ok().flatten().filter(|_| !id.is_zero()),
            };
            ear.text("id", &id.to_string());
            ear.end("block");
            for place in chain.iter().flat_map(|(_, chain)| chain.places()) {
                let entry = store.source().entry(*place, u64::MAX)?;
                ear.number("segment", place.segment.0.into());
                ear.number("offset", place.offset.into());
                ear.number("storedBytes", entry.stored_bytes.into());
                ear.end("entry");
            }
            Ok(DONE)
        });
        answer(told)
    }

    /// Goes on with the verb: takes what outcomes there are, then asks what is next.
    ///
    /// [`BATCH`]: jobs lie ready, to be taken with `ranges` and `batch`. [`WAIT`]: `deliver` outcomes first. [`DONE`]: the report was told.
    pub fn turn(&mut self, ear: &Ear) -> Result<u32, Failure> {
        if self.count.is_some() {
            return self.go_on_counting();
        }
        let turned = self.turn_on(ear);
        if let Err(Error::Memory { memory: Memory::Index, .. }) = turned {
            return self.begin_count();
        }
        answer(turned)
    }

    /// What the batch is going to read: segment, start and end, three by three, in ascending order where it can be.
    pub fn ranges(&mut self) -> Vec<u32> {
        core::mem::take(&mut self.ranges)
    }

    /// How many jobs the batch has; the number of its first is one more than that of the last one before.
    pub fn batch_len(&self) -> u32 {
        self.batch_jobs
    }

    /// Takes the batch.
    pub fn batch(&mut self) -> Vec<u8> {
        let jobs = core::mem::take(&mut self.batch.0);
        self.clear_batch();
        jobs
    }

    /// Takes the outcomes of a batch, whose first job has this number.
    pub fn deliver(&mut self, first: u32, outcomes: &[u8]) -> Result<(), Failure> {
        let mut fields = Reader(outcomes);
        let mut at = usize::try_from(first.wrapping_sub(self.oldest)).map_err(|_| Failure::GARBLED)?;
        while !fields.0.is_empty() {
            let came = take_outcome(&mut fields).map_err(|_| Failure::GARBLED)?;
            self.flights.get_mut(at).ok_or(Failure::GARBLED)?.came = Some(came);
            at = at.saturating_add(1);
        }
        Ok(())
    }

    /// The number of the next job.
    pub fn next_number(&self) -> u32 {
        let out = u32::try_from(self.flights.len()).unwrap_or(0);
        self.oldest.wrapping_add(out).wrapping_sub(self.batch_jobs)
    }
}

impl Repository {
    /// Loads the index: [`DONE`], or [`AGAIN`] if there is more to do.
    fn load(&mut self) -> Result<u32, Failure> {
        if self.count.is_some() {
            return self.go_on_counting();
        }
        let store = self.store.as_mut().ok_or(Failure::OUT_OF_TURN)?;
        for done in 0..STEPS {
            match store.load() {
                Ok(true) => return Ok(DONE),
                Ok(false) => {}
                Err(Error::Memory { memory: Memory::Index, .. }) => return self.begin_count(),
                Err(error) if error.is_pending() && done > 0 => break, // see `turn_on`
                Err(error) => return answer(Err(error)),
            }
        }
        Ok(AGAIN)
    }

    /// The index is full. If nobody has counted since the repository was opened, that is done; then the index is made large enough, and loaded anew.
    fn begin_count(&mut self) -> Result<u32, Failure> {
        let full = Error::Memory { memory: Memory::Index, needed: 0 };
        self.count = self.store.as_ref().filter(|_| self.plan.is_none()).map(Count::of);
        if self.count.is_some() { Ok(AGAIN) } else { Err(full.into()) }
    }

    /// Goes on counting, a step in each call: what a call has asked for is kept until it is done, and a footer may have megabytes.
    fn go_on_counting(&mut self) -> Result<u32, Failure> {
        let (count, store) = self.count.as_mut().zip(self.store.as_mut()).ok_or(Failure::OUT_OF_TURN)?;
        match count.step(store) {
            Ok(None) => {}
            Ok(Some(entries)) => {
                self.recounts = !count.is_complete();
                self.count = None;
                store.unload(true);
                if entries > self.budget.entries_max() {
                    return Err(Failure::too_many(entries, self.budget));
                }
                self.plan.set(entries);
            }
            Err(error) => return answer(Err(error)),
        }
        Ok(AGAIN)
    }

    fn opened(&self) -> Result<&Store<'static>, Failure> {
        self.store.as_ref().ok_or(Failure::OUT_OF_TURN)
    }

    fn clear_batch(&mut self) {
        self.batch.0.clear();
        self.ranges.clear();
        (self.batch_jobs, self.batch_bytes) = (0, 0);
    }

    fn found_link(&self) -> Result<Link, Error> {
        Ok(self.found.ok_or(Refusal::UnknownVersion)?.link)
    }

    fn open_found(&mut self) -> Result<Version<'static>, Error> {
        self.stop();
        let link = self.found_link()?;
        // SAFETY: what borrowed them was just stopped.
        let pages = unsafe { self.pages.lend() };
        open_version(self.store.as_mut().ok_or(Refusal::Parameter)?, &link, pages)
    }

    fn open_below(&mut self) -> Result<(), Error> {
        let link = self.found_link()?;
        let store = self.store.as_mut().ok_or(Refusal::Parameter)?;
        let base = with_record(store, &link, |_, record| record.base)?;
        if base.is_zero() {
            return Ok(());
        }
        let text = base.to_string();
        let mut search = Search::of(store, Wanted::IdOrName(&text));
        let found = loop {
            match search.step(store) {
                Ok(None) => {}
                Ok(Some(found)) => break found,
                Err(Error::Refused(Refusal::UnknownVersion)) => return Ok(()),
                Err(error) if is_lost(&error) => return Ok(()),
                Err(error) => return Err(error),
            }
        };
        match self.lay_on(&found.entry.link) {
            Err(error) if is_lost(&error) => Ok(()),
            laid => laid,
        }
    }

    /// Opens another version below the one that is read.
    fn lay_on(&mut self, link: &Link) -> Result<(), Error> {
        self.below = None;
        // SAFETY: what borrowed them was just dropped.
        let pages = unsafe { self.pages_below.lend() };
        self.below = Some(open_version(self.store.as_mut().ok_or(Refusal::Parameter)?, link, pages)?);
        Ok(())
    }

    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // as saturates, and what is beyond the end is refused
    fn fill(&mut self, disk: Disk, offset: f64, to: &mut [u8]) -> Result<u32, Failure> {
        match self.load()? {
            DONE => {}
            other => return Ok(other),
        }
        let version = match disk {
            Disk::Read => self.reading.as_mut(),
            Disk::Below => self.below.as_mut(),
        };
        let store = self.store.as_mut().ok_or(Failure::OUT_OF_TURN)?;
        let (version, (bench, codecs)) = version.zip(self.own.as_mut()).ok_or(Failure::OUT_OF_TURN)?;
        let read = version.read_at(offset as u64, to, store, &mut bench.work(codecs));
        if core::mem::take(&mut codecs.zstd_is_due) {
            return Ok(ZSTD);
        }
        answer(read.map(|_| DONE))
    }

    fn contrast_block(&mut self, block: u64) -> Result<Option<u8>, Error> {
        let (version, store) = self.reading.as_mut().zip(self.store.as_mut()).ok_or(Refusal::Parameter)?;
        let block_bytes = store.parameters().block_bytes();
        if block >= blocks(version.size(), block_bytes) {
            return Ok(None);
        }
        let now = version.block(block, store);
        let before = match &mut self.below {
            Some(below) if block < blocks(below.size(), block_bytes) => below.block(block, store),
            _ => Ok(Id::ZERO),
        };
        match (now, before) {
            (Err(error), _) | (_, Err(error)) if error.is_pending() => Err(error),
            (Ok(now), Ok(before)) => Ok(Some(u8::from(!now.is_zero()) | u8::from(now != before) << 1)),
            _ => Ok(Some(3)),
        }
    }

    fn map_block(&mut self, block: u64) -> Result<Option<[u32; 4]>, Error> {
        const LOST: u32 = 3;
        const UNREAD: u32 = 4;
        let unread = &self.unread;
        let (version, store) = self.reading.as_mut().zip(self.store.as_mut()).ok_or(Refusal::Parameter)?;
        // What is not to be found may lie where nothing could be read.
        let missing = if store.has_passed_over() { UNREAD } else { LOST };
        let block_bytes = store.parameters().block_bytes();
        if block >= blocks(version.size(), block_bytes) {
            return Ok(None);
        }
        let id = match version.block(block, store) {
            Err(error) if error.is_damage() => return Ok(Some([missing, 0, 0, 0])),
            Err(error) if error.unread().is_some() => return Ok(Some([UNREAD, 0, 0, 0])),
            id => id?,
        };
        let is_shared = match &mut self.below {
            Some(below) if block < blocks(below.size(), block_bytes) => match below.block(block, store) {
                Err(error) if error.is_pending() => return Err(error),
                before => before == Ok(id),
            },
            _ => false,
        };
        let shared = if is_shared { 256 } else { 0 };
        if id.is_zero() {
            return Ok(Some([shared, 0, 0, 0]));
        }
        let (found, chain) = match store.chain(&id) {
            Ok(Some(found)) => found,
            Ok(None) => return Ok(Some([missing + shared, 0, 0, 0])),
            Err(error) if error.unread().is_some() => return Ok(Some([UNREAD + shared, 0, 0, 0])),
            Err(error) => {
                version.look_ahead(block, store)?;
                return Err(error);
            }
        };
        let state = match chain.is_based() {
            _ if chain.places().iter().any(|place| was_unread(unread, *place)) => UNREAD,
            true => 2,
            false => 1,
        };
        Ok(Some([state + shared, found.place.segment.0, found.place.offset, found.entry.stored_bytes]))
    }

    /// Steps, until one has to wait. That is told only of the first: what a step has asked for is kept until a call is not pending, so calls must not
    /// be pending in a row while steps are done.
    fn turn_on(&mut self, ear: &Ear) -> Result<u32, Error> {
        for done in 0..STEPS {
            let next = match self.next(ear) {
                Err(error) if error.is_pending() && done > 0 => break,
                next => next?,
            };
            match next {
                Next::Job(job) if !self.takes(&job) => {
                    self.held_back = Some(job);
                    return Ok(BATCH);
                }
                Next::Job(job) => self.put(job)?,
                Next::Say(event) => self.hear(ear, &event),
                Next::Step => {}
                Next::Wait if self.batch_jobs > 0 => return Ok(BATCH),
                Next::Wait => return Ok(WAIT),
                Next::Done(ended) => {
                    self.tell(ear, &ended);
                    self.stop();
                    return Ok(DONE);
                }
            }
        }
        Ok(if self.batch_jobs > 0 { BATCH } else { AGAIN })
    }

    fn next(&mut self, ear: &Ear) -> Result<Next<Ended>, Error> {
        self.accept(ear)?;
        if let Some(job) = self.held_back.take() {
            return Ok(Next::Job(job));
        }
        let (verb, store) = self.verb.as_mut().zip(self.store.as_mut()).ok_or(Refusal::Parameter)?;
        verb.next(store)
    }

    /// Gives the task every outcome that is in order.
    fn accept(&mut self, ear: &Ear) -> Result<(), Error> {
        while let Some(flight) = self.flights.front_mut() {
            let Some((outcome, raw, packed)) = &mut flight.came else { break };
            let (verb, store) = self.verb.as_mut().zip(self.store.as_mut()).ok_or(Refusal::Parameter)?;
            let mut bench = Bench::holding(core::mem::take(raw), core::mem::take(packed));
            let mut codecs = Plain;
            let accepted = verb.accept(store, &flight.job, *outcome, &mut bench.work(&mut codecs));
            if let Err(error) = accepted
                && error.is_pending()
            {
                (*raw, *packed) = bench.into_left();
                return Err(error);
            }
            self.flights.pop_front();
            self.oldest = self.oldest.wrapping_add(1);
            if let Some(event) = accepted? {
                self.hear(ear, &event);
            }
        }
        Ok(())
    }

    /// Whether the batch has room for another job. It has only jobs in a row: one that is skipped ends it.
    fn takes(&self, job: &Job) -> bool {
        self.batch_jobs == 0 || (self.batch_jobs < BATCH_JOBS && self.batch_bytes < BATCH_BYTES && !self.skips(job))
    }

    /// Whether an entry is not in the sample. What is known to be damaged is always looked at again.
    fn skips(&self, job: &Job) -> bool {
        let Piece::Check { place, line: Some(line), .. } = &job.piece else { return false };
        let [first, second, ..] = line.id.0;
        let drawn = u32::from(u16::from_le_bytes([first, second])).wrapping_add(self.seed) % 100 < self.sample;
        !drawn && self.sample < 100 && !self.store.as_ref().is_some_and(|store| store.marks().contains(*place))
    }

    fn put(&mut self, job: Job) -> Result<(), Error> {
        if self.skips(&job) {
            let unread = Outcome::Checked { fault: None, digest: Digest::ZERO, len_bytes: 0 };
            self.skipped = self.skipped.saturating_add(1);
            // A batch is of jobs in a row: what lies ready goes first, or is empty.
            self.flights.push_back(Flight { job, came: Some((Ok(unread), Vec::new(), Vec::new())) });
            return Ok(());
        }
        put_job(&mut self.batch, &job).ok_or(Error::Refused(Refusal::Parameter))?;
        self.batch_jobs = self.batch_jobs.saturating_add(1);
        match &job.piece {
            Piece::Check { place, line: Some(line), .. } => {
                let end = self.store.as_ref().map_or(0, |store| line.end(store.parameters()));
                self.will_read(*place, end);
            }
            Piece::Check { place, .. } => self.will_read_entry(*place),
            Piece::Prove { chain, .. } | Piece::Fetch { chain, .. } | Piece::Differ { new: chain, .. } => {
                chain.places().iter().for_each(|place| self.will_read_entry(*place));
            }
            _ => {}
        }
        self.flights.push_back(Flight { job, came: None });
        Ok(())
    }

    /// A guess that spares asking: what it gets wrong the worker asks for.
    fn will_read_entry(&mut self, place: Place) {
        let Some(store) = &self.store else { return };
        if let Ok(entry) = store.source().entry(place, u64::MAX) {
            self.will_read(place, entry.total_bytes(store.parameters()).saturating_add(place.offset.into()));
        }
    }

    fn will_read(&mut self, place: Place, end: u64) {
        let (segment, start) = (place.segment.0, place.offset);
        let end = u32::try_from(end).unwrap_or(u32::MAX);
        self.batch_bytes = self.batch_bytes.saturating_add(end.saturating_sub(start).into());
        match self.ranges.as_mut_slice() {
            [.., last_segment, _, last_end] if *last_segment == segment && *last_end == start => *last_end = end,
            _ => self.ranges.extend([segment, start, end]),
        }
    }

    fn hear(&mut self, ear: &Ear, event: &Event) {
        match event {
            Event::Finding(finding) => {
                self.findings.push(*finding);
                tell_finding(ear, finding, "finding");
            }
            Event::Hit { id, link } => tell_verdict(ear, *id, Some(*link), "hit"),
            Event::Unread { id, link } => tell_verdict(ear, *id, Some(*link), "unread"),
            Event::Whole { id } => tell_verdict(ear, *id, None, "whole"),
            Event::Lost { offset, len_bytes } => {
                ear.number("offset", far(*offset));
                ear.number("length", far(*len_bytes));
                ear.end("lost");
            }
            _ => {}
        }
    }

    fn tell(&mut self, ear: &Ear, ended: &Ended) {
        match ended {
            Ended::Check(report) => {
                self.findings.sort_unstable_by_key(|finding| (finding.place, finding.kind));
                self.findings.iter().for_each(|finding| tell_finding(ear, finding, "found"));
                let unread = self.findings.iter().filter(|finding| finding.kind == FindingKind::Unreadable);
                self.unread = unread.filter_map(|finding| Some((finding.place?, finding.len_bytes))).collect();
                ear.number("skipped", far(self.skipped));
                tell_checked(ear, report);
            }
            Ended::Restore(report) => {
                ear.number("diskSize", far(report.disk_size));
                ear.number("dataBytes", far(report.data_bytes));
                ear.number("lostBytes", far(report.lost_bytes));
                ear.end("report");
            }
            Ended::Compare(report) => {
                ear.number("diskSize", far(report.disk_size));
                ear.number("lostBytes", far(report.lost_bytes));
                ear.end("report");
            }
            Ended::Usage(report) => {
                if let Some(Verb::Usage(task)) = &self.verb {
                    task.segments().iter().for_each(|live| tell_segment(ear, live));
                }
                tell_usage(ear, report);
            }
        }
    }
}

fn open_version(store: &mut Store<'static>, link: &Link, pages: &'static mut [u8]) -> Result<Version<'static>, Error> {
    let parameters = *store.parameters();
    with_record(store, link, |_, record| match record.kind {
        RecordKind::Version => Version::open(&parameters, record, link.place, pages),
        RecordKind::Draft => Err(Refusal::UnknownVersion.into()),
    })?
}

/// Whether something is not to be had, be it damaged or not to be read.
fn is_lost(error: &Error) -> bool {
    error.is_damage() || error.unread().is_some()
}

fn list(store: &mut Store<'_>, listing: &mut Option<Listing>, ear: &Ear) -> Result<u32, Error> {
    for _ in 0..STEPS {
        let mut at = *listing.get_or_insert_with(|| Listing::of(store));
        match at.next(store)? {
            Listed::Step => {}
            Listed::Entry(entry) => match with_record(store, &entry.link, |id, record| tell_version(ear, id, record)) {
                Ok(()) => tell_link(ear, &entry.link),
                Err(error) if is_lost(&error) => {
                    ear.text("id", &entry.link.id.to_string());
                    if !error.is_damage() {
                        ear.number("unread", 1.0);
                    }
                    tell_link(ear, &entry.link);
                }
                Err(error) => return Err(error),
            },
            Listed::End => {
                *listing = None;
                return Ok(DONE);
            }
        }
        *listing = Some(at);
    }
    Ok(AGAIN)
}

fn tell_link(ear: &Ear, link: &Link) {
    ear.text("record", &link.id.to_string());
    ear.number("segment", link.place.segment.0.into());
    ear.number("offset", link.place.offset.into());
    ear.end("version");
}

fn tell_version(ear: &Ear, id: Id, record: &Record<'_>) {
    for tag in record.tags.iter() {
        ear.text("tag", tag);
        ear.end("tag");
    }
    if record.expiry != 0 {
        ear.number("expiry", far(record.expiry));
    }
    ear.text("id", &id.to_string());
    ear.text("kind", if record.kind == RecordKind::Draft { "draft" } else { "version" });
    ear.text("name", record.name);
    ear.text("snapshot", record.snapshot);
    ear.text("source", record.source);
    if !record.base.is_zero() {
        ear.text("base", &record.base.to_string());
    }
    ear.text("root", &record.root.to_string());
    ear.number("time", far(record.time));
    ear.number("size", far(record.disk_size));
    ear.number("readBytes", far(record.statistics.read_bytes));
    ear.number("newBlocks", far(record.statistics.new_blocks));
    ear.number("newBytes", far(record.statistics.new_bytes));
    if record.kind == RecordKind::Draft {
        ear.number("position", far(record.position));
    }
    ear.number("sourceChanged", f64::from(u8::from(record.source_changed)));
    ear.number("protected", f64::from(u8::from(record.protected)));
}

fn tell_finding(ear: &Ear, finding: &Finding, what: &str) {
    ear.text("kind", finding.kind.name());
    if let Some(place) = finding.place {
        ear.number("segment", place.segment.0.into());
        ear.number("offset", place.offset.into());
    }
    if finding.kind == FindingKind::Unreadable {
        ear.number("length", far(finding.len_bytes));
    }
    ear.end(what);
}

/// Whether an entry lies where a check or scrub could not read.
fn was_unread(unread: &[(Place, u64)], entry: Place) -> bool {
    let behind = unread.partition_point(|(place, _)| *place <= entry);
    let before = behind.checked_sub(1).and_then(|at| unread.get(at));
    before.is_some_and(|(place, len)| {
        place.segment == entry.segment && u64::from(entry.offset.saturating_sub(place.offset)) < (*len).max(1)
    })
}

fn tell_verdict(ear: &Ear, id: Id, link: Option<Link>, what: &str) {
    ear.text("id", &id.to_string());
    if let Some(link) = link {
        ear.number("segment", link.place.segment.0.into());
        ear.number("offset", link.place.offset.into());
    }
    ear.end(what);
}

fn tell_checked(ear: &Ear, report: &check::Report) {
    ear.number("segments", far(report.segments));
    ear.number("entries", far(report.entries));
    ear.number("bytes", far(report.bytes));
    ear.number("versions", far(report.versions));
    ear.number("unread", far(report.unread));
    ear.number("unproved", far(report.unproved));
    ear.number("behind", f64::from(u8::from(report.behind)));
    ear.number("rebuilt", f64::from(u8::from(report.rebuilt)));
    ear.number("changed", f64::from(u8::from(report.changed)));
    ear.end("report");
}

fn tell_segment(ear: &Ear, live: &Live) {
    ear.number("segment", live.segment().0.into());
    ear.number("bytes", live.len_bytes().into());
    ear.number("liveBytes", live.live_bytes().into());
    ear.end("segment");
}

fn tell_usage(ear: &Ear, report: &usage::Report) {
    ear.number("bytes", far(report.bytes));
    ear.number("liveBytes", far(report.live_bytes));
    ear.number("complete", f64::from(u8::from(report.complete)));
    ear.end("report");
}

fn algorithm_name(algorithm: Algorithm) -> &'static str {
    match algorithm {
        Algorithm::Sha256 => "sha256",
        Algorithm::Blake3 => "blake3",
    }
}

fn codec_name(codec: CodecId) -> &'static str {
    match codec {
        CodecId::None => "none",
        CodecId::Lz4 => "lz4",
        CodecId::Zstd => "zstd",
        CodecId::Zlib => "zlib",
    }
}
