//! restore: a version becomes a disk again.

use crate::disk::sarsen_disk;
use crate::host::sarsen_watch;
use crate::memory::{Limits, Room, room_for, room_for_bytes};
use crate::repository::{Held, sarsen_repository};
use crate::status::{Stop, answer, sarsen_fault, sarsen_status, sarsen_status::*};
use crate::task::{Beginning, Begun, Told, run_blocking, sarsen_report, sarsen_task};
use crate::text::text;
use crate::version::Meant;
use crate::work::sarsen_work;
use core::ffi::{c_char, c_void};
use sarsen_core::ops::restore::{Options, Report, Restore};

/// How to restore. All zeros, or NULL, is a right one: everything is written.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct sarsen_restore_options {
    /// 1 if the target reads as zeros: they need not be written.
    pub target_is_zero: u32,
    /// 0.
    pub reserved: u32,
    /// Who is told how it comes along.
    pub watch: sarsen_watch,
}

impl Told for Report {
    fn told(&self) -> sarsen_report {
        sarsen_report {
            disk_bytes: self.disk_size,
            data_bytes: self.data_bytes,
            lost_bytes: self.lost_bytes,
            status: sarsen_report::status_of(self.lost_bytes > 0),
            ..sarsen_report::NONE
        }
    }
}

/// Bytes of a task that restores.
pub const fn needed(limits: &Limits) -> usize {
    let whole = room_for::<sarsen_disk>(1) + room_for::<Restore<'static>>(1) + room_for_bytes(limits.manifest());
    crate::task::needed(whole)
}

fn build(
    held: &mut Held<'_>,
    room: &mut Room,
    limits: &Limits,
    version: &str,
    target: sarsen_disk,
    options: &sarsen_restore_options,
) -> Result<Begun, Stop> {
    match &Meant::version(version, held.walked()) {
        Ok(meant) => place(meant, held, room, limits, target, options),
        Err(stop) => Err(*stop),
    }
}

#[inline(never)]
fn place(
    meant: &Meant,
    held: &mut Held<'_>,
    room: &mut Room,
    limits: &Limits,
    target: sarsen_disk,
    options: &sarsen_restore_options,
) -> Result<Begun, Stop> {
    let target = room.put(target.target(meant.disk_size)?)?;
    let pages = room.bytes(limits.manifest())?;
    held.loaded()?;
    let options = Options { target_is_zero: options.target_is_zero != 0 };
    let store = &held.store;
    let state = room.make(|| Ok(Restore::new(store, meant.open(store, pages)?, target, options)))?;
    Ok(Begun::of(state, None))
}

const ALL_ZEROS: sarsen_restore_options = sarsen_restore_options { target_is_zero: 0, reserved: 0, watch: sarsen_watch::NOBODY };

/// # Safety
/// As `sarsen_restore_begin`.
unsafe fn begin(
    task: *mut sarsen_task,
    repository: *mut sarsen_repository,
    version: *const c_char,
    target: *const sarsen_disk,
    options: *const sarsen_restore_options,
    (memory, memory_bytes): (*mut c_void, usize),
) -> Result<(), Stop> {
    // SAFETY: as the caller promised.
    let (version, target, options) = unsafe { (text(version)?, target.as_ref(), options.as_ref().unwrap_or(&ALL_ZEROS)) };
    let target = target.ok_or(Stop::from(SARSEN_BAD_ARGUMENT))?;
    let beginning = Beginning { task, repository, memory, memory_bytes, watch: options.watch, exclusive: false, hints: 0 };
    // SAFETY: passed on to the caller.
    unsafe { beginning.run(needed, &|held, room, limits| build(held, room, limits, version, *target, options)) }
}

/// Begins a restore as a task: `version`, as in `sarsen_version_describe`, onto a disk that is at least as large (`SARSEN_TARGET_TOO_SMALL`).
///
/// Ranges that cannot be read become zeros and are told (`SARSEN_STEP_LOST`, and `SARSEN_DAMAGED` at the end); the rest is restored. `*target` is copied;
/// its context must stay valid until `sarsen_task_close`. `options` may be NULL. `memory`: as in `sarsen_backup_begin`.
///
/// # Safety
/// Pointers are NULL or valid, `version` ends with a zero byte, callbacks may be called with their contexts, and `memory` is used by nobody else.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sarsen_restore_begin(
    task: *mut sarsen_task,
    repository: *mut sarsen_repository,
    version: *const c_char,
    target: *const sarsen_disk,
    options: *const sarsen_restore_options,
    memory: *mut c_void,
    memory_bytes: usize,
    fault: *mut sarsen_fault,
) -> sarsen_status {
    // SAFETY: as the caller promised.
    unsafe { answer(begin(task, repository, version, target, options, (memory, memory_bytes)), fault) }
}

/// Restores a version, on the calling thread. The task takes its memory from `work` (`SARSEN_NEED_WORK_AND_TASK`). `options` and `report` may be NULL.
///
/// # Safety
/// As `sarsen_restore_begin` and `sarsen_task_run`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sarsen_restore(
    repository: *mut sarsen_repository,
    version: *const c_char,
    target: *const sarsen_disk,
    options: *const sarsen_restore_options,
    work: *mut sarsen_work,
    report: *mut sarsen_report,
    fault: *mut sarsen_fault,
) -> sarsen_status {
    // SAFETY: as the caller promised.
    unsafe {
        run_blocking(repository, work, report, fault, &mut |task, memory, bytes| {
            begin(task, repository, version, target, options, (memory, bytes))
        })
    }
}
