//! What the device does with the engine: a verb opens the repository with the memory it is lent, and closes it again.

use crate::hardware::{Flash, Region, Serial, Target};
use core::cell::Cell;
use sarsen_core::catalogue::{Found, Search, Wanted, with_record};
use sarsen_core::codec::{CodecId, Plain};
use sarsen_core::damage::Marked;
use sarsen_core::error::Error;
use sarsen_core::format::entry::LINE_LEN;
use sarsen_core::format::record::HintSource;
use sarsen_core::frame::{Work, packed_bytes, raw_bytes, read_scratch_bytes};
use sarsen_core::host::{Fixed, Host};
use sarsen_core::index::Slot;
use sarsen_core::medium::Medium;
use sarsen_core::nor::{NorMedium, Refused, Run, Wear};
use sarsen_core::ops::export::{End, Own, header};
use sarsen_core::ops::{backup, check, diff, init, restore};
use sarsen_core::store::{Memory, Store, buffer_bytes, table_bytes};
use sarsen_core::task::{Event, Hands, Task, run_inline};
use sarsen_core::tree::slot_bytes;
use sarsen_core::types::{Id, Link, Place};
use sarsen_core::version::Version;

const OPTIONS: init::Options = init::Options { segment_bytes: 4 * (RUN_BYTES - 80), ..init::Options::SMALL };
const BLOCK_BYTES: u32 = 1 << OPTIONS.block_log2;
const ALIGN_BYTES: u32 = 1 << OPTIONS.align_log2;
const RUN_BYTES: u32 = 16 << 10;
const RUNS: usize = crate::hardware::CHIP_BYTES / RUN_BYTES as usize;
/// Levels of the largest tree: 16 x 16 blocks.
const LEVELS: usize = 2;
/// Blocks and pages that may be stored.
const OBJECTS: usize = 325;
/// A path through a manifest: pages of ids.
const PAGES_BYTES: usize = slot_bytes(size_of::<Id>() << OPTIONS.fan_out_log2, OPTIONS.fan_out_log2) * LEVELS;

/// All memory of the engine, but for the stack.
pub struct Lent {
    runs: [Run; RUNS],
    index: [Slot; OBJECTS],
    marks: [Marked; 4],
    buffer: [u8; buffer_bytes(OPTIONS.fan_out_log2, OPTIONS.align_log2, 0)],
    chunk: [u8; 10 * LINE_LEN],
    pages: [u8; table_bytes(OPTIONS.fan_out_log2, LEVELS)],
    walk: [u8; table_bytes(OPTIONS.fan_out_log2, LEVELS)],
    raw: [u8; raw_bytes(BLOCK_BYTES)],
    packed: [u8; packed_bytes(BLOCK_BYTES, BLOCK_BYTES, ALIGN_BYTES)],
    scratch: [u8; read_scratch_bytes(BLOCK_BYTES, BLOCK_BYTES)],
    /// Of a scrub: a path through any tree.
    tree: [u8; table_bytes(OPTIONS.fan_out_log2, LEVELS)],
    /// Of all other verbs: paths through two manifests.
    manifests: [[u8; PAGES_BYTES]; 2],
}

impl Lent {
    pub const NEW: Lent = Lent {
        runs: [Run::UNKNOWN; RUNS],
        index: [Slot::FREE; OBJECTS],
        marks: [Marked::FREE; 4],
        buffer: [0; _],
        chunk: [0; _],
        pages: [0; _],
        walk: [0; _],
        raw: [0; _],
        packed: [0; _],
        scratch: [0; _],
        tree: [0; _],
        manifests: [[0; _]; 2],
    };
}

/// A clock that stands still; and what a board has a generator for, fit for a demonstration only.
struct Board(Cell<u32>);

impl Host for Board {
    fn now(&self) -> u64 {
        0
    }

    fn random(&self, to: &mut [u8]) -> bool {
        for byte in to {
            self.0.set(self.0.get().wrapping_mul(1_664_525).wrapping_add(1_013_904_223));
            *byte = (self.0.get() >> 24) as u8;
        }
        true
    }
}

/// Why a verb has failed.
pub enum Failure {
    Flash(Refused),
    Engine(Error),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        Failure::Engine(error)
    }
}

impl From<Refused> for Failure {
    fn from(refused: Refused) -> Failure {
        Failure::Flash(refused)
    }
}

/// An open repository, with the buffers of its one worker.
struct Open<'a, 'm> {
    store: &'a mut Store<'m>,
    medium: &'a dyn Medium,
    work: Work<'a>,
}

/// Memory for paths through trees.
struct Paths<'a> {
    tree: &'a mut [u8],
    manifests: &'a mut [[u8; PAGES_BYTES]; 2],
}

/// What is known of a version.
#[derive(Clone, Copy)]
struct Known {
    id: Id,
    link: Link,
    disk_size: u64,
    root: Id,
    top: Id,
}

impl Open<'_, '_> {
    fn run<T: Task>(&mut self, task: &mut T, say: &mut dyn FnMut(Event)) -> Result<T::Report, Error> {
        let hands = Hands { medium: self.medium, parameters: *self.store.parameters(), disk: Some(&Region) };
        run_inline(task, self.store, &hands, &mut self.work, &mut |_, event| say(event))
    }

    fn find(&mut self, wanted: &str) -> Result<Known, Error> {
        let Found { entry, id } = Search::of(self.store, Wanted::parse(wanted)).run(self.store)?;
        with_record(self.store, &entry.link, |_, record| Known {
            id,
            link: entry.link,
            disk_size: record.disk_size,
            root: record.root,
            top: record.top,
        })
    }

    fn load(&mut self) -> Result<(), Error> {
        while !self.store.load()? {}
        Ok(())
    }

    /// One whose root is not that of its pages was forged or damaged.
    fn version<'p>(&mut self, known: &Known, pages: &'p mut [u8]) -> Result<Version<'p>, Error> {
        self.load()?;
        let parameters = self.store.parameters();
        match sarsen_core::manifest::root_id(parameters, known.disk_size, known.top) == known.root {
            true => Ok(Version::of_tree(parameters, known.disk_size, known.top, pages)),
            false => Err(Error::Corrupt { place: known.link.place, what: sarsen_core::error::What::Id }),
        }
    }
}

impl Lent {
    /// Opens the repository, lets a verb at it, and closes it in good order.
    fn open<R>(&mut self, verb: impl FnOnce(&mut Open<'_, '_>, Paths<'_>) -> Result<R, Error>) -> Result<R, Failure> {
        let board = Board(Cell::new(1));
        let medium = NorMedium::mount(Flash, RUN_BYTES, &mut self.runs)?;
        let (mut index, mut marks) = (Fixed(&mut self.index[..]), Fixed(&mut self.marks[..]));
        let memory = Memory {
            index: &mut index,
            marks: &mut marks,
            buffer: &mut self.buffer,
            chunk: &mut self.chunk,
            pages: &mut self.pages,
            walk: &mut self.walk,
        };
        let mut store = Store::open(&medium, &board, memory)?;
        let mut codecs = Plain;
        let work = Work { raw: &mut self.raw, packed: &mut self.packed, scratch: &mut self.scratch, codecs: &mut codecs };
        let mut open = Open { store: &mut store, medium: &medium, work };
        let report = verb(&mut open, Paths { tree: &mut self.tree, manifests: &mut self.manifests })?;
        store.close()?;
        Ok(report)
    }

    #[inline(never)]
    pub fn format(&mut self) -> Result<(), Failure> {
        let medium = NorMedium::mount(Flash, RUN_BYTES, &mut self.runs)?;
        init::init(&medium, &Board(Cell::new(1)), &OPTIONS, &mut self.chunk, &mut self.buffer)?;
        Ok(())
    }

    /// On the newest version of the region, if there is one.
    #[inline(never)]
    pub fn backup(&mut self, snapshot: &str) -> Result<(), Failure> {
        self.open(|open, paths| {
            let start = match open.find("region") {
                Ok(base) => backup::Start { base: base.id, disk_size: base.disk_size, top: base.top, ..backup::Start::EMPTY },
                Err(Error::Refused(_)) => backup::Start::EMPTY,
                Err(error) => return Err(error),
            };
            open.load()?;
            let options = backup::Options {
                name: "region",
                snapshot,
                source: "",
                group: [0; 16],
                start,
                hints: (HintSource::None, ""),
                spot_checks: 0,
                checkpoint_bytes: 0,
                ending: backup::Ending::Version,
            };
            let [base, draft] = paths.manifests;
            let memory = backup::Memory { base, draft };
            let mut task = backup::Backup::new(open.store, &Region, options, memory)?;
            open.run(&mut task, &mut |_| {}).map(|_| ())
        })
    }

    /// What was found, and of the last finding where.
    #[inline(never)]
    pub fn scrub(&mut self) -> Result<(check::Report, Option<Place>), Failure> {
        self.open(|open, paths| {
            let mut place = None;
            let mut task = check::Check::new(open.store, check::Depth::Scrub, paths.tree);
            let report = open.run(&mut task, &mut |event| {
                if let Event::Finding(finding) = event {
                    place = finding.place;
                }
            })?;
            Ok((report, place))
        })
    }

    /// How many bytes were lost.
    #[inline(never)]
    pub fn restore(&mut self, version: &str) -> Result<u64, Failure> {
        self.open(|open, paths| {
            let known = open.find(version)?;
            let [pages, _] = paths.manifests;
            let version = open.version(&known, pages)?;
            let mut task = restore::Restore::new(open.store, version, &Target, restore::Options { target_is_zero: false });
            open.run(&mut task, &mut |_| {}).map(|report| report.lost_bytes)
        })
    }

    /// Writes what differs between two versions to the serial line; how many bytes.
    #[inline(never)]
    pub fn export(&mut self, base: Option<&str>, version: &str, snapshot: &str) -> Result<u32, Failure> {
        self.open(|open, paths| {
            let end = |known: &Known, name, snapshot| End {
                root: known.root,
                disk_size: known.disk_size,
                time: 0,
                name,
                snapshot,
                source: "",
            };
            let [old_pages, new_pages] = paths.manifests;
            let known = open.find(version)?;
            let old = base.map(|base| open.find(base)).transpose()?;
            let from = match &old {
                Some(old) => diff::From::Version(open.version(old, old_pages)?),
                None => diff::From::Nothing,
            };
            let to = open.version(&known, new_pages)?;
            let (mut serial, mut codecs) = (Serial::open(), Plain);
            let old = old.map(|old| end(&old, "", ""));
            let header = header(open.store.parameters(), old.as_ref(), &end(&known, "region", snapshot), 0)?;
            let mut own = Own::begin(&header, (CodecId::None, &mut codecs), &mut [], &mut serial)?;
            let mut task = diff::Differences::new(open.store, from, to, &mut own, diff::Options::default())?;
            open.run(&mut task, &mut |_| {})?;
            Ok(serial.sent)
        })
    }

    pub fn wear(&mut self) -> Result<Option<Wear>, Failure> {
        Ok(NorMedium::mount(Flash, RUN_BYTES, &mut self.runs)?.wear())
    }
}
