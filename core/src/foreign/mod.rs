//! One file per difference stream of another system: what it says between two versions of a disk. Bytes only, no I/O.
//!
//! Each parser is fed with slices as they arrive, keeps a bounded number of bytes, and believes a length or index only within the limits it
//! was given. It knows neither repository nor disk, and nothing here proves that a stream is of the base it is laid on: these formats have
//! no checksum. Sarsen's own stream, which has, is [`crate::format::stream`].

use crate::error::Fault;

pub mod rbd;
pub mod sheepdog;

/// What a stream says, in its order: names and size first, then differences in ascending order of offset, then the end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Piece<'b> {
    /// The version that the differences are laid on.
    FromSnapshot {
        /// Its name.
        name: &'b str,
    },
    /// The version that comes out.
    ToSnapshot {
        /// Its name.
        name: &'b str,
    },
    /// How long the disk is that comes out.
    Size {
        /// Bytes.
        bytes: u64,
    },
    /// New contents; those of one record may come in several pieces.
    Data {
        /// Bytes from the disk's start.
        offset: u64,
        /// At least one byte.
        bytes: &'b [u8],
    },
    /// Zeros.
    Zero {
        /// Bytes from the disk's start.
        offset: u64,
        /// More than 0.
        len_bytes: u64,
    },
    /// The stream is complete.
    End,
}

/// A stream that is parsed as it arrives.
///
/// ```text
/// for each slice of input, and for an empty one at its end:
///     loop { match step(slice)? { (0, None) => break, (taken, piece) => use the piece, cut `taken` off the slice } }
/// then end()?
/// ```
pub trait Differences {
    /// Takes from the start of `input` and says how much, and what that told; `(0, None)` asks for more input. It takes something of an
    /// input that is not empty. After a fault it says the same fault again.
    fn step<'b>(&'b mut self, input: &'b [u8]) -> Result<(usize, Option<Piece<'b>>), Fault>;

    /// Asked at the end of all input: whether the stream is complete.
    fn end(&self) -> Result<(), Fault>;
}

/// What every parser's tests do to a stream.
#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::string::{String, ToString};
    use std::vec::Vec;

    /// A piece that owns what it says; neighbouring data joined, so that slicing does not show.
    #[derive(Clone, PartialEq, Eq, Debug)]
    pub enum Told {
        From(String),
        To(String),
        Size(u64),
        Data(u64, Vec<u8>),
        Zero(u64, u64),
        End,
    }

    fn tell(told: &mut Vec<Told>, piece: Piece<'_>) {
        let piece = match piece {
            Piece::FromSnapshot { name } => Told::From(name.to_string()),
            Piece::ToSnapshot { name } => Told::To(name.to_string()),
            Piece::Size { bytes } => Told::Size(bytes),
            Piece::Zero { offset, len_bytes } => Told::Zero(offset, len_bytes),
            Piece::End => Told::End,
            Piece::Data { offset, bytes } => {
                assert!(!bytes.is_empty());
                if let Some(Told::Data(start, held)) = told.last_mut()
                    && *start + held.len() as u64 == offset
                {
                    held.extend(bytes);
                    return;
                }
                Told::Data(offset, bytes.to_vec())
            }
        };
        told.push(piece);
    }

    /// Feeds a stream in slices of at most `len`.
    pub fn run(parser: &mut dyn Differences, stream: &[u8], len: usize) -> Result<Vec<Told>, Fault> {
        let mut told = Vec::new();
        for slice in stream.chunks(len).chain([&[][..]]) {
            let mut rest = slice;
            loop {
                let (taken, piece) = parser.step(rest)?;
                if let Some(piece) = piece {
                    tell(&mut told, piece);
                } else if taken == 0 {
                    break;
                }
                rest = &rest[taken..];
            }
            assert!(rest.is_empty(), "a parser takes all it is given, or says why not");
        }
        parser.end().map(|()| told)
    }

    /// However a stream is sliced, it says the same; a fault is the same fault, and stays.
    pub fn run_in_all_slices<P: Differences>(new: impl Fn() -> P, stream: &[u8]) -> Result<Vec<Told>, Fault> {
        let told = run(&mut new(), stream, usize::MAX);
        for len in [1, 2, 3, 7, 16, 511] {
            let mut parser = new();
            assert_eq!(run(&mut parser, stream, len), told, "slices of {len}");
            if let Err(fault) = told {
                assert_eq!(parser.end(), Err(fault));
                if fault.what != crate::error::What::Short {
                    assert_eq!(parser.step(&[0]).map(|(taken, _)| taken), Err(fault));
                }
            }
        }
        told
    }

    /// Every cut is an error that says where the input ended; a byte behind the end is one too.
    pub fn cuts_are_noticed<P: Differences>(new: impl Fn() -> P, stream: &[u8]) {
        use crate::error::What;
        for len in 0..stream.len() {
            let fault = run_in_all_slices(&new, &stream[..len]).expect_err("a cut stream is no stream");
            assert_eq!((fault.what, fault.offset), (What::Short, len as u64), "cut to {len}");
        }
        let longer = [stream, &[0]].concat();
        let fault = run_in_all_slices(&new, &longer).expect_err("nothing may follow the end");
        assert_eq!((fault.what, fault.offset), (What::Trailing, stream.len() as u64));
    }

    /// Each single-bit flip of these bytes is an error, or says something else; never the same.
    pub fn flips_are_noticed<P: Differences>(new: impl Fn() -> P, stream: &[u8], bytes: impl Iterator<Item = usize>) {
        let good = run(&mut new(), stream, usize::MAX).expect("a good stream");
        for at in bytes {
            for bit in 0..8 {
                let mut flipped = stream.to_vec();
                flipped[at] ^= 1 << bit;
                assert_ne!(run(&mut new(), &flipped, 5), Ok(good.clone()), "bit {bit} of byte {at}");
            }
        }
    }

    /// Garbage of all kinds, some with a good beginning: an answer each time.
    pub fn garbage_is_answered<P: Differences>(new: impl Fn() -> P, beginning: &[u8]) {
        let mut state = 0x9E37_79B9_7F4A_7C15_u64;
        let mut random = |below: usize| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            crate::types::narrow(state % crate::types::wide(below))
        };
        for round in 0..2000 {
            let kept = if round % 2 == 0 { beginning.len() } else { random(beginning.len() + 1) };
            let len = random(600);
            // Small values in few bytes look more like fields than noise does.
            let noise = (0..len).map(|_| if random(3) == 0 { random(256).to_le_bytes()[0] } else { 0 });
            let stream: Vec<u8> = beginning[..kept].iter().copied().chain(noise).collect();
            let told = run(&mut new(), &stream, 13);
            assert_eq!(run(&mut new(), &stream, 600), told, "round {round}");
        }
    }
}
