//! The real command, run as people run it: what it says, the code it ends with, and what it leaves behind.
//!
//! One program for all of these tests, so that they are linked once.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // what a test sets up may fail by panicking

mod bitmaps;
mod ceph;
mod changes;
mod damage;
mod demo;
mod disks;
mod du;
mod everyday;
mod killed;
mod limits;
mod place;
mod readme;
mod refusals;
mod streams;
mod tags;
mod verify;
