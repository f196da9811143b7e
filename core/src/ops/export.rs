//! export: what differs between versions as a stream: of our own, of Sheepdog, or of rbd. The other half of [`super::import`].
//!
//! [`super::diff`] tells the differences, in the order of the disk; here they are written down. A Sheepdog stream has one span for each object,
//! with what is unchanged in its middle and its length in front: so the spans are found first, and then read.

use super::diff::Sink;
use crate::codec::{CodecId, Codecs, encode_slack_bytes};
use crate::error::{Error, Memory, Refusal, What};
use crate::foreign::rbd::{self, Head};
use crate::foreign::sheepdog::{self, EMIT_LEN, Layout, SECTOR_BYTES, Shape};
use crate::format::header::Parameters;
use crate::format::stream::{Data, Emitter, HEADER_LEN_MAX, Header, RECORD_LEN};
use crate::frame::Work;
use crate::host::Slots;
use crate::store::Store;
use crate::task::patiently;
use crate::types::{Id, low32, narrow, wide};
use crate::version::Version;
use embedded_io::{ErrorKind, Write};

/// Where a stream goes to.
pub type Line<'a> = &'a mut dyn Write<Error = ErrorKind>;

/// A version, as a stream is laid on it or makes it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct End<'a> {
    /// Its root.
    pub root: Id,
    /// Bytes of its disk.
    pub disk_size: u64,
    /// When its backup started.
    pub time: u64,
    /// The disk's name.
    pub name: &'a str,
    /// The snapshot's name.
    pub snapshot: &'a str,
    /// What the source was.
    pub source: &'a str,
}

/// What a stream of our own says of itself.
///
/// It tells differences from `start` on, or from where the block begins that this lies in: whoever has all before it does not mind to hear some again.
pub fn header<'a>(parameters: &Parameters, base: Option<&End<'_>>, target: &End<'a>, start: u64) -> Result<Header<'a>, Error> {
    if start > target.disk_size {
        return Err(Refusal::Parameter.into());
    }
    let within = start.checked_rem(parameters.block_bytes().into()).unwrap_or(0);
    let block = start.saturating_sub(within);
    let (base_root, base_bytes) = base.map_or((Id::ZERO, 0), |base| (base.root, base.disk_size));
    Ok(Header {
        algorithm: parameters.algorithm,
        block_log2: parameters.block_log2,
        frame_log2: parameters.frame_log2,
        fan_out_log2: parameters.fan_out_log2,
        base_bytes,
        target_bytes: target.disk_size,
        base_root,
        target_root: target.root,
        start: if start == target.disk_size { start } else { block },
        time: target.time,
        name: target.name,
        snapshot: target.snapshot,
        source: target.source,
    })
}

/// How much room [`Own`] is lent: a frame as it is packed, if it is.
pub const fn own_bytes(frame_bytes: u32, codec: CodecId) -> usize {
    let frame = narrow(frame_bytes as u64);
    if matches!(codec, CodecId::None) { 0 } else { frame.saturating_add(encode_slack_bytes(frame)) }
}

/// Writes a stream of our own.
pub struct Own<'a> {
    emitter: Option<Emitter>,
    frame_bytes: u32,
    codec: CodecId,
    codecs: &'a mut dyn Codecs,
    room: &'a mut [u8],
    line: Line<'a>,
}

impl<'a> Own<'a> {
    /// Writes the header. `room` is [`own_bytes`].
    pub fn begin(
        header: &Header<'_>,
        (codec, codecs): (CodecId, &'a mut dyn Codecs),
        room: &'a mut [u8],
        line: Line<'a>,
    ) -> Result<Own<'a>, Error> {
        let frame_bytes = header.frame_bytes();
        let needed = wide(own_bytes(frame_bytes, codec));
        if wide(room.len()) < needed {
            return Err(Error::Memory { memory: Memory::Buffer, needed });
        }
        let mut to = [0; HEADER_LEN_MAX];
        let (emitter, len) = Emitter::begin(header, &mut to).map_err(|_| Error::Refused(Refusal::Parameter))?;
        send(line, to.get(..len).unwrap_or(&[])).map_err(|kind| Error::Line { offset: 0, kind })?;
        Ok(Own { emitter: Some(emitter), frame_bytes, codec, codecs, room, line })
    }

    /// New contents within one frame.
    fn frame(&mut self, offset: u64, bytes: &[u8]) -> Result<(), ErrorKind> {
        let packed = match self.codec {
            CodecId::None => None,
            codec => self.codecs.encode(codec, bytes, self.room).filter(|&len| len > 0 && len < bytes.len()),
        };
        let (codec, stored) = match packed {
            Some(len) => (self.codec, self.room.get(..len).unwrap_or(&[])),
            None => (CodecId::None, bytes),
        };
        let mut head = [0; RECORD_LEN];
        let data = Data { offset, len_bytes: low32(wide(bytes.len())), codec, stored };
        self.emitter.as_mut().ok_or(ErrorKind::Other)?.data(&data, &mut head).map_err(broken)?;
        send(self.line, &head)?;
        send(self.line, stored)
    }
}

impl Sink for Own<'_> {
    fn data(&mut self, offset: u64, bytes: &[u8]) -> Result<(), ErrorKind> {
        let frame_bytes = u64::from(self.frame_bytes).max(1);
        let (mut at, mut rest) = (offset, bytes);
        while !rest.is_empty() {
            let left = narrow(frame_bytes.saturating_sub(at % frame_bytes)).min(rest.len());
            let (part, behind) = rest.split_at_checked(left).unwrap_or_default();
            self.frame(at, part)?;
            (at, rest) = (at.saturating_add(wide(left)), behind);
        }
        Ok(())
    }

    fn zero(&mut self, offset: u64, len_bytes: u64) -> Result<(), ErrorKind> {
        let mut head = [0; RECORD_LEN];
        self.emitter.as_mut().ok_or(ErrorKind::Other)?.zero(offset, len_bytes, &mut head).map_err(broken)?;
        send(self.line, &head)
    }

    fn end(&mut self) -> Result<(), ErrorKind> {
        let mut head = [0; RECORD_LEN];
        self.emitter.take().ok_or(ErrorKind::Other)?.end(&mut head).map_err(broken)?;
        send(self.line, &head)?;
        self.line.flush()
    }
}

/// Writes a stream of rbd.
pub struct Rbd<'a> {
    emitter: rbd::Emitter,
    line: Line<'a>,
}

impl<'a> Rbd<'a> {
    /// Writes the head.
    pub fn begin(head: &Head<'_>, line: Line<'a>) -> Result<Rbd<'a>, Error> {
        let mut to = [0; rbd::HEAD_LEN_MAX];
        let (emitter, len) = rbd::Emitter::begin(head, &mut to).map_err(|_| Error::Refused(Refusal::TextTooLong))?;
        send(line, to.get(..len).unwrap_or(&[])).map_err(|kind| Error::Line { offset: 0, kind })?;
        Ok(Rbd { emitter, line })
    }
}

impl Sink for Rbd<'_> {
    fn data(&mut self, offset: u64, bytes: &[u8]) -> Result<(), ErrorKind> {
        let mut to = [0; rbd::RECORD_LEN_MAX];
        let len = self.emitter.data(offset, wide(bytes.len()), &mut to).map_err(broken)?;
        send(self.line, to.get(..len).unwrap_or(&[]))?;
        send(self.line, bytes)
    }

    fn zero(&mut self, offset: u64, len_bytes: u64) -> Result<(), ErrorKind> {
        let mut to = [0; rbd::RECORD_LEN_MAX];
        let len = self.emitter.zero(offset, len_bytes, &mut to).map_err(broken)?;
        send(self.line, to.get(..len).unwrap_or(&[]))
    }

    fn end(&mut self) -> Result<(), ErrorKind> {
        let mut to = [0; rbd::RECORD_LEN_MAX];
        let len = self.emitter.end(&mut to).map_err(broken)?;
        send(self.line, to.get(..len).unwrap_or(&[]))?;
        self.line.flush()
    }
}

/// From the first sector of an object that differs to the last.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Span {
    start: u64,
    end: u64,
}

/// Finds the spans of a Sheepdog stream; the first step of two.
pub struct Spans<'a> {
    spans: &'a mut dyn Slots<Span>,
    count: usize,
    object_bytes: u64,
}

impl<'a> Spans<'a> {
    /// None so far. `spans` is 16 bytes for each object that differs.
    pub fn new(object_bytes: u32, spans: &'a mut dyn Slots<Span>) -> Spans<'a> {
        Spans { spans, count: 0, object_bytes: u64::from(object_bytes).max(1) }
    }

    /// Those that were found.
    pub fn found(&self) -> &[Span] {
        self.spans.items().get(..self.count).unwrap_or(&[])
    }

    /// Part of one object.
    fn touch(&mut self, start: u64, end: u64) -> Result<(), ErrorKind> {
        let object = start / self.object_bytes.max(1);
        let last = self.count.checked_sub(1).and_then(|last| self.spans.items_mut().get_mut(last));
        if let Some(last) = last.filter(|last| last.start / self.object_bytes.max(1) == object) {
            last.end = end;
            return Ok(());
        }
        let room = self.spans.items().len();
        // Some memory grows exactly as far as it is asked to.
        if self.count == room && !self.spans.grow(room.saturating_mul(2).max(64), Span::default()) {
            return Err(ErrorKind::OutOfMemory);
        }
        *self.spans.items_mut().get_mut(self.count).ok_or(ErrorKind::OutOfMemory)? = Span { start, end };
        self.count = self.count.saturating_add(1);
        Ok(())
    }
}

impl Sink for Spans<'_> {
    fn data(&mut self, offset: u64, bytes: &[u8]) -> Result<(), ErrorKind> {
        self.zero(offset, wide(bytes.len()))
    }

    fn zero(&mut self, offset: u64, len_bytes: u64) -> Result<(), ErrorKind> {
        let end = offset.saturating_add(len_bytes);
        let mut at = offset;
        while at < end {
            let object_end = at.saturating_sub(at % self.object_bytes.max(1)).saturating_add(self.object_bytes);
            let part_end = end.min(object_end);
            self.touch(at, part_end)?;
            at = part_end;
        }
        Ok(())
    }
}

/// What a Sheepdog stream between disks of these sizes is like. It tells no size, so there is none between disks of two.
pub fn shape(object_bytes: u32, base_bytes: u64, target_bytes: u64) -> Result<Shape, Error> {
    if base_bytes != target_bytes {
        return Err(Refusal::StreamSize.into());
    }
    Shape::new(object_bytes, target_bytes).ok_or(Error::Refused(Refusal::Parameter))
}

/// Writes a Sheepdog stream of these spans of a version; the second step. `chunk` is read at once, a sector at least.
pub fn sheepdog(
    store: &mut Store<'_>,
    version: &mut Version<'_>,
    spans: &[Span],
    (shape, layout): (Shape, Layout),
    chunk: &mut [u8],
    line: Line<'_>,
    work: &mut Work<'_>,
) -> Result<(), Error> {
    if chunk.is_empty() {
        return Err(Error::Memory { memory: Memory::Buffer, needed: SECTOR_BYTES.into() });
    }
    let mut emitter = match layout {
        Layout::Marked => sheepdog::Emitter::marked(shape),
        Layout::Counted => sheepdog::Emitter::counted(shape, low32(wide(spans.len()))),
    };
    let (mut to, mut sent) = ([0; EMIT_LEN], 0_u64);
    let mut put = |line: &mut dyn Write<Error = ErrorKind>, bytes: &[u8]| {
        send(line, bytes).map_err(|kind| Error::Line { offset: sent, kind })?;
        sent = sent.saturating_add(wide(bytes.len()));
        Ok::<(), Error>(())
    };
    let refused = |_| Error::Refused(Refusal::Parameter);
    let len = emitter.head(&mut to).map_err(refused)?;
    put(line, to.get(..len).unwrap_or(&[]))?;
    for span in spans {
        store.go_on(span.start, version.size())?;
        let end = span.end.next_multiple_of(SECTOR_BYTES.into());
        let len = emitter.record(span.start, low32(end.saturating_sub(span.start)), &mut to).map_err(refused)?;
        put(line, to.get(..len).unwrap_or(&[]))?;
        let mut at = span.start;
        while at < end {
            let len = narrow(end.saturating_sub(at)).min(chunk.len());
            let (part, _) = chunk.split_at_mut_checked(len).unwrap_or_default();
            let (on_disk, behind) = part.split_at_mut(narrow(version.size().saturating_sub(at)).min(len));
            if !on_disk.is_empty() {
                patiently(|| version.read_at(at, on_disk, store, work))?;
            }
            behind.fill(0);
            put(line, part)?;
            at = at.saturating_add(wide(len));
        }
    }
    let len = emitter.end(&mut to).map_err(refused)?;
    put(line, to.get(..len).unwrap_or(&[]))?;
    line.flush().map_err(|kind| Error::Line { offset: sent, kind })
}

/// What an emitter refuses was not told in the order of the disk, or not in sectors.
fn broken(_: What) -> ErrorKind {
    ErrorKind::InvalidData
}

fn send(line: &mut dyn Write<Error = ErrorKind>, bytes: &[u8]) -> Result<(), ErrorKind> {
    let mut rest = bytes;
    while !rest.is_empty() {
        match line.write(rest) {
            Ok(0) => return Err(ErrorKind::WriteZero),
            Ok(len) => rest = rest.get(len..).unwrap_or(&[]),
            Err(ErrorKind::Interrupted) => {}
            Err(kind) => return Err(kind),
        }
    }
    Ok(())
}
