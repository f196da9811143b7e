//! The limits: what digest and codec do alone, with all cores, on the same bytes in the same pieces.

use crate::runs::threads;
use sarsen_benches::stopwatch::{Seconds, Stopwatch};
use sarsen_benches::{Measured, random};
use sarsen_core::codec::{CodecId, Codecs, encode_slack_bytes};
use sarsen_core::digest::{Algorithm, digest, is_zero};
use sarsen_core::disk::Disk;
use sarsen_core::types::narrow;
use sarsen_host::{FileDisk, HostCodecs};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// The pieces of a disk that hold data.
pub struct Used<'d> {
    disk: &'d FileDisk,
    piece_bytes: usize,
    offsets: Vec<u64>,
    /// Larger than any cache that a core has to itself.
    memory: Vec<u8>,
}

/// What is done to each piece.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Labour {
    /// Only reading.
    Read,
    /// The digest of a piece that was read.
    ReadAndDigest(Algorithm),
    /// Digest and Zstandard level 1 of a piece that was read.
    ReadDigestAndEncode(Algorithm),
    /// The digest of pieces that lie in memory.
    Digest(Algorithm),
}

impl<'d> Used<'d> {
    /// Cuts a disk into pieces; its holes are left out.
    pub fn of(disk: &'d FileDisk, piece_bytes: u32) -> Measured<Used<'d>> {
        let piece = u64::from(piece_bytes);
        let (mut offsets, mut at) = (Vec::new(), 0);
        while at < disk.size() {
            let extent = disk.next_extent(at)?;
            let end = extent.offset + extent.len_bytes;
            if !extent.hole {
                let first = (at / piece).max(offsets.last().map_or(0, |last| last / piece + 1));
                offsets.extend((first..end.div_ceil(piece)).map(|number| number * piece));
            }
            at = end;
        }
        offsets.retain(|offset| offset + piece <= disk.size());
        let mut memory = vec![0; 64 << 20];
        random::fill(0, &mut memory);
        Ok(Used { disk, piece_bytes: narrow(piece), offsets, memory })
    }

    /// Bytes of all pieces.
    pub fn bytes(&self) -> u64 {
        (self.offsets.len() * self.piece_bytes) as u64
    }

    /// `count` places spread over the pieces, in an order that no reading ahead foresees, each a multiple of `len_bytes`.
    pub fn some(&self, count: u64, len_bytes: usize) -> impl Iterator<Item = u64> + '_ {
        (0..count).map(move |number| {
            let drawn = narrow(number.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 1);
            let within = drawn / self.offsets.len() % (self.piece_bytes / len_bytes) * len_bytes;
            self.offsets[drawn % self.offsets.len()] + within as u64
        })
    }

    /// Places drawn from `seed` without end, each a multiple of `len_bytes` in a piece, or of the piece's own length if that is less.
    pub fn some_from(&self, seed: u64, len_bytes: u64) -> impl Iterator<Item = u64> + '_ {
        (seed..).map(move |number| {
            let mut drawn = [0; 16];
            random::fill(number << 1, &mut drawn);
            let [piece, within] =
                [&drawn[..8], &drawn[8..]].map(|half| half.iter().fold(0u64, |sum, &byte| sum << 8 | u64::from(byte)));
            let offset = self.offsets[narrow(piece % self.offsets.len() as u64)];
            let places = (self.piece_bytes as u64 / len_bytes).max(1);
            (offset + within % places * len_bytes) / len_bytes * len_bytes
        })
    }

    /// How long all cores take for all pieces.
    pub fn time(&self, labour: Labour) -> Seconds {
        let next = AtomicUsize::new(0);
        let watch = Stopwatch::start();
        thread::scope(|scope| {
            (0..threads().get()).for_each(|_| {
                scope.spawn(|| self.attend(labour, &next));
            });
        });
        watch.seconds()
    }

    fn attend(&self, labour: Labour, next: &AtomicUsize) {
        const AT_ONCE: usize = 32;
        let mut piece = vec![0; self.piece_bytes];
        let mut desk =
            Desk { codecs: HostCodecs::new(), packed: vec![0; self.piece_bytes + encode_slack_bytes(self.piece_bytes)] };
        let places = self.memory.len() / self.piece_bytes;
        loop {
            let first = next.fetch_add(AT_ONCE, Ordering::Relaxed);
            let Some(offsets) = self.offsets.get(first..) else { return };
            for (number, &offset) in (first..).zip(offsets.iter().take(AT_ONCE)) {
                if let Labour::Digest(_) = labour {
                    let start = number % places * self.piece_bytes;
                    desk.work(labour, &self.memory[start..start + self.piece_bytes]);
                } else {
                    self.disk.read_at(offset, &mut piece).expect("the image can be read");
                    desk.work(labour, &piece);
                }
            }
        }
    }
}

struct Desk {
    codecs: HostCodecs,
    packed: Vec<u8>,
}

impl Desk {
    fn work(&mut self, labour: Labour, piece: &[u8]) {
        match labour {
            Labour::Read => {}
            _ if is_zero(piece) => {}
            Labour::Digest(algorithm) | Labour::ReadAndDigest(algorithm) => {
                std::hint::black_box(digest(algorithm, piece));
            }
            Labour::ReadDigestAndEncode(algorithm) => {
                std::hint::black_box(digest(algorithm, piece));
                std::hint::black_box(self.codecs.encode(CodecId::Zstd, piece, &mut self.packed));
            }
        }
    }
}
