//! A writer's session in the log: appends entries to a segment of its own, seals it, writes commits (docs/FORMAT.md section 8).
//!
//! Order that survives a power cut: entries, sync, both copies of the commit, sync, pin; then the footer, sync, pin again.
//! A segment that was left for the next one is synced before the next commit, not before: the medium writes it while the session goes on.
//! After a failed write the session is poisoned: what the medium holds is not known, so everything is opened anew.

use crate::digest::{Hasher, digest};
use crate::error::{Error, Refusal, Trouble};
use crate::format::bytes::Writer;
use crate::format::commit::{Commit, Root, commit_id, pad_bytes};
use crate::format::entry::{EntryHeader, FILL, Kind, LEN, LINE_LEN, total_bytes};
use crate::format::footer::{LOCATOR_LEN, Locator, sealed_bytes};
use crate::format::header::{self, Parameters, SegmentHeader};
use crate::format::pin::Pin;
use crate::format::row::SegmentRow;
use crate::medium::MediumMut;
use crate::segment::{Item, Lines, Source, entries_hasher};
use crate::types::{Digest, Id, Place, SegmentNumber, align_up, low32, narrow, wide};

/// A session under way.
pub struct Session<'a> {
    writer: &'a dyn MediumMut,
    source: Source<'a>,
    segment: SegmentNumber,
    /// The first segment of this session that may not be durable yet.
    unsynced: SegmentNumber,
    at: u32,
    lines: u32,
    hasher: Hasher,
    /// Where the last commit of this session ended, if it lies in this segment.
    committed: Option<u32>,
    poisoned: bool,
}

/// Told a line of the segment, beside the session.
type EachLine<'e, 'a> = dyn FnMut(&mut Session<'a>, &[u8]) -> Result<(), Error> + 'e;

/// A commit to write, but for what the session knows itself.
#[derive(Clone, Copy)]
pub struct NewCommit<'a> {
    /// Sequence.
    pub sequence: u64,
    /// Time, ms since 1970.
    pub time: u64,
    /// The commit before.
    pub previous: Id,
    /// Roots of the segment table, the catalogue and the damage list.
    pub roots: [Root; 3],
    /// Rows of history, as stored.
    pub history: &'a [u8],
}

impl<'a> Session<'a> {
    /// Creates a segment exclusively, which is the fence: an existing number means that somebody else writes.
    pub fn create(writer: &'a dyn MediumMut, source: Source<'a>, segment: SegmentNumber) -> Result<Session<'a>, Error> {
        create(writer, segment)?;
        let hasher = entries_hasher(&source.parameters, segment);
        let unsynced = segment;
        Ok(Session { writer, source, segment, unsynced, at: 0, lines: 0, hasher, committed: None, poisoned: false })
    }

    /// Seals the segment and goes on in the next; which was left, and its row of the segment table.
    pub fn advance(&mut self, chunk: &mut [u8], buffer: &mut [u8]) -> Result<(SegmentNumber, SegmentRow), Error> {
        let left = self.segment;
        let (row, _) = self.seal(chunk, buffer)?;
        // Whatever fails from here on, nothing may be appended behind the footer.
        self.poisoned = true;
        self.segment = left.next().ok_or(Error::Refused(Refusal::TableFull))?;
        create(self.writer, self.segment)?;
        (self.at, self.lines, self.committed, self.poisoned) = (0, 0, None, false);
        self.hasher = entries_hasher(&self.source.parameters, self.segment);
        self.write_header(buffer)?;
        Ok((left, row))
    }

    /// Writes the segment header; `buffer` is at least one alignment unit and 128 bytes long.
    pub fn write_header(&mut self, buffer: &mut [u8]) -> Result<(), Error> {
        let parameters = self.source.parameters;
        let mut bytes = [0; header::LEN];
        SegmentHeader { parameters, segment: self.segment }.emit(&mut bytes);
        let to = part(buffer, narrow(parameters.first_entry().into()))?;
        to.fill(FILL);
        Writer::new(to).bytes(&bytes);
        self.raw_append(to)
    }

    /// The segment written to.
    pub fn segment(&self) -> SegmentNumber {
        self.segment
    }

    /// Whether everything written is part of a commit.
    pub fn is_committed(&self) -> bool {
        self.committed == Some(self.at)
    }

    /// Whether nothing more may be written: a write failed, or the segment was sealed.
    pub fn is_poisoned(&self) -> bool {
        self.poisoned
    }

    fn raw_append(&mut self, bytes: &[u8]) -> Result<(), Error> {
        if self.poisoned {
            return Err(Refusal::Poisoned.into());
        }
        if let Err(trouble) = self.writer.append(self.segment, bytes) {
            self.poisoned = true;
            return Err(Error::segment(self.segment)(trouble));
        }
        self.at = self.at.saturating_add(low32(wide(bytes.len())));
        Ok(())
    }

    /// Makes everything durable that this session has written.
    fn sync(&mut self) -> Result<(), Error> {
        if self.poisoned {
            // Asked again, a medium may claim success for what it has lost.
            return Err(Refusal::Poisoned.into());
        }
        while self.unsynced <= self.segment {
            if let Err(trouble) = self.writer.sync(self.unsynced) {
                self.poisoned = true;
                return Err(Error::segment(self.unsynced)(trouble));
            }
            if self.unsynced == self.segment {
                break;
            }
            self.unsynced = self.unsynced.next().unwrap_or(self.segment);
        }
        Ok(())
    }

    /// Whether an entry of `total` bytes fits, with room left for a commit and the footer.
    pub fn fits(&self, total: u64, history: u16) -> bool {
        let parameters = &self.source.parameters;
        let limit = parameters.segment_bytes.min(self.source.medium.rules().segment_bytes);
        let end = u64::from(self.at).saturating_add(total).saturating_add(commit_bytes(parameters, history));
        sealed_bytes(parameters, end, u64::from(self.lines).saturating_add(4)) <= limit.into()
    }

    /// Appends an entry: `entry` holds 128 bytes for the header, the payload, and room for the padding.
    pub fn append(&mut self, entry: &mut [u8], header: &EntryHeader) -> Result<Place, Error> {
        let parameters = self.source.parameters;
        let place = Place::new(self.segment, self.at);
        let total = narrow(header.total_bytes(&parameters));
        let entry = part(entry, total)?;
        let (head, payload) = entry.split_first_chunk_mut::<LEN>().ok_or(short_buffer(total))?;
        header.emit(head, &parameters.repository, place);
        payload.get_mut(narrow(header.stored_bytes.into())..).unwrap_or(&mut []).fill(FILL);
        self.raw_append(entry)?;
        self.hasher.update(&header.line(place.offset).bytes());
        self.lines = self.lines.saturating_add(1);
        Ok(place)
    }

    /// Syncs what was appended, then writes both copies of a commit and syncs them. `highest` is this segment: numbers only rise.
    pub fn commit(&mut self, new: &NewCommit<'_>, buffer: &mut [u8]) -> Result<(Commit, Id), Error> {
        let parameters = self.source.parameters;
        self.sync()?;
        let [segments, catalogue, damage] = new.roots;
        let commit = Commit {
            sequence: new.sequence,
            time: new.time,
            previous: new.previous,
            segment: self.segment,
            len_bytes: self.at,
            digest: Digest(self.hasher.clone().finish()),
            highest: self.segment,
            segments,
            catalogue,
            damage,
            history: low32(wide(new.history.len() / crate::format::commit::HISTORY_LEN)).try_into().unwrap_or(0),
        };
        let stored_bytes = commit.stored_bytes();
        let total = narrow(total_bytes(&parameters, stored_bytes));
        let id = self.write_copy(&commit, new.history, total, buffer)?;
        self.write_pad(low32(pad_bytes(&parameters)).saturating_sub(low32(LEN as u64)), buffer)?;
        self.write_copy(&commit, new.history, total, buffer)?;
        self.sync()?;
        self.committed = Some(self.at);
        Ok((commit, id))
    }

    fn write_copy(&mut self, commit: &Commit, history: &[u8], total: usize, buffer: &mut [u8]) -> Result<Id, Error> {
        let parameters = self.source.parameters;
        let entry = part(buffer, total)?;
        let payload = entry.get_mut(LEN..).unwrap_or(&mut []);
        let mut fields = Writer::new(payload);
        commit.emit(&mut fields);
        fields.bytes(history);
        let stored_bytes = commit.stored_bytes();
        let payload = payload.get(..narrow(stored_bytes.into())).unwrap_or(&[]);
        let id = commit_id(parameters.algorithm, &parameters.repository, self.segment, payload);
        let header = plain_header(Kind::Commit, id, digest(parameters.algorithm, payload), stored_bytes);
        self.append(entry, &header)?;
        Ok(id)
    }

    fn write_pad(&mut self, stored_bytes: u32, buffer: &mut [u8]) -> Result<(), Error> {
        let parameters = self.source.parameters;
        let entry = part(buffer, narrow(total_bytes(&parameters, stored_bytes)))?;
        entry.fill(FILL);
        let payload = entry.get(LEN..).and_then(|rest| rest.get(..narrow(stored_bytes.into()))).unwrap_or(&[]);
        let header = plain_header(Kind::Pad, Id::ZERO, digest(parameters.algorithm, payload), stored_bytes);
        self.append(entry, &header).map(|_| ())
    }

    /// Ends the segment with its footer and makes that durable; the file's length.
    pub fn finish(&mut self, chunk: &mut [u8], buffer: &mut [u8]) -> Result<u32, Error> {
        let (_, file_bytes) = self.seal(chunk, buffer)?;
        self.sync()?;
        Ok(file_bytes)
    }

    /// Ends the segment with its footer. Its row in the segment table, and the file's length.
    ///
    /// The lines are read back from the medium, twice, since nobody lent memory to keep them.
    fn seal(&mut self, chunk: &mut [u8], buffer: &mut [u8]) -> Result<(SegmentRow, u32), Error> {
        let parameters = self.source.parameters;
        let (footer, lines) = (self.at, self.lines);
        let mut payload = Hasher::new(parameters.algorithm);
        self.each_line(footer, chunk, &mut |_, line| {
            payload.update(line);
            Ok(())
        })?;
        let stored_bytes = lines.saturating_mul(low32(LINE_LEN as u64));
        let entry = plain_header(Kind::Footer, Id::ZERO, Digest(payload.finish()), stored_bytes);
        let mut head = [0; LEN];
        entry.emit(&mut head, &parameters.repository, Place::new(self.segment, footer));
        let mut stream = Stream { buffer, used: 0, alignment: narrow(parameters.alignment().into()) };
        stream.put(self, &head)?;
        self.each_line(footer, chunk, &mut |session, line| stream.put(session, line))?;
        stream.fill_up(self)?;
        let block = narrow(align_up(LOCATOR_LEN as u64, parameters.alignment().into()));
        stream.fill(self, block.saturating_sub(LOCATOR_LEN))?;
        let at = u64::from(self.at).saturating_add(wide(stream.used));
        let mut locator = [0; LOCATOR_LEN];
        Locator { footer, lines }.emit(&mut locator, &parameters.repository, Place::new(self.segment, low32(at)));
        stream.put(self, &locator)?;
        stream.flush(self)?;
        let digest = Digest(self.hasher.clone().finish());
        Ok((SegmentRow { len_bytes: footer, footer: true, live_bytes: footer, digest }, self.at))
    }

    fn each_line(&mut self, end: u32, chunk: &mut [u8], each: &mut EachLine<'_, 'a>) -> Result<(), Error> {
        let source = self.source;
        let mut lines = Lines::by_scan(&source, self.segment, end.into(), end.into());
        while let Some(item) = lines.next(&source, chunk)? {
            match item {
                Item::Line(line) => each(self, &line.bytes())?,
                Item::Gap(offset) => {
                    let place = Place::new(self.segment, offset);
                    return Err(Error::corrupt(place, crate::error::What::Entries));
                }
            }
        }
        Ok(())
    }

    /// Replaces the head pin, where the medium keeps one. `sealed_bytes` is 0 while the segment is open.
    pub fn pin(&self, sequence: u64, commit: Id, sealed_bytes: u32) -> Result<(), Error> {
        if !self.source.medium.rules().pin {
            return Ok(());
        }
        let repository = self.source.parameters.repository;
        let pin = Pin { repository, sequence, segment: self.segment, sealed_bytes, commit };
        self.writer.replace_pin(&pin.bytes()).map_err(Error::listing)
    }
}

fn create(writer: &dyn MediumMut, segment: SegmentNumber) -> Result<(), Error> {
    match writer.create(segment) {
        Ok(()) => Ok(()),
        Err(Trouble::Exists) => Err(Refusal::Fenced.into()),
        Err(trouble) => Err(Error::segment(segment)(trouble)),
    }
}

/// Bytes that a commit takes: two copies and the pad.
pub fn commit_bytes(parameters: &Parameters, history: u16) -> u64 {
    let payload = u64::from(history)
        .saturating_mul(crate::format::commit::HISTORY_LEN as u64)
        .saturating_add(crate::format::commit::FIXED_LEN as u64);
    let copy = total_bytes(parameters, low32(payload));
    copy.saturating_mul(2).saturating_add(pad_bytes(parameters))
}

/// The header of an entry whose payload is all head and stands for itself.
pub fn plain_header(kind: Kind, id: Id, digest: Digest, stored_bytes: u32) -> EntryHeader {
    EntryHeader { kind, depth: 0, stored_bytes, head_bytes: stored_bytes, raw_bytes: stored_bytes, id, base: Id::ZERO, digest }
}

/// The first `len` bytes of a lent buffer.
pub fn part(buffer: &mut [u8], len: usize) -> Result<&mut [u8], Error> {
    buffer.get_mut(..len).ok_or(short_buffer(len))
}

fn short_buffer(needed: usize) -> Error {
    Error::Memory { memory: crate::error::Memory::Buffer, needed: wide(needed) }
}

/// Collects small pieces into appends of whole alignment units.
struct Stream<'b> {
    buffer: &'b mut [u8],
    used: usize,
    alignment: usize,
}

impl Stream<'_> {
    fn put(&mut self, session: &mut Session<'_>, bytes: &[u8]) -> Result<(), Error> {
        for &byte in bytes {
            let len = self.buffer.len();
            *self.buffer.get_mut(self.used).ok_or(short_buffer(len.saturating_add(1)))? = byte;
            self.used = self.used.saturating_add(1);
            if self.used >= len.saturating_sub(len.checked_rem(self.alignment).unwrap_or(0)) {
                self.flush(session)?;
            }
        }
        Ok(())
    }

    fn fill(&mut self, session: &mut Session<'_>, len: usize) -> Result<(), Error> {
        (0..len).try_for_each(|_| self.put(session, &[FILL]))
    }

    fn fill_up(&mut self, session: &mut Session<'_>) -> Result<(), Error> {
        while self.used.checked_rem(self.alignment) != Some(0) {
            self.put(session, &[FILL])?;
        }
        Ok(())
    }

    fn flush(&mut self, session: &mut Session<'_>) -> Result<(), Error> {
        session.raw_append(self.buffer.get(..self.used).unwrap_or(&[]))?;
        self.used = 0;
        Ok(())
    }
}
