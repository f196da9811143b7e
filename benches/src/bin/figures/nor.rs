//! How evenly a flash wears, and how much is programmed for what changes, in 10,000 increments.

use crate::table::{self, Goal};
use sarsen_tests::endurance::Life;

/// The repository has 1 MiB of flash in blocks of 4 KiB.
const LIFE: Life = Life {
    flash_blocks: 256,
    segment_bytes: 16 << 10,
    region_bytes: 128 << 10,
    factory_bytes: 128 << 10,
    increments: 10_000,
    versions: 4,
    reset_every: 20,
    seed: 1,
};

/// Prints the table.
pub fn print() {
    table::begin("10,000 increments of a region of 128 KiB in 1 MiB of flash, beside 128 KiB that never change");
    let cost = LIFE.live();
    let mean = cost.mean();
    table::row("erases of a block, mean", mean, "", Goal::None);
    table::row("erases of a block, greatest", cost.greatest().into(), "", Goal::AtMost((1.5 * mean + 10.0).floor()));
    table::row("resets", cost.resets.into(), "", Goal::AtLeast(f64::from(LIFE.increments / LIFE.reset_every)));
    table::row("versions kept", cost.versions as f64, "", Goal::AtLeast(4.0));
    table::row("compactions", cost.compactions.into(), "", Goal::None);
    table::row("bytes programmed for each byte changed", cost.amplification(), "", Goal::None);
}
