//! A delta stream that is read to be verified: nothing of it is kept. Ours says what it is laid on and what comes out, Sheepdog's does not.

use crate::failure::{Failure, far};
use crate::memory::zeros;
use crate::page::{PageCodecs, PageSink, PageZstd};
use crate::repository::{Ear, Held};
use sarsen_core::codec::{CodecId, Codecs};
use sarsen_core::error::{Error, Fault, What};
use sarsen_core::foreign::sheepdog::{self, Layout, Shape};
use sarsen_core::foreign::{Differences, Piece};
use sarsen_core::format::stream::{Header, MAGIC, Parser, Record};
use sarsen_core::types::{low32, narrow, wide};
use wasm_bindgen::prelude::wasm_bindgen;

/// Once so many bytes were told, others have to take them before more are.
const TOLD_BYTES: u64 = 1 << 20;

enum Reading {
    /// Whose it is, is not known yet.
    Start,
    Own(Parser<'static>),
    Sheepdog(sheepdog::Parser),
}

/// A stream under way. The parser stands before the memory it borrows.
#[wasm_bindgen]
pub struct Stream {
    reading: Reading,
    stored: Held<Vec<u8>>,
    plain: Vec<u8>,
    codecs: PageCodecs,
    taken: u64,
}

fn fault(what: What, offset: u64) -> Error {
    Error::Stream(Fault { what, offset, record: 0 })
}

#[wasm_bindgen]
impl Stream {
    /// Nothing is read yet. Zstandard has to be there already.
    #[wasm_bindgen(constructor)]
    pub fn new(zstd: PageZstd) -> Stream {
        Stream {
            reading: Reading::Start,
            stored: Held::new(Vec::new()),
            plain: Vec::new(),
            codecs: PageCodecs::new(zstd),
            taken: 0,
        }
    }

    /// Reads the beginning of a stream of so many bytes in all, and says how much of `start` that was; -1 if it is too short. What the stream says
    /// of itself is told to `ear`. Of Sheepdog's, the disk's size and an object's are not in it.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // as saturates
    pub fn begin(&mut self, start: &[u8], len_bytes: f64, disk_bytes: f64, object_bytes: u32, ear: &Ear) -> Result<f64, Failure> {
        if start.starts_with(&sheepdog::START) {
            let layout = Layout::of_length(len_bytes as u64).ok_or(fault(What::Short, len_bytes as u64))?;
            let shape = Shape::new(object_bytes, disk_bytes as u64).ok_or(Failure::OUT_OF_TURN)?;
            self.reading = Reading::Sheepdog(sheepdog::Parser::new(layout, shape));
            ear.text("format", "sheepdog");
            ear.end("stream");
            return Ok(0.0);
        }
        if !start.starts_with(&MAGIC) {
            return Err(fault(What::Magic, 0).into());
        }
        let stated = Header::stated_len(start).map_err(|what| fault(what, 0))?;
        let Some(bytes) = stated.and_then(|len| start.get(..len)) else { return Ok(-1.0) };
        let header = Header::parse(bytes).map_err(|what| fault(what, 0))?;
        tell_header(ear, &header);
        self.plain = zeros(narrow(header.frame_bytes().into()))?;
        self.stored = Held::new(zeros(narrow(header.frame_bytes().into()))?);
        // SAFETY: the parser is dropped before it, being the field before, and no other one was lent it.
        self.reading = Reading::Own(Parser::new(&header, unsafe { self.stored.lend() })?);
        self.taken = wide(bytes.len());
        Ok(far(wide(bytes.len())))
    }

    /// Reads on, and tells `sink` what the stream says is on the disk. Says how much of the input that was: not all of it where few bytes
    /// decode to very many.
    pub fn feed(&mut self, input: &[u8], sink: &PageSink) -> Result<u32, Failure> {
        match &mut self.reading {
            Reading::Start => Err(Failure::OUT_OF_TURN),
            Reading::Sheepdog(parser) => feed_sheepdog(parser, input, sink).map(|()| low32(wide(input.len()))),
            Reading::Own(parser) => {
                let (mut rest, mut told) = (input, 0u64);
                while !rest.is_empty() && told < TOLD_BYTES {
                    let (taken, record) = parser.step(rest).map_err(Error::from)?;
                    self.taken = self.taken.saturating_add(wide(taken));
                    if let Some(record) = record {
                        if let Record::Data { len_bytes, .. } = record {
                            told = told.saturating_add(len_bytes.into());
                        }
                        tell_record(&record, self.taken, &mut self.plain, &mut self.codecs, sink)?;
                    }
                    rest = rest.get(taken..).unwrap_or(&[]);
                }
                Ok(low32(wide(input.len().saturating_sub(rest.len()))))
            }
        }
    }

    /// That was all: whether the stream is complete.
    pub fn end(&mut self) -> Result<(), Failure> {
        let ended = match &self.reading {
            Reading::Start => return Err(fault(What::Short, 0).into()),
            Reading::Own(parser) => parser.end(),
            Reading::Sheepdog(parser) => parser.end(),
        };
        Ok(ended.map_err(Error::from)?)
    }
}

fn tell_header(ear: &Ear, header: &Header<'_>) {
    ear.text("format", "sarsen");
    ear.text("name", header.name);
    ear.text("snapshot", header.snapshot);
    ear.text("baseRoot", &header.base_root.to_string());
    ear.text("targetRoot", &header.target_root.to_string());
    ear.number("baseSize", far(header.base_bytes));
    ear.number("targetSize", far(header.target_bytes));
    ear.number("start", far(header.start));
    ear.number("time", far(header.time));
    ear.end("stream");
}

fn tell_record(
    record: &Record<'_>,
    behind: u64,
    plain: &mut [u8],
    codecs: &mut PageCodecs,
    sink: &PageSink,
) -> Result<(), Error> {
    match *record {
        Record::Data { number, offset, len_bytes, codec, stored } => {
            let fault = |what| Error::Stream(Fault { what, offset: behind, record: number });
            let bytes = match codec {
                CodecId::None => stored,
                codec => {
                    let to = plain.get_mut(..narrow(len_bytes.into())).ok_or(fault(What::Length))?;
                    codecs.decode(codec, stored, to).map_err(fault)?;
                    to
                }
            };
            sink.data(far(offset), bytes);
        }
        Record::Zero { offset, len_bytes, .. } => sink.zero(far(offset), far(len_bytes)),
        Record::End { .. } => {}
    }
    Ok(())
}

fn feed_sheepdog(parser: &mut sheepdog::Parser, input: &[u8], sink: &PageSink) -> Result<(), Failure> {
    let mut rest = input;
    loop {
        let (taken, piece) = parser.step(rest).map_err(Error::from)?;
        match piece {
            Some(Piece::Data { offset, bytes }) => sink.data(far(offset), bytes),
            Some(Piece::Zero { offset, len_bytes }) => sink.zero(far(offset), far(len_bytes)),
            Some(_) => {}
            None if taken == 0 => return Ok(()),
            None => {}
        }
        rest = rest.get(taken..).unwrap_or(&[]);
    }
}
