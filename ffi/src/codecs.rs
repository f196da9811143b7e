//! The codecs of one worker or task: all of the host's in the hosted build, none in the bare one.

use sarsen_core::codec::Codecs as Lent;

#[cfg(feature = "hosted")]
type Kind = Box<::sarsen_host::HostCodecs>; // larger, and more aligned, than memory is cut for
#[cfg(not(feature = "hosted"))]
type Kind = sarsen_core::codec::Plain;

/// Codecs, with whatever they keep.
#[derive(Default)]
pub struct Codecs(Kind);

impl Codecs {
    #[cfg(feature = "hosted")]
    pub fn lend(&mut self) -> &mut dyn Lent {
        &mut *self.0
    }

    #[cfg(not(feature = "hosted"))]
    pub fn lend(&mut self) -> &mut dyn Lent {
        &mut self.0
    }
}

/// Codecs in lent memory, which are dropped with this.
pub struct Kept(*mut Codecs);

impl Kept {
    pub fn new(codecs: &'static mut Codecs) -> Kept {
        Kept(codecs)
    }

    /// # Safety
    /// By one at a time, and not after this was dropped.
    #[allow(clippy::mut_from_ref)]
    pub unsafe fn lend(&self) -> &'static mut dyn Lent {
        // SAFETY: as the caller promised.
        unsafe { &mut *self.0 }.lend()
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        // SAFETY: it was made of the only reference there is, and is dropped once.
        unsafe { self.0.drop_in_place() }
    }
}
