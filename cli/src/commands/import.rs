//! import: a stream of differences, from a file or a pipe, becomes a version.

use super::backup;
use crate::arguments::{size as size_of, usage};
use crate::failure::{Exit, Failure};
use crate::figures::{count, rate, seconds, size};
use crate::repository::{Repository, Site, pages};
use crate::screen::{self, shown};
use crate::versions;
use clap::error::ErrorKind;
use clap::{Args, ValueEnum};
use sarsen_core::catalogue::with_record;
use sarsen_core::draft::{Frames, Held};
use sarsen_core::error::{Error, Fault, What};
use sarsen_core::foreign::sheepdog::{self, Layout};
use sarsen_core::ops::import::{self, Imported, Memory, Options, Report, TEXTS_BYTES, record_bytes};
use sarsen_core::store::Store;
use sarsen_host::Access;
use sarsen_host::runner::Bench;
use std::fs::File;
use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Read at once.
const INPUT_BYTES: usize = 1 << 20;
/// Frames of so many blocks are kept, so that a block is stored once.
const BLOCKS_KEPT: usize = 2;

/// The arguments of import.
#[derive(Args, Debug)]
pub struct Import {
    /// The stream; `-` is standard input
    #[arg(default_value = "-", hide_default_value = true)]
    pub file: PathBuf,
    /// Whose stream it is [default: as its first bytes say]
    #[arg(long)]
    pub format: Option<Format>,
    /// The version it is laid on. A stream of sarsen names it itself, others must be told, unless they are of a whole disk
    #[arg(long, value_name = "VERSION")]
    pub base: Option<String>,
    /// What the disk is called [default: as the stream says, or as the base is called]
    #[arg(long, value_name = "NAME", value_parser = backup::name)]
    pub name: Option<String>,
    /// What the snapshot is called [default: as the stream says]
    #[arg(long, value_name = "SNAPSHOT")]
    pub snapshot: Option<String>,
    /// Which of Sheepdog's two layouts it has: `a` says first how many records there are, `b` (in every release) has a marker behind them
    /// [default: found out]
    #[arg(long)]
    pub layout: Option<LayoutName>,
    /// Bytes of one of Sheepdog's objects, which its streams do not tell [default: 4M]
    #[arg(long, value_name = "SIZE", value_parser = object_size)]
    pub object_size: Option<u32>,
}

/// Whose stream.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum Format {
    /// `sarsen export`
    Sarsen,
    /// `dog vdi backup`, or `collie`'s
    Sheepdog,
    /// `rbd export-diff`
    Rbd,
}

/// A layout of Sheepdog.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum LayoutName {
    A,
    B,
}

impl LayoutName {
    pub fn layout(self) -> Layout {
        match self {
            LayoutName::A => Layout::Counted,
            LayoutName::B => Layout::Marked,
        }
    }
}

/// Bytes of one of Sheepdog's objects.
pub fn object_size(text: &str) -> Result<u32, String> {
    let bytes = u32::try_from(size_of(text)?).ok().filter(|&bytes| sheepdog::Shape::new(bytes, 0).is_some());
    bytes.ok_or_else(|| "must be a multiple of 512, less than 4G".into())
}

impl Import {
    pub fn run(&self, site: &Site) -> Result<Exit, Failure> {
        let format = self.format();
        backup::check_snapshot(self.snapshot.as_deref().unwrap_or_default());
        let mut line = Line::open(&self.file)?;
        let repository = site.open(Access::Write, "import")?;
        repository.with(|store| {
            let base = match &self.base {
                Some(base) => Some(versions::find_version(store, base)?.entry.link),
                None => None,
            };
            let (name, snapshot) = (self.name.as_deref(), self.snapshot.as_deref());
            let options = Options { format, base, name, snapshot, len_bytes: line.len_bytes };
            let imported = run(&repository, store, &mut line, &options)?;
            repository.clear();
            match imported {
                Imported::Version(report) => tell(&repository, store, &report),
                Imported::Interrupted { why, position } => Err(self.interrupted(&line, &why, position)),
            }
        })
    }

    /// Only Sheepdog's streams do not tell how they are made up.
    fn format(&self) -> Option<import::Format> {
        let of_sheepdog = self.layout.is_some() || self.object_size.is_some();
        match self.format {
            Some(Format::Sheepdog) => Some(self.sheepdog()),
            None if of_sheepdog => Some(self.sheepdog()),
            Some(_) if of_sheepdog => {
                usage(ErrorKind::ArgumentConflict, "--layout and --object-size are of Sheepdog's streams alone")
            }
            Some(Format::Sarsen) => Some(import::Format::Own),
            Some(Format::Rbd) => Some(import::Format::Rbd),
            None => None,
        }
    }

    fn sheepdog(&self) -> import::Format {
        let layout = self.layout.map(LayoutName::layout);
        import::Format::Sheepdog { layout, object_bytes: self.object_size.unwrap_or(sheepdog::OBJECT_BYTES) }
    }

    fn interrupted(&self, line: &Line, why: &Error, position: u64) -> Failure {
        let why = match (why, &line.trouble) {
            (_, Some(trouble)) => format!("cannot be read any further: {trouble}"),
            (Error::Stream(Fault { what: What::Short, offset, .. }), None) => {
                format!("the stream ends at byte {offset}, it was cut")
            }
            (why, None) => Failure::from(*why).words().to_owned(),
        };
        let kept = match position {
            0 => "nothing is kept of it; get it again".into(),
            position => format!(
                "the first {} of the disk are kept as a draft: export again with `--start {position}`, and import that",
                size(position)
            ),
        };
        Failure::new(Exit::Failed, format!("{}: {why}; {kept}", line.name))
    }
}

fn run<'m>(repository: &Repository, store: &mut Store<'_>, line: &mut Line, options: &Options<'m>) -> Result<Imported, Failure> {
    let parameters = *store.parameters();
    let (block_bytes, frame_bytes) = (parameters.block_bytes() as usize, parameters.frame_bytes() as usize);
    let mut bench = Bench::new(&parameters).map_err(|error| repository.failure(error))?;
    let (mut input, mut texts, mut record) =
        (vec![0; INPUT_BYTES], [0; TEXTS_BYTES], vec![0; record_bytes(parameters.frame_bytes())]);
    let (mut pages, mut bytes) = (pages(), vec![0; BLOCKS_KEPT * block_bytes]);
    let mut held = vec![Held::FREE; bytes.len() / frame_bytes];
    let memory = Memory {
        input: &mut input,
        texts: &mut texts,
        record: &mut record,
        pages: &mut pages,
        frames: Frames { held: &mut held, bytes: &mut bytes },
    };
    let options = Options { ..*options };
    import::import(store, line, &options, memory, &mut bench.work()).map_err(|error| {
        repository.clear();
        match (error, line.trouble.take()) {
            (Error::Line { .. }, Some(trouble)) => {
                Failure::new(Exit::Failed, format!("{}: cannot be read: {trouble}; nothing was kept of it", line.name))
            }
            (error, _) if of_stream(&error) => Failure::at(&line.name, error),
            (error, _) => repository.failure(error),
        }
    })
}

/// Whether it is the stream that is wrong, not the repository.
fn of_stream(error: &Error) -> bool {
    use sarsen_core::error::Refusal::{
        BaseNeeded, NameNeeded, StreamBase, StreamLayout, StreamParameters, StreamStart, StreamWhole,
    };
    match error {
        Error::Stream(_) | Error::Line { .. } | Error::Outcome => true,
        Error::Refused(refusal) => {
            matches!(refusal, BaseNeeded | NameNeeded | StreamBase | StreamLayout | StreamParameters | StreamStart | StreamWhole)
        }
        _ => false,
    }
}

fn tell(repository: &Repository, store: &mut Store<'_>, report: &Report) -> Result<Exit, Failure> {
    let called = with_record(store, &report.link, |_, record| match record.snapshot {
        "" => shown(record.name),
        snapshot => format!("{}@{}", shown(record.name), shown(snapshot)),
    });
    let called = called.map_err(|error| repository.failure(error))?;
    let (done, time) = (report.statistics, Duration::from_millis(report.statistics.millis));
    screen::print(format_args!("version {}", report.version))?;
    screen::print(format_args!(
        "{} of {called}: read {} of stream in {} ({}), stored {} of new data in {}",
        size(report.disk_size),
        size(done.read_bytes),
        seconds(time),
        rate(done.read_bytes, time),
        size(done.new_bytes),
        count(done.new_blocks, "block"),
    ))?;
    Ok(Exit::Done)
}

/// Where a stream comes from.
struct Line {
    from: Box<dyn io::Read>,
    name: String,
    len_bytes: Option<u64>,
    trouble: Option<io::Error>,
}

impl Line {
    fn open(path: &Path) -> Result<Line, Failure> {
        if path.as_os_str() == "-" {
            if io::stdin().is_terminal() {
                usage(
                    ErrorKind::MissingRequiredArgument,
                    "standard input is a terminal; name the FILE of a stream, or pipe one in",
                );
            }
            return Ok(Line {
                from: Box::new(io::stdin().lock()),
                name: "standard input".into(),
                len_bytes: None,
                trouble: None,
            });
        }
        let name = path.display().to_string();
        let failed = |error: io::Error| Failure::new(Exit::Failed, format!("{name}: cannot be read: {error}"));
        let file = File::open(path).map_err(failed)?;
        let metadata = file.metadata().map_err(failed)?;
        if metadata.is_dir() {
            return Err(Failure::new(Exit::Failed, format!("{name}: a directory; name the file of a stream")));
        }
        let len_bytes = metadata.is_file().then_some(metadata.len());
        Ok(Line { from: Box::new(file), name, len_bytes, trouble: None })
    }
}

impl embedded_io::ErrorType for Line {
    type Error = embedded_io::ErrorKind;
}

impl embedded_io::Read for Line {
    fn read(&mut self, to: &mut [u8]) -> Result<usize, embedded_io::ErrorKind> {
        self.from.read(to).map_err(|error| {
            let kind = error.kind().into();
            if error.kind() != io::ErrorKind::Interrupted {
                self.trouble = Some(error);
            }
            kind
        })
    }
}
