//! What the parts of a repository are called in a directory (docs/FORMAT.md section 1).

use sarsen_core::types::SegmentNumber;
use std::path::{Path, PathBuf};

pub(super) const SEGMENTS: &str = "segments";
pub(super) const PIN: &str = "head";
pub(super) const PIN_NEXT: &str = "head.tmp";
pub(super) const RESERVE: &str = "reserve";
pub(super) const LOCK: &str = "lock";

/// Decimal digits in a segment's name; fixed, so that names sort as numbers do.
const DIGITS: usize = 10;
const SUFFIX: &str = ".seg";

/// Whether a repository's directory may hold this name before there is a repository: its own parts, and what every ext4 mount point has.
pub(super) fn is_own(name: &str) -> bool {
    [SEGMENTS, PIN, PIN_NEXT, RESERVE, LOCK, "lost+found"].contains(&name)
}

/// Where a segment lies below the repository's directory.
pub(super) fn segment_path(root: &Path, segment: SegmentNumber) -> PathBuf {
    root.join(SEGMENTS).join(format!("{:0DIGITS$}{SUFFIX}", segment.0))
}

/// The segment with this file name, if it is one: exactly ten digits, so that no two names mean one segment.
pub(super) fn segment_number(name: &str) -> Option<SegmentNumber> {
    let digits = name.strip_suffix(SUFFIX)?;
    let exact = digits.len() == DIGITS && digits.bytes().all(|byte| byte.is_ascii_digit());
    let number = exact.then(|| digits.parse().ok()).flatten().map(SegmentNumber)?;
    (number <= SegmentNumber::MAX).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_as_the_format_says() {
        let path = segment_path(Path::new("repository"), SegmentNumber(42));
        assert_eq!(path, Path::new("repository/segments/0000000042.seg"));
        assert_eq!(segment_number("0000000042.seg"), Some(SegmentNumber(42)));
        assert_eq!(segment_number("4294967294.seg"), Some(SegmentNumber::MAX));
    }

    #[test]
    fn other_names_are_no_segments() {
        let others = [
            "42.seg",
            "00000000042.seg",
            "+000000042.seg",
            "0000000042",
            "0000000042.seg.tmp",
            "4294967295.seg",
            "9999999999.seg",
            "000000004\u{0662}.seg",
            ".seg",
            "",
        ];
        for name in others {
            assert_eq!(segment_number(name), None, "{name}");
        }
    }
}
