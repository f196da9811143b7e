//! A version as a disk: any range, decoding only the frames it touches.

use crate::digest::digest;
use crate::error::{Error, What};
use crate::format::block::FrameTable;
use crate::format::entry::{EntryHeader, Kind};
use crate::format::header::Parameters;
use crate::format::record::Record;
use crate::frame::Work;
use crate::frame::{Shape, StoredBlock, Verify, decode_block, decode_frame};
use crate::manifest;
use crate::segment::{Source, payload_place};
use crate::store::Store;
use crate::tree::Cursor;
use crate::types::{Id, Place, low32, narrow, wide};

/// What a repository's parameters say of its blocks.
pub fn shape(parameters: &Parameters) -> Shape {
    Shape {
        algorithm: parameters.algorithm,
        block_bytes: parameters.block_bytes(),
        frame_bytes: parameters.frame_bytes(),
        codec: parameters.codec,
    }
}

/// A version, opened for reading. Its manifest's pages lie in memory lent by the caller.
pub struct Version<'m> {
    size: u64,
    cursor: Cursor,
    pages: &'m mut [u8],
}

/// What reading a range decoded, for those who count.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Decoded {
    /// Frames.
    pub frames: u64,
    /// Plain bytes of them.
    pub bytes: u64,
}

impl<'m> Version<'m> {
    /// Opens the version of a record. The record's root must be its top page's.
    pub fn open(parameters: &Parameters, record: &Record<'_>, place: Place, pages: &'m mut [u8]) -> Result<Version<'m>, Error> {
        if manifest::root_id(parameters, record.disk_size, record.top) != record.root {
            return Err(Error::corrupt(place, What::Id));
        }
        Ok(Version::of_tree(parameters, record.disk_size, record.top, pages))
    }

    /// Opens a manifest by its top page.
    pub fn of_tree(parameters: &Parameters, size: u64, top: Id, pages: &'m mut [u8]) -> Version<'m> {
        let root = manifest::tree(parameters, size, top);
        let cursor = Cursor::over(crate::format::entry::TreeKind::Manifest, parameters.fan_out_log2, root);
        Version { size, cursor, pages }
    }

    /// Bytes of the disk.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The id of a block.
    pub fn block(&mut self, block: u64, store: &mut Store<'_>) -> Result<Id, Error> {
        let row = self.cursor.get(block, store, self.pages)?;
        Ok(Id(row.first_chunk().copied().unwrap_or_default()))
    }

    /// The first block from `block` on that is not zero.
    pub fn next_data(&mut self, block: u64, store: &mut Store<'_>) -> Result<Option<u64>, Error> {
        self.cursor.next_present(block, store, self.pages)
    }

    /// After a call failed on a page that cannot be read: the first block behind it.
    pub fn behind_failed(&self) -> Option<u64> {
        self.cursor.behind_failed()
    }

    /// Fills `to` from `offset`; [`What::Length`] beyond the disk's end.
    pub fn read_at(&mut self, offset: u64, to: &mut [u8], store: &mut Store<'_>, work: &mut Work<'_>) -> Result<Decoded, Error> {
        let mut decoded = Decoded::default();
        let end = offset.saturating_add(wide(to.len()));
        if end > self.size {
            return Err(Error::Disk { offset, kind: embedded_io::ErrorKind::InvalidInput });
        }
        let block_bytes = u64::from(store.parameters().block_bytes());
        let (mut at, mut to) = (offset, to);
        while at < end {
            let block = at / block_bytes.max(1);
            let within = at.saturating_sub(block.saturating_mul(block_bytes));
            let len = block_bytes.saturating_sub(within).min(end.saturating_sub(at));
            let (part, rest) = core::mem::take(&mut to).split_at_mut_checked(narrow(len)).unwrap_or_default();
            let id = self.block(block, store)?;
            if id.is_zero() {
                part.fill(0);
            } else {
                let found = store.readable(&id)?.ok_or(Error::corrupt(Place::NONE, What::Absent))?;
                if found.entry.raw_bytes != manifest::block_len(self.size, store.parameters().block_bytes(), block) {
                    return Err(Error::corrupt(found.place, What::Length));
                }
                let block = StoredAt { source: store.source(), place: found.place, entry: found.entry };
                block.read(low32(within), part, work, &mut decoded)?;
            }
            (at, to) = (at.saturating_add(len), rest);
        }
        Ok(decoded)
    }
}

/// A block's entry on the medium.
#[derive(Clone, Copy)]
pub struct StoredAt<'a> {
    /// Where to read.
    pub source: Source<'a>,
    /// Its entry.
    pub place: Place,
    /// That entry's header.
    pub entry: EntryHeader,
}

impl StoredAt<'_> {
    fn corrupt(&self, what: What) -> Error {
        Error::corrupt(self.place, what)
    }

    /// Decodes the whole block into `work.raw`; its length.
    pub fn read_whole(&self, work: &mut Work<'_>) -> Result<u32, Error> {
        let payload = self.source.payload(self.place, &self.entry, work.packed)?;
        let block = self.stored(payload)?;
        let to = work.raw.get_mut(..narrow(self.entry.raw_bytes.into())).ok_or(self.corrupt(What::Length))?;
        decode_block(&shape(&self.source.parameters), &block, to, work.codecs).map_err(|what| self.corrupt(what))?;
        Ok(self.entry.raw_bytes)
    }

    /// The payload as a block.
    pub fn stored<'b>(&self, payload: &'b [u8]) -> Result<StoredBlock<'b>, Error> {
        if self.entry.kind != Kind::Block {
            return Err(self.corrupt(What::Id));
        }
        let EntryHeader { id, raw_bytes, head_bytes, .. } = self.entry;
        Ok(StoredBlock { id, raw_bytes, head_bytes, payload })
    }

    /// Decodes the frames that a range of the block touches.
    fn read(&self, within: u32, to: &mut [u8], work: &mut Work<'_>, decoded: &mut Decoded) -> Result<(), Error> {
        let shape = shape(&self.source.parameters);
        let head_bytes = narrow(self.entry.head_bytes.into());
        let (head, rest) = work.packed.split_at_mut_checked(head_bytes).ok_or(self.corrupt(What::Length))?;
        self.source.read(payload_place(self.place), head)?;
        if digest(shape.algorithm, head) != self.entry.digest {
            return Err(self.corrupt(What::StoredDigest));
        }
        let table = FrameTable::parse(head, self.entry.raw_bytes, shape.frame_bytes, self.entry.stored_bytes)
            .map_err(|what| self.corrupt(what))?;
        let end = u64::from(within).saturating_add(wide(to.len()));
        for listed in table.rows() {
            let start = u64::from(listed.row.index).saturating_mul(shape.frame_bytes.into());
            let frame_end = start.saturating_add(listed.plain_bytes.into());
            if frame_end <= within.into() || start >= end {
                continue;
            }
            let stored = rest.get_mut(..listed.stored.len()).ok_or(self.corrupt(What::Length))?;
            let offset = payload_place(self.place).offset.saturating_add(low32(wide(listed.stored.start)));
            self.source.read(Place::new(self.place.segment, offset), stored)?;
            let plain = work.raw.get_mut(..narrow(listed.plain_bytes.into())).ok_or(self.corrupt(What::Length))?;
            decode_frame(&shape, &listed.row, stored, plain, work.codecs, Verify::Plain).map_err(|what| self.corrupt(what))?;
            decoded.frames = decoded.frames.saturating_add(1);
            decoded.bytes = decoded.bytes.saturating_add(listed.plain_bytes.into());
            copy_overlap(start, plain, within.into(), to);
        }
        Ok(())
    }
}

/// Copies what two ranges of a block have in common.
fn copy_overlap(from_start: u64, from: &[u8], to_start: u64, to: &mut [u8]) {
    let start = from_start.max(to_start);
    let end = from_start.saturating_add(wide(from.len())).min(to_start.saturating_add(wide(to.len())));
    let range = |base: u64| narrow(start.saturating_sub(base))..narrow(end.saturating_sub(base));
    if let (Some(from), Some(to)) = (from.get(range(from_start)), to.get_mut(range(to_start))) {
        to.copy_from_slice(from);
    }
}
