//! Sheepdog's `vdi backup`: per object of the disk at most one span of new contents, from its first changed sector to its last.
//!
//! ```text
//! counted (2012-09-10 to 17, in no release):  version 1 u32 | magic u32 | count u32 | 0 u32 | count records
//! marked (since then):                        version 1 u32 | magic u32 | records           | FF FF FF FF, 12 bytes 0
//! record:                                     object index u32 | offset u32 | length u32 | 0 u32 | length bytes
//! ```
//! Little-endian, as every machine was that wrote one. Offset and length are multiples of 512 within the object, indexes ascend, and zeros are
//! written out. Neither disk size nor object size is told, so both are given; the last object is compared to its full length, and what lies
//! behind the disk's end in it must be zeros.
//!
//! Both layouts say the same version and magic. But a counted stream is a multiple of 16 bytes long and a marked one 8 more, so no bytes are
//! both: [`Layout::of_length`] tells where the length is known, [`Contest`] where it is not. Only what was cut may deceive: the first 16 bytes
//! of a marked stream that begins with the start of object 0 are a counted stream without records.

use super::{Differences, Piece};
use crate::error::{Fault, What};
use crate::format::bytes::{Reader, Writer};
use crate::format::intake::Intake;
use crate::types::{low32, narrow, wide};

/// The first bytes of a stream of either layout: version and magic.
pub const START: [u8; 8] = [1, 0, 0, 0, 0x92, 0x11, 0x92, 0x11];
/// Bytes of an object unless the disk was made with another size.
pub const OBJECT_BYTES: u32 = 1 << 22;
/// What offsets and lengths are multiples of.
pub const SECTOR_BYTES: u32 = 512;
/// Bytes that suffice for whatever [`Emitter`] writes at once.
pub const EMIT_LEN: usize = 16;

const VERSION: u32 = 1;
const MAGIC: u32 = 0x1192_1192;
const RECORD_LEN: usize = 16;
const MARKER: [u8; RECORD_LEN] = [0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];

/// How a stream says where it ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Layout {
    /// By a count of records in the header.
    Counted,
    /// By a marker behind the last record.
    Marked,
}

impl Layout {
    /// The only layout that a whole stream of this length can have.
    pub fn of_length(len_bytes: u64) -> Option<Layout> {
        match len_bytes % 16 {
            0 => Some(Layout::Counted),
            8 => Some(Layout::Marked),
            _ => None,
        }
    }

    fn head_len(self) -> usize {
        match self {
            Layout::Counted => 16,
            Layout::Marked => 8,
        }
    }
}

/// What a stream does not tell of its disk.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Shape {
    object_bytes: u32,
    disk_bytes: u64,
}

impl Shape {
    /// None if an object is not a positive number of sectors, or the disk has more objects than an index can name.
    pub fn new(object_bytes: u32, disk_bytes: u64) -> Option<Shape> {
        let shape = Shape { object_bytes, disk_bytes };
        let sectors = object_bytes > 0 && object_bytes.is_multiple_of(SECTOR_BYTES);
        let nameable = shape.objects_bytes() <= u64::from(object_bytes).saturating_mul(u32::MAX.into());
        (sectors && nameable).then_some(shape)
    }

    /// The disk's bytes, rounded up to whole objects.
    fn objects_bytes(&self) -> u64 {
        self.disk_bytes.checked_next_multiple_of(self.object_bytes.into()).unwrap_or(u64::MAX)
    }

    /// Whether the disk has that many objects.
    fn has(&self, objects: u32) -> bool {
        u64::from(objects).saturating_mul(self.object_bytes.into()) <= self.objects_bytes()
    }
}

/// Where a record's payload belongs.
struct Span {
    index: u32,
    offset: u32,
    len_bytes: u32,
}

impl Span {
    fn parse(head: &[u8; RECORD_LEN]) -> Result<Span, What> {
        let mut fields = Reader(head);
        let span = Span { index: fields.u32()?, offset: fields.u32()?, len_bytes: fields.u32()? };
        fields.zeros(4)?;
        Ok(span)
    }

    /// The span that begins at this byte of the disk.
    fn at(shape: &Shape, offset: u64, len_bytes: u32) -> Result<Span, What> {
        let object_bytes = u64::from(shape.object_bytes);
        let (index, offset) = (offset.checked_div(object_bytes), offset.checked_rem(object_bytes));
        let index = index.and_then(|index| u32::try_from(index).ok()).ok_or(What::Length)?;
        let offset = offset.and_then(|offset| u32::try_from(offset).ok()).ok_or(What::Length)?;
        Ok(Span { index, offset, len_bytes })
    }

    /// Where it begins on the disk, if it lies within an object of the disk.
    fn place(&self, shape: &Shape) -> Result<u64, What> {
        let sectors =
            self.offset.is_multiple_of(SECTOR_BYTES) && self.len_bytes.is_multiple_of(SECTOR_BYTES) && self.len_bytes > 0;
        let end = self.offset.checked_add(self.len_bytes).ok_or(What::Length)?;
        let object = u64::from(self.index).saturating_mul(shape.object_bytes.into());
        let inside = end <= shape.object_bytes && object.saturating_add(end.into()) <= shape.objects_bytes();
        (sectors && inside).then(|| object.saturating_add(self.offset.into())).ok_or(What::Length)
    }
}

#[derive(Clone, Copy, Debug)]
enum State {
    Head,
    Record,
    Payload,
    Done,
    Broken(Fault),
}

/// Reads a stream of one layout.
#[derive(Clone, Debug)]
pub struct Parser {
    layout: Layout,
    shape: Shape,
    intake: Intake<RECORD_LEN>,
    state: State,
    records_left: u32,
    index_min: u32,
    at: u64,
    payload_left: u32,
}

impl Parser {
    /// Begins at the start of a stream.
    pub fn new(layout: Layout, shape: Shape) -> Parser {
        let intake = Intake::new(0);
        Parser { layout, shape, intake, state: State::Head, records_left: 0, index_min: 0, at: 0, payload_left: 0 }
    }

    fn counted_out(&self) -> bool {
        self.layout == Layout::Counted && self.records_left == 0
    }

    fn advance<'b>(&mut self, input: &'b [u8]) -> Result<(usize, Option<Piece<'b>>), What> {
        match self.state {
            State::Head => self.head(input),
            State::Record if self.counted_out() => Ok((0, Some(self.done()))),
            State::Record => self.record(input),
            State::Payload => self.payload(input),
            _ if input.is_empty() => Ok((0, None)),
            _ => Err(What::Trailing),
        }
    }

    fn head<'b>(&mut self, input: &[u8]) -> Result<(usize, Option<Piece<'b>>), What> {
        let (taken, whole) = self.intake.gather(input, self.layout.head_len());
        if !whole {
            return Ok((taken, None));
        }
        let mut fields = Reader(self.intake.head());
        let version = fields.u32()?;
        if fields.u32()? != MAGIC {
            return Err(What::Magic);
        }
        if version != VERSION {
            return Err(What::Unsupported);
        }
        // Behind the head of a marked stream these are zeros that nothing was read into.
        self.records_left = fields.u32()?;
        fields.zeros(4)?;
        if !self.shape.has(self.records_left) {
            return Err(What::Length);
        }
        self.intake.again();
        self.state = State::Record;
        Ok((taken, None))
    }

    fn record<'b>(&mut self, input: &[u8]) -> Result<(usize, Option<Piece<'b>>), What> {
        let (taken, whole) = self.intake.gather(input, RECORD_LEN);
        if !whole {
            return Ok((taken, None));
        }
        if self.layout == Layout::Marked && *self.intake.head() == MARKER {
            return Ok((taken, Some(self.done())));
        }
        let span = Span::parse(self.intake.head())?;
        self.at = span.place(&self.shape)?;
        if span.index < self.index_min {
            return Err(What::Order);
        }
        self.index_min = span.index.saturating_add(1);
        self.payload_left = span.len_bytes;
        self.intake.mark();
        self.state = State::Payload;
        Ok((taken, None))
    }

    fn payload<'b>(&mut self, input: &'b [u8]) -> Result<(usize, Option<Piece<'b>>), What> {
        let left = narrow(self.payload_left.into());
        let on_disk = narrow(self.shape.disk_bytes.saturating_sub(self.at));
        let len = input.len().min(left).min(if on_disk > 0 { on_disk } else { left });
        let bytes = input.get(..len).unwrap_or(&[]);
        let offset = self.at;
        if on_disk == 0
            && let Some(zeros) = bytes.iter().position(|&byte| byte != 0)
        {
            self.pass(zeros);
            return Err(What::Padding);
        }
        self.pass(len);
        if self.payload_left == 0 {
            self.records_left = self.records_left.saturating_sub(1);
            self.intake.next();
            self.state = State::Record;
        }
        Ok((len, (on_disk > 0 && len > 0).then_some(Piece::Data { offset, bytes })))
    }

    fn pass(&mut self, len: usize) {
        self.at = self.at.saturating_add(wide(len));
        self.payload_left = self.payload_left.saturating_sub(low32(wide(len)));
        self.intake.pass(len);
        self.intake.mark();
    }

    fn done<'b>(&mut self) -> Piece<'b> {
        self.intake.mark();
        self.state = State::Done;
        Piece::End
    }
}

impl Differences for Parser {
    fn step<'b>(&'b mut self, input: &'b [u8]) -> Result<(usize, Option<Piece<'b>>), Fault> {
        if let State::Broken(fault) = self.state {
            return Err(fault);
        }
        let told = self.advance(input);
        told.map_err(|what| {
            let fault = self.intake.fault(what);
            self.state = State::Broken(fault);
            fault
        })
    }

    fn end(&self) -> Result<(), Fault> {
        match self.state {
            State::Done => Ok(()),
            State::Record if self.counted_out() => Ok(()),
            State::Broken(fault) => Err(fault),
            _ => Err(self.intake.short()),
        }
    }
}

/// Both layouts read side by side, to find out which a stream has before anything is done with it.
#[derive(Clone, Debug)]
pub struct Contest {
    counted: Parser,
    marked: Parser,
}

impl Contest {
    /// Begins at the start of a stream.
    pub fn new(shape: Shape) -> Contest {
        Contest { counted: Parser::new(Layout::Counted, shape), marked: Parser::new(Layout::Marked, shape) }
    }

    /// Lets both read all of `input`.
    pub fn feed(&mut self, input: &[u8]) {
        read_all(&mut self.counted, input);
        read_all(&mut self.marked, input);
    }

    /// The layout that alone is still possible, which may be known long before the end; the fault of the one that came further if none is.
    pub fn possible(&self) -> Result<Option<Layout>, Fault> {
        match (self.counted.state, self.marked.state) {
            (State::Broken(counted), State::Broken(marked)) => Err(later(counted, marked)),
            (State::Broken(_), _) => Ok(Some(Layout::Marked)),
            (_, State::Broken(_)) => Ok(Some(Layout::Counted)),
            _ => Ok(None),
        }
    }

    /// Asked at the end of all input: the layout that it has; the fault of the one that came further if it has none.
    ///
    /// What may be a counted stream without records or a marked one that was cut is taken for the latter: nobody misses the former.
    pub fn end(&self) -> Result<Layout, Fault> {
        match (self.counted.end(), self.marked.end()) {
            (Ok(()), Err(fault)) if fault.what == What::Short && self.counted.intake.records() == 0 => Err(fault),
            (Ok(()), _) => Ok(Layout::Counted),
            (_, Ok(())) => Ok(Layout::Marked),
            (Err(counted), Err(marked)) => Err(later(counted, marked)),
        }
    }
}

/// The parser keeps its fault, so it is not handed on here.
fn read_all(parser: &mut Parser, input: &[u8]) {
    let mut rest = input;
    while let Ok((taken, piece)) = parser.step(rest)
        && (taken > 0 || piece.is_some())
    {
        rest = rest.get(taken..).unwrap_or(&[]);
    }
}

fn later(counted: Fault, marked: Fault) -> Fault {
    if counted.offset > marked.offset { counted } else { marked }
}

/// Writes a stream: a head, for each object that differs a record and then its payload, the end. It refuses what a parser would.
#[derive(Clone, Debug)]
pub struct Emitter {
    layout: Layout,
    shape: Shape,
    records_left: u32,
    index_min: u32,
}

impl Emitter {
    /// A stream of the released layout.
    pub fn marked(shape: Shape) -> Emitter {
        Emitter { layout: Layout::Marked, shape, records_left: u32::MAX, index_min: 0 }
    }

    /// A stream of the layout that says first how many records there are.
    pub fn counted(shape: Shape, records: u32) -> Emitter {
        Emitter { layout: Layout::Counted, shape, records_left: records, index_min: 0 }
    }

    /// Writes the head, before all else.
    pub fn head(&self, to: &mut [u8]) -> Result<usize, What> {
        let mut fields = Writer::new(to);
        fields.u32(VERSION).u32(MAGIC);
        if self.layout == Layout::Counted {
            if !self.shape.has(self.records_left) {
                return Err(What::Length);
            }
            fields.u32(self.records_left).u32(0);
        }
        fields.end()
    }

    /// Writes the header of a record from `offset` of the disk. The caller sends `len_bytes` of payload behind it, zeros where the disk ends
    /// within them. [`What::Length`] if that is not sectors of one object of the disk, or no record is left.
    pub fn record(&mut self, offset: u64, len_bytes: u32, to: &mut [u8]) -> Result<usize, What> {
        let span = Span::at(&self.shape, offset, len_bytes)?;
        span.place(&self.shape)?;
        if span.index < self.index_min {
            return Err(What::Order);
        }
        let records_left = self.records_left.checked_sub(1).ok_or(What::Length)?;
        let written = Writer::new(to).u32(span.index).u32(span.offset).u32(span.len_bytes).u32(0).end()?;
        self.index_min = span.index.saturating_add(1);
        self.records_left = records_left;
        Ok(written)
    }

    /// Writes what ends the stream, which of a counted one is nothing; [`What::Short`] if that lacks records.
    pub fn end(&self, to: &mut [u8]) -> Result<usize, What> {
        match (self.layout, self.records_left) {
            (Layout::Marked, _) => Writer::new(to).bytes(&MARKER).end(),
            (Layout::Counted, 0) => Ok(0),
            (Layout::Counted, _) => Err(What::Short),
        }
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::super::tests::{Told, cuts_are_noticed, flips_are_noticed, garbage_is_answered, run, run_in_all_slices};
    use super::*;
    use std::vec;
    use std::vec::Vec;

    /// Small objects, so that a disk has many; its last one is partial, and ends within a sector.
    const SHAPE: Shape = Shape { object_bytes: 2048, disk_bytes: 20_580 };
    const LAST: u32 = 10;

    fn counted(count: u32) -> Vec<u8> {
        let mut head = vec![1, 0, 0, 0, 0x92, 0x11, 0x92, 0x11, 0, 0, 0, 0, 0, 0, 0, 0];
        head[8..12].copy_from_slice(&count.to_le_bytes());
        head
    }

    fn marked() -> Vec<u8> {
        vec![1, 0, 0, 0, 0x92, 0x11, 0x92, 0x11]
    }

    fn record(fields: [u32; 4], payload: &[u8]) -> Vec<u8> {
        fields.iter().flat_map(|field| field.to_le_bytes()).chain(payload.iter().copied()).collect()
    }

    /// The same records in both layouts.
    fn both(records: &[Vec<u8>]) -> [(Layout, Vec<u8>); 2] {
        let count = u32::try_from(records.len()).unwrap();
        let records = records.concat();
        let marked = [marked(), records.clone(), MARKER.to_vec()].concat();
        [(Layout::Counted, [counted(count), records].concat()), (Layout::Marked, marked)]
    }

    fn parse(layout: Layout, stream: &[u8]) -> Result<Vec<Told>, Fault> {
        run_in_all_slices(|| Parser::new(layout, SHAPE), stream)
    }

    fn contest(shape: Shape, stream: &[u8]) -> Result<Layout, Fault> {
        let mut contest = Contest::new(shape);
        stream.chunks(11).for_each(|slice| contest.feed(slice));
        contest.end()
    }

    fn sample() -> Vec<Vec<u8>> {
        vec![
            record([0, 0, 512, 0], &[7; 512]),
            record([3, 512, 1024, 0], &[0; 1024]),
            record([LAST, 0, 512, 0], &[&[9; 100][..], &[0; 412]].concat()),
        ]
    }

    #[test]
    fn an_empty_stream_is_a_head_and_an_end() {
        let [(_, a), (_, b)] = both(&[]);
        assert_eq!(a, [1, 0, 0, 0, 0x92, 0x11, 0x92, 0x11, 0, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(b.len(), 24);
        assert_eq!(parse(Layout::Counted, &a), Ok(vec![Told::End]));
        assert_eq!(parse(Layout::Marked, &b), Ok(vec![Told::End]));
        let empty = Shape::new(OBJECT_BYTES, 0).unwrap();
        for (layout, stream) in both(&[]) {
            assert_eq!(run(&mut Parser::new(layout, empty), &stream, 3), Ok(vec![Told::End]));
            let told = contest(empty, &stream).map_err(|fault| (fault.what, fault.offset));
            assert_eq!(told, if layout == Layout::Marked { Ok(layout) } else { Err((What::Short, 16)) });
            cuts_are_noticed(|| Parser::new(layout, empty), &stream);
        }
    }

    #[test]
    fn one_sector_of_the_fifth_object_is_552_bytes() {
        let head = [1, 0, 0, 0, 0x92, 0x11, 0x92, 0x11, 5, 0, 0, 0, 0, 4, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0];
        let stream = [&head[..], &[1; 512], &[0xFF; 4], &[0; 12]].concat();
        assert_eq!(stream.len(), 552);
        let shape = Shape::new(OBJECT_BYTES, 6 << 22).unwrap();
        let offset = (5 << 22) + 1024;
        let told = run_in_all_slices(|| Parser::new(Layout::Marked, shape), &stream);
        assert_eq!(told, Ok(vec![Told::Data(offset, vec![1; 512]), Told::End]));
        assert_eq!(contest(shape, &stream), Ok(Layout::Marked));

        let mut emitter = Emitter::marked(shape);
        let mut to = [0; EMIT_LEN];
        assert_eq!((emitter.head(&mut to), &to[..8]), (Ok(8), &stream[..8]));
        assert_eq!((emitter.record(offset, 512, &mut to), &to[..]), (Ok(16), &stream[8..24]));
        assert_eq!((emitter.end(&mut to), &to[..]), (Ok(16), &stream[536..]));
    }

    #[test]
    fn both_layouts_say_the_same() {
        let expected = vec![
            Told::Data(0, vec![7; 512]),
            Told::Data(3 * 2048 + 512, vec![0; 1024]),
            // The disk ends 100 bytes into its last object; the zeros behind that are cut off.
            Told::Data(10 * 2048, vec![9; 100]),
            Told::End,
        ];
        for (layout, stream) in both(&sample()) {
            assert_eq!(parse(layout, &stream), Ok(expected.clone()), "{layout:?}");
            assert_eq!(contest(SHAPE, &stream), Ok(layout));
            assert_eq!(Layout::of_length(wide(stream.len())), Some(layout));
            cuts_are_noticed(|| Parser::new(layout, SHAPE), &stream);
            for len in 0..stream.len() {
                assert!(contest(SHAPE, &stream[..len]).is_err(), "cut to {len}");
            }
        }
    }

    #[test]
    fn flips_in_heads_are_noticed() {
        for (layout, stream) in both(&sample()) {
            let first = layout.head_len();
            let heads = [0..first + 16, first + 528..first + 544, first + 1568..first + 1584];
            flips_are_noticed(|| Parser::new(layout, SHAPE), &stream, heads.into_iter().flatten());
        }
        let (layout, stream) = &both(&sample())[1];
        flips_are_noticed(|| Parser::new(*layout, SHAPE), stream, stream.len() - 16..stream.len());
    }

    #[test]
    fn what_lies_behind_the_disk_must_be_zeros() {
        for (at, expected) in [(99, Ok(())), (100, Err(100)), (511, Err(511))] {
            let mut payload = [0; 512];
            payload[at] = 1;
            for (layout, stream) in both(&[record([LAST, 0, 512, 0], &payload)]) {
                let start = layout.head_len() as u64 + 16;
                let fault = |at| Fault { what: What::Padding, offset: start + at, record: 0 };
                assert_eq!(parse(layout, &stream).map(|_| ()), expected.map_err(fault), "{at}");
            }
        }
        // A span that lies behind the disk altogether says nothing of it.
        for (layout, stream) in both(&[record([LAST, 512, 1536, 0], &[0; 1536])]) {
            assert_eq!(parse(layout, &stream), Ok(vec![Told::End]));
        }
    }

    #[test]
    fn a_record_outside_its_limits_is_refused() {
        let ok = [(0, 0, 2048), (0, 1536, 512), (LAST, 1536, 512)];
        for (index, offset, len) in ok {
            for (layout, stream) in both(&[record([index, offset, len, 0], &vec![0; narrow(len.into())])]) {
                assert!(parse(layout, &stream).is_ok(), "{index} {offset} {len}");
            }
        }
        let bad = [
            ([0, 0, 0, 0], What::Length),
            ([0, 0, 511, 0], What::Length),
            ([0, 0, 513, 0], What::Length),
            ([0, 1, 512, 0], What::Length),
            ([0, 511, 512, 0], What::Length),
            ([0, 0, 2560, 0], What::Length),
            ([0, 1536, 1024, 0], What::Length),
            ([0, 2048, 512, 0], What::Length),
            ([0, u32::MAX - 511, 512, 0], What::Length),
            ([0, 512, u32::MAX - 511, 0], What::Length),
            ([LAST + 1, 0, 512, 0], What::Length),
            ([u32::MAX, 0, 512, 0], What::Length),
            ([u32::MAX, 0, 0, 1], What::Field),
            ([0, 0, 512, 1], What::Field),
        ];
        for (fields, what) in bad {
            for (layout, stream) in both(&[record(fields, &[0; 512])]) {
                let fault = Fault { what, offset: layout.head_len() as u64, record: 0 };
                assert_eq!(parse(layout, &stream), Err(fault), "{fields:?}");
            }
        }
    }

    #[test]
    fn indexes_ascend() {
        for second in [2, 1, 0] {
            let records = [record([2, 0, 512, 0], &[1; 512]), record([second, 512, 512, 0], &[1; 512])];
            for (layout, stream) in both(&records) {
                let fault = Fault { what: What::Order, offset: layout.head_len() as u64 + 528, record: 1 };
                assert_eq!(parse(layout, &stream), Err(fault));
            }
        }
    }

    #[test]
    fn the_count_is_that_of_the_records_and_no_more_than_the_objects() {
        let records = sample().concat();
        for (count, what) in [(0, What::Trailing), (2, What::Trailing), (4, What::Short), (11, What::Short), (12, What::Length)] {
            let fault = parse(Layout::Counted, &[counted(count), records.clone()].concat()).unwrap_err();
            assert_eq!(fault.what, what, "{count}");
        }
    }

    #[test]
    fn another_head_is_refused() {
        for (at, what) in [(0, What::Unsupported), (3, What::Unsupported), (4, What::Magic), (7, What::Magic)] {
            for (layout, mut stream) in both(&[]) {
                stream[at] ^= 4;
                assert_eq!(parse(layout, &stream), Err(Fault { what, offset: 0, record: 0 }));
            }
        }
        let mut stream = counted(0);
        stream[12] = 1;
        assert_eq!(parse(Layout::Counted, &stream), Err(Fault { what: What::Field, offset: 0, record: 0 }));
    }

    #[test]
    fn garbage_has_an_answer() {
        garbage_is_answered(|| Parser::new(Layout::Counted, SHAPE), &[counted(3), record([0, 0, 512, 0], &[])].concat());
        garbage_is_answered(|| Parser::new(Layout::Marked, SHAPE), &[marked(), record([0, 0, 512, 0], &[])].concat());
    }

    #[test]
    fn a_contest_waits_while_both_are_possible_and_names_the_fault_that_came_further() {
        // Read as counted: one record, of object 512 from its start, whose length is the first word of the payload.
        let shape = Shape::new(2048, 1 << 30).unwrap();
        let mut payload = [0; 512];
        payload[1] = 2;
        let stream = [marked(), record([1, 0, 512, 0], &payload), MARKER.to_vec()].concat();
        let mut both_read = Contest::new(shape);
        both_read.feed(&stream[..542]);
        assert_eq!(both_read.possible(), Ok(None));
        both_read.feed(&stream[542..]);
        assert_eq!(both_read.end(), Ok(Layout::Marked));

        let mut both_read = Contest::new(SHAPE);
        both_read.feed(&marked());
        assert_eq!(both_read.possible(), Ok(None));
        both_read.feed(&[&[1][..], &[0; 15]].concat());
        assert_eq!(both_read.possible(), Ok(Some(Layout::Counted)), "a marked stream has no record of length 0");
        let [(_, mut stream), _] = both(&sample());
        stream[16 + 528 + 12] = 1;
        let fault = Fault { what: What::Field, offset: 16 + 528, record: 1 };
        let mut both_read = Contest::new(SHAPE);
        both_read.feed(&stream);
        assert_eq!((both_read.possible(), both_read.end()), (Err(fault), Err(fault)));
        assert_eq!(contest(SHAPE, &[]), Err(Fault { what: What::Short, offset: 0, record: 0 }));
    }

    #[test]
    fn shapes_have_limits() {
        for (object_bytes, fits) in [(0, false), (511, false), (512, true), (513, false), (OBJECT_BYTES, true), (1 << 31, true)] {
            assert_eq!(Shape::new(object_bytes, 1).is_some(), fits, "{object_bytes}");
        }
        let most = 512 * u64::from(u32::MAX);
        assert!(Shape::new(512, most).is_some());
        assert!(Shape::new(512, most + 1).is_none());
        assert!(Shape::new(1 << 31, u64::MAX).is_none());
    }

    #[test]
    fn an_emitter_writes_what_a_parser_takes_and_refuses_the_rest() {
        let spans: [(u64, u32, &[u8]); 3] =
            [(0, 512, &[7; 512]), (3 * 2048 + 512, 1024, &[0; 1024]), (10 * 2048, 512, &[&[9; 100][..], &[0; 412]].concat())];
        for (layout, stream) in both(&sample()) {
            let mut emitter = match layout {
                Layout::Counted => Emitter::counted(SHAPE, 3),
                Layout::Marked => Emitter::marked(SHAPE),
            };
            let mut to = [0; EMIT_LEN];
            let mut written: Vec<u8> = Vec::new();
            let len = emitter.head(&mut to).unwrap();
            written.extend(&to[..len]);
            for (offset, len_bytes, payload) in spans {
                let len = emitter.record(offset, len_bytes, &mut to).unwrap();
                written.extend(&to[..len]);
                written.extend(payload);
            }
            let len = emitter.end(&mut to).unwrap();
            written.extend(&to[..len]);
            assert_eq!(written, stream, "{layout:?}");
        }
        let mut to = [0; EMIT_LEN];
        let mut emitter = Emitter::marked(SHAPE);
        for (offset, len) in [(0, 0), (0, 100), (1, 512), (1536, 1024), (11 * 2048, 512), (u64::MAX - 511, 512)] {
            assert_eq!(emitter.record(offset, len, &mut to), Err(What::Length), "{offset} {len}");
        }
        assert_eq!(emitter.record(2048, 512, &mut to[..15]), Err(What::Length), "no room");
        assert_eq!(emitter.record(2048, 512, &mut to), Ok(16));
        assert_eq!(emitter.record(2560, 512, &mut to), Err(What::Order), "an object is told once");
        let mut emitter = Emitter::counted(SHAPE, 1);
        assert_eq!(emitter.end(&mut to), Err(What::Short));
        assert_eq!(emitter.record(0, 512, &mut to), Ok(16));
        assert_eq!(emitter.record(2048, 512, &mut to), Err(What::Length), "more than were counted");
        assert_eq!(emitter.end(&mut []), Ok(0));
        assert_eq!(Emitter::counted(SHAPE, 12).head(&mut to), Err(What::Length));
    }
}
