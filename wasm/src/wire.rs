//! Jobs and outcomes as bytes, between instances of this very module: not a format, and nothing is kept of it.

use embedded_io::ErrorKind;
use sarsen_core::chain::Chain;
use sarsen_core::error::{Error, Memory, Trouble, What};
use sarsen_core::format::bytes::Reader;
use sarsen_core::format::entry::{LINE_LEN, Line};
use sarsen_core::task::{Before, Fault, Job, Outcome, Piece};
use sarsen_core::types::{Digest, Id, Place, SegmentNumber};

/// Bytes that are written one field after the other.
pub struct Wire(pub Vec<u8>);

impl Wire {
    fn u8(&mut self, value: u8) -> &mut Wire {
        self.0.push(value);
        self
    }

    fn u32(&mut self, value: u32) -> &mut Wire {
        self.bytes(&value.to_le_bytes())
    }

    fn u64(&mut self, value: u64) -> &mut Wire {
        self.bytes(&value.to_le_bytes())
    }

    fn bytes(&mut self, bytes: &[u8]) -> &mut Wire {
        self.0.extend_from_slice(bytes);
        self
    }

    fn place(&mut self, place: Place) -> &mut Wire {
        self.u32(place.segment.0).u32(place.offset)
    }

    fn chain(&mut self, chain: &Chain) -> &mut Wire {
        self.u8(u8::try_from(chain.places().len()).unwrap_or(u8::MAX));
        chain.places().iter().for_each(|place| {
            self.place(*place);
        });
        self
    }
}

fn place(fields: &mut Reader<'_>) -> Result<Place, What> {
    Ok(Place::new(SegmentNumber(fields.u32()?), fields.u32()?))
}

fn chain(fields: &mut Reader<'_>) -> Result<Chain, What> {
    let mut chain = Chain::NONE;
    for _ in 0..fields.u8()? {
        chain.push(place(fields)?);
    }
    Ok(chain)
}

/// Adds a job; none of those that write are handed out here.
pub fn put_job(wire: &mut Wire, job: &Job) -> Option<()> {
    match &job.piece {
        Piece::Check { place, limit, line, decodes } => {
            wire.u8(1).place(*place).u64(*limit).u8((*decodes).into()).u8(line.is_some().into());
            wire.bytes(line.map(|line| line.bytes()).as_ref().map_or(&[], |bytes| bytes.as_slice()));
        }
        Piece::Prove { id, raw_bytes, chain, every } => {
            wire.u8(2).bytes(&id.0).u32(*raw_bytes).u8((*every).into()).chain(chain);
        }
        Piece::Fetch { block, id, raw_bytes, chain } => {
            wire.u8(3).u64(*block).bytes(&id.0).u32(*raw_bytes).chain(chain);
        }
        Piece::Differ { block, raw_bytes, old: Before::Disk, new } => {
            wire.u8(4).u64(*block).u32(*raw_bytes).chain(new);
        }
        _ => return None,
    }
    Some(())
}

/// Takes a job.
pub fn take_job(fields: &mut Reader<'_>) -> Result<Job, What> {
    Ok(match fields.u8()? {
        1 => {
            let (place, limit, decodes) = (place(fields)?, fields.u64()?, fields.u8()? == 1);
            let line = match fields.u8()? {
                0 => None,
                _ => Some(Line::parse(&fields.array::<LINE_LEN>()?)?),
            };
            Job::check(place, limit, line, decodes)
        }
        2 => {
            let (id, raw_bytes, every) = (Id(fields.array()?), fields.u32()?, fields.u8()? == 1);
            Job::prove(id, raw_bytes, chain(fields)?, every)
        }
        3 => {
            let (block, id, raw_bytes) = (fields.u64()?, Id(fields.array()?), fields.u32()?);
            Job::fetch(block, id, raw_bytes, chain(fields)?)
        }
        4 => {
            let (block, raw_bytes) = (fields.u64()?, fields.u32()?);
            Job::differ(block, raw_bytes, Before::Disk, chain(fields)?)
        }
        _ => return Err(What::Field),
    })
}

/// Adds an outcome, and what it has left in the worker's buffers.
pub fn put_outcome(wire: &mut Wire, job: &Job, outcome: &Result<Outcome, Error>, (raw, packed): (&[u8], &[u8])) {
    let start = |len: u32| raw.get(..usize::try_from(len).unwrap_or(usize::MAX)).unwrap_or(&[]);
    match (outcome, &job.piece) {
        (Ok(Outcome::Checked { fault, digest, len_bytes }), _) => {
            let fault = match fault {
                None => 0,
                Some(Fault::Entry) => 1,
                Some(Fault::Payload) => 2,
                Some(Fault::Padding) => 3,
                Some(Fault::Unreadable) => 4,
            };
            wire.u8(1).u8(fault).bytes(&digest.0).u32(*len_bytes);
        }
        (Ok(Outcome::Proved { right }), _) => {
            wire.u8(2).u8((*right).into());
        }
        (Ok(Outcome::Fetched), Piece::Fetch { raw_bytes, .. }) => {
            wire.u8(3).u32(*raw_bytes).bytes(start(*raw_bytes));
        }
        (Ok(Outcome::Differs { start: from, end }), Piece::Differ { raw_bytes, .. }) => {
            let range = usize::try_from(*from).unwrap_or(usize::MAX)..usize::try_from(*end).unwrap_or(usize::MAX);
            let runs = packed.get(range).unwrap_or(&[]);
            wire.u8(4).u32(u32::try_from(runs.len()).unwrap_or(0)).bytes(runs).u32(*raw_bytes).bytes(start(*raw_bytes));
        }
        (Err(error), _) => put_error(wire, error),
        _ => put_error(wire, &Error::Random),
    }
}

/// What came of a job, and the bytes it left: raw, then packed.
pub type Came = (Result<Outcome, Error>, Vec<u8>, Vec<u8>);

/// Takes an outcome.
pub fn take_outcome(fields: &mut Reader<'_>) -> Result<Came, What> {
    let of = |outcome| (outcome, Vec::new(), Vec::new());
    Ok(match fields.u8()? {
        1 => {
            let fault = match fields.u8()? {
                0 => None,
                1 => Some(Fault::Entry),
                2 => Some(Fault::Payload),
                3 => Some(Fault::Padding),
                4 => Some(Fault::Unreadable),
                _ => return Err(What::Field),
            };
            of(Ok(Outcome::Checked { fault, digest: Digest(fields.array()?), len_bytes: fields.u32()? }))
        }
        2 => of(Ok(Outcome::Proved { right: fields.u8()? == 1 })),
        3 => (Ok(Outcome::Fetched), run(fields)?.to_vec(), Vec::new()),
        4 => {
            let runs = run(fields)?.to_vec();
            let end = u32::try_from(runs.len()).map_err(|_| What::Length)?;
            (Ok(Outcome::Differs { start: 0, end }), run(fields)?.to_vec(), runs)
        }
        5 => of(Err(take_error(fields)?)),
        _ => return Err(What::Field),
    })
}

fn run<'b>(fields: &mut Reader<'b>) -> Result<&'b [u8], What> {
    let len = fields.u32()?;
    fields.slice(usize::try_from(len).map_err(|_| What::Length)?)
}

const WHATS: [What; 17] = [
    What::Magic,
    What::Checksum,
    What::Length,
    What::Field,
    What::StoredDigest,
    What::PlainDigest,
    What::Codec,
    What::Id,
    What::Text,
    What::Padding,
    What::UnknownCodec,
    What::Entries,
    What::Absent,
    What::Order,
    What::Short,
    What::Trailing,
    What::Unsupported,
];

const TROUBLES: [Trouble; 4] = [Trouble::Gone, Trouble::Short, Trouble::Unreadable, Trouble::Failed(ErrorKind::Other)];

fn number<T: PartialEq>(of: T, all: &[T]) -> u8 {
    all.iter().position(|one| *one == of).and_then(|at| u8::try_from(at).ok()).unwrap_or(u8::MAX)
}

fn put_error(wire: &mut Wire, error: &Error) {
    wire.u8(5);
    match *error {
        Error::Medium { segment: Some(segment), offset, trouble } => {
            wire.u8(0).place(Place::new(segment, offset)).u8(number(trouble, &TROUBLES))
        }
        Error::Corrupt { place, what } => wire.u8(1).place(place).u8(number(what, &WHATS)),
        Error::Disk { offset, .. } => wire.u8(2).u64(offset),
        Error::Memory { needed, .. } => wire.u8(3).u64(needed),
        _ => wire.u8(4),
    };
}

fn take_error(fields: &mut Reader<'_>) -> Result<Error, What> {
    Ok(match fields.u8()? {
        0 => {
            let Place { segment, offset } = place(fields)?;
            let trouble = TROUBLES.get(usize::from(fields.u8()?)).copied();
            Error::Medium { segment: Some(segment), offset, trouble: trouble.unwrap_or(Trouble::Failed(ErrorKind::Other)) }
        }
        1 => {
            let place = place(fields)?;
            Error::Corrupt { place, what: WHATS.get(usize::from(fields.u8()?)).copied().ok_or(What::Field)? }
        }
        2 => Error::Disk { offset: fields.u64()?, kind: ErrorKind::Other },
        3 => Error::Memory { memory: Memory::Buffer, needed: fields.u64()? },
        _ => Error::Random,
    })
}
