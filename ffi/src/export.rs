//! export: what differs between versions as a delta stream (docs/FORMAT.md, section 16).

use crate::codecs::{Codecs, Kept};
use crate::diff::Sides;
use crate::host::sarsen_watch;
use crate::memory::{Limits, Room, room_for, room_for_bytes};
use crate::repository::{Held, sarsen_repository};
use crate::status::{Stop, answer, sarsen_fault, sarsen_status, sarsen_status::*};
use crate::stream::sarsen_drain;
use crate::task::{Beginning, Begun, run_blocking, sarsen_report, sarsen_task};
use crate::text::{optional, text};
use crate::version::Meant;
use crate::work::sarsen_work;
use core::ffi::{c_char, c_void};
use sarsen_core::catalogue::with_record;
use sarsen_core::ops::diff::{Differences, Options};
use sarsen_core::ops::export::{End, Own, header, own_bytes};
use sarsen_core::types::Id;

/// Bytes of a task that exports.
pub const fn needed(limits: &Limits) -> usize {
    let sink = room_for::<sarsen_drain>(1)
        + room_for::<Own<'static>>(1)
        + room_for_bytes(own_bytes(limits.frame_bytes(), limits.options.codec));
    let state = room_for::<Differences<'static>>(1) + room_for_bytes(limits.manifest()) * 2;
    crate::task::needed(sink + room_for::<Codecs>(1) + state)
}

fn build(
    held: &mut Held<'_>,
    room: &mut Room,
    limits: &Limits,
    of: (Option<&str>, &str),
    start: u64,
    drain: sarsen_drain,
) -> Result<Begun, Stop> {
    let mut sides = Sides::NONE;
    sides.find(of, held)?;
    place(&sides, held, room, limits, start, drain)
}

#[inline(never)]
fn place(
    sides: &Sides,
    held: &mut Held<'_>,
    room: &mut Room,
    limits: &Limits,
    start: u64,
    drain: sarsen_drain,
) -> Result<Begun, Stop> {
    let (line, kept) = (room.put(drain)?, Kept::new(room.put(Codecs::default())?));
    let bytes = room.bytes(own_bytes(limits.frame_bytes(), limits.options.codec))?;
    let parameters = *held.store.parameters();
    let base = sides.old.as_ref().map(|base| end(base, ("", "", "")));
    let begun = with_record(&mut held.store, &sides.new.entry.link, |_, record| {
        let target = End { time: record.time, ..end(&sides.new, (record.name, record.snapshot, record.source)) };
        let header = header(&parameters, base.as_ref(), &target, start)?;
        // SAFETY: lent to nobody else, and dropped with the task that has both.
        let codecs = unsafe { kept.lend() };
        Ok((header.start, Own::begin(&header, (parameters.codec, codecs), bytes, line)?))
    })?;
    let (start, own): (u64, Own<'static>) = begun.map_err(|error: sarsen_core::error::Error| Stop::from(error))?;
    let sink = room.put(own)?;
    let options = Options { start, ..Options::default() };
    let from = sides.from(&held.store, room, limits)?;
    let version = sides.new.open(&held.store, room.bytes(limits.manifest())?)?;
    let task = room.make(|| Differences::new(&held.store, from, version, sink, options))?;
    Ok(Begun::of(task, None).keeping(kept))
}

fn end<'a>(meant: &Meant, (name, snapshot, source): (&'a str, &'a str, &'a str)) -> End<'a> {
    let (root, disk_size): (Id, u64) = (meant.root, meant.disk_size);
    End { root, disk_size, time: 0, name, snapshot, source }
}

/// # Safety
/// As `sarsen_export_begin`.
unsafe fn begin(
    task: *mut sarsen_task,
    repository: *mut sarsen_repository,
    (old, new): (*const c_char, *const c_char),
    start: u64,
    drain: *const sarsen_drain,
    watch: *const sarsen_watch,
    (memory, memory_bytes): (*mut c_void, usize),
) -> Result<(), Stop> {
    // SAFETY: as the caller promised.
    let (of, drain, watch) = unsafe { ((optional(old)?, text(new)?), drain.as_ref(), sarsen_watch::of(watch)) };
    let drain = drain.ok_or(Stop::from(SARSEN_BAD_ARGUMENT))?;
    let beginning = Beginning { task, repository, memory, memory_bytes, watch, exclusive: false, hints: 0 };
    // SAFETY: passed on to the caller.
    unsafe { beginning.run(needed, &|held, room, limits| build(held, room, limits, of, start, *drain)) }
}

/// Begins an export as a task: writes to `drain` what of version `new` differs from version `old` (NULL: all of it), as a delta stream that
/// `sarsen_import` reads, bound to the roots of both.
///
/// `start`: leaves out what lies before this byte of the disk, which the receiver has kept of an interrupted import; otherwise 0.
/// The stream's head is written by this call. `*drain` is copied; its context must stay valid until `sarsen_task_close`. Once the drain has failed
/// (`SARSEN_LINE_FAILED`, or `SARSEN_DISK_FAILED` while differences are written, `detail` being the offset on the disk), the stream is to be thrown away
/// or continued. `watch` may be NULL. `memory`: as in `sarsen_backup_begin`.
///
/// # Safety
/// Pointers are NULL or valid, texts end with a zero byte, callbacks may be called with their contexts, and `memory` is used by nobody else.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sarsen_export_begin(
    task: *mut sarsen_task,
    repository: *mut sarsen_repository,
    old: *const c_char,
    new: *const c_char,
    start: u64,
    drain: *const sarsen_drain,
    watch: *const sarsen_watch,
    memory: *mut c_void,
    memory_bytes: usize,
    fault: *mut sarsen_fault,
) -> sarsen_status {
    // SAFETY: as the caller promised.
    unsafe { answer(begin(task, repository, (old, new), start, drain, watch, (memory, memory_bytes)), fault) }
}

/// Exports, on the calling thread. The task takes its memory from `work` (`SARSEN_NEED_WORK_AND_TASK`). `watch` and `report` may be NULL.
///
/// # Safety
/// As `sarsen_export_begin` and `sarsen_task_run`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sarsen_export(
    repository: *mut sarsen_repository,
    old: *const c_char,
    new: *const c_char,
    start: u64,
    drain: *const sarsen_drain,
    watch: *const sarsen_watch,
    work: *mut sarsen_work,
    report: *mut sarsen_report,
    fault: *mut sarsen_fault,
) -> sarsen_status {
    // SAFETY: as the caller promised.
    unsafe {
        run_blocking(repository, work, report, fault, &mut |task, memory, bytes| {
            begin(task, repository, (old, new), start, drain, watch, (memory, bytes))
        })
    }
}
