//! Entry header: 128 bytes before every payload, and the 48-byte line made from it (docs/FORMAT.md section 3).
//!
//! Its CRC is bound to repository, segment and offset, so a length is believed only where it was written.

use super::bytes::{Reader, Writer};
use super::header::{Parameters, seal, unseal};
use crate::error::What;
use crate::types::{Digest, Id, Place, RepositoryId};

/// Bytes of an entry header.
pub const LEN: usize = 128;
/// The first bytes of every entry.
pub const MAGIC: [u8; 4] = *b"SEnt";
/// Bytes of a line.
pub const LINE_LEN: usize = 48;
/// The most bytes a payload may have.
pub const STORED_BYTES_MAX: u32 = 1 << 25;
/// The most bases below a page.
pub const PAGE_DEPTH_MAX: u8 = 8;
/// The most bases below a block.
pub const BLOCK_DEPTH_MAX: u8 = 31;
/// What fills unused bytes: what erased flash reads as, so it costs no programming.
pub const FILL: u8 = 0xFF;

/// Which page tree.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TreeKind {
    /// A version's blocks.
    Manifest,
    /// The segment table.
    Segments,
    /// Versions and drafts.
    Catalogue,
    /// Damage marks.
    Damage,
}

impl TreeKind {
    /// The code stored for it.
    pub fn code(self) -> u8 {
        match self {
            TreeKind::Manifest => 1,
            TreeKind::Segments => 2,
            TreeKind::Catalogue => 3,
            TreeKind::Damage => 4,
        }
    }

    fn from_code(code: u8) -> Option<TreeKind> {
        Some(match code {
            1 => TreeKind::Manifest,
            2 => TreeKind::Segments,
            3 => TreeKind::Catalogue,
            4 => TreeKind::Damage,
            _ => return None,
        })
    }

    /// The name that page ids of this tree begin with.
    pub fn name(self) -> &'static str {
        match self {
            TreeKind::Manifest => "sarsen page",
            TreeKind::Segments => "sarsen segments",
            TreeKind::Catalogue => "sarsen catalogue",
            TreeKind::Damage => "sarsen damage",
        }
    }
}

/// What an entry holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// A block, whole or as a delta.
    Block {
        /// Whether it lies on a base.
        delta: bool,
    },
    /// A page of a tree, whole or as a delta.
    Page {
        /// Of which tree.
        tree: TreeKind,
        /// Whether it is a delta on its base.
        delta: bool,
    },
    /// A version or draft.
    Record,
    /// A commit.
    Commit,
    /// A segment's table of contents.
    Footer,
    /// Filling.
    Pad,
}

impl Kind {
    fn codes(self) -> (u8, u8, u8) {
        match self {
            Kind::Block { delta } => (1, 0, u8::from(delta)),
            Kind::Page { tree, delta } => (2, tree.code(), u8::from(delta)),
            Kind::Record => (3, 0, 0),
            Kind::Commit => (4, 0, 0),
            Kind::Footer => (5, 0, 0),
            Kind::Pad => (6, 0, 0),
        }
    }

    fn from_codes(kind: u8, tree: u8, encoding: u8) -> Result<Kind, What> {
        match (kind, tree, encoding) {
            (1, 0, 0 | 1) => Ok(Kind::Block { delta: encoding == 1 }),
            (2, tree, 0 | 1) => Ok(Kind::Page { tree: TreeKind::from_code(tree).ok_or(What::Field)?, delta: encoding == 1 }),
            (3, 0, 0) => Ok(Kind::Record),
            (4, 0, 0) => Ok(Kind::Commit),
            (5, 0, 0) => Ok(Kind::Footer),
            (6, 0, 0) => Ok(Kind::Pad),
            _ => Err(What::Field),
        }
    }

    /// Whether the object is found by its id through the index.
    pub fn indexed(self) -> bool {
        matches!(self, Kind::Block { .. } | Kind::Page { tree: TreeKind::Manifest, .. })
    }
}

/// An entry header.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct EntryHeader {
    /// What it holds.
    pub kind: Kind,
    /// Bases below it.
    pub depth: u8,
    /// Bytes of payload.
    pub stored_bytes: u32,
    /// Bytes of payload that `digest` covers.
    pub head_bytes: u32,
    /// Bytes of what the payload stands for.
    pub raw_bytes: u32,
    /// The object.
    pub id: Id,
    /// The base's id; zero at depth 0.
    pub base: Id,
    /// H(head of the payload).
    pub digest: Digest,
}

impl EntryHeader {
    /// Reads a header that should stand at `place`.
    pub fn parse(bytes: &[u8; LEN], repository: &RepositoryId, place: Place) -> Result<EntryHeader, What> {
        let (segment, offset) = (place.segment.0.to_le_bytes(), place.offset.to_le_bytes());
        let mut fields = unseal(bytes, &MAGIC, &[&repository.0, &segment, &offset])?;
        let kind = Kind::from_codes(fields.u8()?, fields.u8()?, fields.u8()?)?;
        let (depth, stored_bytes, head_bytes, raw_bytes) = (fields.u8()?, fields.u32()?, fields.u32()?, fields.u32()?);
        fields.zeros(4)?;
        let (id, base, digest) = (Id(fields.array()?), Id(fields.array()?), Digest(fields.array()?));
        fields.zeros(4)?;
        let header = EntryHeader { kind, depth, stored_bytes, head_bytes, raw_bytes, id, base, digest };
        if header.agrees() { Ok(header) } else { Err(What::Field) }
    }

    fn agrees(&self) -> bool {
        let lengths = match self.kind {
            Kind::Block { delta } => self.head_bytes <= self.stored_bytes && delta == (self.depth > 0),
            Kind::Page { delta, .. } => self.head_bytes == self.stored_bytes && delta == (self.depth > 0),
            _ => self.head_bytes == self.stored_bytes && self.raw_bytes == self.stored_bytes && self.depth == 0,
        };
        let nameless = matches!(self.kind, Kind::Footer | Kind::Pad);
        lengths
            && self.stored_bytes <= STORED_BYTES_MAX
            && self.depth <= if matches!(self.kind, Kind::Block { .. }) { BLOCK_DEPTH_MAX } else { PAGE_DEPTH_MAX }
            && self.base.is_zero() == (self.depth == 0)
            && self.id.is_zero() == nameless
    }

    /// Writes the header for `place`.
    pub fn emit(&self, to: &mut [u8; LEN], repository: &RepositoryId, place: Place) {
        let (kind, tree, encoding) = self.kind.codes();
        let mut fields = Writer::new(to);
        fields.bytes(&MAGIC).u8(kind).u8(tree).u8(encoding).u8(self.depth);
        fields.u32(self.stored_bytes).u32(self.head_bytes).u32(self.raw_bytes).u32(0);
        fields.bytes(&self.id.0).bytes(&self.base.0).bytes(&self.digest.0).u32(0);
        seal(to, &[&repository.0, &place.segment.0.to_le_bytes(), &place.offset.to_le_bytes()]);
    }

    /// The line of this entry at `offset`.
    pub fn line(&self, offset: u32) -> Line {
        Line {
            offset,
            kind: self.kind,
            depth: self.depth,
            stored_bytes: self.stored_bytes,
            raw_bytes: self.raw_bytes,
            id: self.id,
        }
    }

    /// Bytes from this header to the next entry.
    pub fn total_bytes(&self, parameters: &Parameters) -> u64 {
        total_bytes(parameters, self.stored_bytes)
    }
}

/// Bytes an entry with this payload takes.
pub fn total_bytes(parameters: &Parameters, stored_bytes: u32) -> u64 {
    parameters.align(u64::from(stored_bytes).saturating_add(LEN as u64))
}

/// What a footer says of an entry; made from its header and offset alone.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Line {
    /// Where its header lies.
    pub offset: u32,
    /// What it holds.
    pub kind: Kind,
    /// Bases below it.
    pub depth: u8,
    /// Bytes of payload.
    pub stored_bytes: u32,
    /// Bytes of what the payload stands for.
    pub raw_bytes: u32,
    /// The object.
    pub id: Id,
}

impl Line {
    /// Reads a line.
    pub fn parse(bytes: &[u8; LINE_LEN]) -> Result<Line, What> {
        let mut fields = Reader(bytes);
        let offset = fields.u32()?;
        let kind = Kind::from_codes(fields.u8()?, fields.u8()?, fields.u8()?)?;
        let line = Line {
            offset,
            kind,
            depth: fields.u8()?,
            stored_bytes: fields.u32()?,
            raw_bytes: fields.u32()?,
            id: Id(fields.array()?),
        };
        match line.stored_bytes <= STORED_BYTES_MAX {
            true => Ok(line),
            false => Err(What::Length),
        }
    }

    /// The line's bytes.
    pub fn bytes(&self) -> [u8; LINE_LEN] {
        let mut bytes = [0; LINE_LEN];
        let (kind, tree, encoding) = self.kind.codes();
        let mut fields = Writer::new(&mut bytes);
        fields.u32(self.offset).u8(kind).u8(tree).u8(encoding).u8(self.depth);
        fields.u32(self.stored_bytes).u32(self.raw_bytes).bytes(&self.id.0);
        bytes
    }

    /// Where the next entry lies.
    pub fn end(&self, parameters: &Parameters) -> u64 {
        total_bytes(parameters, self.stored_bytes).saturating_add(self.offset.into())
    }
}
