//! Codecs: which there are, and how the caller lends them (docs/FORMAT.md section 5).
//!
//! A codec sees one frame at a time and keeps nothing between frames. What a heap or C is needed for (Zstandard) is lent from outside;
//! [`Plain`], [`Lz4`] and [`Zlib`] do without. This module knows neither frame tables nor digests: a decoder vouches for a length only.

use crate::error::What;

/// A codec of the format.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CodecId {
    /// The frame itself.
    None = 0,
    /// One LZ4 block without a size prefix.
    Lz4 = 1,
    /// One Zstandard frame (RFC 8878) without dictionary.
    Zstd = 2,
    /// One zlib stream (RFC 1950).
    Zlib = 3,
}

impl CodecId {
    /// The codec with this code; none if it is not assigned.
    pub fn from_code(code: u8) -> Option<CodecId> {
        match code {
            0 => Some(CodecId::None),
            1 => Some(CodecId::Lz4),
            2 => Some(CodecId::Zstd),
            3 => Some(CodecId::Zlib),
            _ => None,
        }
    }

    /// The code stored for it.
    pub fn code(self) -> u8 {
        match self {
            CodecId::None => 0,
            CodecId::Lz4 => 1,
            CodecId::Zstd => 2,
            CodecId::Zlib => 3,
        }
    }
}

/// The codecs a worker was lent. `&mut`, since most need room of their own; one set serves one worker.
///
/// [`CodecId::None`] is never asked for: raw frames are copied without a codec.
pub trait Codecs {
    /// Whether frames of this codec can be decoded.
    fn has(&self, id: CodecId) -> bool;
    /// Encodes `from` into the start of `to` and says how long that is. None if it did not fit, or if the codec is not there:
    /// the frame is then stored raw, so this is never an error. [`encode_slack_bytes`] says how much room to offer.
    fn encode(&mut self, id: CodecId, from: &[u8], to: &mut [u8]) -> Option<usize>;
    /// Decodes all of `from` into exactly all of `to`, whatever `from` holds; [`What::UnknownCodec`] if the codec is not there.
    fn decode(&mut self, id: CodecId, from: &[u8], to: &mut [u8]) -> Result<(), What>;
}

/// Room beyond a frame's own length that an encoder may ask for before it starts: LZ4's worst case as `lz4_flex` counts it.
pub const fn encode_slack_bytes(frame_bytes: usize) -> usize {
    frame_bytes.div_ceil(10).saturating_add(20)
}

/// No codec at all: writes raw frames, reads raw frames.
#[derive(Clone, Copy, Debug, Default)]
pub struct Plain;

impl Codecs for Plain {
    fn has(&self, id: CodecId) -> bool {
        id == CodecId::None
    }
    fn encode(&mut self, _id: CodecId, _from: &[u8], _to: &mut [u8]) -> Option<usize> {
        None
    }
    fn decode(&mut self, _id: CodecId, _from: &[u8], _to: &mut [u8]) -> Result<(), What> {
        Err(What::UnknownCodec)
    }
}

/// Two sets lent as one: the first that has a codec is asked.
impl<A: Codecs, B: Codecs> Codecs for (A, B) {
    fn has(&self, id: CodecId) -> bool {
        self.0.has(id) || self.1.has(id)
    }
    fn encode(&mut self, id: CodecId, from: &[u8], to: &mut [u8]) -> Option<usize> {
        if self.0.has(id) { self.0.encode(id, from, to) } else { self.1.encode(id, from, to) }
    }
    fn decode(&mut self, id: CodecId, from: &[u8], to: &mut [u8]) -> Result<(), What> {
        if self.0.has(id) { self.0.decode(id, from, to) } else { self.1.decode(id, from, to) }
    }
}

#[cfg(feature = "lz4")]
mod lz4;
#[cfg(feature = "lz4")]
pub use lz4::{Lz4, Lz4Table};

#[cfg(feature = "zlib")]
mod zlib;
#[cfg(feature = "zlib")]
pub use zlib::{Zlib, ZlibState};

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;

    #[test]
    fn codes_are_those_of_the_format_and_no_others() {
        let codes = [CodecId::None, CodecId::Lz4, CodecId::Zstd, CodecId::Zlib].map(CodecId::code);
        assert_eq!(codes, [0, 1, 2, 3]);
        for code in 0..=u8::MAX {
            assert_eq!(CodecId::from_code(code).map(CodecId::code), (code < 4).then_some(code));
        }
    }

    #[test]
    fn plain_has_no_codec_and_says_so() {
        assert!(Plain.has(CodecId::None));
        for id in [CodecId::Lz4, CodecId::Zstd, CodecId::Zlib] {
            assert!(!Plain.has(id));
            assert_eq!(Plain.encode(id, b"aaaa", &mut [0; 64]), None);
            assert_eq!(Plain.decode(id, b"aaaa", &mut [0; 64]), Err(What::UnknownCodec));
        }
    }

    /// Decodes each of these, whole and damaged: exactly the right bytes, or an error.
    #[cfg(any(feature = "lz4", feature = "zlib"))]
    fn decodes_exactly(codecs: &mut impl Codecs, id: CodecId, stored: &[u8], plain: &[u8]) {
        let mut room = std::vec![0xEE; plain.len() + 1];
        let mut decode = |from: &[u8], len: usize| {
            room.fill(0xEE);
            let result = codecs.decode(id, from, &mut room[..len]);
            assert!(room[len..].iter().all(|&byte| byte == 0xEE), "nothing beyond the target is touched");
            result.map(|()| room[..len].to_vec())
        };
        assert_eq!(decode(stored, plain.len()).as_deref(), Ok(plain));
        for len in [0, plain.len() - 1, plain.len() + 1] {
            assert_eq!(decode(stored, len), Err(What::Codec), "target of {len}");
        }
        for len in 0..stored.len() {
            assert!(decode(&stored[..len], plain.len()).is_err(), "cut to {len}");
        }
        assert!(decode(&[stored, &[0]].concat(), plain.len()).is_err(), "trailing byte");
    }

    #[cfg(feature = "lz4")]
    #[test]
    fn lz4_decodes_a_fixed_block_exactly() {
        // Token: 1 literal, match of 4 + 15 + 72 = 91 at distance 1; then 8 literals.
        let stored = [0x1F, b'a', 1, 0, 72, 0x80, b'b', b'c', b'd', b'e', b'f', b'g', b'h', b'i'];
        let plain = [&[b'a'; 92][..], b"bcdefghi"].concat();
        let mut table = Lz4Table::small();
        decodes_exactly(&mut Lz4::new(&mut table), CodecId::Lz4, &stored, &plain);
    }

    #[cfg(feature = "lz4")]
    #[test]
    fn lz4_gives_back_what_it_took_and_encodes_the_same_again() {
        let mut table = Lz4Table::large();
        let mut lz4 = Lz4::new(&mut table);
        for len in [1, 2, 13, 4096, 65_534, 65_535, 65_536, 200_000] {
            let plain: std::vec::Vec<u8> = (0..len).map(|i: u32| ((i / 7) % 61).to_le_bytes()[0]).collect();
            let mut stored = std::vec![0; plain.len() + encode_slack_bytes(plain.len())];
            let made = lz4.encode(CodecId::Lz4, &plain, &mut stored).expect("the slack is enough");
            let mut again = std::vec![0; stored.len()];
            assert_eq!(lz4.encode(CodecId::Lz4, &plain, &mut again), Some(made));
            assert_eq!(stored[..made], again[..made]);
            let mut back = std::vec![0; plain.len()];
            assert_eq!(lz4.decode(CodecId::Lz4, &stored[..made], &mut back), Ok(()));
            assert_eq!(back, plain);
        }
        assert_eq!(lz4.encode(CodecId::Zstd, b"aaaa", &mut [0; 64]), None);
        assert_eq!(lz4.decode(CodecId::Zlib, b"aaaa", &mut [0; 4]), Err(What::UnknownCodec));
    }

    #[cfg(feature = "lz4")]
    #[test]
    fn a_small_lz4_table_stays_small() {
        let mut table = Lz4Table::small();
        let (plain, mut stored) = (std::vec![1; 65_535], std::vec![0; 80_000]);
        assert!(Lz4::new(&mut table).encode(CodecId::Lz4, &plain[1..], &mut stored).is_some());
        assert_eq!(Lz4::new(&mut table).encode(CodecId::Lz4, &plain, &mut stored), None);
        assert!(matches!(table, Lz4Table::Small(_)));
    }

    #[cfg(feature = "zlib")]
    const ZLIB: [u8; 19] =
        [0x78, 0xDA, 0x2B, 0x4E, 0x2C, 0x2A, 0x4E, 0xCD, 0x53, 0x28, 0x1E, 0x0C, 0x94, 0x22, 0, 0, 0xC7, 0x35, 0x92];

    #[cfg(feature = "zlib")]
    #[test]
    fn zlib_decodes_a_fixed_stream_exactly() {
        let plain = [b"sarsen ".repeat(20).as_slice(), b"!"].concat();
        let mut state = ZlibState::new();
        let mut zlib = Zlib::new(&mut state);
        decodes_exactly(&mut zlib, CodecId::Zlib, &ZLIB, &plain);
        for at in 0..ZLIB.len() {
            let mut flipped = ZLIB;
            flipped[at] ^= 0x10;
            let mut to = std::vec![0; plain.len()];
            assert!(zlib.decode(CodecId::Zlib, &flipped, &mut to).is_err() || to == plain, "byte {at}");
        }
        assert_eq!(zlib.encode(CodecId::Zlib, b"aaaa", &mut [0; 64]), None);
    }

    #[cfg(feature = "zlib")]
    #[test]
    fn zlib_checks_the_adler_even_where_nothing_else_can_be_wrong() {
        let mut state = ZlibState::new();
        let mut to = [0; 141];
        let [rest @ .., last] = ZLIB;
        let mut wrong = [0; 19];
        wrong[..18].copy_from_slice(&rest);
        wrong[18] = last ^ 1;
        assert_eq!(Zlib::new(&mut state).decode(CodecId::Zlib, &wrong, &mut to), Err(What::Codec));
    }

    #[cfg(all(feature = "lz4", feature = "zlib"))]
    #[test]
    fn two_sets_are_asked_in_turn() {
        let (mut table, mut state) = (Lz4Table::small(), ZlibState::new());
        let mut both = (Lz4::new(&mut table), Zlib::new(&mut state));
        assert!(both.has(CodecId::Lz4) && both.has(CodecId::Zlib) && !both.has(CodecId::Zstd));
        assert!(both.encode(CodecId::Lz4, &[7; 512], &mut [0; 600]).is_some());
        assert_eq!(both.decode(CodecId::Zlib, &ZLIB, &mut [0; 141]), Ok(()));
        assert_eq!(both.decode(CodecId::Zstd, &ZLIB, &mut [0; 141]), Err(What::UnknownCodec));
    }
}
