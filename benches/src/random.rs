//! Ids and bytes that follow from a number: SplitMix64 (Steele, Lea, Flood 2014), so that any part of a large disk can be made by itself.

use sarsen_core::types::Id;

/// The `number`th value of the stream.
fn value(number: u64) -> u64 {
    let seed = number.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let mixed = (seed ^ (seed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}

/// An id no object has.
pub fn id(number: u64) -> Id {
    let mut id = [0; 32];
    fill(number.wrapping_mul(4), &mut id);
    Id(id)
}

/// Bytes that do not compress: the stream from `number` on.
pub fn fill(number: u64, to: &mut [u8]) {
    for (at, word) in (number..).zip(to.chunks_mut(8)) {
        word.copy_from_slice(&value(at).to_le_bytes()[..word.len()]);
    }
}
