//! Every way to fail in words: what was wrong, where, and what to do next.

use crate::figures::{count, size};
use embedded_io::ErrorKind;
use sarsen_core::error::{Error, Fault, Memory, Refusal, Trouble, What};
use sarsen_core::hints::Extent;
use sarsen_core::types::{Place, SegmentNumber};
use sarsen_host::{FULL, OpenError, SHRANK};
use std::io;

/// What an error of the engine means.
pub fn error(error: &Error) -> String {
    match *error {
        Error::Medium { segment: Some(segment), trouble: of, .. } => format!("{}: {}", file(segment), trouble(of)),
        Error::Medium { segment: None, trouble: of, .. } => format!("the repository's directory: {}", trouble(of)),
        Error::Disk { offset, kind } => format!("at byte {offset}: {}", disk_kind(kind)),
        Error::Corrupt { place, what: of } => {
            format!("damaged: {}{}; `sarsen scrub` says which versions that hits", place_of(place), what(of))
        }
        Error::Memory { memory: of, needed } => memory(of, needed),
        Error::Hint { offset, len_bytes } => format!(
            "{} at byte {offset} reach beyond the end of the disk; make the hints from this disk, and after it last changed its size",
            count(len_bytes, "byte")
        ),
        Error::Unlike { offset, len_bytes } => format!(
            "the disk differs from the version it is said to be based on at byte {offset} ({} were compared), where the hints say that nothing \
             changed; make the hints since that very version, or back up without them",
            count(len_bytes, "byte")
        ),
        Error::Stream(fault) => stream(&fault),
        Error::Line { offset, kind } => format!("at byte {offset} of the stream: {}", device(kind)),
        Error::Outcome => {
            "what came out is not the disk that the stream tells of, so nothing was kept of it; export it again, and if a draft was continued, \
             from the start; should that not help, `sarsen scrub` the base"
                .into()
        }
        Error::Refused(of) => refusal(of).into(),
        Error::Cancelled => "stopped as asked; the repository is as it was after its last commit".into(),
        Error::Random => "the system's source of randomness failed; nothing was done, try again".into(),
        _ => format!("{error:?}"),
    }
}

/// What the operating system said when something was opened.
pub fn open_error(error: &OpenError) -> String {
    let next = match error {
        OpenError::Failed { source, doing, .. } => match source.kind() {
            io::ErrorKind::NotFound if *doing == "open the directory" => {
                "; check the name, or make a repository there with `init`"
            }
            io::ErrorKind::NotFound => "; check the name",
            io::ErrorKind::NotADirectory => "; name the directory of a repository",
            io::ErrorKind::AlreadyExists => "; name another",
            io::ErrorKind::PermissionDenied => "; run as a user who may, or change who may",
            io::ErrorKind::ReadOnlyFilesystem => "; mount it for writing, or use a command that only reads",
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "; make room there",
            io::ErrorKind::FileTooLarge => "; a file that long is not allowed there",
            io::ErrorKind::ResourceBusy => "; it is in use: unmount it first",
            _ => "",
        },
        _ => "",
    };
    format!("{error}{next}")
}

/// The file of a segment.
fn file(segment: SegmentNumber) -> String {
    format!("segment {segment} (segments/{segment:010}.seg)", segment = segment.0)
}

/// Where, if it is known.
fn place_of(place: Place) -> String {
    match place {
        Place::NONE => String::new(),
        Place { segment, offset } => format!("{}, offset {offset}: ", file(segment)),
    }
}

fn trouble(trouble: Trouble) -> String {
    let words = match trouble {
        Trouble::Pending => "not ready yet; try again",
        Trouble::Gone => "it is not there; put it back from a copy if there is one, `sarsen check` says what it costs",
        Trouble::Exists => "it exists already, so somebody else writes here; find out who, then `sarsen check`",
        Trouble::Full => {
            "no space is left; make room there, or `sarsen rm` what is not needed, then `gc` and `compact`, which may use the reserve"
        }
        Trouble::ReadOnly => "it takes no writes; mount it for writing, or use a command that only reads",
        Trouble::Short => "it ends too soon; put it back from a copy if there is one, `sarsen check` says what it costs",
        Trouble::Unreadable => {
            "the device cannot read it; copy the repository to a sound one while it reads, then `sarsen scrub` there"
        }
        Trouble::Failed(kind) => return device(kind),
        _ => return format!("{trouble:?}"),
    };
    words.into()
}

fn device(kind: ErrorKind) -> String {
    match kind {
        ErrorKind::PermissionDenied => "permission denied; run as a user who may, or change who may".into(),
        ErrorKind::BrokenPipe => "an earlier write failed, so what it holds is not known; run the command again".into(),
        ErrorKind::OutOfMemory => "the system has no memory left; end something else and try again".into(),
        kind => format!("the device failed ({kind:?}); look at the system's log, and at its cables"),
    }
}

fn disk_kind(kind: ErrorKind) -> String {
    match kind {
        SHRANK => "the disk ends there, so it shrank while it was read; back up a snapshot, or when nobody writes to it".into(),
        FULL => "no space is left; make room there, or name another target".into(),
        ErrorKind::InvalidInput => "beyond the end of the disk".into(),
        kind => device(kind),
    }
}

fn what(what: What) -> String {
    let words = match what {
        What::Magic => "something else stands where an object must begin",
        What::Checksum => "a header's checksum is wrong",
        What::Length => "a length does not fit what contains it",
        What::Field => "a field holds what it must not",
        What::StoredDigest => "the stored bytes are not those that were written",
        What::PlainDigest => "the decoded bytes are not those that were backed up",
        What::Codec => "the stored bytes cannot be decoded",
        What::Id => "it is another object than the one asked for",
        What::Text => "a name is not text",
        What::Padding => "the filling is not as it was written",
        What::UnknownCodec => "it is encoded in a way this build does not know",
        What::Entries => "the segment holds other objects than were committed",
        What::Absent => "an object that is needed is nowhere to be found whole",
        What::Order => "something stands before what must come first",
        What::Short => "it ends too early",
        What::Trailing => "there is more behind its end",
        What::Unsupported => "a newer sarsen wrote it, or it needs an algorithm that this build lacks",
        _ => return format!("{what:?}"),
    };
    words.into()
}

/// What is wrong with a stream. Its records are counted from 0, as in its format.
fn stream(fault: &Fault) -> String {
    let Fault { what: of, offset, record } = *fault;
    let words = match of {
        What::Short => {
            return format!(
                "the stream ends at byte {offset}, within record {record}; it was cut, get the rest or all of it again"
            );
        }
        What::Trailing => "something follows its end; give one stream by itself".into(),
        What::Magic => {
            "it does not begin as a stream of sarsen, Sheepdog or rbd does, or not as one of the format that was named".into()
        }
        What::Checksum | What::Codec => "its bytes are not those that were written; get it again".into(),
        What::Order => "it goes back on the disk, or repeats itself; get it again".into(),
        What::Padding => "it tells of data behind the end of the disk; is the base the right one?".into(),
        What::Length => {
            "a length in it does not fit the disk, the objects or its record; is it of this disk, and the base the right one?"
                .into()
        }
        of => what(of),
    };
    format!("the stream is not right at byte {offset}, record {record}: {words}")
}

fn memory(memory: Memory, needed: u64) -> String {
    let (what, bytes) = match memory {
        Memory::Index => ("the index of objects", needed.saturating_mul(16)),
        Memory::Marks => ("the list of damage", needed.saturating_mul(64)),
        Memory::Live => ("the count of what is in use", needed.saturating_mul(16)),
        Memory::Pages => ("the pages of a table", needed),
        Memory::Buffer => ("a buffer", needed),
        Memory::Hints => ("the hints", needed.saturating_mul(size_of::<Extent>() as u64)),
        _ => ("something", needed),
    };
    let next = match memory {
        Memory::Hints => "give the machine more memory, or back up without hints, which reads all of the disk",
        _ => "give the machine more memory, or use a repository with larger blocks, which needs less",
    };
    format!("not enough memory for {what}, which takes {}; {next}", size(bytes))
}

fn refusal(refusal: Refusal) -> &'static str {
    match refusal {
        Refusal::NotARepository => {
            "not a repository, as it holds no segments; name the directory of one, or make one with `init`"
        }
        Refusal::AlreadyARepository => "a repository is there already; name another directory",
        Refusal::Unsupported => "made by a newer sarsen, or with a feature this one does not know; use a newer sarsen",
        Refusal::NoHeader => "no segment's header can be read, so nothing is known of the others; put a segment back from a copy",
        Refusal::NoCommit => {
            "nothing was ever committed here; if that is right, `init` makes it anew, otherwise put its segments back from a copy"
        }
        Refusal::ReadOnly => "the repository cannot be written here, or only by a newer sarsen; use a command that only reads",
        Refusal::Behind => {
            "something newer than what is here once existed, so nothing is written over it; `sarsen check` says which segment to bring back"
        }
        Refusal::Rebuilt => {
            "tables are damaged and were rebuilt from what is left, so it can only be read; restore what you need, and back up to a new repository"
        }
        Refusal::Fenced => "somebody else wrote here meanwhile, so this stopped; make sure there is one writer, then try again",
        Refusal::Poisoned => "an earlier write failed; run the command again",
        Refusal::Parameter => "a parameter is outside its limits; `sarsen init --help` lists them",
        Refusal::UnknownVersion => "no such version; `sarsen ls` lists them (the beginning of an id needs four digits at least)",
        Refusal::AmbiguousVersion => "more than one version's id begins so; give more of its digits, `sarsen ls` lists them",
        Refusal::Protected => {
            "one of these is protected, so nothing was removed; `sarsen ls` shows which, and `sarsen unprotect` gives it up"
        }
        Refusal::IsADraft => "a draft, not a version; finish it with `sarsen backup --continue`, or remove it with `sarsen rm`",
        Refusal::UnknownGroup => "no draft is of that group; `sarsen ls --json` tells groups",
        Refusal::Unfinished => {
            "a disk of the group is not done, so nothing was changed; go on with it, or remove its draft with `sarsen rm`"
        }
        Refusal::TooManyTags => {
            "there is no room for more tags: a version has at most 255, and its record at most 16,384 bytes; take some away with `tag --remove`"
        }
        Refusal::DiskTooLarge => "the disk has more blocks than the format allows; use a repository with larger blocks",
        Refusal::TextTooLong => "a name is longer than 255 bytes; choose a shorter one",
        Refusal::TableFull => "a table of the repository is full; start a new repository",
        Refusal::StreamParameters => {
            "the stream is of a repository with another digest, block, frame or fan-out, so its versions have other roots; import it into one \
             made alike, or restore and back up instead"
        }
        Refusal::StreamBase => {
            "the stream is not laid on this version, or on one that is not here; `sarsen ls` lists those that are, import the one before first"
        }
        Refusal::StreamWhole => "the stream is of a whole disk and is laid on no version; leave out --base",
        Refusal::StreamStart => {
            "the stream goes on where an earlier one was interrupted, of which not that much is kept here; export it without --start"
        }
        Refusal::StreamSize => {
            "the disk has grown or shrunk between these versions, which Sheepdog's streams cannot tell; export as another format"
        }
        Refusal::StreamLayout => "the stream can be read in either layout; say which with --layout",
        Refusal::BaseNeeded => {
            "the stream tells only what changed since a version, and does not prove which; name that with --base"
        }
        Refusal::OtherSource => {
            "the draft is of another source under the same snapshot name; give this one its own, or remove the draft"
        }
        Refusal::NameNeeded => "the stream does not tell what the disk is called; say so with --name",
        _ => "refused, for a reason this command has no words for",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_say_what_where_and_what_next() {
        let place = Place::new(SegmentNumber(3), 4096);
        let said = error(&Error::Corrupt { place, what: What::StoredDigest });
        assert_eq!(
            said,
            "damaged: segment 3 (segments/0000000003.seg), offset 4096: the stored bytes are not those that were written; \
             `sarsen scrub` says which versions that hits"
        );
        let said = error(&Error::Medium { segment: Some(SegmentNumber(12)), offset: 0, trouble: Trouble::Full });
        assert!(said.starts_with("segment 12 (segments/0000000012.seg): no space is left; "), "{said}");
        let said = error(&Error::Memory { memory: Memory::Index, needed: 1 << 20 });
        assert!(said.contains("16.0 MiB"), "{said}");
    }

    #[test]
    fn hints_that_do_not_fit_are_told_as_they_were_given() {
        let said = error(&Error::Hint { offset: 4096, len_bytes: 1024 });
        assert!(said.starts_with("1,024 bytes at byte 4096 reach beyond the end of the disk; "), "{said}");
        let said = error(&Error::Memory { memory: Memory::Hints, needed: 1 << 20 });
        assert!(said.contains("24.0 MiB") && said.contains("without hints"), "{said}");
    }

    #[test]
    fn a_disk_that_shrank_is_told_from_one_that_fails() {
        let at = |kind| error(&Error::Disk { offset: 512, kind });
        assert!(at(SHRANK).starts_with("at byte 512: the disk ends there, so it shrank"));
        assert!(at(ErrorKind::Other).starts_with("at byte 512: the device failed"));
    }
}
