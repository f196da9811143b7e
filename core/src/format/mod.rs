//! One file per stored record: its bytes, `parse` and `emit`. Bytes only, no I/O. docs/FORMAT.md is the other half of each file.

pub mod amendment;
pub mod block;
pub mod bytes;
pub mod commit;
pub mod damage;
pub mod entry;
pub mod footer;
pub mod header;
pub(crate) mod intake;
pub mod link;
pub mod page;
pub mod pin;
pub mod record;
pub mod row;
pub mod stream;
