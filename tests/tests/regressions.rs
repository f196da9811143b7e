//! Bugs that were found once, each with its story.

#![allow(clippy::unwrap_used)]

use sarsen_core::catalogue::with_record;
use sarsen_core::codec::{CodecId, Plain};
use sarsen_core::format::record::HintSource;
use sarsen_core::frame::Work;
use sarsen_core::ops::init::Options;
use sarsen_core::ops::{backup, init};
use sarsen_core::store::table_bytes;
use sarsen_core::task::{Hands, run_inline};
use sarsen_core::types::{Place, narrow, wide};
use sarsen_core::version::Version;
use sarsen_host::runner::Bench;
use sarsen_tests::anatomy::{blocks, chain};
use sarsen_tests::fuse::Fuse;
use sarsen_tests::rig::{Plan, Rig, StillHost, TINY, patiently};
use sarsen_tests::{MemDisk, Random, SimMedium};

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

/// Blocks of 64 frames.
const MANY_FRAMES: init::Options = init::Options { block_log2: 18, frame_log2: 12, segment_bytes: 2 << 20, ..TINY };

/// A disk of one such block, and as many versions more as are wanted, with another sector written in each frame.
fn many_frames_on_many_others(medium: &SimMedium, host: &StillHost, count: usize) -> MemDisk {
    let rig = Rig::new(medium, host);
    rig.init(&MANY_FRAMES).unwrap();
    let (disk, mut random) = (MemDisk::random(7, 1 << 18), Random::new(8));
    for number in 0..=count {
        let base = if number == 0 { "" } else { "vm" };
        rig.backup(&disk, &Plan { name: "vm", base, ..Plan::default() }).unwrap();
        for frame in 0..64 {
            disk.write(frame * 4096 + number * 512, &random.bytes(512));
        }
    }
    disk
}

/// A medium that has to fetch what it is asked for keeps so many answers. A step is repeated from its start until all it asks for is there, and a block of
/// many frames on many others was read frame by frame, with more ranges than that in one step: it was asked for ever.
#[test]
fn many_frames_on_many_others_are_read_and_packed_with_as_many_reads_as_a_medium_keeps() {
    let (medium, host) = (SimMedium::new(1), StillHost::new(1000, 1));
    let disk = many_frames_on_many_others(&medium, &host, 6);
    medium.set_patience_needed(true);
    let fuse = Fuse::new(&medium, 5_000_000);
    let rig = Rig::new(&fuse, &host);
    let item = rig.list().unwrap().remove(6);
    rig.with(|store| {
        while !patiently(|| store.load())? {}
        let (parameters, mut pages) = (*store.parameters(), vec![0; table_bytes(8, 9)]);
        let top = patiently(|| with_record(store, &item.entry.link, |_, record| record.top))?;
        let mut version = Version::of_tree(&parameters, item.size, top, &mut pages);
        let (mut bench, mut to) = (Bench::new(&parameters)?, vec![0; 1 << 18]);
        let decoded = patiently(|| version.read_at(0, &mut to, store, &mut bench.work()))?;
        assert!(decoded.frames == 64 && decoded.bytes <= 2 << 18, "{decoded:?}");
        assert!(to == rig.restore_in(store, &item)?.bytes);
        Ok(())
    })
    .unwrap();
    rig.backup(&disk, &Plan { name: "vm", base: "vm", ..Plan::default() }).unwrap();
    assert!(rig.restore(&rig.list().unwrap()[7]).unwrap().bytes == disk.bytes());
}

/// Packing on a base has to decode it. A build without the base's codec could back up to such a repository until then, and failed.
#[test]
fn a_base_of_a_codec_that_is_not_there_is_nothing_to_build_on() {
    let (medium, host) = (SimMedium::new(1), StillHost::new(1000, 1));
    let rig = Rig::new(&medium, &host);
    rig.init(&init::Options { codec: CodecId::Zstd, ..TINY }).unwrap();
    let disk = MemDisk::new(b"compressible".repeat(3000));
    rig.backup(&disk, &Plan { name: "vm", ..Plan::default() }).unwrap();
    disk.write(9000, b"a change");
    let base = rig.list().unwrap().remove(0);
    rig.with(|store| {
        let parameters = *store.parameters();
        let top = with_record(store, &base.entry.link, |_, record| record.top)?;
        let start = backup::Start { base: base.id, disk_size: base.size, top, ..backup::Start::EMPTY };
        let (mut raw, mut packed) = (vec![0; 1 << 13], vec![0; 1 << 18]);
        let mut scratch = vec![0; sarsen_core::frame::scratch_bytes(1 << 13, 1 << 12)];
        let mut work = Work { raw: &mut raw, packed: &mut packed, scratch: &mut scratch, codecs: &mut Plain };
        let hands = Hands { medium: store.source().medium, parameters, disk: Some(&disk) };
        let (mut base_pages, mut draft_pages) = (vec![0; table_bytes(8, 9)], vec![0; table_bytes(8, 9)]);
        let memory = backup::Memory { base: &mut base_pages, draft: &mut draft_pages };
        let options = backup::Options {
            name: "vm",
            snapshot: "",
            source: "",
            group: [0; 16],
            start,
            hints: (HintSource::None, ""),
            spot_checks: 0,
            checkpoint_bytes: 0,
            ending: backup::Ending::Version,
        };
        let mut task = backup::Backup::new(store, &disk, options, memory)?;
        let report = run_inline(&mut task, store, &hands, &mut work, &mut |_, _| {})?;
        assert_eq!(report.statistics.new_blocks, 1);
        Ok(())
    })
    .unwrap();
    assert!(rig.restore(&rig.list().unwrap()[1]).unwrap().bytes == disk.bytes());
}

/// A block had two entries, as it had been stored again while what the first lay on was damaged, and that had gone since. When the second could not
/// be read for a while, the first was found instead, which led nowhere: gc took the second, and all hope of mending, for dead; and compact moved the first to where it counted for more.
#[test]
fn what_cannot_be_read_for_a_while_stays_though_an_older_entry_lies_on_what_has_gone() {
    let (medium, host) = (SimMedium::new(1), StillHost::new(1000, 1));
    let rig = Rig::new(&medium, &host);
    rig.init(&TINY).unwrap();
    let disk = MemDisk::random(7, 1 << 13);
    let backup = |snapshot, base| rig.backup(&disk, &Plan { name: "vm", snapshot, base, ..Plan::default() }).unwrap();
    let remove = |snapshot| rig.remove(|item| item.snapshot == snapshot).unwrap();
    let places = || {
        rig.with(|store| {
            let item = rig.list_in(store)?.into_iter().find(|item| item.snapshot == "two").unwrap();
            let (_, id) = blocks(store, &item)?[0];
            Ok(chain(store, &id)?.iter().map(|found| found.place).collect::<Vec<Place>>())
        })
        .unwrap()
    };
    let flip = |place: Place, at| medium.flip(place.segment, narrow(place.offset.into()) + at, 1);
    backup("one", "");
    disk.write(0, &[1; 512]);
    backup("two", "vm");
    let [first, base] = places()[..] else { panic!("a block on another") };
    flip(base, 1000);
    rig.scrub().unwrap();
    backup("three", "vm");
    let [second] = places()[..] else { panic!("stored whole") };
    remove("one");
    remove("three");
    rig.gc().unwrap();
    let exists = |place: Place| medium.contents().segments.contains_key(&place.segment);
    assert!(exists(first) && !exists(base) && exists(second));
    flip(second, 4);
    assert!(!rig.restore(&rig.list().unwrap()[0]).unwrap().lost.is_empty());
    rig.gc().unwrap();
    rig.compact().unwrap();
    flip(second, 4);
    assert!(rig.restore(&rig.list().unwrap()[0]).unwrap().bytes == disk.bytes());
}

/// Two blocks on a base that no version names. The first was taken for known already when its base had been waited for, so that the base counted
/// as one block's: compact folded it into that one, and the other had lost what it lay on.
#[test]
fn a_base_of_two_blocks_is_not_folded_into_one_of_them_where_it_has_to_be_waited_for() {
    let (medium, host) = (SimMedium::new(1), StillHost::new(1000, 1));
    let rig = Rig::new(&medium, &host);
    rig.init(&TINY).unwrap();
    let disk = MemDisk::new(Random::new(7).bytes(1 << 13).repeat(2));
    rig.backup(&disk, &Plan { name: "vm", ..Plan::default() }).unwrap();
    disk.write(0, &Random::new(8).bytes(4000));
    disk.write(1 << 13, b"a little");
    rig.backup(&disk, &Plan { name: "vm", base: "vm", ..Plan::default() }).unwrap();
    rig.remove(|item| item.entry.key == Some(0)).unwrap();
    medium.set_patience_needed(true);
    for _ in 0..2 {
        rig.compact().unwrap();
        let restored = rig.restore(&rig.list().unwrap()[0]).unwrap();
        assert!(restored.lost.is_empty() && restored.bytes == disk.bytes());
    }
}

/// Where changes had become as long as their block, merging them left no room for the next, and each write stored all of them again.
#[test]
fn a_block_that_is_written_all_over_in_small_pieces_is_not_stored_again_for_each() {
    let (medium, host) = (SimMedium::new(1), StillHost::new(1000, 1));
    let rig = Rig::new(&medium, &host);
    rig.init(&init::Options { block_log2: 16, frame_log2: 13, segment_bytes: 1 << 20, ..TINY }).unwrap();
    let (disk, mut random) = (MemDisk::random(7, 1 << 16), Random::new(8));
    rig.backup(&disk, &Plan { name: "vm", ..Plan::default() }).unwrap();
    let mut total = 0;
    for _ in 0..60 {
        disk.write(4096 * random.below(16), &random.bytes(4096));
        total += rig.backup(&disk, &Plan { name: "vm", base: "vm", ..Plan::default() }).unwrap().statistics.new_bytes;
        rig.remove(|item| item.entry.key == Some(0)).unwrap();
    }
    assert!(total > wide(60 * 4096) && total < wide(3 * 60 * 4096), "{total}");
}

/// A frame was written back to what it had been in the entry at the bottom of a chain, while the others changed so much that the block was stored whole
/// again. The frame was taken from the top of the chain, under the digest of what it should have been: the version could not be restored.
#[test]
fn a_frame_that_goes_back_to_what_it_was_long_ago_is_stored_as_that() {
    let (medium, host) = (SimMedium::new(1), StillHost::new(1000, 1));
    let rig = Rig::new(&medium, &host);
    rig.init(&Options { block_log2: 14, ..TINY }).unwrap();
    let first = Random::new(7).bytes(1 << 14);
    let rest = 1 << TINY.frame_log2;
    let later = |seed, sector: u8| {
        let mut bytes = first.clone();
        bytes[..512].iter_mut().for_each(|byte| *byte ^= sector);
        Random::new(seed).fill(&mut bytes[rest..]);
        bytes
    };
    let disks = [first.clone(), later(8, 1), later(9, 1), later(10, 0)];
    for bytes in &disks {
        let base = if *bytes == first { "" } else { "vm" };
        rig.backup(&MemDisk::new(bytes.clone()), &Plan { name: "vm", base, ..Plan::default() }).unwrap();
    }
    for (item, bytes) in rig.list().unwrap().iter().zip(&disks) {
        let restored = rig.restore(item).unwrap();
        assert!(restored.lost.is_empty() && restored.bytes == *bytes);
    }
    assert!(rig.scrub().unwrap().is_clean());
}

/// Loading the index was waited for, and somebody looked for a newer commit meanwhile: that read other lines into the memory in which the next lines of
/// a segment were waiting, and the index took those for them. Damage was told where there was none.
#[test]
fn an_index_half_loaded_does_not_mind_that_somebody_looks_for_a_newer_commit() {
    let (medium, host) = (SimMedium::new(1), StillHost::new(1000, 1));
    let rig = Rig::new(&medium, &host);
    rig.init(&init::Options { block_log2: 12, segment_bytes: 256 << 10, ..TINY }).unwrap();
    // Blocks that take little: five segments of some 800 lines each, the newest too.
    let disk = MemDisk::new((0..3800u32).flat_map(|block| block.to_le_bytes().repeat(1024)).collect());
    rig.backup(&disk, &Plan { name: "vm", ..Plan::default() }).unwrap();
    let item = rig.list().unwrap().remove(0);
    let restored = rig.with(|store| {
        let mut steps = 0;
        while !store.load()? {
            assert!(!store.refresh()?);
            steps += 1;
        }
        assert!(steps > 5 && store.index().usage().objects > 4000);
        rig.restore_in(store, &item)
    });
    assert!(restored.unwrap().bytes == disk.bytes());
}
