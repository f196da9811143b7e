//! Runs of a task that only counts, on a store that only is there.

use super::*;
use crate::scratch::Scratch;
use crate::{DirectoryMedium, StoreRoom, System};
use sarsen_core::error::{Error, Trouble};
use sarsen_core::frame::Work;
use sarsen_core::medium::{Name, Rules};
use sarsen_core::ops::init;
use sarsen_core::task::{Job, Next, Outcome};
use sarsen_core::types::{Place, SegmentNumber};
use std::collections::BTreeSet;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

/// The medium below, with other manners: slow and out of order, pending at first, or broken.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Manner {
    Uneven,
    Pending,
    NeverReady,
    Panicking,
}

struct Mannered {
    below: DirectoryMedium,
    manner: Manner,
    reads: AtomicU64,
    fetched: Mutex<BTreeSet<(u64, usize)>>,
}

impl Mannered {
    fn new(below: DirectoryMedium, manner: Manner) -> Mannered {
        Mannered { below, manner, reads: AtomicU64::new(0), fetched: Mutex::default() }
    }
}

impl Medium for Mannered {
    fn rules(&self) -> Rules {
        self.below.rules()
    }
    fn next(&self, after: Option<SegmentNumber>) -> Result<Option<SegmentNumber>, Trouble> {
        self.below.next(after)
    }
    fn previous(&self, before: Option<SegmentNumber>) -> Result<Option<SegmentNumber>, Trouble> {
        self.below.previous(before)
    }
    fn len(&self, name: Name) -> Result<u64, Trouble> {
        self.below.len(name)
    }
    fn read(&self, name: Name, at: u64, to: &mut [u8]) -> Result<(), Trouble> {
        let reads = self.reads.fetch_add(1, Ordering::Relaxed);
        match self.manner {
            Manner::Uneven => thread::sleep(Duration::from_micros(reads * 7919 % 2000)),
            Manner::Pending if locked(&self.fetched).insert((at, to.len())) => return Err(Trouble::Pending),
            Manner::NeverReady => return Err(Trouble::Pending),
            Manner::Panicking => std::panic::panic_any("a medium that panics"),
            Manner::Pending => (),
        }
        self.below.read(name, at, to)
    }
}

/// How the task behaves besides handing out its jobs.
#[derive(Clone, Copy, Default)]
struct Quirks {
    /// Every other call is pending.
    pending: bool,
    /// Fails when so many outcomes were accepted.
    fails_after: Option<u64>,
    /// Panics when so many outcomes were accepted.
    panics_after: Option<u64>,
}

/// Checks one place again and again; wants to have heard of everything before it ends.
struct Counting {
    jobs: u64,
    handed_out: u64,
    accepted: u64,
    calls: u64,
    quirks: Quirks,
}

impl Counting {
    fn new(jobs: u64, quirks: Quirks) -> Counting {
        Counting { jobs, handed_out: 0, accepted: 0, calls: 0, quirks }
    }

    fn is_pending(&mut self) -> bool {
        self.calls += 1;
        self.quirks.pending && self.calls.is_multiple_of(2)
    }
}

const PENDING: Error = Error::Medium { segment: None, offset: 0, trouble: Trouble::Pending };

/// A different job each time, so that the order in which outcomes come back shows.
fn job(number: u64) -> Job {
    Job::check(Place::new(SegmentNumber(0), 128), 1000 + number, None, true)
}

impl Task for Counting {
    type Report = u64;

    fn next(&mut self, _store: &mut Store<'_>) -> Result<Next<u64>, Error> {
        if self.is_pending() {
            return Err(PENDING);
        }
        if self.handed_out < self.jobs {
            self.handed_out += 1;
            return Ok(Next::Job(job(self.handed_out - 1)));
        }
        Ok(if self.accepted < self.jobs { Next::Wait } else { Next::Done(self.accepted) })
    }

    fn accept(
        &mut self,
        _store: &mut Store<'_>,
        asked: &Job,
        outcome: Result<Outcome, Error>,
        work: &mut Work<'_>,
    ) -> Result<Option<Event>, Error> {
        if self.is_pending() {
            return Err(PENDING);
        }
        assert_eq!(*asked, job(self.accepted), "outcomes come in the order of their jobs");
        assert!(!work.raw.is_empty() && !work.packed.is_empty());
        outcome?;
        assert_ne!(self.quirks.panics_after, Some(self.accepted), "a task that panics");
        if self.quirks.fails_after == Some(self.accepted) {
            return Err(Error::Cancelled);
        }
        self.accepted += 1;
        Ok(Some(Event::Checkpoint { position: self.accepted }))
    }
}

const SMALL: init::Options = init::Options { block_log2: 16, frame_log2: 16, ..init::Options::HOST };

/// An empty repository in a directory, its store, and the directory once more for the workers.
fn in_repository<R>(test: &str, act: impl FnOnce(&mut Store<'_>, DirectoryMedium) -> R) -> R {
    let scratch = Scratch::new(test);
    let writer = DirectoryMedium::create(scratch.path()).unwrap();
    let (system, mut room) = (System::new(), StoreRoom::new());
    let memory = room.lend();
    init::init(&writer, &system, &SMALL, memory.chunk, memory.buffer).unwrap();
    let reader = DirectoryMedium::open(scratch.path(), crate::Access::Read).unwrap();
    act(&mut Store::open(&writer, &system, room.lend()).unwrap(), reader)
}

/// Runs a counting task on `threads` (0: inline); its report and what was said.
fn counted(test: &str, manner: Manner, threads: usize, quirks: Quirks) -> (Result<u64, Error>, Vec<u64>) {
    in_repository(test, |store, below| {
        let mannered = Mannered::new(below, manner);
        let shared = Shared { medium: &mannered, disk: None };
        let mut said = Vec::new();
        let mut say = |_: &Store<'_>, event: Event| match event {
            Event::Checkpoint { position } => said.push(position),
            other => assert_eq!(other, Event::BaseDamaged, "only checkpoints are said"),
        };
        let mut task = Counting::new(100, quirks);
        let report = match NonZeroUsize::new(threads) {
            Some(threads) => run(&mut task, store, shared, threads, &mut say),
            None => run_inline(&mut task, store, shared, &mut say),
        };
        (report, said)
    })
}

#[test]
fn outcomes_come_in_the_order_of_their_jobs_whoever_does_them() {
    for threads in [0, 1, 2, 8] {
        let (report, said) = counted("order", Manner::Uneven, threads, Quirks::default());
        assert_eq!(report, Ok(100), "{threads} threads");
        assert_eq!(said, (1..=100).collect::<Vec<_>>(), "{threads} threads");
    }
}

#[test]
fn whatever_is_pending_is_asked_for_again() {
    for threads in [0, 3] {
        let (report, said) = counted("pending", Manner::Pending, threads, Quirks { pending: true, ..Quirks::default() });
        assert_eq!((report, said.len()), (Ok(100), 100), "{threads} threads");
    }
}

#[test]
fn an_error_of_the_task_ends_the_run() {
    for threads in [0, 4] {
        let (report, said) = counted("error", Manner::Uneven, threads, Quirks { fails_after: Some(7), ..Quirks::default() });
        assert_eq!((report, said.len()), (Err(Error::Cancelled), 7), "{threads} threads");
    }
}

#[test]
#[should_panic(expected = "a task that panics")]
fn a_panic_of_the_task_ends_the_run() {
    counted("task-panic", Manner::Uneven, 4, Quirks { panics_after: Some(20), ..Quirks::default() }).0.unwrap();
}

#[test]
#[should_panic(expected = "a medium that panics")]
fn a_panic_of_a_worker_ends_the_run() {
    counted("worker-panic", Manner::Panicking, 4, Quirks::default()).0.unwrap();
}

/// The task leaves when the only outcome it waits for never comes, here by failing in `next`.
struct Impatient {
    handed_out: u64,
}

impl Task for Impatient {
    type Report = ();

    fn next(&mut self, _store: &mut Store<'_>) -> Result<Next<()>, Error> {
        self.handed_out += 1;
        if self.handed_out > 2 { Err(Error::Cancelled) } else { Ok(Next::Job(job(0))) }
    }

    fn accept(
        &mut self,
        _: &mut Store<'_>,
        _: &Job,
        _: Result<Outcome, Error>,
        _: &mut Work<'_>,
    ) -> Result<Option<Event>, Error> {
        Ok(None)
    }
}

#[test]
fn workers_that_wait_for_a_medium_go_home_when_the_run_is_cancelled() {
    let report = in_repository("cancelled", |store, below| {
        let mannered = Mannered::new(below, Manner::NeverReady);
        let shared = Shared { medium: &mannered, disk: None };
        run(&mut Impatient { handed_out: 0 }, store, shared, NonZeroUsize::MIN, &mut |_, _| ())
    });
    assert_eq!(report, Err(Error::Cancelled));
}

#[test]
fn a_director_takes_answers_in_any_order_and_bounds_what_is_out() {
    in_repository("shuffled", |store, medium| {
        let hands = Shared { medium: &medium, disk: None }.hands(*store.parameters());
        let (mut task, mut said) = (Counting::new(50, Quirks::default()), 0);
        let mut say = |_: &Store<'_>, _| said += 1;
        let mut director = Director::new(&mut task, store, &mut say, 5);
        let mut finished = Vec::new();
        loop {
            match director.hand_out().unwrap() {
                Turn::Ticket(ticket) => finished.push(ticket.perform(&hands, || true)),
                // The youngest first: each has to wait for all the others.
                Turn::Wait => director.take_back(finished.pop().unwrap()).unwrap(),
                Turn::Done(accepted) => break assert_eq!(accepted, 50),
            }
            assert!(finished.len() <= 5);
        }
        assert_eq!(said, 50);
    });
}

#[test]
fn many_cores_and_large_blocks_take_no_more_memory_than_promised() {
    let scratch = Scratch::new("benches");
    let medium = DirectoryMedium::create(scratch.path()).unwrap();
    let host = System::new();
    let options = init::Options { block_log2: 24, segment_bytes: 128 << 20, ..init::Options::HOST };
    init::init(&medium, &host, &options, &mut [0; 4800], &mut vec![0; 1 << 20]).unwrap();
    let mut room = StoreRoom::new();
    let store = Store::open(&medium, &host, room.lend()).unwrap();
    let benches = |threads| benches_max(store.parameters(), NonZeroUsize::new(threads).unwrap());
    assert_eq!(benches(1), 3);
    assert!(benches(64) * Bench::bytes(store.parameters()) <= BENCHES_BYTES_MAX);
}
