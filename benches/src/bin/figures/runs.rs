//! Verbs as the command runs them: all cores, the system's clock, a directory.

use sarsen_benches::fill::{init, with_store};
use sarsen_benches::stopwatch::{Seconds, Stopwatch};
use sarsen_benches::{Failure, Measured};
use sarsen_core::catalogue::{Search, Wanted};
use sarsen_core::disk::Disk;
use sarsen_core::error::{Error, Refusal};
use sarsen_core::format::record::HintSource;
use sarsen_core::hints::{Extent, Hinted, Hints};
use sarsen_core::ops::backup::{Backup, Ending, Memory, Options, Report, Start, pages_bytes};
use sarsen_core::ops::init;
use sarsen_core::store::Store;
use sarsen_host::runner::{self, Shared};
use sarsen_host::{Access, DirectoryMedium, FileDisk, Heap, System};
use std::fs;
use std::num::NonZeroUsize;
use std::path::Path;
use std::thread;

/// Processors there are.
pub fn threads() -> NonZeroUsize {
    thread::available_parallelism().unwrap_or(NonZeroUsize::MIN)
}

/// Makes a repository.
pub fn make(repository: &Path, options: &init::Options) -> Measured<()> {
    let medium = DirectoryMedium::create(repository).map_err(|error| Failure(error.to_string()))?;
    Ok(init(&medium, &System::new(), options)?)
}

/// Backs a disk up on the newest version, if there is one: opening, reading, storing, commit and close.
pub fn back_up(repository: &Path, disk: &FileDisk) -> Measured<(Report, Seconds)> {
    back_up_as(repository, disk, HintSource::None, Stopwatch::start())
}

/// The same, reading only what these hints say.
pub fn back_up_hinted(repository: &Path, disk: &FileDisk, extents: &[Extent]) -> Measured<(Report, Seconds)> {
    let watch = Stopwatch::start();
    let mut slots = Heap::new();
    let mut hints = Hints::new(&mut slots);
    extents.iter().try_for_each(|&extent| hints.push(extent))?;
    let view = hints.settle(disk.size())?;
    back_up_as(repository, &Hinted { disk, view }, HintSource::Caller, watch)
}

fn back_up_as(repository: &Path, disk: &(dyn Disk + Sync), hints: HintSource, watch: Stopwatch) -> Measured<(Report, Seconds)> {
    let medium = DirectoryMedium::open(repository, Access::Write).map_err(|error| Failure(error.to_string()))?;
    let report = with_store(&medium, &System::new(), |store| {
        let start = newest(store)?.unwrap_or(Start::EMPTY);
        let bytes = pages_bytes(store.parameters(), disk.size().max(start.disk_size));
        let (mut base, mut draft) = (vec![0; bytes], vec![0; bytes]);
        let memory = Memory { base: &mut base, draft: &mut draft };
        let options = Options {
            name: "disk",
            snapshot: "",
            source: "figures",
            group: [0; 16],
            start,
            hints: (hints, ""),
            spot_checks: 10,
            checkpoint_bytes: 256 << 20,
            ending: Ending::Version,
        };
        let mut task = Backup::new(store, disk, options, memory)?;
        let shared = Shared { medium: &medium, disk: Some(disk) };
        Ok(runner::run(&mut task, store, shared, threads(), &mut |_, _| ())?)
    })?;
    Ok((report, watch.seconds()))
}

/// Drops a file from the page cache.
pub fn forget(path: &Path) -> Measured<()> {
    let file = fs::File::open(path)?;
    // What is not written yet cannot be dropped.
    file.sync_data()?;
    Ok(rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::DontNeed)?)
}

/// Bytes of a directory's files, and of those below it.
pub fn directory_bytes(path: &Path) -> Measured<u64> {
    let mut bytes = 0;
    for entry in fs::read_dir(path)? {
        let path = entry?.path();
        bytes += if path.is_dir() { directory_bytes(&path)? } else { path.metadata()?.len() };
    }
    Ok(bytes)
}

/// The newest version, to build on.
pub fn newest(store: &mut Store<'_>) -> Result<Option<Start>, Error> {
    match Search::of(store, Wanted::Latest).run(store) {
        Ok(found) => Start::on(&found.entry.link, store),
        Err(Error::Refused(Refusal::UnknownVersion)) => Ok(None),
        Err(error) => Err(error),
    }
}
