//! A draft is written and read as a disk, against a plain vector.
//!
//! One seed chooses everything. A failure prints it; `SARSEN_SEED` repeats it.

#![allow(clippy::unwrap_used, clippy::panic)]

use sarsen_core::catalogue::with_record;
use sarsen_core::codec::CodecId;
use sarsen_core::digest::Algorithm;
use sarsen_core::draft::DraftDisk;
use sarsen_core::error::Error;
use sarsen_core::format::record::RecordKind;
use sarsen_core::ops::check::Depth;
use sarsen_core::ops::init;
use sarsen_core::store::{Store, table_bytes};
use sarsen_core::types::{Id, SegmentNumber, narrow, wide};
use sarsen_core::version::Version;
use sarsen_host::runner::Bench;
use sarsen_tests::canvas::Canvas;
use sarsen_tests::crash::{Setting, spread};
use sarsen_tests::rig::{Plan, Rig, StillHost, TINY};
use sarsen_tests::{Loss, MemDisk, Random, SimMedium};
use std::cell::Cell;
use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};

/// Repositories that one run makes, and what becomes of each.
const REPOSITORIES: u64 = 120;
const SITTINGS: usize = 8;

/// What the list must hold: by name, since every version and draft here has a name of its own.
#[derive(Clone, Debug, Default)]
struct Model {
    versions: BTreeMap<String, Vec<u8>>,
    drafts: BTreeMap<String, Vec<u8>>,
}

/// A repository, what it must hold, and where choices come from.
struct World {
    medium: SimMedium,
    host: StillHost,
    options: init::Options,
    random: Random,
    model: Model,
    names: u32,
    diary: Diary,
}

/// What was done so far, told if the test fails.
struct Diary {
    seed: u64,
    steps: Vec<String>,
}

impl Drop for Diary {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("after: {}\nrepeat with SARSEN_SEED={}", self.steps.join("\n       "), self.seed);
        }
    }
}

fn options(random: &mut Random) -> init::Options {
    let block_log2 = random.pick(&[12, 13, 14, 16]);
    init::Options {
        algorithm: random.pick(&[Algorithm::Sha256, Algorithm::Blake3]),
        block_log2,
        frame_log2: random.pick(&[12, 13, 14]).min(block_log2),
        fan_out_log2: random.pick(&[4, 8]),
        align_log2: random.pick(&[4, 9]),
        codec: random.pick(&[CodecId::None, CodecId::Lz4, CodecId::Zstd, CodecId::Zlib]),
        segment_bytes: random.pick(&[256, 512]) << 10,
        history: random.below(3) as u16,
    }
}

/// A draft in a sitting: its disk, and what is on it.
struct Sheet<'c> {
    name: &'c str,
    disk: DraftDisk<'c, 'c>,
    bytes: Vec<u8>,
}

impl World {
    fn new(seed: u64) -> World {
        let mut random = Random::new(seed);
        let options = options(&mut random);
        let diary = Diary { seed, steps: vec![format!("init {options:?}")] };
        let (medium, host) = (SimMedium::new(seed), StillHost::new(1000, seed));
        Rig::new(&medium, &host).init(&options).unwrap();
        World { medium, host, options, random, model: Model::default(), names: 0, diary }
    }

    /// A size, rarely round.
    fn size(&mut self) -> usize {
        let block = 1 << self.options.block_log2;
        (self.random.below(24) * block + self.random.pick(&[0, 1, 511, 4096, 5000])).min(600_000)
    }

    /// A draft to go on with that is not `taken`, or a new one, on a version or on nothing; of the size it has there or another.
    fn order(&mut self, taken: &[Order]) -> Order {
        let is_free = |name: &&String| taken.iter().all(|order| order.name != **name);
        let left: Vec<String> = self.model.drafts.keys().filter(is_free).cloned().collect();
        let size = (!self.random.one_in(3)).then(|| self.size());
        if !left.is_empty() && self.random.one_in(2) {
            let name = left[self.random.below(left.len())].clone();
            let bytes = self.model.drafts[&name].clone();
            return Order { name, base: String::new(), continued: true, size: size.filter(|_| self.random.one_in(4)), bytes };
        }
        self.names += 1;
        let bases: Vec<&String> = self.model.versions.keys().collect();
        let base = if bases.is_empty() || self.random.one_in(3) { String::new() } else { self.random.pick(&bases).clone() };
        let bytes = self.model.versions.get(&base).cloned().unwrap_or_default();
        let size = if base.is_empty() { Some(size.unwrap_or(0)) } else { size };
        Order { name: format!("disk {}", self.names), base, continued: false, size, bytes }
    }

    /// Opens the repository, works on one draft or several at once, and closes it.
    fn sitting(&mut self) {
        let mut orders = Vec::new();
        for _ in 0..1 + self.random.below(3) {
            let order = self.order(&orders);
            self.diary.steps.push(order.to_string());
            orders.push(order);
        }
        let World { medium, host, random, model, diary, .. } = self;
        let rig = Rig::new(&*medium, host);
        let done = rig.with(|store| {
            let frames = || random.pick(&[1, 2, 8]);
            let counts: Vec<usize> = std::iter::repeat_with(frames).take(orders.len()).collect();
            let mut canvases: Vec<Canvas> = counts.iter().map(|&count| Canvas::new(store.parameters(), count)).collect();
            let mut sheets = Vec::new();
            for (order, canvas) in orders.iter().zip(&mut canvases) {
                sheets.push(Sheet::begin(order, canvas, &rig, store)?);
            }
            let bench = Bench::new(store.parameters())?;
            Desk { store, bench, random, model, diary }.work(sheets)?;
            store.close()
        });
        done.unwrap();
    }

    /// Between sittings: some of what is there goes, and what it took up.
    fn tidy(&mut self) {
        let gone: Vec<String> = self.model.versions.keys().filter(|_| self.random.one_in(5)).cloned().collect();
        self.diary.steps.push(format!("rm {gone:?}, gc, compact"));
        let rig = Rig::new(&self.medium, &self.host);
        rig.remove(|item| gone.contains(&item.name)).unwrap();
        self.model.versions.retain(|name, _| !gone.contains(name));
        assert!(!rig.gc().unwrap().kept_for_damage && !rig.compact().unwrap().kept_for_damage);
    }

    /// The list is the model's, every version restores to its vector, and all is whole.
    fn compare(&mut self) {
        let rig = Rig::new(&self.medium, &self.host);
        let list = rig.list().unwrap();
        let names = |kind| {
            let mut names: Vec<&str> =
                list.iter().filter(|item| item.kind == Some(kind)).map(|item| item.name.as_str()).collect();
            names.sort_unstable();
            names
        };
        assert_eq!(names(RecordKind::Version), self.model.versions.keys().collect::<Vec<_>>());
        assert_eq!(names(RecordKind::Draft), self.model.drafts.keys().collect::<Vec<_>>());
        for item in list.iter().filter(|item| item.kind == Some(RecordKind::Version)) {
            let restored = rig.restore(item).unwrap();
            let wanted = &self.model.versions[&item.name];
            assert!(restored.lost.is_empty() && restored.bytes == *wanted, "{} restores differently", item.name);
        }
        let verdict = rig.scrub().unwrap();
        assert!(verdict.is_clean(), "{verdict:?}");
        assert_eq!(verdict.whole.len(), self.model.versions.len());
    }
}

/// A draft that is begun or gone on with.
struct Order {
    name: String,
    base: String,
    continued: bool,
    /// As large as what it begins on if none.
    size: Option<usize>,
    /// What it begins on.
    bytes: Vec<u8>,
}

impl std::fmt::Display for Order {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Order { name, base, continued, size, bytes } = self;
        write!(f, "begin {name} on {base:?}, continued: {continued}, size {size:?} after {}", bytes.len())
    }
}

impl<'c> Sheet<'c> {
    fn begin(order: &'c Order, canvas: &'c mut Canvas, rig: &Rig<'_>, store: &mut Store<'_>) -> Result<Sheet<'c>, Error> {
        let plan = Plan { name: &order.name, base: &order.base, continued: order.continued, ..Plan::default() };
        let disk = canvas.begin(rig, store, &plan, order.size.map(wide))?;
        let mut bytes = order.bytes.clone();
        bytes.resize(order.size.unwrap_or(bytes.len()), 0);
        Ok(Sheet { name: &order.name, disk, bytes })
    }

    /// A range that may begin and end anywhere, often at an edge.
    fn range(&self, random: &mut Random) -> (usize, usize) {
        let edge_log2 = random.pick(&[0, 0, 12]);
        let start = (random.below(self.bytes.len() + 1) >> edge_log2) << edge_log2;
        let most = random.pick(&[0, 1, 512, 4096, 9000, 70_000, usize::MAX]).min(self.bytes.len() - start);
        let len = if random.one_in(2) { most } else { random.below(most + 1) };
        (start, start + len)
    }
}

/// What is at hand during a sitting.
struct Desk<'d, 'm> {
    store: &'d mut Store<'m>,
    bench: Bench,
    random: &'d mut Random,
    model: &'d mut Model,
    diary: &'d mut Diary,
}

impl Desk<'_, '_> {
    fn note(&mut self, step: String) {
        self.diary.steps.push(step);
    }

    fn work(mut self, mut sheets: Vec<Sheet<'_>>) -> Result<(), Error> {
        for _ in 0..self.random.below(90) {
            if sheets.is_empty() {
                break;
            }
            let at = self.random.below(sheets.len());
            match self.random.below(30) {
                0 | 1 => self.flush(&mut sheets[at])?,
                2 => self.finish(sheets.swap_remove(at))?,
                3 => self.abandon(sheets.swap_remove(at))?,
                4 => self.ask_beyond(&mut sheets[at]),
                5..=9 => self.zero(&mut sheets[at])?,
                10..=16 => self.read(&mut sheets[at])?,
                _ => self.write(&mut sheets[at])?,
            }
        }
        for mut sheet in sheets {
            let end = sheet.bytes.len();
            self.read_range(&mut sheet, 0, end)?;
            match self.random.below(4) {
                // What was not flushed is gone.
                0 => self.note(format!("leave {}", sheet.name)),
                1 => self.flush(&mut sheet)?,
                _ => self.finish(sheet)?,
            }
        }
        Ok(())
    }

    fn write(&mut self, sheet: &mut Sheet<'_>) -> Result<(), Error> {
        let (start, end) = sheet.range(self.random);
        let bytes = &mut sheet.bytes[start..end];
        match self.random.below(4) {
            0 => bytes.fill(self.random.pick(b"ab\0")),
            1 => bytes.iter_mut().step_by(37).for_each(|byte| *byte = self.random.pick(b"xyz\0")),
            _ => self.random.fill(bytes),
        }
        self.note(format!("write {start}..{end} of {}", sheet.name));
        sheet.disk.write_at(wide(start), &sheet.bytes[start..end], self.store, &mut self.bench.work())
    }

    fn zero(&mut self, sheet: &mut Sheet<'_>) -> Result<(), Error> {
        let (start, end) = sheet.range(self.random);
        sheet.bytes[start..end].fill(0);
        self.note(format!("zero {start}..{end} of {}", sheet.name));
        sheet.disk.zero(wide(start), wide(end - start), self.store, &mut self.bench.work())
    }

    fn read(&mut self, sheet: &mut Sheet<'_>) -> Result<(), Error> {
        let (start, end) = sheet.range(self.random);
        self.read_range(sheet, start, end)
    }

    fn read_range(&mut self, sheet: &mut Sheet<'_>, start: usize, end: usize) -> Result<(), Error> {
        let mut to = vec![0x5A; end - start];
        sheet.disk.read_at(wide(start), &mut to, self.store, &mut self.bench.work())?;
        assert!(to == sheet.bytes[start..end], "{start}..{end} of {} reads differently", sheet.name);
        Ok(())
    }

    /// What does not lie on the disk is refused, and nothing comes of it.
    fn ask_beyond(&mut self, sheet: &mut Sheet<'_>) {
        let size = wide(sheet.bytes.len());
        assert_eq!(sheet.disk.size(), size);
        let offset = self.random.pick(&[size, size.saturating_sub(1), size + 1, u64::MAX, u64::MAX - 1]);
        let refused = |result: Result<(), Error>| matches!(result, Err(Error::Disk { offset: at, .. }) if at == offset);
        let (store, work) = (&mut *self.store, &mut self.bench.work());
        assert!(refused(sheet.disk.read_at(offset, &mut [0; 2], store, work)));
        assert!(refused(sheet.disk.write_at(offset, &[1; 2], store, work)));
        assert!(refused(sheet.disk.zero(offset, 2, store, work)));
        assert!(refused(sheet.disk.zero(offset, u64::MAX, store, work)));
    }

    fn flush(&mut self, sheet: &mut Sheet<'_>) -> Result<(), Error> {
        self.note(format!("flush {}", sheet.name));
        sheet.disk.flush(0, self.store, &mut self.bench.work())?;
        self.model.drafts.insert(sheet.name.into(), sheet.bytes.clone());
        Ok(())
    }

    fn finish(&mut self, mut sheet: Sheet<'_>) -> Result<(), Error> {
        self.note(format!("finish {}", sheet.name));
        let root = sheet.disk.root(self.store, &mut self.bench.work())?;
        let (id, link) = sheet.disk.finish(self.store, &mut self.bench.work())?;
        assert_eq!(with_record(self.store, &link, |id, record| (id, record.root))?, (id, root));
        self.model.drafts.remove(sheet.name);
        self.model.versions.insert(sheet.name.into(), sheet.bytes);
        Ok(())
    }

    fn abandon(&mut self, sheet: Sheet<'_>) -> Result<(), Error> {
        self.note(format!("abandon {}", sheet.name));
        let to_commit = sheet.disk.abandon(self.store)?;
        assert_eq!(to_commit, self.model.drafts.remove(sheet.name).is_some());
        if to_commit { self.store.commit() } else { Ok(()) }
    }
}

/// A repository of blocks of two frames, stored as they are, with one version of ten blocks and a bit; and what is on it.
fn with_version() -> (SimMedium, StillHost, Vec<u8>) {
    let (medium, host) = (SimMedium::new(1), StillHost::new(1000, 1));
    let rig = Rig::new(&medium, &host);
    rig.init(&init::Options { codec: CodecId::None, ..TINY }).unwrap();
    let bytes = Random::new(7).bytes(10 * BLOCK + 700);
    rig.backup(&MemDisk::new(bytes.clone()), &Plan { name: "base", ..Plan::default() }).unwrap();
    (medium, host, bytes)
}

const BLOCK: usize = 1 << TINY.block_log2;
const FRAME: usize = 1 << TINY.frame_log2;

/// Works on a draft named "draft", and finishes it if that goes well.
fn draft(
    rig: &Rig<'_>,
    frames: usize,
    plan: &Plan<'_>,
    size: Option<usize>,
    work: impl FnOnce(&mut DraftDisk<'_, '_>, &mut Store<'_>, &mut Bench) -> Result<(), Error>,
) -> Result<Id, Error> {
    rig.with(|store| {
        let mut canvas = Canvas::new(store.parameters(), frames);
        let plan = Plan { name: "draft", ..*plan };
        let mut disk = canvas.begin(rig, store, &plan, size.map(wide))?;
        let mut bench = Bench::new(store.parameters())?;
        work(&mut disk, store, &mut bench)?;
        let (id, _) = disk.finish(store, &mut bench.work())?;
        store.close()?;
        Ok(id)
    })
}

const ON_BASE: Plan<'static> =
    Plan { name: "draft", snapshot: "", base: "base", checkpoint_bytes: 0, continued: false, group: [0; 16] };

/// The version that was made of the draft restores to this, and nothing is wrong with it.
fn assert_version(rig: &Rig<'_>, wanted: &[u8]) {
    let list = rig.list().unwrap();
    let made = list.iter().find(|item| item.name == "draft" && item.kind == Some(RecordKind::Version)).unwrap();
    let restored = rig.restore(made).unwrap();
    assert!(restored.lost.is_empty() && restored.bytes == wanted, "lost: {:?}", restored.lost);
    let (_, verdict) = rig.check(Depth::Scrub).unwrap();
    assert!(verdict.whole.contains(&made.id.to_string()), "{verdict:?}");
}

/// The last block of the base was cut by the disk's end. On a disk of another size it was read as damage, and a version made without touching it
/// was damaged.
#[test]
fn a_block_at_the_old_end_or_the_new_one_is_as_long_as_it_is_now() {
    let size = 10 * BLOCK + 700;
    let sizes = [size + 1, size + BLOCK, 20 * BLOCK, 11 * BLOCK, size - 1, 10 * BLOCK + 1, 10 * BLOCK, 4 * BLOCK + 5, 1];
    for (new, is_read) in sizes.into_iter().flat_map(|new| [(new, false), (new, true)]) {
        let (medium, host, mut bytes) = with_version();
        let rig = Rig::new(&medium, &host);
        bytes.resize(new, 0);
        let made = draft(&rig, 1, &ON_BASE, Some(new), |disk, store, bench| {
            let mut to = vec![0x5A; if is_read { new } else { 0 }];
            disk.read_at(0, &mut to, store, &mut bench.work())?;
            assert!(to == bytes[..to.len()], "{new}");
            Ok(())
        });
        made.unwrap();
        assert_version(&rig, &bytes);
    }
}

/// Giving up a draft that was only gone on with was refused, since nothing had begun a session.
#[test]
fn a_draft_that_was_not_written_on_can_be_abandoned() {
    let (medium, host, _) = with_version();
    let rig = Rig::new(&medium, &host);
    let left = draft(&rig, 1, &ON_BASE, None, |disk, store, bench| {
        disk.flush(0, store, &mut bench.work())?;
        Err(Error::Cancelled)
    });
    assert_eq!(left, Err(Error::Cancelled));
    assert_eq!(rig.list().unwrap().len(), 2);
    let abandoned = rig.with(|store| {
        let mut canvas = Canvas::new(store.parameters(), 1);
        let disk = canvas.begin(&rig, store, &Plan { continued: true, ..ON_BASE }, None)?;
        assert!(disk.abandon(store)?);
        store.commit()?;
        store.close()
    });
    abandoned.unwrap();
    assert_eq!(rig.list().unwrap().len(), 1);
}

/// Reading a draft of a grown disk had to store the manifest's edge first, and was refused, since nothing had begun a session.
#[test]
fn a_draft_of_a_grown_disk_can_be_read_before_anything_is_written() {
    let (medium, host) = (SimMedium::new(1), StillHost::new(1000, 1));
    let rig = Rig::new(&medium, &host);
    rig.init(&TINY).unwrap();
    // More blocks than a page has rows.
    let mut bytes = Random::new(7).bytes(20 * BLOCK);
    rig.backup(&MemDisk::new(bytes.clone()), &Plan { name: "base", ..Plan::default() }).unwrap();
    bytes.resize(25 * BLOCK, 0);
    let made = draft(&rig, 1, &ON_BASE, Some(bytes.len()), |disk, store, bench| {
        let mut to = vec![0x5A; bytes.len()];
        disk.read_at(0, &mut to, store, &mut bench.work())?;
        assert!(to == bytes);
        Ok(())
    });
    made.unwrap();
    assert_version(&rig, &bytes);
}

#[test]
fn two_drafts_on_one_store_know_nothing_of_each_other() {
    let (medium, host, bytes) = with_version();
    let rig = Rig::new(&medium, &host);
    let (mut one, mut other) = (bytes.clone(), bytes);
    let both = rig.with(|store| {
        let (mut first, mut second) = (Canvas::new(store.parameters(), 2), Canvas::new(store.parameters(), 2));
        let mut bench = Bench::new(store.parameters())?;
        let mut this = first.begin(&rig, store, &ON_BASE, None)?;
        let mut that = second.begin(&rig, store, &Plan { name: "that", ..ON_BASE }, None)?;
        for number in 0..40u8 {
            let at = usize::from(number) * 1999;
            one[at..at + 700].fill(number);
            this.write_at(wide(at), &[number; 700], store, &mut bench.work())?;
            other[at + 300..at + 800].fill(number ^ 0xFF);
            that.write_at(wide(at + 300), &[number ^ 0xFF; 500], store, &mut bench.work())?;
        }
        let mut to = vec![0; one.len()];
        this.read_at(0, &mut to, store, &mut bench.work())?;
        assert!(to == one);
        this.finish(store, &mut bench.work())?;
        // The commit covers what the other had stored, but does not make anything of it.
        assert_eq!(rig.list_in(store)?.len(), 2);
        that.read_at(0, &mut to, store, &mut bench.work())?;
        assert!(to == other);
        that.finish(store, &mut bench.work())?;
        store.close()
    });
    both.unwrap();
    assert_version(&rig, &one);
    let list = rig.list().unwrap();
    assert!(rig.restore(&list[2]).unwrap().bytes == other && rig.scrub().unwrap().is_clean());
}

/// A block's payload is spoilt in its first frame.
fn spoil(medium: &SimMedium, bytes: &[u8], block: usize) {
    let wanted = &bytes[block * BLOCK..][..64];
    let places: Vec<(SegmentNumber, usize)> = (medium.contents().segments.iter())
        .filter_map(|(segment, stored)| Some((*segment, stored.windows(64).position(|window| window == wanted)?)))
        .collect();
    let [(segment, offset)] = places[..] else { panic!("a block is stored once: {places:?}") };
    medium.flip(segment, offset, 1);
}

/// With damage known, and before anybody knows of it.
#[test]
fn a_block_that_cannot_be_read_takes_no_part_of_itself_and_all_of_itself() {
    for is_known in [false, true] {
        let (medium, host, bytes) = with_version();
        let rig = Rig::new(&medium, &host);
        spoil(&medium, &bytes, 3);
        if is_known {
            assert_eq!(rig.scrub().unwrap().hit.len(), 1);
        }
        let (start, part) = (3 * BLOCK + 100, Random::new(8).bytes(512));
        // In the first frame, which must be read to be written partly; and in the second, where the first must be stored anew if it is known.
        for at in [start, start + FRAME].into_iter().take(if is_known { 2 } else { 1 }) {
            let refused =
                draft(&rig, 8, &ON_BASE, None, |disk, store, bench| disk.write_at(wide(at), &part, store, &mut bench.work()));
            assert!(refused.is_err_and(|error| error.is_damage()), "{at}, known: {is_known}");
            assert_eq!(rig.list().unwrap().len(), 1);
        }
        let read =
            draft(&rig, 8, &ON_BASE, None, |disk, store, bench| disk.read_at(wide(start), &mut [0; 9], store, &mut bench.work()));
        assert!(read.is_err_and(|error| error.is_damage()));
        let mut wanted = bytes.clone();
        let whole = Random::new(9).bytes(BLOCK);
        wanted[3 * BLOCK..4 * BLOCK].copy_from_slice(&whole);
        let made =
            draft(&rig, 2, &ON_BASE, None, |disk, store, bench| disk.write_at(wide(3 * BLOCK), &whole, store, &mut bench.work()));
        made.unwrap();
        assert_version(&rig, &wanted);
    }
}

/// A block that cannot be read was taken for the one that was written, when the same bytes were written as it once had.
#[test]
fn writing_again_what_was_lost_brings_it_back() {
    let (medium, host, bytes) = with_version();
    let rig = Rig::new(&medium, &host);
    spoil(&medium, &bytes, 3);
    assert_eq!(rig.scrub().unwrap().hit.len(), 1);
    let made = draft(&rig, 2, &ON_BASE, None, |disk, store, bench| {
        disk.write_at(wide(3 * BLOCK), &bytes[3 * BLOCK..4 * BLOCK], store, &mut bench.work())
    });
    made.unwrap();
    assert_version(&rig, &bytes);
}

#[test]
fn nothing_is_built_on_the_damaged() {
    for is_damaged in [false, true] {
        let (medium, host, mut bytes) = with_version();
        let rig = Rig::new(&medium, &host);
        if is_damaged {
            spoil(&medium, &bytes, 3);
            assert_eq!(rig.scrub().unwrap().hit.len(), 1);
        }
        let part = Random::new(8).bytes(512);
        bytes[5 * BLOCK + 512..][..512].copy_from_slice(&part);
        let made = draft(&rig, 1, &ON_BASE, None, |disk, store, bench| {
            disk.write_at(wide(5 * BLOCK + 512), &part, store, &mut bench.work())?;
            disk.flush(0, store, &mut bench.work())?;
            let mut to = vec![0; BLOCK];
            disk.read_at(wide(5 * BLOCK), &mut to, store, &mut bench.work())?;
            assert!(to == bytes[5 * BLOCK..6 * BLOCK]);
            Ok(())
        });
        made.unwrap();
        let based = rig.with(|store| {
            while !store.load()? {}
            let mut objects = Vec::new();
            let list = rig.list_in(store)?;
            let made = list.iter().find(|item| item.name == "draft").unwrap();
            let top = with_record(store, &made.entry.link, |_, record| record.top)?;
            let mut pages = vec![0; table_bytes(8, 9)];
            let mut version = Version::of_tree(&{ *store.parameters() }, made.size, top, &mut pages);
            for block in 0..11 {
                let id = version.block(block, store)?;
                objects.push(store.chain(&id)?.is_some_and(|(found, _)| found.entry.depth > 0));
            }
            Ok(objects)
        });
        let based: Vec<usize> = (0..).zip(based.unwrap()).filter(|(_, is_based)| *is_based).map(|(block, _)| block).collect();
        assert_eq!(based, if is_damaged { vec![] } else { vec![5] });
    }
}

#[test]
fn a_draft_is_written_and_read_as_a_vector_is() {
    let given: Option<u64> = std::env::var("SARSEN_SEED").ok().map(|seed| seed.parse().expect("SARSEN_SEED is a number"));
    let seed = given.unwrap_or_else(|| RandomState::new().hash_one("seed"));
    for number in 0..if given.is_some() { 1 } else { REPOSITORIES } {
        let mut world = World::new(seed.wrapping_add(number));
        for _ in 0..SITTINGS {
            world.sitting();
            if world.random.one_in(3) {
                world.tidy();
            }
            world.compare();
        }
    }
    println!("from seed {seed}");
}

/// What is on the disk of [`Script`] at each station: as it was, after the first flush, after the second, at its end.
const STATIONS: usize = 4;
const NAME: &str = "written";

/// A draft that is written on, flushed twice and finished.
struct Script {
    contents: [Vec<u8>; STATIONS],
}

/// What a repository holds of the script.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Holds {
    Nothing,
    Draft,
    Version,
}

impl Script {
    fn new() -> Script {
        let mut bytes = Random::new(1).bytes(50_000);
        let mut contents = [bytes.clone(), Vec::new(), Vec::new(), Vec::new()];
        bytes.resize(61_001, 0);
        for (station, contents) in contents.iter_mut().enumerate().skip(1) {
            for (number, &(start, end)) in Script::writes(station).iter().enumerate() {
                // Every third is zeros: whole blocks, and parts of some.
                match number % 3 {
                    2 => bytes[start..end].fill(0),
                    _ => Random::new((station * 10 + number) as u64).fill(&mut bytes[start..end]),
                }
            }
            *contents = bytes.clone();
        }
        Script { contents }
    }

    fn writes(station: usize) -> &'static [(usize, usize)] {
        match station {
            1 => &[(100, 612), (8_000, 20_000), (24_576, 41_000), (60_000, 61_001)],
            2 => &[(0, 1), (9_000, 9_512), (40_960, 60_500)],
            _ => &[(4_096, 8_192), (30_000, 30_001), (9_100, 9_200), (45_000, 45_512)],
        }
    }

    fn prepare(&self, rig: &Rig<'_>, options: &init::Options) {
        rig.init(options).unwrap();
        rig.backup(&MemDisk::new(self.contents[0].clone()), &Plan { name: "base", ..Plan::default() }).unwrap();
    }

    /// Goes on from a station to the end; `reached` is told each station that is durable.
    fn play(&self, rig: &Rig<'_>, from: usize, reached: &Cell<usize>) -> Result<(), Error> {
        rig.with(|store| {
            let mut canvas = Canvas::new(store.parameters(), 2);
            let base = if from == 0 { "base" } else { "" };
            let plan = Plan { name: NAME, base, continued: from > 0, ..Plan::default() };
            let mut disk = canvas.begin(rig, store, &plan, Some(wide(self.contents[1].len())))?;
            let mut bench = Bench::new(store.parameters())?;
            for station in from + 1..STATIONS {
                for (number, &(start, end)) in Script::writes(station).iter().enumerate() {
                    let bytes = &self.contents[station][start..end];
                    match number % 3 {
                        2 => disk.zero(wide(start), wide(end - start), store, &mut bench.work())?,
                        _ => disk.write_at(wide(start), bytes, store, &mut bench.work())?,
                    }
                }
                match station {
                    3 => drop(disk.finish(store, &mut bench.work())?),
                    _ => disk.flush(0, store, &mut bench.work())?,
                }
                reached.set(station);
            }
            store.close()
        })
    }

    /// Opens the repository and says at which station it is; all that is there must be what it should.
    fn look(&self, medium: &SimMedium) -> Result<(Holds, usize), String> {
        let reader = medium.fork(9);
        let host = StillHost::new(0, 0);
        let rig = Rig::new(&reader, &host);
        let list = rig.list().map_err(|error| format!("{error:?}"))?;
        let mut seen = (Holds::Nothing, 0);
        for item in &list {
            let (holds, bytes) = match item.kind {
                Some(RecordKind::Draft) => (Holds::Draft, read_draft(&rig).map_err(|error| format!("draft: {error:?}"))?),
                _ => (Holds::Version, rig.restore(item).map_err(|error| format!("{}: {error:?}", item.name))?.bytes),
            };
            let station = self.contents.iter().position(|contents| *contents == bytes);
            let station = station.ok_or(format!("{} holds what was never written", item.name))?;
            if (item.name == "base") != (station == 0) {
                return Err(format!("{} is at station {station}", item.name));
            }
            if item.name == NAME {
                seen = (holds, station);
            }
        }
        let verdict = rig.scrub().map_err(|error| format!("{error:?}"))?;
        // A segment that was being made may be there with bytes of another.
        let wrong = verdict.findings.iter().any(|(_, kind)| *kind != "renamed") || !verdict.hit.is_empty();
        let versions = list.iter().filter(|item| item.kind == Some(RecordKind::Version)).count();
        match !wrong && verdict.whole.len() == versions && list.iter().any(|item| item.name == "base") {
            true => Ok(seen),
            false => Err(format!("a scrub says {verdict:?} of {} in the list", list.len())),
        }
    }
}

/// All of a draft as its checkpoint has it.
fn read_draft(rig: &Rig<'_>) -> Result<Vec<u8>, Error> {
    rig.with(|store| {
        let mut canvas = Canvas::new(store.parameters(), 1);
        let mut disk = canvas.begin(rig, store, &Plan { name: NAME, continued: true, ..Plan::default() }, None)?;
        let mut bytes = vec![0; narrow(disk.size())];
        disk.read_at(0, &mut bytes, store, &mut Bench::new(store.parameters())?.work())?;
        Ok(bytes)
    })
}

/// Bytes that read differently from one time to the next may mislead so often before it counts as an answer.
const TRIES: usize = 40;

/// Cuts the power once, and says what is wrong afterwards.
fn cut(script: &Script, prepared: &SimMedium, at: u64, loss: Loss, seed: u64) -> Result<Holds, String> {
    let (medium, host, reached) = (prepared.fork(seed), StillHost::new(0, seed), Cell::new(0));
    medium.cut_at(at);
    let result = script.play(&Rig::new(&medium, &host), 0, &reached);
    if result.is_ok() == medium.is_dead() {
        return Err(format!("{result:?}, though the power was cut: {}", medium.is_dead()));
    }
    medium.power_cycle(seed, loss);
    let mut looks = (0..if medium.is_fickle() { TRIES } else { 1 }).map(|_| script.look(&medium));
    let (holds, station) = match looks.find(Result::is_ok).unwrap_or_else(|| script.look(&medium))? {
        // What was said to be durable is there; the next station may be.
        (holds, station) if (reached.get()..=reached.get() + 1).contains(&station) => (holds, station),
        seen => return Err(format!("{seen:?}, but station {} was reached", reached.get())),
    };
    let wanted = [Holds::Nothing, Holds::Draft, Holds::Draft, Holds::Version][station];
    if holds != wanted {
        return Err(format!("{holds:?} at station {station}"));
    }
    if station + 1 < STATIONS && !medium.is_fickle() {
        let result = script.play(&Rig::new(&medium, &host), station, &reached);
        result.map_err(|error| format!("going on from station {station}: {error:?}"))?;
        let seen = script.look(&medium)?;
        if seen != (Holds::Version, STATIONS - 1) {
            return Err(format!("{seen:?} after going on from station {station}"));
        }
    }
    Ok(holds)
}

#[test]
fn power_may_go_at_any_operation_while_a_draft_is_written() {
    let script = Script::new();
    let mut ends: Vec<Holds> = Vec::new();
    for setting in [Setting::HOST, Setting::CHIP] {
        let (medium, host) = (SimMedium::with_rules(1, setting.rules), StillHost::new(0, 1));
        // Two frames a block, so that parts of blocks are stored on others.
        script.prepare(&Rig::new(&medium, &host), &init::Options { block_log2: 13, ..setting.options });
        let (before, copy) = (medium.fork(2), medium.fork(2));
        script.play(&Rig::new(&copy, &host), 0, &Cell::new(0)).unwrap();
        let operations = copy.counters().mutations();
        let losses = [Loss::Nothing, Loss::Everything, Loss::Anything, Loss::Anything, Loss::Anything];
        let points = (0..=operations).flat_map(|at| (0..).zip(losses).map(move |(number, loss)| (at, loss, at << 8 | number)));
        let points: Vec<(u64, Loss, u64)> = points.collect();
        let mut wrong = Vec::new();
        let each = |&(at, loss, seed): &(u64, Loss, u64)| {
            cut(&script, &before, at, loss, seed)
                .map_err(|what| format!("{} cut at {at}, {loss:?}, seed {seed}: {what}", setting.name))
        };
        spread(&points, each, |result| match result {
            Ok(holds) => ends.push(holds),
            Err(what) => wrong.push(what),
        });
        wrong.iter().take(20).for_each(|what| println!("! {what}"));
        assert!(wrong.is_empty(), "{} of {} cuts", wrong.len(), points.len());
    }
    for holds in [Holds::Nothing, Holds::Draft, Holds::Version] {
        let count = ends.iter().filter(|&&end| end == holds).count();
        assert!(count >= 20, "only {count} of {} cuts end with {holds:?}", ends.len());
    }
}
