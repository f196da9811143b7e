//! What gc and compact tell.

use crate::failure::{Exit, Failure};
use crate::figures::{count, size};
use crate::screen;
use sarsen_core::ops::gc::Report;

/// Prints it; the exit code.
pub fn tell(report: &Report) -> Result<Exit, Failure> {
    screen::print(format_args!(
        "removed {} of {}, {}; {} are in use of {} left",
        report.removed,
        count(report.segments, "segment"),
        size(report.freed_bytes),
        size(report.live_bytes),
        size(report.bytes.saturating_sub(report.freed_bytes)),
    ))?;
    if report.folded > 0 {
        screen::print(format_args!("folded {} with bases that nothing else needed", count(report.folded, "block")))?;
    }
    if !report.kept_for_damage {
        return Ok(Exit::Done);
    }
    screen::warn(
        "a page of a version's manifest cannot be read, so what it needs is not known and nothing was removed; `sarsen scrub` says where",
    );
    Ok(Exit::Damage)
}
