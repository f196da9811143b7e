//! import: a stream of differences becomes a version.

use crate::handle;
use crate::host::sarsen_watch;
use crate::memory::{Limits, Room, room_for, room_for_bytes};
use crate::repository::{Held, sarsen_repository};
use crate::status::{Stop, answer, sarsen_fault, sarsen_status, sarsen_status::*};
use crate::stream::sarsen_source;
use crate::task::{Beginning, Begun, Told, drive, sarsen_report, sarsen_task};
use crate::text::optional;
use crate::version::Meant;
use crate::work::sarsen_work;
use core::ffi::{c_char, c_void};
use sarsen_core::draft::{Frames, Held as Frame};
use sarsen_core::error::{Error, Trouble};
use sarsen_core::frame::Work;
use sarsen_core::ops::import::{Import, Imported, Memory, Options, Step, TEXTS_BYTES, record_bytes};
use sarsen_core::store::Store;
use sarsen_core::task::{self as engine, Event, Job, Next, Outcome};
use sarsen_core::types::narrow;

/// How to import. All zeros, or NULL, is a right one for a stream of `sarsen_export`, which names its base itself.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct sarsen_import_options {
    /// The version it is laid on, as in `sarsen_version_describe`. NULL: as the stream says; streams of rbd that tell differences must be told.
    pub base: *const c_char,
    /// What the disk is called. NULL: as the stream says, or as the base is called.
    pub name: *const c_char,
    /// What the snapshot is called. NULL: as the stream says.
    pub snapshot: *const c_char,
    /// Bytes of the stream; 0 if that is not known.
    pub len_bytes: u64,
    /// Who is told how it comes along.
    pub watch: sarsen_watch,
}

/// Read of the stream at once.
const INPUT_BYTES: usize = 512;

/// Bytes an import needs.
pub const fn needed(limits: &Limits) -> usize {
    let texts = room_for_bytes(INPUT_BYTES) + room_for_bytes(TEXTS_BYTES);
    let frames = room_for::<Frame>(limits.frames) + room_for_bytes(limits.frames * narrow(limits.frame_bytes() as u64));
    let verb = texts + room_for_bytes(record_bytes(limits.frame_bytes())) + room_for_bytes(limits.manifest()) + frames;
    crate::task::needed(room_for::<Fed>(1) + verb)
}

impl Told for Imported {
    fn told(&self) -> sarsen_report {
        match self {
            Imported::Version(report) => sarsen_report {
                version: report.version.0,
                disk_bytes: report.disk_size,
                read_bytes: report.statistics.read_bytes,
                data_bytes: report.statistics.data_bytes,
                new_blocks: report.statistics.new_blocks,
                new_bytes: report.statistics.new_bytes,
                ..sarsen_report::NONE
            },
            Imported::Interrupted { position, .. } => {
                sarsen_report { position: *position, status: SARSEN_STREAM_INTERRUPTED as i32, ..sarsen_report::NONE }
            }
        }
    }
}

/// An import, and where its stream comes from.
struct Fed {
    import: Import<'static>,
    source: sarsen_source,
    phase: Phase,
}

#[derive(Clone, Copy)]
enum Phase {
    /// What was read is to be laid.
    Lay,
    /// It is being laid.
    Out,
    /// More is to be read first.
    Read,
    Done(Imported),
}

impl Fed {
    fn read(&mut self) -> Result<(), Error> {
        match self.source.read(self.import.room()) {
            Ok(None) => return Err(Error::Medium { segment: None, offset: 0, trouble: Trouble::Pending }),
            Ok(Some(len)) => self.import.feed(len),
            Err(kind) => self.import.fail(kind),
        }
        Ok(())
    }
}

impl engine::Task for Fed {
    type Report = Imported;

    fn next(&mut self, _: &mut Store<'_>) -> Result<Next<Imported>, Error> {
        match self.phase {
            Phase::Out => return Ok(Next::Wait),
            Phase::Done(imported) => return Ok(Next::Done(imported)),
            Phase::Read => self.read()?,
            Phase::Lay => {}
        }
        self.phase = Phase::Out;
        Ok(Next::Job(Job::lay()))
    }

    fn accept(
        &mut self,
        store: &mut Store<'_>,
        _: &Job,
        outcome: Result<Outcome, Error>,
        work: &mut Work<'_>,
    ) -> Result<Option<Event>, Error> {
        outcome?;
        self.phase = match self.import.step(store, work)? {
            Step::Again => Phase::Lay,
            Step::Feed => Phase::Read,
            Step::Done(imported) => Phase::Done(imported),
        };
        Ok(None)
    }
}

fn cut(room: &mut Room, limits: &Limits) -> Result<Memory<'static>, Stop> {
    let frame_bytes = narrow(limits.frame_bytes().into());
    Ok(Memory {
        texts: room.bytes(TEXTS_BYTES)?,
        record: room.bytes(record_bytes(limits.frame_bytes()))?,
        pages: room.bytes(limits.manifest())?,
        frames: Frames {
            held: room.items(limits.frames, Frame::FREE)?,
            bytes: room.bytes(limits.frames.saturating_mul(frame_bytes))?,
        },
        // What is left: more is faster.
        input: {
            let left = room.left() & !7;
            room.bytes(left)?
        },
    })
}

struct Texts {
    base: Option<&'static str>,
    name: Option<&'static str>,
    snapshot: Option<&'static str>,
    len_bytes: u64,
}

/// # Safety
/// As [`sarsen_import_options`] says.
unsafe fn asked(options: Option<&sarsen_import_options>) -> Result<(Texts, sarsen_watch), Stop> {
    let Some(options) = options else {
        return Ok((Texts { base: None, name: None, snapshot: None, len_bytes: 0 }, sarsen_watch::NOBODY));
    };
    // SAFETY: as the caller promised.
    let (base, name, snapshot) = unsafe { (optional(options.base)?, optional(options.name)?, optional(options.snapshot)?) };
    Ok((Texts { base, name, snapshot, len_bytes: options.len_bytes }, options.watch))
}

fn build(held: &mut Held<'_>, room: &mut Room, limits: &Limits, texts: &Texts, source: sarsen_source) -> Result<Begun, Stop> {
    let base = match texts.base {
        Some(base) => Some(Meant::version(base, held.walked())?.entry.link),
        None => None,
    };
    let len_bytes = Some(texts.len_bytes).filter(|&len| len > 0);
    let options = Options { format: None, base, name: texts.name, snapshot: texts.snapshot, len_bytes };
    let at = room.reserve::<Fed>()?;
    let import = Import::new(held.loaded()?, &options, cut(room, limits)?)?;
    // SAFETY: reserved just now; stays as what is cut does, until the task is closed.
    let state: &'static mut Fed = unsafe {
        at.write(Fed { import, source, phase: Phase::Lay });
        &mut *at
    };
    Ok(Begun::of(state, None))
}

/// # Safety
/// As `sarsen_import_begin`.
unsafe fn begin(
    task: *mut sarsen_task,
    repository: *mut sarsen_repository,
    source: *const sarsen_source,
    options: *const sarsen_import_options,
    (memory, memory_bytes): (*mut c_void, usize),
) -> Result<(), Stop> {
    // SAFETY: as the caller promised.
    let (source, (texts, watch)) = unsafe { (source.as_ref(), asked(options.as_ref())?) };
    let source = *source.ok_or(Stop::from(SARSEN_BAD_ARGUMENT))?;
    let beginning = Beginning { task, repository, memory, memory_bytes, watch, exclusive: false, hints: 0 };
    // SAFETY: passed on to the caller.
    unsafe { beginning.run(needed, &|held, room, limits| build(held, room, limits, &texts, source)) }
}

/// Begins an import as a task: reads a stream to its end and makes a version of it, one of `sarsen_export`, or of Ceph's `rbd export-diff`.
///
/// The source is asked by `sarsen_task_next`, which answers `SARSEN_PENDING` when that has nothing yet: for an event loop, call it again once there is
/// more. Its jobs are nothing by themselves; what was read is laid by `sarsen_task_accept`, a record at a time. Where the medium is not ready, that waits.
///
/// A stream of ours gives the very disk it tells of, or `SARSEN_STREAM_OUTCOME` and nothing. One that ends too soon, or cannot be read any further, leaves
/// what its whole records told as a draft: the task is done, its report's status is `SARSEN_STREAM_INTERRUPTED`, and a stream that starts at its
/// `position`, or before, goes on from there.
/// `*source` and `*options` are copied; what they point to must stay valid until `sarsen_task_close`. `memory`: `SARSEN_NEED_IMPORT` bytes, the library's
/// until then; more makes it faster. NULL: as in `sarsen_backup_begin`. `options` may be NULL.
///
/// # Safety
/// Pointers are NULL or valid, texts end with a zero byte, callbacks may be called with their contexts, and `memory` is used by nobody else.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sarsen_import_begin(
    task: *mut sarsen_task,
    repository: *mut sarsen_repository,
    source: *const sarsen_source,
    options: *const sarsen_import_options,
    memory: *mut c_void,
    memory_bytes: usize,
    fault: *mut sarsen_fault,
) -> sarsen_status {
    // SAFETY: as the caller promised.
    unsafe { answer(begin(task, repository, source, options, (memory, memory_bytes)), fault) }
}

/// Imports, on the calling thread, and waits for the source where that has nothing yet (`pause` of the host).
///
/// `SARSEN_STREAM_INTERRUPTED`: a stream that starts at the fault's `detail`, or before, goes on from there. `memory`: `SARSEN_NEED_IMPORT` bytes, used
/// only during the call; more makes it faster. NULL: as in `sarsen_backup_begin`. `options` and `report` may be NULL.
///
/// # Safety
/// As `sarsen_import_begin` and `sarsen_task_run`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sarsen_import(
    repository: *mut sarsen_repository,
    source: *const sarsen_source,
    options: *const sarsen_import_options,
    memory: *mut c_void,
    memory_bytes: usize,
    work: *mut sarsen_work,
    report: *mut sarsen_report,
    fault: *mut sarsen_fault,
) -> sarsen_status {
    // SAFETY: as the caller promised.
    unsafe {
        let done = handle::body(work).and_then(|_| {
            drive(repository, work, report, &mut |task| begin(task, repository, source, options, (memory, memory_bytes)))
        });
        answer(done, fault)
    }
}
