//! init: makes an empty repository of an empty medium.

use crate::codec::CodecId;
use crate::digest::Algorithm;
use crate::error::{Error, Refusal};
use crate::format::commit::Root;
use crate::format::entry::LEN as ENTRY_LEN;
use crate::format::header::Parameters;
use crate::frame::packed_bytes;
use crate::host::Host;
use crate::log;
use crate::medium::Medium;
use crate::segment::Source;
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
        history: 2,
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

/// The smallest segment that such a repository can work with: four of the largest entries, and a commit.
pub fn segment_bytes_min(parameters: &Parameters, source: &Source<'_>) -> u64 {
    let block = packed_bytes(parameters.block_bytes(), parameters.frame_bytes(), parameters.alignment());
    let entry = wide(block.max(buffer_bytes(parameters.fan_out_log2, parameters.align_log2, parameters.history)));
    entry.saturating_add(ENTRY_LEN as u64).saturating_mul(2).saturating_add(commit_bytes(source, parameters.history))
}

/// Makes a repository; its id. `chunk` and `buffer` are as for a store.
///
/// What an init that was cut off left behind, having committed nothing, is removed.
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
    let source = Source { medium, parameters };
    let rules = medium.rules();
    let fits = u64::from(parameters.segment_bytes.min(rules.segment_bytes)) >= segment_bytes_min(&parameters, &source);
    if !parameters.valid() || !fits || parameters.alignment() < rules.write_bytes {
        return Err(Refusal::Parameter.into());
    }
    let writer = medium.writer().ok_or(Error::Refused(Refusal::ReadOnly))?;
    let first = match log::open(medium, chunk, buffer) {
        Err(Error::Refused(Refusal::NotARepository)) => SegmentNumber(0),
        Err(Error::Refused(Refusal::NoCommit | Refusal::NoHeader)) => remove_leftovers(medium, chunk, buffer)?,
        Ok(_) | Err(Error::Refused(_)) => return Err(Refusal::AlreadyARepository.into()),
        Err(error) => return Err(error),
    };
    writer.hold(reserve_bytes(&parameters)).map_err(Error::listing)?;
    let mut session = Session::create(writer, source, first)?;
    session.write_header(buffer)?;
    let roots = [Root::EMPTY; 3];
    let new = NewCommit { sequence: 1, time: host.now(), previous: Id::ZERO, roots, history: &[] };
    let (commit, id) = session.commit(&new, buffer)?;
    session.pin(commit.sequence, id, 0)?;
    let (_, file_bytes) = session.seal(chunk, buffer)?;
    session.pin(commit.sequence, id, file_bytes)?;
    Ok(repository)
}

/// Removes the segments of a medium on which nothing was ever committed; the first number that was not used.
///
/// Without a readable header nothing can be said of commits, so then only empty or headless stubs may be there: a single segment, as an init cut off leaves it.
fn remove_leftovers(medium: &dyn Medium, chunk: &mut [u8], buffer: &mut [u8]) -> Result<SegmentNumber, Error> {
    let writer = medium.writer().ok_or(Error::Refused(Refusal::ReadOnly))?;
    let headless = matches!(log::open(medium, chunk, buffer), Err(Error::Refused(Refusal::NoHeader)));
    let mut next = SegmentNumber(0);
    let mut after = None;
    while let Some(number) = log::next_segment(medium, after)? {
        let len = medium.len(crate::medium::Name::Segment(number)).map_err(Error::segment(number))?;
        if headless && len > 4096 {
            return Err(Refusal::NoHeader.into());
        }
        next = number.next().ok_or(Error::Refused(Refusal::TableFull))?;
        after = Some(number);
    }
    let mut after = None;
    while let Some(number) = log::next_segment(medium, after)? {
        writer.remove(number).map_err(Error::segment(number))?;
        after = Some(number);
    }
    Ok(next)
}
