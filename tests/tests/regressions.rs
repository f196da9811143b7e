//! Bugs that were found once, each with its story.

#![allow(clippy::unwrap_used)]

use sarsen_core::catalogue::with_record;
use sarsen_core::store::table_bytes;
use sarsen_core::version::Version;
use sarsen_host::runner::Bench;
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

/// A draft on a base whose disk was smaller: the base's last block, cut by the end of its disk, stood in a place where a whole block belongs. Reading
/// there said that all was well, and left the rest of the caller's memory as it was.
#[test]
fn a_block_of_another_length_than_its_place_is_not_read_as_if_it_were_whole() {
    let (medium, host) = (SimMedium::new(1), StillHost::new(1000, 1));
    let rig = Rig::new(&medium, &host);
    rig.init(&TINY).unwrap();
    rig.backup(&MemDisk::random(7, 10_000), &Plan { name: "vm", ..Plan::default() }).unwrap();
    let item = rig.list().unwrap().remove(0);
    let read = rig.with(|store| {
        while !store.load()? {}
        let (parameters, mut pages) = (*store.parameters(), vec![0; table_bytes(8, 9)]);
        let top = with_record(store, &item.entry.link, |_, record| record.top)?;
        // The same manifest, of a disk of as many blocks that is longer.
        let mut longer = Version::of_tree(&parameters, 16_000, top, &mut pages);
        let mut bench = Bench::new(&parameters)?;
        longer.read_at(9_000, &mut [0; 5_000], store, &mut bench.work())
    });
    assert!(read.unwrap_err().is_damage());
}
