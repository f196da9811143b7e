//! Bugs that were found once, each with its story.

#![allow(clippy::unwrap_used)]

use sarsen_tests::rig::{Plan, Rig, StillHost, TINY};
use sarsen_tests::{MemDisk, SimMedium};

/// A disk of one manifest page grew to two, and what had been data at its beginning had become a hole. The page that holds the beginning was kept in
/// memory, waiting to be stored; the page above did not name it yet, so the hole was taken for a hole already, and the version kept the old data.
#[test]
fn a_hole_where_data_was_is_a_hole_though_the_disk_has_grown_meanwhile() {
    let (medium, host) = (SimMedium::new(1), StillHost::new(1000, 1));
    let rig = Rig::new(&medium, &host);
    rig.init(&TINY).unwrap();
    rig.backup(&MemDisk::random(7, 30_000), &Plan { name: "vm", ..Plan::default() }).unwrap();
    let mut bytes = vec![0; 200_000];
    bytes[150_000..150_100].fill(1);
    let grown = MemDisk::new(bytes).with_holes(4096);
    rig.backup(&grown, &Plan { name: "vm", base: "vm", ..Plan::default() }).unwrap();
    let restored = rig.restore(&rig.list().unwrap()[1]).unwrap();
    assert!(restored.lost.is_empty() && restored.bytes == grown.bytes());
}
