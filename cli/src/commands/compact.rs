//! compact: moves what is needed out of segments that hold little of it, and removes those.

use super::reclaim;
use crate::failure::{Exit, Failure};
use crate::repository::{Site, pages};
use sarsen_core::ops::compact::Compact;
use sarsen_host::{Access, Heap};

pub fn run(site: &Site) -> Result<Exit, Failure> {
    let repository = site.open(Access::Write, "compact")?;
    let report = repository.with(|store| {
        let (mut pages, mut lives) = (pages(), Heap::new());
        let task = Compact::new(store, &mut lives, &mut pages);
        let report = task.and_then(|mut task| repository.run(&mut task, store, None, |_| ()));
        report.map_err(|error| repository.failure(error))
    })?;
    reclaim::tell(&report)
}
