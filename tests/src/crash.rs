//! Repositories that are interrupted: what they may hold, what a verb makes of that, and whether what is found afterwards is one of the two.
//!
//! [`Truth`] is what a repository holds in plain words; [`Verb`] says what it makes of a truth and does it; [`Patient`] is a medium with all that may
//! be true of it, and [`Patient::examine`] opens, scrubs and restores it and compares.

mod disks;
mod patient;
mod spread;
mod truth;
mod verb;

pub use disks::{disk_of, piece_of};
pub use patient::{Patient, Setting};
pub use spread::spread;
pub use truth::{Label, Standing, Truth};
pub use verb::{Kind, Verb};
