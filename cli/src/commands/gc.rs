//! gc: removes segments in which nothing is needed any more.

use super::reclaim;
use crate::failure::{Exit, Failure};
use crate::repository::{Site, pages};
use sarsen_core::ops::gc::Gc;
use sarsen_host::{Access, Heap};

pub fn run(site: &Site) -> Result<Exit, Failure> {
    let repository = site.open(Access::Write, "gc")?;
    let report = repository.with(|store| {
        let (mut pages, mut lives) = (pages(), Heap::new());
        let task = Gc::new(store, &mut lives, &mut pages);
        let report = task.and_then(|mut task| repository.run(&mut task, store, None, |_| ()));
        report.map_err(|error| repository.failure(error))
    })?;
    reclaim::tell(&report)
}
