//! Errors as numbers: grouped, explicit, never used again for anything else. `include/sarsen.h` repeats them.

use sarsen_core::error::{Error, Memory, Refusal, Trouble};

/// `struct sarsen_fault`: where a call failed.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct CFault {
    /// `SARSEN_NO_SEGMENT` if in none.
    segment: u32,
    /// Bytes from the segment's start.
    offset: u32,
    /// Of a disk, the offset; of memory, what was needed; otherwise 0.
    detail: u64,
}

/// Nowhere in particular.
pub const NOWHERE: CFault = CFault { segment: super::medium::NO_SEGMENT, offset: 0, detail: 0 };

/// `SARSEN_OK`.
pub const OK: i32 = 0;
/// `SARSEN_BAD_ARGUMENT`: a null pointer, or text that is not UTF-8.
pub const BAD_ARGUMENT: i32 = 92;

/// The number of an error.
pub fn code(error: &Error) -> i32 {
    match error {
        Error::Medium { trouble, .. } => code_of_trouble(*trouble),
        Error::Disk { .. } => 20,
        Error::Corrupt { .. } => 30,
        Error::Memory { memory, .. } => code_of_memory(*memory),
        Error::Refused(refusal) => code_of_refusal(*refusal),
        Error::Cancelled => 90,
        Error::Random => 91,
        _ => 99,
    }
}

fn code_of_trouble(trouble: Trouble) -> i32 {
    match trouble {
        Trouble::Pending => 1,
        Trouble::Gone => 10,
        Trouble::Exists => 11,
        Trouble::Full => 12,
        Trouble::ReadOnly => 13,
        Trouble::Short => 14,
        Trouble::Failed(_) => 15,
        _ => 99,
    }
}

fn code_of_memory(memory: Memory) -> i32 {
    match memory {
        Memory::Index => 40,
        Memory::Marks => 41,
        Memory::Live => 42,
        Memory::Pages => 43,
        Memory::Buffer => 44,
        _ => 99,
    }
}

fn code_of_refusal(refusal: Refusal) -> i32 {
    match refusal {
        Refusal::NotARepository => 50,
        Refusal::AlreadyARepository => 51,
        Refusal::Unsupported => 52,
        Refusal::NoHeader => 53,
        Refusal::NoCommit => 54,
        Refusal::ReadOnly => 55,
        Refusal::Behind => 56,
        Refusal::Rebuilt => 57,
        Refusal::Fenced => 58,
        Refusal::Poisoned => 59,
        Refusal::Parameter => 60,
        Refusal::UnknownVersion => 61,
        Refusal::AmbiguousVersion => 62,
        Refusal::Protected => 63,
        Refusal::DiskTooLarge => 64,
        Refusal::TextTooLong => 65,
        Refusal::TableFull => 66,
        _ => 99,
    }
}

/// Where it happened.
pub fn fault(error: &Error) -> CFault {
    match *error {
        Error::Medium { segment: Some(segment), .. } => CFault { segment: segment.0, ..NOWHERE },
        Error::Corrupt { place, .. } => CFault { segment: place.segment.0, offset: place.offset, ..NOWHERE },
        Error::Disk { offset, .. } => CFault { detail: offset, ..NOWHERE },
        Error::Memory { needed, .. } => CFault { detail: needed, ..NOWHERE },
        _ => NOWHERE,
    }
}
