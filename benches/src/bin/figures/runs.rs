//! Verbs as the command runs them: all cores, the system's clock, a directory.

use sarsen_benches::fill::{init, with_store};
use sarsen_benches::stopwatch::{Seconds, Stopwatch};
use sarsen_benches::{Failure, Measured};
use sarsen_core::catalogue::{Search, Wanted, with_record};
use sarsen_core::disk::Disk;
use sarsen_core::error::{Error, Refusal};
use sarsen_core::format::record::HintSource;
use sarsen_core::ops::backup::{Backup, Memory, Options, Report, Start, pages_bytes};
use sarsen_core::ops::init;
use sarsen_core::store::Store;
use sarsen_host::runner::{self, Shared};
use sarsen_host::{Access, DirectoryMedium, FileDisk, System};
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
    let watch = Stopwatch::start();
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
            hints: (HintSource::None, ""),
            spot_checks: 0,
            checkpoint_bytes: 256 << 20,
        };
        let mut task = Backup::new(store, disk, options, memory)?;
        let shared = Shared { medium: &medium, disk: Some(disk) };
        Ok(runner::run(&mut task, store, shared, threads(), &mut |_, _| ())?)
    })?;
    Ok((report, watch.seconds()))
}

/// The newest version, to build on.
pub fn newest(store: &mut Store<'_>) -> Result<Option<Start>, Error> {
    match Search::of(store, Wanted::Latest).run(store) {
        Ok(found) => with_record(store, &found.entry.link, |base, record| {
            Some(Start { base, disk_size: record.disk_size, top: record.top, ..Start::EMPTY })
        }),
        Err(Error::Refused(Refusal::UnknownVersion)) => Ok(None),
        Err(error) => Err(error),
    }
}
