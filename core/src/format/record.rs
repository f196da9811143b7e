//! Record: a version or a draft (docs/FORMAT.md section 7). An immutable half that gives the version its id, and a mutable half.

use super::bytes::{Reader, Writer, gather};
use crate::digest::{Algorithm, Hasher};
use crate::error::What;
use crate::types::Id;

/// The most bytes of a record.
pub const LEN_MAX: usize = 16_384;
/// The most bytes of a name or another text.
pub const TEXT_MAX: usize = 255;
/// Bytes that always suffice for a record without tags and attachments.
pub const PLAIN_LEN_MAX: usize = 4 + 164 + 4 * (TEXT_MAX + 1) + 92 + 2;

// Of the fields that are changed in place, where they lie: in the payload those of the immutable half, the others in the mutable half.
const KIND: usize = 5;
const ROOT: usize = 40;
const TOP: usize = 72;
pub(super) const FLAGS: usize = 1;
pub(super) const EXPIRY: usize = 4;
const POSITION: usize = 12;
const DRAFT_TOP: usize = 20;
pub(super) const COUNT: usize = 92;
pub(super) const TAGS: usize = 93;

/// What a record describes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RecordKind {
    /// A finished version.
    Version,
    /// A version being written.
    Draft,
}

/// What a backup did.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Statistics {
    /// Bytes read from the disk.
    pub read_bytes: u64,
    /// Bytes in blocks that are not zero.
    pub data_bytes: u64,
    /// Blocks newly stored.
    pub new_blocks: u64,
    /// Bytes newly stored for them.
    pub new_bytes: u64,
    /// Milliseconds taken.
    pub millis: u64,
}

/// Who said what changed since the base.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum HintSource {
    /// Nobody: everything was read.
    #[default]
    None = 0,
    /// `rbd diff`.
    RbdDiff = 1,
    /// `qemu-img map`.
    QemuMap = 2,
    /// A dirty bitmap, over NBD.
    NbdDirty = 3,
    /// Allocation, over NBD.
    NbdAllocation = 4,
    /// Whoever called.
    Caller = 5,
}

impl HintSource {
    fn from_code(code: u8) -> Option<HintSource> {
        Some(match code {
            0 => HintSource::None,
            1 => HintSource::RbdDiff,
            2 => HintSource::QemuMap,
            3 => HintSource::NbdDirty,
            4 => HintSource::NbdAllocation,
            5 => HintSource::Caller,
            _ => return None,
        })
    }
}

/// A record.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Record<'a> {
    /// Version or draft.
    pub kind: RecordKind,
    /// Whether the source changed while it was read.
    pub source_changed: bool,
    /// The group; zeros if none.
    pub group: [u8; 16],
    /// When the backup started, ms since 1970.
    pub time: u64,
    /// Bytes of the disk.
    pub disk_size: u64,
    /// The version's root.
    pub root: Id,
    /// The manifest's top page.
    pub top: Id,
    /// The version it was built on; zero if none.
    pub base: Id,
    /// The disk's name.
    pub name: &'a str,
    /// The snapshot's name.
    pub snapshot: &'a str,
    /// What the source was, as its host names it.
    pub source: &'a str,
    /// Who made the hints.
    pub hint_source: HintSource,
    /// What the hints were; empty without.
    pub hints: &'a str,
    /// Whether it may not be removed.
    pub protected: bool,
    /// When it may be removed, ms since 1970; 0 never by itself.
    pub expiry: u64,
    /// Of a draft: bytes done from the start.
    pub position: u64,
    /// Of a draft: top page of its manifest so far.
    pub draft_top: Id,
    /// What the backup did.
    pub statistics: Statistics,
    /// Tags as stored: count, then strings.
    pub tags: Tags<'a>,
    /// Attachments as stored: count, then name, length, bytes.
    pub attachments: Attachments<'a>,
}

/// Tags, checked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Tags<'a>(&'a [u8]);

/// Attachments, checked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Attachments<'a>(&'a [u8]);

impl Tags<'static> {
    /// No tags.
    pub const NONE: Tags<'static> = Tags(&[0]);
}

impl Attachments<'static> {
    /// No attachments.
    pub const NONE: Attachments<'static> = Attachments(&[0]);
}

impl<'a> Tags<'a> {
    fn parse(fields: &mut Reader<'a>) -> Result<Tags<'a>, What> {
        let all = fields.0;
        for _ in 0..fields.u8()? {
            text(fields)?;
        }
        Ok(Tags(consumed(all, fields)))
    }

    /// The tags.
    pub fn iter(&self) -> impl Iterator<Item = &'a str> {
        let mut fields = Reader(self.0.get(1..).unwrap_or(&[]));
        core::iter::from_fn(move || text(&mut fields).ok())
    }
}

impl<'a> Attachments<'a> {
    fn parse(fields: &mut Reader<'a>) -> Result<Attachments<'a>, What> {
        let all = fields.0;
        for _ in 0..fields.u8()? {
            attachment(fields)?;
        }
        Ok(Attachments(consumed(all, fields)))
    }

    /// The attachments: name and bytes.
    pub fn iter(&self) -> impl Iterator<Item = (&'a str, &'a [u8])> {
        let mut fields = Reader(self.0.get(1..).unwrap_or(&[]));
        core::iter::from_fn(move || attachment(&mut fields).ok())
    }
}

fn consumed<'a>(all: &'a [u8], rest: &Reader<'a>) -> &'a [u8] {
    all.get(..all.len().saturating_sub(rest.0.len())).unwrap_or(&[])
}

pub(crate) fn text<'a>(fields: &mut Reader<'a>) -> Result<&'a str, What> {
    let len = fields.u8()?;
    core::str::from_utf8(fields.slice(len.into())?).map_err(|_| What::Text)
}

fn attachment<'a>(fields: &mut Reader<'a>) -> Result<(&'a str, &'a [u8]), What> {
    let name = text(fields)?;
    let len = fields.u16()?;
    Ok((name, fields.slice(len.into())?))
}

pub(crate) fn put_text(text: &str, fields: &mut Writer<'_>) -> Result<(), What> {
    let len = u8::try_from(text.len()).map_err(|_| What::Length)?;
    fields.u8(len).bytes(text.as_bytes());
    Ok(())
}

/// The two halves of a record's payload.
fn halves(payload: &[u8]) -> Result<(&[u8], &[u8]), What> {
    if payload.len() > LEN_MAX {
        return Err(What::Length);
    }
    let mut fields = Reader(payload);
    let (immutable, mutable) = (fields.u16()?, fields.u16()?);
    let halves = (fields.slice(immutable.into())?, fields.slice(mutable.into())?);
    fields.end()?;
    Ok(halves)
}

/// Where the mutable half of a payload begins.
pub(super) fn mutable_at(payload: &[u8]) -> usize {
    let immutable = payload.first_chunk().copied().map_or(0, u16::from_le_bytes);
    usize::from(immutable).saturating_add(4)
}

/// Makes the record of a draft that of the version with this root, in place: what was its manifest so far is the version's.
pub fn finish(payload: &mut [u8], root: Id) -> Result<(), What> {
    let Record { kind: RecordKind::Draft, draft_top, .. } = Record::parse(payload)? else { return Err(What::Field) };
    let half = mutable_at(payload);
    gather(payload, KIND, &[1]);
    gather(payload, ROOT, &root.0);
    gather(payload, TOP, &draft_top.0);
    gather(payload, half.saturating_add(POSITION), &[0; 8]);
    gather(payload, half.saturating_add(DRAFT_TOP), &Id::ZERO.0);
    Ok(())
}

/// The id people see: of the immutable half of this payload.
pub fn version_id(algorithm: Algorithm, payload: &[u8]) -> Result<Id, What> {
    let (immutable, _) = halves(payload)?;
    let mut hasher = Hasher::named(algorithm, "sarsen version");
    hasher.update(immutable);
    Ok(hasher.id())
}

/// The id of the record object with this payload.
pub fn record_id(algorithm: Algorithm, payload: &[u8]) -> Id {
    let mut hasher = Hasher::named(algorithm, "sarsen record");
    hasher.update(payload);
    hasher.id()
}

impl<'a> Record<'a> {
    /// Reads a record's payload.
    pub fn parse(payload: &'a [u8]) -> Result<Record<'a>, What> {
        let (immutable, mutable) = halves(payload)?;
        let (mut i, mut m) = (Reader(immutable), Reader(mutable));
        if (i.u8()?, m.u8()?) != (1, 1) {
            return Err(What::Field);
        }
        let kind = match i.u8()? {
            1 => RecordKind::Version,
            2 => RecordKind::Draft,
            _ => return Err(What::Field),
        };
        let source_changed = flag(i.u8()?)?;
        let hint_source = HintSource::from_code(i.u8()?).ok_or(What::Field)?;
        let (group, time, disk_size) = (i.array()?, i.u64()?, i.u64()?);
        let (root, top, base) = (Id(i.array()?), Id(i.array()?), Id(i.array()?));
        i.zeros(32)?;
        let (name, snapshot, source, hints) = (text(&mut i)?, text(&mut i)?, text(&mut i)?, text(&mut i)?);
        i.end()?;
        let protected = flag(m.u8()?)?;
        m.zeros(2)?;
        let (expiry, position, draft_top) = (m.u64()?, m.u64()?, Id(m.array()?));
        let statistics = Statistics {
            read_bytes: m.u64()?,
            data_bytes: m.u64()?,
            new_blocks: m.u64()?,
            new_bytes: m.u64()?,
            millis: m.u64()?,
        };
        let (tags, attachments) = (Tags::parse(&mut m)?, Attachments::parse(&mut m)?);
        m.end()?;
        let fits = match kind {
            RecordKind::Version => position == 0 && draft_top.is_zero(),
            RecordKind::Draft => root.is_zero() && top.is_zero(),
        };
        if !fits {
            return Err(What::Field);
        }
        Ok(Record {
            kind,
            source_changed,
            group,
            time,
            disk_size,
            root,
            top,
            base,
            name,
            snapshot,
            source,
            hint_source,
            hints,
            protected,
            expiry,
            position,
            draft_top,
            statistics,
            tags,
            attachments,
        })
    }

    /// Writes the payload into `to`; [`What::Length`] if a text or the whole is too long.
    pub fn emit(&self, to: &mut [u8]) -> Result<usize, What> {
        let (lengths, rest) = to.split_first_chunk_mut::<4>().ok_or(What::Length)?;
        let immutable = self.emit_immutable(rest)?;
        let mutable = self.emit_mutable(rest.get_mut(immutable..).ok_or(What::Length)?)?;
        let halves = (u16::try_from(immutable), u16::try_from(mutable));
        let total = immutable.saturating_add(mutable).saturating_add(4);
        let (Ok(immutable), Ok(mutable)) = halves else { return Err(What::Length) };
        Writer::new(lengths).u16(immutable).u16(mutable);
        if total <= LEN_MAX { Ok(total) } else { Err(What::Length) }
    }

    fn emit_immutable(&self, to: &mut [u8]) -> Result<usize, What> {
        let kind = match self.kind {
            RecordKind::Version => 1,
            RecordKind::Draft => 2,
        };
        let mut fields = Writer::new(to);
        fields.u8(1).u8(kind).u8(self.source_changed.into()).u8(self.hint_source as u8).bytes(&self.group);
        fields.u64(self.time).u64(self.disk_size);
        fields.bytes(&self.root.0).bytes(&self.top.0).bytes(&self.base.0).zeros(32);
        for text in [self.name, self.snapshot, self.source, self.hints] {
            put_text(text, &mut fields)?;
        }
        fields.end()
    }

    fn emit_mutable(&self, to: &mut [u8]) -> Result<usize, What> {
        let mut fields = Writer::new(to);
        fields.u8(1).u8(self.protected.into()).u16(0).u64(self.expiry).u64(self.position).bytes(&self.draft_top.0);
        let s = &self.statistics;
        for value in [s.read_bytes, s.data_bytes, s.new_blocks, s.new_bytes, s.millis] {
            fields.u64(value);
        }
        fields.bytes(self.tags.0).bytes(self.attachments.0);
        fields.end()
    }
}

fn flag(byte: u8) -> Result<bool, What> {
    match byte {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(What::Field),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_record_of_a_draft_becomes_that_of_its_version() {
        let draft = Record {
            kind: RecordKind::Draft,
            source_changed: true,
            group: [7; 16],
            time: 1,
            disk_size: 4096,
            root: Id::ZERO,
            top: Id::ZERO,
            base: Id([3; 32]),
            name: "disk",
            snapshot: "s",
            source: "source",
            hint_source: HintSource::Caller,
            hints: "hints",
            protected: false,
            expiry: 9,
            position: 4096,
            draft_top: Id([5; 32]),
            statistics: Statistics { read_bytes: 3, data_bytes: 4, new_blocks: 5, new_bytes: 6, millis: 7 },
            tags: Tags(&[1, 1, b't']),
            attachments: Attachments(&[1, 1, b'x', 1, 0, 8]),
        };
        let (mut bytes, root) = ([0; PLAIN_LEN_MAX], Id([6; 32]));
        let len = draft.emit(&mut bytes).unwrap();
        let bytes = &mut bytes[..len];
        assert_eq!(finish(bytes, root), Ok(()));
        let version = Record { kind: RecordKind::Version, root, top: draft.draft_top, draft_top: Id::ZERO, position: 0, ..draft };
        assert_eq!(Record::parse(bytes), Ok(version));
        assert_eq!(finish(bytes, root), Err(What::Field), "it is a version already");
        assert_eq!(finish(&mut bytes[..len - 1], root), Err(What::Length));
    }
}
