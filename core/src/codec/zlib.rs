//! zlib streams without a heap, decoding only.

use crate::codec::{CodecId, Codecs};
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
