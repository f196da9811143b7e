//! What a flash is asked for. Units are known when it is mounted and not before, since C tells them then; any driver of `embedded-storage` is one.

use crate::types::{align_up, low32, wide};
use embedded_storage::nor_flash::{NorFlash, ReadNorFlash};

/// The device did not do it, or not right.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Bad;

/// The units of a flash, in bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Units {
    /// What is read at once: a power of two, at most 256.
    pub read: u32,
    /// What is programmed at once, and once between two erases: a power of two, at most 256.
    pub program: u32,
    /// What is erased at once.
    pub erase: u32,
    /// All of it.
    pub flash: u32,
}

impl Units {
    /// `bytes` rounded up to whole words of programming.
    pub(super) fn words(&self, bytes: usize) -> u32 {
        low32(align_up(wide(bytes), self.program.into()))
    }
}

/// A NOR flash. It is asked for whole units on the flash only; an erased byte reads as 0xFF.
pub trait Flash {
    /// Its units, which do not change.
    fn units(&self) -> Units;
    /// Fills `to` from offset `at`.
    fn read(&mut self, at: u32, to: &mut [u8]) -> Result<(), Bad>;
    /// Programs bytes. Where power goes meanwhile, each of its units may be as before, programmed in part, or read differently each time.
    fn program(&mut self, at: u32, from: &[u8]) -> Result<(), Bad>;
    /// Erases the units from `from` to before `to`.
    fn erase(&mut self, from: u32, to: u32) -> Result<(), Bad>;
}

impl<F: NorFlash> Flash for F {
    fn units(&self) -> Units {
        let [read, program, erase, flash] =
            [F::READ_SIZE, F::WRITE_SIZE, F::ERASE_SIZE, self.capacity()].map(|unit| low32(wide(unit)));
        Units { read, program, erase, flash }
    }

    fn read(&mut self, at: u32, to: &mut [u8]) -> Result<(), Bad> {
        ReadNorFlash::read(self, at, to).map_err(|_| Bad)
    }

    fn program(&mut self, at: u32, from: &[u8]) -> Result<(), Bad> {
        NorFlash::write(self, at, from).map_err(|_| Bad)
    }

    fn erase(&mut self, from: u32, to: u32) -> Result<(), Bad> {
        NorFlash::erase(self, from, to).map_err(|_| Bad)
    }
}
