//! Names for what is counted and found: an id never passes for a digest, a segment number never for an offset.

use core::fmt;

/// Bytes in an [`Id`] or a [`Digest`].
pub const DIGEST_BYTES: usize = 32;

/// The digest by which an object is found (docs/FORMAT.md section 4).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(align(4))] // copied as words, here and below
pub struct Id(pub [u8; DIGEST_BYTES]);

impl Id {
    /// Stands for zeros of whatever length is expected; never stored.
    pub const ZERO: Id = Id([0; DIGEST_BYTES]);

    /// Whether this is [`Id::ZERO`].
    pub fn is_zero(&self) -> bool {
        *self == Id::ZERO
    }
}

/// A digest of stored or plain bytes that is not an object's id.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
#[repr(align(4))]
pub struct Digest(pub [u8; DIGEST_BYTES]);

impl Digest {
    /// Stands for all-zero bytes.
    pub const ZERO: Digest = Digest([0; DIGEST_BYTES]);
}

/// 128 random bits, the same in every segment of a repository.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
#[repr(align(4))]
pub struct RepositoryId(pub [u8; 16]);

fn hex(bytes: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
}

macro_rules! hex_text {
    ($($name:ident),*) => {$(
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                hex(&self.0, f)
            }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                hex(&self.0, f)
            }
        }
    )*};
}
hex_text!(Id, Digest, RepositoryId);

/// The number of a segment; never used again.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct SegmentNumber(pub u32);

impl SegmentNumber {
    /// The greatest number a segment may have.
    pub const MAX: SegmentNumber = SegmentNumber(u32::MAX - 1);

    /// The number after this one, if there is one.
    pub fn next(self) -> Option<SegmentNumber> {
        (self < SegmentNumber::MAX).then(|| SegmentNumber(self.0.saturating_add(1)))
    }
}

impl fmt::Display for SegmentNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Where an entry lies: a segment and the offset of its header in bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Place {
    /// The segment.
    pub segment: SegmentNumber,
    /// Bytes from the segment's start.
    pub offset: u32,
}

impl Place {
    /// No place: of a manifest page's base, which is found by id.
    pub const NONE: Place = Place { segment: SegmentNumber(u32::MAX), offset: u32::MAX };

    /// A place from its parts.
    pub fn new(segment: SegmentNumber, offset: u32) -> Place {
        Place { segment, offset }
    }
}

/// Which object, and where its entry lies.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Link {
    /// The object's id.
    pub id: Id,
    /// Its entry.
    pub place: Place,
}

impl Link {
    /// Leads nowhere: zeros.
    pub const ZERO: Link = Link { id: Id::ZERO, place: Place { segment: SegmentNumber(0), offset: 0 } };
}

/// `bytes` rounded up to a multiple of `alignment`, a power of two; saturates.
pub const fn align_up(bytes: u64, alignment: u64) -> u64 {
    let mask = alignment.saturating_sub(1);
    bytes.saturating_add(mask) & !mask
}

/// How many pieces of `len` bytes hold so many; 0 for pieces of none. Rust's own can panic where it is not made part of its caller.
pub const fn pieces(bytes: u64, len: u64) -> u64 {
    match (bytes.checked_div(len), bytes.checked_rem(len)) {
        (Some(whole), Some(0)) => whole,
        (Some(whole), _) => whole.saturating_add(1),
        (None, _) => 0,
    }
}

/// A length in memory as u64. Lossless on every target the core is built for.
#[allow(clippy::cast_possible_truncation)] // usize is at most 64 bits
pub const fn wide(len: usize) -> u64 {
    len as u64
}

/// A stored length as an index into memory; saturates where memory is too small to hold it, so that a bounds check refuses it.
#[allow(clippy::cast_possible_truncation)] // guarded by the comparison
pub const fn narrow(len: u64) -> usize {
    if len > usize::MAX as u64 { usize::MAX } else { len as usize }
}

/// A u64 known to be small as u32; saturates.
#[allow(clippy::cast_possible_truncation)] // guarded by the comparison
pub const fn low32(value: u64) -> u32 {
    if value > u32::MAX as u64 { u32::MAX } else { value as u32 }
}
