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
pub use self::lz4::{Lz4, Lz4Table};

#[cfg(feature = "lz4")]
mod lz4 {
    use super::{CodecId, Codecs};
    use crate::error::What;
    use lz4_flex::block::{compress_into_with_table, decompress_into};

    /// The encoder's table: 8 KiB if `small` (frames below 65,535 bytes), 16 KiB if `large`. Decoding needs none.
    pub use lz4_flex::block::CompressTable as Lz4Table;

    /// LZ4, both ways, with a lent table.
    pub struct Lz4<'m> {
        table: &'m mut Lz4Table,
    }

    impl<'m> Lz4<'m> {
        /// An encoder that works in `table`. A small table given a large frame becomes a large one, by way of the stack.
        pub fn new(table: &'m mut Lz4Table) -> Lz4<'m> {
            Lz4 { table }
        }
    }

    impl Codecs for Lz4<'_> {
        fn has(&self, id: CodecId) -> bool {
            matches!(id, CodecId::None | CodecId::Lz4)
        }

        fn encode(&mut self, id: CodecId, from: &[u8], to: &mut [u8]) -> Option<usize> {
            match id {
                CodecId::Lz4 => compress_into_with_table(from, to, self.table).ok(),
                _ => None,
            }
        }

        fn decode(&mut self, id: CodecId, from: &[u8], to: &mut [u8]) -> Result<(), What> {
            match id {
                CodecId::Lz4 => decode(from, to),
                _ => Err(What::UnknownCodec),
            }
        }
    }

    fn decode(from: &[u8], to: &mut [u8]) -> Result<(), What> {
        match decompress_into(from, to) {
            Ok(len) if len == to.len() => Ok(()),
            _ => Err(What::Codec),
        }
    }
}

#[cfg(feature = "zlib")]
pub use self::zlib::{Zlib, ZlibState};

#[cfg(feature = "zlib")]
mod zlib {
    use super::{CodecId, Codecs};
    use crate::error::What;
    use miniz_oxide::inflate::TINFLStatus;
    use miniz_oxide::inflate::core::{decompress, inflate_flags};

    /// The decoder's state; about 11 KiB.
    pub use miniz_oxide::inflate::core::DecompressorOxide as ZlibState;

    /// zlib, decoding only, with a lent state. Never encodes: frames are stored raw.
    pub struct Zlib<'m> {
        state: &'m mut ZlibState,
    }

    impl<'m> Zlib<'m> {
        /// A decoder that works in `state`.
        pub fn new(state: &'m mut ZlibState) -> Zlib<'m> {
            Zlib { state }
        }
    }

    impl Codecs for Zlib<'_> {
        fn has(&self, id: CodecId) -> bool {
            matches!(id, CodecId::None | CodecId::Zlib)
        }

        fn encode(&mut self, _id: CodecId, _from: &[u8], _to: &mut [u8]) -> Option<usize> {
            None
        }

        fn decode(&mut self, id: CodecId, from: &[u8], to: &mut [u8]) -> Result<(), What> {
            match id {
                CodecId::Zlib => decode(self.state, from, to),
                _ => Err(What::UnknownCodec),
            }
        }
    }

    fn decode(state: &mut ZlibState, from: &[u8], to: &mut [u8]) -> Result<(), What> {
        // The whole frame is one window: nothing wraps, and no byte goes beyond `to`. The Adler-32 is checked by the stream's end.
        let flags = inflate_flags::TINFL_FLAG_PARSE_ZLIB_HEADER | inflate_flags::TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF;
        state.init();
        match decompress(state, from, to, 0, flags) {
            (TINFLStatus::Done, read, made) if read == from.len() && made == to.len() => Ok(()),
            _ => Err(What::Codec),
        }
    }
}
