//! A version as a disk: any range, decoding only the frames it touches.

use crate::chain::{Decoded, Lies, Stack};
use crate::error::{Error, What};
use crate::format::header::Parameters;
use crate::format::record::Record;
use crate::frame::Work;
use crate::manifest;
use crate::store::Store;
use crate::tree::Cursor;
use crate::types::{Id, Place, low32, narrow, wide};

/// A version, opened for reading. Its manifest's pages lie in memory lent by the caller.
pub struct Version<'m> {
    size: u64,
    cursor: Cursor,
    pages: &'m mut [u8],
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

    /// Where `block` must be waited for: asks for those behind it as well, see [`Store::look_ahead`].
    pub fn look_ahead(&mut self, block: u64, store: &Store<'_>) -> Result<(), Error> {
        store.look_ahead(self.cursor.rows_behind(block, self.pages)?);
        Ok(())
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
                let (found, chain) = store.chain(&id)?.ok_or(Error::corrupt(Place::NONE, What::Absent))?;
                if found.entry.raw_bytes != manifest::block_len(self.size, store.parameters().block_bytes(), block) {
                    return Err(Error::corrupt(found.place, What::Length));
                }
                let stack = Stack::new(store.source(), &chain, found.entry.raw_bytes);
                let more = stack.read(low32(within), part, work, &mut Lies::default())?;
                decoded.frames = decoded.frames.saturating_add(more.frames);
                decoded.bytes = decoded.bytes.saturating_add(more.bytes);
            }
            (at, to) = (at.saturating_add(len), rest);
        }
        Ok(decoded)
    }
}
