//! Test equipment: what a test can take apart, fill up, cut off and put back together, all from one seed.
//!
//! [`sim`] is a medium that loses what a medium may lose; [`disk`] has disks and targets in memory; [`image`] makes disks with real file systems
//! on them; [`rig`] runs the verbs; [`canvas`] writes on drafts; [`crash`] interrupts them; [`anatomy`] says what lies where; [`fuse`] finds what
//! does not end; [`nor`] is a strict flash chip, [`endurance`] its life; [`random`] is where every choice comes from.

#![allow(clippy::panic, clippy::unwrap_used)] // test equipment fails by panicking

pub mod anatomy;
pub mod canvas;
pub mod crash;
pub mod disk;
pub mod endurance;
pub mod fuse;
pub mod image;
pub mod nor;
pub mod random;
pub mod rig;
pub mod sim;

mod scratch;

pub use disk::{MemDisk, MemTarget};
pub use random::Random;
pub use scratch::Scratch;
pub use sim::{Contents, Fault, Loss, Operation, SimMedium};
