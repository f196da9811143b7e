//! What is true of each segment, by the newest commit and its table; derived from the segments where the table cannot be read.

use crate::error::Error;
use crate::format::entry::TreeKind;
use crate::format::row::SegmentRow;
use crate::log;
use crate::segment::{Footer, Item, Lines, Source};
use crate::store::Store;
use crate::tree::Cursor;
use crate::types::{Place, SegmentNumber, low32};

/// What is true of a segment, and whether its footer can be used.
#[derive(Clone, Copy, Debug)]
pub struct Prefix {
    /// Which segment.
    pub segment: SegmentNumber,
    /// Where the true prefix ends; 0 if the row was derived and nothing of the segment is true.
    pub len_bytes: u32,
    /// The entries digest demanded, if one is.
    pub digest: Option<crate::types::Digest>,
    /// Whether a footer must follow.
    pub footer_expected: bool,
    /// The footer, if it is good.
    pub footer: Option<Footer>,
    /// Length of the file; none if it is missing.
    pub file_bytes: Option<u64>,
    /// Whether its header is right but not of this repository or number: nothing is read of it.
    pub stranger: bool,
    /// Bytes of it in use, as last counted.
    pub live_bytes: u32,
}

impl Prefix {
    /// Whether the file is there and long enough.
    pub fn is_whole(&self) -> bool {
        !self.stranger && self.file_bytes.is_some_and(|bytes| bytes >= self.len_bytes.into())
    }

    /// The lines of the prefix.
    pub fn lines(&self, source: &Source<'_>) -> Lines {
        match self.footer {
            Some(footer) => Lines::of_footer(source, self.segment, footer.offset, footer.lines),
            None => Lines::by_scan(source, self.segment, self.len_bytes.into(), self.file_bytes.unwrap_or(0)),
        }
    }
}

impl<'m> Store<'m> {
    /// The row of a segment in the table or among rows not yet in it.
    pub(super) fn row(&mut self, segment: SegmentNumber, walk: &mut Cursor) -> Result<Option<SegmentRow>, Error> {
        if u64::from(segment.0) >= self.segments.rows {
            return Ok(None);
        }
        let row = self.with_walk(|store, memory| Ok(SegmentRow::parse(walk.get(segment.0.into(), store, memory)?)))?;
        row.map_err(|what| Error::corrupt(Place::new(segment, 0), what))
    }

    /// A cursor to walk the segment table with; used with memory of its own.
    pub fn table_walk(&self) -> Cursor {
        Cursor::over(TreeKind::Segments, self.head.parameters.fan_out_log2, self.segments)
    }

    /// Lends the walk's memory, beside the store itself.
    pub fn with_walk<R>(&mut self, run: impl FnOnce(&mut Self, &mut [u8]) -> Result<R, Error>) -> Result<R, Error> {
        let memory = core::mem::take(&mut self.walk);
        let result = run(self, memory);
        self.walk = memory;
        result
    }

    /// The next segment of which something is true, in ascending order; the newest commit's own is the last.
    pub fn next_true(&mut self, after: Option<SegmentNumber>, walk: &mut Cursor) -> Result<Option<SegmentNumber>, Error> {
        let own = self.head.commit.segment;
        let from = after.map_or(0, |number| u64::from(number.0).saturating_add(1));
        if from > own.0.into() {
            return Ok(None);
        }
        let next = match self.derived {
            true => log::next_segment(self.medium, after)?,
            false => {
                let key = self.with_walk(|store, memory| walk.next_present(from, store, memory))?;
                key.map(|key| SegmentNumber(low32(key)))
            }
        };
        Ok(Some(next.filter(|&number| number < own).unwrap_or(own)))
    }

    /// What is true of a segment that [`Store::next_true`] named.
    pub fn prefix(&mut self, segment: SegmentNumber, walk: &mut Cursor) -> Result<Prefix, Error> {
        let source = self.source();
        let own = segment == self.head.commit.segment;
        let row = match (own, self.derived) {
            (true, _) => Some(SegmentRow {
                len_bytes: self.head.commit.len_bytes,
                footer: self.head.sealed(),
                live_bytes: self.head.commit.len_bytes,
                digest: self.head.commit.digest,
            }),
            (false, true) => None,
            (false, false) => self.row(segment, walk)?,
        };
        let file_bytes = source.len(segment)?;
        let stranger = file_bytes.is_some() && !log::belongs(&source, segment)?;
        let mut prefix = Prefix {
            segment,
            len_bytes: 0,
            digest: row.map(|row| row.digest),
            footer_expected: row.is_some_and(|row| row.footer),
            footer: None,
            file_bytes,
            stranger,
            live_bytes: row.map_or(0, |row| row.live_bytes),
        };
        prefix.len_bytes = row.map_or(prefix.len_bytes, |row| row.len_bytes);
        let Some(file_bytes) = file_bytes.filter(|_| !stranger) else { return Ok(prefix) };
        match row {
            Some(_) if own => prefix.footer = self.head.good_footer(),
            Some(row) if row.footer => {
                let footer = source.footer(segment, file_bytes, row.len_bytes, self.chunk)?;
                prefix.footer = footer.filter(|f| f.filled && f.offset == row.len_bytes && f.digest == row.digest);
            }
            Some(_) => {}
            None => self.derive(&mut prefix, file_bytes)?,
        }
        Ok(prefix)
    }

    /// What must be true of a segment whose row cannot be read (docs/FORMAT.md section 11).
    #[inline(never)] // few tables cannot be read
    pub(super) fn derive(&mut self, prefix: &mut Prefix, file_bytes: u64) -> Result<(), Error> {
        let source = self.source();
        if let Some(footer) = source.footer(prefix.segment, file_bytes, u32::MAX, self.chunk)? {
            prefix.len_bytes = footer.offset;
            prefix.footer_expected = true;
            prefix.footer = Some(footer).filter(|footer| footer.filled);
        } else if let Some(commit) = log::last_commit(&source, prefix.segment, file_bytes, self.chunk, self.buffer)? {
            prefix.len_bytes = commit.len_bytes;
        }
        Ok(())
    }

    /// The next line of a segment, read through the store's chunk: one listing at a time.
    pub fn next_line(&mut self, lines: &mut Lines) -> Result<Option<Item>, Error> {
        let source = self.source();
        lines.next(&source, self.chunk)
    }

    /// Lends the store's chunk and buffer, for reading.
    pub fn with_buffer<R>(&mut self, run: impl FnOnce(&mut Self, &mut [u8]) -> Result<R, Error>) -> Result<R, Error> {
        let memory = core::mem::take(&mut self.buffer);
        let result = run(self, memory);
        self.buffer = memory;
        result
    }
}
