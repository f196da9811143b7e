//! A disk goes in and comes out; what changed costs what changed; what is removed is gone.
#![allow(clippy::unwrap_used)]

use sarsen_core::ops::check::Depth;
use sarsen_tests::rig::{Plan, Rig, StillHost, TINY};
use sarsen_tests::{MemDisk, SimMedium};

#[test]
fn a_disk_comes_back_and_its_increments_too() {
    let (medium, host) = (SimMedium::new(1), StillHost::new(1000, 1));
    let rig = Rig::new(&medium, &host);
    rig.init(&TINY).unwrap();
    let disk = MemDisk::random(7, 300_000);
    let first = disk.bytes();
    rig.backup(&disk, &Plan { name: "vm", ..Plan::default() }).unwrap();
    disk.write(70_000, &[1; 5000]);
    let second = disk.bytes();
    let report = rig.backup(&disk, &Plan { name: "vm", base: "vm", ..Plan::default() }).unwrap();
    assert_eq!(report.statistics.new_blocks, 2);
    let (_, shallow) = rig.check(Depth::Check).unwrap();
    assert!(shallow.is_clean() && shallow.whole.len() == 2, "{shallow:?}");
    let deep = rig.scrub().unwrap();
    assert!(deep.is_clean() && deep.whole.len() == 2, "{deep:?}");
    let list = rig.list().unwrap();
    assert_eq!(rig.restore(&list[0]).unwrap().bytes, first);
    assert_eq!(rig.restore(&list[1]).unwrap().bytes, second);
}

#[test]
fn what_was_removed_gives_its_space_back() {
    let (medium, host) = (SimMedium::new(1), StillHost::new(1000, 1));
    let rig = Rig::new(&medium, &host);
    rig.init(&TINY).unwrap();
    let disk = MemDisk::random(7, 500_000);
    rig.backup(&disk, &Plan { name: "a", ..Plan::default() }).unwrap();
    disk.write(100_000, &MemDisk::random(9, 200_000).bytes());
    rig.backup(&disk, &Plan { name: "b", base: "a", ..Plan::default() }).unwrap();
    let full = used(&medium);
    rig.remove(|item| item.name == "a").unwrap();
    rig.gc().unwrap();
    assert!(used(&medium) < full);
    rig.compact().unwrap();
    let after_compact = used(&medium);
    assert!(after_compact < full - 150_000);
    let deep = rig.scrub().unwrap();
    assert!(deep.is_clean() && deep.whole.len() == 1, "{deep:?}");
    let list = rig.list().unwrap();
    assert_eq!(list.len(), 1);
    assert_eq!(rig.restore(&list[0]).unwrap().bytes, disk.bytes());
    rig.remove(|_| true).unwrap();
    rig.gc().unwrap();
    rig.compact().unwrap();
    assert!(rig.scrub().unwrap().is_clean());
    assert!(used(&medium) < 4_000, "{}", used(&medium));
}

/// Bytes of segments, without what is held back.
fn used(medium: &SimMedium) -> u64 {
    medium.used_bytes() - medium.held_bytes()
}
