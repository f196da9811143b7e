//! backup: makes a version of a disk; whole, on a base, or going on where an earlier one was interrupted.

use crate::arguments::{size as size_of, usage};
use crate::failure::{Exit, Failure};
use crate::figures::{count, rate, seconds, size};
use crate::hints::{self, Source};
use crate::repository::{Repository, Site, pages};
use crate::screen::{self, shown};
use crate::versions::{self, Found};
use clap::Args;
use clap::error::ErrorKind;
use sarsen_core::catalogue::Wanted;
use sarsen_core::delta::SECTOR_BYTES;
use sarsen_core::disk::Disk;
use sarsen_core::error::{Error, Refusal};
use sarsen_core::format::record::HintSource;
use sarsen_core::hints::{Extent, Hinted, Hints, View};
use sarsen_core::manifest;
use sarsen_core::ops::backup::{self, Memory, Options, Report, Start};
use sarsen_core::store::Store;
use sarsen_core::task::Event;
use sarsen_host::{Access, FileDisk, Heap};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// An index smaller than this is not worth a word.
const INDEX_BYTES_UNSAID: u64 = 128 << 20;
/// At the worst moment of growth.
const INDEX_BYTES_PER_OBJECT: u64 = 24;

/// The arguments of backup.
#[derive(Args, Debug)]
pub struct Backup {
    /// The disk: a regular file or a block device, best a snapshot
    pub disk: PathBuf,
    /// What the disk is called
    #[arg(long, value_name = "NAME", value_parser = name)]
    pub name: String,
    /// What the snapshot is called; a promise that its contents never change
    #[arg(long, default_value = "", value_name = "SNAPSHOT", hide_default_value = true)]
    pub snapshot: String,
    /// The version to build on; `auto` is the newest of that name, `none` reads and names everything anew
    #[arg(long, default_value = "auto", value_name = "VERSION")]
    pub base: String,
    /// What changed since a version, as `rbd diff`, `qemu-img map` or `nbdinfo --map` print it in JSON; `-` is standard input. Only that is read
    #[arg(long, value_name = "FILE", requires = "since", conflicts_with = "continued")]
    pub hints: Option<PathBuf>,
    /// Since which version the hints tell: a VERSION, or the snapshot name of the one version of that disk
    #[arg(long, value_name = "VERSION|SNAPSHOT", requires = "hints", conflicts_with = "base")]
    pub since: Option<String>,
    /// How many pieces of which the hints say nothing are compared with that version before anything is written
    #[arg(long, value_name = "COUNT", default_value_t = 10)]
    pub spot_checks: u32,
    /// Go on from the newest draft of that name, which an interrupted backup left
    #[arg(long = "continue", conflicts_with = "base")]
    pub continued: bool,
    /// Make a checkpoint whenever so many bytes were newly stored: what an interruption can cost at most
    #[arg(long, value_name = "SIZE", default_value = CHECKPOINT, value_parser = size_of)]
    pub checkpoint: u64,
}

/// A checkpoint waits for the medium, so there are not many.
const CHECKPOINT: &str = "256M";

/// Names that a VERSION could not tell from something else are not given.
pub(super) fn name(text: &str) -> Result<String, String> {
    match text {
        "" => Err("a disk needs a name".into()),
        "latest" => Err("`latest` means the newest of all versions; choose another".into()),
        text if text.contains('@') => Err("what follows an `@` is the snapshot; give it with --snapshot".into()),
        text => Ok(text.into()),
    }
}

/// The same for snapshots. Ends the process.
pub(super) fn check_snapshot(text: &str) {
    if text.contains('@') {
        usage(ErrorKind::ValueValidation, "a snapshot's name has no `@`: NAME@SNAPSHOT could not be told apart");
    }
}

impl Backup {
    pub fn run(&self, site: &Site) -> Result<Exit, Failure> {
        check_snapshot(&self.snapshot);
        let report = self.back_up(site)?;
        self.tell(&report)?;
        Ok(if report.source_changed { Exit::SourceChanged } else { Exit::Done })
    }

    /// Makes the version.
    pub fn back_up(&self, site: &Site) -> Result<Report, Failure> {
        let disk = FileDisk::open(&self.disk)?;
        let mut extents = Heap::new();
        let hints = match &self.hints {
            Some(path) => Some(told(path, &disk, &mut extents)?),
            None => None,
        };
        let repository = site.open(Access::Write, "backup")?;
        repository.with(|store| {
            let identity = disk.identity();
            let start = self.start(store, &identity).map_err(|trouble| trouble.told(&repository))?;
            tell_memory(&repository, store, &disk)?;
            let options = Options {
                name: &self.name,
                snapshot: &self.snapshot,
                source: &identity,
                group: [0; 16],
                start,
                hints: hints.as_ref().map_or((HintSource::None, ""), |(source, _)| (source.kind.source(), &source.identity)),
                spot_checks: self.spot_checks,
                checkpoint_bytes: self.checkpoint,
                ending: backup::Ending::Version,
            };
            match &hints {
                Some((_, view)) => run(&repository, store, &Hinted { disk: &disk, view: *view }, options, &self.disk),
                None => run(&repository, store, &disk, options, &self.disk),
            }
        })
    }

    fn start(&self, store: &mut Store<'_>, identity: &str) -> Result<Start, Trouble> {
        if self.continued {
            match versions::newest(store, Wanted::Draft(&self.name))? {
                Some(draft) => return self.continue_draft(store, &draft, identity),
                None => {
                    screen::note(format_args!("no draft of `{}` to go on from: this is an ordinary backup", shown(&self.name)))
                }
            }
        }
        let base = match self.base.as_str() {
            _ if self.since.is_some() => Some(self.find_since(store)?),
            "none" => None,
            "auto" => versions::newest(store, Wanted::Name(&self.name))?,
            wanted => Some(versions::find_version(store, wanted)?),
        };
        Ok(match base {
            Some(base) => build_on(store, &base)?,
            None => Start::EMPTY,
        })
    }

    /// The version that hints are since: hints of another would lose data, so there must be no doubt which.
    fn find_since(&self, store: &mut Store<'_>) -> Result<Found, Trouble> {
        let since = self.since.as_deref().unwrap_or_default();
        let mut named = versions::of_snapshot(store, &self.name, since)?;
        let others = named.len();
        match (named.pop(), others) {
            (Some(found), 1) => Ok(found),
            (None, _) => Ok(versions::find_version(store, since)?),
            (Some(_), _) => Err(Trouble::Told(Failure::new(
                Exit::Mismatch,
                format!(
                    "{} of {} have the snapshot name `{}`; name the one that the hints are since by its id, which `sarsen ls` shows",
                    count(others as u64, "version"),
                    shown(&self.name),
                    shown(since)
                ),
            ))),
        }
    }

    fn continue_draft(&self, store: &mut Store<'_>, draft: &Found, identity: &str) -> Result<Start, Trouble> {
        let told = &draft.told;
        let start = Start::where_left(&draft.entry, &self.snapshot, identity, store).map_err(|error| match error {
            Error::Refused(Refusal::OtherSource) => Trouble::Told(Failure::new(
                Exit::Mismatch,
                format!(
                    "{}: the draft of {} is of another source under the same snapshot name: it was `{}`, this is `{identity}`; \
                     give this one its own --snapshot, or remove the draft with `sarsen rm`",
                    self.disk.display(),
                    told.called(),
                    shown(&told.source),
                ),
            )),
            error => error.into(),
        })?;
        let saved = match start.position {
            0 => "all is read again, what is stored already is not stored again".into(),
            position => format!("the first {} are not read again", size(position)),
        };
        screen::note(format_args!("going on from the draft of {}: {saved}", told.called()));
        Ok(start)
    }

    fn tell(&self, report: &Report) -> Result<(), Failure> {
        let done = report.statistics;
        let time = Duration::from_millis(done.millis);
        screen::print(format_args!("version {}", report.version))?;
        screen::print(format_args!(
            "{} of {}: read {} in {} ({}), stored {} of new data in {}",
            size(report.disk_size),
            shown(&self.name),
            size(done.read_bytes),
            seconds(time),
            rate(done.read_bytes, time),
            size(done.new_bytes),
            count(done.new_blocks, "block"),
        ))?;
        if report.source_changed {
            screen::warn(format_args!(
                "{}: changed while it was read, so the version may be of no single moment; back up a snapshot, or when nobody writes to it",
                self.disk.display()
            ));
        }
        Ok(())
    }
}

/// Either the engine's word, still without the repository's name, or one that is complete.
enum Trouble {
    Engine(Error),
    Told(Failure),
}

impl Trouble {
    fn told(self, repository: &Repository) -> Failure {
        match self {
            Trouble::Engine(error) => repository.failure(error),
            Trouble::Told(failure) => failure,
        }
    }
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Trouble {
        Trouble::Engine(error)
    }
}

impl From<Failure> for Trouble {
    fn from(failure: Failure) -> Trouble {
        Trouble::Told(failure)
    }
}

fn build_on(store: &mut Store<'_>, base: &Found) -> Result<Start, Error> {
    Ok(Start::on(&base.entry.link, store)?.unwrap_or_else(|| {
        screen::warn(format_args!(
            "{}: its manifest is not the one its root names; backing up without a base",
            base.told.called()
        ));
        Start::EMPTY
    }))
}

/// Says what the index may come to need, if every block of the disk is new.
fn tell_memory(repository: &Repository, store: &mut Store<'_>, disk: &FileDisk) -> Result<(), Failure> {
    while !store.load().map_err(|error| repository.failure(error))? {}
    let block_bytes = store.parameters().block_bytes();
    let blocks = manifest::blocks(sarsen_core::disk::Disk::size(disk), block_bytes);
    let bytes = blocks.saturating_add(store.index().usage().objects).saturating_mul(INDEX_BYTES_PER_OBJECT);
    if bytes > INDEX_BYTES_UNSAID {
        screen::note(format_args!(
            "the index needs up to {} of memory, as blocks of {} are small for this disk; larger blocks need less",
            size(bytes),
            size(block_bytes.into())
        ));
    }
    Ok(())
}

/// Reads hints and holds them to the disk. Where others count in sectors, the disk's end may lie within the last of them.
fn told<'m>(path: &Path, disk: &FileDisk, extents: &'m mut Heap<Extent>) -> Result<(Source, View<'m>), Failure> {
    let size = disk.size();
    let rounded = size.next_multiple_of(SECTOR_BYTES as u64);
    let mut hints = Hints::new(extents);
    let source = hints::read(path, &mut |mut extent| {
        let end = extent.offset.saturating_add(extent.len_bytes);
        if size < end && end <= rounded {
            extent.len_bytes = size.saturating_sub(extent.offset);
        }
        hints.push(extent)
    })?;
    let view = hints.settle(size)?;
    if source.kind.is_map() && source.end < size {
        return Err(Failure::new(
            Exit::Mismatch,
            format!(
                "{}: the map ends at byte {}, but the disk has {size}: it is of another disk, or was made before this one grew",
                path.display(),
                source.end
            ),
        ));
    }
    Ok((source, view))
}

fn run(
    repository: &Repository,
    store: &mut Store<'_>,
    disk: &(dyn Disk + Sync),
    options: Options<'_>,
    path: &Path,
) -> Result<Report, Failure> {
    let (mut base, mut draft) = (pages(), pages());
    let memory = Memory { base: &mut base, draft: &mut draft };
    let mut task = backup::Backup::new(store, disk, options, memory).map_err(|error| repository.failure(error))?;
    let mut checkpoint = None;
    let report = repository.run(&mut task, store, Some(disk), |event| match event {
        Event::BaseDamaged => screen::warn("the base is damaged, so all is compared by content; what was damaged is stored anew"),
        Event::Checkpoint { position } => checkpoint = Some(position),
        _ => {}
    });
    if let (Err(_), Some(position)) = (&report, checkpoint) {
        screen::note(format_args!("{} are kept as a draft: `--continue` goes on from there", size(position)));
    }
    report.map_err(|error| match error {
        Error::Disk { .. } | Error::Unlike { .. } => Failure::at(path.display(), error),
        error => repository.failure(error),
    })
}
