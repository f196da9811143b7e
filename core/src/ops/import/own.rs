//! Streams of our own (docs/FORMAT.md section 16): bound to the roots of both versions, and continued where they were cut.

use super::ground::{self, Base, Kept};
use super::input::Input;
use super::{Imported, Options, Room};
use crate::codec::CodecId;
use crate::draft::{Description, DraftDisk};
use crate::error::{Error, Fault, Memory, Refusal, What};
use crate::format::bytes::gather;
use crate::format::header::Parameters;
use crate::format::record::HintSource;
use crate::format::stream::{HEADER_LEN_MAX, Header, PRELUDE_LEN, Parser, RECORD_LEN, Record};
use crate::frame::Work;
use crate::store::Store;
use crate::task::patiently;
use crate::types::{narrow, wide};

pub(super) fn import<'m>(
    store: &mut Store<'_>,
    input: &mut Input<'_>,
    options: &Options<'m>,
    room: Room<'m>,
    work: &mut Work<'_>,
) -> Result<Imported, Error> {
    let Room { texts, record, pages, frames } = room;
    let started = store.host().now();
    let no_room = Error::Memory { memory: Memory::Buffer, needed: wide(super::TEXTS_BYTES) };
    let (header, source) = texts.split_at_mut_checked(HEADER_LEN_MAX).ok_or(no_room)?;
    let header = match read_header(input, header) {
        Err(why) if is_cut(&why) => return Ok(Imported::Interrupted { why, position: 0 }),
        header => header?,
    };
    check_parameters(&header, store.parameters())?;
    let base = base_of(&header, options, store)?;
    let source = ground::draft_source(&header.base_root, &header.target_root, source)?;
    let kept = Kept::find(store, source, header.target_bytes)?;
    let begun = match kept {
        // From the start on nothing of it is needed: should something be wrong with it, that ends here.
        _ if header.start == 0 => None,
        Some(kept) if header.start <= kept.position => Some(kept.manifest),
        _ => return Err(Refusal::StreamStart.into()),
    };
    let description = Description {
        name: options.name.unwrap_or(header.name),
        snapshot: options.snapshot.unwrap_or(header.snapshot),
        source,
        hints: (HintSource::None, ""),
        group: [0; 16],
        disk_size: header.target_bytes,
        time: header.time,
        base: base.id,
    };
    let (stored, plain) = record.split_at_mut(narrow(header.frame_bytes().into()).min(record.len()));
    let start = (begun.unwrap_or(base.manifest), kept.map(|kept| kept.key));
    let mut disk = ground::open(store, description, start, (pages, frames))?;
    let mut position = if begun.is_some() { kept.map_or(0, |kept| kept.position) } else { 0 };
    match lay(&mut disk, Parser::new(&header, stored)?, input, plain, &mut position, store, work) {
        Err(why) if is_cut(&why) => return keep(&mut disk, kept, position, why, store, work),
        laid => laid?,
    }
    if patiently(|| disk.root(store, work))? != header.target_root {
        return Err(Error::Outcome);
    }
    disk.draft_mut().describe(Description { source: header.source, ..description });
    ground::finish(&mut disk, started, input.offset(), store, work)
}

/// Whether what was read so far is right, and only the rest is missing.
fn is_cut(error: &Error) -> bool {
    matches!(error, Error::Line { .. } | Error::Stream(Fault { what: What::Short, .. }))
}

fn read_header<'t>(input: &mut Input<'_>, to: &'t mut [u8]) -> Result<Header<'t>, Error> {
    let fault = |what, offset| Error::Stream(Fault { what, offset, record: 0 });
    let mut held = 0;
    let len = loop {
        let stated = Header::stated_len(to.get(..held).unwrap_or(&[])).map_err(|what| fault(what, 0))?;
        let wanted = stated.unwrap_or(PRELUDE_LEN);
        if held == wanted {
            break held;
        }
        let taken = gather(to.get_mut(..wanted).unwrap_or(&mut []), held, input.bytes()?);
        if taken == 0 {
            return Err(fault(What::Short, wide(held)));
        }
        input.take(taken);
        held = held.saturating_add(taken);
    };
    Header::parse(to.get(..len).unwrap_or(&[])).map_err(|what| fault(what, 0))
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
        Some(link) => Some(Base::chosen(store, &link, |_| {})?),
        None if header.base_root.is_zero() => Some(Base::NONE),
        None => Base::with_root(store, &header.base_root)?,
    };
    let is_it = |base: &Base| base.root == header.base_root && base.manifest.disk_size == header.base_bytes;
    base.filter(is_it).ok_or(Error::Refused(Refusal::StreamBase))
}

/// Lays all records on the disk; `position` is where the last one that was laid ends, and never goes back.
fn lay(
    disk: &mut DraftDisk<'_, '_>,
    mut parser: Parser<'_>,
    input: &mut Input<'_>,
    plain: &mut [u8],
    position: &mut u64,
    store: &mut Store<'_>,
    work: &mut Work<'_>,
) -> Result<(), Error> {
    loop {
        let before = input.offset();
        let (taken, record) = parser.step(input.bytes()?)?;
        match record {
            None if taken == 0 => return Ok(parser.end()?),
            None => {}
            Some(record) => {
                let end = lay_record(disk, &record, before.saturating_add(wide(taken)), plain, store, work)?;
                *position = end.max(*position);
                store.go_on(*position, disk.size())?;
            }
        }
        input.take(taken);
    }
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

/// Keeps what was laid as a draft, unless the one there is has as much.
fn keep(
    disk: &mut DraftDisk<'_, '_>,
    kept: Option<Kept>,
    position: u64,
    why: Error,
    store: &mut Store<'_>,
    work: &mut Work<'_>,
) -> Result<Imported, Error> {
    let before = kept.map_or(0, |kept| kept.position);
    if position > before {
        patiently(|| disk.flush(position, store, work))?;
    }
    patiently(|| store.close())?;
    Ok(Imported::Interrupted { why, position: position.max(before) })
}
