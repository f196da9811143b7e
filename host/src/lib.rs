//! What an operating system gives the engine. Nothing here decides about data: that is `sarsen-core`.
//!
//! [`DirectoryMedium`] keeps a repository in a directory, [`MemoryMedium`] in memory; [`FileDisk`] and [`FileTarget`] are files and block
//! devices to back up and to restore to; [`Heap`], [`StoreRoom`] and [`System`] lend memory, time and randomness; [`HostCodecs`] are the
//! codecs of one worker; [`runner`] does a verb's work on threads. Media and disks can be shared among threads.

mod codecs;
mod directory;
mod disk;
mod error;
mod memory;
mod mutex;
mod node;
mod ram;
mod room;
pub mod runner;
#[cfg(test)]
mod scratch;
mod system;
mod target;
mod trouble;

pub use codecs::HostCodecs;
pub use directory::{Access, DirectoryMedium};
pub use disk::{FileDisk, SHRANK};
pub use error::OpenError;
pub use memory::Heap;
pub use ram::MemoryMedium;
pub use room::StoreRoom;
pub use system::System;
pub use target::{FULL, FileTarget, Zeros};
