//! The sarsen block-backup engine.
//!
//! Layers, lowest first; a module uses only those before it (docs/DESIGN.md has the table, a test holds it to the code):
//! [`types`], [`error`] name things; [`disk`], [`medium`], [`host`] are the edges where the caller lends I/O, time and memory;
//! [`format`] is bytes, [`foreign`] those of other systems; [`digest`], [`codec`], [`hints`], [`frame`] are pure functions over lent buffers; `nor` is flash as a medium;
//! [`segment`], [`log`], [`session`] are the log;
//! [`index`], [`damage`], [`tree`], [`store`] find and keep objects; [`manifest`], [`version`], [`catalogue`], [`draft`] make disks of them;
//! [`task`] and [`ops`] are the verbs. Hosts and faces use `ops`; the rest is public so that they can be small.
//!
//! Nothing here allocates, reads a clock, or knows a thread: memory, I/O and time are lent.
#![no_std]
#![forbid(unsafe_code)]

pub mod error;
pub mod types;

pub mod disk;
pub mod host;
pub mod medium;

pub mod foreign;
pub mod format;

pub mod codec;
pub mod delta;
pub mod digest;
pub mod frame;
pub mod hints;

#[cfg(feature = "nor")]
pub mod nor;

pub mod log;
pub mod segment;
pub mod session;

pub mod chain;
pub mod damage;
pub mod index;
pub mod store;
pub mod tree;

pub mod manifest;

pub mod catalogue;
pub mod draft;
pub mod version;

pub mod task;

pub mod ops;
