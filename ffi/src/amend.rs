//! amend: what a version says of itself beside its contents. Its id stays.

use crate::handle;
use crate::repository::sarsen_repository;
use crate::status::{Stop, answer, sarsen_fault, sarsen_status, sarsen_status::*};
use crate::text::text;
use crate::version::{SARSEN_TEXT_BYTES, keep};
use core::ffi::{c_char, c_void};
use sarsen_core::catalogue::{Search, Wanted, with_record};
use sarsen_core::format::amendment::Amendment;
use sarsen_core::ops::amend::amend;

/// # Safety
/// As the functions below say.
#[inline(never)]
unsafe fn change(
    repository: *mut sarsen_repository,
    version: *const c_char,
    amendment: Result<Amendment<'_>, Stop>,
    fault: *mut sarsen_fault,
) -> sarsen_status {
    // SAFETY: as the caller promised.
    unsafe {
        let changed = handle::body(repository).and_then(|body| {
            let (wanted, amendment) = (Wanted::parse(text(version)?), amendment?);
            let mut held = body.share()?;
            let found = Search::of(held.walked(), wanted).run(held.walked())?;
            held.loaded()?;
            Ok(amend(held.walked(), &[found.entry], &[amendment])?)
        });
        answer(changed, fault)
    }
}

/// # Safety
/// As [`text`].
unsafe fn tag_of<'a>(tag: *const c_char) -> Result<&'a str, Stop> {
    // SAFETY: as the caller promised.
    let tag = unsafe { text(tag) }?;
    if tag.is_empty() { Err(SARSEN_BAD_ARGUMENT.into()) } else { Ok(tag) }
}

/// Gives a finished version a tag of 1 to 255 bytes, unless it has it. `version` is as in `sarsen_version_describe`.
///
/// This and the four functions that follow change what the list says of a version, in one commit; what changes nothing writes nothing. Its id and its
/// contents stay. `SARSEN_IS_A_DRAFT` of a draft. `SARSEN_TOO_MANY_TAGS` beyond 255, or where the format has no room; `SARSEN_BUFFER_TOO_SMALL` where
/// lent memory has none, the fault's `detail` being how many bytes that takes.
///
/// # Safety
/// Pointers are NULL or valid, texts end with a zero byte.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sarsen_version_tag(
    repository: *mut sarsen_repository,
    version: *const c_char,
    tag: *const c_char,
    fault: *mut sarsen_fault,
) -> sarsen_status {
    // SAFETY: as the caller promised.
    unsafe { change(repository, version, tag_of(tag).map(Amendment::Tag), fault) }
}

/// Takes a tag away, if the version has it.
///
/// # Safety
/// Pointers are NULL or valid, texts end with a zero byte.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sarsen_version_untag(
    repository: *mut sarsen_repository,
    version: *const c_char,
    tag: *const c_char,
    fault: *mut sarsen_fault,
) -> sarsen_status {
    // SAFETY: as the caller promised.
    unsafe { change(repository, version, tag_of(tag).map(Amendment::Untag), fault) }
}

/// Protects a version: it cannot be removed until `sarsen_version_unprotect`.
///
/// # Safety
/// Pointers are NULL or valid, `version` ends with a zero byte.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sarsen_version_protect(
    repository: *mut sarsen_repository,
    version: *const c_char,
    fault: *mut sarsen_fault,
) -> sarsen_status {
    // SAFETY: as the caller promised.
    unsafe { change(repository, version, Ok(Amendment::Protect), fault) }
}

/// Gives a version up: it can be removed again. Like removing, this works on a medium that is full.
///
/// # Safety
/// Pointers are NULL or valid, `version` ends with a zero byte.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sarsen_version_unprotect(
    repository: *mut sarsen_repository,
    version: *const c_char,
    fault: *mut sarsen_fault,
) -> sarsen_status {
    // SAFETY: as the caller promised.
    unsafe { change(repository, version, Ok(Amendment::Unprotect), fault) }
}

/// Says from when on a version is not needed, in milliseconds since 1970-01-01 UTC; 0: it is for ever. Nothing is removed by itself: whoever removes
/// versions reads `expiry` of their descriptions.
///
/// # Safety
/// Pointers are NULL or valid, `version` ends with a zero byte.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sarsen_version_expire(
    repository: *mut sarsen_repository,
    version: *const c_char,
    expiry: u64,
    fault: *mut sarsen_fault,
) -> sarsen_status {
    // SAFETY: as the caller promised.
    unsafe { change(repository, version, Ok(Amendment::Expire(expiry)), fault) }
}

/// Is told of a tag, which ends with a zero byte and is valid only during the call. 0 goes on, anything else ends the list.
pub type sarsen_each_tag = Option<unsafe extern "C" fn(context: *mut c_void, tag: *const c_char) -> i32>;

/// Tells `each` of every tag of a version, in the order in which it got them. `version` is as in `sarsen_version_describe`.
///
/// The repository is in use meanwhile. `SARSEN_CANCELLED` if `each` ended it. `SARSEN_PENDING`: call again.
///
/// # Safety
/// Pointers are NULL or valid, `version` ends with a zero byte, and `each` may be called with `context`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sarsen_version_tags(
    repository: *mut sarsen_repository,
    version: *const c_char,
    each: sarsen_each_tag,
    context: *mut c_void,
    fault: *mut sarsen_fault,
) -> sarsen_status {
    // SAFETY: as the caller promised.
    unsafe {
        let told = handle::body(repository).and_then(|body| {
            let (wanted, each) = (Wanted::parse(text(version)?), each.ok_or(Stop::from(SARSEN_BAD_ARGUMENT))?);
            let mut held = body.share()?;
            let found = Search::of(held.walked(), wanted).run(held.walked())?;
            let all = with_record(held.walked(), &found.entry.link, |_, record| {
                record.tags.iter().all(|tag| {
                    let mut told = [0; SARSEN_TEXT_BYTES];
                    keep(tag, &mut told);
                    each(context, told.as_ptr()) == 0
                })
            })?;
            if all { Ok(()) } else { Err(SARSEN_CANCELLED.into()) }
        });
        answer(told, fault)
    }
}
