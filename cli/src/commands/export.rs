//! export: what differs between versions goes to a file or a pipe as a stream, for another repository, Sheepdog or Ceph.

use super::import::LayoutName;
use super::{import, manifest};
use crate::arguments::usage;
use crate::failure::{Exit, Failure};
use crate::figures::{count, size};
use crate::repository::{Repository, Site, pages};
use crate::screen;
use crate::versions::{self, Told};
use clap::error::ErrorKind;
use clap::{Args, ValueEnum};
use sarsen_core::error::Error;
use sarsen_core::foreign::rbd::Head;
use sarsen_core::foreign::{rbd, sheepdog};
use sarsen_core::ops::diff::{self, Differences, From, Sink};
use sarsen_core::ops::export::{self, End, Own, Rbd, Spans, own_bytes};
use sarsen_core::store::Store;
use sarsen_core::types::Id;
use sarsen_core::version::Version;
use sarsen_host::runner::Bench;
use sarsen_host::{Access, Heap, HostCodecs};
use std::fs::{self, File};
use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::{Path, PathBuf};

/// Written at once.
const OUTPUT_BYTES: usize = 1 << 20;

/// The arguments of export.
#[derive(Args, Debug)]
pub struct Export {
    /// Which version
    pub version: String,
    /// Where to: a new file; `-` is standard output
    #[arg(default_value = "-", hide_default_value = true)]
    pub file: PathBuf,
    /// The version that the receiver has; without it all of the disk is told
    #[arg(long, value_name = "VERSION")]
    pub from: Option<String>,
    /// Who is to read it
    #[arg(long, default_value = "sarsen")]
    pub format: Format,
    /// Leave out what lies before this byte of the disk, which the receiver has kept of an interrupted import
    #[arg(long, value_name = "OFFSET", default_value_t = 0, hide_default_value = true)]
    pub start: u64,
    /// Which of Sheepdog's two layouts: `a` says first how many records there are, `b` (in every release) has a marker behind them [default: b]
    #[arg(long)]
    pub layout: Option<LayoutName>,
    /// Bytes of one of Sheepdog's objects [default: 4M]
    #[arg(long, value_name = "SIZE", value_parser = import::object_size)]
    pub object_size: Option<u32>,
}

/// Whose stream.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum Format {
    /// `sarsen import`
    Sarsen,
    /// `dog vdi restore`
    Sheepdog,
    /// `rbd import-diff`
    Rbd,
    /// What stands inside `rbd export --export-format 2`
    RbdV2,
}

impl Export {
    pub fn run(&self, site: &Site) -> Result<Exit, Failure> {
        self.check_usage();
        let repository = site.open(Access::Read, "export")?;
        repository.with(|store| {
            let from = match &self.from {
                Some(from) => Some(versions::find_version(store, from)?),
                None => None,
            };
            let target = versions::find_version(store, &self.version)?;
            if self.start > target.told.disk_size {
                return Err(Failure::new(
                    Exit::Mismatch,
                    format!("--start {}: the disk has {}", self.start, count(target.told.disk_size, "byte")),
                ));
            }
            let mut line = Line::open(&self.file)?;
            let written = self.write(&repository, store, from.as_ref(), &target, &mut line);
            let flushed = written.and_then(|()| line.finish());
            if flushed.is_err() {
                line.remove();
            }
            flushed?;
            let words = format!("{}: {} of stream for {}", line.name, size(line.written), target.told.called());
            if line.is_file {
                screen::print(words)?
            } else {
                screen::note(words)
            }
            Ok(Exit::Done)
        })
    }

    fn check_usage(&self) {
        if self.format != Format::Sheepdog && (self.layout.is_some() || self.object_size.is_some()) {
            usage(ErrorKind::ArgumentConflict, "--layout and --object-size are of Sheepdog's streams alone");
        }
        if self.format == Format::Sheepdog && self.from.is_none() {
            usage(
                ErrorKind::MissingRequiredArgument,
                "Sheepdog's streams tell differences alone; say since which version with --from",
            );
        }
        if self.format != Format::Sarsen && self.start > 0 {
            usage(ErrorKind::ArgumentConflict, "--start is of sarsen's own streams alone; others are never continued");
        }
        if self.file.as_os_str() == "-" && io::stdout().is_terminal() {
            usage(ErrorKind::MissingRequiredArgument, "standard output is a terminal; name a FILE, or pipe the stream somewhere");
        }
    }

    fn write(
        &self,
        repository: &Repository,
        store: &mut Store<'_>,
        from: Option<&versions::Found>,
        target: &versions::Found,
        line: &mut Line,
    ) -> Result<(), Failure> {
        let failure = |error| repository.failure(error);
        let parameters = *store.parameters();
        let of = (from.map(|from| &from.told), &target.told);
        let result = match self.format {
            Format::Sarsen => {
                let mut room = vec![0; own_bytes(parameters.frame_bytes(), parameters.codec)];
                let mut codecs = HostCodecs::new();
                let base = from.map(|from| end(&from.told));
                let header = export::header(&parameters, base.as_ref(), &end(&target.told), self.start).map_err(failure)?;
                let own = Own::begin(&header, (parameters.codec, &mut codecs), &mut room, line);
                own.and_then(|mut own| tell(repository, store, of, header.start, &mut own))
            }
            Format::Rbd | Format::RbdV2 => {
                let name = from.map(|from| snapshot_of(&from.told, &from.id));
                let head = Head {
                    version: if self.format == Format::Rbd { rbd::Version::V1 } else { rbd::Version::V2 },
                    from: name.as_deref(),
                    to: Some(target.told.snapshot.as_str()).filter(|name| !name.is_empty()),
                    disk_bytes: target.told.disk_size,
                };
                let rbd = Rbd::begin(&head, line);
                rbd.and_then(|mut rbd| tell(repository, store, of, 0, &mut rbd))
            }
            Format::Sheepdog => self.sheepdog(repository, store, of, line),
        };
        result.map_err(|error| match line.trouble.take() {
            Some(trouble) => Failure::new(Exit::Failed, format!("{}: cannot be written: {trouble}", line.name)),
            None => failure(error),
        })
    }

    fn sheepdog(
        &self,
        repository: &Repository,
        store: &mut Store<'_>,
        (from, target): (Option<&Told>, &Told),
        line: &mut Line,
    ) -> Result<(), Error> {
        let object_bytes = self.object_size.unwrap_or(sheepdog::OBJECT_BYTES);
        let shape = export::shape(object_bytes, from.map_or(0, |from| from.disk_size), target.disk_size)?;
        let mut room = Heap::new();
        let mut spans = Spans::new(object_bytes, &mut room);
        tell(repository, store, (from, target), 0, &mut spans)?;
        let (mut pages, mut chunk) = (pages(), vec![0; OUTPUT_BYTES]);
        let mut version = manifest::open(store, target, &mut pages)?;
        let mut bench = Bench::new(store.parameters())?;
        let how = (shape, self.layout.unwrap_or(LayoutName::B).layout());
        export::sheepdog(store, &mut version, spans.found(), how, &mut chunk, line, &mut bench.work())
    }
}

fn end(told: &Told) -> End<'_> {
    let Told { root, disk_size, time, name, snapshot, source, .. } = told;
    End { root: *root, disk_size: *disk_size, time: *time, name, snapshot, source }
}

/// How rbd calls a version that is differed from: by its snapshot, or where it has none by its id.
fn snapshot_of(told: &Told, id: &Id) -> String {
    match told.snapshot.as_str() {
        "" => id.to_string(),
        snapshot => snapshot.to_owned(),
    }
}

/// Tells a sink what differs.
fn tell(
    repository: &Repository,
    store: &mut Store<'_>,
    (from, target): (Option<&Told>, &Told),
    start: u64,
    sink: &mut dyn Sink,
) -> Result<(), Error> {
    let (mut pages, mut old_pages) = (pages(), pages());
    let version: Version<'_> = manifest::open(store, target, &mut pages)?;
    let from = match from {
        Some(from) => From::Version(manifest::open(store, from, &mut old_pages)?),
        None => From::Nothing,
    };
    let options = diff::Options { start, ..diff::Options::default() };
    let mut task = Differences::new(store, from, version, sink, options)?;
    repository.run(&mut task, store, None, |_| {}).map(|_| ())
}

/// Where a stream goes to.
struct Line {
    to: BufWriter<Box<dyn Write>>,
    name: String,
    /// Made by this run.
    path: Option<PathBuf>,
    is_file: bool,
    written: u64,
    trouble: Option<io::Error>,
}

impl Line {
    /// A pipe or device that is there is written to; a file that is there is not.
    fn open(path: &Path) -> Result<Line, Failure> {
        if path.as_os_str() == "-" {
            return Ok(Line::over(Box::new(io::stdout()), "standard output".into(), None, false));
        }
        let name = path.display().to_string();
        let failed = |error: io::Error| Failure::new(Exit::Failed, format!("{name}: cannot be written: {error}"));
        let exists = path.metadata().ok();
        if exists.as_ref().is_some_and(|metadata| metadata.is_file() || metadata.is_dir()) {
            return Err(Failure::new(Exit::Failed, format!("{name}: exists; name another file, or take it away first")));
        }
        let made = exists.is_none();
        let file = if made { File::create_new(path) } else { File::options().write(true).open(path) }.map_err(failed)?;
        Ok(Line::over(Box::new(file), name, made.then(|| path.to_owned()), true))
    }

    fn over(to: Box<dyn Write>, name: String, path: Option<PathBuf>, is_file: bool) -> Line {
        Line { to: BufWriter::with_capacity(OUTPUT_BYTES, to), name, path, is_file, written: 0, trouble: None }
    }

    fn finish(&mut self) -> Result<(), Failure> {
        self.to.flush().map_err(|error| Failure::new(Exit::Failed, format!("{}: cannot be written: {error}", self.name)))
    }

    /// What was not finished is no stream; that it cannot be taken away changes nothing of that.
    fn remove(&mut self) {
        if let Some(path) = self.path.take() {
            fs::remove_file(path).ok();
        }
    }

    fn told<R>(&mut self, result: io::Result<R>) -> Result<R, embedded_io::ErrorKind> {
        result.map_err(|error| {
            let kind = error.kind().into();
            if error.kind() != io::ErrorKind::Interrupted {
                self.trouble = Some(error);
            }
            kind
        })
    }
}

impl embedded_io::ErrorType for Line {
    type Error = embedded_io::ErrorKind;
}

impl embedded_io::Write for Line {
    fn write(&mut self, from: &[u8]) -> Result<usize, embedded_io::ErrorKind> {
        let written = self.to.write(from);
        let len = self.told(written)?;
        self.written += len as u64;
        Ok(len)
    }

    fn flush(&mut self) -> Result<(), embedded_io::ErrorKind> {
        let flushed = self.to.flush();
        self.told(flushed)
    }
}
