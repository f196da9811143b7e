//! Blocks that lie on others: what they cost, what keeps their bases, and what becomes of them when a base is damaged.

#![allow(clippy::unwrap_used)]

use sarsen_core::codec::CodecId;
use sarsen_core::ops::init;
use sarsen_core::store::Store;
use sarsen_core::types::{Id, Place, narrow, wide};
use sarsen_core::version::Version;
use sarsen_host::runner::Bench;
use sarsen_tests::anatomy::{blocks, chain};
use sarsen_tests::rig::{Item, Plan, Rig, StillHost, TINY};
use sarsen_tests::{MemDisk, Random, SimMedium};

const OPTIONS: init::Options = init::Options { block_log2: 16, frame_log2: 13, segment_bytes: 512 << 10, ..TINY };
const BLOCK: usize = 1 << OPTIONS.block_log2;
const FRAME: usize = 1 << OPTIONS.frame_log2;
const SECTOR: usize = 512;

/// A repository of one disk that a few sectors change of between versions, named by numbers.
struct House {
    medium: SimMedium,
    host: StillHost,
    disk: MemDisk,
    random: Random,
    was: Vec<Vec<u8>>,
}

impl House {
    fn new(options: &init::Options, size: usize) -> House {
        let (medium, host) = (SimMedium::new(1), StillHost::new(1000, 1));
        let mut house = House { medium, host, disk: MemDisk::random(7, size), random: Random::new(8), was: Vec::new() };
        house.rig().init(options).unwrap();
        house.backup();
        house
    }

    fn rig(&self) -> Rig<'_> {
        Rig::new(&self.medium, &self.host)
    }

    /// The next version, on the one before if that is still there; bytes newly stored, and how many blocks.
    fn backup(&mut self) -> (u64, u64) {
        let snapshot = self.was.len().to_string();
        let base = if self.rig().list().unwrap().is_empty() { "" } else { "vm" };
        let plan = Plan { name: "vm", snapshot: &snapshot, base, ..Plan::default() };
        let statistics = self.rig().backup(&self.disk, &plan).unwrap().statistics;
        self.was.push(self.disk.bytes());
        (statistics.new_bytes, statistics.new_blocks)
    }

    /// Writes a sector of noise at a place.
    fn write(&mut self, at: usize) {
        self.disk.write(at, &self.random.bytes(SECTOR));
    }

    fn item(&self, number: usize) -> Item {
        self.rig().list().unwrap().into_iter().find(|item| item.snapshot == number.to_string()).unwrap()
    }

    fn remove(&self, numbers: &[usize]) {
        self.rig().remove(|item| numbers.iter().any(|number| item.snapshot == number.to_string())).unwrap();
    }

    fn clean_up(&self) {
        self.rig().gc().unwrap();
        self.rig().compact().unwrap();
    }

    fn id(&self, number: usize, block: u64) -> Id {
        let item = self.item(number);
        let blocks = self.rig().with(|store| blocks(store, &item)).unwrap();
        blocks.into_iter().find(|(at, _)| *at == block).unwrap().1
    }

    fn loaded<R>(&self, run: impl FnOnce(&mut Store<'_>) -> R) -> R {
        self.rig()
            .with(|store| {
                while !store.load()? {}
                Ok(run(store))
            })
            .unwrap()
    }

    /// Where the entries lie that give a block of a version, its own first, and their ids.
    fn chain(&self, number: usize, block: u64) -> Vec<(Place, Id)> {
        let id = self.id(number, block);
        let chain = self.loaded(|store| chain(store, &id).unwrap());
        chain.iter().map(|found| (found.place, found.entry.id)).collect()
    }

    fn is_stored(&self, id: &Id) -> bool {
        self.loaded(|store| store.lookup(sarsen_core::store::Sought::Block, id, u8::MAX).unwrap().is_some())
    }

    fn restores(&self, number: usize) -> bool {
        let restored = self.rig().restore(&self.item(number)).unwrap();
        assert!(!restored.lost.is_empty() || restored.bytes == self.was[number], "no wrong data");
        restored.lost.is_empty()
    }

    /// Every version is there, exactly, and a scrub finds nothing.
    fn is_right(&self, numbers: &[usize]) {
        let verdict = self.rig().scrub().unwrap();
        assert!(verdict.is_clean() && verdict.whole.len() == numbers.len(), "{verdict:?}");
        assert_eq!(self.rig().list().unwrap().len(), numbers.len());
        assert!(numbers.iter().all(|&number| self.restores(number)));
    }

    fn flip(&self, place: Place) {
        self.medium.flip(place.segment, narrow(place.offset.into()) + 140, 0x40);
    }
}

#[test]
fn a_base_that_no_version_names_stays_as_long_as_something_lies_on_it_and_goes_then() {
    let mut house = House::new(&OPTIONS, 3 * BLOCK);
    for at in [0, FRAME, 2 * FRAME] {
        house.write(at);
        house.backup();
    }
    let ids: Vec<Id> = (0..4).map(|number| house.id(number, 0)).collect();
    let chain = house.chain(3, 0);
    assert_eq!(chain.iter().map(|(_, id)| *id).collect::<Vec<_>>(), [ids[3], ids[2], ids[1], ids[0]]);
    // The lowest of the chain, and one in its middle.
    house.remove(&[0, 2]);
    for _ in 0..2 {
        house.clean_up();
        house.is_right(&[1, 3]);
        assert!(ids.iter().all(|id| house.is_stored(id)));
    }
    // Everything that names one of them, but for the top.
    house.remove(&[1]);
    house.clean_up();
    house.is_right(&[3]);
    assert_eq!(house.chain(3, 0).iter().map(|(_, id)| *id).collect::<Vec<_>>(), [ids[3], ids[2], ids[1], ids[0]]);
    // Something new in every sector of the block needs no base.
    house.disk.write(0, &Random::new(99).bytes(BLOCK));
    house.backup();
    assert_eq!(house.chain(4, 0).len(), 1);
    assert!(ids.iter().all(|id| house.is_stored(id)), "version 3 is still there");
    house.remove(&[3]);
    house.clean_up();
    house.clean_up();
    house.is_right(&[4]);
    assert!(!ids.iter().any(|id| house.is_stored(id)), "nothing lies on them now");
}

#[test]
fn a_damaged_base_hits_what_lies_on_it_until_its_contents_are_stored_again() {
    let mut house = House::new(&OPTIONS, 3 * BLOCK);
    for number in 1..4 {
        house.write(FRAME * number);
        house.backup();
    }
    house.write(BLOCK);
    house.backup();
    // The entry of version 2: versions 2, 3 and 4 lie on it.
    let (place, id) = house.chain(2, 0)[0];
    house.flip(place);
    let verdict = house.rig().scrub().unwrap();
    assert_eq!(verdict.findings, [(Some(place), "payload")]);
    let hit: Vec<bool> = (0..5).map(|number| verdict.hit.contains(&house.item(number).id.to_string())).collect();
    assert_eq!(hit, [false, false, true, true, true]);
    assert_eq!((0..5).map(|number| house.restores(number)).collect::<Vec<_>>(), [true, true, false, false, false]);
    // While damage is known nothing is laid on what is stored, not even on what is whole.
    house.write(2 * BLOCK);
    let (new_bytes, new_blocks) = house.backup();
    assert_eq!(new_blocks, 2, "the one that was written, and the one that cannot be read");
    assert!(new_bytes > 2 * wide(BLOCK));
    assert!((0..3).all(|block| house.chain(5, block)[0].1 == house.id(5, block)));
    assert_eq!((house.chain(5, 0).len(), house.chain(5, 2).len()), (1, 1));
    // What lies on the base is stored whole: versions 3 and 4 have the same block. Version 2 has another, and waits for its contents.
    assert_eq!((2..6).map(|number| house.restores(number)).collect::<Vec<_>>(), [false, true, true, true]);
    house.disk.write(0, &house.was[2][..BLOCK]);
    house.backup();
    assert_eq!(house.id(6, 0), id);
    let verdict = house.rig().scrub().unwrap();
    assert_eq!((verdict.findings.as_slice(), verdict.hit.as_slice()), ([(Some(place), "payload")].as_slice(), [].as_slice()));
    assert!((0..7).all(|number| house.restores(number)));
    // With all that needs it stored again, the damage goes as what is dead goes.
    house.remove(&[0, 1]);
    house.clean_up();
    house.clean_up();
    house.is_right(&[2, 3, 4, 5, 6]);
    // And what is new lies on what is there again.
    house.write(5 * SECTOR);
    let (new_bytes, _) = house.backup();
    assert!(new_bytes < 2000 && house.chain(7, 0).len() == 2, "{new_bytes}");
}

#[test]
fn a_base_stays_though_what_lies_on_it_cannot_be_read_for_a_while() {
    // What tells that it is a base is damaged in its header, in its payload, known of or not; or all of its segment is away.
    for (offset, scrubbed) in
        [(Some(4), false), (Some(4), true), (Some(140), false), (Some(140), true), (None, false), (None, true)]
    {
        let mut house = House::new(&OPTIONS, BLOCK);
        house.write(0);
        house.backup();
        house.remove(&[0]);
        let [(top, _), (base, _)] = house.chain(1, 0)[..] else { panic!("two entries") };
        let segment = house.medium.contents().segments[&top.segment].to_vec();
        let flip = |offset| house.medium.flip(top.segment, narrow(top.offset.into()) + offset, 0x10);
        match offset {
            Some(offset) => flip(offset),
            None => house.medium.place(top.segment, None),
        }
        if scrubbed {
            assert!(!house.rig().scrub().unwrap().is_clean());
        }
        // They may refuse, but not remove what may be mended.
        for _ in 0..2 {
            house.rig().gc().ok();
            house.rig().compact().ok();
        }
        match offset {
            Some(offset) => flip(offset),
            None => house.medium.place(top.segment, Some(segment)),
        }
        assert!(house.medium.contents().segments.contains_key(&base.segment));
        house.is_right(&[1]);
    }
}

#[test]
fn what_lies_on_a_base_is_whole_again_when_the_base_alone_is_stored_anew() {
    let mut house = House::new(&OPTIONS, BLOCK);
    house.write(0);
    house.backup();
    let [(top, _), (base, _)] = house.chain(1, 0)[..] else { panic!("two entries") };
    house.flip(base);
    assert_eq!(house.rig().scrub().unwrap().hit.len(), 2);
    // The disk of version 0 comes back: its block has no place of its own to be damaged, but the one the other lies on.
    let first = house.was[0].clone();
    house.disk.write(0, &first);
    assert_eq!(house.backup().1, 1);
    let verdict = house.rig().scrub().unwrap();
    assert_eq!((verdict.findings.len(), verdict.hit.len(), verdict.whole.len()), (1, 0, 3));
    let chain = house.chain(1, 0);
    assert!(chain[0].0 == top && chain[1].0 > base, "the delta is where it was, and its base is the new one: {chain:?}");
    assert!((0..3).all(|number| house.restores(number)));
}

#[test]
fn a_block_that_becomes_again_what_it_was_is_not_stored_again() {
    let mut house = House::new(&OPTIONS, 2 * BLOCK);
    house.write(0);
    house.backup();
    house.write(FRAME);
    house.backup();
    for back in [0, 1, 2, 1] {
        let bytes = house.was[back].clone();
        house.disk.write(0, &bytes);
        assert_eq!(house.backup().1, 0);
    }
    house.is_right(&[0, 1, 2, 3, 4, 5, 6]);
}

#[test]
fn a_last_block_that_the_end_of_the_disk_cuts_otherwise_lies_on_nothing() {
    let mut house = House::new(&OPTIONS, 2 * BLOCK - 700);
    house.write(BLOCK);
    house.backup();
    assert_eq!(house.chain(1, 1).len(), 2);
    for size in [2 * BLOCK, BLOCK + 3 * FRAME + 5, 3 * BLOCK - 1] {
        let mut bytes = house.disk.bytes();
        bytes.resize(size, 1);
        house.disk = MemDisk::new(bytes);
        house.backup();
        let newest = house.was.len() - 1;
        assert_eq!(house.chain(newest, 1).len(), 1, "a block of another length");
        house.write(BLOCK + 2 * FRAME);
        house.backup();
        assert_eq!(house.chain(newest + 1, 1).len(), 2);
    }
    house.is_right(&(0..house.was.len()).collect::<Vec<_>>());
}

/// Every frame of a version by itself: exact, and decoded from no more than twice its length.
fn frames_are_read_within_bounds(house: &House, number: usize) {
    let (item, was) = (house.item(number), &house.was[number]);
    house.loaded(|store| {
        let (parameters, mut pages) = (*store.parameters(), vec![0; sarsen_core::store::table_bytes(8, 9)]);
        let top = sarsen_core::catalogue::with_record(store, &item.entry.link, |_, record| record.top).unwrap();
        let mut version = Version::of_tree(&parameters, item.size, top, &mut pages);
        let mut bench = Bench::new(&parameters).unwrap();
        let frame = narrow(parameters.frame_bytes().into());
        for (number, wanted) in was.chunks(frame).enumerate() {
            let mut to = vec![0; wanted.len()];
            let decoded = version.read_at(wide(number * frame), &mut to, store, &mut bench.work()).unwrap();
            assert!(to == wanted && decoded.bytes <= 2 * wide(wanted.len()) && decoded.frames == 1, "{decoded:?}");
        }
    });
}

/// A write of 4 KiB somewhere in each of a few blocks between every two versions, as of a disk in use.
fn increments(codec: CodecId, count: usize) -> (House, Vec<u64>) {
    let mut house = House::new(&init::Options { codec, segment_bytes: 1 << 20, ..OPTIONS }, 4 * BLOCK);
    let new_bytes = (0..count).map(|_| {
        for block in 0..4 {
            let at = block * BLOCK + house.random.below(BLOCK / 4096) * 4096;
            let bytes = house.random.bytes(4096);
            house.disk.write(at, &bytes);
        }
        house.backup().0
    });
    let new_bytes = new_bytes.collect();
    (house, new_bytes)
}

#[test]
fn many_increments_cost_little_more_than_what_was_written() {
    for codec in [CodecId::None, CodecId::Zstd] {
        let (house, new_bytes) = increments(codec, 100);
        let written = 100 * 4 * 4096;
        let total: u64 = new_bytes.iter().sum();
        // Blocks are 16 times what is written to them, so that chains are cut short and merged more often than those of larger ones.
        println!("{codec:?}: {total} bytes stored for {written} written");
        assert!(total > written && total * 2 < 5 * written, "{total}");
        let lens: Vec<usize> = (0..4).map(|block| house.chain(100, block).len()).collect();
        assert!(lens.iter().all(|&len| len <= 32), "{lens:?}");
        for number in [0, 1, 9, 33, 64, 99, 100] {
            frames_are_read_within_bounds(&house, number);
        }
        house.is_right(&(0..101).collect::<Vec<_>>());
        // Without most of the versions all others are as they were.
        let kept: Vec<usize> = (0..101).step_by(10).collect();
        let removed: Vec<usize> = (0..101).filter(|number| !kept.contains(number)).collect();
        house.remove(&removed);
        house.clean_up();
        house.is_right(&kept);
    }
}
