//! Sixty-four days in a row, a page in a hundred each: what they take up, and how fast the last of them are read through all of them.

use crate::day::{Day, PAGE_BYTES, copy};
use crate::limits::Used;
use crate::place::Place;
use crate::runs::{back_up, back_up_hinted, directory_bytes, make, threads};
use crate::table::{self, Goal, mebibytes, megabytes};
use embedded_io::ErrorKind;
use sarsen_benches::fill::{load, with_store};
use sarsen_benches::stopwatch::{Seconds, Stopwatch};
use sarsen_benches::{Failure, Measured};
use sarsen_core::catalogue::{Entry, Listed, Listing, with_record};
use sarsen_core::disk::{Disk, DiskMut};
use sarsen_core::ops::backup::pages_bytes;
use sarsen_core::ops::check::Check;
use sarsen_core::ops::init::Options;
use sarsen_core::ops::restore::{self, Restore};
use sarsen_core::store::Store;
use sarsen_core::types::Id;
use sarsen_core::version::Version;
use sarsen_host::runner::{self, Bench, Shared};
use sarsen_host::{Access, DirectoryMedium, FileDisk, FileTarget, System, Zeros};
use std::fs;
use std::path::Path;

const DAYS: u64 = 64;
/// Of the last of them, so many are read.
const READ: usize = 4;
const RUNS: usize = 2;
const SPOTS: u64 = 2000;

/// One increment.
struct Increment {
    changed_bytes: u64,
    grown_bytes: u64,
    seconds: Seconds,
}

impl Increment {
    fn growth(&self) -> f64 {
        self.grown_bytes as f64 / self.changed_bytes as f64
    }
}

/// Prints the tables.
pub fn print(place: &Place) -> Measured<()> {
    let original = FileDisk::open(place.image()?).map_err(|error| Failure(error.to_string()))?;
    let used = Used::of(&original, 1 << Options::HOST.frame_log2)?;
    let scratch = place.scratch("chain")?;
    let [image, repository] = ["image", "repository"].map(|name| scratch.path().join(name));
    copy(&place.image()?, &image)?;
    make(&repository, &Options::HOST)?;
    let full = back_up(&repository, &original)?.0.statistics.new_bytes;
    let increments = (1..=DAYS).map(|number| increment(&used, number, &image, &repository)).collect::<Measured<Vec<_>>>()?;
    tell_growth(full, &increments);
    fs::remove_file(&image)?;

    table::begin(&format!(
        "The last {READ} of them, compared with full backups of the same; best of {RUNS}, restored to nowhere"
    ));
    let versions = versions(&repository)?;
    for (at, entry) in (1..).zip(&versions).skip(versions.len() - READ) {
        compare(&repository, entry, &format!("version {at}"), scratch.path())?;
    }
    read_through(&repository, &used)
}

fn increment(used: &Used<'_>, number: u64, image: &Path, repository: &Path) -> Measured<Increment> {
    let day = Day::of(used, 100 + number, PAGE_BYTES);
    day.write(image)?;
    let disk = FileDisk::open(image).map_err(|error| Failure(error.to_string()))?;
    let before = directory_bytes(repository)?;
    let (_, seconds) = back_up_hinted(repository, &disk, &day.hints(PAGE_BYTES, disk.size()))?;
    Ok(Increment { changed_bytes: day.bytes(), grown_bytes: directory_bytes(repository)? - before, seconds })
}

fn tell_growth(full: u64, increments: &[Increment]) {
    println!("\n### {DAYS} increments in a row: growth for each changed byte\n");
    println!("| from | | | | | | | | | seconds | processors |\n|---|---|---|---|---|---|---|---|---|---|---|");
    for (row, some) in increments.chunks(8).enumerate() {
        let growths: Vec<String> = some.iter().map(|one| format!("{:.2}", one.growth())).collect();
        let mean = |of: fn(&Increment) -> f64| some.iter().map(of).sum::<f64>() / some.len() as f64;
        println!(
            "| {} | {} | {:.2} | {:.2} |",
            8 * row + 1,
            growths.join(" | "),
            mean(|one| one.seconds.wall),
            mean(|one| one.seconds.cpu)
        );
    }
    let sum = |of: fn(&Increment) -> u64| increments.iter().map(of).sum::<u64>();
    let (grown, changed) = (sum(|one| one.grown_bytes), sum(|one| one.changed_bytes));
    table::begin("All of them");
    table::row("full backup before them", megabytes(full), "MB", Goal::None);
    table::row("changed", megabytes(changed), "MB", Goal::None);
    table::row("grown", megabytes(grown), "MB", Goal::None);
    table::row("growth for each changed byte", grown as f64 / changed as f64, "bytes", Goal::AtMost(2.2));
    let most = increments.iter().map(Increment::growth).fold(0.0, f64::max);
    table::row("the largest increment", most, "bytes", Goal::AtMost(3.0));
}

/// All versions, oldest first.
fn versions(repository: &Path) -> Measured<Vec<Entry>> {
    let medium = open(repository)?;
    with_store(&medium, &System::new(), |store| {
        let (mut listing, mut entries) = (Listing::of(store), Vec::new());
        loop {
            match listing.next(store)? {
                Listed::Entry(entry) => entries.push(entry),
                Listed::Step => {}
                Listed::End => return Ok(entries),
            }
        }
    })
}

/// Restores and scrubs a version, and a full one of the same content in a repository of its own.
fn compare(repository: &Path, entry: &Entry, name: &str, scratch: &Path) -> Measured<()> {
    let [file, other] = ["restored", "other"].map(|name| scratch.join(name));
    let root = {
        let (size, _) = told(repository, entry)?;
        let target = FileTarget::create(&file, size, Zeros::Sparse).map_err(|error| Failure(error.to_string()))?;
        restore(repository, entry, &target)?;
        told(repository, entry)?.1
    };
    make(&other, &Options::HOST)?;
    back_up(&other, &FileDisk::open(&file).map_err(|error| Failure(error.to_string()))?)?;
    let full = versions(&other)?.pop().ok_or(Failure("no version".into()))?;
    // The root is of the content alone, so this holds the restored disk to it as well.
    assert_eq!(told(&other, &full)?.1, root, "a full backup of the restored disk is another disk");
    let (mut ours, mut theirs) = ([Vec::new(), Vec::new()], [Vec::new(), Vec::new()]);
    for _ in 0..RUNS {
        ours[0].push(restore(repository, entry, &Nowhere)?);
        theirs[0].push(restore(&other, &full, &Nowhere)?);
        ours[1].push(scrub(repository, entry)?);
        theirs[1].push(scrub(&other, &full)?);
    }
    for (what, (ours, theirs)) in ["restore", "scrub"].iter().zip(ours.into_iter().zip(theirs)) {
        let (ours, theirs) = (Seconds::best(ours), Seconds::best(theirs));
        table::time(&format!("{name}: {what}"), ours, Goal::None);
        table::time(&format!("full: {what}"), theirs, Goal::None);
        table::row(&format!("{name}: {what}, compared"), theirs.wall / ours.wall, "times as fast", Goal::AtLeast(0.6));
        table::row(&format!("{name}: {what}, by processors' time"), theirs.cpu / ours.cpu, "times as fast", Goal::None);
    }
    fs::remove_file(&file)?;
    Ok(fs::remove_dir_all(&other)?)
}

/// Size and root.
fn told(repository: &Path, entry: &Entry) -> Measured<(u64, Id)> {
    let medium = open(repository)?;
    with_store(&medium, &System::new(), |store| Ok(with_record(store, &entry.link, |_, record| (record.disk_size, record.root))?))
}

fn open(repository: &Path) -> Measured<DirectoryMedium> {
    DirectoryMedium::open(repository, Access::Read).map_err(|error| Failure(error.to_string()))
}

/// A version of a store, its path through the manifest in memory of its own.
fn version<'p>(store: &mut Store<'_>, entry: &Entry, pages: &'p mut Vec<u8>) -> Measured<Version<'p>> {
    let (size, top) = with_record(store, &entry.link, |_, record| (record.disk_size, record.top))?;
    let parameters = *store.parameters();
    pages.resize(pages_bytes(&parameters, size), 0);
    Ok(Version::of_tree(&parameters, size, top, pages))
}

fn restore(repository: &Path, entry: &Entry, target: &dyn DiskMut) -> Measured<Seconds> {
    let watch = Stopwatch::start();
    let medium = open(repository)?;
    with_store(&medium, &System::new(), |store| {
        let mut pages = Vec::new();
        let version = version(store, entry, &mut pages)?;
        let mut task = Restore::new(store, version, target, restore::Options { target_is_zero: true });
        let report = runner::run(&mut task, store, Shared { medium: &medium, disk: None }, threads(), &mut |_, _| ())?;
        assert_eq!(report.lost_bytes, 0);
        Ok(watch.seconds())
    })
}

fn scrub(repository: &Path, entry: &Entry) -> Measured<Seconds> {
    let watch = Stopwatch::start();
    let medium = open(repository)?;
    with_store(&medium, &System::new(), |store| {
        let size = with_record(store, &entry.link, |_, record| record.disk_size)?;
        let mut pages = vec![0; pages_bytes(store.parameters(), size)];
        let mut task = Check::of_version(store, *entry, &mut pages);
        let report = runner::run(&mut task, store, Shared { medium: &medium, disk: None }, threads(), &mut |_, _| ())?;
        assert!(!report.damaged(), "{report:?}");
        Ok(watch.seconds())
    })
}

/// Takes everything and keeps nothing, so that only reading is measured.
struct Nowhere;

impl DiskMut for Nowhere {
    fn write_at(&self, _: u64, from: &[u8]) -> Result<(), ErrorKind> {
        std::hint::black_box(from);
        Ok(())
    }
    fn zero(&self, _: u64, _: u64) -> Result<(), ErrorKind> {
        Ok(())
    }
    fn flush(&self) -> Result<(), ErrorKind> {
        Ok(())
    }
}

/// Reads 4 KiB in every frame of the block with the longest chain, and here and there.
fn read_through(repository: &Path, used: &Used<'_>) -> Measured<()> {
    let entry = versions(repository)?.pop().ok_or(Failure("no version".into()))?;
    let medium = open(repository)?;
    with_store(&medium, &System::new(), |store| {
        load(store)?;
        let mut pages = Vec::new();
        let mut version = version(store, &entry, &mut pages)?;
        let block_bytes = u64::from(store.parameters().block_bytes());
        let (mut deepest, mut depths) = ((0, 0), Vec::new());
        for block in 0..version.size().div_ceil(block_bytes) {
            let id = version.block(block, store)?;
            let entries = if id.is_zero() { 0 } else { store.chain(&id)?.map_or(0, |(_, chain)| chain.places().len()) };
            deepest = deepest.max((entries, block));
            depths.extend((entries > 0).then_some(entries));
        }
        depths.sort_unstable();
        let mut bench = Bench::new(store.parameters())?;
        let mut most = |places: &mut dyn Iterator<Item = u64>| -> Measured<u64> {
            let mut most = 0;
            for offset in places {
                most = version.read_at(offset, &mut [0; PAGE_BYTES as usize], store, &mut bench.work())?.bytes.max(most);
            }
            Ok(most)
        };
        let in_deepest = most(&mut (0..block_bytes / PAGE_BYTES).map(|page| deepest.1 * block_bytes + page * PAGE_BYTES))?;
        let anywhere = most(&mut used.some_from(7, PAGE_BYTES).take(usize::try_from(SPOTS)?))?;
        table::begin("Cold reads of 4 KiB, of a page each");
        table::row("entries of a block's chain, median", depths[depths.len() / 2] as f64, "entries", Goal::None);
        table::row("entries of the longest chain", deepest.0 as f64, "entries", Goal::None);
        table::row("decoded at most, through the longest", 1024.0 * mebibytes(in_deepest), "KiB", Goal::AtMost(256.0));
        table::row(&format!("decoded at most, {SPOTS} places"), 1024.0 * mebibytes(anywhere), "KiB", Goal::AtMost(256.0));
        Ok(())
    })
}
