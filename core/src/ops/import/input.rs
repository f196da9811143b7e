//! What was read of a stream and not taken yet.

use crate::error::Error;
use crate::types::wide;
use embedded_io::{ErrorKind, Read};

/// A stream that is read in pieces.
pub(super) struct Input<'i> {
    from: &'i mut dyn Read<Error = ErrorKind>,
    buffer: &'i mut [u8],
    start: usize,
    end: usize,
    taken: u64,
    ended: bool,
}

impl<'i> Input<'i> {
    /// Nothing is read yet.
    pub fn new(from: &'i mut dyn Read<Error = ErrorKind>, buffer: &'i mut [u8]) -> Input<'i> {
        Input { from, buffer, start: 0, end: 0, taken: 0, ended: false }
    }

    /// What was read and not taken; reads on if that is nothing. Empty at the end.
    pub fn bytes(&mut self) -> Result<&[u8], Error> {
        self.ahead(1)
    }

    /// The same, at least so many if the buffer can hold them and there are so many.
    pub fn ahead(&mut self, len: usize) -> Result<&[u8], Error> {
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
        }
        while self.held() < len && self.read()? {}
        Ok(self.buffer.get(self.start..self.end).unwrap_or(&[]))
    }

    /// Takes so many of them.
    pub fn take(&mut self, len: usize) {
        let len = len.min(self.held());
        self.start = self.start.saturating_add(len);
        self.taken = self.taken.saturating_add(wide(len));
    }

    /// Bytes taken so far.
    pub fn offset(&self) -> u64 {
        self.taken
    }

    /// Whether all was read that there is.
    pub fn has_ended(&self) -> bool {
        self.ended
    }

    fn held(&self) -> usize {
        self.end.saturating_sub(self.start)
    }

    /// Reads once; whether more may come. A reader that has said that it is at its end is not asked again.
    fn read(&mut self) -> Result<bool, Error> {
        let offset = self.taken.saturating_add(wide(self.held()));
        let room = self.buffer.get_mut(self.end..).unwrap_or(&mut []);
        if self.ended || room.is_empty() {
            return Ok(false);
        }
        match self.from.read(room) {
            Ok(0) => self.ended = true,
            Ok(len) => self.end = self.end.saturating_add(len).min(self.buffer.len()),
            Err(ErrorKind::Interrupted) => {}
            Err(kind) => return Err(Error::Line { offset, kind }),
        }
        Ok(!self.ended)
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use embedded_io::ErrorType;
    use std::vec::Vec;

    /// Gives what is in its list, one after the other; an empty piece is the end, which must not be asked for twice.
    struct Pieces(Vec<Result<&'static [u8], ErrorKind>>);

    impl ErrorType for Pieces {
        type Error = ErrorKind;
    }

    impl Read for Pieces {
        fn read(&mut self, to: &mut [u8]) -> Result<usize, ErrorKind> {
            let piece = self.0.remove(0)?;
            to[..piece.len()].copy_from_slice(piece);
            Ok(piece.len())
        }
    }

    #[test]
    fn what_is_ahead_can_be_looked_at_before_it_is_taken() {
        let mut line = Pieces(std::vec![Ok(b"ab"), Err(ErrorKind::Interrupted), Ok(b"cde"), Ok(b"")]);
        let mut buffer = [0; 6];
        let mut input = Input::new(&mut line, &mut buffer);
        assert_eq!(input.bytes(), Ok(&b"ab"[..]));
        assert_eq!(input.ahead(4), Ok(&b"abcde"[..]));
        input.take(3);
        assert_eq!(input.bytes(), Ok(&b"de"[..]));
        assert_eq!(input.offset(), 3);
        assert!(!input.has_ended());
        assert_eq!(input.ahead(3), Ok(&b"de"[..]));
        assert!(input.has_ended());
        input.take(9);
        assert_eq!(input.bytes(), Ok(&b""[..]));
        assert_eq!(input.offset(), 5);
    }

    #[test]
    fn a_full_buffer_is_no_end_and_errors_say_where() {
        let mut line = Pieces(std::vec![Ok(b"abc"), Err(ErrorKind::TimedOut)]);
        let mut buffer = [0; 3];
        let mut input = Input::new(&mut line, &mut buffer);
        assert_eq!(input.ahead(4), Ok(&b"abc"[..]));
        assert!(!input.has_ended());
        input.take(3);
        assert_eq!(input.bytes(), Err(Error::Line { offset: 3, kind: ErrorKind::TimedOut }));
    }
}
