//! Random verbs on a repository, against a plain vector for every version.
//!
//! One seed chooses everything. A failure prints it; `SARSEN_SEED` repeats it. `SARSEN_LONG=1` goes on for ten minutes.

#![allow(clippy::unwrap_used, clippy::panic)]

use sarsen_core::catalogue::with_record;
use sarsen_core::chain::Chain;
use sarsen_core::codec::CodecId;
use sarsen_core::digest::Algorithm;
use sarsen_core::draft::{Description, Draft};
use sarsen_core::error::Error;
use sarsen_core::format::commit::Root;
use sarsen_core::format::entry::{Kind, LEN};
use sarsen_core::format::record::HintSource;
use sarsen_core::format::record::RecordKind;
use sarsen_core::manifest;
use sarsen_core::ops::check::Depth;
use sarsen_core::ops::init;
use sarsen_core::store::{Purpose, Store, table_bytes};
use sarsen_core::task::{Hands, Job, Outcome, perform};
use sarsen_core::types::{Id, narrow, wide};
use sarsen_core::version::Version;
use sarsen_host::runner::Bench;
use sarsen_tests::anatomy::{Part, Role, footprint, parts};
use sarsen_tests::rig::{Crew, Item, Plan, Rig, StillHost};
use sarsen_tests::{MemDisk, Random, SimMedium};
use std::collections::{BTreeMap, BTreeSet};
use std::hash::{BuildHasher, RandomState};
use std::num::NonZeroUsize;
use std::rc::Rc;
use std::time::{Duration, Instant};

const NAMES: [&str; 3] = ["vm", "mail", "a disk"];

/// What the catalogue must list.
#[derive(Clone, Debug)]
struct Listed {
    kind: RecordKind,
    name: &'static str,
    /// Of a version.
    id: Option<Id>,
    bytes: Rc<Vec<u8>>,
    /// So many bytes from the start are told; fewer than all in a draft that a backup left unfinished.
    done: usize,
}

impl Listed {
    fn version(name: &'static str, id: Id, bytes: Vec<u8>) -> Listed {
        Listed { kind: RecordKind::Version, name, id: Some(id), done: bytes.len(), bytes: Rc::new(bytes) }
    }

    fn draft(name: &'static str, bytes: Vec<u8>, done: usize) -> Listed {
        Listed { kind: RecordKind::Draft, name, id: None, bytes: Rc::new(bytes), done }
    }
}

/// The catalogue: what must be there, by key.
#[derive(Clone, Debug, Default)]
struct Model {
    rows: BTreeMap<u64, Listed>,
    next_key: u64,
}

impl Model {
    fn add(&mut self, listed: Listed) -> u64 {
        let key = self.next_key;
        self.next_key += 1;
        self.rows.insert(key, listed);
        key
    }

    fn versions(&self) -> Vec<Listed> {
        self.rows.values().filter(|listed| listed.kind == RecordKind::Version).cloned().collect()
    }

    fn newest_draft(&self, name: &str) -> Option<u64> {
        let mut drafts = self.rows.iter().filter(|(_, listed)| listed.kind == RecordKind::Draft && listed.name == name);
        drafts.next_back().map(|(key, _)| *key)
    }
}

/// A repository, its model, and where choices come from.
struct World {
    medium: SimMedium,
    host: StillHost,
    options: init::Options,
    random: Random,
    model: Model,
    diary: Diary,
}

/// What was done so far, told if the test fails.
struct Diary {
    seed: u64,
    steps: Vec<String>,
}

impl Diary {
    fn note(&mut self, step: String) {
        self.steps.push(step);
    }
}

impl Drop for Diary {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("after: {}\nrepeat with SARSEN_SEED={}", self.steps.join("\n       "), self.seed);
        }
    }
}

/// Options within the limits, in all combinations of digest, codec and fan-out.
fn options(random: &mut Random) -> init::Options {
    let block_log2 = 12 + random.below(3) as u8;
    init::Options {
        algorithm: random.pick(&[Algorithm::Sha256, Algorithm::Blake3]),
        block_log2,
        frame_log2: 12 + random.below(usize::from(block_log2 - 11)) as u8,
        fan_out_log2: random.pick(&[4, 8]),
        align_log2: random.pick(&[4, 5, 7, 9, 12]),
        codec: random.pick(&[CodecId::None, CodecId::Lz4, CodecId::Zstd, CodecId::Zlib]),
        segment_bytes: random.pick(&[128, 256, 512]) << 10,
        history: random.below(4) as u16,
    }
}

impl World {
    fn new(seed: u64) -> World {
        let mut random = Random::new(seed);
        let options = options(&mut random);
        let world = World {
            medium: SimMedium::new(seed),
            host: StillHost::new(1000, seed),
            options,
            random,
            model: Model::default(),
            diary: Diary { seed, steps: vec![format!("init {options:?}")] },
        };
        world.rig().init(&options).unwrap();
        world
    }

    fn rig(&self) -> Rig<'_> {
        Rig::new(&self.medium, &self.host)
    }

    fn block_bytes(&self) -> usize {
        1 << self.options.block_log2
    }

    fn step(&mut self) {
        match self.random.below(19) {
            0..=4 => self.backup(),
            16 | 17 => self.increments(),
            18 => self.damage(),
            5 => self.backup_that_fails(),
            6 => self.continued_backup(),
            7..=9 => self.drafts(),
            10 | 11 => self.remove(),
            12 => self.gc(),
            13 => self.compact(),
            14 => self.check(Depth::Check),
            _ => self.check(Depth::Scrub),
        }
        self.compare();
    }

    // ---- disks ----

    /// A size, rarely large, often not round.
    fn size(&mut self) -> usize {
        let blocks = match self.random.below(12) {
            0 => 0,
            1 => 17 + self.random.below(300),
            2..=5 => 1 + self.random.below(4),
            _ => 1 + self.random.below(40),
        };
        let odd = match self.random.below(3) {
            0 => self.random.below(self.block_bytes()),
            1 => 512 * self.random.below(8),
            _ => 0,
        };
        (blocks * self.block_bytes()).saturating_sub(odd)
    }

    /// A disk like one there is, or like nothing before; at most sometimes of the same size.
    fn disk(&mut self) -> Vec<u8> {
        let mut bytes = match self.any_version() {
            Some(version) if !self.random.one_in(4) => version.bytes.to_vec(),
            _ => vec![0; self.size()],
        };
        if self.random.one_in(4) {
            let size = self.size();
            bytes.resize(size, 0);
        }
        for _ in 0..self.random.below(6) {
            self.change(&mut bytes);
        }
        bytes
    }

    /// Overwrites a range with zeros, repeated, compressible or random bytes.
    fn change(&mut self, bytes: &mut [u8]) {
        let random = &mut self.random;
        let start = random.below(bytes.len() + 1);
        let len = random.pick(&[1, 512, 5000, 40_000, 300_000]);
        let len = random.below(len + 1).min(bytes.len() - start);
        let range = &mut bytes[start..][..len];
        match random.below(4) {
            0 => range.fill(0),
            1 => range.fill(random.pick(b"ab")),
            2 => range.iter_mut().step_by(37).for_each(|byte| *byte = random.pick(b"xyz\0")),
            _ => random.fill(range),
        }
    }

    fn any_version(&mut self) -> Option<Listed> {
        let versions = self.model.versions();
        (!versions.is_empty()).then(|| versions[self.random.below(versions.len())].clone())
    }

    fn crew(&mut self) -> Crew {
        match self.random.below(6) {
            0 => Crew::Threads(NonZeroUsize::new(3).unwrap()),
            1 => Crew::Shuffled { seed: self.random.draw(), out: 5 },
            _ => Crew::Inline,
        }
    }

    // ---- verbs ----

    fn mem_disk(&mut self, bytes: &[u8]) -> MemDisk {
        let disk = MemDisk::new(bytes.to_vec());
        if self.random.one_in(2) { disk.with_holes(self.random.pick(&[512, 4096, 30_000])) } else { disk }
    }

    fn backup(&mut self) {
        let (bytes, name) = (self.disk(), self.random.pick(&NAMES));
        let base = self.any_version().filter(|_| !self.random.one_in(3)).and_then(|version| version.id);
        let base = base.map(|id| id.to_string()).unwrap_or_default();
        let checkpoint_bytes = self.random.pick(&[0, 0, 3000, 20_000]);
        let (disk, crew) = (self.mem_disk(&bytes), self.crew());
        self.diary.note(format!("backup {name}, {} bytes, on {base:?}, checkpoints {checkpoint_bytes}, {crew:?}", bytes.len()));
        let plan = Plan { name, base: &base, checkpoint_bytes, ..Plan::default() };
        let report = self.rig().with_crew(crew).backup(&disk, &plan).unwrap();
        if checkpoint_bytes > 0 {
            // Checkpoints take a key of their own, if there were any.
            self.model.next_key = self.rig().with(|store| Ok(store.catalogue().rows)).unwrap() - 1;
        }
        self.model.add(Listed::version(name, report.version, bytes));
    }

    /// A few sectors written between one backup and the next, each on the one before: blocks on blocks on blocks, until they are merged.
    fn increments(&mut self) {
        let Some(version) = self.any_version() else { return };
        let (mut bytes, mut base) = (version.bytes.to_vec(), version.id.unwrap());
        let (count, writes) = (1 + self.random.below(14), 1 + self.random.below(3));
        self.diary.note(format!("{count} increments of {writes} writes on {base}, {} bytes", bytes.len()));
        for _ in 0..count {
            for _ in 0..writes {
                // In the first blocks, so that chains become long.
                let start = self.random.below(bytes.len().min(3 * self.block_bytes()) + 1);
                let len = self.random.below(700).min(bytes.len() - start);
                if self.random.one_in(5) { bytes[start..][..len].fill(0) } else { self.random.fill(&mut bytes[start..][..len]) }
            }
            let disk = MemDisk::new(bytes.clone());
            let base_text = base.to_string();
            let plan = Plan { name: version.name, base: &base_text, ..Plan::default() };
            base = self.rig().backup(&disk, &plan).unwrap().version;
            self.model.add(Listed::version(version.name, base, bytes.clone()));
        }
    }

    /// A block is damaged: it hits the versions that need it, nothing is laid on anything, and their contents backed up again heal them all. Then
    /// the block is mended as well, and all is as if nothing had been.
    fn damage(&mut self) {
        let before = self.rig().with(parts).unwrap();
        let is_block =
            |part: &&Part| matches!(part.role, Role::Entry { kind: Kind::Block { .. }, stored_bytes } if stored_bytes > 0);
        let blocks: Vec<Part> = before.iter().filter(is_block).cloned().collect();
        let id = |part: &Part| self.rig().with(|store| Ok(store.source().entry(part.place, u64::MAX)?.id)).unwrap();
        let ids: Vec<Id> = blocks.iter().map(id).collect();
        // Of a block that is stored twice the other would be found.
        let single: Vec<usize> = (0..ids.len()).filter(|&at| ids.iter().filter(|id| **id == ids[at]).count() == 1).collect();
        if single.is_empty() {
            return;
        }
        let block = &blocks[single[self.random.below(single.len())]];
        let Role::Entry { stored_bytes, .. } = block.role else { return };
        let offset = block.range.start + LEN + self.random.below(narrow(stored_bytes.into()));
        let versions = self.versions();
        let hit: Vec<&(Item, Listed)> = versions
            .iter()
            .filter(|(item, _)| self.rig().with(|store| footprint(store, item)).unwrap().contains(&block.place))
            .collect();
        self.diary.note(format!("damage at {offset} of {:?}, which {} versions need", block.place, hit.len()));
        self.medium.flip(block.place.segment, offset, 0x40);
        let verdict = self.rig().scrub().unwrap();
        let mut ids: Vec<String> = hit.iter().map(|(item, _)| item.id.to_string()).collect();
        ids.sort_unstable();
        ids.dedup(); // versions that are equal in everything, time included, have one id, which is told once
        assert_eq!((verdict.findings, verdict.hit), (vec![(Some(block.place), "payload")], ids));
        let entries = blocks.len();
        for (item, listed) in &hit {
            let (disk, base) = (MemDisk::new(listed.bytes.to_vec()), item.id.to_string());
            let report = self.rig().backup(&disk, &Plan { name: listed.name, base: &base, ..Plan::default() }).unwrap();
            self.model.add(Listed::version(listed.name, report.version, listed.bytes.to_vec()));
        }
        let verdict = self.rig().scrub().unwrap();
        assert!(verdict.hit.is_empty(), "{verdict:?}");
        let after = self.rig().with(parts).unwrap();
        let new = after.iter().filter(is_block).count() - entries;
        let new_on_others =
            after.iter().filter(|part| matches!(part.role, Role::Entry { kind: Kind::Block { delta: true }, .. })).count()
                - blocks.iter().filter(|part| matches!(part.role, Role::Entry { kind: Kind::Block { delta: true }, .. })).count();
        assert_eq!((new > 0, new_on_others), (!hit.is_empty(), 0), "stored again, and whole");
        self.medium.flip(block.place.segment, offset, 0x40);
        assert!(self.rig().scrub().unwrap().is_clean());
    }

    /// Versions, as listed and as they must be.
    fn versions(&self) -> Vec<(Item, Listed)> {
        let rows = self.model.rows.values().cloned();
        let both = self.rig().list().unwrap().into_iter().zip(rows);
        both.filter(|(_, row)| row.kind == RecordKind::Version).collect()
    }

    /// A disk that cannot be read to its end: what is left is a draft, if there was a checkpoint.
    fn backup_that_fails(&mut self) {
        let (bytes, name) = (self.disk(), self.random.pick(&NAMES));
        let base = self.any_version().filter(|_| self.random.one_in(2));
        let wanted = base.as_ref().and_then(|base| base.id).map(|id| id.to_string()).unwrap_or_default();
        let bad = self.random.below(bytes.len().max(1));
        let disk = MemDisk::new(bytes.clone());
        disk.fail_at(wide(bad));
        let crew = self.crew();
        self.diary.note(format!("backup {name}, {} bytes, on {wanted:?}, fails at {bad}, {crew:?}", bytes.len()));
        let plan = Plan { name, base: &wanted, checkpoint_bytes: 5000, ..Plan::default() };
        match self.rig().with_crew(crew).backup(&disk, &plan) {
            Ok(report) if bytes.is_empty() => {
                self.model.add(Listed::version(name, report.version, bytes));
                return;
            }
            result => assert!(matches!(result, Err(Error::Disk { .. })), "{result:?}"),
        }
        let list = self.rig().list().unwrap();
        let Some(draft) = list.iter().find(|item| item.entry.key == Some(self.model.next_key)) else { return };
        let position = narrow(self.rig().with(|store| with_record(store, &draft.entry.link, |_, r| r.position)).unwrap());
        assert!(position <= bad, "what could not be read is not in the draft");
        self.diary.note(format!("       a draft of {position} bytes"));
        self.model.add(Listed::draft(name, bytes, position));
    }

    fn continued_backup(&mut self) {
        let (bytes, name) = (self.disk(), self.random.pick(&NAMES));
        let Some(key) = self.model.newest_draft(name) else { return };
        self.diary.note(format!("continue {name}, {} bytes", bytes.len()));
        let disk = self.mem_disk(&bytes);
        let report = self.rig().backup(&disk, &Plan { name, continued: true, ..Plan::default() }).unwrap();
        self.model.rows.remove(&key);
        self.model.add(Listed::version(name, report.version, bytes));
    }

    fn remove(&mut self) {
        let keys: Vec<u64> = self.model.rows.keys().copied().filter(|_| self.random.one_in(3)).collect();
        self.diary.note(format!("rm {keys:?}"));
        self.rig().remove(|item| item.entry.key.is_some_and(|key| keys.contains(&key))).unwrap();
        self.model.rows.retain(|key, _| !keys.contains(key));
    }

    fn gc(&mut self) {
        self.diary.note("gc".into());
        let report = self.rig().gc().unwrap();
        assert!(!report.kept_for_damage);
    }

    fn compact(&mut self) {
        let crew = self.crew();
        self.diary.note(format!("compact, {crew:?}"));
        let report = self.rig().with_crew(crew).compact().unwrap();
        assert!(!report.kept_for_damage);
    }

    fn check(&mut self, depth: Depth) {
        let crew = self.crew();
        self.diary.note(format!("{depth:?}, {crew:?}"));
        let before = self.medium.contents();
        let (report, verdict) = self.rig().with_crew(crew).check(depth).unwrap();
        assert!(verdict.is_clean() && !report.damaged(), "{report:?} {verdict:?}");
        let mut ids: Vec<String> = self.model.versions().iter().filter_map(|version| Some(version.id?.to_string())).collect();
        ids.sort_unstable();
        assert_eq!(verdict.whole, ids);
        assert!(self.medium.contents() == before, "a clean {depth:?} writes nothing");
    }

    // ---- drafts, several at once on one store ----

    fn drafts(&mut self) {
        let World { medium, host, options, random, model, diary } = self;
        let rig = Rig::new(&*medium, host);
        let mut studio =
            Studio { options: *options, random, diary, committed: model.clone(), model: model.clone(), taken: BTreeSet::new() };
        rig.with(|store| studio.work(store)).unwrap();
        *model = studio.committed;
    }

    // ---- comparing ----

    fn compare(&mut self) {
        let list = self.rig().list().unwrap();
        let listed: Vec<_> = list.iter().map(|item| (item.entry.key, item.kind, item.name.as_str(), narrow(item.size))).collect();
        let rows = self.model.rows.iter();
        let wanted: Vec<_> = rows.map(|(key, row)| (Some(*key), Some(row.kind), row.name, row.bytes.len())).collect();
        assert_eq!(listed, wanted);
        let rows: Vec<Listed> = self.model.rows.values().cloned().collect();
        for (item, row) in list.iter().zip(&rows) {
            assert!(row.id.is_none_or(|id| id == item.id), "{item:?} is not {:?}", row.id);
        }
        for _ in 0..2.min(rows.len()) {
            let at = self.random.below(rows.len());
            self.compare_one(&list[at], &rows[at]);
        }
    }

    fn compare_one(&mut self, item: &Item, row: &Listed) {
        if row.kind == RecordKind::Version {
            // Looks along every chain, which must get shallower with every entry.
            self.rig().with(|store| footprint(store, item)).unwrap();
        }
        if row.kind == RecordKind::Version && self.random.one_in(2) {
            let crew = self.crew();
            let restored = self.rig().with_crew(crew).restore(item).unwrap();
            assert!(
                restored.bytes == *row.bytes && restored.lost.is_empty(),
                "{item:?} restores differently: {:?}",
                restored.lost
            );
        }
        let World { medium, host, random, .. } = self;
        Rig::new(&*medium, host).with(|store| read_ranges(item, row, store, random)).unwrap();
    }
}

fn load(store: &mut Store<'_>) -> Result<(), Error> {
    while !store.load()? {}
    Ok(())
}

fn pages() -> Vec<u8> {
    vec![0; table_bytes(8, 9)]
}

/// Random ranges, and one that goes too far.
fn read_ranges(item: &Item, row: &Listed, store: &mut Store<'_>, random: &mut Random) -> Result<(), Error> {
    load(store)?;
    let (parameters, link) = (*store.parameters(), item.entry.link);
    let top = with_record(store, &link, |_, r| if r.kind == RecordKind::Draft { r.draft_top } else { r.top })?;
    let (mut pages, mut bench) = (pages(), Bench::new(&parameters)?);
    let mut version = Version::of_tree(&parameters, item.size, top, &mut pages);
    let size = row.bytes.len();
    for _ in 0..6 {
        let start = random.below(row.done + 1);
        let most = random.pick(&[1, 4096, 100_000, usize::MAX]);
        let len = random.below((row.done - start).min(most) + 1);
        let mut to = vec![0xA5; len];
        version.read_at(wide(start), &mut to, store, &mut bench.work())?;
        assert!(to == row.bytes[start..start + len], "{start}..{} of {item:?} reads differently", start + len);
    }
    let beyond = version.read_at(wide(size), &mut [0], store, &mut bench.work());
    assert!(matches!(beyond, Err(Error::Disk { .. })), "{beyond:?}");
    Ok(())
}

/// Where several drafts are worked on at once.
struct Studio<'w> {
    options: init::Options,
    random: &'w mut Random,
    diary: &'w mut Diary,
    /// As of the last commit.
    committed: Model,
    /// With what was done since.
    model: Model,
    /// Keys of the drafts that are gone on with.
    taken: BTreeSet<u64>,
}

/// A draft that is being worked on.
struct Canvas<'p> {
    draft: Draft<'p>,
    key: Option<u64>,
    name: &'static str,
    bytes: Vec<u8>,
}

impl Studio<'_> {
    fn work(&mut self, store: &mut Store<'_>) -> Result<(), Error> {
        load(store)?;
        store.begin(Purpose::Ordinary)?;
        let mut bench = Bench::new(store.parameters())?;
        let mut memory: Vec<Vec<u8>> = (0..1 + self.random.below(4)).map(|_| pages()).collect();
        let mut canvases = Vec::new();
        for pages in &mut memory {
            canvases.push(self.begin(store, pages, &mut bench)?);
        }
        for _ in 0..self.random.below(60) {
            if canvases.is_empty() {
                break;
            }
            let at = self.random.below(canvases.len());
            match self.random.below(20) {
                0 => self.checkpoint(&mut canvases[at], store)?,
                1 => self.finish(canvases.swap_remove(at), store)?,
                2 => self.abandon(canvases.swap_remove(at), store)?,
                3 => self.commit(store)?,
                4 | 5 => self.zero(&mut canvases[at], store)?,
                _ => self.paint(&mut canvases[at], store, &mut bench)?,
            }
        }
        for canvas in canvases {
            if self.random.one_in(2) {
                self.finish(canvas, store)?;
            }
        }
        // Without a commit everything since the last one is as if it had never been.
        if !self.random.one_in(4) {
            self.commit(store)?;
        }
        self.diary.note("close".into());
        store.close()
    }

    /// Begins on nothing, on a version, or on a draft that was left.
    fn begin<'p>(&mut self, store: &mut Store<'_>, pages: &'p mut [u8], bench: &mut Bench) -> Result<Canvas<'p>, Error> {
        let mut name = self.random.pick(&NAMES);
        let whole = self.committed.rows.iter().filter(|(_, row)| row.done == row.bytes.len());
        let rows: Vec<(u64, Listed)> = whole.map(|(key, row)| (*key, row.clone())).collect();
        let start = (!rows.is_empty() && !self.random.one_in(3)).then(|| rows[self.random.below(rows.len())].clone());
        let block = 1 << self.options.block_log2;
        let (mut root, mut base, mut key, mut bytes) = (Root::EMPTY, Id::ZERO, None, Vec::new());
        if let Some((at, row)) = &start {
            let link = self.link(*at, store)?;
            let parameters = *store.parameters();
            let (version, top) = with_record(store, &link, |id, r| match r.kind {
                RecordKind::Draft => (r.base, r.draft_top),
                RecordKind::Version => (id, r.top),
            })?;
            root = manifest::tree(&parameters, wide(row.bytes.len()), top);
            (base, bytes) = (version, row.bytes.to_vec());
            // Two may not go on with one draft.
            if row.kind == RecordKind::Draft && self.taken.insert(*at) {
                (key, name) = (Some(*at), row.name);
            }
        }
        let (old, new) = (bytes.len(), if self.random.one_in(2) { bytes.len() } else { self.random.below(60 * block) });
        bytes.resize(new, 0);
        self.diary.note(format!("draft {name}, {new} bytes, on {:?}, key {key:?}", start.map(|(at, _)| at)));
        let description = Description {
            name,
            snapshot: "",
            source: "model",
            hints: (HintSource::None, ""),
            group: [0; 16],
            disk_size: wide(new),
            time: 5,
            base,
        };
        let draft = Draft::begin(store, description, root, key, pages)?;
        let mut canvas = Canvas { draft, key, name, bytes };
        // A block that was, or is now, cut by the end of the disk is another block than before.
        let edge = old.min(new) / block;
        if old != new && edge < new.div_ceil(block) {
            self.store_block(&mut canvas, edge, store, bench)?;
        }
        Ok(canvas)
    }

    fn link(&self, key: u64, store: &mut Store<'_>) -> Result<sarsen_core::types::Link, Error> {
        use sarsen_core::catalogue::{Listed, Listing};
        let mut listing = Listing::of(store);
        loop {
            match listing.next(store)? {
                Listed::Entry(entry) if entry.key == Some(key) => return Ok(entry.link),
                Listed::End => panic!("key {key} is not in the catalogue"),
                _ => {}
            }
        }
    }

    /// Changes a block.
    fn paint(&mut self, canvas: &mut Canvas<'_>, store: &mut Store<'_>, bench: &mut Bench) -> Result<(), Error> {
        let block_bytes = 1 << self.options.block_log2;
        let blocks = canvas.bytes.len().div_ceil(block_bytes);
        if blocks == 0 {
            return Ok(());
        }
        let block = self.random.below(blocks);
        let start = block * block_bytes;
        let end = (start + block_bytes).min(canvas.bytes.len());
        let bytes = &mut canvas.bytes[start..end];
        match self.random.below(4) {
            0 => bytes.fill(self.random.pick(b"ab\0")),
            1 => self.random.fill(bytes),
            _ => bytes[..end.min(start + 30) - start].copy_from_slice(&self.random.bytes(30.min(end - start))),
        }
        self.store_block(canvas, block, store, bench)
    }

    /// Stores a block as a backup does.
    fn store_block(
        &mut self,
        canvas: &mut Canvas<'_>,
        block: usize,
        store: &mut Store<'_>,
        bench: &mut Bench,
    ) -> Result<(), Error> {
        let disk = MemDisk::new(canvas.bytes.clone());
        let hands = Hands { medium: store.source().medium, parameters: *store.parameters(), disk: Some(&disk) };
        let mut work = bench.work();
        let id = match perform(&Job::pack(wide(block), Id::ZERO, Chain::NONE), &hands, &mut work)? {
            Outcome::Zero => Id::ZERO,
            Outcome::Packed(packed) => {
                canvas.draft.put_block(&packed, store, &mut work)?;
                packed.id
            }
            other => panic!("packing gives {other:?}"),
        };
        canvas.draft.set_block(wide(block), id, store)?;
        assert_eq!(canvas.draft.block(wide(block), store)?, id);
        Ok(())
    }

    fn zero(&mut self, canvas: &mut Canvas<'_>, store: &mut Store<'_>) -> Result<(), Error> {
        let block_bytes = 1 << self.options.block_log2;
        let blocks = canvas.bytes.len().div_ceil(block_bytes);
        let first = self.random.below(blocks + 1);
        let count = self.random.below(blocks - first + 1);
        let end = ((first + count) * block_bytes).min(canvas.bytes.len());
        canvas.bytes[(first * block_bytes).min(end)..end].fill(0);
        canvas.draft.zero_blocks(wide(first), wide(count), store)
    }

    fn checkpoint(&mut self, canvas: &mut Canvas<'_>, store: &mut Store<'_>) -> Result<(), Error> {
        canvas.draft.checkpoint(wide(self.random.below(canvas.bytes.len() + 1)), store)?;
        let row = Listed::draft(canvas.name, canvas.bytes.clone(), canvas.bytes.len());
        match canvas.key {
            Some(key) => drop(self.model.rows.insert(key, row)),
            None => canvas.key = Some(self.model.add(row)),
        }
        self.diary.note(format!("checkpoint {:?}", canvas.key));
        Ok(())
    }

    fn finish(&mut self, mut canvas: Canvas<'_>, store: &mut Store<'_>) -> Result<(), Error> {
        self.diary.note(format!("finish {}, {:?}", canvas.name, canvas.key));
        let (id, _) = canvas.draft.finish(false, store)?;
        canvas.key.map(|key| self.model.rows.remove(&key));
        self.model.add(Listed::version(canvas.name, id, canvas.bytes));
        Ok(())
    }

    fn abandon(&mut self, canvas: Canvas<'_>, store: &mut Store<'_>) -> Result<(), Error> {
        self.diary.note(format!("abandon {:?}", canvas.key));
        let changed = canvas.draft.abandon(store)?;
        assert_eq!(changed, canvas.key.is_some());
        canvas.key.map(|key| self.model.rows.remove(&key));
        Ok(())
    }

    fn commit(&mut self, store: &mut Store<'_>) -> Result<(), Error> {
        self.diary.note("commit".into());
        store.commit()?;
        self.committed = self.model.clone();
        Ok(())
    }
}

/// So many verbs in the life of one repository.
const STEPS: usize = 30;

#[test]
fn random_verbs_do_what_plain_vectors_do() {
    let given = std::env::var("SARSEN_SEED").ok().map(|seed| seed.parse().expect("SARSEN_SEED is a number"));
    let seed: u64 = given.unwrap_or_else(|| RandomState::new().hash_one("seed"));
    let long = std::env::var_os("SARSEN_LONG").is_some_and(|long| long == "1");
    let until = Instant::now() + Duration::from_secs(if long { 600 } else { 30 });
    let mut repositories = 0;
    while repositories == 0 || Instant::now() < until {
        let mut world = World::new(seed.wrapping_add(repositories));
        for _ in 0..STEPS {
            world.step();
        }
        world.check(Depth::Scrub);
        repositories += 1;
    }
    println!("{repositories} repositories, {} verbs each, from seed {seed}", STEPS);
}
