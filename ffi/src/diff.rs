//! diff: tells in which sectors a version differs from another, from nothing, or from a disk.

use crate::disk::sarsen_disk;
use crate::host::sarsen_watch;
use crate::memory::{Limits, Room, room_for, room_for_bytes};
use crate::repository::{Held, sarsen_repository};
use crate::status::{Stop, answer, sarsen_fault, sarsen_status, sarsen_status::*};
use crate::task::{Beginning, Begun, Told, run_blocking, sarsen_report, sarsen_task};
use crate::text::{optional, text};
use crate::version::Meant;
use crate::work::sarsen_work;
use core::ffi::{c_char, c_void};
use sarsen_core::error::Error;
use sarsen_core::ops::diff::{Differences, From, Onto, Options, Report};
use sarsen_core::store::Store;

impl Told for Report {
    fn told(&self) -> sarsen_report {
        sarsen_report {
            disk_bytes: self.disk_size,
            data_bytes: self.data_bytes,
            zero_bytes: self.zero_bytes,
            lost_bytes: self.lost_bytes,
            status: sarsen_report::status_of(self.lost_bytes > 0),
            ..sarsen_report::NONE
        }
    }
}

/// Bytes of a task that compares.
pub const fn needed(limits: &Limits) -> usize {
    let sink = room_for::<sarsen_disk>(1) + room_for::<Onto<'static>>(1);
    crate::task::needed(sink + room_for::<Differences<'static>>(1) + room_for_bytes(limits.manifest()) * 2)
}

/// Two versions to be compared.
pub struct Sides {
    pub old: Option<Meant>,
    pub new: Meant,
}

impl Sides {
    /// None found yet.
    pub(crate) const NONE: Sides = Sides { old: None, new: Meant::NONE };

    /// Finds them, and loads the index. That goes deep, so it is done before anything large lies on the stack.
    pub fn find(&mut self, (old, new): (Option<&str>, &str), held: &mut Held<'_>) -> Result<(), Stop> {
        if let Some(old) = old {
            self.old.insert(Meant::NONE).become_version(old, held)?;
        }
        self.new.become_version(new, held)?;
        held.loaded()?;
        Ok(())
    }

    /// What is older: a version, or nothing.
    pub fn from(&self, store: &Store<'_>, room: &mut Room, limits: &Limits) -> Result<From<'static>, Error> {
        let Some(old) = &self.old else { return Ok(From::Nothing) };
        old.open(store, room.bytes(limits.manifest())?).map(From::Version)
    }
}

/// A disk that is read, and written where it differs.
fn build_onto(held: &mut Held<'_>, room: &mut Room, limits: &Limits, version: &str, target: sarsen_disk) -> Result<Begun, Stop> {
    let meant = Meant::version(version, held.walked())?;
    let target: &'static sarsen_disk = room.put(target.source()?.target(meant.disk_size)?)?;
    let version = meant.open(held.loaded()?, room.bytes(limits.manifest())?)?;
    let sink = room.put(Onto(target))?;
    let options = Options { lossy: true, ..Options::default() };
    let task = room.make(|| Differences::new(&held.store, From::Disk, version, sink, options))?;
    Ok(Begun::of(task, Some(target)))
}

fn build(
    held: &mut Held<'_>,
    room: &mut Room,
    limits: &Limits,
    of: (Option<&str>, &str),
    sink: sarsen_disk,
) -> Result<Begun, Stop> {
    let mut sides = Sides::NONE;
    sides.find(of, held)?;
    place(&sides, held, room, limits, sink)
}

#[inline(never)]
fn place(sides: &Sides, held: &mut Held<'_>, room: &mut Room, limits: &Limits, sink: sarsen_disk) -> Result<Begun, Stop> {
    let from = sides.from(&held.store, room, limits)?;
    let target = room.put(sink.target(sides.new.disk_size)?)?;
    let version = sides.new.open(&held.store, room.bytes(limits.manifest())?)?;
    let sink = room.put(Onto(target))?;
    let task = room.make(|| Differences::new(&held.store, from, version, sink, Options::default()))?;
    Ok(Begun::of(task, None))
}

/// # Safety
/// As `sarsen_diff_begin`.
unsafe fn begin(
    task: *mut sarsen_task,
    repository: *mut sarsen_repository,
    (old, new): (*const c_char, *const c_char),
    sink: *const sarsen_disk,
    watch: *const sarsen_watch,
    (memory, memory_bytes): (*mut c_void, usize),
) -> Result<(), Stop> {
    // SAFETY: as the caller promised.
    let (of, sink, watch) = unsafe { ((optional(old)?, text(new)?), sink.as_ref(), sarsen_watch::of(watch)) };
    let sink = sink.ok_or(Stop::from(SARSEN_BAD_ARGUMENT))?;
    let beginning = Beginning { task, repository, memory, memory_bytes, watch, exclusive: false, hints: 0 };
    // SAFETY: passed on to the caller.
    unsafe { beginning.run(needed, &|held, room, limits| build(held, room, limits, of, *sink)) }
}

/// Begins a comparison as a task: what of version `new` differs from version `old` is written to `sink`, in the order of the disk, in sectors of 512 bytes;
/// `old` NULL: from zeros. So a target that holds `old` becomes `new`, or callbacks of your own are told what changed. Only `write`, `zero` and `flush`
/// of the sink are used, and its size must be `new`'s or more. Both versions are named as in `sarsen_version_describe`.
///
/// What cannot be read is an error here, since it could not be told from what did not change. `*sink` is copied; `watch` may be NULL.
/// `memory`: as in `sarsen_backup_begin`.
///
/// # Safety
/// Pointers are NULL or valid, texts end with a zero byte, callbacks may be called with their contexts, and `memory` is used by nobody else.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sarsen_diff_begin(
    task: *mut sarsen_task,
    repository: *mut sarsen_repository,
    old: *const c_char,
    new: *const c_char,
    sink: *const sarsen_disk,
    watch: *const sarsen_watch,
    memory: *mut c_void,
    memory_bytes: usize,
    fault: *mut sarsen_fault,
) -> sarsen_status {
    // SAFETY: as the caller promised.
    unsafe { answer(begin(task, repository, (old, new), sink, watch, (memory, memory_bytes)), fault) }
}

/// Compares two versions, on the calling thread. The task takes its memory from `work` (`SARSEN_NEED_WORK_AND_TASK`). `watch` and `report` may be NULL.
///
/// # Safety
/// As `sarsen_diff_begin` and `sarsen_task_run`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sarsen_diff(
    repository: *mut sarsen_repository,
    old: *const c_char,
    new: *const c_char,
    sink: *const sarsen_disk,
    watch: *const sarsen_watch,
    work: *mut sarsen_work,
    report: *mut sarsen_report,
    fault: *mut sarsen_fault,
) -> sarsen_status {
    // SAFETY: as the caller promised.
    unsafe {
        run_blocking(repository, work, report, fault, &mut |task, memory, bytes| {
            begin(task, repository, (old, new), sink, watch, (memory, bytes))
        })
    }
}

/// # Safety
/// As `sarsen_restore_onto_begin`.
unsafe fn begin_onto(
    task: *mut sarsen_task,
    repository: *mut sarsen_repository,
    version: *const c_char,
    target: *const sarsen_disk,
    watch: *const sarsen_watch,
    (memory, memory_bytes): (*mut c_void, usize),
) -> Result<(), Stop> {
    // SAFETY: as the caller promised.
    let (version, target, watch) = unsafe { (text(version)?, target.as_ref(), sarsen_watch::of(watch)) };
    let target = target.ok_or(Stop::from(SARSEN_BAD_ARGUMENT))?;
    let beginning = Beginning { task, repository, memory, memory_bytes, watch, exclusive: false, hints: 0 };
    // SAFETY: passed on to the caller.
    unsafe { beginning.run(needed, &|held, room, limits| build_onto(held, room, limits, version, *target)) }
}

/// Begins bringing a disk up to date as a task: reads `target`, and writes only where it differs from `version`. Where it is known what the target
/// holds, `sarsen_diff` spares the reading too. Otherwise as `sarsen_restore_begin`.
///
/// # Safety
/// As `sarsen_restore_begin`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sarsen_restore_onto_begin(
    task: *mut sarsen_task,
    repository: *mut sarsen_repository,
    version: *const c_char,
    target: *const sarsen_disk,
    watch: *const sarsen_watch,
    memory: *mut c_void,
    memory_bytes: usize,
    fault: *mut sarsen_fault,
) -> sarsen_status {
    // SAFETY: as the caller promised.
    unsafe { answer(begin_onto(task, repository, version, target, watch, (memory, memory_bytes)), fault) }
}

/// Brings a disk up to date, on the calling thread. The task takes its memory from `work` (`SARSEN_NEED_WORK_AND_TASK`). `watch` and `report` may be NULL.
///
/// # Safety
/// As `sarsen_restore_onto_begin` and `sarsen_task_run`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sarsen_restore_onto(
    repository: *mut sarsen_repository,
    version: *const c_char,
    target: *const sarsen_disk,
    watch: *const sarsen_watch,
    work: *mut sarsen_work,
    report: *mut sarsen_report,
    fault: *mut sarsen_fault,
) -> sarsen_status {
    // SAFETY: as the caller promised.
    unsafe {
        run_blocking(repository, work, report, fault, &mut |task, memory, bytes| {
            begin_onto(task, repository, version, target, watch, (memory, bytes))
        })
    }
}
