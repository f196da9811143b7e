//! Every verb in a call, on any medium, with a clock and randomness that stand still: what most tests begin with.

use crate::disk::MemTarget;
use crate::random::Random;
use embedded_io::Read;
use sarsen_core::catalogue::{Entry, Found, Listed, Listing, Search, Wanted, with_record};
use sarsen_core::disk::Disk;
use sarsen_core::draft::{Frames, Held};
use sarsen_core::error::Error;
use sarsen_core::format::amendment::Amendment;
use sarsen_core::format::record::{HintSource, RecordKind};
use sarsen_core::host::Host;
use sarsen_core::medium::Medium;
use sarsen_core::ops::{amend, backup, check, compact, gc, import, init, remove, restore};
use sarsen_core::store::{Store, table_bytes};
use sarsen_core::task::{Event, Task};
use sarsen_core::types::{Id, Place, RepositoryId, narrow};
use sarsen_core::version::Version;
use sarsen_host::runner::{self, Bench, Director, Finished, Shared, Turn};
use sarsen_host::{Heap, StoreRoom};
use std::cell::{Cell, RefCell};
use std::num::NonZeroUsize;

/// A clock that stands still, randomness from a seed.
#[derive(Debug)]
pub struct StillHost {
    now: u64,
    seed: Cell<u64>,
}

impl StillHost {
    /// At a moment, with a seed.
    pub fn new(now: u64, seed: u64) -> StillHost {
        StillHost { now, seed: Cell::new(seed) }
    }
}

impl Host for StillHost {
    fn now(&self) -> u64 {
        self.now
    }
    fn random(&self, to: &mut [u8]) -> bool {
        self.seed.set(self.seed.get() + 1);
        Random::new(self.seed.get()).fill(to);
        true
    }
}

/// The options most tests use: small blocks, so that small disks have many.
pub const TINY: init::Options = init::Options {
    block_log2: 13,
    frame_log2: 12,
    segment_bytes: 64 << 10,
    codec: sarsen_core::codec::CodecId::Zstd,
    ..init::Options::SMALL
};

/// Room for one path through any manifest or table of a test.
fn pages() -> Vec<u8> {
    vec![0; table_bytes(8, 9)]
}

/// Who does the jobs of a verb.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Crew {
    /// The director itself, one after the other.
    Inline,
    /// So many threads.
    Threads(NonZeroUsize),
    /// Up to `out` jobs are out at once, are done in an order that the seed chooses, and come back in another.
    Shuffled {
        /// Chooses the orders.
        seed: u64,
        /// The most jobs that are out.
        out: usize,
    },
}

/// A repository on a medium, opened anew for every verb: so everything is seen as another run would see it.
#[derive(Clone, Copy)]
pub struct Rig<'a> {
    /// The medium.
    pub medium: &'a (dyn Medium + Sync),
    /// Clock and randomness.
    pub host: &'a StillHost,
    /// Who does the jobs.
    pub crew: Crew,
    /// How much an import reads at once.
    pub input_bytes: usize,
    /// Where everything that verbs say is written down, if anywhere.
    pub log: Option<&'a RefCell<Vec<Event>>>,
}

/// What a backup is called, and what it is built on.
#[derive(Clone, Copy, Debug, Default)]
pub struct Plan<'a> {
    /// The disk's name.
    pub name: &'a str,
    /// The snapshot's name.
    pub snapshot: &'a str,
    /// The base, as [`Wanted::parse`] takes it; empty for none.
    pub base: &'a str,
    /// A checkpoint after so many new bytes; 0 for none.
    pub checkpoint_bytes: u64,
    /// Continue the newest draft of that name.
    pub continued: bool,
    /// Leave a draft that is done, of this group; zeros for a version at once.
    pub group: [u8; 16],
}

/// What a check or scrub found, as tests compare it; all lists sorted.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Verdict {
    /// Place (none for the pin) and kind.
    pub findings: Vec<(Option<Place>, &'static str)>,
    /// Versions that are hit.
    pub hit: Vec<String>,
    /// Versions that are whole.
    pub whole: Vec<String>,
    /// Versions of which something could not be read.
    pub unread: Vec<String>,
}

impl Verdict {
    /// Whether nothing is wrong.
    pub fn is_clean(&self) -> bool {
        self.findings.is_empty() && self.hit.is_empty() && self.unread.is_empty()
    }
}

/// A version or draft in the list.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Item {
    /// Its row.
    pub entry: Entry,
    /// Its id, or its record's if that cannot be read.
    pub id: Id,
    /// What it is; none if its record cannot be read.
    pub kind: Option<RecordKind>,
    /// Disk name.
    pub name: String,
    /// Snapshot name.
    pub snapshot: String,
    /// Bytes of the disk.
    pub size: u64,
    /// Tags.
    pub tags: Vec<String>,
    /// Whether it may not be removed.
    pub protected: bool,
    /// When it is no longer needed; 0 never.
    pub expiry: u64,
}

/// A restored disk.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Restored {
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// Ranges that were lost: offset and length; sorted.
    pub lost: Vec<(u64, u64)>,
}

impl<'a> Rig<'a> {
    /// A rig that runs everything inline.
    pub fn new(medium: &'a (dyn Medium + Sync), host: &'a StillHost) -> Rig<'a> {
        Rig { medium, host, crew: Crew::Inline, input_bytes: 4096, log: None }
    }

    /// The same with worker threads; none for inline.
    pub fn threaded(self, threads: usize) -> Rig<'a> {
        Rig { crew: NonZeroUsize::new(threads).map_or(Crew::Inline, Crew::Threads), ..self }
    }

    /// The same with another crew.
    pub fn with_crew(self, crew: Crew) -> Rig<'a> {
        Rig { crew, ..self }
    }

    /// The same, with a log of what is said.
    pub fn logged(self, log: &'a RefCell<Vec<Event>>) -> Rig<'a> {
        Rig { log: Some(log), ..self }
    }

    /// Makes a repository.
    pub fn init(&self, options: &init::Options) -> Result<RepositoryId, Error> {
        init::init(self.medium, self.host, options, &mut [0; 4800], &mut vec![0; 256 << 10])
    }

    /// Opens it and does something with the store.
    pub fn with<R>(&self, run: impl FnOnce(&mut Store<'_>) -> Result<R, Error>) -> Result<R, Error> {
        loop {
            let mut room = StoreRoom::new();
            match Store::open(self.medium, self.host, room.lend()) {
                Err(error) if error.is_pending() => {}
                Ok(mut store) => return run(&mut store),
                Err(error) => return Err(error),
            }
        }
    }

    /// Runs a task; what it reported, and what it said.
    pub fn run<T: Task>(
        &self,
        task: &mut T,
        store: &mut Store<'_>,
        disk: Option<&(dyn Disk + Sync)>,
    ) -> Result<(T::Report, Vec<Event>), Error> {
        let mut events = Vec::new();
        let mut say = |_: &Store<'_>, event| events.push(event);
        let shared = Shared { medium: self.medium, disk };
        let report = match self.crew {
            Crew::Inline => runner::run_inline(task, store, shared, &mut say),
            Crew::Threads(threads) => runner::run(task, store, shared, threads, &mut say),
            Crew::Shuffled { seed, out } => run_shuffled(task, store, shared, Random::new(seed), out, &mut say),
        }?;
        self.log.inspect(|log| log.borrow_mut().extend_from_slice(&events));
        Ok((report, events))
    }

    /// Finds a version.
    pub fn find(&self, store: &mut Store<'_>, wanted: Wanted<'_>) -> Result<Found, Error> {
        let mut search = Search::of(store, wanted);
        loop {
            match search.step(store) {
                Ok(Some(found)) => return Ok(found),
                Ok(None) => {}
                Err(error) if error.is_pending() => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// What a plan builds on.
    pub(crate) fn start(&self, store: &mut Store<'_>, plan: &Plan<'_>) -> Result<backup::Start, Error> {
        let mut start = backup::Start::EMPTY;
        if !plan.base.is_empty() {
            let found = self.find(store, Wanted::parse(plan.base))?;
            start = patiently(|| backup::Start::on(&found.entry.link, store))?.unwrap_or(backup::Start::EMPTY);
        }
        if plan.continued {
            let found = self.find(store, Wanted::Draft(plan.name))?;
            start = patiently(|| backup::Start::where_left(&found.entry, "", "", store))?;
        }
        Ok(start)
    }

    /// Backs a disk up.
    pub fn backup(&self, disk: &(dyn Disk + Sync), plan: &Plan<'_>) -> Result<backup::Report, Error> {
        self.with(|store| {
            let start = self.start(store, plan)?;
            let options = backup::Options {
                name: plan.name,
                snapshot: plan.snapshot,
                source: "test",
                group: plan.group,
                start,
                hints: (HintSource::None, ""),
                spot_checks: 0,
                checkpoint_bytes: plan.checkpoint_bytes,
                ending: if plan.group == [0; 16] { backup::Ending::Version } else { backup::Ending::Held },
            };
            let (mut base, mut draft) = (pages(), pages());
            let memory = backup::Memory { base: &mut base, draft: &mut draft };
            let mut task = backup::Backup::new(store, disk, options, memory)?;
            Ok(self.run(&mut task, store, Some(disk))?.0)
        })
    }

    /// Imports a stream.
    pub fn import(&self, stream: &mut impl Read, options: &import::Options<'_>) -> Result<import::Imported, Error> {
        self.with_import_room(|store, memory, bench| import::import(store, stream, options, memory, &mut bench.work()))
    }

    /// Imports a stream that is fed in pieces as long as `piece` says; 0 for one that has not come yet.
    pub fn import_fed(
        &self,
        stream: &[u8],
        options: &import::Options<'_>,
        mut piece: impl FnMut() -> usize,
    ) -> Result<import::Imported, Error> {
        self.with_import_room(|store, memory, bench| {
            let (mut import, mut rest) = (import::Import::new(store, options, memory)?, stream);
            loop {
                match import.step(store, &mut bench.work())? {
                    import::Step::Again => {}
                    import::Step::Done(imported) => return Ok(imported),
                    import::Step::Feed if rest.is_empty() => import.feed(0),
                    import::Step::Feed => {
                        let len = piece().min(rest.len()).min(import.room().len());
                        let (part, behind) = rest.split_at(len);
                        import.room()[..len].copy_from_slice(part);
                        if len > 0 {
                            import.feed(len);
                        }
                        rest = behind;
                    }
                }
            }
        })
    }

    fn with_import_room<R>(
        &self,
        run: impl FnOnce(&mut Store<'_>, import::Memory<'_>, &mut Bench) -> Result<R, Error>,
    ) -> Result<R, Error> {
        self.with(|store| {
            let parameters = *store.parameters();
            let (frame, block) = (parameters.frame_bytes(), parameters.block_bytes());
            let (mut pages, mut bytes) = (pages(), vec![0; narrow(block.into())]);
            let mut held = vec![Held::FREE; narrow((block / frame).into())];
            let memory = import::Memory {
                input: &mut vec![0; self.input_bytes],
                texts: &mut vec![0; import::TEXTS_BYTES],
                record: &mut vec![0; import::record_bytes(frame)],
                pages: &mut pages,
                frames: Frames { held: &mut held, bytes: &mut bytes },
            };
            run(store, memory, &mut Bench::new(&parameters)?)
        })
    }

    /// Checks or scrubs.
    pub fn check(&self, depth: check::Depth) -> Result<(check::Report, Verdict), Error> {
        self.with(|store| self.check_in(store, depth))
    }

    /// Checks or scrubs; all that is told meanwhile.
    pub fn check_events(&self, depth: check::Depth) -> Result<Vec<Event>, Error> {
        self.with(|store| {
            let mut pages = pages();
            Ok(self.run(&mut check::Check::new(store, depth, &mut pages), store, None)?.1)
        })
    }

    /// Checks or scrubs an open repository.
    pub fn check_in(&self, store: &mut Store<'_>, depth: check::Depth) -> Result<(check::Report, Verdict), Error> {
        let mut pages = pages();
        let mut task = check::Check::new(store, depth, &mut pages).noting();
        let (report, events) = self.run(&mut task, store, None)?;
        Ok((report, verdict(&events)))
    }

    /// Scrubs what one version needs.
    pub fn scrub_version(&self, item: &Item) -> Result<(check::Report, Verdict), Error> {
        self.with(|store| {
            let mut pages = pages();
            let mut task = check::Check::of_version(store, item.entry, &mut pages).noting();
            let (report, events) = self.run(&mut task, store, None)?;
            Ok((report, verdict(&events)))
        })
    }

    /// Scrubs.
    pub fn scrub(&self) -> Result<Verdict, Error> {
        Ok(self.check(check::Depth::Scrub)?.1)
    }

    /// Collects garbage.
    pub fn gc(&self) -> Result<gc::Report, Error> {
        self.with(|store| {
            let (mut pages, mut lives) = (pages(), Heap::new());
            let mut task = gc::Gc::new(store, &mut lives, &mut pages)?;
            Ok(self.run(&mut task, store, None)?.0)
        })
    }

    /// Compacts.
    pub fn compact(&self) -> Result<gc::Report, Error> {
        self.with(|store| {
            let (mut pages, mut lives) = (pages(), Heap::new());
            let mut task = compact::Compact::new(store, &mut lives, &mut pages)?;
            Ok(self.run(&mut task, store, None)?.0)
        })
    }

    /// The list, in order.
    pub fn list(&self) -> Result<Vec<Item>, Error> {
        self.with(|store| self.list_in(store))
    }

    /// The list of an open repository.
    pub fn list_in(&self, store: &mut Store<'_>) -> Result<Vec<Item>, Error> {
        let mut listing = Listing::of(store);
        let mut items = Vec::new();
        loop {
            match patiently(|| listing.next(store))? {
                Listed::Step => {}
                Listed::End => return Ok(items),
                Listed::Entry(entry) => items.push(item(store, entry)?),
            }
        }
    }

    /// Removes what a filter picks.
    pub fn remove(&self, pick: impl Fn(&Item) -> bool) -> Result<(), Error> {
        let entries: Vec<Entry> = self.list()?.iter().filter(|item| pick(item)).map(|item| item.entry).collect();
        self.with(|store| remove::remove(store, entries.iter().copied()))
    }

    /// Amends what a filter picks.
    pub fn amend(&self, pick: impl Fn(&Item) -> bool, amendments: &[Amendment<'_>]) -> Result<(), Error> {
        let entries: Vec<Entry> = self.list()?.iter().filter(|item| pick(item)).map(|item| item.entry).collect();
        self.with(|store| patiently(|| amend::amend(store, &entries, amendments)))
    }

    /// Restores a version of the list.
    pub fn restore(&self, item: &Item) -> Result<Restored, Error> {
        self.with(|store| self.restore_in(store, item))
    }

    /// Restores a version of an open repository.
    pub fn restore_in(&self, store: &mut Store<'_>, item: &Item) -> Result<Restored, Error> {
        let mut pages = pages();
        let link = item.entry.link;
        let parameters = *store.parameters();
        let (top, root) = patiently(|| with_record(store, &link, |_, r| (r.top, r.root)))?;
        if sarsen_core::manifest::root_id(&parameters, item.size, top) != root {
            return Err(Error::Corrupt { place: link.place, what: sarsen_core::error::What::Id });
        }
        let version = Version::of_tree(&parameters, item.size, top, &mut pages);
        let target = MemTarget::filled(sarsen_core::types::narrow(item.size));
        let mut task = restore::Restore::new(store, version, &target, restore::Options { target_is_zero: false });
        let (_, events) = self.run(&mut task, store, None)?;
        let mut lost: Vec<(u64, u64)> = events.iter().filter_map(lost_range).collect();
        lost.sort_unstable();
        Ok(Restored { bytes: target.bytes(), lost })
    }
}

/// Runs a task whose jobs are done, and come back, in any order.
fn run_shuffled<T: Task>(
    task: &mut T,
    store: &mut Store<'_>,
    shared: Shared<'_>,
    mut random: Random,
    out: usize,
    say: &mut dyn FnMut(&Store<'_>, Event),
) -> Result<T::Report, Error> {
    let hands = shared.hands(*store.parameters());
    let mut director = Director::new(task, store, say, out);
    let (mut tickets, mut finished): (Vec<_>, Vec<Finished>) = (Vec::new(), Vec::new());
    loop {
        match director.hand_out()? {
            Turn::Ticket(ticket) => tickets.push(ticket),
            Turn::Done(report) => return Ok(report),
            Turn::Wait => {
                while !tickets.is_empty() {
                    let ticket = tickets.swap_remove(random.below(tickets.len()));
                    finished.push(ticket.perform(&hands, || true));
                }
                director.take_back(finished.swap_remove(random.below(finished.len())))?;
            }
        }
    }
}

fn lost_range(event: &Event) -> Option<(u64, u64)> {
    match *event {
        Event::Lost { offset, len_bytes } => Some((offset, len_bytes)),
        _ => None,
    }
}

fn item(store: &mut Store<'_>, entry: Entry) -> Result<Item, Error> {
    let described = patiently(|| {
        with_record(store, &entry.link, |id, record| Item {
            entry,
            id,
            kind: Some(record.kind),
            name: record.name.into(),
            snapshot: record.snapshot.into(),
            size: record.disk_size,
            tags: record.tags.iter().map(String::from).collect(),
            protected: record.protected,
            expiry: record.expiry,
        })
    });
    match described {
        Err(error) if error.is_damage() => {
            let (id, name, snapshot, tags) = (entry.link.id, String::new(), String::new(), Vec::new());
            Ok(Item { entry, id, kind: None, name, snapshot, size: 0, tags, protected: false, expiry: 0 })
        }
        item => item,
    }
}

/// Repeats what answers "pending".
pub fn patiently<R>(mut step: impl FnMut() -> Result<R, Error>) -> Result<R, Error> {
    loop {
        match step() {
            Err(error) if error.is_pending() => {}
            result => return result,
        }
    }
}

fn verdict(events: &[Event]) -> Verdict {
    let mut verdict = Verdict::default();
    for event in events {
        match event {
            Event::Finding(finding) => verdict.findings.push((finding.place, finding.kind.name())),
            Event::Hit { id, .. } => verdict.hit.push(id.to_string()),
            Event::Whole { id } => verdict.whole.push(id.to_string()),
            Event::Unread { id, .. } => verdict.unread.push(id.to_string()),
            _ => {}
        }
    }
    verdict.findings.sort_unstable();
    verdict.hit.sort_unstable();
    // Each once, as people are told: a list that was rebuilt may have a version both before and after it was amended.
    verdict.hit.dedup();
    verdict.whole.sort_unstable();
    verdict.unread.sort_unstable();
    verdict.unread.dedup();
    verdict
}
