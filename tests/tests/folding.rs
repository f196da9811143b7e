//! Bases that live only for what lies on them: kept as long as that is so, and folded by compaction when that saves space.

#![allow(clippy::unwrap_used)]

use sarsen_core::codec::CodecId;
use sarsen_core::ops::init;
use sarsen_core::types::Id;
use sarsen_tests::rig::{Item, Plan, Rig, StillHost};
use sarsen_tests::{MemDisk, Random, SimMedium};

const BLOCK: usize = 64 << 10;
const BLOCKS: usize = 4;

/// Versions, each a few sectors of each block further on than the one before; what their disks held.
fn versions(rig: &Rig<'_>, count: usize) -> Vec<(Id, Vec<u8>)> {
    let options =
        init::Options { block_log2: 16, frame_log2: 14, segment_bytes: 1 << 20, codec: CodecId::None, ..init::Options::HOST };
    rig.init(&options).unwrap();
    let mut random = Random::new(1);
    let disk = MemDisk::new(random.bytes(BLOCK * BLOCKS));
    (0..count)
        .map(|number| {
            let base = if number == 0 { "" } else { "vm" };
            let report = rig.backup(&disk, &Plan { name: "vm", base, ..Plan::default() }).unwrap();
            let held = disk.bytes();
            for block in 0..BLOCKS {
                disk.write(block * BLOCK + number % 120 * 512, &random.bytes(500));
            }
            (report.version, held)
        })
        .collect()
}

fn assert_whole(rig: &Rig<'_>, left: &[&(Id, Vec<u8>)]) {
    let items: Vec<Item> = rig.list().unwrap();
    assert_eq!(items.len(), left.len());
    for (version, bytes) in left {
        let item = items.iter().find(|item| item.id == *version).unwrap();
        let restored = rig.restore(item).unwrap();
        assert!(restored.bytes == *bytes && restored.lost.is_empty(), "{version}");
    }
    assert!(rig.scrub().unwrap().is_clean());
}

/// Depths of the blocks of the newest version.
fn depths(rig: &Rig<'_>, version: &Id) -> Vec<u8> {
    rig.with(|store| {
        let found = rig.find(store, sarsen_core::catalogue::Wanted::Latest)?;
        assert_eq!(found.id, *version);
        let (size, top) =
            sarsen_core::catalogue::with_record(store, &found.entry.link, |_, record| (record.disk_size, record.top))?;
        while !store.load()? {}
        let parameters = *store.parameters();
        let mut pages = vec![0; sarsen_core::ops::backup::pages_bytes(&parameters, size)];
        let mut version = sarsen_core::version::Version::of_tree(&parameters, size, top, &mut pages);
        (0..BLOCKS as u64)
            .map(|block| {
                let id = version.block(block, store)?;
                Ok(store.readable(sarsen_core::store::Sought::Block, &id)?.unwrap().entry.depth)
            })
            .collect()
    })
    .unwrap()
}

#[test]
fn a_base_is_kept_while_something_lies_on_it_and_folded_when_that_saves_a_quarter() {
    let (medium, host) = (SimMedium::new(1), StillHost::new(1, 1));
    let rig = Rig::new(&medium, &host);
    let made = versions(&rig, 7);
    assert_eq!(depths(&rig, &made[6].0), [6; BLOCKS]);
    // All but the newest go; their blocks stay, since it lies on them.
    rig.remove(|item| item.id != made[6].0).unwrap();
    rig.gc().unwrap();
    assert_whole(&rig, &[&made[6]]);
    assert_eq!(depths(&rig, &made[6].0), [6; BLOCKS], "gc moves nothing");
    // Six deltas of a sector beside a block of 64 KiB: all in one would save little.
    assert_eq!(rig.compact().unwrap().folded, 0);
    assert_eq!(depths(&rig, &made[6].0), [6; BLOCKS]);
    assert_whole(&rig, &[&made[6]]);
}

#[test]
fn deltas_that_nobody_names_are_merged_into_one_on_a_base_that_somebody_does() {
    let (medium, host) = (SimMedium::new(1), StillHost::new(1, 1));
    let rig = Rig::new(&medium, &host);
    let made = versions(&rig, 8);
    rig.remove(|item| item.id != made[0].0 && item.id != made[7].0).unwrap();
    let report = rig.compact().unwrap();
    assert_eq!(report.folded, BLOCKS as u64);
    assert_eq!(depths(&rig, &made[7].0), [1; BLOCKS]);
    assert_whole(&rig, &[&made[0], &made[7]]);
    // With nothing left to fold, nothing is.
    assert_eq!(rig.compact().unwrap().folded, 0);
    // And then the base that was named goes as well, as soon as that saves a quarter: not here.
    rig.remove(|item| item.id == made[0].0).unwrap();
    rig.compact().unwrap();
    assert_whole(&rig, &[&made[7]]);
}

#[test]
fn a_base_that_several_blocks_lie_on_is_not_folded_into_one_of_them() {
    let (medium, host) = (SimMedium::new(1), StillHost::new(1, 1));
    let rig = Rig::new(&medium, &host);
    let made = versions(&rig, 3);
    // Another disk, which goes its own way from the second version on.
    let mut other = made[1].1.clone();
    other[3 * BLOCK + 40_000] ^= 1;
    let base = made[1].0.to_string();
    let second = rig.backup(&MemDisk::new(other.clone()), &Plan { name: "other", base: &base, ..Plan::default() }).unwrap();
    rig.remove(|item| item.id == made[0].0 || item.id == made[1].0).unwrap();
    rig.compact().unwrap();
    assert_whole(&rig, &[&made[2], &(second.version, other)]);
}

#[test]
fn whole_blocks_take_the_place_of_long_chains() {
    let (medium, host) = (SimMedium::new(1), StillHost::new(1, 1));
    let rig = Rig::new(&medium, &host);
    let made = versions(&rig, 60);
    rig.remove(|item| item.id != made[59].0).unwrap();
    let before = depths(&rig, &made[59].0);
    let report = rig.compact().unwrap();
    let after = depths(&rig, &made[59].0);
    println!("depths {before:?}, then {after:?}; {} folded", report.folded);
    assert!(report.folded > 0 && after.iter().zip(&before).any(|(after, before)| after < before));
    assert_whole(&rig, &[&made[59]]);
}
