//! The life of a small device, as ffi/examples/firmware tells it in C, with the engine itself: a repository on NOR flash, made, filled, damaged, reset in
//! the middle of a backup, and read out over a serial line. It runs twice: what outlives the reset is hardware.
#![no_std]
#![no_main]

mod console;
mod device;
mod hardware;

use console::{end, fail, line, print};
use cortex_m_rt::entry;
use device::{Failure, Lent};
use hardware::{BLOCK_BYTES, REGION_BYTES, cells, notes, power_on, region, target};
use sarsen_core::error::Error;
use sarsen_core::nor::Refused;

unsafe extern "C" {
    /// Defined nowhere: were a panic reachable, this program would not link.
    safe fn sarsen_panicked() -> !;
}

#[panic_handler]
fn panicked(_: &core::panic::PanicInfo<'_>) -> ! {
    sarsen_panicked()
}

const DAYS: [&str; 3] = ["monday", "tuesday", "wednesday"];
const VERSIONS: [&str; 3] = ["region@monday", "region@tuesday", "region@wednesday"];
/// One that changes on the second day.
const CHANGED_BLOCK: usize = 5;

/// What the region holds on a day: a block in sixteen is of zeros, and each day a few change.
fn byte_of(day: usize, at: usize) -> u8 {
    let (block, within) = (at / BLOCK_BYTES, (at % BLOCK_BYTES) as u32);
    let past = (1..=day).rev().find(|past| block == past * 5 || block == 3);
    let seed = match past {
        Some(past) => (past * 1000 + block) as u32,
        None if block % 16 == 9 => return 0,
        None => block as u32 + 1,
    };
    let mix = seed.wrapping_mul(2_654_435_761) ^ within.wrapping_mul(2_246_822_519);
    ((mix ^ mix >> 15).wrapping_mul(2_654_435_761) >> 24) as u8
}

fn set_region(day: usize) {
    region().iter_mut().enumerate().for_each(|(at, byte)| *byte = byte_of(day, at));
}

/// Ends the program if a verb has failed.
fn must<R>(result: Result<R, Failure>, what: &str) -> R {
    match result {
        Ok(report) => report,
        Err(Failure::Flash(Refused::Divided { run_bytes })) => {
            fail("the flash is divided into runs of another length", run_bytes)
        }
        Err(Failure::Engine(Error::Corrupt { place, .. })) => {
            print("corrupt, in the segment that is named, ");
            fail(what, place.segment.0)
        }
        Err(Failure::Flash(_) | Failure::Engine(_)) => fail(what, notes().operations),
    }
}

fn scrubs_clean(lent: &mut Lent) {
    let (report, _) = must(lent.scrub(), "scrub");
    if report.findings > 0 {
        fail("a scrub finds", report.findings as u32);
    }
}

fn restores(lent: &mut Lent, day: usize) {
    target().fill(0xEE);
    let version = VERSIONS.get(day).copied().unwrap_or("");
    if must(lent.restore(version), "restore") > 0 {
        fail("a restore loses bytes of day", day as u32);
    }
    if let Some(at) = target().iter().enumerate().position(|(at, byte)| *byte != byte_of(day, at)) {
        fail("a restored byte differs", at as u32);
    }
    print("restored and compared: ");
    print(version);
    print("\n");
}

fn a_corrupt_byte_is_found(lent: &mut Lent) {
    let block = region().get(CHANGED_BLOCK * BLOCK_BYTES..).unwrap_or(&[]);
    let wanted = block.get(..64).unwrap_or(&[]);
    // Entries are aligned to words, so what a block holds is too.
    let at = cells().windows(wanted.len().max(1)).step_by(4).position(|cells| cells == wanted).map_or(0, |word| word * 4 + 1234);
    let flip = || cells().get_mut(at).into_iter().for_each(|cell| *cell ^= 0x10);
    flip();
    let (report, place) = must(lent.scrub(), "scrub");
    let Some(place) = place.filter(|_| report.findings == 1 && report.hit == 1) else { fail("findings", report.findings as u32) };
    line("corrupted a byte of the chip, at ", at as u32);
    line("  the scrub names segment ", place.segment.0);
    line("  offset ", place.offset);
    if must(lent.restore("region@tuesday"), "restore") != BLOCK_BYTES as u64 {
        fail("the corrupt block was not lost", 0);
    }
    flip();
}

fn before_the_reset(lent: &mut Lent) {
    must(lent.format(), "format");
    set_region(0);
    must(lent.backup("monday"), "backup");
    set_region(1);
    let before = notes().operations;
    must(lent.backup("tuesday"), "increment");
    let operations = notes().operations - before;
    scrubs_clean(lent);
    a_corrupt_byte_is_found(lent);
    scrubs_clean(lent);
    restores(lent, 0);
    restores(lent, 1);
    set_region(2);
    notes().was_reset = 1;
    notes().cut_at = notes().operations + operations / 2;
    line("power goes in a backup, after operations: ", operations / 2);
    must(lent.backup("wednesday"), "backup");
    fail("a backup outlasted the power", 0);
}

fn after_the_reset(lent: &mut Lent) {
    print("the board was reset\n");
    scrubs_clean(lent);
    must(lent.backup("wednesday"), "backup after the reset");
    scrubs_clean(lent);
    (0..DAYS.len()).for_each(|day| restores(lent, day));
    line("stream sent, bytes: ", must(lent.export(None, "region@monday", "monday"), "export"));
    line("stream sent, bytes: ", must(lent.export(Some("region@monday"), "region@wednesday", "wednesday"), "export"));
    console::save("region.bin\0", region());
}

fn tell(lent: &mut Lent) {
    let erases = &notes().erases;
    line("region, bytes: ", REGION_BYTES as u32);
    line("erases of a block, least: ", erases.iter().copied().min().unwrap_or(0));
    line("  mean, in hundredths: ", erases.iter().sum::<u32>() * 100 / erases.len() as u32);
    line("  greatest: ", erases.iter().copied().max().unwrap_or(0));
    if let Some(wear) = must(lent.wear(), "wear") {
        line("runs of the chip that are free: ", wear.free as u32);
    }
    console::memory(size_of::<Lent>());
}

#[entry]
fn main() -> ! {
    static mut LENT: Lent = Lent::NEW;
    power_on();
    if notes().was_reset == 0 {
        before_the_reset(LENT);
    }
    after_the_reset(LENT);
    tell(LENT);
    end()
}
