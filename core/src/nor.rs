//! NOR flash as a medium: any driver of `embedded-storage`, or whatever else is a [`Flash`] (docs/FORMAT.md section 17).
//!
//! The flash is divided into **runs** of erase blocks; a segment has as many runs as it needs, wherever they lie. A run in use begins with a claim
//! that says which part of which segment it holds; that is all there is on the flash beside the segments themselves. What is known of the
//! runs is read from there on mounting and kept in lent memory, 12 bytes a run.
//!
//! A word is programmed once between two erases of its block, and everything programmed or erased is read back. Runs wear evenly: the least worn
//! free one is taken, and what never changes is moved onto worn ones. A run that does not erase or program right is not used again.
//!
//! An append is durable when it returns. A segment that ends in blank bytes (0xFF) is found shorter by them after the next mount; none that a commit
//! ends does, if the repository's alignment is [`Rules::write_bytes`].

mod chip;
mod claim;
mod flash;
mod runs;
mod space;

pub use flash::{Bad, Flash, Units};
pub use runs::Run;
pub use space::runs_of;

use crate::error::Trouble;
use crate::medium::{Medium, MediumMut, Name, Rules};
use crate::types::{SegmentNumber, low32, narrow, wide};
use core::cell::{RefCell, RefMut};
use embedded_io::ErrorKind;
use space::{FAILED, Space};

/// The greatest length of a segment the format allows.
const SEGMENT_BYTES_MAX: u32 = 1 << 30;

/// Why a flash cannot be mounted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Refused {
    /// It cannot be divided so: a run is not a multiple of an erase block, too short or not on the flash even once; there are more than 65,535; or
    /// a word is no power of two of at most 256 bytes.
    Geometry,
    /// Too few runs were lent.
    Memory {
        /// How many are needed: one for each run of the flash.
        needed: usize,
    },
    /// It is in use, divided into runs of another length.
    Divided {
        /// Of how many bytes.
        run_bytes: u32,
    },
    /// It cannot be read.
    Failed,
}

/// How worn a flash is: how often its runs were erased. Where a power cut has lost a count, the run is taken to be as worn as any.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Wear {
    /// How many runs there are.
    pub runs: usize,
    /// How many of them may be taken.
    pub free: usize,
    /// How many of them are bad.
    pub retired: usize,
    /// Erases of the least worn.
    pub least: u32,
    /// Erases of the most worn.
    pub greatest: u32,
    /// Erases of all together.
    pub total: u64,
}

/// A flash as a medium. It is for one thread; a call from within another call of the same medium is answered with a failure.
pub struct NorMedium<'m, F> {
    rules: Rules,
    inner: RefCell<Inner<'m, F>>,
}

struct Inner<'m, F> {
    space: Space<'m, F>,
    /// The length of the segment that was created last; only that can be appended to.
    open_bytes: u32,
    /// The length of the segment that was asked for last, which is found out by reading backwards.
    last: Option<(SegmentNumber, u32)>,
}

impl<'m, F: Flash> NorMedium<'m, F> {
    /// Takes a flash into use, blank or as it was left. `run_bytes` is a multiple of [`Units::erase`], and the same each time; the shorter a
    /// run, the less space is left unused at the end of each segment, and the more memory `runs` is.
    pub fn mount(flash: F, run_bytes: u32, runs: &'m mut [Run]) -> Result<NorMedium<'m, F>, Refused> {
        let space = Space::mount(flash, run_bytes, runs)?;
        let bytes = wide(space.runs().0.len()).saturating_mul(space.body_bytes().into());
        let segment_bytes = low32(bytes).min(SEGMENT_BYTES_MAX);
        let rules = Rules { write_bytes: space.unit(), segment_bytes, pin: false };
        Ok(NorMedium { rules, inner: RefCell::new(Inner { space, open_bytes: 0, last: None }) })
    }

    /// How worn it is; none from within another call.
    pub fn wear(&self) -> Option<Wear> {
        self.inner.try_borrow().ok().map(|inner| inner.space.wear())
    }

    /// Gives the flash back.
    pub fn into_flash(self) -> F {
        self.inner.into_inner().space.into_flash()
    }

    fn inner(&self) -> Result<RefMut<'_, Inner<'m, F>>, Trouble> {
        self.inner.try_borrow_mut().map_err(|_| FAILED)
    }
}

impl<F: Flash> Inner<'_, F> {
    fn exists(&self, segment: SegmentNumber) -> bool {
        self.space.runs().segments().any(|number| number == segment)
    }

    fn len(&mut self, segment: SegmentNumber) -> Result<u32, Trouble> {
        if self.space.open == Some(segment) {
            return Ok(self.open_bytes);
        }
        if let Some((_, len)) = self.last.filter(|(last, _)| *last == segment) {
            return Ok(len);
        }
        let (number, run) = self.space.runs().last(segment).ok_or(Trouble::Gone)?;
        let before = self.space.body_bytes().saturating_mul(run.position.into());
        let used = match self.space.used(number) {
            // What cannot be read is still there.
            Err(Trouble::Unreadable) => self.space.body_bytes(),
            used => used?,
        };
        let len = before.saturating_add(used);
        self.last = Some((segment, len));
        Ok(len)
    }

    fn read(&mut self, segment: SegmentNumber, at: u64, to: &mut [u8]) -> Result<(), Trouble> {
        let len = self.len(segment)?;
        if at.saturating_add(wide(to.len())) > len.into() {
            return Err(Trouble::Short);
        }
        let (mut at, mut rest) = (low32(at), to);
        while !rest.is_empty() {
            let (position, within, len) = self.part(at, rest.len())?;
            let (piece, later) = rest.split_at_mut_checked(len).ok_or(FAILED)?;
            let run = self.space.runs().find(segment, position).ok_or(Trouble::Unreadable)?;
            self.space.read(run, within, piece)?;
            at = at.saturating_add(low32(wide(len)));
            rest = later;
        }
        Ok(())
    }

    /// Which part of a segment an offset lies in, where in that, and how many of `len` bytes lie there.
    fn part(&self, at: u32, len: usize) -> Result<(u16, u32, usize), Trouble> {
        let body = self.space.body_bytes();
        let position = at.checked_div(body).and_then(|position| u16::try_from(position).ok()).ok_or(Trouble::Full)?;
        let within = at.checked_rem(body).ok_or(FAILED)?;
        Ok((position, within, narrow(body.saturating_sub(within).into()).min(len)))
    }

    fn create(&mut self, segment: SegmentNumber) -> Result<(), Trouble> {
        if self.exists(segment) {
            return Err(Trouble::Exists);
        }
        if !self.space.has_room(1) {
            return Err(Trouble::Full);
        }
        (self.space.open, self.last) = (None, None);
        self.space.claim(segment, 0)?;
        (self.space.open, self.open_bytes) = (Some(segment), 0);
        Ok(())
    }

    fn append(&mut self, segment: SegmentNumber, bytes: &[u8]) -> Result<(), Trouble> {
        if self.space.open != Some(segment) {
            return Err(if self.exists(segment) { Trouble::ReadOnly } else { Trouble::Gone });
        }
        if wide(bytes.len()).checked_rem(self.space.unit().into()) != Some(0) {
            return Err(Trouble::Failed(ErrorKind::InvalidInput));
        }
        let body = self.space.body_bytes();
        let runs = |len: u64| narrow(len.div_ceil(u64::from(body).max(1))).max(1);
        let end = u64::from(self.open_bytes).saturating_add(wide(bytes.len()));
        if !self.space.has_room(runs(end).saturating_sub(runs(self.open_bytes.into()))) {
            return Err(Trouble::Full);
        }
        let mut rest = bytes;
        while !rest.is_empty() {
            let (position, within, len) = self.part(self.open_bytes, rest.len())?;
            let (piece, later) = rest.split_at_checked(len).ok_or(FAILED)?;
            let run = match self.space.runs().find(segment, position) {
                Some(run) => run,
                None => self.space.claim(segment, position)?,
            };
            self.space.program(run, within, piece)?;
            self.open_bytes = self.open_bytes.saturating_add(low32(wide(len)));
            rest = later;
        }
        Ok(())
    }

    fn remove(&mut self, segment: SegmentNumber) -> Result<(), Trouble> {
        if !self.exists(segment) {
            return Err(Trouble::Gone);
        }
        if self.space.open == Some(segment) {
            self.space.open = None;
        }
        self.last = None;
        self.space.remove(segment)
    }
}

impl<F: Flash> Medium for NorMedium<'_, F> {
    fn rules(&self) -> Rules {
        self.rules
    }

    fn next(&self, after: Option<SegmentNumber>) -> Result<Option<SegmentNumber>, Trouble> {
        let inner = self.inner()?;
        Ok(inner.space.runs().segments().filter(|&number| after.is_none_or(|after| number > after)).min())
    }

    fn previous(&self, before: Option<SegmentNumber>) -> Result<Option<SegmentNumber>, Trouble> {
        let inner = self.inner()?;
        Ok(inner.space.runs().segments().filter(|&number| before.is_none_or(|before| number < before)).max())
    }

    fn len(&self, name: Name) -> Result<u64, Trouble> {
        match name {
            Name::Segment(segment) => self.inner()?.len(segment).map(u64::from),
            Name::Pin => Err(Trouble::Gone),
        }
    }

    fn read(&self, name: Name, at: u64, to: &mut [u8]) -> Result<(), Trouble> {
        match name {
            Name::Segment(segment) => self.inner()?.read(segment, at, to),
            Name::Pin => Err(Trouble::Gone),
        }
    }

    fn writer(&self) -> Option<&dyn MediumMut> {
        Some(self)
    }
}

impl<F: Flash> MediumMut for NorMedium<'_, F> {
    fn create(&self, segment: SegmentNumber) -> Result<(), Trouble> {
        self.inner()?.create(segment)
    }

    fn append(&self, segment: SegmentNumber, bytes: &[u8]) -> Result<(), Trouble> {
        self.inner()?.append(segment, bytes)
    }

    /// Nothing is left to do: what a flash has programmed stays.
    fn sync(&self, segment: SegmentNumber) -> Result<(), Trouble> {
        if self.inner()?.exists(segment) { Ok(()) } else { Err(Trouble::Gone) }
    }

    fn remove(&self, segment: SegmentNumber) -> Result<(), Trouble> {
        self.inner()?.remove(segment)
    }

    /// There is none: see [`Rules::pin`].
    fn replace_pin(&self, _bytes: &[u8]) -> Result<(), Trouble> {
        Err(Trouble::ReadOnly)
    }

    fn hold(&self, bytes: u64) -> Result<(), Trouble> {
        self.inner()?.space.hold(bytes)
    }
}
