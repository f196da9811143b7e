//! What a backup builds on: nothing, a version, or a draft that an earlier one left.

use crate::error::{Error, Refusal};
use crate::format::header::Parameters;
use crate::format::record::Record;
use crate::manifest;
use crate::types::Id;

/// What to build on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Start {
    /// The version it is based on; zero if none.
    pub base: Id,
    /// Bytes of the base's disk.
    pub disk_size: u64,
    /// Top page of the manifest to begin with: the base's, or a checkpoint's.
    pub top: Id,
    /// The catalogue key of the draft that is continued.
    pub draft: Option<u64>,
    /// Bytes from the start that need not be read again, because the source is the same immutable snapshot.
    pub position: u64,
}

impl Start {
    /// From nothing.
    pub const EMPTY: Start = Start { base: Id::ZERO, disk_size: 0, top: Id::ZERO, draft: None, position: 0 };

    /// On this version. `None` if its manifest is not the one its root names, so that it was forged or damaged: better to read and name all anew.
    pub fn on(version: Id, record: &Record<'_>, parameters: &Parameters) -> Option<Start> {
        let is_right = manifest::root_id(parameters, record.disk_size, record.top) == record.root;
        is_right.then_some(Start { base: version, disk_size: record.disk_size, top: record.top, ..Start::EMPTY })
    }

    /// Where this draft, `key` in the catalogue, came to, for a backup of `source` under the name `snapshot`. Reading is saved only where both are
    /// the draft's: two moments are never joined into one version.
    ///
    /// # Errors
    /// [`Refusal::OtherSource`] if the snapshot's name is the draft's and the source is not.
    pub fn where_left(key: Option<u64>, draft: &Record<'_>, snapshot: &str, source: &str) -> Result<Start, Error> {
        let same_snapshot = !snapshot.is_empty() && snapshot == draft.snapshot;
        if same_snapshot && source != draft.source {
            return Err(Refusal::OtherSource.into());
        }
        let position = if same_snapshot { draft.position } else { 0 };
        Ok(Start { base: draft.base, disk_size: draft.disk_size, top: draft.draft_top, draft: key, position })
    }
}
