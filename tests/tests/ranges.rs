//! Any range of a version reads exactly, and decodes only the frames it touches.

#![allow(clippy::unwrap_used)]

use sarsen_core::catalogue::with_record;
use sarsen_core::chain::{Decoded, Lies, Stack};
use sarsen_core::codec::CodecId;
use sarsen_core::error::Error;
use sarsen_core::ops::init;
use sarsen_core::types::wide;
use sarsen_core::version::Version;
use sarsen_host::runner::Bench;
use sarsen_tests::rig::{Plan, Rig, StillHost, TINY};
use sarsen_tests::{MemDisk, Operation, Random, SimMedium};
use std::collections::BTreeSet;

/// Blocks of 16 KiB in frames of 4 KiB; the last block has one frame and a bit.
const OPTIONS: init::Options = init::Options { block_log2: 14, frame_log2: 12, ..TINY };
const FRAME: usize = 1 << OPTIONS.frame_log2;
const BLOCK: usize = 1 << OPTIONS.block_log2;
const SIZE: usize = 20 * BLOCK + FRAME + 100;

/// Every kind of frame: zero, in zero blocks and in others; raw; compressed.
fn content() -> Vec<u8> {
    let mut random = Random::new(3);
    let mut bytes = vec![0; SIZE];
    for (number, frame) in bytes.chunks_mut(FRAME).enumerate() {
        match number % 7 {
            _ if (20..32).contains(&number) => {}
            0 | 1 => {}
            2 => random.fill(frame),
            _ => frame.iter_mut().step_by(99).for_each(|byte| *byte = 1 + random.draw() as u8 % 200),
        }
    }
    bytes
}

/// What a range should cost: the frames it touches that lie in blocks that are not zero.
fn touched(bytes: &[u8], start: usize, len: usize) -> Decoded {
    let mut decoded = Decoded::default();
    for (number, frame) in bytes.chunks(FRAME).enumerate() {
        let at = number * FRAME;
        let block = at / BLOCK * BLOCK;
        let in_data = bytes[block..(block + BLOCK).min(SIZE)].iter().any(|&byte| byte != 0);
        if in_data && at < start + len && start < at + frame.len() && len > 0 {
            decoded.frames += 1;
            decoded.bytes += wide(frame.len());
        }
    }
    decoded
}

/// Starts and ends at, just before and just behind every boundary.
fn edges() -> Vec<usize> {
    let frames = (0..=SIZE / FRAME).map(|number| number * FRAME).filter(|at| at % BLOCK < 2 * FRAME).chain([SIZE]);
    let near = frames.flat_map(|at| [at.saturating_sub(1), at, at + 1]);
    near.filter(|&at| at <= SIZE).collect::<BTreeSet<_>>().into_iter().collect()
}

fn with_version<R>(
    codec: CodecId,
    run: impl FnOnce(&SimMedium, &mut dyn FnMut(usize, &mut [u8]) -> Result<Decoded, Error>) -> R,
) -> R {
    let (medium, host) = (SimMedium::new(1), StillHost::new(1000, 1));
    let rig = Rig::new(&medium, &host);
    rig.init(&init::Options { codec, ..OPTIONS }).unwrap();
    rig.backup(&MemDisk::new(content()), &Plan { name: "vm", ..Plan::default() }).unwrap();
    let item = rig.list().unwrap().remove(0);
    rig.with(|store| {
        while !store.load()? {}
        let parameters = *store.parameters();
        let top = with_record(store, &item.entry.link, |_, record| record.top)?;
        let mut pages = vec![0; sarsen_core::store::table_bytes(8, 9)];
        let mut version = Version::of_tree(&parameters, item.size, top, &mut pages);
        let mut bench = Bench::new(&parameters)?;
        Ok(run(&medium, &mut |start, to| version.read_at(wide(start), to, store, &mut bench.work())))
    })
    .unwrap()
}

#[test]
fn a_range_decodes_only_the_frames_it_touches() {
    let bytes = content();
    for codec in [CodecId::None, CodecId::Lz4, CodecId::Zstd, CodecId::Zlib] {
        let ranges = with_version(codec, |_, read| {
            let (edges, mut ranges) = (edges(), 0);
            for (at, &start) in edges.iter().enumerate() {
                for &end in &edges[at..] {
                    // All short ones, and one in some of the long ones.
                    if end - start > 2 * BLOCK + 2 && !(start + 3 * end).is_multiple_of(11) {
                        continue;
                    }
                    let mut to = vec![0xA5; end - start];
                    assert_eq!(read(start, &mut to).unwrap(), touched(&bytes, start, end - start), "{codec:?} {start}..{end}");
                    assert!(to == bytes[start..end], "{codec:?} {start}..{end}");
                    ranges += 1;
                }
            }
            ranges
        });
        println!("{codec:?}: {ranges} ranges");
    }
}

#[test]
fn a_small_read_asks_the_medium_for_one_frame_and_its_table() {
    with_version(CodecId::None, |medium, read| {
        let mut to = [0; 512];
        read(3 * FRAME, &mut to).unwrap();
        let before = medium.counters();
        read(2 * FRAME + 512, &mut to).unwrap();
        let after = medium.counters();
        let read_bytes = after.read_bytes - before.read_bytes;
        assert!(read_bytes < wide(FRAME) + 1000, "{read_bytes} bytes read for 512");
        assert!(after.of(Operation::Read) - before.of(Operation::Read) < 8);
    });
}

#[test]
fn a_range_beyond_the_end_is_refused_and_reads_nothing() {
    with_version(CodecId::Zstd, |_, read| {
        for (start, len) in [(SIZE, 1), (SIZE - 1, 2), (0, SIZE + 1), (SIZE + 5, 0), (usize::MAX, 1)] {
            let mut to = vec![0xA5; len];
            assert!(matches!(read(start, &mut to), Err(Error::Disk { .. })), "{start} {len}");
            assert!(to.iter().all(|&byte| byte == 0xA5));
        }
        assert_eq!(read(SIZE, &mut []).unwrap(), Decoded::default());
    });
}

#[test]
fn the_frame_that_a_read_has_left_is_not_decoded_again() {
    let bytes = content();
    let (medium, host) = (SimMedium::new(1), StillHost::new(1000, 1));
    let rig = Rig::new(&medium, &host);
    rig.init(&init::Options { codec: CodecId::Zstd, ..OPTIONS }).unwrap();
    rig.backup(&MemDisk::new(content()), &Plan { name: "vm", ..Plan::default() }).unwrap();
    let item = rig.list().unwrap().remove(0);
    let frames = rig.with(|store| {
        while !store.load()? {}
        let parameters = *store.parameters();
        let top = with_record(store, &item.entry.link, |_, record| record.top)?;
        let mut pages = vec![0; sarsen_core::store::table_bytes(8, 9)];
        let mut version = Version::of_tree(&parameters, item.size, top, &mut pages);
        let id = version.block(0, store)?;
        let (found, chain) = store.chain(&id)?.unwrap();
        let stack = Stack::new(store.source(), &chain, found.entry.raw_bytes);
        let (mut bench, mut lies, mut to) = (Bench::new(&parameters)?, Lies::default(), [0; 1000]);
        // One frame twice, another, two at once, and the first of those two.
        let starts = [3 * FRAME, 3 * FRAME + 2000, 2 * FRAME, 3 * FRAME - 500, 2 * FRAME + 7];
        let frames = starts.map(|start| {
            let decoded = stack.read(start as u32, &mut to, &mut bench.work(), &mut lies).unwrap();
            assert!(to == bytes[start..start + 1000], "{start}");
            decoded.frames
        });
        Ok(frames)
    });
    assert_eq!(frames.unwrap(), [1, 0, 1, 2, 1]);
}
