//! A 4 GiB disk with real files into a directory: all of it, and once more unchanged, beside what digest and codec take alone.

use crate::limits::{Labour, Used};
use crate::place::Place;
use crate::runs::{back_up, make};
use crate::table::{self, Goal, megabytes};
use sarsen_benches::stopwatch::Seconds;
use sarsen_benches::{Failure, Measured};
use sarsen_core::digest::Algorithm;
use sarsen_core::ops::init::Options;
use sarsen_host::FileDisk;

const RUNS: usize = 3;

/// Prints the tables.
pub fn print(place: &Place) -> Measured<()> {
    let disk = FileDisk::open(place.image()?).map_err(|error| Failure(error.to_string()))?;
    let used = Used::of(&disk, 1 << Options::HOST.frame_log2)?;
    used.time(Labour::Read);
    for (name, algorithm) in [("SHA-256", Algorithm::Sha256), ("BLAKE3", Algorithm::Blake3)] {
        compare(place, &disk, &used, name, algorithm)?;
    }
    Ok(())
}

fn compare(place: &Place, disk: &FileDisk, used: &Used<'_>, name: &str, algorithm: Algorithm) -> Measured<()> {
    let options = Options { algorithm, ..Options::HOST };
    let best = |labour| Seconds::best((0..RUNS).map(|_| used.time(labour)));
    let (mut full, mut unchanged, mut repository_bytes) = (Vec::new(), Vec::new(), 0);
    let (mut baselines, mut digests) = (Vec::new(), Vec::new());
    for _ in 0..RUNS {
        let scratch = place.scratch("backup")?;
        let repository = scratch.path().join("repository");
        make(&repository, &options)?;
        // Taken in turns, so that whatever else the machine does falls on both.
        baselines.push(used.time(Labour::ReadDigestAndEncode(algorithm)));
        let (report, seconds) = back_up(&repository, disk)?;
        full.push(seconds);
        repository_bytes = report.statistics.new_bytes;
        digests.push(used.time(Labour::Digest(algorithm)));
        let (report, seconds) = back_up(&repository, disk)?;
        assert_eq!(report.statistics.new_blocks, 0);
        unchanged.push(seconds);
    }
    let [baseline, own, full, unchanged] = [baselines, digests, full, unchanged].map(Seconds::best);
    let (read, read_digest) = (best(Labour::Read), best(Labour::ReadAndDigest(algorithm)));
    let rate = |seconds: Seconds| megabytes(used.bytes()) / seconds.wall;
    let speed = |what: &str, seconds: Seconds| {
        table::row(&format!("{what} (processors: {:.3} s)", seconds.cpu), rate(seconds), "MB/s", Goal::None);
    };
    let is_default = algorithm == Options::HOST.algorithm;

    table::begin(&format!("A 4 GiB disk, {:.0} MB in use, {name}; best of {RUNS}", megabytes(used.bytes())));
    table::time(&format!("{name} and Zstandard 1 alone"), baseline, Goal::None);
    table::time("full backup", full, Goal::None);
    let goal = if is_default { Goal::AtMost(1.5) } else { Goal::None };
    table::row("full backup, compared", full.wall / baseline.wall, "times", goal);
    table::row("full backup, processors' time compared", full.cpu / baseline.cpu, "times", Goal::None);
    table::row("repository", megabytes(repository_bytes), "MB", Goal::None);
    speed("reading alone", read);
    speed("digest's own rate, from memory", own);
    speed("reading and digest", read_digest);
    speed("unchanged disk", unchanged);
    table::row("unchanged disk, of the digest's own rate", 100.0 * rate(unchanged) / rate(own), "%", Goal::AtLeast(85.0));
    table::row("unchanged disk, of reading and digest", 100.0 * rate(unchanged) / rate(read_digest), "%", Goal::None);
    Ok(())
}
