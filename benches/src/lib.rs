//! What benches and figures have in common: ids and disks that follow from a seed, repositories filled with them, and rulers.
//!
//! Nothing here is timed by itself; whoever measures decides what lies between two looks at the clock.

pub mod fill;
pub mod process;
pub mod random;
pub mod stopwatch;
pub mod watch;

use std::fmt::Debug;

/// Why a measurement could not be made, in words.
pub struct Failure(pub String);

/// Not `Debug` itself, so that whatever is can become one.
impl<E: Debug> From<E> for Failure {
    fn from(error: E) -> Failure {
        Failure(format!("{error:?}"))
    }
}

/// What a measurement gives, if it can be made.
pub type Measured<T> = Result<T, Failure>;
