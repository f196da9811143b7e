//! Streams of our own (docs/FORMAT.md section 16): bound to the roots of both versions, and continued where they were cut.

use super::ground::{self, Base, Kept};
use super::input::Input;
use super::{Imported, Options, Room, Step};
use crate::codec::CodecId;
use crate::draft::{Description, DraftDisk, Frames};
use crate::error::{Error, Fault, Memory as Lent, Refusal, What};
use crate::format::bytes::gather;
use crate::format::header::Parameters;
use crate::format::record::HintSource;
use crate::format::stream::{HEADER_LEN_MAX, Header, PRELUDE_LEN, Parser, RECORD_LEN, Record};
use crate::frame::Work;
use crate::store::Store;
use crate::task::patiently;
use crate::types::{narrow, wide};

/// An import under way.
pub(super) struct Own<'m> {
    options: Options<'m>,
    started: u64,
    phase: Phase<'m>,
}

#[allow(clippy::large_enum_variant)] // one lives at a time, and there is no heap
enum Phase<'m> {
    /// So much of the header is there.
    Header(usize, Memory<'m>),
    Lay(Laying<'m>),
    Ended,
}

/// What the draft is going to be made in.
struct Memory<'m> {
    header: &'m mut [u8],
    source: &'m mut [u8],
    record: &'m mut [u8],
    pages: &'m mut [u8],
    frames: Frames<'m>,
}

/// A stream that is laid on a draft.
struct Laying<'m> {
    header: Header<'m>,
    description: Description<'m>,
    kept: Option<Kept>,
    disk: DraftDisk<'m, 'm>,
    parser: Parser<'m>,
    plain: &'m mut [u8],
    /// Where the last record that was laid ends on the disk; it never goes back.
    position: u64,
}

impl<'m> Own<'m> {
    pub fn new(store: &Store<'_>, options: &Options<'m>, room: Room<'m>) -> Result<Own<'m>, Error> {
        let Room { texts, record, pages, frames } = room;
        let no_room = Error::Memory { memory: Lent::Buffer, needed: wide(super::TEXTS_BYTES) };
        let (header, source) = texts.split_at_mut_checked(HEADER_LEN_MAX).ok_or(no_room)?;
        let phase = Phase::Header(0, Memory { header, source, record, pages, frames });
        Ok(Own { options: *options, started: store.host().now(), phase })
    }

    pub fn step(&mut self, input: &mut Input<'_>, store: &mut Store<'_>, work: &mut Work<'_>) -> Result<Step, Error> {
        match &mut self.phase {
            Phase::Header(held, memory) => match read_header(input, held, memory.header) {
                Ok(true) => self.begin(store),
                Ok(false) => Ok(Step::Feed),
                Err(why) if is_cut(&why) => Ok(Step::Done(Imported::Interrupted { why, position: 0 })),
                Err(why) => Err(why),
            },
            Phase::Lay(laying) => match laying.lay(input, store, work) {
                Ok(None) => laying.finish(self.started, input, store, work),
                Ok(Some(step)) => Ok(step),
                Err(why) if is_cut(&why) => laying.keep(why, store, work),
                Err(why) => Err(why),
            },
            Phase::Ended => Err(Refusal::Parameter.into()),
        }
    }

    /// The header is there: looks for what the stream is laid on, and opens the draft.
    #[inline(never)]
    fn begin(&mut self, store: &mut Store<'_>) -> Result<Step, Error> {
        let Phase::Header(len, memory) = core::mem::replace(&mut self.phase, Phase::Ended) else { return Ok(Step::Again) };
        let fault = |what| Error::Stream(Fault { what, offset: 0, record: 0 });
        let header: &'m [u8] = memory.header;
        let header = Header::parse(header.get(..len).unwrap_or(&[])).map_err(fault)?;
        check_parameters(&header, store.parameters())?;
        let base = base_of(&header, &self.options, store)?;
        let source = ground::draft_source(&header.base_root, &header.target_root, memory.source)?;
        let kept = Kept::find(store, source, header.target_bytes)?;
        let begun = match kept {
            // From the start on nothing of it is needed: should something be wrong with it, that ends here.
            _ if header.start == 0 => None,
            Some(kept) if header.start <= kept.position => Some(kept.manifest),
            _ => return Err(Refusal::StreamStart.into()),
        };
        let description = Description {
            name: self.options.name.unwrap_or(header.name),
            snapshot: self.options.snapshot.unwrap_or(header.snapshot),
            source,
            hints: (HintSource::None, ""),
            group: [0; 16],
            disk_size: header.target_bytes,
            time: header.time,
            base: base.id,
        };
        let frame_bytes = narrow(header.frame_bytes().into());
        let (stored, plain) = memory.record.split_at_mut(frame_bytes.min(memory.record.len()));
        let start = (begun.unwrap_or(base.manifest), kept.map(|kept| kept.key));
        let disk = ground::open(store, description, start, (memory.pages, memory.frames))?;
        let position = if begun.is_some() { kept.map_or(0, |kept| kept.position) } else { 0 };
        let parser = Parser::new(&header, stored)?;
        self.phase = Phase::Lay(Laying { header, description, kept, disk, parser, plain, position });
        Ok(Step::Again)
    }
}

impl Laying<'_> {
    /// Lays the next record on the disk; none if the stream is complete.
    fn lay(&mut self, input: &mut Input<'_>, store: &mut Store<'_>, work: &mut Work<'_>) -> Result<Option<Step>, Error> {
        loop {
            let before = input.offset();
            let Some(bytes) = input.ahead(1)? else { return Ok(Some(Step::Feed)) };
            let (taken, record) = self.parser.step(bytes)?;
            match record {
                None if taken == 0 => return self.parser.end().map(|()| None).map_err(Error::from),
                None => input.take(taken),
                Some(record) => {
                    let behind = before.saturating_add(wide(taken));
                    let end = lay_record(&mut self.disk, &record, behind, self.plain, store, work)?;
                    self.position = end.max(self.position);
                    store.go_on(self.position, self.disk.size())?;
                    input.take(taken);
                    return Ok(Some(Step::Again));
                }
            }
        }
    }

    /// Makes the version, if it is the one the stream tells of.
    fn finish(&mut self, started: u64, input: &Input<'_>, store: &mut Store<'_>, work: &mut Work<'_>) -> Result<Step, Error> {
        if patiently(|| self.disk.root(store, work))? != self.header.target_root {
            return Err(Error::Outcome);
        }
        self.disk.draft_mut().describe(Description { source: self.header.source, ..self.description });
        ground::finish(&mut self.disk, started, input.offset(), store, work).map(Step::Done)
    }

    /// Keeps what was laid as a draft, unless the one there is has as much.
    fn keep(&mut self, why: Error, store: &mut Store<'_>, work: &mut Work<'_>) -> Result<Step, Error> {
        let before = self.kept.map_or(0, |kept| kept.position);
        if self.position > before {
            patiently(|| self.disk.flush(self.position, store, work))?;
        }
        patiently(|| store.close())?;
        Ok(Step::Done(Imported::Interrupted { why, position: self.position.max(before) }))
    }
}

/// Whether what was read so far is right, and only the rest is missing.
fn is_cut(error: &Error) -> bool {
    matches!(error, Error::Line { .. } | Error::Stream(Fault { what: What::Short, .. }))
}

/// Gathers the header, of which `held` bytes are there; whether that is all of it.
fn read_header(input: &mut Input<'_>, held: &mut usize, to: &mut [u8]) -> Result<bool, Error> {
    let fault = |what, offset| Error::Stream(Fault { what, offset, record: 0 });
    loop {
        let stated = Header::stated_len(to.get(..*held).unwrap_or(&[])).map_err(|what| fault(what, 0))?;
        let wanted = stated.unwrap_or(PRELUDE_LEN);
        if *held == wanted {
            return Ok(true);
        }
        let Some(bytes) = input.ahead(1)? else { return Ok(false) };
        let taken = gather(to.get_mut(..wanted).unwrap_or(&mut []), *held, bytes);
        if taken == 0 {
            return Err(fault(What::Short, wide(*held)));
        }
        input.take(taken);
        *held = held.saturating_add(taken);
    }
}

/// Roots of other parameters are other roots, whatever is on the disk.
fn check_parameters(header: &Header<'_>, parameters: &Parameters) -> Result<(), Error> {
    let here = (parameters.algorithm, parameters.block_log2, parameters.frame_log2, parameters.fan_out_log2);
    match here == (header.algorithm, header.block_log2, header.frame_log2, header.fan_out_log2) {
        true => Ok(()),
        false => Err(Refusal::StreamParameters.into()),
    }
}

/// The version it is laid on: the one chosen, if it has the right root, otherwise any that has.
fn base_of(header: &Header<'_>, options: &Options<'_>, store: &mut Store<'_>) -> Result<Base, Error> {
    let base = match options.base {
        Some(_) if header.base_root.is_zero() => return Err(Refusal::StreamWhole.into()),
        Some(link) => Some(Base::chosen(store, &link, &mut |_| {})?),
        None if header.base_root.is_zero() => Some(Base::NONE),
        None => Base::with_root(store, &header.base_root)?,
    };
    let is_it = |base: &Base| base.root == header.base_root && base.manifest.disk_size == header.base_bytes;
    base.filter(is_it).ok_or(Error::Refused(Refusal::StreamBase))
}

/// Lays one record, which ends at `behind` in the stream, on the disk; where it ends there.
fn lay_record(
    disk: &mut DraftDisk<'_, '_>,
    record: &Record<'_>,
    behind: u64,
    plain: &mut [u8],
    store: &mut Store<'_>,
    work: &mut Work<'_>,
) -> Result<u64, Error> {
    match *record {
        Record::Data { number, offset, len_bytes, codec, stored } => {
            let len = wide(RECORD_LEN).saturating_add(wide(stored.len()));
            let fault = |what| Error::Stream(Fault { what, offset: behind.saturating_sub(len), record: number });
            let bytes = match codec {
                CodecId::None => stored,
                codec => {
                    let to = plain.get_mut(..narrow(len_bytes.into())).ok_or(fault(What::Length))?;
                    work.codecs.decode(codec, stored, to).map_err(fault)?;
                    to
                }
            };
            patiently(|| disk.write_at(offset, bytes, store, work))?;
            Ok(offset.saturating_add(len_bytes.into()))
        }
        Record::Zero { offset, len_bytes, .. } => {
            patiently(|| disk.zero(offset, len_bytes, store, work))?;
            Ok(offset.saturating_add(len_bytes))
        }
        Record::End { .. } => Ok(disk.size()),
    }
}
