//! One segment: its header, its entries, its footer. Reads only; knows nothing of commits.
//!
//! The lines of a segment come from its footer if that is right, otherwise from a scan that looks on where no valid header stands
//! (docs/FORMAT.md section 12); both give the same entries digest.

use crate::digest::{Hasher, digest};
use crate::error::{Error, Trouble, What};
use crate::format::entry::{EntryHeader, FILL, Kind, LEN, LINE_LEN, Line, MAGIC};
use crate::format::footer::{LOCATOR_LEN, Locator, locator_place, sealed_bytes};
use crate::format::header::{self, HeaderFault, Parameters, SEGMENT_BYTES_MAX, SegmentHeader};
use crate::format::record::record_id;
use crate::medium::{Medium, Name};
use crate::types::{Digest, Link, Place, SegmentNumber, low32, narrow, wide};

/// A repository to read: its medium and parameters.
#[derive(Clone, Copy)]
pub struct Source<'a> {
    /// The medium.
    pub medium: &'a dyn Medium,
    /// The parameters, the same in all segments.
    pub parameters: Parameters,
}

/// The header of a segment, as it stands.
pub fn header(medium: &dyn Medium, segment: SegmentNumber) -> Result<Result<SegmentHeader, HeaderFault>, Error> {
    let mut bytes = [0; header::LEN];
    match medium.read(Name::Segment(segment), 0, &mut bytes) {
        Ok(()) => Ok(SegmentHeader::parse(&bytes)),
        Err(Trouble::Short) => Ok(Err(HeaderFault::Bad(What::Length))),
        Err(trouble) => Err(Error::segment(segment)(trouble)),
    }
}

/// Starts the entries digest of a segment.
pub fn entries_hasher(parameters: &Parameters, segment: SegmentNumber) -> Hasher {
    let mut hasher = Hasher::named(parameters.algorithm, "sarsen entries");
    hasher.update(&parameters.repository.0).number(segment.0.into());
    hasher
}

#[inline(never)] // its copy of the hasher is not there while lines are read
fn finished(hasher: &Hasher) -> Digest {
    Digest(hasher.clone().finish())
}

impl<'a> Source<'a> {
    /// Fills `to` from a place.
    pub fn read(&self, place: Place, to: &mut [u8]) -> Result<(), Error> {
        self.read_of(place, place, to)
    }

    /// The same; where it fails, the entry at `of` is what could not be read.
    fn read_of(&self, of: Place, place: Place, to: &mut [u8]) -> Result<(), Error> {
        self.medium.read(Name::Segment(place.segment), place.offset.into(), to).map_err(Error::at(of))
    }

    /// Length of a segment's file; none if it is gone.
    pub fn len(&self, segment: SegmentNumber) -> Result<Option<u64>, Error> {
        match self.medium.len(Name::Segment(segment)) {
            Ok(len) => Ok(Some(len)),
            Err(Trouble::Gone) => Ok(None),
            Err(trouble) => Err(Error::segment(segment)(trouble)),
        }
    }

    /// The header of the entry at `place`, which must end by `limit`.
    pub fn entry(&self, place: Place, limit: u64) -> Result<EntryHeader, Error> {
        let mut bytes = [0; LEN];
        self.read(place, &mut bytes)?;
        self.parse_entry(&bytes, place, limit)
    }

    #[inline(never)] // what it has in hand is not there while the medium is read
    fn parse_entry(&self, bytes: &[u8; LEN], place: Place, limit: u64) -> Result<EntryHeader, Error> {
        let damaged = |what| Error::corrupt(place, what);
        let parsed = EntryHeader::parse(bytes, &self.parameters.repository, place);
        let entry = parsed.as_ref().map_err(|what| damaged(*what))?;
        match u64::from(place.offset).saturating_add(entry.total_bytes(&self.parameters)) <= limit {
            true => Ok(*entry),
            false => Err(damaged(What::Length)),
        }
    }

    /// Reads the whole payload into `to` and checks what the payload digest covers.
    pub fn payload<'b>(&self, place: Place, entry: &EntryHeader, to: &'b mut [u8]) -> Result<&'b [u8], Error> {
        let payload = self.payload_unchecked(place, entry, to)?;
        let head = payload.get(..narrow(entry.head_bytes.into())).unwrap_or(&[]);
        match digest(self.parameters.algorithm, head) == entry.digest {
            true => Ok(payload),
            false => Err(Error::corrupt(place, What::StoredDigest)),
        }
    }

    /// The payload of the record a link leads to, read into `to`.
    pub fn record<'b>(&self, link: &Link, to: &'b mut [u8]) -> Result<&'b [u8], Error> {
        let entry = self.entry(link.place, SEGMENT_BYTES_MAX.into())?;
        if entry.kind != Kind::Record || entry.id != link.id {
            return Err(Error::corrupt(link.place, What::Id));
        }
        let payload = self.payload(link.place, &entry, to)?;
        match record_id(self.parameters.algorithm, payload) == link.id {
            true => Ok(payload),
            false => Err(Error::corrupt(link.place, What::Id)),
        }
    }

    fn payload_unchecked<'b>(&self, place: Place, entry: &EntryHeader, to: &'b mut [u8]) -> Result<&'b [u8], Error> {
        let needed = narrow(entry.stored_bytes.into());
        let to = to.get_mut(..needed).ok_or(Error::Memory { memory: crate::error::Memory::Buffer, needed: wide(needed) })?;
        self.read_of(place, payload_place(place), to)?;
        Ok(to)
    }

    /// Whether the bytes between an entry's payload and the next entry are the fixed filling.
    pub fn padding_is_right(&self, place: Place, entry: &EntryHeader) -> Result<bool, Error> {
        let used = u64::from(place.offset).saturating_add(LEN as u64).saturating_add(entry.stored_bytes.into());
        let end = u64::from(place.offset).saturating_add(entry.total_bytes(&self.parameters));
        self.is_filling(place.segment, used, end)
    }

    /// Whether a range holds only the fixed filling.
    pub fn is_filling(&self, segment: SegmentNumber, from: u64, to: u64) -> Result<bool, Error> {
        let mut at = from;
        let mut chunk = [0; 64];
        while at < to {
            let len = narrow(to.saturating_sub(at)).min(chunk.len());
            let bytes = chunk.get_mut(..len).unwrap_or(&mut []);
            self.read(Place::new(segment, low32(at)), bytes)?;
            if bytes.iter().any(|&byte| byte != FILL) {
                return Ok(false);
            }
            at = at.saturating_add(wide(len));
        }
        Ok(true)
    }

    /// The footer that the locator at the end of the file leads to, if it is right. `cut` asks for the digest of the lines before that offset.
    pub fn footer(&self, segment: SegmentNumber, len_bytes: u64, cut: u32, chunk: &mut [u8]) -> Result<Option<Footer>, Error> {
        let Some(locator) = self.locator(segment, len_bytes)? else { return Ok(None) };
        let place = Place::new(segment, locator.footer);
        let read = self.entry(place, len_bytes);
        let entry = match &read {
            Ok(entry) if entry.kind == Kind::Footer => entry,
            Err(error) if !error.is_damage() => return Err(*error),
            _ => return Ok(None),
        };
        let lines_bytes = u64::from(locator.lines).saturating_mul(LINE_LEN as u64);
        if lines_bytes != u64::from(entry.stored_bytes)
            || sealed_bytes(&self.parameters, locator.footer.into(), locator.lines.into()) != len_bytes
        {
            return Ok(None);
        }
        match self.footer_lines(place, entry, locator, cut, chunk) {
            Ok(Some(mut footer)) => {
                let end = len_bytes.saturating_sub(LOCATOR_LEN as u64);
                let used = u64::from(place.offset).saturating_add(LEN as u64).saturating_add(lines_bytes);
                footer.filled = self.is_filling(segment, used, end)?;
                Ok(Some(footer))
            }
            Err(error) if !error.is_damage() => Err(error),
            _ => Ok(None),
        }
    }

    fn locator(&self, segment: SegmentNumber, len_bytes: u64) -> Result<Option<Locator>, Error> {
        let Some(place) = locator_place(segment, len_bytes) else { return Ok(None) };
        let mut bytes = [0; LOCATOR_LEN];
        match self.read(place, &mut bytes) {
            Ok(()) => Ok(Locator::parse(&bytes, &self.parameters.repository, place).ok()),
            Err(error) if error.is_damage() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Checks payload digest and lines of a footer in one pass.
    fn footer_lines(
        &self,
        place: Place,
        entry: &EntryHeader,
        locator: Locator,
        cut: u32,
        chunk: &mut [u8],
    ) -> Result<Option<Footer>, Error> {
        let mut lines = Lines::of_footer(self, place.segment, place.offset, locator.lines);
        let mut payload = Hasher::new(self.parameters.algorithm);
        let mut all = entries_hasher(&self.parameters, place.segment);
        let mut before_cut = all.clone();
        while let Some(item) = lines.next(self, chunk)? {
            let Item::Line(line) = item else { return Ok(None) };
            let bytes = line.bytes();
            payload.update(&bytes);
            all.update(&bytes);
            if line.offset < cut {
                before_cut.update(&bytes);
            }
        }
        let right = lines.at == u64::from(place.offset) && finished(&payload) == entry.digest;
        Ok(right.then(|| Footer {
            offset: place.offset,
            lines: locator.lines,
            digest: finished(&all),
            digest_before_cut: finished(&before_cut),
            filled: false,
        }))
    }

    /// The first offset from `from` on, below `stop`, where a header valid up to `end` stands; `stop` if none does.
    fn look_on(&self, segment: SegmentNumber, from: u64, stop: u64, end: u64, chunk: &mut [u8]) -> Result<u64, Error> {
        let step = u64::from(self.parameters.alignment());
        let mut at = from;
        while at < stop {
            let len = narrow(stop.saturating_sub(at)).min(chunk.len());
            let bytes = chunk.get_mut(..len).unwrap_or(&mut []);
            match self.read(Place::new(segment, low32(at)), bytes) {
                Ok(()) => {}
                // A chunk that cannot be read as a whole is tried piece by piece.
                Err(error) if error.is_damage() && wide(len) > step => {
                    return self.look_on_slowly(segment, at, stop, end);
                }
                Err(error) if error.is_damage() => return Ok(stop),
                Err(error) => return Err(error),
            }
            let pieces = bytes.chunks(narrow(step.max(1))).enumerate();
            for (number, _) in pieces.filter(|(_, piece)| piece.starts_with(&MAGIC)) {
                let offset = at.saturating_add(wide(number).saturating_mul(step));
                match self.entry(Place::new(segment, low32(offset)), end) {
                    Ok(_) => return Ok(offset),
                    Err(error) if error.is_damage() => {}
                    Err(error) => return Err(error),
                }
            }
            at = at.saturating_add(wide(len).max(step) / step.max(1) * step);
        }
        Ok(stop)
    }

    fn look_on_slowly(&self, segment: SegmentNumber, from: u64, stop: u64, end: u64) -> Result<u64, Error> {
        let mut at = from;
        while at < stop {
            match self.entry(Place::new(segment, low32(at)), end) {
                Ok(_) => return Ok(at),
                Err(error) if error.is_damage() => at = at.saturating_add(self.parameters.alignment().into()),
                Err(error) => return Err(error),
            }
        }
        Ok(stop)
    }
}

/// Where an entry's payload lies.
pub fn payload_place(place: Place) -> Place {
    Place::new(place.segment, place.offset.saturating_add(low32(LEN as u64)))
}

/// A footer that is right.
#[derive(Clone, Copy, Debug)]
pub struct Footer {
    /// Where it lies; the entries end there.
    pub offset: u32,
    /// How many entries.
    pub lines: u32,
    /// Entries digest of all lines.
    pub digest: Digest,
    /// Entries digest of the lines before the cut that was asked for.
    pub digest_before_cut: Digest,
    /// Whether the filling behind it is as fixed.
    pub filled: bool,
}

/// What stands next in a segment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Item {
    /// An entry.
    Line(Line),
    /// No valid header stands here, where an entry should begin.
    Gap(u32),
}

/// The lines of a segment, one after the other. The same chunk of memory must be lent to every call, untouched in between.
#[derive(Clone, Copy, Debug)]
pub struct Lines {
    segment: SegmentNumber,
    /// Where the next entry should begin.
    pub at: u64,
    /// Where the part being read ends: no entry reaches beyond it.
    end: u64,
    /// Where a scan stops: `end`, or the end of a truncated file.
    stop: u64,
    /// Next line in the footer, and lines left; none in a scan.
    footer: Option<(u64, u32)>,
    /// Lines buffered in the chunk: from, to, in bytes.
    buffered: (usize, usize),
    looking_on: bool,
}

impl Lines {
    /// Lines by scanning up to `end`, or to the end of the file if that comes first.
    pub fn by_scan(source: &Source<'_>, segment: SegmentNumber, end: u64, file_bytes: u64) -> Lines {
        let at = source.parameters.first_entry().into();
        Lines { segment, at, end, stop: end.min(file_bytes), footer: None, buffered: (0, 0), looking_on: false }
    }

    /// Lines by scanning from `at`, an entry's beginning.
    pub fn from(self, at: u32) -> Lines {
        Lines { at: at.into(), ..self }
    }

    /// Lines from the footer at `footer`.
    pub fn of_footer(source: &Source<'_>, segment: SegmentNumber, footer: u32, lines: u32) -> Lines {
        let first = u64::from(footer).saturating_add(LEN as u64);
        Lines { footer: Some((first, lines)), ..Lines::by_scan(source, segment, footer.into(), footer.into()) }
    }

    /// Whether no line waits in the chunk, so that it may be used for something else.
    pub fn is_drained(&self) -> bool {
        self.buffered.0 >= self.buffered.1
    }

    /// The next item; none at the end. Nothing has changed if it fails.
    pub fn next(&mut self, source: &Source<'_>, chunk: &mut [u8]) -> Result<Option<Item>, Error> {
        match self.footer {
            Some((at, left)) => self.next_in_footer(source, chunk, at, left),
            None => self.next_by_scan(source, chunk),
        }
    }

    fn next_in_footer(&mut self, source: &Source<'_>, chunk: &mut [u8], at: u64, left: u32) -> Result<Option<Item>, Error> {
        if left == 0 {
            return Ok(None);
        }
        if self.is_drained() {
            let lines = (chunk.len() / LINE_LEN).min(narrow(left.into()));
            let bytes = lines.saturating_mul(LINE_LEN);
            let to = chunk.get_mut(..bytes).filter(|to| !to.is_empty());
            let to = to.ok_or(Error::Memory { memory: crate::error::Memory::Buffer, needed: LINE_LEN as u64 })?;
            source.read(Place::new(self.segment, low32(at)), to)?;
            self.buffered = (0, bytes);
        }
        let corrupt = |what| Error::corrupt(Place::new(self.segment, low32(self.end)), what);
        let bytes = chunk.get(self.buffered.0..).and_then(|rest| rest.first_chunk::<LINE_LEN>());
        let line = Line::parse(bytes.ok_or(corrupt(What::Length))?).map_err(corrupt)?;
        let end = line.end(&source.parameters);
        if u64::from(line.offset) != self.at || end > self.end {
            return Err(corrupt(What::Length));
        }
        self.buffered.0 = self.buffered.0.saturating_add(LINE_LEN);
        self.footer = Some((at.saturating_add(LINE_LEN as u64), left.saturating_sub(1)));
        self.at = end;
        Ok(Some(Item::Line(line)))
    }

    fn next_by_scan(&mut self, source: &Source<'_>, chunk: &mut [u8]) -> Result<Option<Item>, Error> {
        if self.looking_on {
            self.at = source.look_on(self.segment, self.at, self.stop, self.end, chunk)?;
            self.looking_on = false;
        }
        if self.at >= self.stop {
            return Ok(None);
        }
        let offset = low32(self.at);
        match source.entry(Place::new(self.segment, offset), self.end) {
            Ok(entry) => {
                self.at = self.at.saturating_add(entry.total_bytes(&source.parameters));
                Ok(Some(Item::Line(entry.line(offset))))
            }
            Err(error) if error.is_damage() => {
                self.looking_on = true;
                self.at = self.at.saturating_add(source.parameters.alignment().into());
                Ok(Some(Item::Gap(offset)))
            }
            Err(error) => Err(error),
        }
    }
}
