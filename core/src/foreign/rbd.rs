//! Ceph's `rbd export-diff`, versions 1 and 2 (Ceph: doc/dev/rbd-diff.rst, src/tools/rbd/action/Export.cc).
//!
//! ```text
//! "rbd diff v1\n" or "rbd diff v2\n", then records: tag u8 | version 2, but for `e`: u64 length of what follows | fields
//! 'f' from-snapshot: u32 length, name      'w' data:  u64 offset, u64 length, bytes
//! 't' to-snapshot:   u32 length, name      'z' zeros: u64 offset, u64 length
//! 's' size of the disk: u64                'e' end
//! 'p' version 2 only, whether the to-snapshot is protected: u8
//! ```
//! Little-endian. The first five come in any order before all data, each at most once; `s` must be there, since it is what bounds the rest.
//! A stream without `f` is of the whole disk, one without `t` is of a disk that was not a snapshot.
//!
//! Stricter than Ceph, so that nothing wrong gets onto a disk: offsets ascend without overlapping (as `rbd merge-diff` asks too; Ceph 16 tells
//! disks that are striped over several objects at once so as well, other releases may not), lengths agree, and a tag that is not known is refused
//! where Ceph skips it, for it may be a change. `p` says length 8 in releases up to Ceph 16, and carries one byte all the same; both lengths are
//! taken, the byte is not told.
//! `rbd export-diff` writes version 1 and `rbd import-diff` takes no other; version 2 stands inside `rbd export --export-format 2`.

use super::{Differences, Piece};
use crate::error::{Fault, What};
use crate::format::bytes::{Reader, Writer, gather};
use crate::format::intake::Intake;
use crate::types::{low32, narrow, wide};

/// The first bytes of a stream of either version.
pub const START: [u8; 8] = *b"rbd diff";
/// The most bytes of a snapshot's name; Ceph would take 4,096, sarsen's records do not.
pub const NAME_BYTES_MAX: usize = 255;
/// Bytes that suffice for whatever [`Emitter::begin`] writes.
pub const HEAD_LEN_MAX: usize = BANNER_LEN + 2 * (1 + 8 + 4 + NAME_BYTES_MAX) + 17;
/// Bytes that suffice for whatever else [`Emitter`] writes at once.
pub const RECORD_LEN_MAX: usize = 25;

const BANNER_LEN: usize = 12;
const LENGTH_LEN: usize = 8;

/// Which layout a stream has.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Version {
    /// Tags, then fields.
    V1,
    /// Tags, lengths, then fields.
    V2,
}

impl Version {
    fn banner(self) -> &'static [u8; BANNER_LEN] {
        match self {
            Version::V1 => b"rbd diff v1\n",
            Version::V2 => b"rbd diff v2\n",
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Tag {
    From,
    To,
    Protected,
    Size,
    Data,
    Zero,
    End,
}

impl Tag {
    fn parse(code: u8, version: Version) -> Result<Tag, What> {
        match (code, version) {
            (b'f', _) => Ok(Tag::From),
            (b't', _) => Ok(Tag::To),
            (b'p', Version::V2) => Ok(Tag::Protected),
            (b's', _) => Ok(Tag::Size),
            (b'w', _) => Ok(Tag::Data),
            (b'z', _) => Ok(Tag::Zero),
            (b'e', _) => Ok(Tag::End),
            _ => Err(What::Field),
        }
    }

    fn code(self) -> u8 {
        match self {
            Tag::From => b'f',
            Tag::To => b't',
            Tag::Protected => b'p',
            Tag::Size => b's',
            Tag::Data => b'w',
            Tag::Zero => b'z',
            Tag::End => b'e',
        }
    }

    /// Bytes of the fields of fixed length.
    fn fields_len(self) -> usize {
        match self {
            Tag::From | Tag::To => 4,
            Tag::Protected => 1,
            Tag::Size => 8,
            Tag::Data | Tag::Zero => 16,
            Tag::End => 0,
        }
    }

    fn has_length(self, version: Version) -> bool {
        version == Version::V2 && self != Tag::End
    }

    fn head_len(self, version: Version) -> usize {
        let length = if self.has_length(version) { LENGTH_LEN } else { 0 };
        self.fields_len().saturating_add(length).saturating_add(1)
    }

    /// Its bit among the tags that may stand once, before all data.
    fn once(self) -> u8 {
        match self {
            Tag::From => 1,
            Tag::To => 2,
            Tag::Protected => 4,
            Tag::Size => SIZE_SEEN,
            Tag::Data | Tag::Zero | Tag::End => 0,
        }
    }
}

const SIZE_SEEN: u8 = 8;
const DATA_SEEN: u8 = 16;

/// What differences must keep to, read or written.
#[derive(Clone, Copy, Debug)]
struct Bounds {
    disk_bytes: u64,
    /// Where the last one ended.
    next: u64,
}

impl Bounds {
    fn admit(&mut self, offset: u64, len_bytes: u64) -> Result<(), What> {
        let end = offset.checked_add(len_bytes).filter(|end| *end <= self.disk_bytes && len_bytes > 0).ok_or(What::Length)?;
        if offset < self.next {
            return Err(What::Order);
        }
        self.next = end;
        Ok(())
    }
}

#[derive(Clone, Copy, Debug)]
enum State {
    Banner,
    Record,
    Name(Tag),
    Payload,
    Done,
    Broken(Fault),
}

/// What was understood; a name still lies in the parser.
enum Told<'b> {
    Nothing,
    Name(Tag),
    Piece(Piece<'b>),
}

/// Reads a stream of either version.
#[derive(Clone, Debug)]
pub struct Parser {
    disk_bytes_max: u64,
    version: Version,
    intake: Intake<RECORD_LEN_MAX>,
    state: State,
    seen: u8,
    bounds: Bounds,
    name: [u8; NAME_BYTES_MAX],
    name_held: usize,
    name_len: usize,
    at: u64,
    payload_left: u64,
}

impl Parser {
    /// Begins at the start of a stream of a disk of at most that many bytes.
    pub fn new(disk_bytes_max: u64) -> Parser {
        Parser {
            disk_bytes_max,
            version: Version::V1,
            intake: Intake::new(0),
            state: State::Banner,
            seen: 0,
            bounds: Bounds { disk_bytes: 0, next: 0 },
            name: [0; NAME_BYTES_MAX],
            name_held: 0,
            name_len: 0,
            at: 0,
            payload_left: 0,
        }
    }

    fn advance<'b>(&mut self, input: &'b [u8]) -> Result<(usize, Told<'b>), What> {
        match self.state {
            State::Banner => self.banner(input).map(|taken| (taken, Told::Nothing)),
            State::Record => self.record(input),
            State::Name(tag) => self.name(tag, input),
            State::Payload => Ok(self.payload(input)),
            _ if input.is_empty() => Ok((0, Told::Nothing)),
            _ => Err(What::Trailing),
        }
    }

    fn banner(&mut self, input: &[u8]) -> Result<usize, What> {
        let (taken, whole) = self.intake.gather(input, BANNER_LEN);
        if whole {
            let is = |version: &Version| self.intake.head().starts_with(version.banner());
            self.version = [Version::V1, Version::V2].into_iter().find(is).ok_or(What::Magic)?;
            self.intake.again();
            self.state = State::Record;
        }
        Ok(taken)
    }

    fn record<'b>(&mut self, input: &[u8]) -> Result<(usize, Told<'b>), What> {
        let (taken, whole) = self.intake.gather(input, 1);
        if !whole {
            return Ok((taken, Told::Nothing));
        }
        let [code, ..] = *self.intake.head();
        let tag = Tag::parse(code, self.version)?;
        self.check_order(tag)?;
        let (more, whole) = self.intake.gather(input.get(taken..).unwrap_or(&[]), tag.head_len(self.version));
        let told = if whole { self.fields(tag)? } else { Told::Nothing };
        Ok((taken.saturating_add(more), told))
    }

    fn check_order(&self, tag: Tag) -> Result<(), What> {
        let wrong = match tag {
            Tag::Data | Tag::Zero | Tag::End => self.seen & SIZE_SEEN == 0,
            _ => self.seen & (tag.once() | DATA_SEEN) != 0,
        };
        if wrong { Err(What::Order) } else { Ok(()) }
    }

    fn fields<'b>(&mut self, tag: Tag) -> Result<Told<'b>, What> {
        let head = *self.intake.head();
        let mut fields = Reader(&head);
        fields.u8()?;
        let stated = if tag.has_length(self.version) { Some(fields.u64()?) } else { None };
        let fixed = wide(tag.fields_len());
        let (len, told) = match tag {
            Tag::From | Tag::To => {
                let len = fields.u32()?;
                (fixed.saturating_add(len.into()), self.begin_name(tag, len)?)
            }
            Tag::Protected => {
                if fields.u8()? > 1 {
                    return Err(What::Field);
                }
                (stated.filter(|stated| *stated == 8).unwrap_or(fixed), Told::Nothing)
            }
            Tag::Size => (fixed, self.size(fields.u64()?)?),
            Tag::Data => {
                let (offset, len_bytes) = (fields.u64()?, fields.u64()?);
                self.bounds.admit(offset, len_bytes)?;
                (self.at, self.payload_left) = (offset, len_bytes);
                (fixed.saturating_add(len_bytes), Told::Nothing)
            }
            Tag::Zero => {
                let (offset, len_bytes) = (fields.u64()?, fields.u64()?);
                self.bounds.admit(offset, len_bytes)?;
                (fixed, Told::Piece(Piece::Zero { offset, len_bytes }))
            }
            Tag::End => (fixed, Told::Piece(Piece::End)),
        };
        if stated.is_some_and(|stated| stated != len) {
            return Err(What::Length);
        }
        self.seen |= match tag {
            Tag::Data | Tag::Zero => DATA_SEEN,
            _ => tag.once(),
        };
        self.go_on_behind(tag);
        Ok(told)
    }

    fn go_on_behind(&mut self, tag: Tag) {
        match tag {
            Tag::Data => self.state = State::Payload,
            Tag::From | Tag::To if self.name_len > 0 => self.state = State::Name(tag),
            Tag::End => {
                self.intake.mark();
                self.state = State::Done;
                return;
            }
            _ => {
                self.intake.next();
                return;
            }
        }
        self.intake.mark();
    }

    fn begin_name<'b>(&mut self, tag: Tag, len: u32) -> Result<Told<'b>, What> {
        self.name_len = narrow(len.into());
        self.name_held = 0;
        match self.name_len {
            0 => Ok(Told::Name(tag)),
            1..=NAME_BYTES_MAX => Ok(Told::Nothing),
            _ => Err(What::Length),
        }
    }

    fn name<'b>(&mut self, tag: Tag, input: &[u8]) -> Result<(usize, Told<'b>), What> {
        let room = self.name.get_mut(..self.name_len).unwrap_or(&mut []);
        let taken = gather(room, self.name_held, input);
        self.intake.pass(taken);
        self.name_held = self.name_held.saturating_add(taken);
        if self.name_held < self.name_len {
            return Ok((taken, Told::Nothing));
        }
        self.name_text()?;
        self.intake.next();
        self.state = State::Record;
        Ok((taken, Told::Name(tag)))
    }

    fn name_text(&self) -> Result<&str, What> {
        core::str::from_utf8(self.name.get(..self.name_len).unwrap_or(&[])).map_err(|_| What::Text)
    }

    fn size<'b>(&mut self, bytes: u64) -> Result<Told<'b>, What> {
        if bytes > self.disk_bytes_max {
            return Err(What::Length);
        }
        self.bounds.disk_bytes = bytes;
        Ok(Told::Piece(Piece::Size { bytes }))
    }

    fn payload<'b>(&mut self, input: &'b [u8]) -> (usize, Told<'b>) {
        let len = input.len().min(narrow(self.payload_left));
        let bytes = input.get(..len).unwrap_or(&[]);
        if bytes.is_empty() {
            return (0, Told::Nothing);
        }
        let offset = self.at;
        self.at = self.at.saturating_add(wide(len));
        self.payload_left = self.payload_left.saturating_sub(wide(len));
        self.intake.pass(len);
        if self.payload_left == 0 {
            self.intake.next();
            self.state = State::Record;
        }
        (len, Told::Piece(Piece::Data { offset, bytes }))
    }

    fn piece<'b>(&'b self, told: Told<'b>) -> Result<Option<Piece<'b>>, What> {
        Ok(match told {
            Told::Nothing => None,
            Told::Piece(piece) => Some(piece),
            Told::Name(Tag::From) => Some(Piece::FromSnapshot { name: self.name_text()? }),
            Told::Name(_) => Some(Piece::ToSnapshot { name: self.name_text()? }),
        })
    }
}

impl Differences for Parser {
    fn step<'b>(&'b mut self, input: &'b [u8]) -> Result<(usize, Option<Piece<'b>>), Fault> {
        if let State::Broken(fault) = self.state {
            return Err(fault);
        }
        let told = self.advance(input);
        if let Err(what) = told {
            self.state = State::Broken(self.intake.fault(what));
        }
        let fault = |what| self.intake.fault(what);
        let (taken, told) = told.map_err(fault)?;
        Ok((taken, self.piece(told).map_err(fault)?))
    }

    fn end(&self) -> Result<(), Fault> {
        match self.state {
            State::Done => Ok(()),
            State::Broken(fault) => Err(fault),
            _ => Err(self.intake.short()),
        }
    }
}

/// What a stream says first.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Head<'a> {
    /// Which layout to write.
    pub version: Version,
    /// The version that the differences are laid on; none if they are all of the disk.
    pub from: Option<&'a str>,
    /// The version that comes out; none if it is no snapshot.
    pub to: Option<&'a str>,
    /// How long the disk is that comes out.
    pub disk_bytes: u64,
}

/// Writes a stream: the head, differences in ascending order, the end. It refuses what a parser would.
#[derive(Clone, Debug)]
pub struct Emitter {
    version: Version,
    bounds: Bounds,
}

impl Emitter {
    /// Writes the head, and says how long it is. [`What::Length`] if a name is too long.
    pub fn begin(head: &Head<'_>, to: &mut [u8]) -> Result<(Emitter, usize), What> {
        let emitter = Emitter { version: head.version, bounds: Bounds { disk_bytes: head.disk_bytes, next: 0 } };
        let mut fields = Writer::new(to);
        fields.bytes(head.version.banner());
        for (tag, name) in [(Tag::From, head.from), (Tag::To, head.to)] {
            let Some(name) = name else { continue };
            if name.len() > NAME_BYTES_MAX {
                return Err(What::Length);
            }
            emitter.tag(tag, wide(name.len()), &mut fields);
            fields.u32(low32(wide(name.len()))).bytes(name.as_bytes());
        }
        emitter.tag(Tag::Size, 0, &mut fields);
        let written = fields.u64(head.disk_bytes).end()?;
        Ok((emitter, written))
    }

    /// Writes the head of `len_bytes` of new contents from `offset`, which the caller sends behind it.
    pub fn data(&mut self, offset: u64, len_bytes: u64, to: &mut [u8]) -> Result<usize, What> {
        self.difference(Tag::Data, offset, len_bytes, to)
    }

    /// Writes that `len_bytes` from `offset` are zeros.
    pub fn zero(&mut self, offset: u64, len_bytes: u64, to: &mut [u8]) -> Result<usize, What> {
        self.difference(Tag::Zero, offset, len_bytes, to)
    }

    /// Writes the end.
    pub fn end(&self, to: &mut [u8]) -> Result<usize, What> {
        Writer::new(to).u8(Tag::End.code()).end()
    }

    fn difference(&mut self, tag: Tag, offset: u64, len_bytes: u64, to: &mut [u8]) -> Result<usize, What> {
        let mut bounds = self.bounds;
        bounds.admit(offset, len_bytes)?;
        let mut fields = Writer::new(to);
        let payload = if tag == Tag::Data { len_bytes } else { 0 };
        self.tag(tag, payload, &mut fields);
        let written = fields.u64(offset).u64(len_bytes).end()?;
        self.bounds = bounds;
        Ok(written)
    }

    /// A tag and, where there is one, its length; `more` bytes follow the fields of fixed length.
    fn tag(&self, tag: Tag, more: u64, fields: &mut Writer<'_>) {
        fields.u8(tag.code());
        if tag.has_length(self.version) {
            fields.u64(wide(tag.fields_len()).saturating_add(more));
        }
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::super::tests::{Told, cuts_are_noticed, flips_are_noticed, garbage_is_answered, run_in_all_slices};
    use super::*;
    use std::string::ToString;
    use std::vec;
    use std::vec::Vec;

    const DISK_BYTES: u64 = 0x1_0000;

    /// By hand: from "a", to "bc", size 0x1_0000, four bytes at 0x0200, zeros from 0x1000 to 0x3000, the end.
    const V1: &[u8] = b"rbd diff v1\n\
        f\x01\0\0\0a\
        t\x02\0\0\0bc\
        s\0\0\x01\0\0\0\0\0\
        w\0\x02\0\0\0\0\0\0\x04\0\0\0\0\0\0\0DATA\
        z\0\x10\0\0\0\0\0\0\0\x20\0\0\0\0\0\0\
        e";

    /// The same, and that "bc" is not protected.
    const V2: &[u8] = b"rbd diff v2\n\
        f\x05\0\0\0\0\0\0\0\x01\0\0\0a\
        t\x06\0\0\0\0\0\0\0\x02\0\0\0bc\
        p\x01\0\0\0\0\0\0\0\0\
        s\x08\0\0\0\0\0\0\0\0\0\x01\0\0\0\0\0\
        w\x14\0\0\0\0\0\0\0\0\x02\0\0\0\0\0\0\x04\0\0\0\0\0\0\0DATA\
        z\x10\0\0\0\0\0\0\0\0\x10\0\0\0\0\0\0\0\x20\0\0\0\0\0\0\
        e";
    const PROTECTED: &[u8] = b"p\x01\0\0\0\0\0\0\0\0";

    fn parse(stream: &[u8]) -> Result<Vec<Told>, Fault> {
        run_in_all_slices(|| Parser::new(DISK_BYTES), stream)
    }

    fn sample() -> Vec<Told> {
        let data = Told::Data(0x200, b"DATA".to_vec());
        let names = [Told::From("a".to_string()), Told::To("bc".to_string())];
        [&names[..], &[Told::Size(0x1_0000), data, Told::Zero(0x1000, 0x2000), Told::End]].concat()
    }

    /// A stream of version 1 with these records behind the banner.
    fn of(records: &[&[u8]]) -> Vec<u8> {
        [&b"rbd diff v1\n"[..], &records.concat()].concat()
    }

    fn size(bytes: u64) -> Vec<u8> {
        [&b"s"[..], &bytes.to_le_bytes()].concat()
    }

    fn extent(tag: u8, offset: u64, len: u64) -> Vec<u8> {
        [&[tag][..], &offset.to_le_bytes(), &len.to_le_bytes()].concat()
    }

    fn name(tag: u8, name: &[u8]) -> Vec<u8> {
        [&[tag][..], &u32::try_from(name.len()).unwrap().to_le_bytes(), name].concat()
    }

    fn fault(stream: &[u8]) -> (What, u64, u64) {
        parse(stream).map_err(|fault| (fault.what, fault.offset, fault.record)).unwrap_err()
    }

    #[test]
    fn both_versions_say_the_same() {
        assert_eq!(parse(V1), Ok(sample()));
        assert_eq!(parse(V2), Ok(sample()));
    }

    #[test]
    fn cuts_and_flips_are_noticed() {
        for stream in [V1, V2] {
            cuts_are_noticed(|| Parser::new(DISK_BYTES), stream);
            // Whether a snapshot is protected is not told, and of its length both writings are taken.
            let untold = stream.windows(PROTECTED.len()).position(|bytes| bytes == PROTECTED).map(|at| at + 9);
            flips_are_noticed(|| Parser::new(DISK_BYTES), stream, (0..stream.len()).filter(|at| Some(*at) != untold));
        }
    }

    #[test]
    fn the_length_that_older_releases_state_for_protection_is_taken() {
        let at = V2.windows(PROTECTED.len()).position(|bytes| bytes == PROTECTED).unwrap();
        for (byte, value, expected) in
            [(1, 8, Ok(sample())), (1, 2, Err(What::Length)), (9, 1, Ok(sample())), (9, 2, Err(What::Field))]
        {
            let mut stream = V2.to_vec();
            stream[at + byte] = value;
            assert_eq!(parse(&stream).map_err(|fault| fault.what), expected);
        }
    }

    #[test]
    fn an_empty_stream_is_a_size_and_an_end() {
        assert_eq!(parse(&of(&[&size(0), b"e"])), Ok(vec![Told::Size(0), Told::End]));
        assert_eq!(parse(&of(&[&size(DISK_BYTES), b"e"])), Ok(vec![Told::Size(DISK_BYTES), Told::End]));
        let unnamed = of(&[&name(b't', b""), &size(5), b"e"]);
        assert_eq!(parse(&unnamed), Ok(vec![Told::To("".to_string()), Told::Size(5), Told::End]));
    }

    #[test]
    fn names_have_a_limit_and_are_text() {
        let longest = "é".repeat(127) + "x";
        let stream = of(&[&name(b'f', longest.as_bytes()), &size(0), b"e"]);
        assert_eq!(parse(&stream), Ok(vec![Told::From(longest), Told::Size(0), Told::End]));
        assert_eq!(fault(&of(&[&name(b'f', &[b'x'; 256]), &size(0), b"e"])), (What::Length, 12, 0));
        assert_eq!(fault(&of(&[&size(0), &name(b't', b"caf\xC3"), b"e"])), (What::Text, 12 + 9 + 5, 1));
        assert_eq!(fault(b"rbd diff v1\nt\xFF\xFF\xFF\xFF"), (What::Length, 12, 0));
    }

    #[test]
    fn metadata_stands_once_and_first_in_any_order() {
        let (f, t, s) = (name(b'f', b"a"), name(b't', b"b"), size(1024));
        let w = [extent(b'w', 0, 1), vec![1]].concat();
        let z = extent(b'z', 512, 1);
        assert!(parse(&of(&[&s, &t, &f, &w, &z, b"e"])).is_ok());
        assert!(parse(&of(&[&t, &s, &w, b"e"])).is_ok());
        for wrong in [&[&f[..], &f][..], &[&t, &t], &[&s, &s], &[&f, &w], &[&f, &z], &[&f, b"e"], &[&s, &z, &t], &[&s, &w, &s]] {
            let before: usize = wrong[..wrong.len() - 1].iter().map(|record| record.len()).sum();
            let expected = (What::Order, 12 + before as u64, wrong.len() as u64 - 1);
            assert_eq!(fault(&of(wrong)), expected, "{wrong:?}");
        }
    }

    #[test]
    fn differences_lie_on_the_disk_and_ascend() {
        let s = size(1024);
        let fits = |first: (u64, u64), second: (u64, u64)| {
            let stream = of(&[&s, &extent(b'z', first.0, first.1), &extent(b'z', second.0, second.1), b"e"]);
            parse(&stream).map(|_| ()).map_err(|fault| (fault.what, fault.record))
        };
        assert_eq!(fits((0, 1), (1, 1023)), Ok(()));
        assert_eq!(fits((0, 1), (1, 1024)), Err((What::Length, 2)));
        assert_eq!(fits((0, 1), (1024, 1)), Err((What::Length, 2)));
        assert_eq!(fits((0, 1), (u64::MAX, 2)), Err((What::Length, 2)));
        assert_eq!(fits((0, 1), (2, u64::MAX)), Err((What::Length, 2)));
        assert_eq!(fits((0, 1), (1, 0)), Err((What::Length, 2)));
        assert_eq!(fits((0, 2), (1, 1)), Err((What::Order, 2)));
        assert_eq!(fits((512, 1), (0, 512)), Err((What::Order, 2)));
        assert_eq!(fault(&of(&[&s, &extent(b'w', 0, 0), b"e"])), (What::Length, 21, 1));
        assert_eq!(fault(&of(&[&s, &extent(b'w', 0, u64::MAX), b"e"])), (What::Length, 21, 1));
        assert_eq!(fault(&of(&[&size(DISK_BYTES + 1)])), (What::Length, 12, 0));
    }

    #[test]
    fn tags_lengths_and_banners_that_are_not_known_are_refused() {
        for tag in [b'p', b'E', b'x', 0] {
            assert_eq!(fault(&of(&[&size(1), &[tag]])), (What::Field, 21, 1));
        }
        assert_eq!(fault(b"rbd diff v3\n"), (What::Magic, 0, 0));
        assert_eq!(fault(b"rbd image v2\n"), (What::Magic, 0, 0));
        for (at, record) in [(13, 0), (27, 1), (52, 3), (69, 4), (98, 5)] {
            let mut stream = V2.to_vec();
            stream[at] += 1;
            assert_eq!(fault(&stream), (What::Length, at as u64 - 1, record), "length at {at}");
        }
    }

    #[test]
    fn garbage_has_an_answer() {
        garbage_is_answered(|| Parser::new(DISK_BYTES), &V1[..V1.len() - 1]);
        garbage_is_answered(|| Parser::new(DISK_BYTES), &V2[..V2.len() - 1]);
    }

    #[test]
    fn an_emitter_writes_these_bytes_and_refuses_what_a_parser_would() {
        let without_protection: Vec<u8> = {
            let at = V2.windows(PROTECTED.len()).position(|bytes| bytes == PROTECTED).unwrap();
            [&V2[..at], &V2[at + PROTECTED.len()..]].concat()
        };
        for (version, expected) in [(Version::V1, V1), (Version::V2, &without_protection)] {
            let head = Head { version, from: Some("a"), to: Some("bc"), disk_bytes: DISK_BYTES };
            let mut to = [0; HEAD_LEN_MAX];
            let (mut emitter, len) = Emitter::begin(&head, &mut to).unwrap();
            let mut written = to[..len].to_vec();
            let len = emitter.data(0x200, 4, &mut to[..RECORD_LEN_MAX]).unwrap();
            written.extend([&to[..len], b"DATA"].concat());
            let len = emitter.zero(0x1000, 0x2000, &mut to[..RECORD_LEN_MAX]).unwrap();
            written.extend(&to[..len]);
            let len = emitter.end(&mut to[..RECORD_LEN_MAX]).unwrap();
            written.extend(&to[..len]);
            assert_eq!(written, expected);

            assert_eq!(emitter.zero(0x2FFF, 1, &mut to), Err(What::Order));
            assert_eq!(emitter.data(0x3000, 0, &mut to), Err(What::Length));
            assert_eq!(emitter.data(0x3000, DISK_BYTES, &mut to), Err(What::Length));
            assert_eq!(emitter.data(0x3000, 1, &mut to[..16]), Err(What::Length), "no room");
            assert!(emitter.data(0x3000, 0xD000, &mut to).is_ok(), "what failed left nothing behind");
        }
        let long = "x".repeat(256);
        let head = Head { version: Version::V2, from: Some(&long[1..]), to: Some(&long[1..]), disk_bytes: 1 };
        assert_eq!(Emitter::begin(&head, &mut [0; HEAD_LEN_MAX]).unwrap().1, HEAD_LEN_MAX);
        assert_eq!(Emitter::begin(&head, &mut [0; HEAD_LEN_MAX - 1]).unwrap_err(), What::Length);
        let head = Head { to: Some(&long), ..head };
        assert_eq!(Emitter::begin(&head, &mut [0; 1000]).unwrap_err(), What::Length);
    }
}
