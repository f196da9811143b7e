//! What plays hardware, at addresses of its own: it keeps its contents when the board is reset, and begins with zeros. A serial line, a NOR flash as
//! strict as the strictest, the region that is backed up, and one to restore to.

use core::slice::{from_raw_parts, from_raw_parts_mut};
use embedded_io::ErrorKind;
use embedded_storage::nor_flash::{ErrorType, NorFlash, NorFlashErrorKind, ReadNorFlash};
use sarsen_core::disk::{Disk, DiskMut};

pub const REGION_BYTES: usize = 1 << 20;
pub const CHIP_BYTES: usize = 2 << 20;
pub const WORD_BYTES: usize = 4;
pub const BLOCK_BYTES: usize = 4096;

const CELLS: usize = 0x2100_0000;
/// A byte for each word of the chip: 1 once it was programmed.
const WORDS: usize = CELLS + CHIP_BYTES;
const REGION: usize = WORDS + CHIP_BYTES / WORD_BYTES;
const TARGET: usize = REGION + REGION_BYTES;
const NOTES: usize = TARGET + REGION_BYTES;

/// What outlives a reset besides: as on a board a few registers would.
#[repr(C)]
pub struct Notes {
    pub powered: u32,
    pub was_reset: u32,
    /// Programs and erases of the chip so far.
    pub operations: u32,
    /// The one that power does not outlast; 0: none.
    pub cut_at: u32,
    pub erases: [u32; CHIP_BYTES / BLOCK_BYTES],
}

pub fn notes() -> &'static mut Notes {
    // SAFETY: RAM that nothing else uses, of one thread, and any bits of it are numbers. No two references live at once: each is used where it is asked for.
    unsafe { &mut *(NOTES as *mut Notes) }
}

fn array(at: usize, bytes: usize) -> &'static [u8] {
    // SAFETY: RAM that only `fill`ed and `change`d arrays lie in, of one thread.
    unsafe { from_raw_parts(at as *const u8, bytes) }
}

fn array_mut(at: usize, bytes: usize) -> &'static mut [u8] {
    // SAFETY: as in `array`; whoever changes it lets go before anybody reads it.
    unsafe { from_raw_parts_mut(at as *mut u8, bytes) }
}

pub fn region() -> &'static mut [u8] {
    array_mut(REGION, REGION_BYTES)
}

pub fn target() -> &'static mut [u8] {
    array_mut(TARGET, REGION_BYTES)
}

pub fn cells() -> &'static mut [u8] {
    array_mut(CELLS, CHIP_BYTES)
}

/// Power comes, for the first time or again.
pub fn power_on() {
    let notes = notes();
    if notes.powered == 0 {
        cells().fill(0xFF);
        notes.powered = 1;
    }
    notes.cut_at = 0;
}

/// Resets the processor: RAM is lost.
pub fn reset() -> ! {
    const AIRCR: *mut u32 = 0xE000_ED0C as *mut u32;
    // SAFETY: the register by which a Cortex-M asks for that.
    unsafe { AIRCR.write_volatile(0x05FA_0004) };
    loop {
        core::hint::spin_loop();
    }
}

/// The first UART of the board.
pub struct Serial {
    pub sent: u32,
}

impl Serial {
    const DATA: *mut u32 = 0x4000_4000 as *mut u32;
    const STATE: *mut u32 = 0x4000_4004 as *mut u32;
    const CTRL: *mut u32 = 0x4000_4008 as *mut u32;
    const BAUDDIV: *mut u32 = 0x4000_4010 as *mut u32;

    pub fn open() -> Serial {
        // SAFETY: the registers of the UART; nobody else has it.
        unsafe {
            Self::BAUDDIV.write_volatile(16);
            Self::CTRL.write_volatile(1);
        }
        Serial { sent: 0 }
    }
}

impl embedded_io::ErrorType for Serial {
    type Error = ErrorKind;
}

impl embedded_io::Write for Serial {
    fn write(&mut self, from: &[u8]) -> Result<usize, ErrorKind> {
        for byte in from {
            // SAFETY: as in `open`.
            unsafe {
                while Self::STATE.read_volatile() & 1 != 0 {}
                Self::DATA.write_volatile((*byte).into());
            }
            self.sent += 1;
        }
        Ok(from.len())
    }

    fn flush(&mut self) -> Result<(), ErrorKind> {
        Ok(())
    }

    /// The trait's own panics where nothing was written.
    fn write_all(&mut self, from: &[u8]) -> Result<(), ErrorKind> {
        self.write(from).map(|_| ())
    }
}

/// The driver of the flash: words of 4 bytes, programmed once between two erases of their block; blocks of 4 KiB. What no chip forgives ends the program.
pub struct Flash;

/// Counts an operation; in the one that power does not outlast, half of it is done.
fn power_goes() -> bool {
    let notes = notes();
    notes.operations += 1;
    notes.operations == notes.cut_at
}

impl ErrorType for Flash {
    type Error = NorFlashErrorKind;
}

impl ReadNorFlash for Flash {
    const READ_SIZE: usize = 1;

    fn read(&mut self, offset: u32, to: &mut [u8]) -> Result<(), NorFlashErrorKind> {
        let at = offset as usize;
        let cells = array(CELLS, CHIP_BYTES).get(at..at.saturating_add(to.len()));
        for (to, from) in to.iter_mut().zip(cells.ok_or(NorFlashErrorKind::OutOfBounds)?) {
            *to = *from;
        }
        Ok(())
    }

    fn capacity(&self) -> usize {
        CHIP_BYTES
    }
}

impl NorFlash for Flash {
    const WRITE_SIZE: usize = WORD_BYTES;
    const ERASE_SIZE: usize = BLOCK_BYTES;

    fn erase(&mut self, from: u32, to: u32) -> Result<(), NorFlashErrorKind> {
        for at in (from as usize..to as usize).step_by(BLOCK_BYTES) {
            let dying = power_goes();
            let bytes = if dying { BLOCK_BYTES / 2 } else { BLOCK_BYTES };
            let words = array_mut(WORDS, CHIP_BYTES / WORD_BYTES).get_mut(at / WORD_BYTES..(at + BLOCK_BYTES) / WORD_BYTES);
            let cells = cells().get_mut(at..at + bytes).ok_or(NorFlashErrorKind::OutOfBounds)?;
            cells.fill(0xFF);
            words.ok_or(NorFlashErrorKind::OutOfBounds)?.fill(u8::from(dying));
            if let Some(erases) = notes().erases.get_mut(at / BLOCK_BYTES) {
                *erases += 1;
            }
            if dying {
                reset();
            }
        }
        Ok(())
    }

    fn write(&mut self, offset: u32, from: &[u8]) -> Result<(), NorFlashErrorKind> {
        let (at, dying) = (offset as usize, power_goes());
        let from = if dying { from.get(..from.len() / 2).unwrap_or(&[]) } else { from };
        let words = array_mut(WORDS, CHIP_BYTES / WORD_BYTES)
            .get_mut(at / WORD_BYTES..at.saturating_add(from.len()).div_ceil(WORD_BYTES));
        for word in words.ok_or(NorFlashErrorKind::OutOfBounds)? {
            if core::mem::replace(word, 1) != 0 {
                crate::console::fail("a word is programmed twice", offset);
            }
        }
        let cells = cells().get_mut(at..at.saturating_add(from.len()));
        for (cell, byte) in cells.ok_or(NorFlashErrorKind::OutOfBounds)?.iter_mut().zip(from) {
            *cell &= byte;
        }
        if dying { reset() } else { Ok(()) }
    }
}

/// The region as a disk.
pub struct Region;

impl Disk for Region {
    fn size(&self) -> u64 {
        REGION_BYTES as u64
    }

    fn read_at(&self, offset: u64, to: &mut [u8]) -> Result<(), ErrorKind> {
        let at = offset as usize;
        let from = array(REGION, REGION_BYTES).get(at..at.saturating_add(to.len())).ok_or(ErrorKind::InvalidInput)?;
        to.iter_mut().zip(from).for_each(|(to, from)| *to = *from);
        Ok(())
    }
}

/// Where to restore to.
pub struct Target;

impl Target {
    fn part(offset: u64, len_bytes: u64) -> Result<&'static mut [u8], ErrorKind> {
        let at = offset as usize;
        target().get_mut(at..at.saturating_add(len_bytes as usize)).ok_or(ErrorKind::InvalidInput)
    }
}

impl DiskMut for Target {
    fn write_at(&self, offset: u64, from: &[u8]) -> Result<(), ErrorKind> {
        let to = Target::part(offset, from.len() as u64)?;
        to.iter_mut().zip(from).for_each(|(to, from)| *to = *from);
        Ok(())
    }

    fn zero(&self, offset: u64, len_bytes: u64) -> Result<(), ErrorKind> {
        Target::part(offset, len_bytes)?.fill(0);
        Ok(())
    }

    fn flush(&self) -> Result<(), ErrorKind> {
        Ok(())
    }
}
