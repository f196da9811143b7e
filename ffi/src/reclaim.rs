//! gc and compact: give space back.

use crate::host::sarsen_watch;
use crate::memory::{Limits, Room, larger, room_for, room_for_bytes};
use crate::repository::{Held, sarsen_repository};
use crate::status::{Stop, answer, sarsen_fault, sarsen_status};
use crate::task::{Beginning, Begun, Told, run_blocking, sarsen_report, sarsen_task};
use crate::work::sarsen_work;
use core::ffi::c_void;
use sarsen_core::host::Fixed;
use sarsen_core::ops::compact::Compact;
use sarsen_core::ops::gc::{Gc, Live, Report};

impl Told for Report {
    fn told(&self) -> sarsen_report {
        sarsen_report {
            segments: self.segments,
            segments_removed: self.removed,
            true_bytes: self.bytes,
            live_bytes: self.live_bytes,
            freed_bytes: self.freed_bytes,
            folded: self.folded,
            status: sarsen_report::status_of(self.kept_for_damage),
            ..sarsen_report::NONE
        }
    }
}

/// Bytes of a task that reclaims space.
pub const fn needed(limits: &Limits) -> usize {
    let state = larger(room_for::<Gc<'static>>(1), room_for::<Compact<'static>>(1));
    let lives = room_for::<Fixed<'static, Live>>(1) + room_for::<Live>(limits.segments);
    crate::task::needed(state + lives + room_for_bytes(limits.tree()))
}

type Build = fn(&mut Held<'_>, &mut Room, &Limits) -> Result<Begun, Stop>;

fn lives(room: &mut Room, limits: &Limits) -> Result<&'static mut Fixed<'static, Live>, Stop> {
    let slots = room.items(limits.segments, Live::FREE)?;
    Ok(room.put(Fixed(slots))?)
}

fn gc(held: &mut Held<'_>, room: &mut Room, limits: &Limits) -> Result<Begun, Stop> {
    let (lives, pages) = (lives(room, limits)?, room.bytes(limits.tree())?);
    Ok(Begun::of(room.make(|| Gc::new(held.walked(), lives, pages))?, None))
}

fn compact(held: &mut Held<'_>, room: &mut Room, limits: &Limits) -> Result<Begun, Stop> {
    let (lives, pages) = (lives(room, limits)?, room.bytes(limits.tree())?);
    Ok(Begun::of(room.make(|| Compact::new(held.walked(), lives, pages))?, None))
}

/// # Safety
/// As `sarsen_gc_begin`.
unsafe fn begin(
    task: *mut sarsen_task,
    repository: *mut sarsen_repository,
    build: Build,
    watch: *const sarsen_watch,
    (memory, memory_bytes): (*mut c_void, usize),
) -> Result<(), Stop> {
    // SAFETY: as the caller promised.
    let watch = unsafe { sarsen_watch::of(watch) };
    let beginning = Beginning { task, repository, memory, memory_bytes, watch, exclusive: true, hints: 0 };
    // SAFETY: passed on to the caller.
    unsafe { beginning.run(needed, &build) }
}

/// Begins a collection as a task: removes segments in which nothing is needed any more.
///
/// `SARSEN_DAMAGED` at the end if nothing was removed because a page of a manifest cannot be read. It needs the repository for itself, as
/// `sarsen_check_begin`. `watch` may be NULL. `memory`: as in `sarsen_backup_begin`.
///
/// # Safety
/// As `sarsen_check_begin`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sarsen_gc_begin(
    task: *mut sarsen_task,
    repository: *mut sarsen_repository,
    watch: *const sarsen_watch,
    memory: *mut c_void,
    memory_bytes: usize,
    fault: *mut sarsen_fault,
) -> sarsen_status {
    // SAFETY: as the caller promised.
    unsafe { answer(begin(task, repository, gc, watch, (memory, memory_bytes)), fault) }
}

/// Begins a compaction as a task: moves what is needed out of segments that hold little of it, and removes those. Otherwise as `sarsen_gc_begin`.
///
/// # Safety
/// As `sarsen_check_begin`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sarsen_compact_begin(
    task: *mut sarsen_task,
    repository: *mut sarsen_repository,
    watch: *const sarsen_watch,
    memory: *mut c_void,
    memory_bytes: usize,
    fault: *mut sarsen_fault,
) -> sarsen_status {
    // SAFETY: as the caller promised.
    unsafe { answer(begin(task, repository, compact, watch, (memory, memory_bytes)), fault) }
}

/// Collects, on the calling thread. The task takes its memory from `work` (`SARSEN_NEED_WORK_AND_TASK`). `watch` and `report` may be NULL.
///
/// # Safety
/// As `sarsen_gc_begin` and `sarsen_task_run`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sarsen_gc(
    repository: *mut sarsen_repository,
    watch: *const sarsen_watch,
    work: *mut sarsen_work,
    report: *mut sarsen_report,
    fault: *mut sarsen_fault,
) -> sarsen_status {
    // SAFETY: as the caller promised.
    unsafe {
        run_blocking(repository, work, report, fault, &mut |task, memory, bytes| {
            begin(task, repository, gc, watch, (memory, bytes))
        })
    }
}

/// Compacts, on the calling thread. The task takes its memory from `work` (`SARSEN_NEED_WORK_AND_TASK`). `watch` and `report` may be NULL.
///
/// # Safety
/// As `sarsen_gc_begin` and `sarsen_task_run`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sarsen_compact(
    repository: *mut sarsen_repository,
    watch: *const sarsen_watch,
    work: *mut sarsen_work,
    report: *mut sarsen_report,
    fault: *mut sarsen_fault,
) -> sarsen_status {
    // SAFETY: as the caller promised.
    unsafe {
        run_blocking(repository, work, report, fault, &mut |task, memory, bytes| {
            begin(task, repository, compact, watch, (memory, bytes))
        })
    }
}
