//! du: how much of each segment is in use. Reads only.

use super::ls::json;
use crate::failure::{Exit, Failure};
use crate::figures::{count, size};
use crate::repository::{Repository, Site, pages};
use crate::{paint, screen};
use clap::Args;
use sarsen_core::ops::usage::{Report, Usage};
use sarsen_host::{Access, Heap};
use serde::Serialize;

/// The arguments of du.
#[derive(Args, Debug)]
pub struct Du {
    /// Print JSON, as docs/VERIFY.md describes it
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Shown {
    segments: Vec<Row>,
    bytes: u64,
    live_bytes: u64,
    complete: bool,
}

#[derive(Serialize)]
struct Row {
    segment: u32,
    bytes: u32,
    live_bytes: u32,
}

impl Du {
    pub fn run(&self, site: &Site) -> Result<Exit, Failure> {
        let repository = site.open(Access::Read, "du")?;
        let shown = counted(&repository)?;
        if self.json {
            screen::print_plain(&format!("{}\n", json(&shown)?))?;
        } else {
            print(&shown)?;
        }
        if shown.complete {
            return Ok(Exit::Done);
        }
        screen::warn("something that versions need cannot be read, so more may be in use than this; `sarsen scrub` says where");
        Ok(Exit::Damage)
    }
}

fn counted(repository: &Repository) -> Result<Shown, Failure> {
    repository.with(|store| {
        let (mut pages, mut lives) = (pages(), Heap::new());
        let mut task = Usage::new(store, &mut lives, &mut pages);
        let report = repository.run(&mut task, store, None, |_| ());
        let Report { bytes, live_bytes, complete, .. } = report.map_err(|error| repository.failure(error))?;
        let row = |live: &sarsen_core::ops::gc::Live| Row {
            segment: live.segment().0,
            bytes: live.len_bytes(),
            live_bytes: live.live_bytes(),
        };
        Ok(Shown { segments: task.segments().iter().map(row).collect(), bytes, live_bytes, complete })
    })
}

fn print(shown: &Shown) -> Result<(), Failure> {
    screen::print(paint::strong(format!("{:10}  {:>10}  {:>10}", "SEGMENT", "BYTES", "IN USE")))?;
    for row in &shown.segments {
        let (bytes, live) = (size(row.bytes.into()), size(row.live_bytes.into()));
        screen::print(format_args!("{:010}  {bytes:>10}  {live:>10}", row.segment))?;
    }
    let segments = u64::try_from(shown.segments.len()).unwrap_or(u64::MAX);
    screen::print(format_args!("{} in use of {} in {}", size(shown.live_bytes), size(shown.bytes), count(segments, "segment")))
}
