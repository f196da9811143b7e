//! LZ4 without a heap: one block a frame, both ways.

use crate::codec::{CodecId, Codecs};
use crate::error::What;
use lz4_flex::block::{compress_into_with_table, decompress_into};

/// The encoder's table: 8 KiB if `small`, 16 KiB if `large`. Decoding needs none.
pub use lz4_flex::block::CompressTable as Lz4Table;

/// LZ4, both ways, with a lent table.
pub struct Lz4<'m> {
    table: &'m mut Lz4Table,
}

impl<'m> Lz4<'m> {
    /// An encoder that works in `table`. With a small one, frames from 65,535 bytes on are stored raw.
    pub fn new(table: &'m mut Lz4Table) -> Lz4<'m> {
        Lz4 { table }
    }
}

impl Codecs for Lz4<'_> {
    fn has(&self, id: CodecId) -> bool {
        matches!(id, CodecId::None | CodecId::Lz4)
    }

    fn encode(&mut self, id: CodecId, from: &[u8], to: &mut [u8]) -> Option<usize> {
        // The library would make a small table large, by way of the stack, and from then on encode the same frames differently.
        let too_large = matches!(self.table, Lz4Table::Small(_)) && from.len() >= usize::from(u16::MAX);
        match id {
            CodecId::Lz4 if !too_large => compress_into_with_table(from, to, self.table).ok(),
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
