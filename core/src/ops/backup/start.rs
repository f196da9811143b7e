//! What a backup builds on: nothing, a version, or a draft that an earlier one left.

use crate::catalogue::{Entry, with_record};
use crate::error::{Error, Refusal};
use crate::format::record::Record;
use crate::manifest;
use crate::store::Store;
use crate::types::{Id, Link};

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

    /// On the version of this record. `None` if its manifest is not the one its root names, so that it was forged or damaged: better to read and name
    /// all anew.
    pub fn on(record: &Link, store: &mut Store<'_>) -> Result<Option<Start>, Error> {
        let parameters = *store.parameters();
        with_record(store, record, |base, Record { disk_size, top, root, .. }| {
            let is_right = manifest::root_id(&parameters, *disk_size, *top) == *root;
            is_right.then_some(Start { base, disk_size: *disk_size, top: *top, ..Start::EMPTY })
        })
    }

    /// Where this draft came to, for a backup of `source` under the name `snapshot`. Reading is saved only where both are the draft's: two moments are
    /// never joined into one version.
    ///
    /// # Errors
    /// [`Refusal::OtherSource`] if the snapshot's name is the draft's and the source is not.
    pub fn where_left(draft: &Entry, snapshot: &str, source: &str, store: &mut Store<'_>) -> Result<Start, Error> {
        with_record(store, &draft.link, |_, record| {
            let same_snapshot = !snapshot.is_empty() && snapshot == record.snapshot;
            if same_snapshot && source != record.source {
                return Err(Refusal::OtherSource.into());
            }
            let position = if same_snapshot { record.position } else { 0 };
            Ok(Start { base: record.base, disk_size: record.disk_size, top: record.draft_top, draft: draft.key, position })
        })?
    }
}
