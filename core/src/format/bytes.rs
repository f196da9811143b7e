//! Fields in a row, little-endian: read and written front to back, so that a layout reads like its table.

use crate::error::What;

/// Reads fields; a short source is [`What::Length`].
#[derive(Clone, Copy)]
pub struct Reader<'a>(pub &'a [u8]);

impl<'a> Reader<'a> {
    /// The next `N` bytes.
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], What> {
        let (head, rest) = self.0.split_first_chunk::<N>().ok_or(What::Length)?;
        self.0 = rest;
        Ok(*head)
    }

    /// The next `len` bytes.
    pub fn slice(&mut self, len: usize) -> Result<&'a [u8], What> {
        let (head, rest) = self.0.split_at_checked(len).ok_or(What::Length)?;
        self.0 = rest;
        Ok(head)
    }

    /// A u8.
    pub fn u8(&mut self) -> Result<u8, What> {
        self.array().map(u8::from_le_bytes)
    }

    /// A u16.
    pub fn u16(&mut self) -> Result<u16, What> {
        self.array().map(u16::from_le_bytes)
    }

    /// A u32.
    pub fn u32(&mut self) -> Result<u32, What> {
        self.array().map(u32::from_le_bytes)
    }

    /// A u64.
    pub fn u64(&mut self) -> Result<u64, What> {
        self.array().map(u64::from_le_bytes)
    }

    /// `len` bytes that must be 0.
    pub fn zeros(&mut self, len: usize) -> Result<(), What> {
        match self.slice(len)?.iter().all(|&byte| byte == 0) {
            true => Ok(()),
            false => Err(What::Field),
        }
    }

    /// Nothing may be left.
    pub fn end(&self) -> Result<(), What> {
        if self.0.is_empty() { Ok(()) } else { Err(What::Length) }
    }
}

/// Writes fields; a target that is too small is remembered and told by [`Writer::end`].
pub struct Writer<'a> {
    rest: &'a mut [u8],
    written: usize,
    short: bool,
}

impl<'a> Writer<'a> {
    /// Writes into `to` from its start.
    pub fn new(to: &'a mut [u8]) -> Writer<'a> {
        Writer { rest: to, written: 0, short: false }
    }

    /// Adds bytes.
    #[inline(never)] // fields are many
    pub fn bytes(&mut self, from: &[u8]) -> &mut Self {
        match core::mem::take(&mut self.rest).split_at_mut_checked(from.len()) {
            Some((head, rest)) if !self.short => {
                gather(head, 0, from);
                self.rest = rest;
                self.written = self.written.saturating_add(from.len());
            }
            _ => self.short = true,
        }
        self
    }

    /// Adds a u8.
    pub fn u8(&mut self, value: u8) -> &mut Self {
        self.bytes(&value.to_le_bytes())
    }

    /// Adds a u16.
    pub fn u16(&mut self, value: u16) -> &mut Self {
        self.bytes(&value.to_le_bytes())
    }

    /// Adds a u32.
    pub fn u32(&mut self, value: u32) -> &mut Self {
        self.bytes(&value.to_le_bytes())
    }

    /// Adds a u64.
    pub fn u64(&mut self, value: u64) -> &mut Self {
        self.bytes(&value.to_le_bytes())
    }

    /// Adds zeros.
    pub fn zeros(&mut self, len: usize) -> &mut Self {
        for _ in 0..len {
            self.bytes(&[0]);
        }
        self
    }

    /// Bytes written; [`What::Length`] if they did not all fit.
    pub fn end(&self) -> Result<usize, What> {
        if self.short { Err(What::Length) } else { Ok(self.written) }
    }
}

/// Fills `to` with exactly `from`; [`What::Length`] if they are not equally long.
pub fn copy(to: &mut [u8], from: &[u8]) -> Result<(), What> {
    if to.len() != from.len() {
        return Err(What::Length);
    }
    gather(to, 0, from);
    Ok(())
}

/// Copies from `input` behind the first `held` bytes of `to`, as many as there are and fit; how many that were.
pub fn gather(to: &mut [u8], held: usize, input: &[u8]) -> usize {
    let room = to.get_mut(held..).unwrap_or(&mut []);
    // Not copy_from_slice, which panics on unequal lengths: that these are equal is not seen by every compiler. This becomes a memcpy too.
    room.iter_mut().zip(input).for_each(|(to, from)| *to = *from);
    room.len().min(input.len())
}

// Only headers are covered by it. Where flash is counted in KiB, a bit at a time spares a table of one.
#[cfg(target_os = "none")]
type Steps = crc::NoTable;
#[cfg(not(target_os = "none"))]
type Steps = crc::Table<1>;

/// The one CRC-32 of the format: zlib's.
pub fn crc32(parts: &[&[u8]]) -> u32 {
    const CRC: crc::Crc<u32, Steps> = crc::Crc::<u32, Steps>::new(&crc::CRC_32_ISO_HDLC);
    let mut digest = CRC.digest();
    for part in parts {
        digest.update(part);
    }
    digest.finalize()
}
