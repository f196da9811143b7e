//! The day after: one page in a hundred has changed, and some know where.

use crate::day::{Day, PAGE_BYTES, copy};
use crate::limits::Used;
use crate::peers::Peer;
use crate::place::{Place, Scratch};
use crate::runs::{back_up, back_up_hinted, directory_bytes, make};
use crate::table::{self, Goal, megabytes};
use sarsen_benches::stopwatch::Seconds;
use sarsen_benches::{Failure, Measured};
use sarsen_core::ops::init::Options;
use sarsen_host::FileDisk;
use std::path::{Path, PathBuf};

const RUNS: u64 = 3;
/// Bytes of a run where writes are sequential.
const LONG_BYTES: u64 = 256 << 10;

/// What is known of the changes: bytes that a bit stands for, if there are any bits.
type Known = Option<u64>;

/// What one increment took.
#[derive(Clone, Copy)]
struct Increment {
    seconds: Seconds,
    /// Growth of the directory, for each changed byte.
    growth: f64,
}

/// Prints the tables.
pub fn print(place: &Place) -> Measured<()> {
    let image = place.image()?;
    let original = FileDisk::open(&image).map_err(|error| Failure(error.to_string()))?;
    let used = Used::of(&original, 1 << Options::HOST.frame_log2)?;
    let bench = Bench::prepare(place, &image, &used)?;
    println!("\n1 % of {:.0} MB that are used: {:.1} MB", megabytes(used.bytes()), megabytes(bench.pages.bytes()));

    table::begin(&format!("Pages of 4 KiB at random, best of {RUNS}"));
    let blind = bench.measure(&bench.pages, None)?;
    tell("no hints", &blind, Goal::AtMost(1.05));
    let hinted = bench.measure(&bench.pages, Some(PAGE_BYTES))?;
    tell("hints of 4 KiB", &hinted, Goal::AtMost(1.05));
    let coarse = bench.measure(&bench.pages, Some(64 << 10))?;
    tell("hints of 64 KiB", &coarse, Goal::AtMost(1.05));

    table::begin(&format!("Runs of 256 KiB, best of {RUNS}"));
    tell("no hints", &bench.measure(&bench.long, None)?, Goal::AtMost(1.03));
    tell("hints of 4 KiB", &bench.measure(&bench.long, Some(PAGE_BYTES))?, Goal::AtMost(1.03));

    table::begin("The same pages, others; one run each, and ours compared");
    for peer in Peer::ALL {
        compare(place, &bench, peer, &blind, &hinted)?;
    }
    Ok(())
}

fn tell(known: &str, increment: &Increment, goal: Goal) {
    table::time(known, increment.seconds, Goal::None);
    table::row(&format!("{known}: growth of the directory for each changed byte"), increment.growth, "bytes", goal);
}

fn compare(place: &Place, bench: &Bench, peer: Peer, blind: &Increment, hinted: &Increment) -> Measured<()> {
    let name = peer.name();
    let Some(version) = peer.version() else {
        table::note(name, "not installed, so not measured");
        return Ok(());
    };
    let scratch = place.scratch(name)?;
    let home = scratch.path().join("home");
    let image = bench.scratch.path().join("changing");
    copy(&bench.image, &image)?;
    peer.prepare(&home, &image)?;
    bench.pages.write(&image)?;
    let theirs = peer.increment(&home, &image, "two")?;
    std::fs::remove_file(&image)?;
    table::time(&version, theirs.seconds, Goal::None);
    table::row(
        &format!("{name}: growth for each changed byte"),
        theirs.grown_bytes as f64 / bench.pages.bytes() as f64,
        "bytes",
        Goal::None,
    );
    let (fast, faster) = match peer {
        Peer::Borg => (Goal::AtLeast(3.0), Goal::AtLeast(8.0)),
        Peer::Restic => (Goal::None, Goal::None),
    };
    table::row(&format!("{name}, compared with ours without hints"), theirs.seconds.wall / blind.seconds.wall, "times", fast);
    table::row(&format!("{name}, compared with ours with hints"), theirs.seconds.wall / hinted.seconds.wall, "times", faster);
    let cpu = |ours: &Increment| theirs.seconds.cpu / ours.seconds.cpu;
    table::note(&format!("{name}, by processors' time"), &format!("{:.1} and {:.1} times", cpu(blind), cpu(hinted)));
    Ok(())
}

/// A repository with the image in it, to be copied for each increment; and images with the changes.
struct Bench {
    scratch: Scratch,
    image: PathBuf,
    pages: Day,
    long: Day,
}

impl Bench {
    fn prepare(place: &Place, image: &Path, used: &Used<'_>) -> Measured<Bench> {
        let scratch = place.scratch("changes")?;
        make(&scratch.path().join("first"), &Options::HOST)?;
        back_up(&scratch.path().join("first"), &open(image)?)?;
        let (pages, long) = (Day::of(used, 1, PAGE_BYTES), Day::of(used, 2, LONG_BYTES));
        Ok(Bench { scratch, image: image.to_owned(), pages, long })
    }

    /// The best of some runs, each in a repository that has seen nothing but the original.
    fn measure(&self, day: &Day, known: Known) -> Measured<Increment> {
        let [changed, repository] = ["changed", "repository"].map(|name| self.scratch.path().join(name));
        copy(&self.image, &changed)?;
        day.write(&changed)?;
        let disk = open(&changed)?;
        let (mut times, mut growth) = (Vec::new(), 0.0);
        for _ in 0..RUNS {
            copy(&self.scratch.path().join("first"), &repository)?;
            let before = directory_bytes(&repository)?;
            let (_, seconds) = match known {
                Some(bit_bytes) => {
                    back_up_hinted(&repository, &disk, &day.hints(bit_bytes, sarsen_core::disk::Disk::size(&disk)))?
                }
                None => back_up(&repository, &disk)?,
            };
            times.push(seconds);
            growth = (directory_bytes(&repository)? - before) as f64 / day.bytes() as f64;
            std::fs::remove_dir_all(&repository)?;
        }
        std::fs::remove_file(&changed)?;
        Ok(Increment { seconds: Seconds::best(times), growth })
    }
}

fn open(image: &Path) -> Measured<FileDisk> {
    FileDisk::open(image).map_err(|error| Failure(error.to_string()))
}
