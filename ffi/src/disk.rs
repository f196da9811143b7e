//! `struct sarsen_disk`: a disk made of callbacks.

use core::ffi::c_void;
use embedded_io::ErrorKind;
use sarsen_core::disk::{Disk, DiskMut};
use sarsen_core::types::wide;

type Read = unsafe extern "C" fn(*mut c_void, u64, *mut u8, usize) -> i32;
type Write = unsafe extern "C" fn(*mut c_void, u64, *const u8, usize) -> i32;
type Zero = unsafe extern "C" fn(*mut c_void, u64, u64) -> i32;
type Flush = unsafe extern "C" fn(*mut c_void) -> i32;

/// A disk as C describes it; see the header for what each callback owes.
#[repr(C)]
pub struct CDisk {
    context: *mut c_void,
    size_bytes: u64,
    read: Option<Read>,
    write: Option<Write>,
    zero: Option<Zero>,
    flush: Option<Flush>,
}

fn answer(code: i32) -> Result<(), ErrorKind> {
    if code == 0 { Ok(()) } else { Err(ErrorKind::Other) }
}

fn given<F: Copy>(callback: Option<F>) -> Result<F, ErrorKind> {
    callback.ok_or(ErrorKind::Unsupported)
}

impl CDisk {
    /// Nothing beyond the end is asked of the callbacks.
    fn within(&self, offset: u64, len_bytes: u64) -> Result<(), ErrorKind> {
        match offset.checked_add(len_bytes) {
            Some(end) if end <= self.size_bytes => Ok(()),
            _ => Err(ErrorKind::InvalidInput),
        }
    }
}

impl Disk for CDisk {
    fn size(&self) -> u64 {
        self.size_bytes
    }

    fn read_at(&self, offset: u64, to: &mut [u8]) -> Result<(), ErrorKind> {
        self.within(offset, wide(to.len()))?;
        // SAFETY: the caller of the verb promised that the callbacks may be called with this context; `to` is initialised and writable.
        answer(unsafe { given(self.read)?(self.context, offset, to.as_mut_ptr(), to.len()) })
    }
}

impl DiskMut for CDisk {
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
