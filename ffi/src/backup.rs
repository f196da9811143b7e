//! backup: a disk becomes a version.

use crate::disk::{sarsen_disk, sarsen_extent};
use crate::host::sarsen_watch;
use crate::memory::{Limits, Room, room_for, room_for_bytes};
use crate::repository::{Held, sarsen_repository};
use crate::status::{Stop, answer, sarsen_fault, sarsen_status, sarsen_status::*};
use crate::task::{Beginning, Begun, Told, run_blocking, sarsen_report, sarsen_task};
use crate::text::{optional, text};
use crate::version::Meant;
use crate::work::sarsen_work;
use core::ffi::{c_char, c_void};
use sarsen_core::catalogue::{Entry, Wanted};
use sarsen_core::disk::Disk;
use sarsen_core::error::{Error, Refusal};
use sarsen_core::format::record::HintSource;
use sarsen_core::hints::{Extent, Hinted, Hints, State};
use sarsen_core::host::Fixed;
use sarsen_core::ops::backup::{Backup, Ending, Memory, Options, Report, Start};
use sarsen_core::store::Store;

/// How to back up. All zeros but the name is a right one: on the newest version of that name, if there is one, reading all of the disk.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct sarsen_backup_options {
    /// What the disk is called: 1 to 255 bytes. This and the texts below end with a zero byte, and stay valid and unchanged until the task is closed.
    pub name: *const c_char,
    /// What the snapshot is called: a promise that what has this name, and the same `source`, never changes. NULL or empty if it is none.
    pub snapshot: *const c_char,
    /// What the source is: something that differs whenever its contents may. NULL or empty if that is not known.
    pub source: *const c_char,
    /// The version to build on. NULL: the newest of that name. Empty: none.
    pub base: *const c_char,
    /// Versions of several disks taken at one moment are given the same group; zeros if it is none. See `hold`.
    pub group: [u8; 16],
    /// What changed since `base`, which must then be named; what they do not mention did not change, and is not read. Any order, overlaps allowed.
    /// Needed only until the task was begun. NULL: nothing is known.
    pub hints: *const sarsen_extent,
    /// How many hints.
    pub hint_count: usize,
    /// How many frames of which hints say nothing are compared with the base before anything is written.
    pub spot_checks: u32,
    /// 1: go on from the newest draft of that name, which an earlier backup left, if there is one (`base` and `hints` must be NULL).
    /// What it read is not read again only if snapshot and source are the same.
    pub resume: u32,
    /// A checkpoint is committed whenever so many bytes were newly stored: what an interruption can cost at most. 0: never.
    pub checkpoint_bytes: u64,
    /// 1: it becomes no version by itself, but a draft that is done, and durable; `sarsen_group_finish` makes versions of all of `group` at once, which
    /// then must not be zeros. The report tells the id of that version.
    pub hold: u32,
    /// 0.
    pub reserved: u32,
    /// Who is told how it comes along.
    pub watch: sarsen_watch,
}

impl Told for Report {
    fn told(&self) -> sarsen_report {
        sarsen_report {
            version: self.version.0,
            disk_bytes: self.disk_size,
            read_bytes: self.statistics.read_bytes,
            data_bytes: self.statistics.data_bytes,
            new_blocks: self.statistics.new_blocks,
            new_bytes: self.statistics.new_bytes,
            source_changed: self.source_changed.into(),
            ..sarsen_report::NONE
        }
    }
}

/// Bytes of a task that backs up.
pub const fn needed(limits: &Limits) -> usize {
    let disk = room_for::<sarsen_disk>(1) + room_for::<Hinted<'static, sarsen_disk>>(1);
    let hints = room_for::<Fixed<'static, Extent>>(1) + room_for::<Extent>(limits.hints);
    crate::task::needed(disk + hints + room_for::<Backup<'static>>(1) + room_for_bytes(limits.manifest()) * 2)
}

/// What a backup is called, and what is to be built on: texts of C that outlive the task.
struct Asked {
    name: &'static str,
    snapshot: &'static str,
    source: &'static str,
    base: Option<&'static str>,
}

/// # Safety
/// As [`sarsen_backup_options`] says.
unsafe fn asked(options: &sarsen_backup_options) -> Result<Asked, Stop> {
    // SAFETY: as the caller promised.
    unsafe {
        let asked = Asked {
            name: text(options.name)?,
            snapshot: optional(options.snapshot)?.unwrap_or(""),
            source: optional(options.source)?.unwrap_or(""),
            base: optional(options.base)?,
        };
        if asked.name.is_empty() { Err(SARSEN_NAME_NEEDED.into()) } else { Ok(asked) }
    }
}

/// The newest that is wanted, if there is one.
pub fn newest(wanted: Wanted<'_>, store: &mut Store<'_>) -> Result<Option<Meant>, Error> {
    match &Meant::find(wanted, store, &mut |_, _| {}) {
        Ok(found) => Ok(Some(*found)),
        Err(Error::Refused(Refusal::UnknownVersion)) => Ok(None),
        Err(error) => Err(*error),
    }
}

/// On a version; on none, and all is read and named anew, if it is not what its root names.
#[inline(never)]
fn on(base: &Entry, store: &mut Store<'_>) -> Result<Start, Stop> {
    Ok(Start::on(&base.link, store)?.unwrap_or(Start::EMPTY))
}

impl Asked {
    #[inline(never)]
    fn start(&self, options: &sarsen_backup_options, store: &mut Store<'_>) -> Result<Start, Stop> {
        let hinted = !options.hints.is_null();
        if options.resume != 0 {
            if hinted || self.base.is_some() {
                return Err(SARSEN_BAD_ARGUMENT.into());
            }
            if let Some(start) = self.resumed(store)? {
                return Ok(start);
            }
        }
        match self.base {
            None | Some("") if hinted => Err(SARSEN_BASE_NEEDED.into()),
            Some("") => Ok(Start::EMPTY),
            None => match &newest(Wanted::Name(self.name), store) {
                Ok(Some(base)) => on(&base.entry, store),
                Ok(None) => Ok(Start::EMPTY),
                Err(error) => Err((*error).into()),
            },
            Some(wanted) => match &Meant::version(wanted, store) {
                Ok(base) => on(&base.entry, store),
                Err(stop) => Err(*stop),
            },
        }
    }

    #[inline(never)]
    fn resumed(&self, store: &mut Store<'_>) -> Result<Option<Start>, Stop> {
        let Some(draft) = newest(Wanted::Draft(self.name), store)? else { return Ok(None) };
        Ok(Some(Start::where_left(&draft.entry, self.snapshot, self.source, store)?))
    }
}

/// The disk as the engine sees it: with hints, if there are any.
///
/// # Safety
/// As [`sarsen_backup_options`] says.
unsafe fn disk_of(
    disk: sarsen_disk,
    options: &sarsen_backup_options,
    room: &mut Room,
    limits: &Limits,
) -> Result<&'static dyn Disk, Stop> {
    let disk: &'static sarsen_disk = room.put(disk.source()?)?;
    if options.hints.is_null() {
        return Ok(disk);
    }
    let slots = room.items(limits.hints, Extent::FREE)?;
    let mut hints = Hints::new(room.put(Fixed(slots))?);
    for number in 0..options.hint_count {
        // SAFETY: the caller promised that so many are there.
        let sarsen_extent { offset, len_bytes, state, .. } = unsafe { options.hints.add(number).read() };
        let state = match state {
            0 => State::Data,
            1 => State::Zero,
            2 => State::Unchanged,
            _ => return Err(SARSEN_BAD_ARGUMENT.into()),
        };
        hints.push(Extent { offset, len_bytes, state })?;
    }
    let view = hints.settle(disk.size_bytes)?;
    Ok(room.put(Hinted { disk, view })?)
}

/// What is built on, and the index.
#[inline(never)]
fn prepare(asked: &Asked, held: &mut Held<'_>, options: &sarsen_backup_options) -> Result<Start, Stop> {
    let start = asked.start(options, held.walked())?;
    let users = held.users;
    // While damage is known, what a base reaches is flagged in the index, and only one at a time can do that.
    let damaged = held.loaded()?.is_damaged();
    if damaged && !start.top.is_zero() && users > 0 { Err(SARSEN_BUSY.into()) } else { Ok(start) }
}

fn build(
    held: &mut Held<'_>,
    room: &mut Room,
    limits: &Limits,
    disk: sarsen_disk,
    options: &sarsen_backup_options,
) -> Result<Begun, Stop> {
    // SAFETY: the caller of `sarsen_backup_begin` promised so.
    let (asked, disk) = unsafe { (asked(options)?, disk_of(disk, options, room, limits)?) };
    let start = prepare(&asked, held, options)?;
    let memory = Memory { base: room.bytes(limits.manifest())?, draft: room.bytes(limits.manifest())? };
    let told = if options.hints.is_null() { HintSource::None } else { HintSource::Caller };
    let options = Options {
        name: asked.name,
        snapshot: asked.snapshot,
        source: asked.source,
        group: options.group,
        start,
        hints: (told, ""),
        spot_checks: options.spot_checks,
        checkpoint_bytes: options.checkpoint_bytes,
        ending: if options.hold == 0 { Ending::Version } else { Ending::Held },
    };
    let state = room.make(|| Backup::new(&held.store, disk, options, memory))?;
    Ok(Begun::of(state, Some(disk)))
}

/// # Safety
/// As `sarsen_backup_begin`.
unsafe fn begin(
    task: *mut sarsen_task,
    repository: *mut sarsen_repository,
    disk: *const sarsen_disk,
    options: *const sarsen_backup_options,
    (memory, memory_bytes): (*mut c_void, usize),
) -> Result<(), Stop> {
    // SAFETY: as the caller promised.
    let (Some(disk), Some(options)) = (unsafe { (disk.as_ref(), options.as_ref()) }) else {
        return Err(SARSEN_BAD_ARGUMENT.into());
    };
    let hints = if options.hints.is_null() { 0 } else { options.hint_count };
    let beginning = Beginning { task, repository, memory, memory_bytes, watch: options.watch, exclusive: false, hints };
    // SAFETY: passed on to the caller.
    unsafe { beginning.run(needed, &|held, room, limits| build(held, room, limits, *disk, options)) }
}

/// Begins a backup as a task. Several may be under way on one repository, each of a disk of its own; each makes its version when it ends (but see
/// `hold`), and what has been stored for one is not stored again for another.
///
/// `*disk` and `*options` are copied; what they point to must stay valid until `sarsen_task_close`. `memory`: `SARSEN_NEED_TASK` bytes, the library's until
/// then. NULL: the hosted build takes it from the heap; the bare one answers `SARSEN_MEMORY`.
///
/// # Safety
/// Pointers are NULL or valid, callbacks may be called with their contexts, and `memory` is used by nobody else.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sarsen_backup_begin(
    task: *mut sarsen_task,
    repository: *mut sarsen_repository,
    disk: *const sarsen_disk,
    options: *const sarsen_backup_options,
    memory: *mut c_void,
    memory_bytes: usize,
    fault: *mut sarsen_fault,
) -> sarsen_status {
    // SAFETY: as the caller promised.
    unsafe { answer(begin(task, repository, disk, options, (memory, memory_bytes)), fault) }
}

/// Backs a disk up, on the calling thread. The task takes its memory from `work` (`SARSEN_NEED_WORK_AND_TASK`). `report` may be NULL.
///
/// # Safety
/// As `sarsen_backup_begin` and `sarsen_task_run`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sarsen_backup(
    repository: *mut sarsen_repository,
    disk: *const sarsen_disk,
    options: *const sarsen_backup_options,
    work: *mut sarsen_work,
    report: *mut sarsen_report,
    fault: *mut sarsen_fault,
) -> sarsen_status {
    // SAFETY: as the caller promised.
    unsafe {
        run_blocking(repository, work, report, fault, &mut |task, memory, bytes| {
            begin(task, repository, disk, options, (memory, bytes))
        })
    }
}
