//! The verbs, one file each: options in, jobs out, a report at the end.

pub mod amend;
pub mod backup;
pub mod check;
pub mod compact;
pub mod diff;
pub mod export;
pub mod finish;
pub mod gc;
pub mod import;
pub mod init;
pub mod remove;
pub mod restore;
pub mod usage;
