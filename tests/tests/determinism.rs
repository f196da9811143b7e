//! Every verb, by any crew and on a medium that has to be waited for: the same repository byte for byte, the same reports, the same events.

#![allow(clippy::unwrap_used)]

use sarsen_core::codec::CodecId;
use sarsen_core::error::Error;
use sarsen_core::format::entry::Kind;
use sarsen_core::format::record::RecordKind;
use sarsen_core::ops::check::Depth;
use sarsen_core::ops::init;
use sarsen_core::task::Event;
use sarsen_tests::anatomy::{Role, blocks, chain, parts};
use sarsen_tests::rig::{Crew, Item, Plan, Rig, StillHost};
use sarsen_tests::{Contents, MemDisk, Random, SimMedium};
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fmt::Debug;
use std::num::NonZeroUsize;

const OPTIONS: init::Options = init::Options {
    block_log2: 12,
    frame_log2: 12,
    segment_bytes: 192 << 10,
    codec: CodecId::Lz4,
    history: 2,
    ..init::Options::SMALL
};
const BLOCK: usize = 1 << OPTIONS.block_log2;
const BLOCKS: usize = 1_100;

/// How the verbs are run.
#[derive(Clone, Copy, Debug)]
struct Way {
    crew: Crew,
    pending: bool,
}

/// What one verb left behind, reported and said.
#[derive(PartialEq, Debug)]
struct Chapter {
    verb: &'static str,
    report: String,
    said: Vec<String>,
    contents: Contents,
}

/// A repository, and the story of its life.
struct Life {
    way: Way,
    medium: SimMedium,
    host: StillHost,
    chapters: Vec<Chapter>,
}

impl Life {
    fn new(way: Way) -> Life {
        let life = Life { way, medium: SimMedium::new(1), host: StillHost::new(1000, 1), chapters: Vec::new() };
        Rig::new(&life.medium, &life.host).init(&OPTIONS).unwrap();
        life
    }

    fn run<R: Debug>(&mut self, verb: &'static str, run: impl FnOnce(&Rig<'_>) -> Result<R, Error>) -> Result<R, Error> {
        let log = RefCell::new(Vec::<Event>::new());
        self.medium.set_patience_needed(self.way.pending);
        let result = run(&Rig::new(&self.medium, &self.host).with_crew(self.way.crew).logged(&log));
        self.medium.set_patience_needed(false);
        let mut said: Vec<String> = log.into_inner().iter().map(|event| format!("{event:?}")).collect();
        said.sort_unstable();
        self.chapters.push(Chapter { verb, report: format!("{result:?}"), said, contents: self.medium.contents() });
        result
    }

    fn backup(&mut self, verb: &'static str, disk: &MemDisk, plan: &Plan<'_>) {
        self.run(verb, |rig| rig.backup(disk, plan)).unwrap();
    }

    fn look(&mut self) {
        self.run("check", |rig| rig.check(Depth::Check)).unwrap();
        let mut list = self.run("ls", |rig| rig.list()).unwrap();
        list.retain(|item| item.kind == Some(RecordKind::Version));
        for item in &list {
            let (_, verdict) = self.run("scrub of a version", |rig| rig.scrub_version(item)).unwrap();
            let restored = self.run("restore", |rig| rig.restore(item)).unwrap();
            assert_eq!(verdict.hit.is_empty(), restored.lost.is_empty(), "{:?}: {:?}", item.id, verdict);
        }
        self.run("scrub", |rig| rig.check(Depth::Scrub)).unwrap();
    }

    /// Flips a byte in every so-manieth block. The places are the same in every life, since all before was.
    fn damage(&mut self, every: usize) {
        let rig = Rig::new(&self.medium, &self.host);
        let parts = rig.with(parts).unwrap();
        let is_block = |role| matches!(role, Role::Entry { kind: Kind::Block { .. }, .. });
        for part in parts.iter().filter(|part| is_block(part.role)).step_by(every) {
            self.medium.flip(part.place.segment, part.range.start + 150, 0x10);
        }
    }

    /// Blocks lie on others, in chains of several lengths.
    fn has_chains(&self) {
        let rig = Rig::new(&self.medium, &self.host);
        let depths: BTreeSet<usize> = rig
            .with(|store| {
                let item = rig.list_in(store)?.pop().unwrap();
                blocks(store, &item)?.iter().map(|(_, id)| Ok(chain(store, id)?.len() - 1)).collect()
            })
            .unwrap();
        assert!(depths.len() > 2 && depths.iter().any(|&depth| depth > 2), "{depths:?}");
    }

    fn clean_up(&mut self) {
        self.run("gc", |rig| rig.gc()).unwrap();
        self.run("compact", |rig| rig.compact()).unwrap();
    }

    /// rm is done in one breath, so its medium has to be ready.
    fn remove(&mut self, pick: impl Fn(&Item) -> bool) {
        Rig::new(&self.medium, &self.host).remove(pick).unwrap();
    }
}

/// Blocks that are zero, the same as others, compressible, and not; with holes.
fn disk() -> MemDisk {
    let mut random = Random::new(5);
    let mut bytes = vec![0; BLOCKS * BLOCK - 700];
    for (number, block) in bytes.chunks_mut(BLOCK).enumerate() {
        match number % 8 {
            _ if (300..400).contains(&number) => {}
            0 => {}
            1 | 2 => block.fill((number % 5) as u8 + 1),
            3 => random.fill(block),
            _ => block.iter_mut().step_by(50).for_each(|byte| *byte = random.draw() as u8),
        }
    }
    MemDisk::new(bytes).with_holes(4096)
}

fn live(way: Way) -> Vec<Chapter> {
    let mut life = Life::new(way);
    let disk = disk();
    let first = Plan { name: "vm", snapshot: "one", checkpoint_bytes: 300_000, ..Plan::default() };
    life.backup("backup", &disk, &first);
    disk.write(70 * BLOCK + 9, &Random::new(6).bytes(90 * BLOCK));
    life.backup("increment", &disk, &Plan { snapshot: "two", base: "vm", checkpoint_bytes: 0, ..first });
    for number in 0..5 {
        let mut random = Random::new(20 + number);
        (450..1_000).step_by(3).for_each(|block| disk.write(block * BLOCK + 512 * random.below(7), &random.bytes(40)));
        life.backup("small increment", &disk, &Plan { snapshot: "small", base: "vm", checkpoint_bytes: 0, ..first });
    }
    life.has_chains();
    let failing = MemDisk::random(9, 300 * BLOCK);
    failing.fail_at(290 * BLOCK as u64);
    let third = Plan { name: "other", checkpoint_bytes: 200_000, ..Plan::default() };
    // Where it fails is one place; what was handed out behind it differs, and is not committed.
    life.run("failing backup", |rig| rig.backup(&failing, &third)).unwrap_err();
    life.look();
    life.backup("continued backup", &MemDisk::random(9, 300 * BLOCK), &Plan { continued: true, ..third });
    life.remove(|item| item.snapshot == "one" || (item.snapshot == "small" && item.entry.key.is_some_and(|key| key % 3 > 0)));
    life.clean_up();
    life.damage(40);
    life.look();
    life.backup("backup of what was damaged", &disk, &Plan { snapshot: "three", base: "vm", ..first });
    life.look();
    life.clean_up();
    life.look();
    life.chapters
}

fn threads(count: usize) -> Crew {
    Crew::Threads(NonZeroUsize::new(count).unwrap())
}

fn compare(way: Way) {
    let inline = live(Way { crew: Crew::Inline, pending: false });
    assert!(inline.last().unwrap().contents.segments.len() > 5, "there are several segments");
    let other = live(way);
    for (number, (one, other)) in inline.iter().zip(&other).enumerate() {
        assert_eq!(one.report, other.report, "{way:?}: report of {}, chapter {number}", one.verb);
        assert_eq!(one.said, other.said, "{way:?}: events of {}, chapter {number}", one.verb);
        assert!(one.contents == other.contents, "{way:?}: repository after {}, chapter {number}", one.verb);
    }
    assert_eq!(inline.len(), other.len());
}

#[test]
fn one_thread_does_what_the_director_does_alone() {
    compare(Way { crew: threads(1), pending: false });
}

#[test]
fn eight_threads_do_what_the_director_does_alone() {
    compare(Way { crew: threads(8), pending: false });
}

#[test]
fn outcomes_may_come_back_in_any_order() {
    for seed in 0..3 {
        compare(Way { crew: Crew::Shuffled { seed, out: 2 + 6 * seed as usize }, pending: false });
    }
}

#[test]
fn a_medium_that_has_to_be_waited_for_is_written_alike() {
    compare(Way { crew: Crew::Inline, pending: true });
}

#[test]
fn threads_wait_for_a_medium_too() {
    compare(Way { crew: threads(8), pending: true });
}
