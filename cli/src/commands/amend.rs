//! What tag, protect and expire have in common: versions are found, and all of them amended by one commit, or none.

use crate::failure::{Exit, Failure};
use crate::repository::Site;
use crate::screen;
use crate::versions::{self, Found};
use sarsen_core::catalogue::Entry;
use sarsen_core::format::amendment::Amendment;
use sarsen_core::ops::amend::amend;
use sarsen_host::Access;

/// Amends all versions that are meant, and says which they are. `done` is what has become of them.
pub fn run(
    site: &Site,
    verb: &'static str,
    wanted: &[String],
    amendments: &[Amendment<'_>],
    done: &str,
) -> Result<Exit, Failure> {
    let repository = site.open(Access::Write, verb)?;
    let amended = repository.with(|store| {
        let mut chosen: Vec<Found> = Vec::new();
        for text in wanted {
            let found = versions::find_version(store, text)?;
            if chosen.iter().all(|other| other.entry != found.entry) {
                chosen.push(found);
            }
        }
        let entries: Vec<Entry> = chosen.iter().map(|found| found.entry).collect();
        amend(store, &entries, amendments).map_err(|error| repository.failure(error))?;
        Ok(chosen)
    })?;
    amended.iter().try_for_each(|found| screen::print(format_args!("{done} {}  {}", found.id, found.told.called())))?;
    Ok(Exit::Done)
}
