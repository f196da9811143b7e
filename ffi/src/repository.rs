//! A repository that is open: the store, and the lock that every call on it, and on what was opened on it, takes while it uses the store.

use crate::handle::{self, Handle, SARSEN_HANDLE_WORDS};
use crate::host::{Surroundings, sarsen_host};
use crate::lock::Flag;
use crate::medium::sarsen_medium;
use crate::memory::{Limits, Room, room_for, room_for_bytes, sarsen_config};
use crate::status::{NOWHERE, Stop, answer, sarsen_fault, sarsen_status, sarsen_status::*, tell};
use core::cell::UnsafeCell;
use core::ffi::c_void;
use core::ops::{Deref, DerefMut};
use sarsen_core::damage::Marked;
use sarsen_core::error::Error;
use sarsen_core::format::header::Parameters;
use sarsen_core::host::Fixed;
use sarsen_core::index::Slot;
use sarsen_core::log::{self, Head};
use sarsen_core::medium::Medium;
use sarsen_core::ops::init;
use sarsen_core::store::{Memory, Store};

/// A repository that is open. Distinct repositories are independent of each other, also two that are open on the same medium (of which one may write).
#[repr(C)]
pub struct sarsen_repository {
    /// The library's alone.
    pub opaque: [u64; SARSEN_HANDLE_WORDS],
}

impl Handle for sarsen_repository {
    const TAG: u32 = 0x5352_4550;
    type Body = Repository;
}

/// What is open behind a `sarsen_repository`.
pub struct Repository {
    taken: Flag,
    pub surroundings: &'static Surroundings,
    pub medium: &'static dyn Medium,
    /// What memory is cut by.
    pub limits: Limits,
    pub parameters: Parameters,
    inner: UnsafeCell<Inner>,
    #[cfg(feature = "hosted")]
    _owned: Option<crate::hosted::Owned>,
}

/// What the lock guards.
pub struct Inner {
    pub store: Store<'static>,
    /// Versions that are open.
    pub versions: u32,
    /// Tasks and drafts that are open.
    pub users: u32,
    /// A task that needs the store for itself is open.
    pub exclusive: bool,
    /// Loading the index was begun and had to wait.
    loading: bool,
}

/// The lock, and what it guards.
pub struct Held<'r> {
    repository: &'r Repository,
}

impl Deref for Held<'_> {
    type Target = Inner;
    fn deref(&self) -> &Inner {
        // SAFETY: the flag is ours, so nobody else has a reference.
        unsafe { &*self.repository.inner.get() }
    }
}

impl DerefMut for Held<'_> {
    fn deref_mut(&mut self) -> &mut Inner {
        // SAFETY: as in `deref`.
        unsafe { &mut *self.repository.inner.get() }
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.repository.taken.give_back();
        self.repository.unlock();
    }
}

impl Repository {
    fn unlock(&self) {
        let host = &self.surroundings.host;
        if let Some(unlock) = host.unlock {
            // SAFETY: who opened the repository promised that the callbacks may be called with this context.
            unsafe { unlock(host.context) }
        }
    }

    /// Takes the lock. The flag tells what the caller's lock does not: that this very thread has it.
    pub fn hold(&self) -> Result<Held<'_>, Stop> {
        let host = &self.surroundings.host;
        // SAFETY: as in `unlock`.
        if host.lock.is_some_and(|lock| unsafe { lock(host.context) } != 0) {
            return Err(SARSEN_BUSY.into());
        }
        if !self.taken.take() {
            self.unlock();
            return Err(SARSEN_BUSY.into());
        }
        Ok(Held { repository: self })
    }

    /// The same, unless a task needs the store for itself.
    pub fn share(&self) -> Result<Held<'_>, Stop> {
        let held = self.hold()?;
        if held.exclusive { Err(SARSEN_BUSY.into()) } else { Ok(held) }
    }
}

impl Inner {
    /// The store with its index.
    pub fn loaded(&mut self) -> Result<&mut Store<'static>, Error> {
        self.loading = true;
        while !self.store.load()? {}
        self.loading = false;
        Ok(&mut self.store)
    }

    /// The store, for a walk through the catalogue: that shares memory with loading, so loading that was begun begins anew.
    pub fn walked(&mut self) -> &mut Store<'static> {
        if self.loading {
            self.store.unload(false);
            self.loading = false;
        }
        &mut self.store
    }
}

/// Bytes of a repository.
pub const fn needed(limits: &Limits) -> usize {
    let bodies = room_for::<Repository>(1) + room_for::<sarsen_medium>(1) + room_for::<Surroundings>(1);
    let lists = room_for::<Fixed<'static, Slot>>(1) + room_for::<Fixed<'static, Marked>>(1) + limits.index();
    let tables = room_for_bytes(limits.table()) * 2;
    bodies + lists + tables + room_for_bytes(limits.buffer()) + room_for_bytes(limits.chunk())
}

fn memory(room: &mut Room, limits: &Limits) -> Result<Memory<'static>, Error> {
    let marks = room.items(limits.marks, Marked::FREE)?;
    let marks = room.put(Fixed(marks))?;
    let (buffer, chunk) = (room.bytes(limits.buffer())?, room.bytes(limits.chunk())?);
    let (pages, walk) = (room.bytes(limits.table())?, room.bytes(limits.table())?);
    let index = room.put(Fixed(&mut [][..]))?;
    // All that is left, and not only what was asked for.
    let slots = room.left().checked_div(room_for::<Slot>(1)).unwrap_or(0);
    index.0 = room.items(slots, Slot::default())?;
    Ok(Memory { index, marks, buffer, chunk, pages, walk })
}

/// What a repository is opened with, but for its memory.
pub struct Edges {
    pub medium: &'static dyn Medium,
    pub surroundings: &'static Surroundings,
    pub limits: Option<Limits>,
    #[cfg(feature = "hosted")]
    pub owned: Option<crate::hosted::Owned>,
}

/// Makes the store where it is to lie: it is kilobytes, and the stack is what a small chip has least of.
#[inline(never)]
fn place_store(at: *mut Store<'static>, edges: &Edges, head: Head, memory: Memory<'static>) -> Result<(), Error> {
    let store = Store::over(edges.medium, edges.surroundings, head, memory)?;
    // SAFETY: the caller reserved it for this.
    unsafe { at.write(store) };
    Ok(())
}

/// Opens a repository where it is to lie.
///
/// # Safety
/// So much was reserved at `at`.
pub unsafe fn build(at: *mut Repository, edges: Edges, memory: Memory<'static>) -> Result<(), Stop> {
    // SAFETY: the caller reserved all of it for this.
    let inner = unsafe { UnsafeCell::raw_get(&raw const (*at).inner) };
    // SAFETY: as above.
    let store = unsafe { &raw mut (*inner).store };
    let head = log::open(edges.medium, memory.chunk, memory.buffer)?;
    place_store(store, &edges, head, memory)?;
    // SAFETY: it is open now.
    let parameters = *unsafe { &*store }.parameters();
    let limits = match edges.limits {
        Some(limits) => limits.hold(&parameters)?,
        #[cfg(feature = "hosted")]
        None => Limits::of(&parameters),
        #[cfg(not(feature = "hosted"))]
        None => return Err(SARSEN_BAD_ARGUMENT.into()),
    };
    // SAFETY: reserved for this; with the store, these are all of its fields, and a store that is given up needs no drop.
    unsafe {
        (&raw mut (*inner).versions).write(0);
        (&raw mut (*inner).users).write(0);
        (&raw mut (*inner).exclusive).write(false);
        (&raw mut (*inner).loading).write(false);
        (&raw mut (*at).taken).write(Flag::free());
        (&raw mut (*at).surroundings).write(edges.surroundings);
        (&raw mut (*at).medium).write(edges.medium);
        (&raw mut (*at).limits).write(limits);
        (&raw mut (*at).parameters).write(parameters);
        #[cfg(feature = "hosted")]
        (&raw mut (*at)._owned).write(edges.owned);
    }
    Ok(())
}

/// Copies of what C described.
struct Given {
    medium: &'static sarsen_medium,
    surroundings: &'static Surroundings,
    limits: Limits,
}

/// # Safety
/// As `sarsen_repository_open`.
unsafe fn given(
    medium: *const sarsen_medium,
    host: *const sarsen_host,
    config: *const sarsen_config,
    memory: *mut c_void,
    memory_bytes: usize,
) -> Result<(Given, Room, *mut Repository), Stop> {
    // SAFETY: as the caller promised.
    let (medium, host, config) = unsafe { (medium.as_ref(), host.as_ref(), config.as_ref()) };
    let (Some(medium), Some(host), Some(config)) = (medium, host, config) else { return Err(SARSEN_BAD_ARGUMENT.into()) };
    let limits = config.limits()?;
    if host.lock.is_some() != host.unlock.is_some() {
        return Err(SARSEN_BAD_ARGUMENT.into());
    }
    // SAFETY: as the caller promised.
    let mut room = unsafe { Room::of(memory, memory_bytes, needed(&limits)) }?;
    let at = room.reserve()?;
    let medium = room.put(*medium)?;
    let surroundings = room.put(Surroundings::new(*host))?;
    Ok((Given { medium, surroundings, limits }, room, at))
}

#[inline(never)]
fn format(given: &Given, room: &mut Room) -> Result<(), Stop> {
    let (chunk, buffer) = (room.bytes(given.limits.chunk())?, room.bytes(given.limits.buffer())?);
    init::init(given.medium, given.surroundings, &given.limits.options, chunk, buffer)?;
    Ok(())
}

/// Makes an empty repository of an empty medium, or of one on which an earlier format was cut off.
///
/// `memory`: `SARSEN_NEED_REPOSITORY` bytes, used only during the call. NULL: as in `sarsen_repository_open`.
/// `SARSEN_ALREADY_A_REPOSITORY` if there is one; `SARSEN_BAD_PARAMETER` if the config is outside of what the format or the medium allows.
///
/// # Safety
/// Pointers are NULL or valid, callbacks may be called with their contexts, and `memory` is used by nobody else.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sarsen_repository_format(
    medium: *const sarsen_medium,
    host: *const sarsen_host,
    config: *const sarsen_config,
    memory: *mut c_void,
    memory_bytes: usize,
    fault: *mut sarsen_fault,
) -> sarsen_status {
    // SAFETY: as the caller promised.
    unsafe {
        let made = given(medium, host, config, memory, memory_bytes).and_then(|(given, mut room, _)| {
            let made = format(&given, &mut room);
            room.give_up();
            made
        });
        answer(made, fault)
    }
}

/// Opens a repository as of its newest commit, for reading, and for writing if the medium can be written.
///
/// `*medium` and `*host` are copied; what their contexts point to must stay valid until the repository is closed. `*config` says how much memory there
/// is to be; what it says of choices made with the repository must be that, or larger. `memory`: `SARSEN_NEED_REPOSITORY` bytes, aligned to 8; more
/// makes the index larger. It is the library's until `sarsen_repository_close`. NULL: the hosted build takes it from the heap; the bare one
/// answers `SARSEN_MEMORY`, the fault's `detail` being what is needed.
///
/// Nothing is written before something is changed. When memory is lost after that (a reset), nothing is lost but what was not committed.
///
/// # Safety
/// Pointers are NULL or valid, callbacks may be called with their contexts, and `memory` is used by nobody else.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sarsen_repository_open(
    repository: *mut sarsen_repository,
    medium: *const sarsen_medium,
    host: *const sarsen_host,
    config: *const sarsen_config,
    memory: *mut c_void,
    memory_bytes: usize,
    fault: *mut sarsen_fault,
) -> sarsen_status {
    // SAFETY: as the caller promised.
    unsafe {
        let opened = handle::can_open(repository)
            .and_then(|()| given(medium, host, config, memory, memory_bytes))
            .and_then(|(given, room, at)| open(repository, &given, room, at));
        answer(opened, fault)
    }
}

unsafe fn open(handle: *mut sarsen_repository, given: &Given, mut room: Room, at: *mut Repository) -> Result<(), Stop> {
    let edges = Edges {
        medium: given.medium,
        surroundings: given.surroundings,
        limits: Some(given.limits),
        #[cfg(feature = "hosted")]
        owned: None,
    };
    let built = memory(&mut room, &given.limits).map_err(Stop::from).and_then(|memory| {
        // SAFETY: reserved by `given`.
        unsafe { build(at, edges, memory) }
    });
    built.inspect_err(|_| room.give_up())?;
    // SAFETY: `handle` can be opened, and the body begins the memory.
    unsafe { handle::open(handle, at, room.heap_bytes()) }
}

/// Ends the session, if one is under way, in good order: the medium could be taken away at any time without this, but what was committed last is
/// then found with more work.
///
/// `SARSEN_BUSY`, and it stays open, while a version, draft or task is open on it, or a call uses it. Whatever else is answered, it is closed, and its
/// memory is the caller's again.
///
/// # Safety
/// `repository` is NULL or a handle.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sarsen_repository_close(repository: *mut sarsen_repository, fault: *mut sarsen_fault) -> sarsen_status {
    // SAFETY: as the caller promised.
    unsafe {
        let ended = handle::body(repository).and_then(|body| {
            let mut held = body.hold()?;
            if held.versions > 0 || held.users > 0 {
                return Err(SARSEN_BUSY.into());
            }
            // Without what writes there is no session to end.
            Ok(if cfg!(feature = "write") { held.store.close().map_err(Stop::from) } else { Ok(()) })
        });
        let closed = ended.and_then(|ended| match ended {
            Err(stop) if stop.is_pending() => Err(stop),
            ended => {
                handle::close(repository);
                ended
            }
        });
        answer(closed, fault)
    }
}

/// What a repository is like.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct sarsen_description_of_repository {
    /// Its id, the same in every segment.
    pub id: [u8; 16],
    /// The id of the newest commit: whoever keeps it can later show that nothing newer was taken away.
    pub commit: [u8; 32],
    /// How many commits there were.
    pub sequence: u64,
    /// When it was made, in milliseconds since 1970-01-01 UTC.
    pub made: u64,
    /// Bytes of a block.
    pub block_bytes: u32,
    /// Bytes of a frame: what is read and decoded at once.
    pub frame_bytes: u32,
    /// The greatest length of a segment.
    pub segment_bytes: u32,
    /// Rows of a page.
    pub fan_out: u32,
    /// 1 SHA-256, 2 BLAKE3.
    pub digest: u8,
    /// 0 none, 1 LZ4, 2 Zstandard, 3 zlib.
    pub codec: u8,
    /// 1 if it can be written here.
    pub writable: u8,
    /// 1 if something newer than what can be read once existed.
    pub behind: u8,
    /// 0.
    pub reserved: u32,
}

/// Says what a repository is like, as of the newest commit it knows.
///
/// # Safety
/// Pointers are NULL or valid.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sarsen_repository_describe(
    repository: *mut sarsen_repository,
    description: *mut sarsen_description_of_repository,
    fault: *mut sarsen_fault,
) -> sarsen_status {
    // SAFETY: as the caller promised.
    unsafe {
        let told = handle::body(repository).and_then(|body| {
            let held = body.hold()?;
            let (parameters, head) = (&body.parameters, held.store.head());
            let known = sarsen_description_of_repository {
                id: parameters.repository.0,
                commit: head.id.0,
                sequence: head.commit.sequence,
                made: parameters.made,
                block_bytes: parameters.block_bytes(),
                frame_bytes: parameters.frame_bytes(),
                segment_bytes: parameters.segment_bytes,
                fan_out: parameters.fan_out(),
                digest: parameters.algorithm.code(),
                codec: parameters.codec.code(),
                writable: held.store.check_writable().is_ok().into(),
                behind: head.behind.is_some().into(),
                reserved: 0,
            };
            if description.is_null() { Err(Stop { status: SARSEN_BAD_ARGUMENT, fault: NOWHERE }) } else { Ok(known) }
        });
        answer(told.map(|told| tell(description, told)), fault)
    }
}

/// Looks whether another process has committed since, and goes on as of that: new versions are found, and old ones that were removed are not.
/// Versions that are open stay what they are. Answers `SARSEN_OK` either way.
///
/// # Safety
/// Pointers are NULL or valid.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sarsen_repository_refresh(
    repository: *mut sarsen_repository,
    fault: *mut sarsen_fault,
) -> sarsen_status {
    // SAFETY: as the caller promised.
    unsafe {
        let refreshed = handle::body(repository).and_then(|body| {
            let mut held = body.share()?;
            held.walked().refresh().map(|_| ()).map_err(Stop::from)
        });
        answer(refreshed, fault)
    }
}
