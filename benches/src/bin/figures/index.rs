//! Memory of the index while it grows to 2^22 objects.

use crate::table::{self, Goal};
use sarsen_benches::watch::{Growth, WatchedSlots};
use sarsen_benches::{Measured, process, random};
use sarsen_core::index::Index;
use sarsen_core::types::{Place, SegmentNumber};
use std::time::Instant;

const OBJECTS: u64 = 1 << 22;

/// Growths of a smaller index say more of the process than of the index.
const TELLING: u64 = OBJECTS / 4;

/// Prints the table.
pub fn print() -> Measured<()> {
    let mut slots = WatchedSlots::default();
    let base = process::resident_bytes().unwrap_or(0);
    let mut index = Index::new(&mut slots, [1, 2, 3, 4]);
    let start = Instant::now();
    for number in 0..OBJECTS {
        index.insert(&random::id(number), Place::new(SegmentNumber(0), 16))?;
    }
    let inserting = start.elapsed().as_secs_f64() * 1e9 / OBJECTS as f64;
    let start = Instant::now();
    let found = (0..OBJECTS).filter(|&number| index.candidates(&random::id(number)).next().is_some()).count() as u64;
    let finding = start.elapsed().as_secs_f64() * 1e9 / OBJECTS as f64;
    assert_eq!(found, OBJECTS);

    let telling: Vec<Growth> = slots.growths.into_iter().filter(|growth| growth.objects >= TELLING).collect();
    let worst = |bytes: fn(&Growth) -> u64, base: u64| {
        let each = telling.iter().map(|growth| bytes(growth).saturating_sub(base) as f64 / growth.objects as f64);
        each.fold(0.0, f64::max)
    };
    table::begin("The index, growing to 2^22 objects");
    table::row("slots, right after a growth", worst(|growth| growth.slot_bytes, 0), "bytes an object", Goal::AtMost(24.0));
    let resident = worst(|growth| growth.peak_bytes.unwrap_or(0), base);
    table::row("resident while it grows", resident, "bytes an object", Goal::AtMost(24.0));
    table::row("inserting, growth included", inserting, "ns", Goal::None);
    table::row("finding", finding, "ns", Goal::None);
    Ok(())
}
