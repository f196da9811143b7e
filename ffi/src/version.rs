//! Versions: listed, found, removed, and read at any offset.
//!
//! Many threads may read one version, each with a work of its own. Looking a block up takes the repository's lock; reading and decoding it do not.

use crate::disk::{sarsen_extent, sarsen_state};
use crate::handle::{self, Handle, SARSEN_HANDLE_WORDS};
use crate::lock::Count;
use crate::memory::{Limits, Room, room_for, room_for_bytes};
use crate::repository::{Held, Repository, sarsen_repository};
use crate::status::{Stop, answer, sarsen_fault, sarsen_status, sarsen_status::*, tell};
use crate::text::text;
use crate::work::{Inner as Bench, sarsen_work};
use core::cell::UnsafeCell;
use core::ffi::{c_char, c_void};
use sarsen_core::catalogue::{Entry, Listed, Listing, Search, Wanted, with_record};
use sarsen_core::chain::{Chain, Stack};
use sarsen_core::error::{Error, What};
use sarsen_core::format::block::frame_count;
use sarsen_core::format::record::{Record, RecordKind};
use sarsen_core::manifest::{block_len, blocks, root_id};
use sarsen_core::ops::remove::remove;
use sarsen_core::segment::Source;
use sarsen_core::store::Store;
use sarsen_core::types::{Digest, Id, Link, Place, low32, narrow, wide};
use sarsen_core::version::Version;

/// A version that is open for reading.
#[repr(C)]
pub struct sarsen_version {
    /// The library's alone.
    pub opaque: [u64; SARSEN_HANDLE_WORDS],
}

impl Handle for sarsen_version {
    const TAG: u32 = 0x5356_4552;
    type Body = Open;
}

/// Bytes of a text with its zero byte.
pub const SARSEN_TEXT_BYTES: usize = 256;

/// What a version, or a draft that has a checkpoint, says of itself. Texts are UTF-8 and end with a zero byte.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct sarsen_description {
    /// Its id; of a version that damage has made unreadable, its record's.
    pub id: [u8; 32],
    /// Its root: the digest that proves every byte of the disk. Zeros of a draft.
    pub root: [u8; 32],
    /// The version it was built on; zeros if none.
    pub base: [u8; 32],
    /// Versions of several disks taken at one moment have the same group; zeros if none.
    pub group: [u8; 16],
    /// When its backup began, in milliseconds since 1970-01-01 UTC.
    pub time: u64,
    /// Bytes of the disk.
    pub disk_bytes: u64,
    /// Of a draft: bytes done from the start.
    pub position: u64,
    /// Bytes newly stored for it.
    pub new_bytes: u64,
    /// From when on it is not needed, in milliseconds since 1970-01-01 UTC; 0 if it is for ever. Nothing is removed by itself.
    pub expiry: u64,
    /// 1 of a draft.
    pub is_draft: u8,
    /// 1 if it may not be removed: `sarsen_version_unprotect`.
    pub is_protected: u8,
    /// 1 if the source is known to have changed while it was read.
    pub source_changed: u8,
    /// 1 if its record cannot be read: then only `id` is known.
    pub is_unreadable: u8,
    /// How many tags it has: `sarsen_version_tags`.
    pub tag_count: u32,
    /// The disk's name.
    pub name: [c_char; SARSEN_TEXT_BYTES],
    /// The snapshot's name; may be empty.
    pub snapshot: [c_char; SARSEN_TEXT_BYTES],
    /// What the source was, as whoever backed it up named it; may be empty.
    pub source: [c_char; SARSEN_TEXT_BYTES],
}

/// Is told of a version. 0 goes on, anything else ends the list.
pub type sarsen_each_version = Option<unsafe extern "C" fn(context: *mut c_void, description: *const sarsen_description) -> i32>;

const NOTHING: sarsen_description = sarsen_description {
    id: [0; 32],
    root: [0; 32],
    base: [0; 32],
    group: [0; 16],
    time: 0,
    disk_bytes: 0,
    position: 0,
    new_bytes: 0,
    expiry: 0,
    is_draft: 0,
    is_protected: 0,
    source_changed: 0,
    is_unreadable: 0,
    tag_count: 0,
    name: [0; SARSEN_TEXT_BYTES],
    snapshot: [0; SARSEN_TEXT_BYTES],
    source: [0; SARSEN_TEXT_BYTES],
};

/// A text is at most 255 bytes long, so a zero byte is left behind it.
pub fn keep(text: &str, to: &mut [c_char; SARSEN_TEXT_BYTES]) {
    to.fill(0);
    for (to, from) in to.iter_mut().zip(text.bytes().take(SARSEN_TEXT_BYTES - 1)) {
        *to = c_char::from_ne_bytes([from]);
    }
}

#[inline(never)]
fn describe(id: Id, record: &Record<'_>, to: &mut sarsen_description) {
    (to.id, to.root, to.base, to.group) = (id.0, record.root.0, record.base.0, record.group);
    (to.time, to.disk_bytes, to.position) = (record.time, record.disk_size, record.position);
    to.new_bytes = record.statistics.new_bytes;
    to.is_draft = (record.kind == RecordKind::Draft).into();
    (to.is_protected, to.source_changed) = (record.protected.into(), record.source_changed.into());
    (to.is_unreadable, to.expiry) = (0, record.expiry);
    to.tag_count = low32(wide(record.tags.iter().count()));
    keep(record.name, &mut to.name);
    keep(record.snapshot, &mut to.snapshot);
    keep(record.source, &mut to.source);
}

/// Finds the row of a version or draft. A search goes deep, so that it is done before anything large lies on the stack.
#[inline(never)]
fn search(wanted: Wanted<'_>, store: &mut Store<'_>) -> Result<sarsen_core::catalogue::Found, Error> {
    Search::of(store, wanted).run(store)
}

/// A version or draft that was meant, and what is needed to build on it or to open it.
#[derive(Clone, Copy)]
pub struct Meant {
    pub entry: Entry,
    pub id: Id,
    pub kind: RecordKind,
    pub disk_size: u64,
    pub root: Id,
    /// The top page of its manifest, of a draft as far as that is.
    pub top: Id,
    pub base: Id,
    pub position: u64,
}

impl Meant {
    #[inline(never)]
    pub fn find(wanted: Wanted<'_>, store: &mut Store<'_>, see: &mut dyn FnMut(Id, &Record<'_>)) -> Result<Meant, Error> {
        let found = search(wanted, store)?;
        with_record(store, &found.entry.link, |id, record| {
            see(id, record);
            Meant {
                entry: found.entry,
                id,
                kind: record.kind,
                disk_size: record.disk_size,
                root: record.root,
                top: if record.kind == RecordKind::Draft { record.draft_top } else { record.top },
                base: record.base,
                position: record.position,
            }
        })
    }

    /// A finished version.
    pub fn version(text: &str, store: &mut Store<'_>) -> Result<Meant, Stop> {
        Meant::version_seen(text, store, &mut |_, _| {})
    }

    pub fn version_seen(text: &str, store: &mut Store<'_>, see: &mut dyn FnMut(Id, &Record<'_>)) -> Result<Meant, Stop> {
        match &Meant::find(Wanted::parse(text), store, see) {
            Ok(meant) if meant.kind == RecordKind::Draft => Err(SARSEN_IS_A_DRAFT.into()),
            Ok(meant) => Ok(*meant),
            Err(error) => Err((*error).into()),
        }
    }

    pub(crate) const NONE: Meant = Meant {
        entry: Entry { key: None, link: Link::ZERO },
        id: Id::ZERO,
        kind: RecordKind::Version,
        disk_size: 0,
        root: Id::ZERO,
        top: Id::ZERO,
        base: Id::ZERO,
        position: 0,
    };

    /// From now on it is this version. It is large, and the stack may be small.
    #[inline(never)]
    pub fn become_version(&mut self, text: &str, held: &mut Held<'_>) -> Result<(), Stop> {
        match &Meant::find(Wanted::parse(text), held.walked(), &mut |_, _| {}) {
            Ok(meant) if meant.kind == RecordKind::Draft => return Err(SARSEN_IS_A_DRAFT.into()),
            Ok(meant) => *self = *meant,
            Err(error) => return Err((*error).into()),
        }
        Ok(())
    }

    /// Whether its manifest is the one its root names; otherwise it was forged or damaged.
    pub fn is_right(&self, store: &Store<'_>) -> bool {
        root_id(store.parameters(), self.disk_size, self.top) == self.root
    }

    pub fn open(&self, store: &Store<'_>, pages: &'static mut [u8]) -> Result<Version<'static>, Error> {
        match self.is_right(store) {
            true => Ok(Version::of_tree(store.parameters(), self.disk_size, self.top, pages)),
            false => Err(Error::Corrupt { place: self.entry.link.place, what: What::Id }),
        }
    }
}

/// What is open behind a `sarsen_version`.
pub struct Open {
    repository: &'static Repository,
    id: Id,
    size: u64,
    /// Calls that read, outside of the lock.
    reading: Count,
    /// Guarded by the repository's lock.
    version: UnsafeCell<Version<'static>>,
}

/// Bytes of a version.
pub const fn needed(limits: &Limits) -> usize {
    room_for::<Open>(1) + room_for_bytes(limits.manifest())
}

/// Where a block lies.
type Found = Option<(Chain, u32)>;

impl Open {
    fn source(&self) -> Source<'static> {
        Source { medium: self.repository.medium, parameters: self.repository.parameters }
    }

    fn block_bytes(&self) -> u64 {
        u64::from(self.repository.parameters.block_bytes()).max(1)
    }

    fn look(&self, block: u64, store: &mut Store<'static>, version: &mut Version<'static>) -> Result<Found, Error> {
        let id = version.block(block, store)?;
        if id.is_zero() {
            return Ok(None);
        }
        let (found, chain) = store.chain(&id)?.ok_or(Error::Corrupt { place: Place::NONE, what: What::Absent })?;
        let raw_bytes = block_len(self.size, self.repository.parameters.block_bytes(), block);
        match found.entry.raw_bytes == raw_bytes {
            true => Ok(Some((chain, raw_bytes))),
            false => Err(Error::Corrupt { place: found.place, what: What::Length }),
        }
    }

    /// Looks a block up; before it is believed to be lost, in what another process has made of the repository meanwhile.
    #[inline(never)]
    fn find(&self, block: u64, again: bool) -> Result<Found, Stop> {
        let mut held = self.repository.share()?;
        if again {
            held.walked().refresh()?;
        }
        // SAFETY: only reached with the lock of the one repository this belongs to, and not longer than that is held.
        let version = unsafe { &mut *self.version.get() };
        match self.look(block, held.loaded()?, version) {
            Err(error) if error.is_damage() && held.walked().refresh()? => Ok(self.look(block, held.loaded()?, version)?),
            found => Ok(found?),
        }
    }

    /// Does something with where a block lies; and once more if it lies elsewhere by now.
    fn with_block<R>(&self, block: u64, mut act: impl FnMut(Option<Stack<'_>>) -> Result<R, Error>) -> Result<R, Stop> {
        let here = |mut stop: Stop| {
            (stop.fault.block, stop.fault.version) = (block, self.id.0);
            stop
        };
        let mut found = self.find(block, false).map_err(here)?;
        loop {
            let stack = found.as_ref().map(|(chain, raw_bytes)| Stack::new(self.source(), chain, *raw_bytes));
            let error = match act(stack) {
                Err(error) if error.is_damage() => error,
                acted => return acted.map_err(|error| here(error.into())),
            };
            let now = self.find(block, true).map_err(here)?;
            if now == found {
                return Err(here(error.into()));
            }
            found = now;
        }
    }

    fn read(&self, offset: u64, to: &mut [u8], bench: &mut Bench) -> Result<(), Stop> {
        let (mut at, mut to) = (offset, to);
        while !to.is_empty() {
            let (block, within) = (at / self.block_bytes(), at % self.block_bytes());
            let len = narrow(self.block_bytes().saturating_sub(within)).min(to.len());
            let (part, rest) = core::mem::take(&mut to).split_at_mut_checked(len).unwrap_or_default();
            self.with_block(block, |stack| match stack {
                Some(stack) => {
                    let (mut work, lies) = bench.reading();
                    stack.read(low32(within), part, &mut work, lies).map(|_| ())
                }
                None => {
                    part.fill(0);
                    Ok(())
                }
            })?;
            (at, to) = (at.saturating_add(wide(len)), rest);
        }
        Ok(())
    }

    /// The first block from `block` on that is not zero, or the end.
    fn next_data(&self, block: u64) -> Result<u64, Stop> {
        let mut held = self.repository.share()?;
        // SAFETY: as in `find`.
        let version = unsafe { &mut *self.version.get() };
        let count = blocks(self.size, self.repository.parameters.block_bytes());
        let next = match version.next_data(block, held.loaded()?) {
            Err(error) if error.is_damage() && held.walked().refresh()? => version.next_data(block, held.loaded()?),
            next => next,
        };
        Ok(next?.unwrap_or(count))
    }

    fn extent(&self, offset: u64, bench: &mut Bench) -> Result<sarsen_extent, Stop> {
        let (block, within) = (offset / self.block_bytes(), offset % self.block_bytes());
        let told = |end: u64, zero: bool| {
            let state = if zero { sarsen_state::SARSEN_ZERO } else { sarsen_state::SARSEN_DATA };
            let len_bytes = end.min(self.size).saturating_sub(offset);
            sarsen_extent { offset, len_bytes, state: state as i32, reserved: 0 }
        };
        if offset >= self.size {
            return Ok(told(offset, true));
        }
        let data = self.next_data(block)?;
        if data > block {
            return Ok(told(data.saturating_mul(self.block_bytes()), true));
        }
        let frame_bytes = u64::from(self.repository.parameters.frame_bytes()).max(1);
        let first = within / frame_bytes;
        let (end, zero) = self.with_block(block, |stack| {
            let count = self.block_bytes() / frame_bytes;
            let Some(stack) = stack else { return Ok((count, true)) };
            let parameters = &self.repository.parameters;
            let raw_bytes = block_len(self.size, parameters.block_bytes(), block);
            let in_disk = u64::from(frame_count(raw_bytes, parameters.frame_bytes()));
            let mut is_zero = |frame: u64| Ok::<_, Error>(stack.plain(low32(frame), bench.work().scratch)? == Digest::ZERO);
            let zero = is_zero(first)?;
            let mut end = first.saturating_add(1);
            while end < in_disk && is_zero(end)? == zero {
                end = end.saturating_add(1);
            }
            Ok((end, zero))
        })?;
        let start = block.saturating_mul(self.block_bytes());
        Ok(told(start.saturating_add(end.saturating_mul(frame_bytes)), zero))
    }
}

fn list(body: &Repository, context: *mut c_void, each: sarsen_each_version) -> Result<(), Stop> {
    let each = each.ok_or(Stop::from(SARSEN_BAD_ARGUMENT))?;
    let mut held = body.share()?;
    let store = held.walked();
    let mut listing = Listing::of(store);
    loop {
        let entry = match listing.next(store)? {
            Listed::Entry(entry) => entry,
            Listed::Step => continue,
            Listed::End => return Ok(()),
        };
        let mut told = NOTHING;
        match with_record(store, &entry.link, |id, record| describe(id, record, &mut told)) {
            Err(error) if error.is_damage() => (told.id, told.is_unreadable) = (entry.link.id.0, 1),
            described => described?,
        }
        // SAFETY: the caller of `sarsen_version_list` promised so; `told` outlives the call.
        if unsafe { each(context, &told) } != 0 {
            return Err(SARSEN_CANCELLED.into());
        }
    }
}

/// Tells `each` of every version, and of every draft that has a checkpoint, oldest first. Needs no index.
///
/// `*description` is valid only during the call of `each`, and the repository is in use meanwhile. `SARSEN_CANCELLED` if `each` ended it.
/// `SARSEN_PENDING`: call again, and those that were told are told again.
///
/// # Safety
/// Pointers are NULL or valid; `each` may be called with `context`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sarsen_version_list(
    repository: *mut sarsen_repository,
    each: sarsen_each_version,
    context: *mut c_void,
    fault: *mut sarsen_fault,
) -> sarsen_status {
    // SAFETY: as the caller promised.
    unsafe { answer(handle::body(repository).and_then(|body| list(body, context, each)), fault) }
}

/// Finds a version or draft and says what it says of itself. `version`: an id in hex or at least four digits of its beginning, `NAME` (its newest),
/// `NAME@SNAPSHOT`, or `latest`. `description` may be NULL.
///
/// # Safety
/// Pointers are NULL or valid, `version` ends with a zero byte.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sarsen_version_describe(
    repository: *mut sarsen_repository,
    version: *const c_char,
    description: *mut sarsen_description,
    fault: *mut sarsen_fault,
) -> sarsen_status {
    // SAFETY: as the caller promised.
    unsafe {
        let found = handle::body(repository).and_then(|body| {
            let wanted = Wanted::parse(text(version)?);
            let to = description.as_mut();
            let mut held = body.share()?;
            let mut see = see_into(to);
            Ok(Meant::find(wanted, held.walked(), &mut see)?)
        });
        answer(found.map(|_| ()), fault)
    }
}

fn see_into(mut to: Option<&mut sarsen_description>) -> impl FnMut(Id, &Record<'_>) {
    move |id, record| {
        if let Some(to) = to.as_mut() {
            describe(id, record, to);
        }
    }
}

/// Removes a version or draft from the list, for good; gc and compact give back what it alone needed. `SARSEN_PROTECTED` if it is: see
/// `sarsen_version_unprotect`.
///
/// `SARSEN_BUSY` while tasks or drafts are open on the repository. One that is open for reading can be read until gc or compact has run.
///
/// # Safety
/// Pointers are NULL or valid, `version` ends with a zero byte.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sarsen_version_remove(
    repository: *mut sarsen_repository,
    version: *const c_char,
    fault: *mut sarsen_fault,
) -> sarsen_status {
    // SAFETY: as the caller promised.
    unsafe {
        let removed = handle::body(repository).and_then(|body| {
            let wanted = Wanted::parse(text(version)?);
            let mut held = body.share()?;
            if held.users > 0 {
                return Err(SARSEN_BUSY.into());
            }
            let found = Search::of(held.walked(), wanted).run(held.walked())?;
            held.loaded()?;
            Ok(remove(held.walked(), core::iter::once(found.entry))?)
        });
        answer(removed, fault)
    }
}

fn open(
    body: &Repository,
    handle: *mut sarsen_version,
    wanted: &str,
    description: Option<&mut sarsen_description>,
    (memory, memory_bytes): (*mut c_void, usize),
) -> Result<(), Stop> {
    let mut held = body.share()?;
    let meant = Meant::version_seen(wanted, held.walked(), &mut see_into(description))?;
    // SAFETY: the caller of `sarsen_version_open` promised so.
    let mut room = unsafe { Room::of(memory, memory_bytes, needed(&body.limits)) }?;
    let at = build(body, &mut held, &meant, &mut room).inspect_err(|_| room.give_up())?;
    // SAFETY: `handle` can be opened, and the body begins the memory.
    unsafe { handle::open(handle, at, room.heap_bytes()) }?;
    held.versions = held.versions.saturating_add(1);
    Ok(())
}

fn build(body: &Repository, held: &mut Held<'_>, meant: &Meant, room: &mut Room) -> Result<*mut Open, Stop> {
    let at = room.reserve::<Open>()?;
    let pages = room.bytes(body.limits.manifest())?;
    let version = UnsafeCell::new(meant.open(&held.store, pages)?);
    // SAFETY: a repository stays open, where it is, as long as a version is.
    let repository = unsafe { &*core::ptr::from_ref(body) };
    let open = Open { repository, id: meant.id, size: meant.disk_size, reading: Count::none(), version };
    // SAFETY: reserved just now.
    unsafe { at.write(open) };
    Ok(at)
}

/// Opens a version for reading. `version` is as in `sarsen_version_describe`; `description` may be NULL.
///
/// `memory`: `SARSEN_NEED_VERSION` bytes, the library's until `sarsen_version_close`. NULL: the hosted build takes it from the heap; the bare one
/// answers `SARSEN_MEMORY`. The repository cannot be closed before.
///
/// # Safety
/// Pointers are NULL or valid, `version` ends with a zero byte, and `memory` is used by nobody else.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sarsen_version_open(
    handle: *mut sarsen_version,
    repository: *mut sarsen_repository,
    version: *const c_char,
    description: *mut sarsen_description,
    memory: *mut c_void,
    memory_bytes: usize,
    fault: *mut sarsen_fault,
) -> sarsen_status {
    // SAFETY: as the caller promised.
    unsafe {
        let opened = handle::can_open(handle).and_then(|()| {
            let (body, wanted) = (handle::body(repository)?, text(version)?);
            open(body, handle, wanted, description.as_mut(), (memory, memory_bytes))
        });
        answer(opened, fault)
    }
}

/// Bytes of the disk; 0 if the handle is not open.
///
/// # Safety
/// `version` is NULL or a handle.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sarsen_version_size(version: *mut sarsen_version) -> u64 {
    // SAFETY: as the caller promised.
    unsafe { handle::body(version) }.map_or(0, |body| body.size)
}

/// Fills `to` with `len_bytes` of the disk from `offset` on; only frames that are touched are read and decoded.
///
/// Any number of threads may read one version at the same time, each with a work of its own. `SARSEN_BEYOND_END` if the range is not within the disk;
/// `SARSEN_CORRUPT` and the like if it cannot be read: what `to` holds then is not known, and the fault says which block, and where on the medium.
/// Without a `lock` in the host, `SARSEN_BUSY` if another thread looks something up at this moment: call again.
///
/// # Safety
/// Pointers are NULL or valid; `to` has room for `len_bytes`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sarsen_version_read_at(
    version: *mut sarsen_version,
    offset: u64,
    to: *mut c_void,
    len_bytes: usize,
    work: *mut sarsen_work,
    fault: *mut sarsen_fault,
) -> sarsen_status {
    // SAFETY: as the caller promised.
    unsafe {
        let done = handle::body(version).and_then(|body| {
            let _reading = body.reading.enter();
            if offset.checked_add(wide(len_bytes)).is_none_or(|end| end > body.size) {
                return Err(Stop::detailed(SARSEN_BEYOND_END, offset));
            }
            let to = bytes_mut(to, len_bytes)?;
            let lent = handle::body(work)?.lend()?;
            body.read(offset, to, lent.inner)
        });
        answer(done, fault)
    }
}

/// Memory that C lends to be filled.
///
/// # Safety
/// `to` is null, or so many bytes are there, used by nobody else during `'a`. What they hold before does not matter: to Rust, memory of C has values.
pub unsafe fn bytes_mut<'a>(to: *mut c_void, len_bytes: usize) -> Result<&'a mut [u8], Stop> {
    match to.is_null() || len_bytes > isize::MAX.unsigned_abs() {
        true if len_bytes == 0 => Ok(&mut []),
        true => Err(SARSEN_BAD_ARGUMENT.into()),
        // SAFETY: as the caller promised.
        false => Ok(unsafe { core::slice::from_raw_parts_mut(to.cast(), len_bytes) }),
    }
}

/// Memory that C lends to be read.
///
/// # Safety
/// `from` is null, or so many bytes are there, that nobody writes during `'a`.
pub unsafe fn bytes<'a>(from: *const c_void, len_bytes: usize) -> Result<&'a [u8], Stop> {
    match from.is_null() || len_bytes > isize::MAX.unsigned_abs() {
        true if len_bytes == 0 => Ok(&[]),
        true => Err(SARSEN_BAD_ARGUMENT.into()),
        // SAFETY: as the caller promised.
        false => Ok(unsafe { core::slice::from_raw_parts(from.cast(), len_bytes) }),
    }
}

/// The extent that begins at `offset`, into `*extent`: `SARSEN_ZERO` or `SARSEN_DATA`. It has at least one byte unless `offset` is the disk's end or
/// behind it, and the next one may be of the same state. Zeros are told frame by frame; no data is read for it.
///
/// # Safety
/// Pointers are NULL or valid.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sarsen_version_extent(
    version: *mut sarsen_version,
    offset: u64,
    extent: *mut sarsen_extent,
    work: *mut sarsen_work,
    fault: *mut sarsen_fault,
) -> sarsen_status {
    // SAFETY: as the caller promised.
    unsafe {
        let told = handle::body(version).and_then(|body| {
            let _reading = body.reading.enter();
            if extent.is_null() {
                return Err(SARSEN_BAD_ARGUMENT.into());
            }
            let lent = handle::body(work)?.lend()?;
            body.extent(offset, lent.inner)
        });
        answer(told.map(|told| tell(extent, told)), fault)
    }
}

/// Gives the memory back; the handle is closed. `SARSEN_BUSY`, and it stays open, while a call reads.
///
/// # Safety
/// `version` is NULL or a handle.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sarsen_version_close(version: *mut sarsen_version) -> sarsen_status {
    // SAFETY: as the caller promised.
    unsafe {
        let closed = handle::body(version).and_then(|body| {
            let mut held = body.repository.hold()?;
            if body.reading.any() {
                return Err(SARSEN_BUSY.into());
            }
            held.versions = held.versions.saturating_sub(1);
            handle::close(version);
            Ok(())
        });
        answer(closed, core::ptr::null_mut())
    }
}
