//! Another Rust library, with a standard library, a heap and a panic handler of its own: what ffi/tests/two.c links beside ours.

/// The sum of the numbers below `end`.
#[unsafe(no_mangle)]
pub extern "C" fn other_sum(end: u32) -> u64 {
    let numbers: Vec<u64> = (0..end).map(u64::from).collect();
    numbers.iter().sum()
}
