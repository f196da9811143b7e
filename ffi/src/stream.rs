//! Where streams come from and go to: `struct sarsen_source` and `struct sarsen_drain`.

use core::ffi::c_void;
use embedded_io::{ErrorKind, ErrorType, Read, Write};
use sarsen_core::types::wide;

/// Reads from a stream.
pub type sarsen_read_stream = Option<unsafe extern "C" fn(context: *mut c_void, to: *mut u8, len_bytes: usize) -> i64>;
/// Writes to a stream.
pub type sarsen_write_stream = Option<unsafe extern "C" fn(context: *mut c_void, from: *const u8, len_bytes: usize) -> i64>;

/// Where a stream comes from.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct sarsen_source {
    /// Handed to the callback.
    pub context: *mut c_void,
    /// Reads up to `len_bytes` (more than 0); answers how many those were, 0 at the end of the stream, a negative number for a failure.
    pub read: sarsen_read_stream,
}

/// Where a stream goes to.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct sarsen_drain {
    /// Handed to the callback.
    pub context: *mut c_void,
    /// Writes up to `len_bytes` (more than 0); answers how many those were, and 0 or a negative number for a failure.
    pub write: sarsen_write_stream,
}

/// How many bytes a callback claims: never more than it was asked for.
fn counted(answer: i64, len_bytes: usize) -> Result<usize, ErrorKind> {
    match usize::try_from(answer) {
        Ok(count) if wide(count) <= wide(len_bytes) => Ok(count),
        Ok(_) => Err(ErrorKind::InvalidData),
        Err(_) => Err(ErrorKind::Other),
    }
}

impl ErrorType for sarsen_source {
    type Error = ErrorKind;
}

impl Read for sarsen_source {
    fn read(&mut self, to: &mut [u8]) -> Result<usize, ErrorKind> {
        let read = self.read.ok_or(ErrorKind::Unsupported)?;
        // SAFETY: who gave it promised that the callback may be called with this context; `to` has values and may be written.
        counted(unsafe { read(self.context, to.as_mut_ptr(), to.len()) }, to.len())
    }
}

impl ErrorType for sarsen_drain {
    type Error = ErrorKind;
}

impl Write for sarsen_drain {
    fn write(&mut self, from: &[u8]) -> Result<usize, ErrorKind> {
        let write = self.write.ok_or(ErrorKind::Unsupported)?;
        // SAFETY: as in `read`; the callback only reads `from`.
        counted(unsafe { write(self.context, from.as_ptr(), from.len()) }, from.len())
    }

    fn flush(&mut self) -> Result<(), ErrorKind> {
        Ok(())
    }

    /// The trait's own panics where nothing was written.
    fn write_all(&mut self, from: &[u8]) -> Result<(), ErrorKind> {
        let mut rest = from;
        while !rest.is_empty() {
            match self.write(rest)? {
                0 => return Err(ErrorKind::WriteZero),
                len => rest = rest.get(len..).unwrap_or(&[]),
            }
        }
        Ok(())
    }
}
