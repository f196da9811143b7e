//! `struct sarsen_disk`: a disk made of callbacks.

use crate::status::{Stop, sarsen_status::*};
use core::ffi::c_void;
use embedded_io::ErrorKind;
use sarsen_core::disk::{Disk, DiskMut, Extent};
use sarsen_core::types::wide;

/// What is known of a run of bytes of a disk.
#[repr(i32)]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum sarsen_state {
    /// They may hold anything.
    SARSEN_DATA = 0,
    /// They are zeros.
    SARSEN_ZERO = 1,
    /// They are as in the base. Only of hints.
    SARSEN_UNCHANGED = 2,
}

/// A run of bytes of a disk.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct sarsen_extent {
    /// Bytes from the disk's start.
    pub offset: u64,
    /// How many bytes.
    pub len_bytes: u64,
    /// One of `enum sarsen_state`.
    pub state: i32,
    /// 0.
    pub reserved: i32,
}

/// Reads from a disk.
pub type sarsen_read_disk = Option<unsafe extern "C" fn(context: *mut c_void, offset: u64, to: *mut u8, len_bytes: usize) -> i32>;
/// Writes to a disk.
pub type sarsen_write_disk =
    Option<unsafe extern "C" fn(context: *mut c_void, offset: u64, from: *const u8, len_bytes: usize) -> i32>;
/// Zeroes a range of a disk.
pub type sarsen_zero_disk = Option<unsafe extern "C" fn(context: *mut c_void, offset: u64, len_bytes: u64) -> i32>;
/// Asks something of a disk, or makes it durable.
pub type sarsen_ask_disk = Option<unsafe extern "C" fn(context: *mut c_void) -> i32>;
/// Tells an extent of a disk.
pub type sarsen_extent_of_disk =
    Option<unsafe extern "C" fn(context: *mut c_void, offset: u64, extent: *mut sarsen_extent) -> i32>;

/// What is backed up or restored to. Callbacks answer 0, or anything else for a failure; nothing beyond the end is ever asked of them.
/// Those that read are called by every thread that performs jobs; the others by one thread at a time.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct sarsen_disk {
    /// Handed to every callback. Must stay valid as long as the disk is used.
    pub context: *mut c_void,
    /// Bytes of the disk; must not change while it is used.
    pub size_bytes: u64,
    /// Fills `to`, or fails. Needed of a disk that is backed up, or restored onto.
    pub read: sarsen_read_disk,
    /// Writes all of `from`, or fails. Needed of a disk that is restored to.
    pub write: sarsen_write_disk,
    /// Makes a range read as zeros. Needed of a disk that is restored to.
    pub zero: sarsen_zero_disk,
    /// Makes what was written durable. May be NULL.
    pub flush: sarsen_ask_disk,
    /// The extent that begins at `offset`, into `*extent`: data or zero. May be NULL: then all is read.
    pub extent: sarsen_extent_of_disk,
    /// 1 if the disk is known to have changed since it was opened, otherwise 0. May be NULL.
    pub changed: sarsen_ask_disk,
}

fn answer(code: i32) -> Result<(), ErrorKind> {
    if code == 0 { Ok(()) } else { Err(ErrorKind::Other) }
}

fn given<F: Copy>(callback: Option<F>) -> Result<F, ErrorKind> {
    callback.ok_or(ErrorKind::Unsupported)
}

impl sarsen_disk {
    /// No disk: nothing can be asked of it.
    #[cfg(feature = "hosted")]
    pub const NONE: sarsen_disk = sarsen_disk {
        context: core::ptr::null_mut(),
        size_bytes: 0,
        read: None,
        write: None,
        zero: None,
        flush: None,
        extent: None,
        changed: None,
    };

    /// A disk that can be read.
    pub fn source(self) -> Result<sarsen_disk, Stop> {
        if self.read.is_some() { Ok(self) } else { Err(SARSEN_BAD_ARGUMENT.into()) }
    }

    /// A disk that can be written, and is as large as another, or larger.
    pub fn target(self, needed_bytes: u64) -> Result<sarsen_disk, Stop> {
        if self.write.is_none() || self.zero.is_none() {
            return Err(SARSEN_BAD_ARGUMENT.into());
        }
        if self.size_bytes < needed_bytes {
            return Err(Stop::detailed(SARSEN_TARGET_TOO_SMALL, needed_bytes));
        }
        Ok(self)
    }

    /// Nothing beyond the end is asked of the callbacks.
    fn within(&self, offset: u64, len_bytes: u64) -> Result<(), ErrorKind> {
        match offset.checked_add(len_bytes) {
            Some(end) if end <= self.size_bytes => Ok(()),
            _ => Err(ErrorKind::InvalidInput),
        }
    }
}

impl Disk for sarsen_disk {
    fn size(&self) -> u64 {
        self.size_bytes
    }

    fn read_at(&self, offset: u64, to: &mut [u8]) -> Result<(), ErrorKind> {
        self.within(offset, wide(to.len()))?;
        // SAFETY: who gave the disk promised that the callbacks may be called with this context; `to` has values and may be written.
        answer(unsafe { given(self.read)?(self.context, offset, to.as_mut_ptr(), to.len()) })
    }

    fn changed(&self) -> bool {
        // SAFETY: as in `read_at`.
        self.changed.is_some_and(|changed| unsafe { changed(self.context) } != 0)
    }

    /// Whatever a callback claims, the extent begins at `offset`, has bytes, and ends with the disk: a hole only where it said so of all of it.
    fn next_extent(&self, offset: u64) -> Result<Extent, ErrorKind> {
        let rest = self.size_bytes.saturating_sub(offset);
        let Some(extent) = self.extent else { return Ok(Extent { offset, len_bytes: rest, hole: false }) };
        let mut told = sarsen_extent { offset, len_bytes: 0, state: 0, reserved: 0 };
        // SAFETY: as in `read_at`; `told` outlives the call.
        answer(unsafe { extent(self.context, offset, &mut told) })?;
        let right = told.offset == offset && (1..=rest).contains(&told.len_bytes) && (0..=1).contains(&told.state);
        match right || rest == 0 {
            true => Ok(Extent { offset, len_bytes: told.len_bytes.min(rest), hole: told.state == 1 }),
            false => Err(ErrorKind::InvalidData),
        }
    }
}

impl DiskMut for sarsen_disk {
    fn write_at(&self, offset: u64, from: &[u8]) -> Result<(), ErrorKind> {
        self.within(offset, wide(from.len()))?;
        // SAFETY: as in `read_at`; the callback only reads `from`.
        answer(unsafe { given(self.write)?(self.context, offset, from.as_ptr(), from.len()) })
    }

    fn zero(&self, offset: u64, len_bytes: u64) -> Result<(), ErrorKind> {
        self.within(offset, len_bytes)?;
        // SAFETY: as in `read_at`.
        answer(unsafe { given(self.zero)?(self.context, offset, len_bytes) })
    }

    fn flush(&self) -> Result<(), ErrorKind> {
        match self.flush {
            // SAFETY: as in `read_at`.
            Some(flush) => answer(unsafe { flush(self.context) }),
            None => Ok(()),
        }
    }
}
