//! Where streams come from and go to: `struct sarsen_source` and `struct sarsen_drain`.

use core::ffi::c_void;
use embedded_io::{ErrorKind, ErrorType, Write};
use sarsen_core::types::wide;

/// Reads from a stream.
pub type sarsen_read_stream = Option<unsafe extern "C" fn(context: *mut c_void, to: *mut u8, len_bytes: usize) -> i64>;
/// Writes to a stream.
pub type sarsen_write_stream = Option<unsafe extern "C" fn(context: *mut c_void, from: *const u8, len_bytes: usize) -> i64>;

/// What a source answers that has nothing yet. Whoever reads from it is answered `SARSEN_PENDING`, and asks again later.
pub const SARSEN_NOT_YET: i64 = -4096;

/// Where a stream comes from.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct sarsen_source {
    /// Handed to the callback.
    pub context: *mut c_void,
    /// Reads up to `len_bytes` (more than 0); answers how many those were, 0 at the end of the stream, `SARSEN_NOT_YET` if there is nothing yet, another
    /// negative number for a failure.
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

impl sarsen_source {
    /// Reads what there is; how many bytes that were, none of them at the end. None: nothing yet.
    pub fn read(&mut self, to: &mut [u8]) -> Result<Option<usize>, ErrorKind> {
        let read = self.read.ok_or(ErrorKind::Unsupported)?;
        // SAFETY: who gave it promised that the callback may be called with this context; `to` has values and may be written.
        match unsafe { read(self.context, to.as_mut_ptr(), to.len()) } {
            SARSEN_NOT_YET => Ok(None),
            answer => counted(answer, to.len()).map(Some),
        }
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
