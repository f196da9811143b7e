//! Drafts: disks to write at any offset and in any order, that become versions.

use crate::backup::newest;
use crate::handle::{self, Handle, SARSEN_HANDLE_WORDS};
use crate::memory::{Limits, Room, room_for, room_for_bytes};
use crate::repository::{Held, Repository, sarsen_repository};
use crate::status::{Stop, answer, sarsen_fault, sarsen_status, sarsen_status::*, tell};
use crate::text::{optional, text};
use crate::version::{Meant, bytes, bytes_mut};
use crate::work::{Inner as Bench, sarsen_work};
use core::cell::UnsafeCell;
use core::ffi::{c_char, c_void};
use sarsen_core::catalogue::Wanted;
use sarsen_core::draft::{Description, Draft, DraftDisk, Frames, Held as Frame};
use sarsen_core::format::page::ROWS_MAX;
use sarsen_core::format::record::{HintSource, TEXT_MAX};
use sarsen_core::manifest::{blocks, tree};
use sarsen_core::ops::backup::Start;
use sarsen_core::store::Store;
use sarsen_core::types::narrow;

/// A draft that is open. Several may be open on one repository; a flush of one makes durable what was written to it.
#[repr(C)]
pub struct sarsen_draft {
    /// The library's alone.
    pub opaque: [u64; SARSEN_HANDLE_WORDS],
}

impl Handle for sarsen_draft {
    const TAG: u32 = 0x5344_5246;
    type Body = Open;
}

/// How to begin a draft. All zeros but the name and a size is a right one: a disk of zeros.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct sarsen_draft_options {
    /// What the disk is called: 1 to 255 bytes. This and the texts below end with a zero byte, and stay valid and unchanged until the draft is closed.
    pub name: *const c_char,
    /// What the snapshot is called. NULL or empty if it is none.
    pub snapshot: *const c_char,
    /// What the source is. NULL or empty if that is not known.
    pub source: *const c_char,
    /// The version it begins as, in the words of `sarsen_version_describe`. NULL or empty: zeros.
    pub base: *const c_char,
    /// Versions of several disks taken at one moment are given the same group; zeros if it is none. See `sarsen_draft_hold`.
    pub group: [u8; 16],
    /// Bytes of the disk. 0: as many as the base has, or the draft that is gone on from. It may be more or less than that: what is more is zeros.
    pub disk_bytes: u64,
    /// 1: go on from the newest draft of that name, as its last flush left it, if there is one; otherwise as without. It must not be open.
    pub resume: u32,
    /// 0.
    pub reserved: u32,
}

/// What is open behind a `sarsen_draft`.
pub struct Open {
    repository: &'static Repository,
    /// Guarded by the repository's lock.
    inner: UnsafeCell<Inner>,
}

struct Inner {
    disk: DraftDisk<'static, 'static>,
    /// It has failed while it became a version, so it cannot be told whether it is one.
    spoilt: bool,
}

/// Bytes of a draft.
pub const fn needed(limits: &Limits) -> usize {
    let frames = room_for::<Frame>(limits.frames) + room_for_bytes(limits.frames * narrow(limits.frame_bytes() as u64));
    room_for::<Open>(1) + room_for_bytes(limits.manifest()) + frames
}

/// `base` is empty if it is none.
#[inline(never)]
fn start(name: &str, base: &str, resume: bool, store: &mut Store<'_>) -> Result<Start, Stop> {
    if resume && let Some(draft) = newest(Wanted::Draft(name), store)? {
        return Ok(Start::where_left(&draft.entry, "", "", store)?);
    }
    if base.is_empty() {
        return Ok(Start::EMPTY);
    }
    let base = Meant::version(base, store)?;
    // Writes of a guest lie on what it has read: there is no other base to take.
    Start::on(&base.entry.link, store)?.ok_or(SARSEN_CORRUPT.into())
}

/// # Safety
/// As [`sarsen_draft_options`] says.
unsafe fn describe(options: &sarsen_draft_options, start: &Start, time: u64) -> Result<Description<'static>, Stop> {
    // SAFETY: as the caller promised.
    let (name, snapshot, source) =
        unsafe { (text(options.name)?, optional(options.snapshot)?.unwrap_or(""), optional(options.source)?.unwrap_or("")) };
    if [name, snapshot, source].iter().any(|text| text.len() > TEXT_MAX) {
        return Err(SARSEN_TEXT_TOO_LONG.into());
    }
    let disk_size = if options.disk_bytes == 0 { start.disk_size } else { options.disk_bytes };
    let (group, hints, base) = (options.group, (HintSource::None, ""), start.base);
    Ok(Description { name, snapshot, source, hints, group, disk_size, time, base })
}

fn build(body: &Repository, held: &mut Held<'_>, room: &mut Room, options: &sarsen_draft_options) -> Result<*mut Open, Stop> {
    let limits = &body.limits;
    // SAFETY: the caller of `sarsen_draft_begin` promised so.
    let (name, base) = unsafe { (text(options.name)?, optional(options.base)?.unwrap_or("")) };
    if name.is_empty() {
        return Err(SARSEN_NAME_NEEDED.into());
    }
    let start = start(name, base, options.resume != 0, held.walked())?;
    let store = held.loaded()?;
    // Known only now: what is damaged so that it was rebuilt.
    store.check_writable()?;
    // SAFETY: as above.
    let description = unsafe { describe(options, &start, store.host().now())? };
    let parameters = *store.parameters();
    if blocks(description.disk_size, parameters.block_bytes()) > ROWS_MAX {
        return Err(SARSEN_DISK_TOO_LARGE.into());
    }
    let at = room.reserve::<Open>()?;
    let pages = room.bytes(limits.manifest())?;
    let frames = Frames {
        held: room.items(limits.frames, Frame::FREE)?,
        bytes: room.bytes(limits.frames.saturating_mul(narrow(limits.frame_bytes().into())))?,
    };
    let root = tree(&parameters, start.disk_size, start.top);
    let draft = Draft::begin(store, description, root, start.draft, pages)?;
    let disk = DraftDisk::new(store, draft, frames)?;
    // SAFETY: a repository stays open, where it is, as long as a draft is.
    let repository = unsafe { &*core::ptr::from_ref(body) };
    // SAFETY: reserved just now.
    unsafe { at.write(Open { repository, inner: UnsafeCell::new(Inner { disk, spoilt: false }) }) };
    Ok(at)
}

fn begin(
    handle: *mut sarsen_draft,
    body: &Repository,
    options: &sarsen_draft_options,
    (memory, memory_bytes): (*mut c_void, usize),
) -> Result<(), Stop> {
    let mut held = body.share()?;
    // SAFETY: the caller of `sarsen_draft_begin` promised so.
    let mut room = unsafe { Room::of(memory, memory_bytes, needed(&body.limits)) }?;
    let at = build(body, &mut held, &mut room, options).inspect_err(|_| room.give_up())?;
    // SAFETY: `handle` can be opened, and the body begins the memory.
    unsafe { handle::open(handle, at, room.heap_bytes()) }?;
    held.users = held.users.saturating_add(1);
    Ok(())
}

/// Begins a draft: a disk that is a version, or zeros, to be written at any offset and in any order.
///
/// `*options` is copied; its texts must stay valid until the draft is closed. `memory`: `SARSEN_NEED_DRAFT` bytes, the library's until then. NULL: the
/// hosted build takes it from the heap; the bare one answers `SARSEN_MEMORY`. The repository cannot be closed before, nor gc, compact, check or scrub
/// begin.
///
/// # Safety
/// Pointers are NULL or valid, and `memory` is used by nobody else.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sarsen_draft_begin(
    draft: *mut sarsen_draft,
    repository: *mut sarsen_repository,
    options: *const sarsen_draft_options,
    memory: *mut c_void,
    memory_bytes: usize,
    fault: *mut sarsen_fault,
) -> sarsen_status {
    // SAFETY: as the caller promised.
    unsafe {
        let begun = handle::can_open(draft).and_then(|()| {
            let options = options.as_ref().ok_or(Stop::from(SARSEN_BAD_ARGUMENT))?;
            begin(draft, handle::body(repository)?, options, (memory, memory_bytes))
        });
        answer(begun, fault)
    }
}

/// Does something with a draft, the store and a work.
///
/// # Safety
/// As the functions below say.
#[inline(never)]
unsafe fn with(
    draft: *mut sarsen_draft,
    work: *mut sarsen_work,
    act: &mut dyn FnMut(&mut Inner, &mut Store<'static>, &mut Bench) -> Result<(), Stop>,
) -> Result<(), Stop> {
    // SAFETY: as the caller promised.
    let (open, bench) = unsafe { (handle::body(draft)?, handle::body(work)?) };
    let lent = bench.lend()?;
    let mut held = open.repository.share()?;
    // SAFETY: the lock of the one repository it belongs to is ours.
    let inner = unsafe { &mut *open.inner.get() };
    if inner.spoilt {
        return Err(SARSEN_POISONED.into());
    }
    act(inner, held.loaded()?, lent.inner)
}

/// Bytes of the disk; 0 if the handle is not open.
///
/// # Safety
/// `draft` is NULL or a handle.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sarsen_draft_size(draft: *mut sarsen_draft) -> u64 {
    // SAFETY: as the caller promised; the size never changes, so it may be read beside whoever has the lock.
    unsafe { handle::body(draft) }.map_or(0, |open| unsafe { &*open.inner.get() }.disk.size())
}

/// Writes all of `from` at `offset`. What is written lies in the draft's memory, and is stored when that is full or with the next flush.
///
/// `SARSEN_BEYOND_END` if the range is not within the disk; nothing was written then.
///
/// # Safety
/// Pointers are NULL or valid; `from` holds `len_bytes`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sarsen_draft_write_at(
    draft: *mut sarsen_draft,
    offset: u64,
    from: *const c_void,
    len_bytes: usize,
    work: *mut sarsen_work,
    fault: *mut sarsen_fault,
) -> sarsen_status {
    // SAFETY: as the caller promised.
    unsafe {
        let done = bytes(from, len_bytes).and_then(|from| {
            with(draft, work, &mut |inner, store, bench| Ok(inner.disk.write_at(offset, from, store, &mut bench.work())?))
        });
        answer(done, fault)
    }
}

/// Makes a range zero. Whole blocks of it cost next to nothing.
///
/// # Safety
/// Pointers are NULL or valid.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sarsen_draft_zero(
    draft: *mut sarsen_draft,
    offset: u64,
    len_bytes: u64,
    work: *mut sarsen_work,
    fault: *mut sarsen_fault,
) -> sarsen_status {
    // SAFETY: as the caller promised.
    unsafe {
        let done =
            with(draft, work, &mut |inner, store, bench| Ok(inner.disk.zero(offset, len_bytes, store, &mut bench.work())?));
        answer(done, fault)
    }
}

/// Fills `to` from `offset`, with what was written, stored or not.
///
/// # Safety
/// Pointers are NULL or valid; `to` has room for `len_bytes`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sarsen_draft_read_at(
    draft: *mut sarsen_draft,
    offset: u64,
    to: *mut c_void,
    len_bytes: usize,
    work: *mut sarsen_work,
    fault: *mut sarsen_fault,
) -> sarsen_status {
    // SAFETY: as the caller promised.
    unsafe {
        let done = bytes_mut(to, len_bytes).and_then(|to| {
            with(draft, work, &mut |inner, store, bench| Ok(inner.disk.read_at(offset, to, store, &mut bench.work())?))
        });
        answer(done, fault)
    }
}

/// Makes all that was written durable: a checkpoint, which `resume` goes on from. `position`: how much of the disk is done, for a writer that goes from
/// its start to its end; otherwise 0.
///
/// # Safety
/// Pointers are NULL or valid.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sarsen_draft_flush(
    draft: *mut sarsen_draft,
    position: u64,
    work: *mut sarsen_work,
    fault: *mut sarsen_fault,
) -> sarsen_status {
    // SAFETY: as the caller promised.
    unsafe {
        let done = with(draft, work, &mut |inner, store, bench| Ok(inner.disk.flush(position, store, &mut bench.work())?));
        answer(done, fault)
    }
}

/// Makes a version of it, whose id is written to `version` (32 bytes, or NULL), and closes the handle.
///
/// If it fails the handle stays open: with `SARSEN_PENDING` call again; otherwise close it, and open the repository anew: the list of versions says
/// whether it has become one.
///
/// # Safety
/// Pointers are NULL or valid.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sarsen_draft_finish(
    draft: *mut sarsen_draft,
    version: *mut u8,
    work: *mut sarsen_work,
    fault: *mut sarsen_fault,
) -> sarsen_status {
    // SAFETY: as the caller promised.
    unsafe { answer(end(draft, version, work, false), fault) }
}

/// Makes a version of it, or a draft that is held, and closes it.
///
/// # Safety
/// As the functions that do so say.
unsafe fn end(draft: *mut sarsen_draft, version: *mut u8, work: *mut sarsen_work, holds: bool) -> Result<(), Stop> {
    // SAFETY: as the caller promised.
    unsafe {
        with(draft, work, &mut |inner, store, bench| {
            let has_group = inner.disk.draft().description().group != [0; 16];
            let ended = match holds {
                true if !has_group => return Err(SARSEN_BAD_ARGUMENT.into()),
                true => inner.disk.hold(store, &mut bench.work()),
                false => inner.disk.finish(store, &mut bench.work()),
            };
            inner.spoilt = ended.is_err_and(|error| !error.is_pending());
            tell(version.cast(), ended?.0.0);
            Ok(())
        })?;
        close(draft)
    }
}

/// Makes it a draft that is done, durably, and closes the handle: `sarsen_group_finish` makes versions of all drafts of a group at once. It must have one:
/// `SARSEN_BAD_ARGUMENT` otherwise. The id that the version is going to have is written to `version` (32 bytes, or NULL).
///
/// If it fails the handle stays open: with `SARSEN_PENDING` call again; otherwise close it, and open the repository anew.
///
/// # Safety
/// Pointers are NULL or valid.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sarsen_draft_hold(
    draft: *mut sarsen_draft,
    version: *mut u8,
    work: *mut sarsen_work,
    fault: *mut sarsen_fault,
) -> sarsen_status {
    // SAFETY: as the caller promised.
    unsafe { answer(end(draft, version, work, true), fault) }
}

/// Forgets it, its checkpoint too, and closes the handle.
///
/// # Safety
/// Pointers are NULL or valid.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sarsen_draft_abandon(draft: *mut sarsen_draft, fault: *mut sarsen_fault) -> sarsen_status {
    // SAFETY: as the caller promised.
    unsafe {
        let done = handle::body(draft).and_then(|open| {
            let mut held = open.repository.share()?;
            let store = held.loaded()?;
            // Read and not taken: should it have to be done again, all of it is there.
            let disk = core::ptr::read(&raw const (*open.inner.get()).disk);
            if disk.abandon(store)? {
                store.warm()?;
                store.commit()?;
            }
            Ok(())
        });
        answer(done.and_then(|()| close(draft)), fault)
    }
}

/// Closes the handle. What was written since the last flush is lost; what was flushed stays, as a draft that `resume` goes on from and that
/// `sarsen_version_remove` removes.
///
/// # Safety
/// `draft` is NULL or a handle.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sarsen_draft_close(draft: *mut sarsen_draft) -> sarsen_status {
    // SAFETY: as the caller promised.
    unsafe { answer(close(draft), core::ptr::null_mut()) }
}

/// # Safety
/// As `sarsen_draft_close`.
unsafe fn close(draft: *mut sarsen_draft) -> Result<(), Stop> {
    // SAFETY: as the caller promised.
    let open = unsafe { handle::body(draft) }?;
    let mut held = open.repository.hold()?;
    held.users = held.users.saturating_sub(1);
    // SAFETY: it is open, and nobody uses it, as that takes the lock.
    unsafe { handle::close(draft) };
    Ok(())
}
