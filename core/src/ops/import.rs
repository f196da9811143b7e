//! import: a stream of differences, laid on a version or on nothing, becomes a version.
//!
//! It is read once, front to back, in bounded memory, and laid on a draft. Whatever can be refused is refused before anything is written, and
//! nothing is true before the stream is complete. A stream of our own must besides give the very root it names; one that ends too soon leaves
//! what its whole records told as a draft, which a stream between the same two roots goes on from. Streams of other systems prove nothing, so
//! they leave nothing but a version.
//!
//! An error leaves the store with what no commit names: it is to be opened anew, and gc removes that.

mod foreign;
mod ground;
mod input;
mod own;

use crate::draft::Frames;
use crate::error::{Error, Fault, Memory as Lent, Refusal, What};
use crate::foreign::rbd;
use crate::foreign::sheepdog::{self, Layout};
use crate::format::record::{Statistics, TEXT_MAX};
use crate::format::stream::{HEADER_LEN_MAX, MAGIC};
use crate::frame::Work;
use crate::store::Store;
use crate::types::{Id, Link, narrow, wide};
use embedded_io::{ErrorKind, Read};
use input::Input;

pub use ground::DRAFT_SOURCE;

/// What [`Memory::input`] must hold at least.
pub const INPUT_BYTES_MIN: usize = START_LEN;
/// Bytes of [`Memory::texts`].
pub const TEXTS_BYTES: usize = HEADER_LEN_MAX + ground::SOURCE_LEN;

const START_LEN: usize = 8;

/// Whose stream it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Format {
    /// A delta stream (docs/FORMAT.md section 16).
    Own,
    /// Sheepdog's `vdi backup`.
    Sheepdog {
        /// Which of the two it is; none to find out.
        layout: Option<Layout>,
        /// Bytes of an object, which the stream does not tell.
        object_bytes: u32,
    },
    /// Ceph's `rbd export-diff`, either version.
    Rbd,
}

impl Format {
    /// Sheepdog's, as most disks of it are.
    pub const SHEEPDOG: Format = Format::Sheepdog { layout: None, object_bytes: sheepdog::OBJECT_BYTES };

    /// By its first bytes.
    fn of(start: &[u8; START_LEN]) -> Option<Format> {
        let known = [(MAGIC, Format::Own), (sheepdog::START, Format::SHEEPDOG), (rbd::START, Format::Rbd)];
        known.into_iter().find(|(magic, _)| magic == start).map(|(_, format)| format)
    }
}

/// How to import.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Options<'a> {
    /// Whose stream it is; none to find out.
    pub format: Option<Format>,
    /// The record of the version it is laid on; none for one of a whole disk, and where the stream itself names the version.
    pub base: Option<Link>,
    /// The disk's name, if not as the stream says or as the base is called.
    pub name: Option<&'a str>,
    /// The snapshot's name, if not as the stream says.
    pub snapshot: Option<&'a str>,
    /// Bytes of the stream, where that is known.
    pub len_bytes: Option<u64>,
}

/// Memory an import is lent.
pub struct Memory<'m> {
    /// What was read of the stream: [`INPUT_BYTES_MIN`] at least. More is faster, and tells more of Sheepdog's streams apart.
    pub input: &'m mut [u8],
    /// Names: [`TEXTS_BYTES`].
    pub texts: &'m mut [u8],
    /// A record as it is stored, and as it is: [`record_bytes`].
    pub record: &'m mut [u8],
    /// A path through the manifest: [`super::backup::pages_bytes`] of the larger of both disks.
    pub pages: &'m mut [u8],
    /// Frames of the disk: one at least. With those of a few blocks, a block is seldom stored twice.
    pub frames: Frames<'m>,
}

/// Bytes of [`Memory::record`].
pub const fn record_bytes(frame_bytes: u32) -> usize {
    narrow(frame_bytes as u64).saturating_mul(2)
}

/// What an import did.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Report {
    /// The version.
    pub version: Id,
    /// Its record.
    pub link: Link,
    /// The version it is laid on; zero if none.
    pub base: Id,
    /// Bytes of the disk.
    pub disk_size: u64,
    /// What was stored; bytes read are those of the stream.
    pub statistics: Statistics,
}

/// How an import ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Imported {
    /// With a version.
    Version(Report),
    /// Too soon, with a stream of our own.
    Interrupted {
        /// What ended it.
        why: Error,
        /// How much of the disk is kept, as a draft: a stream that starts there, or before, goes on from it. 0 if nothing is.
        position: u64,
    },
}

/// The room in which a draft is made.
struct Room<'m> {
    texts: &'m mut [u8],
    record: &'m mut [u8],
    pages: &'m mut [u8],
    frames: Frames<'m>,
}

/// What a step of an import came to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Step {
    /// Something was done: another step can follow.
    Again,
    /// More of the stream is wanted before the next step: see [`Import::room`].
    Feed,
    /// It has ended.
    Done(Imported),
}

/// An import under way. It is fed with the stream as that comes, so whoever has it never waits for a stream within it.
pub struct Import<'m> {
    options: Options<'m>,
    input: Input<'m>,
    state: State<'m>,
}

#[allow(clippy::large_enum_variant)] // one lives at a time, and there is no heap
enum State<'m> {
    /// Whose stream it is is not known.
    Start(Room<'m>),
    Own(own::Own<'m>),
    Foreign(foreign::Foreign<'m>),
    Ended,
}

impl<'m> Import<'m> {
    /// Prepares an import; nothing is read yet.
    pub fn new(store: &Store<'_>, options: &Options<'m>, memory: Memory<'m>) -> Result<Import<'m>, Error> {
        store.check_writable()?;
        if [options.name, options.snapshot].into_iter().flatten().any(|text| text.len() > TEXT_MAX) {
            return Err(Refusal::TextTooLong.into());
        }
        let Memory { input, texts, record, pages, frames } = memory;
        let enough = [
            (input.len(), INPUT_BYTES_MIN),
            (texts.len(), TEXTS_BYTES),
            (record.len(), record_bytes(store.parameters().frame_bytes())),
        ];
        if let Some((_, needed)) = enough.into_iter().find(|(len, needed)| len < needed) {
            return Err(Error::Memory { memory: Lent::Buffer, needed: wide(needed) });
        }
        let state = State::Start(Room { texts, record, pages, frames });
        Ok(Import { options: *options, input: Input::new(input), state })
    }

    /// Where the next bytes of the stream go, once a step has asked for them: [`Import::feed`] says how many they were.
    pub fn room(&mut self) -> &mut [u8] {
        self.input.room()
    }

    /// So many bytes of the stream were put into the room; none: it has ended.
    pub fn feed(&mut self, len: usize) {
        self.input.feed(len);
    }

    /// The stream cannot be read any further. What it told so far is kept as if it had ended too soon.
    pub fn fail(&mut self, kind: ErrorKind) {
        self.input.fail(kind);
    }

    /// Does what can be done with what was fed, a record at most. An error ends the import. While the medium is not ready, this waits for it.
    pub fn step(&mut self, store: &mut Store<'_>, work: &mut Work<'_>) -> Result<Step, Error> {
        match &mut self.state {
            State::Start(_) => self.begin(store),
            State::Own(own) => own.step(&mut self.input, store, work),
            State::Foreign(foreign) => foreign.step(&mut self.input, store, work),
            State::Ended => Err(Refusal::Parameter.into()),
        }
    }

    fn begin(&mut self, store: &mut Store<'_>) -> Result<Step, Error> {
        let format = match self.options.format {
            Some(format) => format,
            None => match recognise(&mut self.input)? {
                Some(format) => format,
                None => return Ok(Step::Feed),
            },
        };
        let State::Start(room) = core::mem::replace(&mut self.state, State::Ended) else { return Ok(Step::Again) };
        self.state = match format {
            Format::Own => State::Own(own::Own::new(store, &self.options, room)?),
            Format::Rbd => State::Foreign(foreign::Foreign::rbd(store, &self.options, room)?),
            Format::Sheepdog { layout, object_bytes } => {
                State::Foreign(foreign::Foreign::sheepdog(store, (layout, object_bytes), &self.options, room)?)
            }
        };
        Ok(Step::Again)
    }
}

/// Reads a stream from `from` to its end, which a line that has none tells by a read of nothing, and makes a version of it.
pub fn import<'m, R: Read>(
    store: &mut Store<'_>,
    from: &mut R,
    options: &Options<'m>,
    memory: Memory<'m>,
    work: &mut Work<'_>,
) -> Result<Imported, Error> {
    let mut import = Import::new(store, options, memory)?;
    loop {
        match import.step(store, work)? {
            Step::Again => {}
            Step::Done(imported) => return Ok(imported),
            Step::Feed => match from.read(import.room()) {
                Ok(len) => import.feed(len),
                Err(error) if embedded_io::Error::kind(&error) == ErrorKind::Interrupted => {}
                Err(error) => import.fail(embedded_io::Error::kind(&error)),
            },
        }
    }
}

/// By its first bytes; none if more must be fed for that.
fn recognise(input: &mut Input<'_>) -> Result<Option<Format>, Error> {
    let Some(held) = input.ahead(START_LEN)? else { return Ok(None) };
    let fault = |what, offset| Error::Stream(Fault { what, offset, record: 0 });
    let start = held.first_chunk().ok_or(fault(What::Short, wide(held.len())))?;
    Format::of(start).ok_or(fault(What::Magic, 0)).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_bytes_tell_whose_stream_it_is() {
        assert_eq!(Format::of(b"SARSDIFF"), Some(Format::Own));
        assert_eq!(Format::of(b"rbd diff"), Some(Format::Rbd));
        assert_eq!(Format::of(&[1, 0, 0, 0, 0x92, 0x11, 0x92, 0x11]), Some(Format::SHEEPDOG));
        for other in [b"SARSEN\r\n", b"rbd imag", &[2, 0, 0, 0, 0x92, 0x11, 0x92, 0x11]] {
            assert_eq!(Format::of(other), None);
        }
    }
}
