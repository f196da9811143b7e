//! Amendment: what may change of a version once it is there. It changes the mutable half of a record, so the version keeps its id.
//!
//! In place, because whoever holds a record has lent room for one: what lies behind a tag that comes or goes is moved.

use super::bytes::gather;
use super::record::{COUNT, EXPIRY, FLAGS, LEN_MAX, Record, TAGS, mutable_at};
use crate::error::What;

/// A change of a version's mutable half.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Amendment<'t> {
    /// It gets this tag, unless it has it.
    Tag(&'t str),
    /// It has this tag no longer.
    Untag(&'t str),
    /// It may not be removed.
    Protect,
    /// It may be removed.
    Unprotect,
    /// It is not needed from then on, ms since 1970; 0: that is never.
    Expire(u64),
}

/// Where a record has the length of its mutable half.
const HALF_LEN: usize = 2;

impl Amendment<'_> {
    /// Changes the record that is the first `len` bytes of `bytes`; how long it is then.
    ///
    /// [`What::Length`]: the format has no room for it, as the record has too many tags or becomes too long. [`What::Short`]: `bytes` has no room.
    /// What `bytes` holds after an error means nothing.
    pub fn apply(&self, bytes: &mut [u8], len: usize) -> Result<usize, What> {
        let payload = bytes.get(..len).ok_or(What::Short)?;
        let tags = Record::parse(payload)?.tags;
        let half = mutable_at(payload);
        let (mut count, mut at, mut found) = (0_usize, half.saturating_add(TAGS), None);
        for tag in tags.iter() {
            if self.names() == Some(tag) {
                found = Some(at);
            }
            count = count.saturating_add(1);
            at = at.saturating_add(stored_len(tag));
        }
        match (*self, found) {
            (Amendment::Protect, _) => put(bytes, half.saturating_add(FLAGS), &[1]),
            (Amendment::Unprotect, _) => put(bytes, half.saturating_add(FLAGS), &[0]),
            (Amendment::Expire(when), _) => put(bytes, half.saturating_add(EXPIRY), &when.to_le_bytes()),
            (Amendment::Tag(tag), None) => {
                let new = insert(bytes, len, at, tag)?;
                return settle(bytes, half, new, count.saturating_add(1));
            }
            (Amendment::Untag(tag), Some(at)) => {
                let new = cut(bytes, len, at, stored_len(tag));
                return settle(bytes, half, new, count.saturating_sub(1));
            }
            (Amendment::Tag(_), Some(_)) | (Amendment::Untag(_), None) => {}
        }
        Ok(len)
    }

    /// The tag it is about.
    pub fn names(&self) -> Option<&str> {
        match self {
            Amendment::Tag(tag) | Amendment::Untag(tag) => Some(tag),
            _ => None,
        }
    }
}

fn stored_len(tag: &str) -> usize {
    tag.len().saturating_add(1)
}

fn put(bytes: &mut [u8], at: usize, value: &[u8]) {
    gather(bytes, at, value);
}

/// Makes room at `at` and puts a tag there; how long the record is then.
fn insert(bytes: &mut [u8], len: usize, at: usize, tag: &str) -> Result<usize, What> {
    let short = u8::try_from(tag.len()).map_err(|_| What::Length)?;
    let (gap, new) = (stored_len(tag), len.saturating_add(stored_len(tag)));
    if new > LEN_MAX {
        return Err(What::Length);
    }
    let tail = bytes.get_mut(at..new).ok_or(What::Short)?;
    for to in (gap..tail.len()).rev() {
        let moved = tail.get(to.saturating_sub(gap)).copied().unwrap_or(0);
        put(tail, to, &[moved]);
    }
    put(tail, 0, &[short]);
    put(tail, 1, tag.as_bytes());
    Ok(new)
}

/// Takes `gap` bytes out at `at`; how long the record is then.
fn cut(bytes: &mut [u8], len: usize, at: usize, gap: usize) -> usize {
    let tail = bytes.get_mut(at..len).unwrap_or(&mut []);
    for from in gap..tail.len() {
        let moved = tail.get(from).copied().unwrap_or(0);
        put(tail, from.saturating_sub(gap), &[moved]);
    }
    len.saturating_sub(gap)
}

/// Says of a record of `len` bytes how many tags it has, and how long its mutable half is.
fn settle(bytes: &mut [u8], half: usize, len: usize, count: usize) -> Result<usize, What> {
    let half_len = u16::try_from(len.saturating_sub(half)).map_err(|_| What::Length)?;
    put(bytes, half.saturating_add(COUNT), &[u8::try_from(count).map_err(|_| What::Length)?]);
    put(bytes, HALF_LEN, &half_len.to_le_bytes());
    Ok(len)
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use crate::digest::Algorithm;
    use crate::format::record::{Attachments, HintSource, RecordKind, Statistics, Tags, version_id};
    use crate::types::Id;
    use std::string::String;
    use std::vec::Vec;

    const PLAIN: Record<'static> = Record {
        kind: RecordKind::Version,
        source_changed: false,
        group: [0; 16],
        time: 1,
        disk_size: 512,
        root: Id([1; 32]),
        top: Id([2; 32]),
        base: Id::ZERO,
        name: "disk",
        snapshot: "s",
        source: "",
        hint_source: HintSource::None,
        hints: "",
        protected: false,
        expiry: 0,
        position: 0,
        draft_top: Id::ZERO,
        statistics: Statistics { read_bytes: 3, data_bytes: 4, new_blocks: 5, new_bytes: 6, millis: 7 },
        tags: Tags::NONE,
        attachments: Attachments::NONE,
    };

    /// A record with an attachment behind its tags, and room for more.
    fn stored() -> (Vec<u8>, usize) {
        let mut bytes = std::vec![0; LEN_MAX + 300];
        let len = PLAIN.emit(&mut bytes).unwrap();
        // One attachment "x" of two bytes: the count, the name, the length, the bytes.
        let attached = [1, 1, b'x', 2, 0, 8, 9];
        bytes[len - 1..len - 1 + attached.len()].copy_from_slice(&attached);
        let half_len = u16::from_le_bytes([bytes[2], bytes[3]]) + 6;
        bytes[2..4].copy_from_slice(&half_len.to_le_bytes());
        (bytes, len + 6)
    }

    fn tags(bytes: &[u8]) -> Vec<&str> {
        let record = Record::parse(bytes).unwrap();
        assert_eq!(record.attachments.iter().collect::<Vec<_>>(), [("x", &[8, 9][..])]);
        assert_eq!(Record { tags: Tags::NONE, attachments: Attachments::NONE, protected: false, expiry: 0, ..record }, PLAIN);
        record.tags.iter().collect()
    }

    #[test]
    fn tags_come_and_go_and_leave_the_rest_as_it_is() {
        let (mut bytes, mut len) = stored();
        let id = version_id(Algorithm::Sha256, &bytes[..len]);
        let steps: [(Amendment<'_>, &[&str]); 9] = [
            (Amendment::Tag("one"), &["one"]),
            (Amendment::Tag("second"), &["one", "second"]),
            (Amendment::Tag("3"), &["one", "second", "3"]),
            (Amendment::Tag("one"), &["one", "second", "3"]),
            (Amendment::Untag("two"), &["one", "second", "3"]),
            (Amendment::Untag("second"), &["one", "3"]),
            (Amendment::Untag("one"), &["3"]),
            (Amendment::Tag("second"), &["3", "second"]),
            (Amendment::Untag("3"), &["second"]),
        ];
        for (step, expected) in steps {
            len = step.apply(&mut bytes, len).unwrap();
            assert_eq!(tags(&bytes[..len]), expected, "{step:?}");
            assert_eq!(version_id(Algorithm::Sha256, &bytes[..len]), id);
        }
        assert_eq!(Amendment::Untag("second").apply(&mut bytes, len), Ok(stored().1));
        assert_eq!(bytes[..stored().1], stored().0[..stored().1]);
    }

    #[test]
    fn protection_and_expiry_lie_where_the_format_says() {
        let (mut bytes, len) = stored();
        let half = len - usize::from(u16::from_le_bytes([bytes[2], bytes[3]]));
        assert_eq!(Amendment::Protect.apply(&mut bytes, len), Ok(len));
        assert_eq!(bytes[half + 1], 1);
        assert_eq!(Amendment::Expire(0x0102_0304_0506_0708).apply(&mut bytes, len), Ok(len));
        assert_eq!(bytes[half + 4..half + 12], [8, 7, 6, 5, 4, 3, 2, 1]);
        let record = Record::parse(&bytes[..len]).unwrap();
        assert_eq!((record.protected, record.expiry), (true, 0x0102_0304_0506_0708));
        assert_eq!(Amendment::Unprotect.apply(&mut bytes, len), Ok(len));
        assert_eq!(Amendment::Expire(0).apply(&mut bytes, len), Ok(len));
        assert_eq!(bytes[..len], stored().0[..len]);
    }

    #[test]
    fn there_are_at_most_as_many_tags_as_a_byte_can_count() {
        let (mut bytes, mut len) = stored();
        for number in 0..255 {
            len = Amendment::Tag(&std::format!("{number}")).apply(&mut bytes, len).unwrap();
        }
        assert_eq!(tags(&bytes[..len]).len(), 255);
        assert_eq!(Amendment::Tag("0").apply(&mut bytes.clone(), len), Ok(len));
        assert_eq!(Amendment::Tag("255").apply(&mut bytes, len), Err(What::Length));
    }

    #[test]
    fn a_record_ends_at_its_limit_and_a_tag_at_its_own() {
        let tag = |len: usize| String::from_utf8(std::vec![b't'; len]).unwrap();
        let (mut bytes, mut len) = stored();
        assert_eq!(Amendment::Tag(&tag(256)).apply(&mut bytes.clone(), len), Err(What::Length));
        for number in 0..62 {
            len = Amendment::Tag(&std::format!("{number:02}{}", tag(253))).apply(&mut bytes, len).unwrap();
        }
        let left = LEN_MAX - len;
        assert!((2..256).contains(&left), "{left}");
        assert_eq!(Amendment::Tag(&tag(left)).apply(&mut bytes.clone(), len), Err(What::Length));
        assert_eq!(Amendment::Tag(&tag(left - 1)).apply(&mut bytes[..LEN_MAX - 1], len), Err(What::Short));
        assert_eq!(Amendment::Tag(&tag(left - 1)).apply(&mut bytes[..LEN_MAX], len), Ok(LEN_MAX));
        assert_eq!(tags(&bytes[..LEN_MAX]).len(), 63);
    }

    #[test]
    fn what_is_no_record_is_not_touched() {
        let (mut bytes, len) = stored();
        for wrong in [0, 3, 100, len - 1] {
            assert!(Amendment::Tag("t").apply(&mut bytes, wrong).is_err());
        }
        bytes[len - 3] = 200;
        assert_eq!(Amendment::Protect.apply(&mut bytes, len), Err(What::Length));
    }
}
