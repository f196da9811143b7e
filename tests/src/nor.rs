//! A NOR flash that is as strict as the strictest chip, and fails as chips fail.
//!
//! Programs clear bits in words that were not programmed since their block was erased; anything else is the caller's fault, and a panic. Power may go
//! in the middle of a program or an erase: then a word is programmed in part and may read differently each time, and a block is erased in part.
//! Blocks may be bad in any of the ways of [`Ailment`]. Every choice comes from a seed.

use crate::random::Random;
use embedded_storage::nor_flash::{ErrorType, NorFlash, NorFlashErrorKind, ReadNorFlash};
use sarsen_core::error::Trouble;
use sarsen_core::medium::{Medium, MediumMut, Name, Rules};
use sarsen_core::nor::{NorMedium, Refused, Run};
use sarsen_core::types::SegmentNumber;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// How a block is bad.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ailment {
    /// Erasing it fails, and leaves it half erased.
    EraseFails,
    /// Erasing it is said to have gone well, but some bits stay 0.
    EraseLies,
    /// Programming it fails half-way.
    ProgramFails,
    /// Programming it is said to have gone well, but some bits stay 1.
    ProgramLies,
}

impl Ailment {
    /// All.
    pub const ALL: [Ailment; 4] = [Ailment::EraseFails, Ailment::EraseLies, Ailment::ProgramFails, Ailment::ProgramLies];
}

/// A flash of words of `READ` bytes to read, words of `WRITE` bytes to program, and blocks of `ERASE` bytes.
#[derive(Debug)]
pub struct SimFlash<const READ: usize, const WRITE: usize, const ERASE: usize>(Mutex<Cells>);

/// The flash most firmware has: bytes to read, words of 4 bytes, blocks of 4 KiB.
pub type SpiFlash = SimFlash<1, 4, 4096>;

#[derive(Clone, Debug)]
struct Cells {
    bytes: Vec<u8>,
    /// Whether each word was programmed, or may have been, since its block was erased.
    programmed: Vec<bool>,
    /// Words that read differently each time: what was to be programmed.
    fickle: BTreeMap<usize, Vec<u8>>,
    /// Programs that were cut off so late that all of it reads as done at one mount, and as not done at another: where, and what is not read now.
    weak: Vec<(usize, Vec<u8>)>,
    erases: Vec<u32>,
    /// Blocks that are bad, and from how many more of their own erases on.
    bad: BTreeMap<usize, Ailment>,
    random: Random,
    /// Mutating operations until the power goes; none: it stays.
    left: Option<u64>,
    dead: bool,
    operations: u64,
    programmed_bytes: u64,
    copies: u64,
}

impl<const READ: usize, const WRITE: usize, const ERASE: usize> SimFlash<READ, WRITE, ERASE> {
    /// A new chip.
    pub fn new(seed: u64, blocks: usize) -> Self {
        let len = blocks * ERASE;
        SimFlash(Mutex::new(Cells {
            bytes: vec![0xFF; len],
            programmed: vec![false; len / WRITE],
            fickle: BTreeMap::new(),
            weak: Vec::new(),
            erases: vec![0; blocks],
            bad: BTreeMap::new(),
            random: Random::new(seed),
            left: None,
            dead: false,
            operations: 0,
            programmed_bytes: 0,
            copies: 0,
        }))
    }

    fn cells(&self) -> MutexGuard<'_, Cells> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The same chip once more, with power and another seed.
    pub fn fork(&self, seed: u64) -> Self {
        let cells = Cells { random: Random::new(seed), left: None, dead: false, ..self.cells().clone() };
        SimFlash(Mutex::new(cells))
    }

    /// Cuts the power in the mutating operation of this number, counted from now (0: the next).
    pub fn cut_at(&self, operation: u64) {
        self.cells().left = Some(operation);
    }

    /// Whether the power is gone.
    pub fn is_dead(&self) -> bool {
        self.cells().dead
    }

    /// Power comes back.
    pub fn power_on(&self) {
        let mut cells = self.cells();
        (cells.left, cells.dead) = (None, false);
    }

    /// What was cut off late reads now in one way and now in another.
    fn waver(&self) {
        let mut cells = self.cells();
        let Cells { weak, bytes, random, .. } = &mut *cells;
        for (at, other) in weak.iter_mut().filter(|_| random.one_in(2)) {
            bytes[*at..*at + other.len()].swap_with_slice(other);
        }
    }

    /// Whether anything was cut off so late that it may read as done or as not done.
    pub fn is_wavering(&self) -> bool {
        !self.cells().weak.is_empty()
    }

    /// Makes a block bad from now on.
    pub fn spoil(&self, block: usize, ailment: Ailment) {
        self.cells().bad.insert(block, ailment);
    }

    /// Flips bits of one byte behind everybody's back.
    pub fn flip(&self, at: usize, mask: u8) {
        self.cells().bytes[at] ^= mask;
    }

    /// The byte there.
    pub fn byte(&self, at: usize) -> u8 {
        self.cells().bytes[at]
    }

    /// Mutating operations so far.
    pub fn operations(&self) -> u64 {
        self.cells().operations
    }

    /// Bytes programmed so far.
    pub fn programmed_bytes(&self) -> u64 {
        self.cells().programmed_bytes
    }

    /// How often each block was erased.
    pub fn erases(&self) -> Vec<u32> {
        self.cells().erases.clone()
    }

    /// Claims of copies so far (docs/FORMAT.md section 17).
    pub fn copies(&self) -> u64 {
        self.cells().copies
    }
}

impl Cells {
    /// Counts a mutating operation; whether the power goes in it.
    fn begin(&mut self) -> Result<bool, NorFlashErrorKind> {
        if self.dead {
            return Err(NorFlashErrorKind::Other);
        }
        self.operations += 1;
        self.dead = self.left == Some(0);
        self.left = self.left.map(|left| left.saturating_sub(1));
        Ok(self.dead)
    }

    fn read(&mut self, at: usize, to: &mut [u8], word: usize) {
        to.copy_from_slice(&self.bytes[at..at + to.len()]);
        let end = at + to.len();
        for (&number, wanted) in self.fickle.range(at / word..end.div_ceil(word)) {
            for (offset, wanted) in (number * word..).zip(wanted).filter(|(offset, _)| (at..end).contains(offset)) {
                to[offset - at] = wanted | self.random.draw() as u8;
            }
        }
    }

    fn program(&mut self, at: usize, from: &[u8], word: usize, block: usize) -> Result<(), NorFlashErrorKind> {
        let dying = self.begin()?;
        let ailment = self.bad.get(&(at / block)).copied();
        let fails = ailment == Some(Ailment::ProgramFails);
        let words = from.len() / word;
        if dying && self.random.one_in(3) {
            self.programmed[at / word..at / word + words].fill(true);
            self.weak.push((at, from.to_vec()));
            return Err(NorFlashErrorKind::Other);
        }
        // What a removal is marked with may be programmed again, if it reads as if it had not been.
        if let Some(weak) = self.weak.iter().position(|(place, other)| *place == at && *other == from && !from.contains(&0xFF)) {
            self.weak.swap_remove(weak);
            self.programmed[at / word..at / word + words].fill(false);
        }
        let done = if dying || fails { self.random.below(words + 1) } else { words };
        for (number, bytes) in (at / word..).zip(from.chunks(word)).take(done + 1) {
            assert!(!self.programmed[number], "the word at {} is programmed twice", number * word);
            let torn = number == at / word + done;
            if torn && done == words {
                break;
            }
            self.programmed[number] = true;
            if torn && self.random.one_in(2) {
                self.fickle.insert(number, bytes.to_vec());
                break;
            }
            for (cell, byte) in self.bytes[number * word..][..word].iter_mut().zip(bytes) {
                *cell &= byte | if torn { self.random.draw() as u8 } else { 0 };
            }
        }
        self.programmed_bytes += (done * word) as u64;
        self.copies += u64::from(at.is_multiple_of(block) && from.starts_with(b"SNor") && from[26..28] != [0xFF; 2]);
        if ailment == Some(Ailment::ProgramLies) {
            let at = at + self.random.below(from.len());
            self.bytes[at] |= 0x18;
        }
        if dying || fails { Err(NorFlashErrorKind::Other) } else { Ok(()) }
    }

    fn erase(&mut self, number: usize, word: usize, block: usize) -> Result<(), NorFlashErrorKind> {
        let dying = self.begin()?;
        let ailment = self.bad.get(&number).copied();
        self.erases[number] += 1;
        self.fickle.retain(|at, _| at * word / block != number);
        self.weak.retain(|(at, _)| at / block != number);
        let range = number * block..(number + 1) * block;
        if dying || ailment == Some(Ailment::EraseFails) {
            let way = self.random.below(5);
            for cell in &mut self.bytes[range.clone()] {
                let noise = self.random.draw() as u8;
                *cell = match way {
                    0 => *cell,
                    1 => 0xFF,
                    2 => *cell | noise,
                    3 => noise,
                    _ if noise < 16 => noise,
                    _ => *cell,
                };
            }
            // Whatever it looks like, it is not erased.
            self.programmed[range.start / word..range.end / word].fill(true);
            return Err(NorFlashErrorKind::Other);
        }
        self.bytes[range.clone()].fill(0xFF);
        self.programmed[range.start / word..range.end / word].fill(false);
        if ailment == Some(Ailment::EraseLies) {
            let at = range.start + self.random.below(block);
            self.bytes[at] = 0xEF;
        }
        Ok(())
    }
}

impl<const READ: usize, const WRITE: usize, const ERASE: usize> ErrorType for &SimFlash<READ, WRITE, ERASE> {
    type Error = NorFlashErrorKind;
}

impl<const READ: usize, const WRITE: usize, const ERASE: usize> ReadNorFlash for &SimFlash<READ, WRITE, ERASE> {
    const READ_SIZE: usize = READ;

    fn read(&mut self, offset: u32, to: &mut [u8]) -> Result<(), NorFlashErrorKind> {
        let at = offset as usize;
        let mut cells = self.cells();
        assert!(at.is_multiple_of(READ) && to.len().is_multiple_of(READ), "a read of {} bytes at {at} is not aligned", to.len());
        assert!(at + to.len() <= cells.bytes.len(), "a read of {} bytes at {at} is out of bounds", to.len());
        if cells.dead {
            return Err(NorFlashErrorKind::Other);
        }
        cells.read(at, to, WRITE);
        Ok(())
    }

    fn capacity(&self) -> usize {
        self.cells().bytes.len()
    }
}

impl<const READ: usize, const WRITE: usize, const ERASE: usize> NorFlash for &SimFlash<READ, WRITE, ERASE> {
    const WRITE_SIZE: usize = WRITE;
    const ERASE_SIZE: usize = ERASE;

    fn erase(&mut self, from: u32, to: u32) -> Result<(), NorFlashErrorKind> {
        let (from, to) = (from as usize, to as usize);
        let mut cells = self.cells();
        assert!(from.is_multiple_of(ERASE) && to.is_multiple_of(ERASE), "an erase from {from} to {to} is not aligned");
        assert!(from <= to && to <= cells.bytes.len(), "an erase from {from} to {to} is out of bounds");
        (from / ERASE..to / ERASE).try_for_each(|block| cells.erase(block, WRITE, ERASE))
    }

    fn write(&mut self, offset: u32, from: &[u8]) -> Result<(), NorFlashErrorKind> {
        let at = offset as usize;
        let mut cells = self.cells();
        assert!(
            at.is_multiple_of(WRITE) && from.len().is_multiple_of(WRITE),
            "a program of {} bytes at {at} is not aligned",
            from.len()
        );
        assert!(at + from.len() <= cells.bytes.len(), "a program of {} bytes at {at} is out of bounds", from.len());
        cells.program(at, from, WRITE, ERASE)
    }
}

/// A medium that threads may share, one after the other.
pub struct Locked<M>(Mutex<M>);

impl<M> Locked<M> {
    /// Puts a lock around it.
    pub fn new(medium: M) -> Locked<M> {
        Locked(Mutex::new(medium))
    }

    /// The medium, for as long as it is lent.
    pub fn lock(&self) -> MutexGuard<'_, M> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<M: MediumMut> Medium for Locked<M> {
    fn rules(&self) -> Rules {
        self.lock().rules()
    }
    fn next(&self, after: Option<SegmentNumber>) -> Result<Option<SegmentNumber>, Trouble> {
        self.lock().next(after)
    }
    fn previous(&self, before: Option<SegmentNumber>) -> Result<Option<SegmentNumber>, Trouble> {
        self.lock().previous(before)
    }
    fn len(&self, name: Name) -> Result<u64, Trouble> {
        self.lock().len(name)
    }
    fn read(&self, name: Name, at: u64, to: &mut [u8]) -> Result<(), Trouble> {
        self.lock().read(name, at, to)
    }
    fn writer(&self) -> Option<&dyn MediumMut> {
        Some(self)
    }
}

impl<M: MediumMut> MediumMut for Locked<M> {
    fn create(&self, segment: SegmentNumber) -> Result<(), Trouble> {
        self.lock().create(segment)
    }
    fn append(&self, segment: SegmentNumber, bytes: &[u8]) -> Result<(), Trouble> {
        self.lock().append(segment, bytes)
    }
    fn sync(&self, segment: SegmentNumber) -> Result<(), Trouble> {
        self.lock().sync(segment)
    }
    fn remove(&self, segment: SegmentNumber) -> Result<(), Trouble> {
        self.lock().remove(segment)
    }
    fn replace_pin(&self, bytes: &[u8]) -> Result<(), Trouble> {
        self.lock().replace_pin(bytes)
    }
    fn hold(&self, bytes: u64) -> Result<(), Trouble> {
        self.lock().hold(bytes)
    }
}

/// Mounts a flash in runs of `blocks` blocks each, and does something with the medium.
pub fn mounted<const READ: usize, const WRITE: usize, const ERASE: usize, R>(
    flash: &SimFlash<READ, WRITE, ERASE>,
    blocks: usize,
    run: impl FnOnce(&Locked<NorMedium<'_, &SimFlash<READ, WRITE, ERASE>>>) -> R,
) -> Result<R, Refused> {
    flash.waver();
    let mut runs = vec![Run::UNKNOWN; flash.erases().len() / blocks];
    let run_bytes = u32::try_from(blocks * ERASE).map_err(|_| Refused::Geometry)?;
    Ok(run(&Locked::new(NorMedium::mount(flash, run_bytes, &mut runs)?)))
}
