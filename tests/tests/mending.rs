//! The life of damage: found and marked; mended by storing again, by a good read, or gone with what is dead; and left in peace until then.

#![allow(clippy::unwrap_used)]

use sarsen_core::format::entry::Kind;
use sarsen_core::ops::init;
use sarsen_core::types::{Place, SegmentNumber};
use sarsen_tests::anatomy::{Part, Role, footprint, parts};
use sarsen_tests::rig::{Plan, Rig, StillHost, TINY};
use sarsen_tests::{MemDisk, SimMedium};

const OPTIONS: init::Options = init::Options { segment_bytes: 128 << 10, ..TINY };

struct House {
    medium: SimMedium,
    host: StillHost,
    disk: MemDisk,
}

impl House {
    /// Two versions of a disk, the second an increment.
    fn new() -> House {
        let house = House { medium: SimMedium::new(1), host: StillHost::new(1000, 1), disk: MemDisk::random(7, 400_000) };
        house.rig().init(&OPTIONS).unwrap();
        house.backup("vm", "one", "");
        house.disk.write(100_000, &[5; 30_000]);
        house.backup("vm", "two", "vm");
        house
    }

    fn rig(&self) -> Rig<'_> {
        Rig::new(&self.medium, &self.host)
    }

    fn backup(&self, name: &str, snapshot: &str, base: &str) -> u64 {
        let plan = Plan { name, snapshot, base, ..Plan::default() };
        self.rig().backup(&self.disk, &plan).unwrap().statistics.new_blocks
    }

    fn marks(&self) -> Vec<Place> {
        self.rig()
            .with(|store| {
                while !store.load()? {}
                Ok(store.marks().iter().map(|mark| mark.place).collect())
            })
            .unwrap()
    }

    /// Entries of a kind that a version needs, in order of place.
    fn needed(&self, snapshot: &str, is: impl Fn(Kind) -> bool) -> Vec<Part> {
        let item = self.rig().list().unwrap().into_iter().find(|item| item.snapshot == snapshot).unwrap();
        let (parts, needed) = self.rig().with(|store| Ok((parts(store)?, footprint(store, &item)?))).unwrap();
        let mut wanted = parts;
        wanted.retain(|part| matches!(part.role, Role::Entry { kind, .. } if is(kind)) && needed.contains(&part.place));
        wanted
    }

    fn blocks(&self, snapshot: &str) -> Vec<Part> {
        self.needed(snapshot, |kind| matches!(kind, Kind::Block { .. }))
    }

    fn flip(&self, part: &Part) {
        self.medium.flip(part.place.segment, part.range.start + 140, 0x40);
    }

    fn exists(&self, segment: SegmentNumber) -> bool {
        self.medium.contents().segments.contains_key(&segment)
    }

    fn restores(&self, snapshot: &str) -> bool {
        let item = self.rig().list().unwrap().into_iter().find(|item| item.snapshot == snapshot).unwrap();
        self.rig().restore(&item).unwrap().lost.is_empty()
    }
}

#[test]
fn what_was_damaged_is_stored_again_and_every_version_that_needs_it_is_whole() {
    let house = House::new();
    // One block of both versions.
    let block = house.blocks("two").into_iter().find(|part| house.blocks("one").contains(part)).unwrap();
    house.flip(&block);
    let verdict = house.rig().scrub().unwrap();
    assert_eq!((verdict.findings.clone(), verdict.hit.len()), (vec![(Some(block.place), "payload")], 2));
    assert_eq!(house.marks(), [block.place]);
    assert!(!house.restores("one") && !house.restores("two"));
    // The base is of no use for what is damaged; all else is found to be there.
    assert_eq!(house.backup("vm", "three", "vm"), 1);
    let after = house.rig().scrub().unwrap();
    assert_eq!((after.findings, after.hit.len(), after.whole.len()), (vec![(Some(block.place), "payload")], 0, 3));
    assert!(["one", "two", "three"].into_iter().all(|snapshot| house.restores(snapshot)));
}

#[test]
fn damaged_pages_are_stored_again_too() {
    let house = House::new();
    let pages = house.needed("two", |kind| matches!(kind, Kind::Page { .. }));
    pages.iter().for_each(|page| house.flip(page));
    assert!(!house.rig().scrub().unwrap().hit.is_empty());
    house.backup("vm", "three", "vm");
    let after = house.rig().scrub().unwrap();
    // Version one has a page of its own, where the two differ; it may be among what was damaged.
    assert!(house.restores("two") && house.restores("three"), "{after:?}");
    assert!(after.hit.is_empty() || !house.restores("one"));
}

#[test]
fn a_good_read_takes_the_mark_away() {
    let house = House::new();
    let block = house.blocks("two").remove(3);
    house.flip(&block);
    assert_eq!(house.rig().scrub().unwrap().findings.len(), 1);
    assert_eq!(house.marks(), [block.place]);
    house.flip(&block);
    assert!(house.rig().scrub().unwrap().is_clean());
    assert_eq!(house.marks(), []);
    assert!(house.restores("one") && house.restores("two"));
}

#[test]
fn gc_and_compact_leave_a_segment_with_damage_to_something_alive_where_it_is() {
    let house = House::new();
    let block = house.blocks("one").remove(0);
    house.flip(&block);
    house.rig().scrub().unwrap();
    house.rig().gc().unwrap();
    house.rig().compact().unwrap();
    assert!(house.exists(block.place.segment));
    assert_eq!(house.marks(), [block.place]);
    // Somebody mends it: nothing was lost by waiting.
    house.flip(&block);
    assert!(house.rig().scrub().unwrap().is_clean());
    assert!(house.restores("one") && house.restores("two"));
}

#[test]
fn what_is_alive_beside_damage_that_is_dead_is_not_lost() {
    let house = House::new();
    let only_in_one = house.blocks("one").into_iter().find(|part| !house.blocks("two").contains(part)).unwrap();
    house.flip(&only_in_one);
    house.rig().scrub().unwrap();
    house.rig().remove(|item| item.snapshot == "one").unwrap();
    house.rig().gc().unwrap();
    house.rig().compact().unwrap();
    let verdict = house.rig().scrub().unwrap();
    assert!(verdict.hit.is_empty(), "{verdict:?}");
    assert!(house.restores("two"));
}

#[test]
fn damage_is_forgotten_when_all_around_it_is_dead() {
    let house = House::new();
    let block = house.blocks("one").remove(0);
    house.flip(&block);
    house.rig().scrub().unwrap();
    house.rig().remove(|_| true).unwrap();
    house.disk.write(0, &MemDisk::random(99, 400_000).bytes());
    house.backup("vm", "new", "");
    for _ in 0..2 {
        house.rig().gc().unwrap();
        house.rig().compact().unwrap();
    }
    assert!(!house.exists(block.place.segment), "a segment in which nothing lives goes, damaged or not");
    assert!(house.rig().scrub().unwrap().is_clean());
    assert_eq!(house.marks(), []);
    assert!(house.restores("new"));
}

#[test]
fn damage_that_was_stored_again_goes_with_what_else_is_dead() {
    let house = House::new();
    let blocks = house.blocks("two");
    let damaged: Vec<&Part> = blocks.iter().step_by(2).collect();
    damaged.iter().for_each(|block| house.flip(block));
    house.rig().scrub().unwrap();
    house.backup("vm", "three", "vm");
    assert!(!house.rig().scrub().unwrap().findings.is_empty());
    house.rig().remove(|item| item.snapshot == "one").unwrap();
    house.rig().gc().unwrap();
    house.rig().compact().unwrap();
    let verdict = house.rig().scrub().unwrap();
    assert!(verdict.is_clean() && verdict.whole.len() == 2, "{verdict:?}");
    assert_eq!(house.marks(), []);
    assert!(house.restores("two") && house.restores("three"));
}

#[test]
fn a_missing_segment_is_forgotten_when_all_that_was_in_it_was_stored_again() {
    let house = House::new();
    let segment = house.blocks("one").remove(0).place.segment;
    house.medium.place(segment, None);
    let verdict = house.rig().scrub().unwrap();
    assert!(verdict.findings.contains(&(Some(Place::new(segment, 0)), "missing")) && !verdict.hit.is_empty());
    // Nothing is given up while something is lost.
    house.rig().gc().unwrap();
    house.rig().compact().unwrap();
    assert_eq!(house.rig().scrub().unwrap(), verdict);
    house.rig().remove(|item| item.snapshot == "one" || item.kind.is_none()).unwrap();
    house.backup("vm", "three", "vm");
    house.rig().gc().unwrap();
    let verdict = house.rig().scrub().unwrap();
    assert!(verdict.is_clean() && house.restores("two") && house.restores("three"), "{verdict:?}");
}

#[test]
fn a_damaged_damage_list_is_taken_for_empty_and_written_anew() {
    for verb in ["scrub", "backup", "gc", "compact", "rm"] {
        let house = House::new();
        let block = house.blocks("two").remove(3);
        house.flip(&block);
        house.rig().scrub().unwrap();
        let list = house.rig().with(|store| Ok(store.damage().top.place)).unwrap();
        house.medium.flip(list.segment, list.offset as usize + 150, 1);
        match verb {
            "scrub" => drop(house.rig().scrub().unwrap()),
            "backup" => drop(house.backup("vm", "three", "vm")),
            "gc" => drop(house.rig().gc().unwrap()),
            "compact" => drop(house.rig().compact().unwrap()),
            _ => house.rig().remove(|item| item.snapshot == "one").unwrap(),
        }
        let verdict = house.rig().scrub().unwrap();
        assert!(verdict.findings.contains(&(Some(block.place), "payload")), "{verb}: {verdict:?}");
        assert!(house.marks().contains(&block.place), "{verb}");
        // Now that it is known again, the next backup mends it.
        house.backup("vm", "four", "vm");
        assert!(house.rig().scrub().unwrap().hit.is_empty(), "{verb}");
    }
}
