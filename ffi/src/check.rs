//! check and scrub: what is damaged, and which versions that hits.

use crate::host::sarsen_watch;
use crate::memory::{Limits, Room, room_for, room_for_bytes};
use crate::repository::{Held, sarsen_repository};
use crate::status::sarsen_status::SARSEN_UNREAD;
use crate::status::{Stop, answer, sarsen_fault, sarsen_status};
use crate::task::{Beginning, Begun, Told, run_blocking, sarsen_report, sarsen_task};
use crate::text::optional;
use crate::version::Meant;
use crate::work::sarsen_work;
use core::ffi::{c_char, c_void};
use sarsen_core::catalogue::Wanted;
use sarsen_core::ops::check::{Check, Depth, Report};

impl Told for Report {
    fn told(&self) -> sarsen_report {
        sarsen_report {
            segments: self.segments,
            entries: self.entries,
            true_bytes: self.bytes,
            versions: self.versions,
            versions_hit: self.hit,
            findings: self.findings,
            unread: self.unread,
            versions_unread: self.unproved,
            status: match self.unread > 0 || self.unproved > 0 {
                true if !self.damaged() => SARSEN_UNREAD as i32,
                _ => sarsen_report::status_of(self.damaged()),
            },
            ..sarsen_report::NONE
        }
    }
}

/// Bytes of a task that checks or scrubs.
pub const fn needed(limits: &Limits) -> usize {
    crate::task::needed(room_for::<Check<'static>>(1) + room_for_bytes(limits.tree()))
}

/// What is looked at.
#[derive(Clone, Copy)]
enum Look<'a> {
    Structure,
    Bytes,
    BytesOf(&'a str),
}

fn build(held: &mut Held<'_>, room: &mut Room, limits: &Limits, look: Look<'_>) -> Result<Begun, Stop> {
    let pages = room.bytes(limits.tree())?;
    // Begins with an index of its own making, as it is the only one.
    let store = held.walked();
    let entry = match look {
        Look::BytesOf(version) => Some(Meant::find(Wanted::parse(version), store, &mut |_, _| {})?.entry),
        _ => None,
    };
    let depth = if matches!(look, Look::Structure) { Depth::Check } else { Depth::Scrub };
    let state = room.make(|| {
        let check = match entry {
            Some(entry) => Check::of_version(store, entry, pages),
            None => Check::new(store, depth, pages),
        };
        Ok(if cfg!(feature = "write") { check.noting() } else { check })
    })?;
    Ok(Begun::of(state, None))
}

/// # Safety
/// As `sarsen_scrub_begin`.
unsafe fn begin(
    task: *mut sarsen_task,
    repository: *mut sarsen_repository,
    look: Look<'_>,
    watch: *const sarsen_watch,
    (memory, memory_bytes): (*mut c_void, usize),
) -> Result<(), Stop> {
    // SAFETY: as the caller promised.
    let watch = unsafe { sarsen_watch::of(watch) };
    let beginning = Beginning { task, repository, memory, memory_bytes, watch, exclusive: true, hints: 0 };
    // SAFETY: passed on to the caller.
    unsafe { beginning.run(needed, &|held, room, limits| build(held, room, limits, look)) }
}

/// # Safety
/// As [`optional`].
unsafe fn bytes_of<'a>(version: *const c_char) -> Result<Look<'a>, Stop> {
    // SAFETY: as the caller promised.
    Ok(unsafe { optional(version) }?.map_or(Look::Bytes, Look::BytesOf))
}

/// Begins a check as a task: reads structure, that is headers, footers, tables, and whether all that versions need is there. Changes nothing.
///
/// `SARSEN_DAMAGED` at the end if anything is wrong; each finding is told as a step. What the medium fails to read is passed over, and told: if that is all,
/// `SARSEN_UNREAD`. Where reading fails more than 64 times in a row, it ends with `SARSEN_FAILED`. It needs the repository for itself: `SARSEN_BUSY` while tasks or drafts
/// are open on it, and until it is closed, calls on the repository and its versions answer that too (open it once more to read meanwhile).
/// `watch` may be NULL. `memory`: as in `sarsen_backup_begin`.
///
/// # Safety
/// Pointers are NULL or valid, callbacks may be called with their contexts, and `memory` is used by nobody else.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sarsen_check_begin(
    task: *mut sarsen_task,
    repository: *mut sarsen_repository,
    watch: *const sarsen_watch,
    memory: *mut c_void,
    memory_bytes: usize,
    fault: *mut sarsen_fault,
) -> sarsen_status {
    // SAFETY: as the caller promised.
    unsafe { answer(begin(task, repository, Look::Structure, watch, (memory, memory_bytes)), fault) }
}

/// Begins a scrub as a task: as a check, and reads every byte; with a `version`, every byte that it needs. Where the repository can be written, damage
/// is marked there, so that the next backup stores anew what is lost, and marks of what reads well again are taken away.
///
/// Otherwise as `sarsen_check_begin`. `version` may be NULL.
///
/// # Safety
/// As `sarsen_check_begin`; `version` is NULL or ends with a zero byte.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sarsen_scrub_begin(
    task: *mut sarsen_task,
    repository: *mut sarsen_repository,
    version: *const c_char,
    watch: *const sarsen_watch,
    memory: *mut c_void,
    memory_bytes: usize,
    fault: *mut sarsen_fault,
) -> sarsen_status {
    // SAFETY: as the caller promised.
    unsafe {
        let begun = bytes_of(version).and_then(|look| begin(task, repository, look, watch, (memory, memory_bytes)));
        answer(begun, fault)
    }
}

/// Checks, on the calling thread. The task takes its memory from `work` (`SARSEN_NEED_WORK_AND_TASK`). `watch` and `report` may be NULL.
///
/// # Safety
/// As `sarsen_check_begin` and `sarsen_task_run`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sarsen_check(
    repository: *mut sarsen_repository,
    watch: *const sarsen_watch,
    work: *mut sarsen_work,
    report: *mut sarsen_report,
    fault: *mut sarsen_fault,
) -> sarsen_status {
    // SAFETY: as the caller promised.
    unsafe {
        run_blocking(repository, work, report, fault, &mut |task, memory, bytes| {
            begin(task, repository, Look::Structure, watch, (memory, bytes))
        })
    }
}

/// Scrubs, on the calling thread. The task takes its memory from `work` (`SARSEN_NEED_WORK_AND_TASK`). `version`, `watch` and `report` may be NULL.
///
/// # Safety
/// As `sarsen_scrub_begin` and `sarsen_task_run`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sarsen_scrub(
    repository: *mut sarsen_repository,
    version: *const c_char,
    watch: *const sarsen_watch,
    work: *mut sarsen_work,
    report: *mut sarsen_report,
    fault: *mut sarsen_fault,
) -> sarsen_status {
    // SAFETY: as the caller promised.
    unsafe {
        match bytes_of(version) {
            Ok(look) => run_blocking(repository, work, report, fault, &mut |task, memory, bytes| {
                begin(task, repository, look, watch, (memory, bytes))
            }),
            stop => answer(stop.map(|_| ()), fault),
        }
    }
}
