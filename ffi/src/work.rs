//! A work: the buffers of one worker, in which the outcome of a job lies until it is accepted; and room for the task of a blocking verb.

use crate::codecs::Codecs;
use crate::handle::{self, Handle, SARSEN_HANDLE_WORDS};
use crate::lock::Flag;
use crate::memory::{Limits, Room, room_for, room_for_bytes};
use crate::repository::{Repository, sarsen_repository};
use crate::status::{Stop, answer, sarsen_fault, sarsen_status, sarsen_status::*};
use core::cell::UnsafeCell;
use core::ffi::c_void;
use sarsen_core::chain::Lies;
use sarsen_core::frame::Work;

/// The buffers of one worker. One call at a time uses it; a thread that is to work beside another needs its own.
#[repr(C)]
pub struct sarsen_work {
    /// The library's alone.
    pub opaque: [u64; SARSEN_HANDLE_WORDS],
}

impl Handle for sarsen_work {
    const TAG: u32 = 0x5357_524B;
    type Body = Bench;
}

/// What is open behind a `sarsen_work`.
pub struct Bench {
    taken: Flag,
    inner: UnsafeCell<Inner>,
    room_taken: Flag,
    room: *mut u8,
    room_bytes: usize,
}

pub struct Inner {
    raw: &'static mut [u8],
    packed: &'static mut [u8],
    scratch: &'static mut [u8],
    codecs: Codecs,
    /// The frame that the read before has left in `raw`.
    lies: Lies,
    /// Of which task, and its how manieth job, the outcome lies here.
    pub holds: (*const c_void, u64),
}

/// A bench that is the caller's alone.
pub struct Lent<'b> {
    bench: &'b Bench,
    pub inner: &'b mut Inner,
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        self.bench.taken.give_back();
    }
}

impl Inner {
    pub fn work(&mut self) -> Work<'_> {
        self.lies = Lies::default();
        self.reading().0
    }

    /// For a read, which may find its frame decoded.
    pub fn reading(&mut self) -> (Work<'_>, &mut Lies) {
        let work = Work { raw: self.raw, packed: self.packed, scratch: self.scratch, codecs: self.codecs.lend() };
        (work, &mut self.lies)
    }
}

impl Bench {
    pub fn lend(&self) -> Result<Lent<'_>, Stop> {
        if !self.taken.take() {
            return Err(SARSEN_BUSY.into());
        }
        // SAFETY: the flag was free and is ours until the guard is dropped, so nobody else has a reference to this.
        Ok(Lent { bench: self, inner: unsafe { &mut *self.inner.get() } })
    }

    /// Room for a task, for one at a time; given back with [`Bench::give_room_back`]. NULL if the heap is to be asked.
    pub fn take_room(&self) -> Result<(*mut c_void, usize), Stop> {
        match self.room_taken.take() {
            true => Ok((self.room.cast(), self.room_bytes)),
            false => Err(SARSEN_BUSY.into()),
        }
    }

    pub fn give_room_back(&self) {
        self.room_taken.give_back();
    }
}

/// Bytes of a work without room for tasks.
pub const fn needed(limits: &Limits) -> usize {
    let buffers = room_for_bytes(limits.raw()) + room_for_bytes(limits.packed()) + room_for_bytes(limits.scratch());
    room_for::<Bench>(1) + buffers
}

fn cut(room: &mut Room, limits: &Limits) -> Result<*mut Bench, Stop> {
    let at = room.reserve::<Bench>()?;
    let inner = Inner {
        raw: room.bytes(limits.raw())?,
        packed: room.bytes(limits.packed())?,
        scratch: room.bytes(limits.scratch())?,
        codecs: Codecs::default(),
        lies: Lies::default(),
        holds: (core::ptr::null(), 0),
    };
    let of_heap = room.heap_bytes() > 0;
    let room_bytes = room.left();
    let rest = room.bytes(room_bytes & !7)?;
    let bench = Bench {
        taken: Flag::free(),
        inner: UnsafeCell::new(inner),
        room_taken: Flag::free(),
        room: if of_heap { core::ptr::null_mut() } else { rest.as_mut_ptr() },
        room_bytes: rest.len(),
    };
    // SAFETY: reserved just now.
    unsafe { at.write(bench) };
    Ok(at)
}

fn open(repository: &Repository, handle: *mut sarsen_work, memory: *mut c_void, bytes: usize) -> Result<(), Stop> {
    let limits = &repository.limits;
    // SAFETY: the caller of `sarsen_work_open` promised so.
    let mut room = unsafe { Room::of(memory, bytes, needed(limits)) }?;
    let bench = cut(&mut room, limits).inspect_err(|_| room.give_up())?;
    // SAFETY: `handle` can be opened, and the bench begins the memory.
    unsafe { handle::open(handle, bench, room.heap_bytes()) }
}

/// Makes a work for repositories like this one. It does not depend on the repository any further: any other with the same parameters may use it.
///
/// `memory`: `SARSEN_NEED_WORK` bytes, or more: what is more is room for the task of a blocking verb (`SARSEN_NEED_WORK_AND_TASK`). It is the library's
/// until `sarsen_work_close`. NULL: the hosted build takes it from the heap; the bare one answers `SARSEN_MEMORY`.
///
/// # Safety
/// Pointers are NULL or valid, and `memory` is used by nobody else.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sarsen_work_open(
    work: *mut sarsen_work,
    repository: *mut sarsen_repository,
    memory: *mut c_void,
    memory_bytes: usize,
    fault: *mut sarsen_fault,
) -> sarsen_status {
    // SAFETY: as the caller promised.
    unsafe {
        let opened = handle::can_open(work)
            .and_then(|()| handle::body(repository))
            .and_then(|repository| open(repository, work, memory, memory_bytes));
        answer(opened, fault)
    }
}

/// Gives the memory back; the handle is closed. `SARSEN_BUSY` while a call uses it. The outcome of a job that lies in it is lost.
///
/// # Safety
/// `work` is NULL or a handle.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sarsen_work_close(work: *mut sarsen_work) -> sarsen_status {
    // SAFETY: as the caller promised.
    let Ok(bench) = (unsafe { handle::body(work) }) else { return SARSEN_BAD_HANDLE };
    if bench.take_room().is_err() {
        return SARSEN_BUSY;
    }
    if !bench.taken.take() {
        bench.give_room_back();
        return SARSEN_BUSY;
    }
    // SAFETY: it is open, and ours alone now.
    unsafe { handle::close(work) };
    SARSEN_OK
}
