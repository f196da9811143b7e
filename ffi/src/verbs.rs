//! One function for each verb. Each opens the repository, does its work, commits, closes and forgets: nothing outlives a call.
//!
//! Stores and tasks are kilobytes, and the stack is what a small chip has least of. So a `Result` that holds one is borrowed from where it lies
//! (`as_mut`) instead of moved, and what is needed only for a while lives in a function of its own that is not inlined.

use crate::disk::CDisk;
use crate::error::{BAD_ARGUMENT, CFault, NOWHERE, OK, code, fault};
use crate::host::CHost;
use crate::medium::CMedium;
use crate::memory::{Lent, bytes_needed};
use core::ffi::{CStr, c_char, c_void};
use sarsen_core::catalogue::{Listed, Listing, Search, Wanted, with_record};
use sarsen_core::codec::{CodecId, Plain};
use sarsen_core::digest::Algorithm;
use sarsen_core::error::{Error, Refusal, What};
use sarsen_core::format::record::{HintSource, RecordKind};
use sarsen_core::frame::Work;
use sarsen_core::manifest::root_id;
use sarsen_core::ops::backup::{self, Backup, Start};
use sarsen_core::ops::check::{self, Check, Depth};
use sarsen_core::ops::init;
use sarsen_core::ops::restore::{self, Restore};
use sarsen_core::store::{Memory, Store};
use sarsen_core::task::{Event, Hands, Job, Next, Outcome, Task, run_inline};
use sarsen_core::types::Id;
use sarsen_core::version::Version;

/// `struct sarsen_options`: what is chosen when a repository is made.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct COptions {
    digest: u8,
    codec: u8,
    block_log2: u8,
    frame_log2: u8,
    fan_out_log2: u8,
    align_log2: u8,
    levels: u8,
    history: u16,
    segment_bytes: u32,
}

impl COptions {
    /// The engine checks the values; only codes nobody knows, and lengths that memory cannot be cut by, are refused here.
    fn parse(&self) -> Result<init::Options, Error> {
        let refused = Error::Refused(Refusal::Parameter);
        let logs =
            [(self.block_log2, 24), (self.frame_log2, 24), (self.fan_out_log2, 8), (self.align_log2, 12), (self.levels, 9)];
        if logs.iter().any(|(log2, max)| log2 > max) {
            return Err(refused);
        }
        Ok(init::Options {
            algorithm: Algorithm::from_code(self.digest).ok_or(refused)?,
            codec: CodecId::from_code(self.codec).ok_or(refused)?,
            block_log2: self.block_log2,
            frame_log2: self.frame_log2,
            fan_out_log2: self.fan_out_log2,
            align_log2: self.align_log2,
            history: self.history,
            segment_bytes: self.segment_bytes,
        })
    }
}

/// `struct sarsen`: all that is lent to a call.
#[repr(C)]
pub struct CSarsen {
    medium: *const CMedium,
    host: *const CHost,
    memory: *mut u8,
    memory_bytes: usize,
    options: COptions,
    fault: CFault,
}

/// `struct sarsen_version`: a version, while its callback runs.
#[repr(C)]
pub struct CVersion {
    id: [u8; 32],
    time: u64,
    disk_bytes: u64,
    name: *const u8,
    name_bytes: usize,
    snapshot: *const u8,
    snapshot_bytes: usize,
}

/// `struct sarsen_backup_report`.
#[repr(C)]
pub struct CBackupReport {
    version: [u8; 32],
    read_bytes: u64,
    new_blocks: u64,
    new_bytes: u64,
}

/// `struct sarsen_check_report`.
#[repr(C)]
pub struct CCheckReport {
    segments: u64,
    entries: u64,
    bytes: u64,
    versions: u64,
    findings: u64,
    versions_hit: u64,
}

/// `struct sarsen_restore_report`.
#[repr(C)]
pub struct CRestoreReport {
    disk_bytes: u64,
    data_bytes: u64,
    lost_bytes: u64,
}

type Each = unsafe extern "C" fn(*mut c_void, *const CVersion) -> i32;

/// What cannot be asked of the engine because C said nothing sensible.
enum Stop {
    Argument,
    Engine(Error),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Stop {
        Stop::Engine(error)
    }
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Stop {
        Stop::Engine(refusal.into())
    }
}

/// A store that is open, and what else was lent.
struct Open<'a, 'm> {
    store: &'a mut Store<'m>,
    hands: Hands<'m>,
    raw: &'m mut [u8],
    packed: &'m mut [u8],
    scratch: &'m mut [u8],
    manifest: &'m mut [u8],
    other_manifest: &'m mut [u8],
}

/// A task whose two halves do not share a stack frame.
struct Apart<'t, T>(&'t mut T);

impl<T: Task> Task for Apart<'_, T> {
    type Report = T::Report;

    #[inline(never)]
    fn next(&mut self, store: &mut Store<'_>) -> Result<Next<T::Report>, Error> {
        self.0.next(store)
    }

    #[inline(never)]
    fn accept(
        &mut self,
        store: &mut Store<'_>,
        job: &Job,
        outcome: Result<Outcome, Error>,
        work: &mut Work<'_>,
    ) -> Result<Option<Event>, Error> {
        self.0.accept(store, job, outcome, work)
    }
}

/// Checks what was lent, runs `verb` on it, and makes a number of the outcome.
///
/// # Safety
/// As said in the header of `struct sarsen`.
unsafe fn call(sarsen: *mut CSarsen, verb: impl FnOnce(&CMedium, &CHost, &init::Options, Lent<'_>) -> Result<(), Stop>) -> i32 {
    // SAFETY: the caller promised a valid, unshared struct, or null.
    let Some(sarsen) = (unsafe { sarsen.as_mut() }) else { return BAD_ARGUMENT };
    sarsen.fault = NOWHERE;
    // SAFETY: the caller promised valid structs, or null.
    let (medium, host) = unsafe { (sarsen.medium.as_ref(), sarsen.host.as_ref()) };
    let (Some(medium), Some(host), false) = (medium, host, sarsen.memory.is_null()) else { return BAD_ARGUMENT };
    // SAFETY: the caller promised that this many bytes are there, initialised or of static storage, and used by nobody else meanwhile.
    let memory = unsafe { core::slice::from_raw_parts_mut(sarsen.memory, sarsen.memory_bytes) };
    let options = sarsen.options;
    let run = |parsed: init::Options| verb(medium, host, &parsed, Lent::cut(memory, &parsed, options.levels)?);
    match options.parse().map_err(Stop::from).and_then(run) {
        Ok(()) => OK,
        Err(Stop::Argument) => BAD_ARGUMENT,
        Err(Stop::Engine(error)) => {
            sarsen.fault = fault(&error);
            code(&error)
        }
    }
}

/// As [`call`], with the repository open.
///
/// # Safety
/// As [`call`].
unsafe fn call_open(sarsen: *mut CSarsen, disk: Option<&CDisk>, verb: impl FnOnce(Open<'_, '_>) -> Result<(), Stop>) -> i32 {
    let opened = |medium: &CMedium, host: &CHost, _: &init::Options, lent: Lent<'_>| {
        let Lent { mut index, mut marks, buffer, chunk, pages, walk, raw, packed, scratch, manifest, other_manifest } = lent;
        let memory = Memory { index: &mut index, marks: &mut marks, buffer, chunk, pages, walk };
        let mut opened = Store::open(medium, host, memory);
        let store = opened.as_mut().map_err(|error| *error)?;
        let hands = Hands { medium, parameters: *store.parameters(), disk: disk.map(|disk| disk as _) };
        verb(Open { store, hands, raw, packed, scratch, manifest, other_manifest })
    };
    // SAFETY: passed on to the caller.
    unsafe { call(sarsen, opened) }
}

/// # Safety
/// `text` is null or ends with a zero byte and outlives `'a`.
unsafe fn text<'a>(text: *const c_char) -> Result<&'a str, Stop> {
    if text.is_null() {
        return Err(Stop::Argument);
    }
    // SAFETY: the caller promised so.
    unsafe { CStr::from_ptr(text) }.to_str().map_err(|_| Stop::Argument)
}

/// # Safety
/// `to` is null or may be written.
unsafe fn tell<T>(to: *mut T, report: T) {
    if !to.is_null() {
        // SAFETY: the caller promised so.
        unsafe { to.write(report) }
    }
}

/// How much memory calls on such a repository need, with an index of so many objects (blocks and manifest pages); 0 if the options are refused.
///
/// # Safety
/// `options` is null or valid.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sarsen_memory_bytes(options: *const COptions, objects: usize) -> usize {
    // SAFETY: as the caller promised.
    let Some(options) = (unsafe { options.as_ref() }) else { return 0 };
    options.parse().map_or(0, |parsed| bytes_needed(&parsed, options.levels, objects))
}

/// Makes an empty repository of an empty medium.
///
/// # Safety
/// `sarsen` is null or valid, with all it points to, and shared with nobody during the call.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sarsen_init(sarsen: *mut CSarsen) -> i32 {
    let made = |medium: &CMedium, host: &CHost, options: &init::Options, lent: Lent<'_>| {
        init::init(medium, host, options, lent.chunk, lent.buffer)?;
        Ok(())
    };
    // SAFETY: passed on to the caller.
    unsafe { call(sarsen, made) }
}

/// The newest version of a disk, as something to build on.
#[inline(never)]
fn newest(name: &str, store: &mut Store<'_>) -> Result<Start, Error> {
    let found = match Search::of(store, Wanted::Name(name)).run(store) {
        Ok(found) => found,
        Err(Error::Refused(Refusal::UnknownVersion)) => return Ok(Start::EMPTY),
        Err(error) => return Err(error),
    };
    with_record(store, &found.entry.link, |id, record| Start {
        base: id,
        disk_size: record.disk_size,
        top: record.top,
        ..Start::EMPTY
    })
}

#[inline(never)]
fn back_up(open: Open<'_, '_>, disk: &CDisk, options: backup::Options<'_>) -> Result<CBackupReport, Error> {
    let Open { store, hands, raw, packed, scratch, manifest, other_manifest } = open;
    let memory = backup::Memory { base: manifest, draft: other_manifest };
    let mut made = Backup::new(store, disk, options, memory);
    let task = made.as_mut().map_err(|error| *error)?;
    let mut work = Work { raw, packed, scratch, codecs: &mut Plain };
    let done = run_inline(&mut Apart(task), store, &hands, &mut work, &mut |_, _| {})?;
    Ok(CBackupReport {
        version: done.version.0,
        read_bytes: done.statistics.read_bytes,
        new_blocks: done.statistics.new_blocks,
        new_bytes: done.statistics.new_bytes,
    })
}

/// Backs a disk up, on the newest version of its name if there is one.
///
/// # Safety
/// As [`sarsen_init`]; `disk`, `name` and `snapshot` are valid, texts end with a zero byte, `report` is null or may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sarsen_backup(
    sarsen: *mut CSarsen,
    disk: *const CDisk,
    name: *const c_char,
    snapshot: *const c_char,
    report: *mut CBackupReport,
) -> i32 {
    // SAFETY: as the caller promised.
    let (disk, name, snapshot) = unsafe { (disk.as_ref(), text(name), text(snapshot)) };
    let (Some(disk), Ok(name), Ok(snapshot)) = (disk, name, snapshot) else { return BAD_ARGUMENT };
    let run = |open: Open<'_, '_>| {
        // What loads the index is deep; done here, it does not lie on top of a task.
        while !open.store.load()? {}
        let start = newest(name, open.store)?;
        let options = backup::Options {
            name,
            snapshot,
            source: "",
            group: [0; 16],
            start,
            hints: (HintSource::None, ""),
            spot_checks: 0,
            checkpoint_bytes: 0,
        };
        let told = back_up(open, disk, options)?;
        // SAFETY: as the caller promised.
        unsafe { tell(report, told) };
        Ok(())
    };
    // SAFETY: passed on to the caller.
    unsafe { call_open(sarsen, Some(disk), run) }
}

/// Tells of each version, oldest first, until `each` answers anything but 0.
///
/// # Safety
/// As [`sarsen_init`]; `each` may be called with `context`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sarsen_list(sarsen: *mut CSarsen, each: Option<Each>, context: *mut c_void) -> i32 {
    let Some(each) = each else { return BAD_ARGUMENT };
    let run = |open: Open<'_, '_>| {
        let store = open.store;
        let mut listing = Listing::of(store);
        loop {
            let entry = match listing.next(store)? {
                Listed::Entry(entry) => entry,
                Listed::Step => continue,
                Listed::End => return Ok(()),
            };
            let answer = with_record(store, &entry.link, |id, record| {
                let version = CVersion {
                    id: id.0,
                    time: record.time,
                    disk_bytes: record.disk_size,
                    name: record.name.as_ptr(),
                    name_bytes: record.name.len(),
                    snapshot: record.snapshot.as_ptr(),
                    snapshot_bytes: record.snapshot.len(),
                };
                // SAFETY: as the caller promised; `version` outlives the call.
                if record.kind == RecordKind::Version { unsafe { each(context, &version) } } else { 0 }
            })?;
            if answer != 0 {
                return Err(Error::Cancelled.into());
            }
        }
    };
    // SAFETY: passed on to the caller.
    unsafe { call_open(sarsen, None, run) }
}

#[inline(never)]
fn look(open: Open<'_, '_>, depth: Depth) -> Result<check::Report, Error> {
    let Open { store, hands, raw, packed, scratch, manifest, .. } = open;
    let mut task = Check::new(store, depth, manifest);
    let mut work = Work { raw, packed, scratch, codecs: &mut Plain };
    run_inline(&mut Apart(&mut task), store, &hands, &mut work, &mut |_, _| {})
}

/// Reads structure only, or every byte. `SARSEN_DAMAGED` if anything is wrong.
///
/// # Safety
/// As [`sarsen_init`]; `report` is null or may be written.
unsafe fn check_at(sarsen: *mut CSarsen, depth: Depth, report: *mut CCheckReport) -> i32 {
    let mut damaged = false;
    let run = |open: Open<'_, '_>| {
        let done = look(open, depth)?;
        damaged = done.damaged();
        let told = CCheckReport {
            segments: done.segments,
            entries: done.entries,
            bytes: done.bytes,
            versions: done.versions,
            findings: done.findings,
            versions_hit: done.hit,
        };
        // SAFETY: as the caller promised.
        unsafe { tell(report, told) };
        Ok(())
    };
    // SAFETY: passed on to the caller.
    match unsafe { call_open(sarsen, None, run) } {
        OK if damaged => DAMAGED,
        code => code,
    }
}

/// `SARSEN_DAMAGED`.
const DAMAGED: i32 = 2;

/// Reads structure: headers, footers, tables, and whether all that versions need is there.
///
/// # Safety
/// As [`sarsen_init`]; `report` is null or may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sarsen_check(sarsen: *mut CSarsen, report: *mut CCheckReport) -> i32 {
    // SAFETY: passed on to the caller.
    unsafe { check_at(sarsen, Depth::Check, report) }
}

/// Reads every byte.
///
/// # Safety
/// As [`sarsen_check`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sarsen_scrub(sarsen: *mut CSarsen, report: *mut CCheckReport) -> i32 {
    // SAFETY: passed on to the caller.
    unsafe { check_at(sarsen, Depth::Scrub, report) }
}

/// Size and top page of the version that is meant; its root is checked.
#[inline(never)]
fn find(wanted: &str, store: &mut Store<'_>) -> Result<(u64, Id), Error> {
    let found = Search::of(store, Wanted::parse(wanted)).run(store)?;
    let parameters = *store.parameters();
    let (size, top, root) = with_record(store, &found.entry.link, |_, record| (record.disk_size, record.top, record.root))?;
    match root_id(&parameters, size, top) == root {
        true => Ok((size, top)),
        false => Err(Error::Corrupt { place: found.entry.link.place, what: What::Id }),
    }
}

#[inline(never)]
fn bring_back(open: Open<'_, '_>, size: u64, top: Id, target: &CDisk) -> Result<restore::Report, Error> {
    let Open { store, hands, raw, packed, scratch, manifest, .. } = open;
    let version = Version::of_tree(store.parameters(), size, top, manifest);
    let mut task = Restore::new(store, version, target, restore::Options { target_is_zero: false });
    let mut work = Work { raw, packed, scratch, codecs: &mut Plain };
    run_inline(&mut Apart(&mut task), store, &hands, &mut work, &mut |_, _| {})
}

/// Restores a version (an id, the beginning of one, `NAME`, `NAME@SNAPSHOT` or `latest`) to a disk that is at least as large.
/// `SARSEN_DAMAGED` if ranges were lost and made zero.
///
/// # Safety
/// As [`sarsen_init`]; `wanted` ends with a zero byte, `target` is valid, `report` is null or may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sarsen_restore(
    sarsen: *mut CSarsen,
    wanted: *const c_char,
    target: *const CDisk,
    report: *mut CRestoreReport,
) -> i32 {
    // SAFETY: as the caller promised.
    let (target, wanted) = unsafe { (target.as_ref(), text(wanted)) };
    let (Some(target), Ok(wanted)) = (target, wanted) else { return BAD_ARGUMENT };
    let mut lost = false;
    let run = |open: Open<'_, '_>| {
        while !open.store.load()? {}
        let (size, top) = find(wanted, open.store)?;
        let done = bring_back(open, size, top, target)?;
        lost = done.lost_bytes > 0;
        let told = CRestoreReport { disk_bytes: done.disk_size, data_bytes: done.data_bytes, lost_bytes: done.lost_bytes };
        // SAFETY: as the caller promised.
        unsafe { tell(report, told) };
        Ok(())
    };
    // SAFETY: passed on to the caller.
    match unsafe { call_open(sarsen, None, run) } {
        OK if lost => DAMAGED,
        code => code,
    }
}
