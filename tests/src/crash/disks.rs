//! A disk as it was when each version was made: a pure function of the version's label, so that nothing need be remembered.
//!
//! Neighbouring labels share most of their blocks, or most of what is in them; some blocks are zero, and the size moves about.

use super::truth::Label;
use crate::random::Random;

/// Bytes of a piece that changes as a whole: the smallest block.
const PIECE_BYTES: usize = 4096;
/// Bytes that change at least: what blocks on a base are told in.
const SECTOR_BYTES: usize = 512;

/// The disk that the version of this label is made from.
pub fn disk_of(label: Label) -> Vec<u8> {
    let mut random = Random::new(u64::from(label.0));
    let pieces = 10 + random.below(9);
    let mut bytes: Vec<u8> = (0..pieces).flat_map(|at| piece_of(label, at)).collect();
    bytes.truncate(bytes.len() - random.below(PIECE_BYTES));
    bytes
}

/// One piece of that disk: as it was last written whole, with the sectors laid over that were written since.
pub fn piece_of(label: Label, at: usize) -> Vec<u8> {
    let whole = (0..=label.0).rev().find(|&label| change(label, at) == Change::Whole);
    let mut piece = match whole {
        Some(label) if seed(label, at).is_multiple_of(7) => vec![0; PIECE_BYTES],
        Some(label) => Random::new(seed(label, at)).bytes(PIECE_BYTES),
        None => Random::new(seed(u32::MAX, at)).bytes(PIECE_BYTES),
    };
    for label in whole.map_or(0, |label| label + 1)..=label.0 {
        if change(label, at) == Change::Sector {
            let mut random = Random::new(seed(label, at));
            let sector = random.below(PIECE_BYTES / SECTOR_BYTES) * SECTOR_BYTES;
            random.fill(&mut piece[sector..][..SECTOR_BYTES]);
        }
    }
    piece
}

fn seed(label: u32, at: usize) -> u64 {
    Random::new((u64::from(label) << 32) + at as u64).draw()
}

/// What was written to a piece between the version before and this one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Change {
    Nothing,
    Sector,
    Whole,
}

fn change(label: u32, at: usize) -> Change {
    match seed(label, at) >> 32 & 7 {
        0 | 1 => Change::Sector,
        2 | 3 => Change::Whole,
        _ => Change::Nothing,
    }
}
