//! Delta stream: what differs between two versions of a disk, for another repository to lay on its copy of the first (docs/FORMAT.md section 16).
//!
//! ```text
//! header 127 to 892 B | record 40 B, stored bytes | ... | end 40 B
//! ```
//! Records ascend without overlapping. Each is bound by its CRC to the two roots and by its number to its place, so that no record of another
//! stream, or from elsewhere in this one, passes for it. A CRC proves no contents: whoever applies a stream compares the header with what is
//! there, and believes the outcome only if it has the target root. Nothing here knows a repository or decodes a frame.

mod header;
mod record;

pub use header::{HEADER_LEN_MAX, Header, MAGIC, PRELUDE_LEN, VERSION};
pub use record::{Data, Emitter, Parser, RECORD_LEN, Record};

/// What offsets and lengths are multiples of, but for where the disk ends.
pub const SECTOR_BYTES: u64 = 512;

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use crate::digest::Algorithm;
    use crate::types::Id;
    use std::vec;
    use std::vec::Vec;

    pub const FRAME: usize = 4096;
    pub const TARGET_BYTES: u64 = 3 * 4096 + 100;
    pub const HEADER: Header<'static> = Header {
        algorithm: Algorithm::Sha256,
        block_log2: 13,
        frame_log2: 12,
        fan_out_log2: 4,
        base_bytes: 4096,
        target_bytes: TARGET_BYTES,
        base_root: Id([0xBA; 32]),
        target_root: Id([0x7A; 32]),
        start: 512,
        time: 1_700_000_000_000,
        name: "disk",
        snapshot: "monday",
        source: "",
    };

    pub fn header() -> Vec<u8> {
        let mut bytes = vec![0; HEADER_LEN_MAX];
        let len = HEADER.emit(&mut bytes).unwrap();
        bytes.truncate(len);
        bytes
    }
}
