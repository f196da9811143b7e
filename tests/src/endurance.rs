//! A chip's life: increments of a region of flash, for as long as one likes, with resets in the middle.
//!
//! What firmware does, and nothing else: a backup of what changed; the oldest version goes when there are more than enough; a compaction when a backup
//! finds no space; and after a reset, one gc, since that is what removes segments that a cut session left.

use crate::nor::{SpiFlash, mounted};
use crate::rig::{Plan, Rig, StillHost, Verdict};
use crate::{MemDisk, Random};
use sarsen_core::error::{Error, Trouble};
use sarsen_core::ops::init;
use std::collections::VecDeque;

/// What a chip does all its life.
#[derive(Clone, Copy, Debug)]
pub struct Life {
    /// Erase blocks of the flash that the repository has.
    pub flash_blocks: usize,
    /// The greatest length of a segment.
    pub segment_bytes: u32,
    /// Bytes of the region that is backed up.
    pub region_bytes: usize,
    /// Bytes of another disk, backed up once, that never changes: what a chip left the factory with.
    pub factory_bytes: usize,
    /// How many increments.
    pub increments: u32,
    /// How many versions are kept at least.
    pub versions: usize,
    /// One reset in so many increments, at any operation of the flash.
    pub reset_every: u32,
    /// Chooses everything.
    pub seed: u64,
}

/// What a life has cost.
#[derive(Clone, Debug, Default)]
pub struct Cost {
    /// How often each erase block was erased.
    pub erases: Vec<u32>,
    /// Bytes that changed in the region.
    pub changed_bytes: u64,
    /// Bytes programmed.
    pub programmed_bytes: u64,
    /// Resets.
    pub resets: u32,
    /// Compactions.
    pub compactions: u32,
    /// Versions there are in the end, all of them compared.
    pub versions: usize,
}

impl Cost {
    /// The most erases of one block.
    pub fn greatest(&self) -> u32 {
        self.erases.iter().copied().max().unwrap_or(0)
    }

    /// Erases of a block on average.
    pub fn mean(&self) -> f64 {
        let total: u64 = self.erases.iter().map(|&erases| u64::from(erases)).sum();
        total as f64 / self.erases.len() as f64
    }

    /// Bytes programmed for each byte changed.
    pub fn amplification(&self) -> f64 {
        self.programmed_bytes as f64 / self.changed_bytes as f64
    }
}

/// A chip that lives.
struct Chip {
    life: Life,
    flash: SpiFlash,
    random: Random,
    disk: MemDisk,
    factory: MemDisk,
    /// What versions that were finished hold, oldest first.
    kept: VecDeque<(String, Vec<u8>)>,
    cost: Cost,
    verbs: u64,
}

impl Life {
    /// Lives it. Every version is compared at each reset and in the end; whatever is wrong is a panic.
    pub fn live(&self) -> Cost {
        let mut chip = Chip {
            life: *self,
            flash: SpiFlash::new(self.seed, self.flash_blocks),
            random: Random::new(self.seed),
            disk: MemDisk::random(self.seed, self.region_bytes),
            factory: MemDisk::random(self.seed + 1, self.factory_bytes),
            kept: VecDeque::new(),
            cost: Cost::default(),
            verbs: 0,
        };
        let options = init::Options { segment_bytes: self.segment_bytes, ..init::Options::SMALL };
        chip.verb(|rig| rig.init(&options).map(drop)).expect("a new chip takes a repository");
        chip.back_up_factory();
        chip.back_up("first");
        let resets = chip.resets();
        for number in 0..self.increments {
            chip.change();
            if resets.contains(&number) {
                chip.reset_in(number);
            }
            chip.back_up(&number.to_string());
        }
        chip.examine();
        let (erases, programmed_bytes) = (chip.flash.erases(), chip.flash.programmed_bytes());
        Cost { erases, programmed_bytes, versions: chip.kept.len(), ..chip.cost }
    }
}

impl Chip {
    /// Increments in which a reset comes.
    fn resets(&mut self) -> Vec<u32> {
        let every = self.life.reset_every.max(1);
        (0..self.life.increments / every).map(|turn| turn * every + self.random.below(every as usize) as u32).collect()
    }

    /// Some sectors change, most of them always the same.
    fn change(&mut self) {
        let sectors = self.life.region_bytes / 512;
        for _ in 0..1 + self.random.below(4) {
            let sector = if self.random.one_in(8) { self.random.below(sectors) } else { self.random.below(sectors / 16) };
            self.disk.write(sector * 512, &self.random.bytes(512));
            self.cost.changed_bytes += 512;
        }
    }

    /// One verb on the flash as it is mounted now.
    fn verb<R>(&mut self, run: impl FnOnce(&Rig<'_>) -> Result<R, Error>) -> Result<R, Error> {
        self.verbs += 1;
        let host = StillHost::new(self.verbs, self.verbs);
        mounted(&self.flash, 1, |medium| run(&Rig::new(medium, &host))).expect("a chip that has power can be mounted")
    }

    fn back_up_factory(&mut self) {
        let disk = MemDisk::new(self.factory.bytes());
        let plan = Plan { name: "factory", ..Plan::default() };
        self.verb(|rig| rig.backup(&disk, &plan)).expect("a new chip has space for what it leaves the factory with");
    }

    fn try_backup(&mut self, snapshot: &str) -> Result<(), Error> {
        let bytes = self.disk.bytes();
        let disk = MemDisk::new(bytes);
        let base = if self.kept.is_empty() { "" } else { "chip" };
        self.verb(|rig| rig.backup(&disk, &Plan { name: "chip", snapshot, base, ..Plan::default() }).map(drop))
    }

    fn compact(&mut self) -> Result<(), Error> {
        self.cost.compactions += 1;
        self.verb(|rig| rig.compact().map(drop))
    }

    /// Everything that belongs to an increment.
    fn try_increment(&mut self, snapshot: &str) -> Result<(), Error> {
        match self.try_backup(snapshot) {
            Err(Error::Medium { trouble: Trouble::Full, .. }) => {
                self.compact()?;
                // A commit of which only the second copy found no space is a commit.
                if !self.verb(|rig| rig.list())?.iter().any(|item| item.snapshot == snapshot) {
                    self.try_backup(snapshot)?;
                }
            }
            done => done?,
        }
        self.kept.push_back((snapshot.to_owned(), self.disk.bytes()));
        if self.kept.len() > self.life.versions {
            let oldest = self.kept[0].0.clone();
            self.verb(|rig| rig.remove(|item| item.snapshot == oldest))?;
            self.kept.pop_front();
        }
        Ok(())
    }

    fn back_up(&mut self, snapshot: &str) {
        self.try_increment(snapshot).unwrap_or_else(|error| panic!("increment {snapshot}: {error:?}"));
    }

    /// Power goes at any operation of an increment or of the gc behind it.
    fn reset_in(&mut self, number: u32) {
        self.flash.cut_at(self.random.below(40) as u64);
        // What is cut is undone or done; which of them, the list says.
        let snapshot = format!("{number} cut");
        let result = self.try_increment(&snapshot).and_then(|()| self.verb(|rig| rig.gc()).map(drop));
        assert!(result.is_err() == self.flash.is_dead(), "{result:?}, power gone: {}", self.flash.is_dead());
        self.flash.power_on();
        self.cost.resets += 1;
        self.verb(|rig| rig.gc()).unwrap_or_else(|error| panic!("gc after the reset in {number}: {error:?}"));
        // Only now: until something else is committed, a commit that was cut off late may be there at one mount and not at the next.
        self.learn(&snapshot);
        self.examine();
    }

    /// Which versions there are, after a verb that may or may not have been done.
    fn learn(&mut self, cut: &str) {
        let list = self.verb(|rig| rig.list()).expect("the list is read after a reset");
        let chip = list.into_iter().filter(|item| item.name == "chip");
        let names: Vec<String> = chip.map(|item| item.snapshot).collect();
        if !self.kept.iter().any(|(name, _)| name == cut) && names.iter().any(|name| name == cut) {
            self.kept.push_back((cut.to_owned(), self.disk.bytes()));
        }
        if self.kept.len() > self.life.versions && self.kept.front().is_some_and(|(oldest, _)| !names.contains(oldest)) {
            self.kept.pop_front();
        }
        assert_eq!(names, self.kept.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>(), "{cut}");
        while self.kept.len() > self.life.versions {
            let (oldest, _) = self.kept.pop_front().expect("there is one");
            self.verb(|rig| rig.remove(|item| item.snapshot == oldest)).expect("the oldest version is removed");
        }
    }

    /// Every version is what it was, and a scrub finds nothing.
    fn examine(&mut self) {
        let mut kept = self.kept.clone();
        kept.push_front((String::new(), self.factory.bytes()));
        let verdict = self.verb(|rig| {
            let list = rig.list()?;
            assert_eq!(list.len(), kept.len());
            for (item, (name, bytes)) in list.iter().zip(&kept) {
                let restored = rig.restore(item)?;
                assert!(
                    item.snapshot == *name && restored.bytes == *bytes && restored.lost.is_empty(),
                    "{name} is not what it was"
                );
            }
            rig.scrub()
        });
        let clean = |verdict: &Verdict| verdict.is_clean() && verdict.whole.len() == kept.len();
        assert!(verdict.as_ref().is_ok_and(clean), "{verdict:?}");
    }
}
