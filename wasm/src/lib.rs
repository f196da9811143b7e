//! The engine in WebAssembly, as the npm package in `npm/` drives it.
//!
//! One instance is the director: it holds the repository ([`repository`]), hands out batches of jobs and takes their outcomes. Any number of other
//! instances, each in a worker of its own, do jobs ([`worker`]); the director's instance may do them as well. Jobs and outcomes cross from one to
//! the other as bytes ([`wire`]).
//!
//! Nothing here waits. Whatever JavaScript has not fetched yet it answers with "pending"; the call then answers [`PENDING`], JavaScript fetches what
//! was asked for, and calls again. What decides about data is the core's; this crate translates.

mod failure;
mod memory;
mod page;
mod repository;
mod room;
mod stream;
mod verb;
mod wire;
mod worker;

/// What a call answers: nothing more is to be done.
pub const DONE: u32 = 0;
/// What was asked of the medium, or of the disk, has to be fetched before the call is repeated.
pub const PENDING: u32 = 1;
/// A batch of jobs lies ready.
pub const BATCH: u32 = 2;
/// Outcomes have to be delivered first.
pub const WAIT: u32 = 3;
/// A good deal was done; call again, after a look at whether anybody wants to stop.
pub const AGAIN: u32 = 4;
/// The Zstandard module has to be loaded before the call is repeated.
pub const ZSTD: u32 = 5;
/// Frames have to be hashed before the next job.
pub const HASH: u32 = 6;
