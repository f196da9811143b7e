//! init: makes an empty repository of an empty medium.

use crate::codec::CodecId;
use crate::digest::Algorithm;
use crate::error::{Error, Refusal};
use crate::format::commit::Root;
use crate::format::entry::LEN as ENTRY_LEN;
use crate::format::footer::sealed_bytes;
use crate::format::header::{Parameters, SegmentHeader};
use crate::frame::packed_bytes;
use crate::host::Host;
use crate::log;
use crate::medium::{Medium, Name};
use crate::segment::{self, Source};
use crate::session::{NewCommit, Session, commit_bytes};
use crate::store::{buffer_bytes, reserve_bytes};
use crate::types::{Id, RepositoryId, SegmentNumber, wide};

/// What can be chosen when a repository is made, never after.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Options {
    /// The digest of everything.
    pub algorithm: Algorithm,
    /// log2 of the block length in bytes: 12 to 24.
    pub block_log2: u8,
    /// log2 of the frame length in bytes: 12 to that of the block.
    pub frame_log2: u8,
    /// log2 of the rows in a page: 4 to 8.
    pub fan_out_log2: u8,
    /// log2 of the alignment in bytes: 4 to 12.
    pub align_log2: u8,
    /// The codec a writer uses.
    pub codec: CodecId,
    /// The greatest length of a segment in bytes.
    pub segment_bytes: u32,
    /// How many older commits a commit lists.
    pub history: u16,
}

impl Options {
    /// What hosts use.
    pub const HOST: Options = Options {
        algorithm: Algorithm::Sha256,
        block_log2: 22,
        frame_log2: 17,
        fan_out_log2: 8,
        align_log2: 4,
        codec: CodecId::Zstd,
        segment_bytes: 64 << 20,
        history: 0, // a commit names the one before it anyway
    };

    /// What microcontrollers use.
    pub const SMALL: Options = Options {
        algorithm: Algorithm::Sha256,
        block_log2: 12,
        frame_log2: 12,
        fan_out_log2: 4,
        align_log2: 4,
        codec: CodecId::None,
        segment_bytes: 32 << 10,
        history: 0,
    };
}

/// Entries of the first segment: both copies of the commit, and the pad.
const ENTRIES: u64 = 3;

/// The smallest segment that such a repository can work with: four of the largest entries, and a commit.
pub fn segment_bytes_min(parameters: &Parameters) -> u64 {
    let block = packed_bytes(parameters.block_bytes(), parameters.frame_bytes(), parameters.alignment());
    let entry = wide(block.max(buffer_bytes(parameters.fan_out_log2, parameters.align_log2, parameters.history)));
    entry.saturating_add(ENTRY_LEN as u64).saturating_mul(2).saturating_add(commit_bytes(parameters, parameters.history))
}

/// Makes a repository; its id. `chunk` and `buffer` are as for a store.
///
/// What an init that was cut off left behind, having committed nothing, stays: its repository id goes on, so that none of it is foreign, and gc
/// removes it. It could not be removed here, since a power cut may undo a removal.
pub fn init(
    medium: &dyn Medium,
    host: &dyn Host,
    options: &Options,
    chunk: &mut [u8],
    buffer: &mut [u8],
) -> Result<RepositoryId, Error> {
    let mut repository = RepositoryId([0; 16]);
    if !host.random(&mut repository.0) {
        return Err(Error::Random);
    }
    let parameters = Parameters {
        repository,
        algorithm: options.algorithm,
        block_log2: options.block_log2,
        frame_log2: options.frame_log2,
        fan_out_log2: options.fan_out_log2,
        align_log2: options.align_log2,
        codec: options.codec,
        segment_bytes: options.segment_bytes,
        write_features: 0,
        ignored_features: 0,
        made: host.now(),
        history: options.history,
    };
    let rules = medium.rules();
    let fits = u64::from(parameters.segment_bytes.min(rules.segment_bytes)) >= segment_bytes_min(&parameters);
    if !parameters.valid() || !fits || parameters.alignment() < rules.write_bytes {
        return Err(Refusal::Parameter.into());
    }
    let writer = medium.writer().ok_or(Error::Refused(Refusal::ReadOnly))?;
    let (parameters, first) = match log::open(medium, chunk, buffer) {
        Err(Error::Refused(Refusal::NotARepository | Refusal::NoCommit | Refusal::NoHeader)) => leftovers(medium, parameters)?,
        Ok(_) | Err(Error::Refused(_)) => return Err(Refusal::AlreadyARepository.into()),
        Err(error) => return Err(error),
    };
    writer.hold(reserve_bytes(&parameters)).map_err(Error::listing)?;
    let mut session = Session::create(writer, Source { medium, parameters }, first)?;
    session.write_header(buffer)?;
    let roots = [Root::EMPTY; 3];
    let new = NewCommit { sequence: 1, time: host.now(), previous: Id::ZERO, roots, history: &[] };
    let (commit, id) = session.commit(&new, buffer)?;
    session.pin(commit.sequence, id, 0)?;
    let file_bytes = session.finish(chunk, buffer)?;
    session.pin(commit.sequence, id, file_bytes)?;
    Ok(parameters.repository)
}

/// Parameters and first segment number on a medium on which nothing was ever committed: those of an earlier init, if it left a header, and the first
/// number that was not used.
///
/// Refused if there is more than an init writes, or other choices were made: then this was a repository, or is going to be another.
fn leftovers(medium: &dyn Medium, wanted: Parameters) -> Result<(Parameters, SegmentNumber), Error> {
    let (mut parameters, mut first, mut after) = (wanted, SegmentNumber(0), None);
    let end = u64::from(wanted.first_entry()).saturating_add(commit_bytes(&wanted, 0));
    let len_max = sealed_bytes(&wanted, end, ENTRIES);
    while let Some(number) = log::next_segment(medium, after)? {
        if medium.len(Name::Segment(number)).map_err(Error::segment(number))? > len_max {
            return Err(Refusal::NoCommit.into());
        }
        match segment::header(medium, number) {
            Ok(Ok(SegmentHeader { parameters: found, .. })) if parameters == wanted => {
                if found != (Parameters { repository: found.repository, made: found.made, ..wanted }) {
                    return Err(Refusal::NoCommit.into());
                }
                parameters = found;
            }
            Err(error) if !error.is_damage() => return Err(error),
            _ => {}
        }
        first = number.next().ok_or(Error::Refused(Refusal::TableFull))?;
        after = Some(number);
    }
    Ok((parameters, first))
}
