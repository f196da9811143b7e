//! What was read of a stream and not taken yet.

use crate::error::Error;
use crate::types::wide;
use embedded_io::ErrorKind;

/// A stream that is fed in pieces.
pub(super) struct Input<'i> {
    buffer: &'i mut [u8],
    start: usize,
    end: usize,
    taken: u64,
    ended: bool,
    failed: Option<ErrorKind>,
}

impl<'i> Input<'i> {
    /// Nothing was fed yet.
    pub fn new(buffer: &'i mut [u8]) -> Input<'i> {
        Input { buffer, start: 0, end: 0, taken: 0, ended: false, failed: None }
    }

    /// Where the next bytes of the stream go.
    pub fn room(&mut self) -> &mut [u8] {
        self.buffer.get_mut(self.end..).unwrap_or(&mut [])
    }

    /// So many bytes were put there; none: the stream has ended.
    pub fn feed(&mut self, len: usize) {
        self.ended |= len == 0;
        self.end = self.end.saturating_add(len).min(self.buffer.len());
    }

    /// No more can be read.
    pub fn fail(&mut self, kind: ErrorKind) {
        self.failed = Some(kind);
    }

    /// What was fed and not taken, at least `len` bytes if the buffer can hold them and there are so many; nothing at all only at the end. None: more
    /// must be fed first.
    pub fn ahead(&mut self, len: usize) -> Result<Option<&[u8]>, Error> {
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
        }
        let is_all = self.ended || self.end >= self.buffer.len();
        match self.failed {
            _ if is_all || self.held() >= len => Ok(Some(self.buffer.get(self.start..self.end).unwrap_or(&[]))),
            Some(kind) => Err(Error::Line { offset: self.taken.saturating_add(wide(self.held())), kind }),
            None => Ok(None),
        }
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

    /// Whether all was fed that there is.
    pub fn has_ended(&self) -> bool {
        self.ended
    }

    fn held(&self) -> usize {
        self.end.saturating_sub(self.start)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn feed(input: &mut Input<'_>, bytes: &[u8]) {
        input.room()[..bytes.len()].copy_from_slice(bytes);
        input.feed(bytes.len());
    }

    #[test]
    fn what_is_ahead_can_be_looked_at_before_it_is_taken() {
        let mut buffer = [0; 6];
        let mut input = Input::new(&mut buffer);
        assert_eq!(input.ahead(1), Ok(None));
        feed(&mut input, b"ab");
        assert_eq!(input.ahead(1), Ok(Some(&b"ab"[..])));
        assert_eq!(input.ahead(4), Ok(None));
        feed(&mut input, b"cde");
        assert_eq!(input.ahead(4), Ok(Some(&b"abcde"[..])));
        input.take(3);
        assert_eq!(input.ahead(1), Ok(Some(&b"de"[..])));
        assert_eq!(input.offset(), 3);
        assert!(!input.has_ended());
        input.feed(0);
        assert_eq!(input.ahead(3), Ok(Some(&b"de"[..])));
        assert!(input.has_ended());
        input.take(9);
        assert_eq!(input.ahead(1), Ok(Some(&b""[..])));
        assert_eq!(input.offset(), 5);
    }

    #[test]
    fn a_full_buffer_is_no_end_and_errors_say_where() {
        let mut buffer = [0; 3];
        let mut input = Input::new(&mut buffer);
        feed(&mut input, b"abc");
        assert!(input.room().is_empty());
        assert_eq!(input.ahead(4), Ok(Some(&b"abc"[..])));
        assert!(!input.has_ended());
        input.take(3);
        assert_eq!(input.ahead(1), Ok(None));
        input.fail(ErrorKind::TimedOut);
        assert_eq!(input.ahead(1), Err(Error::Line { offset: 3, kind: ErrorKind::TimedOut }));
    }
}
