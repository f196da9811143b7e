//! How evenly a flash wears, and how much is programmed for what changes, in 10,000 increments.

use crate::table::{self, Goal};
use sarsen_tests::endurance::{Cost, Life};
use std::thread;

/// A region of 1 MiB; the repository has 3 MiB of flash in blocks of 4 KiB.
const ROOMY: Life = Life {
    flash_blocks: 768,
    segment_bytes: 32 << 10,
    region_bytes: 1 << 20,
    factory_bytes: 0,
    increments: 10_000,
    versions: 4,
    reset_every: 20,
    seed: 1,
};

/// Lives, and what they are called.
const LIVES: [(&str, Life); 3] = [
    ("a region of 1 MiB in 3 MiB of flash", ROOMY),
    ("a region of 1 MiB in 2 MiB of flash", Life { flash_blocks: 512, ..ROOMY }),
    (
        "a region of 128 KiB in 1 MiB of flash, beside 128 KiB that never change",
        Life { flash_blocks: 256, segment_bytes: 16 << 10, region_bytes: 128 << 10, factory_bytes: 128 << 10, ..ROOMY },
    ),
];

/// Prints a table for each life.
pub fn print() {
    let costs = thread::scope(|scope| {
        let lives = LIVES.map(|(_, life)| scope.spawn(move || life.live()));
        lives.map(|life| life.join().expect("a life that goes wrong has said how"))
    });
    LIVES.iter().zip(&costs).for_each(|((name, life), cost)| print_one(name, life, cost));
}

fn print_one(name: &str, life: &Life, cost: &Cost) {
    table::begin(&format!("{} increments of {name}", life.increments));
    let mean = cost.mean();
    table::row("erases of a block, mean", mean, "", Goal::None);
    table::row("erases of a block, greatest", cost.greatest().into(), "", Goal::AtMost((1.5 * mean + 10.0).floor()));
    table::row("resets", cost.resets.into(), "", Goal::AtLeast(f64::from(life.increments / life.reset_every)));
    table::row("versions kept", cost.versions as f64, "", Goal::AtLeast(4.0));
    table::row("compactions", cost.compactions.into(), "", Goal::None);
    table::row("bytes programmed for each byte changed", cost.amplification(), "", Goal::None);
}
