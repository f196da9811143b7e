//! A draft as a disk: random writes of a page, with little memory, and a checkpoint now and then.

use crate::day::PAGE_BYTES;
use crate::limits::Used;
use crate::place::Place;
use crate::runs::{back_up, directory_bytes, make, newest};
use crate::table::{self, Goal};
use sarsen_benches::fill::{description, load, with_store};
use sarsen_benches::stopwatch::{Seconds, Stopwatch};
use sarsen_benches::{Failure, Measured, random};
use sarsen_core::draft::{Draft, DraftDisk, Frames, Held};
use sarsen_core::manifest;
use sarsen_core::ops::backup::{Start, pages_bytes};
use sarsen_core::ops::init::Options;
use sarsen_core::types::narrow;
use sarsen_host::runner::Bench;
use sarsen_host::{Access, DirectoryMedium, FileDisk, System};
use std::path::Path;

const DISK_BYTES: u64 = 64 << 30;
const WRITES: u64 = 3000;
const FLUSH_EVERY: u64 = 100;
/// Bytes of memory for frames: eight blocks.
const FRAMES_BYTES: usize = 8 * (4 << 20);

/// Prints the tables.
pub fn print(place: &Place) -> Measured<()> {
    let scratch = place.scratch("drafts")?;
    let empty = scratch.path().join("empty");
    make(&empty, &Options::HOST)?;
    let anywhere = (0..WRITES).map(|number| {
        let mut drawn = [0; 8];
        random::fill(1 << 42 | number, &mut drawn);
        u64::from_le_bytes(drawn) % (DISK_BYTES / PAGE_BYTES) * PAGE_BYTES
    });
    tell("64 GiB of nothing", &empty, anywhere)?;

    let image = FileDisk::open(place.image()?).map_err(|error| Failure(error.to_string()))?;
    let used = Used::of(&image, 1 << Options::HOST.frame_log2)?;
    let full = scratch.path().join("full");
    make(&full, &Options::HOST)?;
    back_up(&full, &image)?;
    tell("a version of 4 GiB in use, grown to 64 GiB", &full, used.some_from(9 << 32, PAGE_BYTES).take(narrow(WRITES)))
}

fn tell(what: &str, repository: &Path, places: impl Iterator<Item = u64>) -> Measured<()> {
    let before = directory_bytes(repository)?;
    let seconds = write(repository, places)?;
    let growth = (directory_bytes(repository)? - before) as f64 / (WRITES * PAGE_BYTES) as f64;
    table::begin(&format!("{WRITES} writes of 4 KiB to a draft of {what}, flushed every {FLUSH_EVERY}; 32 MiB for frames"));
    table::row("to the medium, for each byte given", growth, "bytes", Goal::AtMost(3.0));
    table::row("processors' time for each write", 1000.0 * seconds.cpu / WRITES as f64, "ms", Goal::AtMost(2.0));
    table::row("time for each write", 1000.0 * seconds.wall / WRITES as f64, "ms", Goal::None);
    Ok(())
}

/// Opens, writes and finishes.
fn write(repository: &Path, places: impl Iterator<Item = u64>) -> Measured<Seconds> {
    let watch = Stopwatch::start();
    let medium = DirectoryMedium::open(repository, Access::Write).map_err(|error| Failure(error.to_string()))?;
    with_store(&medium, &System::new(), |store| {
        load(store)?;
        let start = newest(store)?.unwrap_or(Start::EMPTY);
        let root = manifest::tree(store.parameters(), start.disk_size, start.top);
        let mut pages = vec![0; pages_bytes(store.parameters(), DISK_BYTES)];
        let draft = Draft::begin(store, description(DISK_BYTES), root, None, &mut pages)?;
        let (mut bytes, mut held) = (vec![0; FRAMES_BYTES], vec![Held::FREE; FRAMES_BYTES >> Options::HOST.frame_log2]);
        let mut disk = DraftDisk::new(store, draft, Frames { held: &mut held, bytes: &mut bytes })?;
        let (mut bench, mut page) = (Bench::new(store.parameters())?, [0; PAGE_BYTES as usize]);
        for (number, offset) in (1..).zip(places) {
            random::fill(number << 10, &mut page);
            disk.write_at(offset, &page, store, &mut bench.work())?;
            if number % FLUSH_EVERY == 0 {
                disk.flush(0, store, &mut bench.work())?;
            }
        }
        disk.finish(store, &mut bench.work())?;
        store.close()?;
        Ok(watch.seconds())
    })
}
