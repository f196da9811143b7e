//! Every byte of a small repository flipped, one at a time: reported with its place, and no version pays for what it does not need.

#![allow(clippy::unwrap_used, clippy::panic)]

use sarsen_core::error::Error;
use sarsen_core::format::entry::Kind;
use sarsen_core::format::record::RecordKind;
use sarsen_core::ops::check::Depth;
use sarsen_core::store::Store;
use sarsen_core::types::{Link, Place, narrow};
use sarsen_tests::anatomy::{Part, Role, footprint, parts};
use sarsen_tests::fuse::Fuse;
use sarsen_tests::rig::{Item, Plan, Restored, Rig, StillHost, TINY, Verdict};
use sarsen_tests::sim::Snapshot;
use sarsen_tests::{Contents, Loss, MemDisk, Random, SimMedium};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

const BLOCK: usize = 1 << TINY.block_log2;
const FRAME: usize = 1 << TINY.frame_log2;
const SEED: u64 = 11;

/// A disk most of whose blocks are small when packed: zero, repeated, or with a few random bytes.
fn disk(seed: u64, blocks: usize, odd_bytes: usize) -> MemDisk {
    let mut random = Random::new(seed);
    let mut bytes = vec![0; blocks * BLOCK - odd_bytes];
    for (number, block) in bytes.chunks_mut(BLOCK).enumerate() {
        match number % 6 {
            0 => block[100..108].copy_from_slice(b"repeated"),
            3 => {}
            5 => block[BLOCK / 2 + 9..][..40].copy_from_slice(&random.bytes(40)),
            _ => block[..20].copy_from_slice(&random.bytes(20)),
        }
    }
    MemDisk::new(bytes)
}

/// A repository, and what its versions must restore to.
struct Sample {
    medium: SimMedium,
    disks: BTreeMap<String, Vec<u8>>,
}

impl Sample {
    fn new() -> Sample {
        let sample = Sample { medium: SimMedium::new(SEED), disks: BTreeMap::new() };
        sample.rig(&host()).init(&TINY).unwrap();
        sample
    }

    fn rig<'a>(&'a self, host: &'a StillHost) -> Rig<'a> {
        Rig::new(&self.medium, host)
    }

    fn backup(&mut self, disk: &MemDisk, name: &str, base: &str) {
        let report = self.rig(&host()).backup(disk, &Plan { name, base, ..Plan::default() }).unwrap();
        self.disks.insert(report.version.to_string(), disk.bytes());
    }

    /// A backup whose power is cut a little behind its first checkpoint: a draft, and behind its commit what nobody committed.
    fn cut_backup(&mut self, disk: &MemDisk) {
        let plan = Plan { name: "cut", checkpoint_bytes: 300, ..Plan::default() };
        let before = self.medium.snapshot();
        let cut_at = |operation| {
            self.medium.restore(&before);
            self.medium.cut_at(operation);
            assert!(self.rig(&host()).backup(disk, &plan).is_err(), "the power was cut at operation {operation}");
            self.medium.power_cycle(SEED, Loss::Nothing);
            self.rig(&host()).list().unwrap().iter().any(|item| item.kind == Some(RecordKind::Draft))
        };
        let first = (0..).find(|&operation| cut_at(operation)).unwrap();
        assert!(cut_at(first + 4), "what was committed stays");
        assert!(self.parts().iter().any(|part| part.role == Role::Behind && !part.range.is_empty()));
    }

    /// Two disks, four versions, increments as delta and shared pages, a draft, and in the middle a segment that was left unsealed.
    fn of_everything() -> Sample {
        let mut sample = Sample::new();
        let (first, second) = (disk(1, 20, 1000), disk(2, 7, 0));
        first.write(4 * BLOCK, &Random::new(4).bytes(4096)); // a frame that does not compress
        sample.backup(&first, "first", "");
        sample.backup(&second, "second", "");
        first.write(BLOCK + 7, b"an increment");
        first.write(19 * BLOCK, b"at the end");
        sample.backup(&first, "first", "first");
        sample.cut_backup(&disk(3, 6, 8));
        second.write(2 * BLOCK, &[3; 300]);
        sample.backup(&second, "second", "second");
        sample
    }

    /// The newest session was cut off behind its commit.
    fn cut_off_at_last() -> Sample {
        let mut sample = Sample::new();
        let first = disk(1, 18, 0);
        sample.backup(&first, "first", "");
        first.write(7, b"an increment");
        sample.backup(&first, "first", "first");
        sample.cut_backup(&disk(3, 6, 8));
        sample
    }

    /// A block was damaged, found and stored again: there is a damage list.
    fn with_marks() -> Sample {
        let mut sample = Sample::new();
        let first = disk(1, 5, 0);
        sample.backup(&first, "first", "");
        let block = sample.parts().into_iter().find(is_block).unwrap();
        sample.medium.flip(block.place.segment, block.range.start + 200, 0xFF);
        assert_eq!(sample.rig(&host()).scrub().unwrap().hit.len(), 1);
        sample.backup(&first, "again", "");
        assert!(sample.rig(&host()).scrub().unwrap().hit.is_empty());
        sample
    }

    /// Blocks that lie on others, up to four deep; every other entry of a chain is of a version that was removed.
    fn with_chains() -> Sample {
        let mut sample = Sample::new();
        let mut random = Random::new(6);
        // Frames that compress to a quarter: a changed sector takes less than the frame, so that it is stored as a delta.
        let mut bytes = vec![0; 3 * BLOCK - 3000];
        bytes.chunks_mut(FRAME).for_each(|frame| random.fill(&mut frame[..1000]));
        let disk = MemDisk::new(bytes);
        sample.backup(&disk, "vm", "");
        for number in 0..4 {
            disk.write(3 * number * 500 + 20, &random.bytes(60)); // frames 0, 0, 0 and 1
            if number % 2 == 1 {
                disk.write(2 * BLOCK + 30 * number, b"the last block, a short one");
            }
            sample.backup(&disk, "vm", "vm");
        }
        sample.remove_nth(1);
        sample.remove_nth(2);
        // Or their records would be there to be found again where the catalogue cannot be read.
        sample.rig(&host()).compact().unwrap();
        let depths: Vec<u8> = sample.depths();
        assert_eq!(depths.iter().max(), Some(&4), "{depths:?}");
        sample
    }

    /// Removes a version; its blocks stay, as others lie on them.
    fn remove_nth(&mut self, at: usize) {
        let removed = self.rig(&host()).list().unwrap().remove(at);
        self.rig(&host()).remove(|item| item.id == removed.id).unwrap();
        self.disks.remove(&removed.id.to_string()).unwrap();
    }

    fn depths(&self) -> Vec<u8> {
        let depth = |store: &Store<'_>, part: &Part| Ok(store.source().entry(part.place, u64::MAX)?.depth);
        let parts = self.parts();
        let blocks = parts.iter().filter(|part| is_block(part));
        self.rig(&host()).with(|store| blocks.map(|part| depth(store, part)).collect()).unwrap()
    }

    fn parts(&self) -> Vec<Part> {
        self.rig(&host()).with(parts).unwrap()
    }
}

fn host() -> StillHost {
    StillHost::new(1000, SEED)
}

/// Of two faults of one entry only one is told.
fn graver(one: &'static str, other: &'static str) -> &'static str {
    let gravity = |kind: &str| ["entry", "payload", "padding"].iter().position(|&known| known == kind);
    if gravity(one) <= gravity(other) { one } else { other }
}

fn is_block(part: &Part) -> bool {
    matches!(part.role, Role::Entry { kind: Kind::Block { .. }, .. })
}

/// What is known of a sample before anything is flipped.
struct Examination<'s> {
    sample: &'s Sample,
    snapshot: Snapshot,
    contents: Contents,
    parts: Vec<Part>,
    before: Verdict,
    /// Versions and drafts.
    listed: Vec<Item>,
    versions: Vec<Item>,
    footprints: Vec<BTreeSet<Place>>,
    /// Versions hit that restored exactly all the same: some bits of a codec's stream mean nothing, and what counts when reading is the plain digest.
    mended: AtomicUsize,
}

/// What is to be said of a flip.
struct Expected {
    findings: Vec<(Option<Place>, &'static str)>,
    /// Positions among the versions.
    hit: BTreeSet<usize>,
    /// The record that cannot be read.
    lost: Option<Link>,
}

impl<'s> Examination<'s> {
    fn of(sample: &'s Sample) -> Examination<'s> {
        let host = host();
        let rig = sample.rig(&host);
        let listed = rig.list().unwrap();
        let versions: Vec<Item> = listed.iter().filter(|item| item.kind == Some(RecordKind::Version)).cloned().collect();
        assert_eq!(versions.len(), sample.disks.len());
        sample.medium.set_read_only(true);
        let footprints = rig.with(|store| versions.iter().map(|item| footprint(store, item)).collect()).unwrap();
        Examination {
            sample,
            snapshot: sample.medium.snapshot(),
            contents: sample.medium.contents(),
            parts: sample.parts(),
            before: rig.scrub().unwrap(),
            listed,
            versions,
            footprints,
            mended: AtomicUsize::new(0),
        }
    }

    fn expected(&self, place: Place, finding: Option<&'static str>) -> Expected {
        let mut findings: BTreeMap<Option<Place>, &'static str> = self.before.findings.iter().copied().collect();
        if let Some(kind) = finding {
            let told = findings.entry(Some(place)).or_insert(kind);
            *told = graver(told, kind);
        }
        let findings = findings.into_iter().collect();
        let costs = matches!(finding, Some("entry" | "payload"));
        let needed = |footprint: &BTreeSet<Place>| costs && footprint.contains(&place);
        let hit = (0..self.versions.len()).filter(|&at| needed(&self.footprints[at])).collect();
        let mut links = self.listed.iter().map(|item| item.entry.link);
        let lost = links.find(|link| costs && link.place == place);
        Expected { findings, hit, lost }
    }

    /// Flips `masks` of one byte of a segment, looks, and flips back.
    fn flip(&self, medium: &SimMedium, part: &Part, offset: usize, mask: u8) {
        medium.flip(part.place.segment, offset, mask);
        let finding = part.finding_at(offset);
        let expected = self.expected(part.place, finding);
        let what = format!("byte {offset} ({mask:#x}) of {part:?}");
        self.look(medium, &expected, &what);
        medium.flip(part.place.segment, offset, mask);
    }

    fn look(&self, medium: &SimMedium, expected: &Expected, what: &str) {
        let (fuse, host) = (Fuse::new(medium, 200_000), host());
        let rig = Rig::new(&fuse, &host);
        let verdict = rig.scrub().unwrap_or_else(|error| panic!("{what}: scrub says {error:?}"));
        assert_eq!(verdict.findings, expected.findings, "{what}");
        // What cannot be read is named by its record, be it a version's or a draft's.
        let known = expected.hit.iter().map(|&at| &self.versions[at]).filter(|item| Some(item.entry.link) != expected.lost);
        let mut hit: Vec<String> =
            known.map(|item| item.id).chain(expected.lost.map(|link| link.id)).map(|id| id.to_string()).collect();
        hit.sort_unstable();
        assert_eq!(verdict.hit, hit, "versions hit by {what}");
        assert_eq!(verdict.whole.len(), self.versions.len() - expected.hit.len(), "versions not hit by {what}");
        fuse.renew();
        let shallow = rig.check(Depth::Check).unwrap_or_else(|error| panic!("{what}: check says {error:?}")).1;
        assert!(shallow.findings.iter().all(|found| expected.findings.contains(found)), "{what}: check says {shallow:?}");
        fuse.renew();
        self.restore(&rig, expected, what).unwrap_or_else(|error| panic!("{what}: restore says {error:?}"));
    }

    /// Every version is listed; each that is not hit restores exactly, each other is zero where it says so.
    fn restore(&self, rig: &Rig<'_>, expected: &Expected, what: &str) -> Result<(), Error> {
        rig.with(|store| {
            let listed = rig.list_in(store)?;
            for (at, version) in self.versions.iter().enumerate() {
                let item = listed.iter().find(|item| item.entry.link == version.entry.link);
                let item = item.unwrap_or_else(|| panic!("{what}: version {at} is not listed"));
                let restored = rig.restore_in(store, item);
                if expected.lost == Some(item.entry.link) {
                    assert!(restored.unwrap_err().is_damage(), "{what}: version {at}");
                } else {
                    let is_hit = expected.hit.contains(&at);
                    self.compare(&restored?, version, is_hit, &format!("{what}: version {at}"));
                }
            }
            Ok(())
        })
    }

    fn compare(&self, restored: &Restored, version: &Item, is_hit: bool, what: &str) {
        assert!(is_hit || restored.lost.is_empty(), "{what}: lost {:?}", restored.lost);
        if is_hit && restored.lost.is_empty() {
            self.mended.fetch_add(1, Ordering::Relaxed);
        }
        let mut disk = self.sample.disks[&version.id.to_string()].clone();
        for &(offset, len) in &restored.lost {
            disk[narrow(offset)..][..narrow(len)].fill(0);
        }
        assert!(restored.bytes == disk, "{what} differs beyond what it says is lost");
    }

    /// Flips every byte, on two threads; how many.
    fn flip_every_byte(&self) -> usize {
        let flips: Vec<(&Part, usize)> =
            self.parts.iter().flat_map(|part| part.range.clone().map(move |offset| (part, offset))).collect();
        let all: usize = self.contents.len_bytes();
        assert_eq!(flips.len(), all, "the parts are all there is");
        thread::scope(|scope| {
            for half in 0..2 {
                let medium = self.sample.medium.fork(SEED);
                let mine = flips.iter().enumerate().filter(move |(number, _)| number % 2 == half);
                scope.spawn(move || {
                    let mut random = Random::new(half as u64);
                    mine.for_each(|(_, (part, offset))| self.flip(&medium, part, *offset, 1 << random.below(8)));
                });
            }
        });
        self.sample.medium.restore(&self.snapshot);
        flips.len()
    }

    /// Flips every byte of the pin: damage to it costs nothing.
    fn flip_the_pin(&self) -> usize {
        let pin = self.contents.pin.as_ref().unwrap();
        let medium = self.sample.medium.fork(SEED);
        for offset in 0..pin.len() {
            let mut bytes = pin.to_vec();
            bytes[offset] ^= 1 << (offset % 8);
            medium.place_pin(Some(bytes));
            let mut findings = self.before.findings.clone();
            findings.insert(0, (None, "pin"));
            let expected = Expected { findings, hit: BTreeSet::new(), lost: None };
            self.look(&medium, &expected, &format!("byte {offset} of the pin"));
        }
        pin.len()
    }

    /// `spared`: the most hits that may cost nothing after all.
    fn flip_everything(&self, name: &str, spared: impl Fn(usize) -> usize) {
        let (bytes, pin) = (self.flip_every_byte(), self.flip_the_pin());
        let count = |is: fn(&Part) -> bool| self.parts.iter().filter(|part| is(part)).count();
        let mended = self.mended.load(Ordering::Relaxed);
        assert!(mended < spared(bytes), "{mended} versions restored exactly in spite of what hit them");
        println!(
            "{name}: {bytes} bytes of {} segments and {pin} of the pin flipped; {} blocks, {} manifest pages, {} pages of tables, {} pages as deltas, {} versions; {mended} restored exactly in spite of a hit",
            self.contents.segments.len(),
            count(is_block),
            count(|part| is_page(part, true)),
            count(|part| is_page(part, false)),
            count(|part| matches!(part.role, Role::Entry { kind: Kind::Page { delta: true, .. }, .. })),
            self.versions.len(),
        );
    }
}

/// Bits of a codec's stream that mean nothing.
fn few(bytes: usize) -> usize {
    bytes / 100
}

fn is_page(part: &Part, of_manifest: bool) -> bool {
    use sarsen_core::format::entry::TreeKind;
    matches!(part.role, Role::Entry { kind: Kind::Page { tree, .. }, .. } if (tree == TreeKind::Manifest) == of_manifest)
}

#[test]
fn every_flipped_byte_is_found_in_its_place_and_costs_only_the_versions_it_lies_in() {
    let sample = Sample::of_everything();
    let examination = Examination::of(&sample);
    assert!(examination.before.is_clean());
    examination.flip_everything("everything", few);
}

#[test]
fn every_flipped_byte_is_found_behind_a_session_that_was_cut_off() {
    let sample = Sample::cut_off_at_last();
    Examination::of(&sample).flip_everything("cut off", few);
}

#[test]
fn every_flipped_byte_is_found_in_a_repository_that_knows_of_damage() {
    let sample = Sample::with_marks();
    Examination::of(&sample).flip_everything("damaged before", few);
}

#[test]
fn a_flipped_byte_of_a_base_costs_exactly_the_versions_that_lie_on_it() {
    let sample = Sample::with_chains();
    let examination = Examination::of(&sample);
    assert!(examination.before.is_clean());
    let shared = |place: &Place| examination.footprints.iter().filter(|footprint| footprint.contains(place)).count();
    let bases = examination.parts.iter().filter(|part| is_block(part)).map(|part| shared(&part.place));
    let bases: BTreeSet<usize> = bases.collect();
    assert!(bases.is_superset(&BTreeSet::from([1, 2, 3])), "entries that one version needs, two, and all: {bases:?}");
    // Sectors of a base that changes are laid over are not missed when reading.
    examination.flip_everything("chains", |bytes| bytes / 3);
}
