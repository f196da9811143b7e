//! A manifest of 2^24 blocks (64 TiB) of random ids in memory, and the next version with one changed block.

use crate::table::{self, Goal, mebibytes, megabytes};
use sarsen_benches::fill::{conclude, init, load, version, with_store};
use sarsen_benches::stopwatch::Stopwatch;
use sarsen_benches::{Measured, process, random};
use sarsen_core::catalogue::{Search, Wanted, with_record};
use sarsen_core::manifest;
use sarsen_core::ops::init::Options;
use sarsen_core::types::Link;
use sarsen_host::{MemoryMedium, System};

const BLOCKS: u64 = 1 << 24;

/// Prints the table.
pub fn print() -> Measured<()> {
    let (medium, host) = (MemoryMedium::new(), System::new());
    init(&medium, &host, &Options::HOST)?;
    let before = medium.used_bytes();
    process::forget_peak();
    let watch = Stopwatch::start();
    with_store(&medium, &host, |store| {
        load(store)?;
        version(store, sarsen_core::format::commit::Root::EMPTY, BLOCKS, 0..BLOCKS, random::id)?;
        Ok(conclude(store)?)
    })?;
    let seconds = watch.seconds();
    let (full, peak) = (medium.used_bytes() - before, process::peak_bytes().unwrap_or(0));

    let watch = Stopwatch::start();
    change_one(&medium, &host)?;
    let next_seconds = watch.seconds();
    let next = medium.used_bytes() - before - full;

    table::begin("A manifest of 2^24 blocks (64 TiB) in memory");
    table::time("building it, with opening and commit", seconds, Goal::AtMost(5.0));
    table::note("Ekko, own format; SQLite", "55 s; 90 s");
    table::row("bytes on the medium", megabytes(full), "MB", Goal::AtMost(560.0));
    table::row("peak memory, without the medium", mebibytes(peak.saturating_sub(full)), "MiB", Goal::None);
    table::row("one block changed: the whole session", next as f64, "bytes", Goal::AtMost(4095.0));
    table::time("one block changed: time, with opening", next_seconds, Goal::None);
    Ok(())
}

fn change_one(medium: &MemoryMedium, host: &System<'_>) -> Measured<Link> {
    with_store(medium, host, |store| {
        let found = Search::of(store, Wanted::Latest).run(store)?;
        let (size, top) = with_record(store, &found.entry.link, |_, record| (record.disk_size, record.top))?;
        load(store)?;
        let base = manifest::tree(store.parameters(), size, top);
        let link = version(store, base, BLOCKS, [BLOCKS / 3].into_iter(), |block| random::id(block + BLOCKS))?;
        conclude(store)?;
        Ok(link)
    })
}
