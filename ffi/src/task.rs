//! A task: a verb under way. Step by step for callers with an event loop or threads of their own, or run to its end by the threads that are lent to it.

use crate::codecs::Kept;
use crate::handle::{self, Handle, SARSEN_HANDLE_WORDS};
use crate::host::sarsen_watch;
use crate::job::{Ticket, sarsen_job};
use crate::lock::Count;
use crate::memory::{Limits, Room, larger, room_for};
use crate::repository::{Held, Repository, sarsen_repository};
use crate::status::{SARSEN_NO_SEGMENT, Stop, answer, sarsen_fault, sarsen_status, sarsen_status::*, tell};
use crate::work::{Inner as Bench, sarsen_work};
use crate::{backup, check, diff, export, reclaim, restore};
use core::cell::UnsafeCell;
use core::ffi::c_void;
use core::mem::MaybeUninit;
use sarsen_core::disk::Disk;
use sarsen_core::error::Error;
use sarsen_core::frame::Work;
use sarsen_core::host::Progress;
use sarsen_core::store::Store;
use sarsen_core::task::{self as engine, Event, Finding, FindingKind, Hands, Job, Next, Outcome, perform};

/// A verb under way. While one is open its repository cannot be closed.
#[repr(C)]
pub struct sarsen_task {
    /// The library's alone.
    pub opaque: [u64; SARSEN_HANDLE_WORDS],
}

impl Handle for sarsen_task {
    const TAG: u32 = 0x5354_4153;
    type Body = Task;
}

/// What a task wants next, or what happened.
#[repr(i32)]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum sarsen_step_kind {
    /// A step was done, and nothing is to be told: ask again.
    SARSEN_STEP_AGAIN = 0,
    /// A job was handed out: perform it, on any thread, and meanwhile ask for more if you like.
    SARSEN_STEP_JOB = 1,
    /// Nothing more before the outcome of a job was accepted.
    SARSEN_STEP_WAIT = 2,
    /// The verb has ended: `sarsen_task_report` tells what it did.
    SARSEN_STEP_DONE = 3,
    /// Damage was found: `finding` in `segment` at `offset`.
    SARSEN_STEP_FINDING = 10,
    /// Damage hits the version `id`.
    SARSEN_STEP_VERSION_HIT = 11,
    /// The version `id` is whole.
    SARSEN_STEP_VERSION_WHOLE = 12,
    /// `len_bytes` of the disk from `at` on cannot be read; they were made zero.
    SARSEN_STEP_LOST = 13,
    /// The base could not be used: everything is read.
    SARSEN_STEP_BASE_DAMAGED = 14,
    /// A checkpoint was committed: `at` bytes of the disk are done.
    SARSEN_STEP_CHECKPOINT = 15,
    /// `segment` was removed.
    SARSEN_STEP_REMOVED = 16,
    /// The version `id` needs what could not be read: nobody knows whether it is whole.
    SARSEN_STEP_VERSION_UNREAD = 17,
}

/// Kinds of damage (docs/FORMAT.md, section 13).
#[repr(i32)]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum sarsen_finding {
    /// None.
    SARSEN_FINDING_NONE = 0,
    /// The head pin.
    SARSEN_FINDING_PIN = 1,
    /// Something newer once existed.
    SARSEN_FINDING_BEHIND = 2,
    /// A segment is not there.
    SARSEN_FINDING_MISSING = 3,
    /// A segment of another repository.
    SARSEN_FINDING_FOREIGN = 4,
    /// A segment under another's name.
    SARSEN_FINDING_RENAMED = 5,
    /// A segment header.
    SARSEN_FINDING_HEADER = 6,
    /// A segment is shorter than what is true of it.
    SARSEN_FINDING_TRUNCATED = 7,
    /// A footer.
    SARSEN_FINDING_FOOTER = 8,
    /// An entry header.
    SARSEN_FINDING_ENTRY = 9,
    /// A segment holds other entries than were committed.
    SARSEN_FINDING_DIGEST = 10,
    /// A payload.
    SARSEN_FINDING_PAYLOAD = 11,
    /// The filling behind a payload.
    SARSEN_FINDING_PADDING = 12,
    /// Of a kind this header does not know.
    SARSEN_FINDING_OTHER = 13,
    /// `len_bytes` of the segment could not be read. Where the medium says that of these bytes (`SARSEN_MEDIUM_UNREADABLE`), they are damaged; where
    /// it failed (`SARSEN_MEDIUM_FAILED`), nothing is known of them.
    SARSEN_FINDING_UNREADABLE = 14,
}

use sarsen_finding::*;
use sarsen_step_kind::*;

/// A step of a task. What a kind does not mention is 0.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct sarsen_step {
    /// One of `enum sarsen_step_kind`.
    pub kind: i32,
    /// One of `enum sarsen_finding`.
    pub finding: i32,
    /// `SARSEN_NO_SEGMENT` if none.
    pub segment: u32,
    /// Bytes from the segment's start.
    pub offset: u32,
    /// Bytes from the disk's start.
    pub at: u64,
    /// Bytes.
    pub len_bytes: u64,
    /// A version.
    pub id: [u8; 32],
}

impl sarsen_step {
    pub fn of(kind: sarsen_step_kind) -> sarsen_step {
        let (kind, finding) = (kind as i32, SARSEN_FINDING_NONE as i32);
        sarsen_step { kind, finding, segment: SARSEN_NO_SEGMENT, offset: 0, at: 0, len_bytes: 0, id: [0; 32] }
    }
}

fn step_of(event: &Event) -> sarsen_step {
    match *event {
        Event::Finding(Finding { kind, place, len_bytes }) => {
            let step = sarsen_step { finding: finding(kind) as i32, len_bytes, ..sarsen_step::of(SARSEN_STEP_FINDING) };
            match place {
                Some(place) => sarsen_step { segment: place.segment.0, offset: place.offset, ..step },
                None => step,
            }
        }
        Event::Hit { id, link } => sarsen_step {
            id: id.0,
            segment: link.place.segment.0,
            offset: link.place.offset,
            ..sarsen_step::of(SARSEN_STEP_VERSION_HIT)
        },
        Event::Unread { id, link } => sarsen_step {
            id: id.0,
            segment: link.place.segment.0,
            offset: link.place.offset,
            ..sarsen_step::of(SARSEN_STEP_VERSION_UNREAD)
        },
        Event::Whole { id } => sarsen_step { id: id.0, ..sarsen_step::of(SARSEN_STEP_VERSION_WHOLE) },
        Event::Lost { offset, len_bytes } => sarsen_step { at: offset, len_bytes, ..sarsen_step::of(SARSEN_STEP_LOST) },
        Event::BaseDamaged => sarsen_step::of(SARSEN_STEP_BASE_DAMAGED),
        Event::Checkpoint { position } => sarsen_step { at: position, ..sarsen_step::of(SARSEN_STEP_CHECKPOINT) },
        Event::Removed { segment } => sarsen_step { segment: segment.0, ..sarsen_step::of(SARSEN_STEP_REMOVED) },
        _ => sarsen_step::of(SARSEN_STEP_AGAIN),
    }
}

fn finding(kind: FindingKind) -> sarsen_finding {
    match kind {
        FindingKind::Pin => SARSEN_FINDING_PIN,
        FindingKind::Behind => SARSEN_FINDING_BEHIND,
        FindingKind::Missing => SARSEN_FINDING_MISSING,
        FindingKind::Foreign => SARSEN_FINDING_FOREIGN,
        FindingKind::Renamed => SARSEN_FINDING_RENAMED,
        FindingKind::Header => SARSEN_FINDING_HEADER,
        FindingKind::Truncated => SARSEN_FINDING_TRUNCATED,
        FindingKind::Footer => SARSEN_FINDING_FOOTER,
        FindingKind::Entry => SARSEN_FINDING_ENTRY,
        FindingKind::Digest => SARSEN_FINDING_DIGEST,
        FindingKind::Payload => SARSEN_FINDING_PAYLOAD,
        FindingKind::Padding => SARSEN_FINDING_PADDING,
        FindingKind::Unreadable => SARSEN_FINDING_UNREADABLE,
        _ => SARSEN_FINDING_OTHER,
    }
}

/// What a verb did. Each fills in what it has to tell; the rest is 0.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct sarsen_report {
    /// The version that was made.
    pub version: [u8; 32],
    /// Bytes of the disk.
    pub disk_bytes: u64,
    /// Bytes read of the disk, or of a stream.
    pub read_bytes: u64,
    /// Bytes that are not zero: of the disk, or of what differs.
    pub data_bytes: u64,
    /// Bytes that differ and are zero.
    pub zero_bytes: u64,
    /// Bytes that could not be read and were made zero.
    pub lost_bytes: u64,
    /// Blocks newly stored.
    pub new_blocks: u64,
    /// Bytes newly stored for them.
    pub new_bytes: u64,
    /// Segments there were.
    pub segments: u64,
    /// Segments removed.
    pub segments_removed: u64,
    /// Entries looked at.
    pub entries: u64,
    /// Bytes of the repository that are true.
    pub true_bytes: u64,
    /// Of those, bytes in use.
    pub live_bytes: u64,
    /// Bytes given back.
    pub freed_bytes: u64,
    /// Blocks that were folded with bases nothing else needed.
    pub folded: u64,
    /// Versions looked at.
    pub versions: u64,
    /// Versions that damage hits.
    pub versions_hit: u64,
    /// Damage found.
    pub findings: u64,
    /// Of an import that ended too soon: bytes of the disk that are kept as a draft.
    pub position: u64,
    /// `SARSEN_OK`, `SARSEN_DAMAGED`, of a check or scrub `SARSEN_UNREAD`, or of an import `SARSEN_STREAM_INTERRUPTED`.
    pub status: i32,
    /// 1 if the source is known to have changed while it was read.
    pub source_changed: u32,
    /// Ranges that the medium failed to read.
    pub unread: u64,
    /// Versions that need one, and are not hit as far as is known.
    pub versions_unread: u64,
}

impl sarsen_report {
    pub const NONE: sarsen_report = sarsen_report {
        version: [0; 32],
        disk_bytes: 0,
        read_bytes: 0,
        data_bytes: 0,
        zero_bytes: 0,
        lost_bytes: 0,
        new_blocks: 0,
        new_bytes: 0,
        segments: 0,
        segments_removed: 0,
        entries: 0,
        true_bytes: 0,
        live_bytes: 0,
        freed_bytes: 0,
        folded: 0,
        versions: 0,
        versions_hit: 0,
        findings: 0,
        position: 0,
        status: SARSEN_OK as i32,
        source_changed: 0,
        unread: 0,
        versions_unread: 0,
    };

    /// The status of a verb that found, or met, damage or not.
    pub fn status_of(damaged: bool) -> i32 {
        if damaged { SARSEN_DAMAGED as i32 } else { SARSEN_OK as i32 }
    }
}

/// A report of the engine's that C is told.
pub trait Told {
    fn told(&self) -> sarsen_report;
}

/// What a verb wants next; the job itself is written where it is to lie, since a stack may have few kilobytes.
enum Came {
    Job,
    Wait,
    Step,
    Say(Event),
    Done(sarsen_report),
}

type NextFn = fn(*mut c_void, &mut Store<'static>, &mut MaybeUninit<Job>) -> Result<Came, Error>;
type AcceptFn = fn(*mut c_void, &mut Store<'static>, &Job, Result<Outcome, Error>, &mut Work<'_>) -> Result<Option<Event>, Error>;

/// A verb that was prepared: its state in lent memory, and the two functions that drive it. Only verbs that are called are linked.
pub struct Begun {
    state: *mut c_void,
    next: NextFn,
    accept: AcceptFn,
    disk: Option<&'static dyn Disk>,
    /// Codecs that end with it.
    _keeps: Option<Kept>,
}

impl Begun {
    pub fn of<T: engine::Task + 'static>(state: &'static mut T, disk: Option<&'static dyn Disk>) -> Begun
    where
        T::Report: Told,
    {
        Begun { state: core::ptr::from_mut(state).cast(), next: next::<T>, accept: accept::<T>, disk, _keeps: None }
    }
}

impl Begun {
    /// The same, with codecs that are dropped with the task.
    pub fn keeping(self, codecs: Kept) -> Begun {
        Begun { _keeps: Some(codecs), ..self }
    }
}

#[inline(never)]
fn next<T: engine::Task + 'static>(
    state: *mut c_void,
    store: &mut Store<'static>,
    to: &mut MaybeUninit<Job>,
) -> Result<Came, Error>
where
    T::Report: Told,
{
    // SAFETY: `Begun::of` made it of a `T` that nobody else uses; who calls has the repository's lock.
    let state = unsafe { &mut *state.cast::<T>() };
    let next = state.next(store);
    // By reference, so that the job is copied once.
    came(&next, to)
}

#[inline(never)] // a report is not there while the verb looks for what is next
fn came<R: Told>(next: &Result<Next<R>, Error>, to: &mut MaybeUninit<Job>) -> Result<Came, Error> {
    Ok(match next {
        Ok(Next::Job(job)) => {
            to.write(*job);
            Came::Job
        }
        Ok(Next::Wait) => Came::Wait,
        Ok(Next::Step) => Came::Step,
        Ok(Next::Say(event)) => Came::Say(*event),
        Ok(Next::Done(report)) => Came::Done(report.told()),
        Err(error) => return Err(*error),
    })
}

#[inline(never)]
fn accept<T: engine::Task + 'static>(
    state: *mut c_void,
    store: &mut Store<'static>,
    job: &Job,
    outcome: Result<Outcome, Error>,
    work: &mut Work<'_>,
) -> Result<Option<Event>, Error> {
    // SAFETY: as in `next`.
    unsafe { &mut *state.cast::<T>() }.accept(store, job, outcome, work)
}

/// What is open behind a `sarsen_task`.
pub struct Task {
    repository: &'static Repository,
    begun: Begun,
    watch: sarsen_watch,
    exclusive: bool,
    /// Calls that do jobs, outside of the lock.
    pub performing: Count,
    inner: UnsafeCell<Inner>,
}

/// What the repository's lock guards.
struct Inner {
    /// Jobs handed out.
    handed: u64,
    /// Jobs accepted.
    accepted: u64,
    progress: Progress,
    ended: Option<Result<sarsen_report, Stop>>,
}

/// What a turn came to.
enum Turn {
    Job,
    Wait,
    Said(sarsen_step),
    Ended,
}

impl Task {
    /// What a job is done with.
    pub fn hands(&self) -> Hands<'static> {
        let Repository { medium, parameters, .. } = *self.repository;
        Hands { medium, parameters, disk: self.begun.disk }
    }

    /// What the lock guards, for whoever has it.
    #[allow(clippy::mut_from_ref)] // the lock is what makes it exclusive
    fn inner<'h>(&self, _held: &'h mut Held<'_>) -> &'h mut Inner {
        // SAFETY: only reached with the lock of the one repository this belongs to, and not longer than that is held.
        unsafe { &mut *self.inner.get() }
    }

    /// What is next, with a job written to `job`.
    #[inline(never)]
    fn turn(&self, held: &mut Held<'_>, handle: *mut sarsen_task, job: *mut Ticket) -> Result<Turn, Stop> {
        match &self.inner(held).ended {
            Some(Ok(_)) => return Ok(Turn::Ended),
            Some(Err(stop)) => return Err(*stop),
            None => {}
        }
        self.repository.surroundings.watched_by(self.watch, self.inner(held).progress);
        // SAFETY: the caller gave a ticket to write to; its job may as well be written first.
        let to = unsafe { &mut *(&raw mut (*job).job).cast::<MaybeUninit<Job>>() };
        let next = self.ready(held).and_then(|()| (self.begun.next)(self.begun.state, &mut held.store, to));
        let inner = self.inner(held);
        inner.progress = self.repository.surroundings.unwatched();
        match next {
            Ok(Came::Job) => {
                // SAFETY: as above, and the job is there.
                unsafe { Ticket::hand_out(job, handle, inner.handed) };
                inner.handed = inner.handed.wrapping_add(1);
                Ok(Turn::Job)
            }
            Ok(Came::Wait) => Ok(Turn::Wait),
            Ok(Came::Step) => Ok(Turn::Said(sarsen_step::of(SARSEN_STEP_AGAIN))),
            Ok(Came::Say(event)) => Ok(Turn::Said(step_of(&event))),
            Ok(Came::Done(report)) => {
                inner.ended = Some(Ok(report));
                Ok(Turn::Ended)
            }
            Err(error) => Err(failed(inner, error)),
        }
    }

    /// Other tasks and versions may have begun to look at a newer commit: the index is there before anything is asked of it. What needs the store for
    /// itself sees to its index itself.
    fn ready(&self, held: &mut Held<'_>) -> Result<(), Error> {
        if self.exclusive { Ok(()) } else { held.loaded().map(|_| ()) }
    }

    #[inline(never)]
    fn take(&self, held: &mut Held<'_>, ticket: &mut Ticket, bench: &mut Bench) -> Result<sarsen_step, Stop> {
        match &self.inner(held).ended {
            Some(Ok(_)) => return Err(SARSEN_ENDED.into()),
            Some(Err(stop)) => return Err(*stop),
            None => {}
        }
        let outcome = match ticket.outcome {
            Some(outcome) if self.inner(held).accepted == ticket.number => outcome,
            _ => return Err(SARSEN_OUT_OF_ORDER.into()),
        };
        self.repository.surroundings.watched_by(self.watch, self.inner(held).progress);
        let accepted = self
            .ready(held)
            .and_then(|()| (self.begun.accept)(self.begun.state, &mut held.store, &ticket.job, outcome, &mut bench.work()));
        let inner = self.inner(held);
        inner.progress = self.repository.surroundings.unwatched();
        let event = accepted.map_err(|error| failed(inner, error))?;
        inner.accepted = inner.accepted.wrapping_add(1);
        bench.holds = (core::ptr::null(), 0);
        ticket.spend();
        Ok(event.map_or(sarsen_step::of(SARSEN_STEP_AGAIN), |event| step_of(&event)))
    }

    fn say(&self, step: &sarsen_step) {
        if step.kind == SARSEN_STEP_AGAIN as i32 {
            return;
        }
        if let Some(event) = self.watch.event {
            // SAFETY: who began the verb promised that its callbacks may be called with this context.
            unsafe { event(self.watch.context, step) }
        }
    }

    fn pause(&self) {
        self.repository.surroundings.pause();
    }

    /// Takes turns, and does the jobs they come to, until the task has ended; beside any other threads that do the same.
    fn run(&self, handle: *mut sarsen_task, bench: &mut Bench) -> Result<(), Stop> {
        let mut begun = false;
        let mut job = MaybeUninit::<Ticket>::uninit();
        loop {
            let mut held = match self.repository.hold() {
                // Another thread is in it; a callback of our own would have been told so at first.
                Err(_) if begun => {
                    self.pause();
                    continue;
                }
                held => held?,
            };
            begun = true;
            match self.turn(&mut held, handle, job.as_mut_ptr()) {
                Ok(Turn::Said(step)) => self.say(&step),
                Ok(Turn::Ended) => return Ok(()),
                Ok(Turn::Job) => {
                    drop(held);
                    // SAFETY: `turn` has just written it.
                    self.attend(unsafe { job.assume_init_mut() }, bench)?;
                }
                Ok(Turn::Wait) => {
                    drop(held);
                    self.pause();
                }
                Err(stop) if stop.is_pending() => {
                    drop(held);
                    self.pause();
                }
                Err(stop) => return Err(stop),
            }
        }
    }

    /// Does a job, and has its outcome accepted when those before it were.
    #[inline(never)]
    fn attend(&self, ticket: &mut Ticket, bench: &mut Bench) -> Result<(), Stop> {
        ticket.outcome = Some(self.done(ticket, bench));
        loop {
            if let Ok(mut held) = self.repository.hold() {
                match self.take(&mut held, ticket, bench) {
                    Ok(step) => {
                        self.say(&step);
                        return Ok(());
                    }
                    Err(stop) if stop.is_pending() || stop.status == SARSEN_OUT_OF_ORDER => {}
                    Err(stop) => return Err(stop),
                }
            }
            self.pause();
        }
    }

    #[inline(never)]
    fn done(&self, ticket: &Ticket, bench: &mut Bench) -> Result<Outcome, Error> {
        let _performing = self.performing.enter();
        loop {
            match perform(&ticket.job, &self.hands(), &mut bench.work()) {
                Err(error) if error.is_pending() => self.pause(),
                outcome => return outcome,
            }
        }
    }
}

/// An error is the end of a task; waiting is none.
fn failed(inner: &mut Inner, error: Error) -> Stop {
    let stop = Stop::from(error);
    if !stop.is_pending() {
        inner.ended = Some(Err(stop));
    }
    stop
}

/// What is the same of all verbs when they begin.
pub struct Beginning {
    pub task: *mut sarsen_task,
    pub repository: *mut sarsen_repository,
    pub memory: *mut c_void,
    pub memory_bytes: usize,
    pub watch: sarsen_watch,
    /// Needs the store for itself.
    pub exclusive: bool,
    /// Hints that are given.
    pub hints: usize,
}

/// Makes a verb's state. By reference, so that beginning is there once and not once a verb.
pub type Build<'b> = dyn Fn(&mut Held<'_>, &mut Room, &Limits) -> Result<Begun, Stop> + 'b;

impl Beginning {
    /// What memory is cut by: what the config says where memory is lent, and what is needed where the heap gives it.
    fn limits(&self, body: &Repository, held: &Held<'_>) -> Limits {
        let rows = usize::try_from(held.store.segments().rows).unwrap_or(usize::MAX);
        match self.memory.is_null() {
            false => body.limits,
            true => Limits { hints: self.hints, segments: rows.saturating_add(64), ..body.limits },
        }
    }

    /// Prepares a verb and opens its handle.
    ///
    /// # Safety
    /// As the functions that begin verbs say.
    #[inline(never)]
    pub unsafe fn run(self, needed: fn(&Limits) -> usize, build: &Build<'_>) -> Result<(), Stop> {
        // SAFETY: as the caller promised.
        let body = unsafe {
            handle::can_open(self.task)?;
            handle::body(self.repository)?
        };
        let mut held = body.share()?;
        if self.exclusive && held.users > 0 {
            return Err(SARSEN_BUSY.into());
        }
        let limits = self.limits(body, &held);
        // SAFETY: as the caller promised.
        let mut room = unsafe { Room::of(self.memory, self.memory_bytes, needed(&limits)) }?;
        let at = self.prepare(body, &mut held, &mut room, &limits, build).inspect_err(|_| room.give_up())?;
        // SAFETY: `task` can be opened, and the body begins the memory.
        unsafe { handle::open(self.task, at, room.heap_bytes()) }?;
        held.users = held.users.saturating_add(1);
        held.exclusive = self.exclusive;
        Ok(())
    }

    fn prepare(
        &self,
        body: &Repository,
        held: &mut Held<'_>,
        room: &mut Room,
        limits: &Limits,
        build: &Build<'_>,
    ) -> Result<*mut Task, Stop> {
        let at = room.reserve::<Task>()?;
        let begun = build(held, room, limits)?;
        // SAFETY: a repository stays open, where it is, as long as a task is.
        let repository = unsafe { &*core::ptr::from_ref(body) };
        let inner = UnsafeCell::new(Inner { handed: 0, accepted: 0, progress: Progress::default(), ended: None });
        let (watch, exclusive) = (self.watch, self.exclusive);
        // SAFETY: reserved just now.
        unsafe { at.write(Task { repository, begun, watch, exclusive, performing: Count::none(), inner }) };
        Ok(at)
    }
}

/// Bytes of a task whose verb needs so many besides.
pub const fn needed(verb_bytes: usize) -> usize {
    room_for::<Task>(1) + verb_bytes
}

/// Bytes that suffice for any verb.
pub const fn needed_by_any(limits: &Limits) -> usize {
    let all = [
        backup::needed(limits),
        restore::needed(limits),
        check::needed(limits),
        reclaim::needed(limits),
        diff::needed(limits),
        export::needed(limits),
    ];
    let [a, b, c, d, e, f] = all;
    larger(larger(larger(a, b), larger(c, d)), larger(e, f))
}

/// The blocking form of a verb: begins it in the room of a work, runs it on this thread, closes it, and answers.
///
/// # Safety
/// `repository` and `work` are null or handles, `report` and `fault` null or may be written; `begin` opens the task it is given.
#[inline(never)]
pub unsafe fn run_blocking(
    repository: *mut sarsen_repository,
    work: *mut sarsen_work,
    report: *mut sarsen_report,
    fault: *mut sarsen_fault,
    begin: &mut dyn FnMut(*mut sarsen_task, *mut c_void, usize) -> Result<(), Stop>,
) -> sarsen_status {
    // SAFETY: passed on to the caller.
    unsafe { answer(block(repository, work, report, begin), fault) }
}

/// # Safety
/// As [`run_blocking`].
unsafe fn block(
    repository: *mut sarsen_repository,
    work: *mut sarsen_work,
    report: *mut sarsen_report,
    begin: &mut dyn FnMut(*mut sarsen_task, *mut c_void, usize) -> Result<(), Stop>,
) -> Result<(), Stop> {
    // SAFETY: as the caller promised.
    let bench = unsafe { handle::body(work) }?;
    let (memory, memory_bytes) = bench.take_room()?;
    // SAFETY: passed on to the caller.
    let done = unsafe { drive(repository, work, report, &mut |task| begin(task, memory, memory_bytes)) };
    bench.give_room_back();
    done
}

/// Begins a verb, runs it on this thread, and closes it.
///
/// # Safety
/// As [`run_blocking`].
pub unsafe fn drive(
    repository: *mut sarsen_repository,
    work: *mut sarsen_work,
    report: *mut sarsen_report,
    begin: &mut dyn FnMut(*mut sarsen_task) -> Result<(), Stop>,
) -> Result<(), Stop> {
    let mut task = sarsen_task { opaque: [0; SARSEN_HANDLE_WORDS] };
    let begun = loop {
        match begin(&mut task) {
            // SAFETY: as the caller promised.
            Err(stop) if stop.is_pending() => unsafe { handle::body(repository) }?.surroundings.pause(),
            begun => break begun,
        }
    };
    // SAFETY: `begin` opens it if it answers that it did.
    begun.and_then(|()| unsafe {
        let done = run(&mut task, work, report);
        close(&mut task)?;
        done
    })
}

/// # Safety
/// As `sarsen_task_run`.
unsafe fn run(task: *mut sarsen_task, work: *mut sarsen_work, report: *mut sarsen_report) -> Result<(), Stop> {
    // SAFETY: as the caller promised.
    let (body, bench) = unsafe { (handle::body(task)?, handle::body(work)?) };
    let lent = bench.lend()?;
    body.run(task, lent.inner)?;
    // SAFETY: as the caller promised.
    let done = unsafe { report_of(body, report) }?;
    match done.status {
        ok if ok == SARSEN_OK as i32 => Ok(()),
        cut if cut == SARSEN_STREAM_INTERRUPTED as i32 => Err(Stop::detailed(SARSEN_STREAM_INTERRUPTED, done.position)),
        unread if unread == SARSEN_UNREAD as i32 => Err(SARSEN_UNREAD.into()),
        _ => Err(SARSEN_DAMAGED.into()),
    }
}

/// Tells what a task has done.
///
/// # Safety
/// `to` is null or may be written.
#[inline(never)]
unsafe fn report_of(task: &Task, to: *mut sarsen_report) -> Result<sarsen_report, Stop> {
    let mut held = loop {
        match task.repository.hold() {
            // Another thread that has seen the end too.
            Err(_) => task.pause(),
            Ok(held) => break held,
        }
    };
    match &task.inner(&mut held).ended {
        Some(Ok(report)) => {
            // SAFETY: as the caller promised.
            unsafe { tell(to, *report) };
            Ok(*report)
        }
        Some(Err(stop)) => Err(*stop),
        None => Err(SARSEN_OUT_OF_ORDER.into()),
    }
}

/// # Safety
/// As `sarsen_task_close`.
unsafe fn close(task: *mut sarsen_task) -> Result<(), Stop> {
    // SAFETY: as the caller promised.
    let body = unsafe { handle::body(task) }?;
    let mut held = body.repository.hold()?;
    if body.performing.any() {
        return Err(SARSEN_BUSY.into());
    }
    held.users = held.users.saturating_sub(1);
    if core::mem::take(&mut held.exclusive) {
        held.store.retry();
    }
    // SAFETY: it is open, and nobody does a job of it.
    unsafe { handle::close(task) };
    Ok(())
}

/// What a task wants next. For callers with an event loop or threads of their own: call this, perform jobs wherever you like, and hand their outcomes
/// to `sarsen_task_accept` in the order in which the jobs were handed out, until `step->kind` is `SARSEN_STEP_DONE`.
///
/// `*job` is filled with a job if that is what `*step` says; until it was accepted it must be kept. Any number of jobs may be out.
/// An error but `SARSEN_PENDING` and `SARSEN_BUSY` ends the task, which is then only to be closed.
///
/// # Safety
/// Pointers are NULL or valid.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sarsen_task_next(
    task: *mut sarsen_task,
    job: *mut sarsen_job,
    step: *mut sarsen_step,
    fault: *mut sarsen_fault,
) -> sarsen_status {
    // SAFETY: as the caller promised.
    unsafe {
        let told = handle::body(task).and_then(|body| {
            if job.is_null() || step.is_null() || !job.is_aligned() {
                return Err(SARSEN_BAD_ARGUMENT.into());
            }
            let mut held = body.repository.hold()?;
            Ok(match body.turn(&mut held, task, job.cast())? {
                Turn::Job => sarsen_step::of(SARSEN_STEP_JOB),
                Turn::Wait => sarsen_step::of(SARSEN_STEP_WAIT),
                Turn::Said(step) => step,
                Turn::Ended => sarsen_step::of(SARSEN_STEP_DONE),
            })
        });
        answer(told.map(|told| tell(step, told)), fault)
    }
}

/// Takes the outcome of a job, which lies in the work it was performed with. `*step` says what happened, if anything did; it may be NULL.
///
/// `SARSEN_OUT_OF_ORDER` if an older job was not accepted yet (accept this one later), if this one was not performed, or if its outcome lies in another
/// work: nothing has changed then. `SARSEN_PENDING`, `SARSEN_BUSY`: accept it again later. Any other error ends the task.
///
/// # Safety
/// Pointers are NULL or valid; `job` was filled by `sarsen_task_next`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sarsen_task_accept(
    task: *mut sarsen_task,
    job: *mut sarsen_job,
    work: *mut sarsen_work,
    step: *mut sarsen_step,
    fault: *mut sarsen_fault,
) -> sarsen_status {
    // SAFETY: as the caller promised.
    unsafe {
        let told = handle::body(task).and_then(|body| {
            let ticket = sarsen_job::ticket(job)?;
            let lent = handle::body(work)?.lend()?;
            let lies_here = lent.inner.holds == (core::ptr::from_ref(body).cast(), ticket.number);
            if !lies_here || ticket.task != task {
                return Err(SARSEN_OUT_OF_ORDER.into());
            }
            let mut held = body.repository.hold()?;
            body.take(&mut held, ticket, lent.inner)
        });
        answer(told.map(|told| tell(step, told)), fault)
    }
}

/// Runs a task to its end on the calling thread. Any number of threads may call this for the same task at the same time, each with a work of its own: they
/// share the jobs, and each returns when the task has ended, all with the same answer. Those are all the threads there are.
///
/// Where the medium is not ready this waits (`pause` of the host). `SARSEN_DAMAGED`: done, but the report tells of damage. `report` may be NULL.
///
/// # Safety
/// Pointers are NULL or valid.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sarsen_task_run(
    task: *mut sarsen_task,
    work: *mut sarsen_work,
    report: *mut sarsen_report,
    fault: *mut sarsen_fault,
) -> sarsen_status {
    // SAFETY: as the caller promised.
    unsafe { answer(run(task, work, report), fault) }
}

/// How far a task has come, in bytes of the disk or of the medium; a total of 0 is not known. Either pointer may be NULL.
///
/// # Safety
/// Pointers are NULL or valid.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sarsen_task_progress(
    task: *mut sarsen_task,
    done: *mut u64,
    total: *mut u64,
    fault: *mut sarsen_fault,
) -> sarsen_status {
    // SAFETY: as the caller promised.
    unsafe {
        let told = handle::body(task).and_then(|body| {
            let mut held = body.repository.hold()?;
            Ok(body.inner(&mut held).progress)
        });
        let written = told.map(|progress| {
            tell(done, progress.done);
            tell(total, progress.total);
        });
        answer(written, fault)
    }
}

/// What a task that is done has done. `SARSEN_OUT_OF_ORDER` before that.
///
/// # Safety
/// Pointers are NULL or valid.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sarsen_task_report(
    task: *mut sarsen_task,
    report: *mut sarsen_report,
    fault: *mut sarsen_fault,
) -> sarsen_status {
    // SAFETY: as the caller promised.
    unsafe {
        let told = handle::body(task).and_then(|body| {
            drop(body.repository.hold()?);
            report_of(body, report).map(|_| ())
        });
        answer(told, fault)
    }
}

/// Ends a task, done or not, and gives its memory back. A verb that is not done is cancelled by this: what it committed (a backup's checkpoints) stays.
/// `SARSEN_BUSY`, and it stays open, while a thread performs a job of it; jobs that are out must not be used any more.
///
/// # Safety
/// `task` is NULL or a handle.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sarsen_task_close(task: *mut sarsen_task) -> sarsen_status {
    // SAFETY: as the caller promised.
    unsafe { answer(close(task), core::ptr::null_mut()) }
}
