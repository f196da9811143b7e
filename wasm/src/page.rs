//! What JavaScript lends (a medium, a disk, Zstandard) and is told.

use embedded_io::ErrorKind;
use sarsen_core::codec::{CodecId, Codecs, Lz4, Lz4Table, Zlib, ZlibState};
use sarsen_core::disk::{Disk, DiskMut};
use sarsen_core::error::{Trouble, What};
use sarsen_core::host::Host;
use sarsen_core::medium::{Medium, Name, Rules};
use sarsen_core::types::SegmentNumber;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::failure::far;

#[wasm_bindgen]
extern "C" {
    /// Answers at once, from what was fetched: see `npm/medium.js`.
    pub type PageMedium;
    /// The lowest segment after this one (-1: of all); -1 if there is none, -2 pending, -3 failed.
    #[wasm_bindgen(method)]
    fn next(this: &PageMedium, after: f64) -> f64;
    /// The highest segment before this one (-1: of all); -1 if there is none, -2 pending, -3 failed.
    #[wasm_bindgen(method)]
    fn previous(this: &PageMedium, before: f64) -> f64;
    /// A length in bytes; below 0 why not, as [`trouble`] says. A name is a segment's number, or -1 for the head pin.
    #[wasm_bindgen(method)]
    fn len(this: &PageMedium, name: f64) -> f64;
    /// Fills `to`; 0, or why not.
    #[wasm_bindgen(method)]
    fn read(this: &PageMedium, name: f64, at: f64, to: &mut [u8]) -> i32;

    /// A file that a version is compared with.
    pub type PageDisk;
    /// Its bytes.
    #[wasm_bindgen(method)]
    fn size(this: &PageDisk) -> f64;
    /// Fills `to`; whether it could. What it has not, it fetches until the job is repeated.
    #[wasm_bindgen(method)]
    fn read(this: &PageDisk, at: f64, to: &mut [u8]) -> bool;

    /// Where the bytes of a version go.
    pub type PageSink;
    /// These bytes are at `offset`.
    #[wasm_bindgen(method)]
    pub fn data(this: &PageSink, offset: f64, bytes: &[u8]);
    /// So many bytes from `offset` on are zero.
    #[wasm_bindgen(method)]
    pub fn zero(this: &PageSink, offset: f64, len_bytes: f64);

    /// Decodes Zstandard.
    pub type PageZstd;
    /// 0: `to` was filled; 1: these bytes cannot be decoded to exactly that; 2: the module has to be loaded first.
    #[wasm_bindgen(method)]
    fn decode(this: &PageZstd, from: &[u8], to: &mut [u8]) -> i32;

    #[wasm_bindgen(js_namespace = Date, js_name = now)]
    fn date_now() -> f64;
    #[wasm_bindgen(js_namespace = crypto, js_name = getRandomValues)]
    fn random_values(to: &mut [u8]);
}

/// A page's medium. It is only read.
pub struct ReadMedium(pub PageMedium);

/// The page as a host.
pub struct PageHost;

fn found(answer: f64) -> Result<Option<SegmentNumber>, Trouble> {
    match answer {
        -1.0 => Ok(None),
        -2.0 => Err(Trouble::Pending),
        number if number >= 0.0 => Ok(Some(SegmentNumber(number32(number)))),
        _ => Err(Trouble::Failed(ErrorKind::Other)),
    }
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // as saturates
fn number32(number: f64) -> u32 {
    number as u32
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // as saturates
fn number64(number: f64) -> u64 {
    number as u64
}

fn trouble(answer: i32) -> Trouble {
    match answer {
        -2 => Trouble::Pending,
        -4 => Trouble::Gone,
        -5 => Trouble::Short,
        -6 => Trouble::Unreadable,
        _ => Trouble::Failed(ErrorKind::Other),
    }
}

fn beside(number: Option<SegmentNumber>) -> f64 {
    number.map_or(-1.0, |number| number.0.into())
}

fn called(name: Name) -> f64 {
    match name {
        Name::Segment(number) => number.0.into(),
        Name::Pin => -1.0,
    }
}

impl Medium for ReadMedium {
    fn rules(&self) -> Rules {
        Rules { write_bytes: 1, segment_bytes: 1 << 30, pin: true }
    }

    fn next(&self, after: Option<SegmentNumber>) -> Result<Option<SegmentNumber>, Trouble> {
        found(self.0.next(beside(after)))
    }

    fn previous(&self, before: Option<SegmentNumber>) -> Result<Option<SegmentNumber>, Trouble> {
        found(self.0.previous(beside(before)))
    }

    #[allow(clippy::cast_possible_truncation)] // as saturates
    fn len(&self, name: Name) -> Result<u64, Trouble> {
        let answer = self.0.len(called(name));
        if answer < 0.0 { Err(trouble(answer as i32)) } else { Ok(number64(answer)) }
    }

    fn read(&self, name: Name, at: u64, to: &mut [u8]) -> Result<(), Trouble> {
        match self.0.read(called(name), far(at), to) {
            0 => Ok(()),
            answer => Err(trouble(answer)),
        }
    }

    fn fetches_ahead(&self) -> bool {
        true
    }
}

impl Host for PageHost {
    fn now(&self) -> u64 {
        number64(date_now())
    }

    fn random(&self, to: &mut [u8]) -> bool {
        random_values(to);
        true
    }
}

/// A page's file as a disk. What it has not got yet is an error of the kind [`NOT_YET`].
pub struct FileDisk(pub PageDisk);

/// Nothing else fails so: files are not interrupted.
pub const NOT_YET: ErrorKind = ErrorKind::Interrupted;

impl Disk for FileDisk {
    fn size(&self) -> u64 {
        number64(self.0.size())
    }

    fn read_at(&self, offset: u64, to: &mut [u8]) -> Result<(), ErrorKind> {
        if self.0.read(far(offset), to) { Ok(()) } else { Err(NOT_YET) }
    }
}

/// Takes what is restored, and what is found to differ.
pub struct Taker(pub PageSink);

impl DiskMut for Taker {
    fn write_at(&self, offset: u64, from: &[u8]) -> Result<(), ErrorKind> {
        self.0.data(far(offset), from);
        Ok(())
    }

    fn zero(&self, offset: u64, len_bytes: u64) -> Result<(), ErrorKind> {
        self.0.zero(far(offset), far(len_bytes));
        Ok(())
    }

    fn flush(&self) -> Result<(), ErrorKind> {
        Ok(())
    }
}

/// The codecs of one who performs jobs.
pub struct PageCodecs {
    lz4: Lz4Table,
    zlib: ZlibState,
    zstd: PageZstd,
    /// Zstandard was asked for and is not loaded: what came of the job does not count.
    pub zstd_is_due: bool,
}

impl PageCodecs {
    /// All but Zstandard are in this module.
    pub fn new(zstd: PageZstd) -> PageCodecs {
        PageCodecs { lz4: Lz4Table::default(), zlib: ZlibState::default(), zstd, zstd_is_due: false }
    }
}

impl Codecs for PageCodecs {
    fn has(&self, _: CodecId) -> bool {
        true
    }

    fn encode(&mut self, _: CodecId, _: &[u8], _: &mut [u8]) -> Option<usize> {
        None // nothing is written here
    }

    fn decode(&mut self, id: CodecId, from: &[u8], to: &mut [u8]) -> Result<(), What> {
        match id {
            CodecId::None => Err(What::UnknownCodec),
            CodecId::Lz4 => Lz4::new(&mut self.lz4).decode(id, from, to),
            CodecId::Zlib => Zlib::new(&mut self.zlib).decode(id, from, to),
            CodecId::Zstd => match self.zstd.decode(from, to) {
                0 => Ok(()),
                1 => Err(What::Codec),
                _ => {
                    self.zstd_is_due = true;
                    Err(What::UnknownCodec)
                }
            },
        }
    }
}
