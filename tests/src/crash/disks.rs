//! A disk as it was when each version was made: a pure function of the version's label, so that nothing need be remembered.
//!
//! Neighbouring labels share most of their blocks; some blocks are zero, and the size moves about.

use super::truth::Label;
use crate::random::Random;

/// Bytes of a piece that changes as a whole: the smallest block.
const PIECE_BYTES: usize = 4096;

/// The disk that the version of this label is made from.
pub fn disk_of(label: Label) -> Vec<u8> {
    let mut random = Random::new(u64::from(label.0));
    let pieces = 10 + random.below(9);
    let mut bytes: Vec<u8> = (0..pieces).flat_map(|at| piece_of(label, at)).collect();
    bytes.truncate(bytes.len() - random.below(PIECE_BYTES));
    bytes
}

/// One piece of that disk.
pub fn piece_of(label: Label, at: usize) -> Vec<u8> {
    let changed = (0..=label.0).rev().find(|&label| changes(label, at));
    match changed {
        Some(label) if seed(label, at).is_multiple_of(7) => vec![0; PIECE_BYTES],
        Some(label) => Random::new(seed(label, at)).bytes(PIECE_BYTES),
        None => Random::new(seed(u32::MAX, at)).bytes(PIECE_BYTES),
    }
}

fn seed(label: u32, at: usize) -> u64 {
    Random::new((u64::from(label) << 32) + at as u64).draw()
}

/// Whether the piece was written between the version before and this one.
fn changes(label: u32, at: usize) -> bool {
    seed(label, at) >> 32 & 7 < 3
}
