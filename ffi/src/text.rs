//! Text that C gives.

use crate::status::{Stop, sarsen_status::*};
use core::ffi::{CStr, c_char};

/// # Safety
/// `text` is null or ends with a zero byte, and outlives `'a`.
pub unsafe fn text<'a>(text: *const c_char) -> Result<&'a str, Stop> {
    // SAFETY: as the caller promised.
    unsafe { optional(text) }?.ok_or(SARSEN_BAD_ARGUMENT.into())
}

/// # Safety
/// As [`text`].
pub unsafe fn optional<'a>(text: *const c_char) -> Result<Option<&'a str>, Stop> {
    if text.is_null() {
        return Ok(None);
    }
    // SAFETY: as the caller promised.
    unsafe { CStr::from_ptr(text) }.to_str().map(Some).map_err(|_| SARSEN_BAD_ARGUMENT.into())
}
