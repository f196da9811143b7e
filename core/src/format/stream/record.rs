//! Records of a delta stream: differences in ascending order, and the end (docs/FORMAT.md section 16).

use super::{Header, SECTOR_BYTES};
use crate::codec::CodecId;
use crate::error::{Error, Fault, Memory, What};
use crate::format::bytes::{Reader, Writer, crc32, gather};
use crate::format::intake::Intake;
use crate::types::{Id, low32, narrow, wide};

/// Bytes of a record without its stored bytes.
pub const RECORD_LEN: usize = 40;

const CRC_LEN: usize = 4;

/// What a stream says of its disk.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Record<'b> {
    /// New contents, within one frame of the disk.
    Data {
        /// 0 for the first record.
        number: u64,
        /// Bytes from the disk's start.
        offset: u64,
        /// Bytes on the disk, which is what the stored bytes must decode to.
        len_bytes: u32,
        /// How they are stored.
        codec: CodecId,
        /// One frame of that codec.
        stored: &'b [u8],
    },
    /// Zeros, over any number of frames.
    Zero {
        /// 0 for the first record.
        number: u64,
        /// Bytes from the disk's start.
        offset: u64,
        /// Bytes on the disk.
        len_bytes: u64,
    },
    /// The stream is complete.
    End {
        /// How many records there were.
        records: u64,
    },
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    Data,
    Zero,
    End,
}

/// A record without its stored bytes.
#[derive(Clone, Copy, Debug)]
struct Head {
    kind: Kind,
    codec: CodecId,
    stored_bytes: u32,
    number: u64,
    offset: u64,
    len_bytes: u64,
}

impl Head {
    fn parse(bytes: &[u8; RECORD_LEN]) -> Result<Head, What> {
        let mut fields = Reader(bytes);
        let kind = match fields.u8()? {
            1 => Kind::Data,
            2 => Kind::Zero,
            3 => Kind::End,
            _ => return Err(What::Field),
        };
        let codec = CodecId::from_code(fields.u8()?).ok_or(What::Field)?;
        fields.zeros(2)?;
        let stored_bytes = fields.u32()?;
        let (number, offset, len_bytes) = (fields.u64()?, fields.u64()?, fields.u64()?);
        fields.zeros(4)?;
        Ok(Head { kind, codec, stored_bytes, number, offset, len_bytes })
    }

    fn emit(&self, roots: &Roots, stored: &[u8], to: &mut [u8]) -> Result<usize, What> {
        let (body, crc) = to.split_at_mut_checked(RECORD_LEN - CRC_LEN).ok_or(What::Length)?;
        let kind = match self.kind {
            Kind::Data => 1,
            Kind::Zero => 2,
            Kind::End => 3,
        };
        let mut fields = Writer::new(body);
        fields.u8(kind).u8(self.codec.code()).u16(0).u32(self.stored_bytes);
        fields.u64(self.number).u64(self.offset).u64(self.len_bytes).u32(0).end()?;
        Writer::new(crc).u32(roots.crc(body, stored)).end()?;
        Ok(RECORD_LEN)
    }
}

/// What every record of a stream is bound to.
#[derive(Clone, Copy, Debug)]
struct Roots {
    base: Id,
    target: Id,
}

impl Roots {
    fn crc(&self, head: &[u8], stored: &[u8]) -> u32 {
        crc32(&[&self.base.0, &self.target.0, head, stored])
    }
}

/// What the next record may be, read or written.
#[derive(Clone, Copy, Debug)]
struct Bounds {
    target_bytes: u64,
    frame_log2: u8,
    frame_bytes: u32,
    number: u64,
    /// Where the last record ended, or the stream starts.
    next: u64,
}

impl Bounds {
    fn of(header: &Header<'_>) -> Bounds {
        let (frame_log2, frame_bytes) = (header.frame_log2, header.frame_bytes());
        Bounds { target_bytes: header.target_bytes, frame_log2, frame_bytes, number: 0, next: header.start }
    }

    /// Believes a record's head, which then is the last one.
    fn admit(&mut self, head: &Head) -> Result<(), What> {
        if head.number != self.number {
            return Err(What::Order);
        }
        let is_stored = match head.kind {
            Kind::Data => self.stored_fits(head),
            Kind::Zero | Kind::End => head.codec == CodecId::None && head.stored_bytes == 0,
        };
        if !is_stored {
            return Err(What::Length);
        }
        if head.kind == Kind::End {
            let ends = head.offset == self.target_bytes && head.len_bytes == self.number;
            return if ends { Ok(()) } else { Err(What::Length) };
        }
        self.next = self.end_of(head)?;
        self.number = self.number.checked_add(1).ok_or(What::Length)?;
        Ok(())
    }

    fn stored_fits(&self, head: &Head) -> bool {
        let stored_bytes = u64::from(head.stored_bytes);
        let last = head.offset.saturating_add(head.len_bytes).saturating_sub(1);
        let one_frame = head.offset.checked_shr(self.frame_log2.into()) == last.checked_shr(self.frame_log2.into());
        let coded = match head.codec {
            CodecId::None => stored_bytes == head.len_bytes,
            _ => stored_bytes > 0 && stored_bytes < head.len_bytes,
        };
        head.len_bytes <= self.frame_bytes.into() && one_frame && coded
    }

    /// Where a difference ends, if it lies on the disk, in whole sectors, behind what was before.
    fn end_of(&self, head: &Head) -> Result<u64, What> {
        let end = head.offset.checked_add(head.len_bytes).ok_or(What::Length)?;
        let sectors = head.offset.is_multiple_of(SECTOR_BYTES) && (end.is_multiple_of(SECTOR_BYTES) || end == self.target_bytes);
        if head.len_bytes == 0 || end > self.target_bytes || !sectors {
            return Err(What::Length);
        }
        if head.offset < self.next { Err(What::Order) } else { Ok(end) }
    }
}

#[derive(Clone, Copy, Debug)]
enum State {
    Head,
    Stored(Head),
    Done,
    Broken(Fault),
}

/// Reads the records of a stream, from what follows its header. It holds one record's stored bytes in lent memory until their CRC is right.
///
/// ```text
/// for each slice of input:
///     loop { match step(slice)? { (0, None) => break, (taken, record) => use the record, cut `taken` off the slice } }
/// then end()?
/// ```
pub struct Parser<'m> {
    roots: Roots,
    bounds: Bounds,
    intake: Intake<RECORD_LEN>,
    state: State,
    memory: &'m mut [u8],
    held: usize,
}

impl<'m> Parser<'m> {
    /// Begins behind a header; `memory` must be one frame ([`Header::frame_bytes`]), or [`Error::Memory`] says so.
    pub fn new(header: &Header<'_>, memory: &'m mut [u8]) -> Result<Parser<'m>, Error> {
        let needed = u64::from(header.frame_bytes());
        if wide(memory.len()) < needed {
            return Err(Error::Memory { memory: Memory::Buffer, needed });
        }
        let roots = Roots { base: header.base_root, target: header.target_root };
        let intake = Intake::new(wide(header.len_bytes()));
        Ok(Parser { roots, bounds: Bounds::of(header), intake, state: State::Head, memory, held: 0 })
    }

    /// Takes from the start of `input` and says how much, and the record that is whole with it; `(0, None)` asks for more input. It takes
    /// something of an input that is not empty. After a fault it says the same fault again.
    pub fn step(&mut self, input: &[u8]) -> Result<(usize, Option<Record<'_>>), Fault> {
        let told = match self.state {
            State::Broken(fault) => return Err(fault),
            State::Head => self.head(input),
            State::Stored(head) => self.stored(head, input),
            State::Done if input.is_empty() => Ok((0, None)),
            State::Done => Err(What::Trailing),
        };
        match told {
            Ok((taken, whole)) => Ok((taken, whole.map(|head| self.record(head)))),
            Err(what) => {
                let fault = self.intake.fault(what);
                self.state = State::Broken(fault);
                Err(fault)
            }
        }
    }

    /// Asked at the end of all input: whether the stream is complete.
    pub fn end(&self) -> Result<(), Fault> {
        match self.state {
            State::Done => Ok(()),
            State::Broken(fault) => Err(fault),
            _ => Err(self.intake.short()),
        }
    }

    fn head(&mut self, input: &[u8]) -> Result<(usize, Option<Head>), What> {
        let (taken, whole) = self.intake.gather(input, RECORD_LEN);
        if !whole {
            return Ok((taken, None));
        }
        let head = Head::parse(self.intake.head())?;
        self.bounds.admit(&head)?;
        self.held = 0;
        if head.stored_bytes == 0 {
            return Ok((taken, Some(self.finish(head)?)));
        }
        self.state = State::Stored(head);
        Ok((taken, None))
    }

    fn stored(&mut self, head: Head, input: &[u8]) -> Result<(usize, Option<Head>), What> {
        let len = narrow(head.stored_bytes.into());
        let taken = gather(self.memory.get_mut(..len).ok_or(What::Length)?, self.held, input);
        self.held = self.held.saturating_add(taken);
        self.intake.pass(taken);
        let whole = if self.held == len { Some(self.finish(head)?) } else { None };
        Ok((taken, whole))
    }

    fn finish(&mut self, head: Head) -> Result<Head, What> {
        let (body, crc) = self.intake.head().split_last_chunk::<CRC_LEN>().ok_or(What::Length)?;
        if self.roots.crc(body, self.memory.get(..self.held).unwrap_or(&[])) != u32::from_le_bytes(*crc) {
            return Err(What::Checksum);
        }
        if head.kind == Kind::End {
            self.intake.mark();
            self.state = State::Done;
        } else {
            self.intake.next();
            self.state = State::Head;
        }
        Ok(head)
    }

    fn record(&self, head: Head) -> Record<'_> {
        let Head { number, offset, len_bytes, codec, .. } = head;
        let stored = self.memory.get(..self.held).unwrap_or(&[]);
        match head.kind {
            Kind::Data => Record::Data { number, offset, len_bytes: low32(len_bytes), codec, stored },
            Kind::Zero => Record::Zero { number, offset, len_bytes },
            Kind::End => Record::End { records: number },
        }
    }
}

/// New contents to be written.
#[derive(Clone, Copy, Debug)]
pub struct Data<'a> {
    /// Bytes from the disk's start.
    pub offset: u64,
    /// Bytes on the disk; within one frame.
    pub len_bytes: u32,
    /// How they are stored.
    pub codec: CodecId,
    /// One frame of that codec; with [`CodecId::None`] the bytes themselves.
    pub stored: &'a [u8],
}

/// Writes a stream: the header, differences in ascending order, the end. It refuses what a parser would; each record takes [`RECORD_LEN`].
#[derive(Clone, Debug)]
pub struct Emitter {
    roots: Roots,
    bounds: Bounds,
}

impl Emitter {
    /// Writes the header, and says how long it is.
    pub fn begin(header: &Header<'_>, to: &mut [u8]) -> Result<(Emitter, usize), What> {
        let roots = Roots { base: header.base_root, target: header.target_root };
        let written = header.emit(to)?;
        Ok((Emitter { roots, bounds: Bounds::of(header) }, written))
    }

    /// Writes the head of new contents; the caller sends the stored bytes behind it.
    pub fn data(&mut self, data: &Data<'_>, to: &mut [u8]) -> Result<usize, What> {
        let stored_bytes = u32::try_from(data.stored.len()).map_err(|_| What::Length)?;
        let head = Head {
            kind: Kind::Data,
            codec: data.codec,
            stored_bytes,
            number: self.bounds.number,
            offset: data.offset,
            len_bytes: data.len_bytes.into(),
        };
        self.record(&head, data.stored, to)
    }

    /// Writes that `len_bytes` from `offset` are zeros.
    pub fn zero(&mut self, offset: u64, len_bytes: u64, to: &mut [u8]) -> Result<usize, What> {
        self.record(&self.without_bytes(Kind::Zero, offset, len_bytes), &[], to)
    }

    /// Writes the end.
    pub fn end(mut self, to: &mut [u8]) -> Result<usize, What> {
        self.record(&self.without_bytes(Kind::End, self.bounds.target_bytes, self.bounds.number), &[], to)
    }

    fn without_bytes(&self, kind: Kind, offset: u64, len_bytes: u64) -> Head {
        Head { kind, codec: CodecId::None, stored_bytes: 0, number: self.bounds.number, offset, len_bytes }
    }

    fn record(&mut self, head: &Head, stored: &[u8], to: &mut [u8]) -> Result<usize, What> {
        let mut bounds = self.bounds;
        bounds.admit(head)?;
        let written = head.emit(&self.roots, stored, to)?;
        self.bounds = bounds;
        Ok(written)
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::super::HEADER_LEN_MAX;
    use super::super::tests::{FRAME, HEADER, TARGET_BYTES, header};
    use super::*;
    use std::vec;
    use std::vec::Vec;

    /// A record laid by hand: its fields, the zeros, its CRC.
    fn record(kind: u8, codec: u8, number: u64, offset: u64, len: u64, stored: &[u8]) -> Vec<u8> {
        let mut bytes = vec![kind, codec, 0, 0];
        bytes.extend(u32::try_from(stored.len()).unwrap().to_le_bytes());
        bytes.extend([number, offset, len].map(u64::to_le_bytes).concat());
        bytes.extend([0; 4]);
        let crc = crc32(&[&HEADER.base_root.0, &HEADER.target_root.0, &bytes, stored]);
        [&bytes, &crc.to_le_bytes()[..], stored].concat()
    }

    fn end(records: u64) -> Vec<u8> {
        record(3, 0, records, TARGET_BYTES, records, &[])
    }

    fn records() -> Vec<Vec<u8>> {
        vec![
            record(1, 0, 0, 1024, 512, &[1; 512]),
            record(1, 3, 1, 4096, 4096, &[2; 77]),
            record(2, 0, 2, 8192, 4096, &[]),
            record(1, 0, 3, 3 * 4096, 100, &[3; 100]),
            end(4),
        ]
    }

    /// What came out, in words.
    #[derive(Clone, PartialEq, Eq, Debug)]
    enum Told {
        Data(u64, u64, u32, u8, Vec<u8>),
        Zero(u64, u64, u64),
        End(u64),
    }

    fn parse_in(records: &[u8], slice: usize) -> Result<Vec<Told>, Fault> {
        let mut memory = [0xEE; FRAME];
        let mut parser = Parser::new(&HEADER, &mut memory).unwrap();
        let mut told = Vec::new();
        for slice in records.chunks(slice).chain([&[][..]]) {
            let mut rest = slice;
            loop {
                let (taken, record) = parser.step(rest)?;
                match record {
                    Some(Record::Data { number, offset, len_bytes, codec, stored }) => {
                        told.push(Told::Data(number, offset, len_bytes, codec.code(), stored.to_vec()));
                    }
                    Some(Record::Zero { number, offset, len_bytes }) => told.push(Told::Zero(number, offset, len_bytes)),
                    Some(Record::End { records }) => told.push(Told::End(records)),
                    None if taken == 0 => break,
                    None => {}
                }
                rest = &rest[taken..];
            }
            assert!(rest.is_empty());
        }
        parser.end().map(|()| told)
    }

    fn parse(records: &[u8]) -> Result<Vec<Told>, Fault> {
        let told = parse_in(records, usize::MAX);
        for slice in [1, 7, 40, 513] {
            assert_eq!(parse_in(records, slice), told, "slices of {slice}");
        }
        told
    }

    fn fault(what: What, offset: usize, record: u64) -> Fault {
        Fault { what, offset: wide(header().len() + offset), record }
    }

    #[test]
    fn records_say_what_they_hold() {
        let expected = vec![
            Told::Data(0, 1024, 512, 0, vec![1; 512]),
            Told::Data(1, 4096, 4096, 3, vec![2; 77]),
            Told::Zero(2, 8192, 4096),
            Told::Data(3, 12288, 100, 0, vec![3; 100]),
            Told::End(4),
        ];
        assert_eq!(parse(&records().concat()), Ok(expected));
        assert_eq!(parse(&end(0)), Ok(vec![Told::End(0)]));
        assert_eq!(
            record(2, 0, 7, 512, 1024, &[])[..36],
            *b"\x02\0\0\0\0\0\0\0\x07\0\0\0\0\0\0\0\0\x02\0\0\0\0\0\0\0\x04\0\0\0\0\0\0\0\0\0\0"
        );
    }

    #[test]
    fn every_cut_and_flip_of_records_is_noticed() {
        let stream = records().concat();
        for len in 0..stream.len() {
            let short = parse_in(&stream[..len], 64).unwrap_err();
            assert_eq!((short.what, short.offset), (What::Short, wide(header().len() + len)), "cut to {len}");
        }
        assert_eq!(parse(&[&stream[..], &[0]].concat()), Err(fault(What::Trailing, stream.len(), 4)));
        for at in 0..stream.len() {
            for bit in 0..8 {
                let mut flipped = stream.clone();
                flipped[at] ^= 1 << bit;
                assert!(parse_in(&flipped, usize::MAX).is_err(), "bit {bit} of byte {at}");
            }
        }
    }

    #[test]
    fn records_of_another_stream_or_place_are_noticed() {
        for (base_root, target_root) in [(Id([1; 32]), HEADER.target_root), (HEADER.base_root, Id([1; 32]))] {
            let other = Header { base_root, target_root, ..HEADER };
            let mut memory = [0; FRAME];
            let mut parser = Parser::new(&other, &mut memory).unwrap();
            assert_eq!(parser.step(&end(0)), Err(fault(What::Checksum, 0, 0)));
        }
        let records = records();
        let swapped = [&records[0][..], &records[2]].concat();
        assert_eq!(parse(&swapped), Err(fault(What::Order, 552, 1)));
        assert_eq!(parse(&[&records[0][..], &records[0]].concat()), Err(fault(What::Order, 552, 1)));
        assert_eq!(parse(&[&records[0][..], &end(0)].concat()), Err(fault(What::Order, 552, 1)));
    }

    #[test]
    fn a_record_outside_its_limits_is_refused() {
        let first = |record: Vec<u8>| parse(&[record, end(1)].concat()).map(|_| ()).map_err(|fault| (fault.what, fault.record));
        let raw = |offset, len: u16| record(1, 0, 0, offset, len.into(), &vec![1; len.into()]);
        let zero = |offset, len| record(2, 0, 0, offset, len, &[]);
        for good in [
            raw(512, 512),
            raw(4096, 4096),
            raw(4096 - 512, 512),
            raw(12288, 100),
            zero(512, 512),
            zero(1024, TARGET_BYTES - 1024),
            record(1, 2, 0, 4096, 4096, &[1; 4095]),
            record(1, 1, 0, 4096, 512, &[1]),
        ] {
            assert_eq!(first(good), Ok(()));
        }
        for (bad, what) in [
            (raw(0, 512), What::Order),
            (zero(0, 1024), What::Order),
            (raw(512, 0), What::Length),
            (raw(512, 100), What::Length),
            (raw(513, 512), What::Length),
            (raw(4096, 4608), What::Length),
            (raw(4096 - 512, 1024), What::Length),
            (raw(12288, 99), What::Length),
            (raw(12288, 512), What::Length),
            (raw(16384, 512), What::Length),
            (zero(512, 0), What::Length),
            (zero(512, 513), What::Length),
            (zero(1024, TARGET_BYTES - 512), What::Length),
            (zero(512, u64::MAX), What::Length),
            (zero(u64::MAX - 511, 512), What::Length),
            (record(2, 0, 0, 512, 512, &[1]), What::Length),
            (record(2, 1, 0, 512, 512, &[]), What::Length),
            (record(1, 0, 0, 512, 512, &[1; 511]), What::Length),
            (record(1, 1, 0, 512, 512, &[1; 512]), What::Length),
            (record(1, 1, 0, 512, 512, &[]), What::Length),
            (record(1, 4, 0, 512, 512, &[1]), What::Field),
            (record(0, 0, 0, 512, 512, &[1; 512]), What::Field),
            (record(4, 0, 0, 512, 512, &[]), What::Field),
            (record(3, 0, 0, TARGET_BYTES - 1, 0, &[]), What::Length),
            (record(3, 0, 0, TARGET_BYTES, 1, &[]), What::Length),
            (record(3, 0, 0, TARGET_BYTES, 0, &[1]), What::Length),
        ] {
            assert_eq!(first(bad.clone()), Err((what, 0)), "{:?}", &bad[..36]);
        }
        let touching = [record(2, 0, 0, 512, 512, &[]), record(2, 0, 1, 1024, 512, &[]), end(2)].concat();
        assert!(parse(&touching).is_ok());
        let over = [record(2, 0, 0, 512, 1024, &[]), record(2, 0, 1, 1024, 512, &[]), end(2)].concat();
        assert_eq!(parse(&over), Err(fault(What::Order, 40, 1)));
    }

    #[test]
    fn a_fault_stays_and_memory_is_asked_for_first() {
        let mut memory = [0; FRAME];
        let mut parser = Parser::new(&HEADER, &mut memory).unwrap();
        let first = parser.step(&[0; 100]).map(|(taken, _)| taken).unwrap_err();
        assert_eq!(first, fault(What::Field, 0, 0));
        assert_eq!(parser.step(&[]), Err(first));
        assert_eq!(parser.end(), Err(first));
        let needed = Error::Memory { memory: Memory::Buffer, needed: 4096 };
        assert_eq!(Parser::new(&HEADER, &mut memory[1..]).err(), Some(needed));
    }

    #[test]
    fn garbage_has_an_answer() {
        let (mut state, good) = (1u32, records().concat());
        let mut random = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            state.to_le_bytes()[3]
        };
        for round in 0..1000 {
            let mut stream = good.clone();
            for _ in 0..=round % 9 {
                let at = usize::from(random()) * 256 + usize::from(random());
                let at = at % stream.len();
                stream[at] ^= random() | 1;
            }
            assert!(parse_in(&stream, 64).is_err() || stream == good, "round {round}");
            let noise: Vec<u8> = (0..200).map(|_| if random() < 64 { random() } else { 0 }).collect();
            assert!(parse_in(&noise, 200).is_err());
            assert!(Header::parse(&noise).is_err());
        }
    }

    #[test]
    fn an_emitter_writes_these_bytes_and_refuses_what_a_parser_would() {
        let mut to = [0; HEADER_LEN_MAX];
        let (mut emitter, len) = Emitter::begin(&HEADER, &mut to).unwrap();
        assert_eq!(to[..len], header());
        let mut written = Vec::new();
        let data = |emitter: &mut Emitter, offset, len_bytes, codec, stored: &[u8]| {
            let mut to = [0; RECORD_LEN];
            emitter.data(&Data { offset, len_bytes, codec, stored }, &mut to).map(|len| [&to[..len], stored].concat())
        };
        written.push(data(&mut emitter, 1024, 512, CodecId::None, &[1; 512]).unwrap());
        written.push(data(&mut emitter, 4096, 4096, CodecId::Zlib, &[2; 77]).unwrap());
        assert_eq!(data(&mut emitter, 8191, 512, CodecId::None, &[0; 512]), Err(What::Length));
        assert_eq!(data(&mut emitter, 4096, 512, CodecId::None, &[0; 512]), Err(What::Order));
        assert_eq!(emitter.zero(8192, TARGET_BYTES, &mut to), Err(What::Length));
        assert_eq!(emitter.zero(8192, 4096, &mut to[..39]), Err(What::Length), "no room");
        assert_eq!(emitter.zero(8192, 4096, &mut to), Ok(40));
        written.push(to[..40].to_vec());
        written.push(data(&mut emitter, 12288, 100, CodecId::None, &[3; 100]).unwrap());
        assert_eq!(emitter.end(&mut to), Ok(40));
        written.push(to[..40].to_vec());
        assert_eq!(written, records());
    }
}
