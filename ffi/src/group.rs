//! Groups: versions of several disks that become true by one commit.

use crate::handle;
use crate::repository::sarsen_repository;
use crate::status::{Stop, answer, sarsen_fault, sarsen_status, sarsen_status::*, tell};
use sarsen_core::ops::finish::finish;

/// Makes versions of all drafts of a group (16 bytes, not all zeros), by one commit: all of them are there from then on, or none is. How many they are is
/// written to `count`, which may be NULL.
///
/// Each must be done: a backup with `hold`, `sarsen_draft_hold`, or a draft flushed with all of its disk as the position; otherwise `SARSEN_UNFINISHED`.
/// They may have been made long before, and by other processes, and must not be open. `SARSEN_UNKNOWN_GROUP` if there is none, as after this has
/// succeeded. Backups and drafts of other groups may be under way.
///
/// # Safety
/// Pointers are NULL or valid; `group` has 16 bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sarsen_group_finish(
    repository: *mut sarsen_repository,
    group: *const u8,
    count: *mut u64,
    fault: *mut sarsen_fault,
) -> sarsen_status {
    // SAFETY: as the caller promised.
    unsafe {
        let finished = handle::body(repository).and_then(|body| {
            let group = group.cast::<[u8; 16]>().as_ref().ok_or(Stop::from(SARSEN_BAD_ARGUMENT))?;
            let mut held = body.share()?;
            held.loaded()?;
            Ok(finish(held.walked(), group)?)
        });
        answer(finished.map(|finished| tell(count, finished)), fault)
    }
}
