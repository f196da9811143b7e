//! What the length of a frame costs and gives: repository, speed, and a cold read of 4 KiB.

use crate::limits::Used;
use crate::place::{Place, Scratch};
use crate::runs::{self, back_up, make, newest};
use crate::table::{mebibytes, megabytes};
use sarsen_benches::fill::{load, with_store};
use sarsen_benches::stopwatch::Seconds;
use sarsen_benches::{Failure, Measured};
use sarsen_core::codec::Codecs;
use sarsen_core::error::Error;
use sarsen_core::frame::{Work, packed_bytes, raw_bytes, scratch_bytes};
use sarsen_core::ops::backup::pages_bytes;
use sarsen_core::ops::init::Options;
use sarsen_core::version::Version;
use sarsen_host::{Access, DirectoryMedium, FileDisk, HostCodecs, System};
use std::fs;
use std::path::Path;
use std::time::Instant;

const READS: u64 = 200;
const READ_BYTES: usize = 4096;

/// What a read of 4 KiB costs.
struct Read {
    decoded_bytes: u64,
    cold_micros: f64,
    warm_micros: f64,
}

/// Prints the table.
pub fn print(place: &Place) -> Measured<()> {
    let disk = FileDisk::open(place.image()?).map_err(|error| Failure(error.to_string()))?;
    println!("\n### Frames of a 4 GiB disk; blocks of 4 MiB, SHA-256, Zstandard 1\n");
    println!(
        "| frame | repository | of the used bytes | full backup, best of 3 | 4 KiB: decoded | cold, median | warm, median |"
    );
    println!("|---|---|---|---|---|---|---|");
    for frame_log2 in [16, 17, 18, 20] {
        let used = Used::of(&disk, 1 << frame_log2)?;
        let (scratch, bytes, seconds) = fullest(place, &disk, frame_log2)?;
        let read = read(&scratch.path().join("repository"), &used)?;
        println!(
            "| {} KiB | {:.1} MB | {:.1} % | {:.2} s (processors: {:.2} s) | {:.0} KiB | {:.0} µs | {:.0} µs |",
            (1u32 << frame_log2) / 1024,
            megabytes(bytes),
            100.0 * bytes as f64 / Used::of(&disk, 1 << 12)?.bytes() as f64,
            seconds.wall,
            seconds.cpu,
            1024.0 * mebibytes(read.decoded_bytes),
            read.cold_micros,
            read.warm_micros,
        );
    }
    Ok(())
}

/// Backs up three times, into repositories of which the last stays.
fn fullest(place: &Place, disk: &FileDisk, frame_log2: u8) -> Measured<(Scratch, u64, Seconds)> {
    let run = || -> Measured<(Scratch, u64, Seconds)> {
        let scratch = place.scratch("frames")?;
        let repository = scratch.path().join("repository");
        make(&repository, &Options { frame_log2, ..Options::HOST })?;
        let (report, seconds) = back_up(&repository, disk)?;
        Ok((scratch, report.statistics.new_bytes, seconds))
    };
    let (_, _, first) = run()?;
    let (_, _, second) = run()?;
    let (scratch, bytes, third) = run()?;
    Ok((scratch, bytes, Seconds::best([first, second, third])))
}

/// Reads here and there, each time with a path through the manifest that knows nothing yet; the index is loaded once.
fn read(repository: &Path, used: &Used<'_>) -> Measured<Read> {
    let medium = DirectoryMedium::open(repository, Access::Read).map_err(|error| Failure(error.to_string()))?;
    with_store(&medium, &System::new(), |store| {
        load(store)?;
        let parameters = *store.parameters();
        let version = newest(store)?.ok_or(Failure("no version".into()))?;
        let mut pages = vec![0; pages_bytes(&parameters, version.disk_size)];
        let mut raw = vec![0; raw_bytes(parameters.block_bytes())];
        let mut packed = vec![0; packed_bytes(parameters.block_bytes(), parameters.frame_bytes(), parameters.alignment())];
        let mut scratch = vec![0; scratch_bytes(parameters.block_bytes(), parameters.frame_bytes())];
        let mut codecs = HostCodecs::new();
        let mut once = |offset: u64| -> Result<(u64, f64), Error> {
            let start = Instant::now();
            let mut version = Version::of_tree(&parameters, version.disk_size, version.top, &mut pages);
            let codecs: &mut dyn Codecs = &mut codecs;
            let mut work = Work { raw: &mut raw, packed: &mut packed, scratch: &mut scratch, codecs };
            let decoded = version.read_at(offset, &mut [0; READ_BYTES], store, &mut work)?;
            Ok((decoded.bytes, start.elapsed().as_secs_f64() * 1e6))
        };
        let (mut cold, mut warm, mut decoded_bytes) = (Vec::new(), Vec::new(), 0);
        for offset in used.some(READS, READ_BYTES) {
            forget(repository)?;
            let (bytes, micros) = once(offset)?;
            cold.push(micros);
            decoded_bytes = bytes.max(decoded_bytes);
            warm.push(once(offset)?.1);
        }
        Ok(Read { decoded_bytes, cold_micros: median(cold), warm_micros: median(warm) })
    })
}

/// Drops a repository from the page cache.
fn forget(repository: &Path) -> Measured<()> {
    fs::read_dir(repository.join("segments"))?.try_for_each(|entry| runs::forget(&entry?.path()))
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
