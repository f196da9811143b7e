//! What differs between two pieces of a disk, told in sectors (docs/FORMAT.md section 5).
//!
//! A body lists runs of sectors in ascending order, each with its new contents:
//!
//! ```text
//! gap u16 | count u16 | contents       gap: sectors since the run before; count: sectors, bit 15 set where all of them become zero,
//!                                      and then no contents follow
//! ```
//!
//! Pure functions: nothing here knows frames, digests or codecs.

use crate::digest::is_zero;
use crate::error::What;
use crate::format::bytes::{Reader, Writer, gather};
use core::ops::Range;

/// Bytes of a sector, as bodies count them.
pub const SECTOR_BYTES: usize = 512;
/// Bytes before a run's contents.
const RUN_BYTES: usize = 4;
/// Bit 15 of a count.
const ZEROS: u16 = 1 << 15;
/// Equal bytes are passed over in strides of this many sectors.
const STRIDE: usize = 8;

/// Tells `sink` each run of bytes in which `target` differs from `base`, in ascending order, cut at sectors of `sector_bytes`; the last may be
/// cut short by the end of `target`. A base that is shorter counts as zeros from its end on; what is behind the target's end counts for nothing.
/// The sink's false ends it early, and is then what comes back.
pub fn diff(base: &[u8], target: &[u8], sector_bytes: usize, mut sink: impl FnMut(Range<usize>) -> bool) -> bool {
    let sector = sector_bytes.max(1);
    let common = base.len().min(target.len());
    let mut start = None;
    let mut at = 0usize;
    while at < target.len() {
        let stride = stride_from(at, sector, common);
        if start.is_none() && stride.end > at && base.get(stride.clone()) == target.get(stride.clone()) {
            at = stride.end;
            continue;
        }
        let end = at.saturating_add(sector).min(target.len());
        let is_equal = same(base, target, at..end);
        match (start, is_equal) {
            (None, false) => start = Some(at),
            (Some(first), true) => {
                if !sink(first..at) {
                    return false;
                }
                start = None;
            }
            _ => {}
        }
        at = end;
    }
    start.is_none_or(|first| sink(first..target.len()))
}

/// The bytes from `at` on that can be compared at once: whole sectors that both sides have.
fn stride_from(at: usize, sector: usize, common: usize) -> Range<usize> {
    let left = common.saturating_sub(at) / sector;
    at..at.saturating_add(left.min(STRIDE).saturating_mul(sector))
}

fn same(base: &[u8], target: &[u8], range: Range<usize>) -> bool {
    let cut = base.len().max(range.start).min(range.end);
    let (held, behind) = (range.start..cut, cut..range.end);
    base.get(held.clone()).unwrap_or(&[]) == target.get(held).unwrap_or(&[]) && target.get(behind).is_none_or(is_zero)
}

/// Writes the body that makes `target` of `base` to the start of `to`; its length. None if it does not fit.
pub fn encode(base: &[u8], target: &[u8], to: &mut [u8]) -> Option<usize> {
    let mut body = Body { to, len: 0, next: 0 };
    diff(base, target, SECTOR_BYTES, |run| body.runs(target, run)).then_some(body.len)
}

struct Body<'t> {
    to: &'t mut [u8],
    len: usize,
    /// The sector behind the last run.
    next: usize,
}

impl Body<'_> {
    /// Adds a run of bytes, sectors of zeros apart from the others.
    fn runs(&mut self, target: &[u8], run: Range<usize>) -> bool {
        let mut rest = target.get(run.clone()).unwrap_or(&[]);
        let mut at = run.start;
        while let Some(first) = rest.chunks(SECTOR_BYTES).next() {
            let zero = is_zero(first);
            // A run is as long as 15 bits can tell; no frame has more sectors than 2^15, and one of them all would be no delta.
            let alike = rest.chunks(SECTOR_BYTES).take_while(|sector| is_zero(sector) == zero).map(<[u8]>::len).sum();
            let (run, behind) = rest.split_at_checked(alike).unwrap_or_default();
            if !self.run(at, run, zero) {
                return false;
            }
            (at, rest) = (at.saturating_add(alike), behind);
        }
        true
    }

    fn run(&mut self, at: usize, contents: &[u8], zero: bool) -> bool {
        let first = at / SECTOR_BYTES;
        let count = contents.len().div_ceil(SECTOR_BYTES);
        let (Ok(gap), Ok(count16)) = (u16::try_from(first.saturating_sub(self.next)), u16::try_from(count)) else { return false };
        if count16 & ZEROS != 0 {
            return false;
        }
        let contents = if zero { &[] } else { contents };
        let len = RUN_BYTES.saturating_add(contents.len());
        let Some(to) = self.to.get_mut(self.len..self.len.saturating_add(len)) else { return false };
        Writer::new(to).u16(gap).u16(if zero { count16 | ZEROS } else { count16 }).bytes(contents);
        (self.len, self.next) = (self.len.saturating_add(len), first.saturating_add(count));
        true
    }
}

/// Lays a body over `frame`, which holds the base. Where it fails, part of the body may have been laid.
pub fn apply(body: &[u8], frame: &mut [u8]) -> Result<(), What> {
    walk(body, frame.len(), |range, contents| {
        let Some(to) = frame.get_mut(range) else { return };
        match contents {
            Some(contents) => _ = gather(to, 0, contents),
            None => to.fill(0),
        }
    })
}

/// Whether a body is one for a frame of `frame_len` bytes.
pub fn check(body: &[u8], frame_len: usize) -> Result<(), What> {
    walk(body, frame_len, |_, _| {})
}

/// Tells each run of a body: its bytes of the frame, and their contents; none for zeros. Ranges are within the frame, contents as long as they.
fn walk(body: &[u8], frame_len: usize, mut run: impl FnMut(Range<usize>, Option<&[u8]>)) -> Result<(), What> {
    let mut fields = Reader(body);
    let mut sector = 0usize;
    while !fields.0.is_empty() {
        let (gap, count) = (fields.u16()?, fields.u16()?);
        let zero = count & ZEROS != 0;
        let count = usize::from(count & !ZEROS);
        let first = sector.saturating_add(gap.into());
        sector = first.saturating_add(count);
        let start = first.saturating_mul(SECTOR_BYTES);
        let end = sector.saturating_mul(SECTOR_BYTES).min(frame_len);
        if count == 0 || start >= end || end.div_ceil(SECTOR_BYTES) != sector {
            return Err(What::Length);
        }
        let contents = if zero { None } else { Some(fields.slice(end.saturating_sub(start))?) };
        run(start..end, contents);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::vec::Vec;

    struct Random(u64);

    impl Random {
        fn below(&mut self, end: usize) -> usize {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            usize::try_from(self.0 >> 33).unwrap() % end
        }

        fn bytes(&mut self, len: usize) -> Vec<u8> {
            (0..len).map(|_| u8::try_from(self.below(255)).unwrap() + 1).collect()
        }
    }

    /// Sector by sector, as plainly as can be said.
    fn naive(base: &[u8], target: &[u8], sector: usize) -> Vec<Range<usize>> {
        let mut padded = base.to_vec();
        padded.resize(target.len().max(base.len()), 0);
        let mut runs: Vec<Range<usize>> = Vec::new();
        for start in (0..target.len()).step_by(sector) {
            let end = (start + sector).min(target.len());
            if padded[start..end] != target[start..end] {
                match runs.last_mut() {
                    Some(last) if last.end == start => last.end = end,
                    _ => runs.push(start..end),
                }
            }
        }
        runs
    }

    fn runs_of(base: &[u8], target: &[u8], sector: usize) -> Vec<Range<usize>> {
        let mut runs = Vec::new();
        assert!(diff(base, target, sector, |run| {
            runs.push(run);
            true
        }));
        runs
    }

    /// Lengths around every boundary: of sectors, of strides, of nothing.
    fn lengths() -> Vec<usize> {
        let edges = [0, 1, 2, 7, 8, 9, 16, 17];
        let mut lengths: Vec<usize> = edges.iter().flat_map(|sectors| [0, 1, 511].map(|odd| sectors * 512 + odd)).collect();
        lengths.extend(edges.iter().filter(|sectors| **sectors > 0).map(|sectors| sectors * 512 - 1));
        lengths
    }

    fn changed(random: &mut Random, base: &[u8], len: usize) -> Vec<u8> {
        let mut target = base.to_vec();
        target.resize(len, 0);
        for _ in 0..random.below(6) {
            if len > 0 {
                let start = random.below(len);
                let end = (start + 1 + random.below(2000)).min(len);
                match random.below(3) {
                    0 => target[start..end].fill(0),
                    1 => target[start] ^= 1,
                    _ => target[start..end].copy_from_slice(&random.bytes(end - start)),
                }
            }
        }
        target
    }

    #[test]
    fn runs_are_those_of_a_plain_comparison_at_every_boundary() {
        let mut random = Random(1);
        for base_len in lengths() {
            for target_len in lengths() {
                let base = random.bytes(base_len);
                let target = changed(&mut random, &base, target_len);
                for sector in [1, 3, 16, 512, 4096] {
                    assert_eq!(
                        runs_of(&base, &target, sector),
                        naive(&base, &target, sector),
                        "{base_len} {target_len} {sector}"
                    );
                }
            }
        }
    }

    #[test]
    fn a_body_laid_over_the_base_gives_the_target() {
        let mut random = Random(2);
        for len in lengths() {
            for _ in 0..20 {
                let base = random.bytes(len);
                let target = changed(&mut random, &base, len);
                let mut body = std::vec![0xEE; 2 * len + 100];
                let body_len = encode(&base, &target, &mut body).unwrap();
                let mut frame = base.clone();
                apply(&body[..body_len], &mut frame).unwrap();
                assert_eq!(frame, target);
                assert_eq!(check(&body[..body_len], len), Ok(()));
                assert_eq!(body_len == 0, base == target);
                // With one byte less room there is no body, and nothing behind the room is touched.
                if body_len > 0 {
                    assert_eq!(encode(&base, &target, &mut body[..body_len - 1]), None);
                }
            }
        }
    }

    #[test]
    fn a_body_is_these_bytes() {
        let base = std::vec![7; 5 * 512 + 10];
        let mut target = base.clone();
        target[512] = 8;
        target[2 * 512..3 * 512].fill(0);
        target[5 * 512 + 9] = 9;
        let mut body = std::vec![0; 4096];
        let len = encode(&base, &target, &mut body).unwrap();
        let mut expected = Vec::from([1, 0, 1, 0, 8]);
        expected.extend([7; 511]);
        expected.extend([0, 0, 1, 0x80, 2, 0, 1, 0]);
        expected.extend([7; 9]);
        expected.push(9);
        assert_eq!(body[..len], expected);
    }

    #[test]
    fn the_sink_may_end_it() {
        let mut seen = 0;
        let ended = diff(&[0; 4096], &[1; 4096], 512, |_| {
            seen += 1;
            false
        });
        assert_eq!((ended, seen), (false, 1));
    }

    #[test]
    fn a_body_that_is_not_one_is_refused() {
        let data = |gap: u16, count: u16, len: usize| {
            let mut body = Vec::from(gap.to_le_bytes());
            body.extend(count.to_le_bytes());
            body.extend(std::vec![1; len]);
            body
        };
        let frame = 3 * 512 + 100;
        let cases = [
            (data(0, 0, 0), What::Length),                               // no sectors
            (data(0, ZEROS, 0), What::Length),                           // no sectors of zeros
            (data(4, 1, 512), What::Length),                             // behind the end
            (data(0, 5, 5 * 512), What::Length),                         // beyond the end
            (data(3, 2, 200), What::Length),                             // beyond the end, from its last sector
            (data(u16::MAX, 1, 512), What::Length),                      // far behind
            (data(0, 1, 511), What::Length),                             // contents cut
            (data(0, 1, 512)[..3].to_vec(), What::Length),               // head cut
            ([data(1, 1, 512), data(2, 1, 512)].concat(), What::Length), // the second behind the end
        ];
        for (number, (body, what)) in cases.into_iter().enumerate() {
            assert_eq!(check(&body, frame), Err(what), "case {number}");
            assert_eq!(apply(&body, &mut std::vec![0; frame]), Err(what), "case {number}");
        }
        assert_eq!(check(&data(3, 1, 100), frame), Ok(()), "the last sector is short");
    }

    #[test]
    fn any_bytes_are_a_body_or_an_error() {
        let mut random = Random(3);
        for _ in 0..20_000 {
            let len = random.below(40);
            let body: Vec<u8> = (0..len).map(|_| u8::try_from(random.below(4)).unwrap()).collect();
            let mut frame = std::vec![0; random.below(3000)];
            assert_eq!(check(&body, frame.len()), apply(&body, &mut frame));
        }
    }
}
