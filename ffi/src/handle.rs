//! Handles: what C keeps of something that is open. A handle lies where C put it and must stay there; its tag is cleared when it is closed, so that one
//! that is closed, of another kind, copied or moved is told from one that is open. What is open lies in other memory, and is reached through it.

use crate::status::{Stop, sarsen_status::*};
use core::ffi::c_void;
use core::mem::{align_of, size_of};
use core::sync::atomic::{AtomicU32, Ordering};

/// A type of handle.
pub trait Handle: Sized {
    /// Tells it from all others, and from what was never opened.
    const TAG: u32;
    /// What is open.
    type Body: 'static;
}

/// What is inside of every handle.
#[repr(C)]
struct Inside {
    tag: AtomicU32,
    own: *mut c_void,
    body: *mut c_void,
    /// Bytes from the heap, beginning with the body; 0 if the memory is the caller's.
    heap_bytes: usize,
}

/// Words of 64 bits in a handle.
pub const SARSEN_HANDLE_WORDS: usize = 4;
const _: () = assert!(size_of::<Inside>() <= SARSEN_HANDLE_WORDS * size_of::<u64>() && align_of::<Inside>() <= align_of::<u64>());

/// # Safety
/// `handle` is null or points to a handle, open or not.
unsafe fn inside<'h, H: Handle>(handle: *mut H) -> Result<&'h mut Inside, Stop> {
    match handle.is_null() || !handle.cast::<Inside>().is_aligned() {
        true => Err(SARSEN_BAD_HANDLE.into()),
        // SAFETY: as the caller promised; any bits are a valid `Inside`, and nothing in it is followed before the tag was seen.
        false => Ok(unsafe { &mut *handle.cast::<Inside>() }),
    }
}

/// What is open behind a handle.
///
/// # Safety
/// As [`inside`], and nobody closes it meanwhile.
pub unsafe fn body<'h, H: Handle>(handle: *mut H) -> Result<&'h H::Body, Stop> {
    if handle.is_null() || !handle.cast::<Inside>().is_aligned() {
        return Err(SARSEN_BAD_HANDLE.into());
    }
    // SAFETY: as the caller promised; shared, because several threads may use a handle at once.
    let inside = unsafe { &*handle.cast::<Inside>() };
    let right = inside.tag.load(Ordering::Acquire) == H::TAG && inside.own == handle.cast();
    // SAFETY: only `open` sets both, with a body that stays where it is until `close` clears the tag.
    if right { Ok(unsafe { &*inside.body.cast::<H::Body>() }) } else { Err(SARSEN_BAD_HANDLE.into()) }
}

/// Makes a handle of a body.
///
/// # Safety
/// `handle` is null or may be written; `body` is valid until it is closed, and begins the memory of `heap_bytes` from the heap if that is not 0.
pub unsafe fn open<H: Handle>(handle: *mut H, body: *mut H::Body, heap_bytes: usize) -> Result<(), Stop> {
    // SAFETY: passed on to the caller.
    let inside = unsafe { inside(handle) }?;
    (inside.own, inside.body, inside.heap_bytes) = (handle.cast(), body.cast(), heap_bytes);
    inside.tag.store(H::TAG, Ordering::Release);
    Ok(())
}

/// Whether a handle may be opened. What is in it is not looked at: before it is opened for the first time, that may be anything.
///
/// # Safety
/// As [`inside`].
pub unsafe fn can_open<H: Handle>(handle: *mut H) -> Result<(), Stop> {
    // SAFETY: passed on to the caller.
    unsafe { inside(handle) }.map(|_| ())
}

/// Ends a handle that [`body`] has found open; drops the body, and gives memory from the heap back.
///
/// # Safety
/// The handle is open, and nobody uses it.
pub unsafe fn close<H: Handle>(handle: *mut H) {
    // SAFETY: passed on to the caller.
    let Ok(inside) = (unsafe { inside(handle) }) else { return };
    inside.tag.store(0, Ordering::Release);
    // SAFETY: the body was put there by whoever opened it, and nobody uses it any more.
    unsafe { inside.body.cast::<H::Body>().drop_in_place() };
    #[cfg(feature = "hosted")]
    if inside.heap_bytes > 0 {
        // SAFETY: `open` was given what the heap gave, and so many bytes.
        unsafe { crate::hosted::give_back(inside.body.cast(), inside.heap_bytes) };
    }
}
