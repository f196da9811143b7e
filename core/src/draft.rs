//! A version being written. Several may be open on one store; a commit covers them all.
//!
//! A draft's manifest is that of a whole disk from the start: its base's, or zeros, with what was written laid over. A checkpoint stores it and
//! puts a record of kind draft into the catalogue, which is a root for gc and what a later run continues from.

mod disk;

pub use disk::{DraftDisk, Frames, Held};

use crate::chain::PackedBlock;
use crate::error::{Error, Refusal, What};
use crate::format::commit::Root;
use crate::format::entry::TreeKind;
use crate::format::record::{self, Attachments, HintSource, Record, RecordKind, Statistics, Tags, version_id};
use crate::frame::Work;
use crate::manifest;
use crate::segment::Source;
use crate::store::{Purpose, Sought, Store};
use crate::tree::Cursor;
use crate::types::{Id, Link};

/// What a version is going to say of itself.
#[derive(Clone, Copy, Debug)]
pub struct Description<'a> {
    /// The disk's name.
    pub name: &'a str,
    /// The snapshot's name; may be empty.
    pub snapshot: &'a str,
    /// What the source is, as its host names it.
    pub source: &'a str,
    /// Who said what changed since the base, and in which words it is told again.
    pub hints: (HintSource, &'a str),
    /// The group; zeros if none.
    pub group: [u8; 16],
    /// Bytes of the disk.
    pub disk_size: u64,
    /// When the backup started.
    pub time: u64,
    /// The version it is built on; zero if none.
    pub base: Id,
}

/// A draft.
pub struct Draft<'a> {
    description: Description<'a>,
    key: Option<u64>,
    cursor: Cursor,
    pages: &'a mut [u8],
    /// Blocks of what it began on.
    start_blocks: u64,
    /// What was done so far.
    pub statistics: Statistics,
}

impl<'a> Draft<'a> {
    /// Begins on a manifest: a base's, an older checkpoint's (then with its key), or an empty one. `pages` is memory for the manifest's path.
    ///
    /// Where the disk has grown or shrunk since, a block that was, or is now, cut by the disk's end is another block than before and must be set;
    /// a [`DraftDisk`] sees to that.
    pub fn begin(
        store: &mut Store<'_>,
        description: Description<'a>,
        start: Root,
        key: Option<u64>,
        pages: &'a mut [u8],
    ) -> Result<Draft<'a>, Error> {
        let mut draft = Draft::over(store, description, start, key, pages);
        draft.fit(store)?;
        Ok(draft)
    }

    /// The first half of [`Draft::begin`], which reads nothing: a draft is large, and the stack below it may be small.
    pub fn over(
        store: &Store<'_>,
        description: Description<'a>,
        start: Root,
        key: Option<u64>,
        pages: &'a mut [u8],
    ) -> Draft<'a> {
        let cursor = Cursor::over(TreeKind::Manifest, store.parameters().fan_out_log2, start);
        Draft { description, key, cursor, pages, start_blocks: start.rows, statistics: Statistics::default() }
    }

    /// The second half: makes its manifest one of as many blocks as the disk has. If it fails the draft is of no use.
    pub fn fit(&mut self, store: &mut Store<'_>) -> Result<(), Error> {
        let rows = manifest::blocks(self.description.disk_size, store.parameters().block_bytes());
        if rows != self.start_blocks {
            // Pages at the edge are other ones now, and are stored as soon as another is read.
            store.begin(Purpose::Ordinary)?;
        }
        self.cursor.resize(rows, store, self.pages)
    }

    /// What it says of itself.
    pub fn description(&self) -> &Description<'a> {
        &self.description
    }

    /// Says something else of itself from now on; disk size and base stay what they are.
    pub fn describe(&mut self, description: Description<'a>) {
        let Description { disk_size, base, .. } = self.description;
        self.description = Description { disk_size, base, ..description };
    }

    /// The id a block has so far.
    pub fn block(&mut self, block: u64, store: &mut Store<'_>) -> Result<Id, Error> {
        let row = self.cursor.get(block, store, self.pages)?;
        Ok(Id(row.first_chunk().copied().unwrap_or_default()))
    }

    /// Stores a block that was packed in `work`, if it is not stored already; the bytes that took.
    pub fn put_block(&mut self, block: &PackedBlock, store: &mut Store<'_>, work: &mut Work<'_>) -> Result<u64, Error> {
        if store.readable(Sought::Block, &block.id)?.is_some() {
            return Ok(0);
        }
        let header = block.header();
        store.put(work.packed.get_mut(block.packed.start..).unwrap_or(&mut []), &header)?;
        let total = header.total_bytes(store.parameters());
        self.statistics.new_blocks = self.statistics.new_blocks.saturating_add(1);
        self.statistics.new_bytes = self.statistics.new_bytes.saturating_add(total);
        Ok(total)
    }

    /// Sets a block, which must be stored already; the zero id for zeros.
    pub fn set_block(&mut self, block: u64, id: Id, store: &mut Store<'_>) -> Result<(), Error> {
        // Pages that are stored here may fill segment after segment.
        store.settle_if_many()?;
        self.cursor.set(block, &id.0, store, self.pages)
    }

    /// Makes a run of blocks zero. Subtrees that are zero already are passed over.
    pub fn zero_blocks(&mut self, first: u64, count: u64, store: &mut Store<'_>) -> Result<(), Error> {
        let end = first.saturating_add(count);
        let mut at = first;
        while let Some(block) = self.cursor.next_present(at, store, self.pages)?.filter(|&block| block < end) {
            self.set_block(block, Id::ZERO, store)?;
            at = block.saturating_add(1);
        }
        Ok(())
    }

    fn top(&mut self, store: &mut Store<'_>) -> Result<Id, Error> {
        Ok(self.cursor.finish(store, self.pages)?.top.id)
    }

    /// Stores its manifest as it is; the root a version of that would have.
    pub fn root(&mut self, store: &mut Store<'_>) -> Result<Id, Error> {
        let top = self.top(store)?;
        Ok(manifest::root_id(store.parameters(), self.description.disk_size, top))
    }

    fn record(&self, kind: RecordKind) -> Record<'a> {
        let d = &self.description;
        Record {
            kind,
            source_changed: false,
            group: d.group,
            time: d.time,
            disk_size: d.disk_size,
            root: Id::ZERO,
            top: Id::ZERO,
            base: d.base,
            name: d.name,
            snapshot: d.snapshot,
            source: d.source,
            hint_source: d.hints.0,
            hints: d.hints.1,
            protected: false,
            expiry: 0,
            position: 0,
            draft_top: Id::ZERO,
            statistics: self.statistics,
            tags: Tags::NONE,
            attachments: Attachments::NONE,
        }
    }

    /// Stores the draft as it is, up to `position` bytes of the disk; durable with the next commit.
    pub fn checkpoint(&mut self, position: u64, store: &mut Store<'_>) -> Result<(), Error> {
        self.keep(position, false, store).map(|_| ())
    }

    /// Stores it as a draft that is done, which becomes a version with the others of its group; durable with the next commit.
    /// The id of that version, and the draft's record.
    pub fn hold(&mut self, source_changed: bool, store: &mut Store<'_>) -> Result<(Id, Link), Error> {
        let link = self.keep(self.description.disk_size, source_changed, store)?;
        let source = store.source();
        let id = store.with_buffer(|_, buffer| {
            let len = finished(&source, &link, buffer)?;
            version_id(source.parameters.algorithm, buffer.get(..len).unwrap_or(&[])).map_err(too_long)
        })?;
        Ok((id, link))
    }

    fn keep(&mut self, position: u64, source_changed: bool, store: &mut Store<'_>) -> Result<Link, Error> {
        let draft_top = self.top(store)?;
        let link = self.put_draft(draft_top, position, source_changed, store)?;
        let key = self.key.unwrap_or(store.catalogue().rows);
        set_link(store, key, &link)?;
        self.key = Some(key);
        Ok(link)
    }

    #[inline(never)] // as below
    fn put_draft(&self, draft_top: Id, position: u64, source_changed: bool, store: &mut Store<'_>) -> Result<Link, Error> {
        let record = Record { position, draft_top, source_changed, ..self.record(RecordKind::Draft) };
        store.put_record(&|to| record.emit(to).map_err(too_long))
    }

    /// Makes a version of it; true with the next commit. The version's id and record.
    pub fn finish(&mut self, source_changed: bool, store: &mut Store<'_>) -> Result<(Id, Link), Error> {
        let top = self.top(store)?;
        let (id, link) = self.put_version(top, source_changed, store)?;
        let key = store.catalogue().rows;
        if let Some(draft) = self.key {
            set_link(store, draft, &Link::ZERO)?;
        }
        set_link(store, key, &link)?;
        Ok((id, link))
    }

    #[inline(never)] // its record is not there while the catalogue is changed
    fn put_version(&self, top: Id, source_changed: bool, store: &mut Store<'_>) -> Result<(Id, Link), Error> {
        let algorithm = store.parameters().algorithm;
        let root = manifest::root_id(store.parameters(), self.description.disk_size, top);
        let record = Record { source_changed, root, top, ..self.record(RecordKind::Version) };
        let id = core::cell::Cell::new(Id::ZERO);
        let link = store.put_record(&|to| {
            let len = record.emit(to).map_err(too_long)?;
            id.set(version_id(algorithm, to.get(..len).unwrap_or(&[])).map_err(too_long)?);
            Ok(len)
        })?;
        Ok((id.get(), link))
    }

    /// Forgets it; its checkpoint too, with the next commit. True if there is something to commit.
    pub fn abandon(self, store: &mut Store<'_>) -> Result<bool, Error> {
        match self.key {
            Some(key) => set_link(store, key, &Link::ZERO).map(|()| true),
            None => Ok(false),
        }
    }
}

/// Reads the record of a draft that is done, and makes that of its version of it; its length.
pub fn finished(source: &Source<'_>, draft: &Link, to: &mut [u8]) -> Result<usize, Error> {
    let corrupt = |what| Error::corrupt(draft.place, what);
    let len = source.record(draft, to)?.len();
    let payload = to.get_mut(..len).unwrap_or(&mut []);
    let record = Record::parse(payload).map_err(corrupt)?;
    let root = manifest::root_id(&source.parameters, record.disk_size, record.draft_top);
    record::finish(payload, root).map_err(corrupt)?;
    Ok(len)
}

fn too_long(_: What) -> Error {
    Refusal::TextTooLong.into()
}

/// Sets a row of the catalogue; [`Link::ZERO`] removes it.
pub fn set_link(store: &mut Store<'_>, key: u64, link: &Link) -> Result<(), Error> {
    let mut row = [0; crate::format::link::LEN];
    if !link.id.is_zero() {
        crate::format::link::emit(link, &mut crate::format::bytes::Writer::new(&mut row));
    }
    store.set_row(TreeKind::Catalogue, key, &row)
}
