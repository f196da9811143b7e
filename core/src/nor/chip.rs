//! The flash itself, a run at a time: reads of any length, programs and erases that are read back.

use super::Refused;
use super::flash::{Bad, Flash, Units};
use crate::format::bytes::{copy, gather};
use crate::types::{align_up, low32, narrow, wide};

/// The longest word that is read or programmed at once, in bytes.
const WORD_MAX: usize = 256;

/// A flash divided into runs.
pub struct Chip<F> {
    flash: F,
    units: Units,
    run_bytes: u32,
    runs: u16,
}

/// How many runs a flash of these units is divided into; none if it cannot be.
pub fn runs_of(units: &Units, run_bytes: u32) -> Option<u16> {
    let divides = |word: u32| word.is_power_of_two() && narrow(word.into()) <= WORD_MAX && units.erase.is_multiple_of(word);
    let runs = units.flash.checked_div(run_bytes).and_then(|runs| u16::try_from(runs).ok())?;
    let fits = runs > 0 && run_bytes.checked_rem(units.erase) == Some(0);
    (fits && divides(units.read) && divides(units.program)).then_some(runs)
}

impl<F: Flash> Chip<F> {
    pub fn new(flash: F, run_bytes: u32) -> Result<Chip<F>, Refused> {
        let units = flash.units();
        let runs = runs_of(&units, run_bytes).ok_or(Refused::Geometry)?;
        Ok(Chip { flash, units, run_bytes, runs })
    }

    pub fn into_flash(self) -> F {
        self.flash
    }

    pub fn units(&self) -> &Units {
        &self.units
    }

    /// How many runs there are.
    pub fn runs(&self) -> u16 {
        self.runs
    }

    pub fn run_bytes(&self) -> u32 {
        self.run_bytes
    }

    /// Where a run begins.
    pub fn offset(&self, run: u16) -> u32 {
        self.run_bytes.saturating_mul(run.into())
    }

    /// Reads from anywhere, in whole words.
    pub fn read(&mut self, at: u32, to: &mut [u8]) -> Result<(), Bad> {
        // A power of two.
        let below = self.units.read.saturating_sub(1);
        let (mut at, mut rest) = (at, to);
        while !rest.is_empty() {
            let skip = at & below;
            let whole = rest.len() & !narrow(below.into());
            let len = match skip == 0 && whole > 0 {
                true => {
                    self.flash.read(at, rest.get_mut(..whole).ok_or(Bad)?)?;
                    whole
                }
                false => self.read_part(at.saturating_sub(skip), narrow(skip.into()), rest)?,
            };
            at = at.saturating_add(low32(wide(len)));
            rest = rest.get_mut(len..).ok_or(Bad)?;
        }
        Ok(())
    }

    /// Reads what of one word lies behind `skip`; how many bytes that were.
    #[inline(never)] // its word is not there while whole ones are read
    fn read_part(&mut self, word: u32, skip: usize, to: &mut [u8]) -> Result<usize, Bad> {
        let mut bytes = [0; WORD_MAX];
        let bytes = bytes.get_mut(..narrow(self.units.read.into())).ok_or(Bad)?;
        self.flash.read(word, bytes)?;
        let wanted = bytes.get(skip..).ok_or(Bad)?;
        Ok(gather(to, 0, wanted))
    }

    /// Programs whole words, and reads them back.
    pub fn program(&mut self, at: u32, bytes: &[u8]) -> Result<(), Bad> {
        self.flash.program(at, bytes)?;
        self.pieces(at, low32(wide(bytes.len())), |from, piece| {
            bytes.get(narrow(from.into())..).is_some_and(|bytes| bytes.starts_with(piece))
        })
    }

    /// Programs a few bytes, filled up to whole words.
    pub fn program_filled(&mut self, at: u32, bytes: &[u8]) -> Result<(), Bad> {
        let mut words = [0xFF; WORD_MAX];
        copy(words.get_mut(..bytes.len()).ok_or(Bad)?, bytes).map_err(|_| Bad)?;
        self.program(at, words.get(..narrow(self.units.words(bytes.len()).into())).ok_or(Bad)?)
    }

    /// Erases a run, and reads it back.
    pub fn erase(&mut self, run: u16) -> Result<(), Bad> {
        let from = self.offset(run);
        self.flash.erase(from, from.saturating_add(self.run_bytes))?;
        self.pieces(from, self.run_bytes, |_, piece| piece.iter().all(|&byte| byte == 0xFF))
    }

    /// Copies `len` bytes, whole words, and reads them back; `Err` says which of the two places is bad.
    pub fn copy(&mut self, from: u32, to: u32, len: u32) -> Result<(), Copying> {
        let (mut words, mut at) = ([0; WORD_MAX], 0u32);
        while at < len {
            let piece = words.get_mut(..narrow(len.saturating_sub(at).into()).min(WORD_MAX)).ok_or(Copying::From)?;
            self.read(from.saturating_add(at), piece).map_err(|Bad| Copying::From)?;
            self.program(to.saturating_add(at), piece).map_err(|Bad| Copying::To)?;
            at = at.saturating_add(low32(wide(piece.len())));
        }
        Ok(())
    }

    /// How many of `len` bytes come before the blank end, in whole `unit`s.
    pub fn used(&mut self, at: u32, len: u32, unit: u32) -> Result<u32, Bad> {
        let mut piece = [0; WORD_MAX];
        let mut end = len;
        while end > 0 {
            let from = end.saturating_sub(low32(WORD_MAX as u64));
            let piece = piece.get_mut(..narrow(end.saturating_sub(from).into())).ok_or(Bad)?;
            self.read(at.saturating_add(from), piece)?;
            if let Some(last) = piece.iter().rposition(|&byte| byte != 0xFF) {
                let used = u64::from(from).saturating_add(wide(last)).saturating_add(1);
                return Ok(low32(align_up(used, unit.into())).min(len));
            }
            end = from;
        }
        Ok(0)
    }

    /// Whether the device answers at all: then what it does not do right is the fault of a place, not of all of it.
    pub fn answers(&mut self) -> bool {
        (0..self.runs).any(|run| self.read(self.offset(run), &mut [0]).is_ok())
    }

    /// Reads `len` bytes in pieces; whether each is right. It is told where each begins.
    fn pieces(&mut self, at: u32, len: u32, right: impl Fn(u32, &[u8]) -> bool) -> Result<(), Bad> {
        let (mut bytes, mut from) = ([0; WORD_MAX], 0u32);
        while from < len {
            let piece = bytes.get_mut(..narrow(len.saturating_sub(from).into()).min(WORD_MAX)).ok_or(Bad)?;
            self.read(at.saturating_add(from), piece)?;
            if !right(from, piece) {
                return Err(Bad);
            }
            from = from.saturating_add(low32(wide(piece.len())));
        }
        Ok(())
    }
}

/// Which place hinders a copy.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Copying {
    /// What is to be copied cannot be read.
    From,
    /// The copy cannot be written.
    To,
}
