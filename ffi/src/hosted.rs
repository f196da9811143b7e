//! What only the hosted build has: a heap, repositories in directories, files as disks, and the system's clock, randomness and locks.

use crate::SARSEN_ABI_VERSION;
use crate::disk::{sarsen_disk, sarsen_extent, sarsen_state};
use crate::handle;
use crate::host::{Surroundings, sarsen_host};
use crate::memory::sarsen_config;
use crate::repository::{Edges, Repository, build, sarsen_repository};
use crate::status::{Stop, answer, sarsen_fault, sarsen_status, sarsen_status::*, tell};
use ::sarsen_host::{Access, DirectoryMedium, FileDisk, FileTarget, OpenError, StoreRoom, System, Zeros};
use core::ffi::{c_char, c_void};
use sarsen_core::disk::{Disk, DiskMut};
use sarsen_core::host::Host;
use sarsen_core::ops::init;
use sarsen_core::types::wide;
use std::alloc::{Layout, alloc_zeroed, dealloc};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::{Condvar, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

fn layout(bytes: usize) -> Option<Layout> {
    Layout::from_size_align(bytes, 16).ok().filter(|layout| layout.size() > 0)
}

/// Zeros from the heap; none if there are not so many.
pub fn take(bytes: usize) -> Option<*mut u8> {
    let layout = layout(bytes)?;
    // SAFETY: of more than 0 bytes.
    let start = unsafe { alloc_zeroed(layout) };
    (!start.is_null()).then_some(start)
}

/// # Safety
/// [`take`] gave it, for so many bytes.
pub unsafe fn give_back(start: *mut u8, bytes: usize) {
    if let Some(layout) = layout(bytes) {
        // SAFETY: as the caller promised.
        unsafe { dealloc(start, layout) };
    }
}

/// What a repository in a directory is made of, kept as long as it is open. Dropped in this order, after the store that borrows from all of it.
pub struct Owned {
    surroundings: Kept<Surroundings>,
    medium: Kept<DirectoryMedium>,
    room: Kept<StoreRoom>,
    _lock: Kept<Lock>,
}

/// A box whose contents others point to while it is moved.
struct Kept<T>(*mut T);

impl<T> Kept<T> {
    fn new(value: T) -> Kept<T> {
        Kept(Box::into_raw(Box::new(value)))
    }

    /// # Safety
    /// Not used after this was dropped, and by one at a time.
    #[allow(clippy::mut_from_ref)]
    unsafe fn lend(&self) -> &'static mut T {
        // SAFETY: as the caller promised.
        unsafe { &mut *self.0 }
    }
}

impl<T> Drop for Kept<T> {
    fn drop(&mut self) {
        // SAFETY: it came from a box, and this is the only owner.
        drop(unsafe { Box::from_raw(self.0) });
    }
}

/// A lock that tells its owner when it has it already.
#[derive(Default)]
struct Lock {
    owner: Mutex<Option<usize>>,
    free: Condvar,
}

/// A number that no other thread has while this one lives. Rust's own is on the heap, and outlives the main thread.
fn this_thread() -> usize {
    thread_local! {
        static HERE: u8 = const { 0 };
    }
    HERE.with(|here| core::ptr::from_ref(here).addr())
}

impl Lock {
    fn take(&self) -> bool {
        let own = this_thread();
        let mut owner = self.owner.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some(other) = *owner {
            if other == own {
                return false;
            }
            owner = self.free.wait(owner).unwrap_or_else(PoisonError::into_inner);
        }
        *owner = Some(own);
        true
    }

    fn give_back(&self) {
        *self.owner.lock().unwrap_or_else(PoisonError::into_inner) = None;
        self.free.notify_one();
    }
}

extern "C" fn now(_context: *mut c_void) -> u64 {
    System::new().now()
}

unsafe extern "C" fn random(_context: *mut c_void, to: *mut u8, len_bytes: usize) -> i32 {
    // SAFETY: the engine lends so many bytes, which have values.
    let to = unsafe { core::slice::from_raw_parts_mut(to, len_bytes) };
    i32::from(!System::new().random(to))
}

unsafe extern "C" fn lock(context: *mut c_void) -> i32 {
    // SAFETY: the context is the lock that `Owned` keeps.
    i32::from(!unsafe { &*context.cast::<Lock>() }.take())
}

unsafe extern "C" fn unlock(context: *mut c_void) {
    // SAFETY: as in `lock`.
    unsafe { &*context.cast::<Lock>() }.give_back();
}

/// Long enough not to burn a processor, short beside a block of work.
const PAUSE: Duration = Duration::from_micros(50);

extern "C" fn pause(_context: *mut c_void) {
    thread::sleep(PAUSE);
}

fn host_with(context: *mut Lock) -> sarsen_host {
    sarsen_host {
        context: context.cast(),
        now: Some(now),
        random: Some(random),
        lock: Some(lock),
        unlock: Some(unlock),
        pause: Some(pause),
    }
}

fn stop(error: &OpenError) -> Stop {
    match error {
        OpenError::NotARepository { .. } => SARSEN_NOT_A_REPOSITORY.into(),
        OpenError::NotEmpty { .. } => SARSEN_NOT_EMPTY.into(),
        OpenError::Busy { .. } => SARSEN_LOCKED.into(),
        OpenError::NotADisk { .. } => SARSEN_NOT_A_DISK.into(),
        OpenError::TooSmall { size_bytes, .. } => Stop::detailed(SARSEN_TARGET_TOO_SMALL, *size_bytes),
        OpenError::Failed { source, .. } => {
            Stop::detailed(SARSEN_CANNOT_OPEN, source.raw_os_error().unwrap_or(0).unsigned_abs().into())
        }
        _ => SARSEN_CANNOT_OPEN.into(),
    }
}

/// # Safety
/// `path` is null, or ends with a zero byte and outlives `'a`.
unsafe fn path<'a>(path: *const c_char) -> Result<&'a Path, Stop> {
    if path.is_null() {
        return Err(SARSEN_BAD_ARGUMENT.into());
    }
    // SAFETY: as the caller promised.
    Ok(Path::new(OsStr::from_bytes(unsafe { core::ffi::CStr::from_ptr(path) }.to_bytes())))
}

/// What a directory is opened for.
#[repr(i32)]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum sarsen_access {
    /// Reading: takes no lock, writes nothing, and works beside a writer.
    SARSEN_READ = 0,
    /// Reading and writing: `SARSEN_LOCKED` if another process, or another handle of this one, writes.
    SARSEN_WRITE = 1,
}

fn access(code: i32) -> Result<Access, Stop> {
    match code {
        0 => Ok(Access::Read),
        1 => Ok(Access::Write),
        _ => Err(SARSEN_BAD_ARGUMENT.into()),
    }
}

/// Hosted build only. Makes the directory of a new repository: `path` is new, or empty. Of `*config` only what is chosen once is used; NULL: what
/// `SARSEN_LARGE` is. With `SARSEN_CANNOT_OPEN` the fault's `detail` is the system's errno.
///
/// # Safety
/// Pointers are NULL or valid; `path` ends with a zero byte.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sarsen_directory_format(
    directory: *const c_char,
    config: *const sarsen_config,
    fault: *mut sarsen_fault,
) -> sarsen_status {
    // SAFETY: as the caller promised.
    let made = unsafe { path(directory) }.and_then(|path| {
        // SAFETY: as the caller promised.
        let (options, buffer_bytes) = match unsafe { config.as_ref() } {
            Some(config) => config.limits().map(|limits| (limits.options, limits.buffer()))?,
            None => (init::Options::HOST, sarsen_core::store::buffer_bytes(8, 12, 64)),
        };
        let medium = DirectoryMedium::create(path).map_err(|error| stop(&error))?;
        let (mut chunk, mut buffer) = (vec![0; 10 * sarsen_core::format::entry::LINE_LEN], vec![0; buffer_bytes]);
        init::init(&medium, &System::new(), &options, &mut chunk, &mut buffer)?;
        Ok(())
    });
    // SAFETY: as the caller promised.
    unsafe { answer(made, fault) }
}

/// Hosted build only. Opens the repository in a directory, of any parameters and any size: all memory comes from the heap, as does that of whatever is
/// opened on it with a `memory` of NULL. Threads may share it: calls wait for each other where they must.
///
/// `abi_version`: `SARSEN_ABI_VERSION`. `access`: one of `enum sarsen_access`. With `SARSEN_CANNOT_OPEN` the fault's `detail` is the system's errno.
///
/// # Safety
/// Pointers are NULL or valid; `path` ends with a zero byte.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sarsen_directory_open(
    repository: *mut sarsen_repository,
    abi_version: u32,
    directory: *const c_char,
    access: i32,
    fault: *mut sarsen_fault,
) -> sarsen_status {
    // SAFETY: as the caller promised.
    let opened = unsafe {
        handle::can_open(repository).and_then(|()| {
            if abi_version != SARSEN_ABI_VERSION {
                return Err(Stop::detailed(SARSEN_OTHER_ABI, SARSEN_ABI_VERSION.into()));
            }
            open(repository, path(directory)?, self::access(access)?)
        })
    };
    // SAFETY: as the caller promised.
    unsafe { answer(opened, fault) }
}

fn open(handle: *mut sarsen_repository, path: &Path, access: Access) -> Result<(), Stop> {
    let medium = DirectoryMedium::open(path, access).map_err(|error| stop(&error))?;
    let lock = Kept::new(Lock::default());
    let surroundings = Kept::new(Surroundings::new(host_with(lock.0)));
    let owned = Owned { surroundings, medium: Kept::new(medium), room: Kept::new(StoreRoom::new()), _lock: lock };
    // SAFETY: all of it is owned by the repository that borrows it, which drops its store first.
    let (edges, memory) = unsafe {
        let (medium, surroundings) = (owned.medium.lend(), owned.surroundings.lend());
        let memory = owned.room.lend().lend();
        (Edges { medium, surroundings, limits: None, owned: Some(owned) }, memory)
    };
    let bytes = size_of::<Repository>();
    let at = take(bytes).ok_or(Stop::detailed(SARSEN_MEMORY, wide(bytes)))?.cast::<Repository>();
    // SAFETY: taken for this; if it was not built, nothing but the bare memory is there.
    unsafe { build(at, edges, memory) }.inspect_err(|_| unsafe { give_back(at.cast(), bytes) })?;
    // SAFETY: `handle` can be opened, and the body begins the memory.
    unsafe { handle::open(handle, at, bytes) }
}

/// A file as a disk.
struct FileOfDisk {
    source: Option<FileDisk>,
    target: Option<FileTarget>,
}

unsafe fn file<'a>(context: *mut c_void) -> &'a FileOfDisk {
    // SAFETY: the context of every callback below is one, until the disk is closed.
    unsafe { &*context.cast() }
}

unsafe extern "C" fn read(context: *mut c_void, offset: u64, to: *mut u8, len_bytes: usize) -> i32 {
    // SAFETY: the engine lends so many bytes, which have values.
    let (file, to) = unsafe { (file(context), core::slice::from_raw_parts_mut(to, len_bytes)) };
    let done = file.source.as_ref().is_some_and(|source| source.read_at(offset, to).is_ok());
    i32::from(!done)
}

unsafe extern "C" fn write(context: *mut c_void, offset: u64, from: *const u8, len_bytes: usize) -> i32 {
    // SAFETY: the engine lends so many bytes.
    let (file, from) = unsafe { (file(context), core::slice::from_raw_parts(from, len_bytes)) };
    let done = file.target.as_ref().is_some_and(|target| target.write_at(offset, from).is_ok());
    i32::from(!done)
}

unsafe extern "C" fn zero(context: *mut c_void, offset: u64, len_bytes: u64) -> i32 {
    // SAFETY: as in `file`.
    let done = unsafe { file(context) }.target.as_ref().is_some_and(|target| target.zero(offset, len_bytes).is_ok());
    i32::from(!done)
}

unsafe extern "C" fn flush(context: *mut c_void) -> i32 {
    // SAFETY: as in `file`.
    let done = unsafe { file(context) }.target.as_ref().is_none_or(|target| target.flush().is_ok());
    i32::from(!done)
}

unsafe extern "C" fn extent(context: *mut c_void, offset: u64, extent: *mut sarsen_extent) -> i32 {
    // SAFETY: as in `file`.
    let Some(source) = unsafe { file(context) }.source.as_ref() else { return 1 };
    let Ok(found) = source.next_extent(offset) else { return 1 };
    let state = if found.hole { sarsen_state::SARSEN_ZERO } else { sarsen_state::SARSEN_DATA };
    let told = sarsen_extent { offset, len_bytes: found.len_bytes, state: state as i32, reserved: 0 };
    // SAFETY: the engine lends it.
    unsafe { tell(extent, told) };
    0
}

unsafe extern "C" fn changed(context: *mut c_void) -> i32 {
    // SAFETY: as in `file`.
    i32::from(unsafe { file(context) }.source.as_ref().is_some_and(Disk::changed))
}

fn disk_of(file: FileOfDisk, size_bytes: u64) -> sarsen_disk {
    sarsen_disk {
        context: Box::into_raw(Box::new(file)).cast(),
        size_bytes,
        read: Some(read),
        write: Some(write),
        zero: Some(zero),
        flush: Some(flush),
        extent: Some(extent),
        changed: Some(changed),
    }
}

/// Hosted build only. Opens a regular file or a block device to back it up, holes and all. `identity` (at least 256 bytes, or NULL) gets one line that
/// differs, as far as the system tells, between any two contents: a `source` for a backup.
///
/// # Safety
/// Pointers are NULL or valid; `path` ends with a zero byte.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sarsen_file_open(
    disk: *mut sarsen_disk,
    path_of_file: *const c_char,
    identity: *mut c_char,
    fault: *mut sarsen_fault,
) -> sarsen_status {
    // SAFETY: as the caller promised.
    let opened = unsafe { path(path_of_file) }.and_then(|path| {
        if disk.is_null() {
            return Err(SARSEN_BAD_ARGUMENT.into());
        }
        let source = FileDisk::open(path).map_err(|error| stop(&error))?;
        let size_bytes = source.size();
        let line = source.identity();
        let made = disk_of(FileOfDisk { source: Some(source), target: None }, size_bytes);
        // SAFETY: as the caller promised.
        unsafe {
            tell(disk, sarsen_disk { write: None, zero: None, flush: None, ..made });
            say(&line, identity);
        }
        Ok(())
    });
    // SAFETY: as the caller promised.
    unsafe { answer(opened, fault) }
}

/// # Safety
/// `to` is null or has room for 256 bytes.
unsafe fn say(line: &str, to: *mut c_char) {
    if to.is_null() {
        return;
    }
    let bytes = line.bytes().take(255).chain([0]);
    // SAFETY: as the caller promised.
    bytes.enumerate().for_each(|(at, byte)| unsafe { to.add(at).write(c_char::from_ne_bytes([byte])) });
}

/// How a file is opened to restore to it.
#[repr(i32)]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum sarsen_target {
    /// A new file; reads as zeros (`target_is_zero`). Refused if there is something of that name.
    SARSEN_TARGET_NEW = 0,
    /// A file or block device that is there, to be overwritten or brought up to date; a file gets the size.
    SARSEN_TARGET_EXISTING = 1,
}

/// Hosted build only. Opens a file or a block device to restore to; zeros become holes where there can be any. `how`: one of `enum sarsen_target`.
///
/// # Safety
/// Pointers are NULL or valid; `path` ends with a zero byte.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sarsen_file_target(
    disk: *mut sarsen_disk,
    path_of_file: *const c_char,
    size_bytes: u64,
    how: i32,
    fault: *mut sarsen_fault,
) -> sarsen_status {
    // SAFETY: as the caller promised.
    let opened = unsafe { path(path_of_file) }.and_then(|path| {
        if disk.is_null() {
            return Err(SARSEN_BAD_ARGUMENT.into());
        }
        let target = match how {
            0 => FileTarget::create(path, size_bytes, Zeros::Sparse),
            1 => FileTarget::overwrite(path, size_bytes, Zeros::Sparse),
            _ => return Err(SARSEN_BAD_ARGUMENT.into()),
        };
        let target = target.map_err(|error| stop(&error))?;
        let source = FileDisk::open(path).map_err(|error| stop(&error))?;
        let made = disk_of(FileOfDisk { source: Some(source), target: Some(target) }, size_bytes);
        // What is being written has holes no more where it had some when it was looked at.
        // SAFETY: as the caller promised.
        unsafe { tell(disk, sarsen_disk { extent: None, changed: None, ..made }) };
        Ok(())
    });
    // SAFETY: as the caller promised.
    unsafe { answer(opened, fault) }
}

/// Hosted build only. Closes a file that `sarsen_file_open` or `sarsen_file_target` has opened, when no task uses it any more, and no copy of `*disk` is
/// used either. NULL, a disk that was closed, and one with callbacks of your own are `SARSEN_BAD_ARGUMENT`.
///
/// # Safety
/// `disk` is NULL, or was filled by one of the two.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sarsen_file_close(disk: *mut sarsen_disk) -> sarsen_status {
    // SAFETY: as the caller promised.
    let Some(disk) = (unsafe { disk.as_mut() }) else { return SARSEN_BAD_ARGUMENT };
    let is_ours =
        disk.read.is_some_and(|callback| core::ptr::fn_addr_eq(callback, read as unsafe extern "C" fn(_, _, _, _) -> _));
    if !is_ours || disk.context.is_null() {
        return SARSEN_BAD_ARGUMENT;
    }
    // SAFETY: `disk_of` made it, and this is the first time it is closed.
    drop(unsafe { Box::from_raw(disk.context.cast::<FileOfDisk>()) });
    // No callback is left, so that a verb that is given it refuses it.
    *disk = sarsen_disk::NONE;
    SARSEN_OK
}
