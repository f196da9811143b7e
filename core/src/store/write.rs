//! Transactions: a session begun behind its fence, entries and rows of tables, commit.

use crate::digest::digest;
use crate::error::{Error, Memory as Lent, Refusal, Trouble};
use crate::format::bytes::{Writer, copy};
use crate::format::commit::{self, Commit, Root};
use crate::format::entry::{EntryHeader, Kind, LEN, TreeKind, total_bytes};
use crate::format::header::{Parameters, SEGMENT_BYTES_MAX};
use crate::format::page::{HEAD_LEN, ROW_LEN_MAX};
use crate::format::record::record_id;
use crate::format::row::SegmentRow;
use crate::log::{self, Head};
use crate::session::{NewCommit, Session, plain_header};
use crate::store::Store;
use crate::tree::Cursor;
use crate::types::{Link, Place, SegmentNumber, low32, wide};

/// What a session is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Purpose {
    /// Adds: the reserve must be there first.
    Ordinary,
    /// Removes versions or notes damage: may use a part of the reserve.
    Maintenance,
    /// Gives space back: may use all of the reserve.
    Reclaim,
}

/// Changes rows of a table: its cursor, the store that keeps its pages, the cursor's memory.
pub type Change<'c, 'm> = dyn FnMut(&mut Cursor, &mut Store<'m>, &mut [u8]) -> Result<(), Error> + 'c;

/// Rows that may wait. Half of them do before they are settled; the others are for segments that a single change of a table fills.
pub(super) const PENDING_ROWS: usize = 8;

impl<'m> Store<'m> {
    /// Begins a session, if none is under way: creates its first segment, and only then reads which commit is the newest.
    pub fn begin(&mut self, purpose: Purpose) -> Result<(), Error> {
        if self.session.as_ref().is_some_and(Session::is_poisoned) {
            return Err(Refusal::Poisoned.into());
        }
        if self.session.is_none() {
            self.create_session(purpose)?;
        }
        match self.fenced {
            true => Ok(()),
            false => self.read_behind_fence(),
        }
    }

    #[inline(never)] // what it has in hand is not there while the newest commit is looked for
    pub(super) fn create_session(&mut self, purpose: Purpose) -> Result<(), Error> {
        self.check_writable()?;
        let writer = self.medium.writer().ok_or(Error::Refused(Refusal::ReadOnly))?;
        let held = match purpose {
            Purpose::Ordinary => reserve_bytes(&self.head.parameters),
            Purpose::Maintenance => reclaim_bytes(&self.head.parameters),
            Purpose::Reclaim => 0,
        };
        writer.hold(held).map_err(Error::listing)?;
        let highest = self.medium.previous(None).map_err(Error::listing)?.unwrap_or(SegmentNumber(0));
        let first = highest.max(self.head.commit.highest).next().ok_or(Error::Refused(Refusal::TableFull))?;
        self.session = Some(Session::create(writer, self.source(), first)?);
        self.save = |store, page| store.save_page(page);
        self.fenced = false;
        Ok(())
    }

    /// Only now that nobody else can begin: whether the newest commit is still the one that was opened.
    #[inline(never)] // it has a second head in hand
    pub(super) fn read_behind_fence(&mut self) -> Result<(), Error> {
        let opened = log::open(self.medium, self.chunk, self.buffer);
        let head = opened.as_ref().map_err(|error| *error)?;
        if head.id != self.head.id {
            self.session = None;
            return Err(Refusal::Fenced.into());
        }
        self.head = *head;
        let session = self.session.as_mut().ok_or(Error::Refused(Refusal::ReadOnly))?;
        session.write_header(self.buffer)?;
        self.fenced = true;
        self.pending_rows.fill(None);
        self.add_row(head.commit.segment, previous_row(head))
    }

    pub(super) fn session(&mut self) -> Result<&mut Session<'m>, Error> {
        self.session.as_mut().ok_or(Error::Refused(Refusal::ReadOnly))
    }

    pub(super) fn add_row(&mut self, segment: SegmentNumber, row: SegmentRow) -> Result<(), Error> {
        let free = self.pending_rows.iter_mut().find(|row| row.is_none());
        *free.ok_or(Error::Memory { memory: Lent::Live, needed: PENDING_ROWS as u64 })? = Some((segment, row));
        Ok(())
    }

    /// Makes sure that an entry of `total` bytes fits the open segment; otherwise seals it and goes on in the next.
    pub fn room(&mut self, total: u64) -> Result<(), Error> {
        let history = self.head.parameters.history;
        if self.session()?.fits(total, history) {
            return Ok(());
        }
        let session = self.session.as_mut().ok_or(Error::Refused(Refusal::ReadOnly))?;
        let (left, row) = session.advance(self.chunk, self.buffer)?;
        self.add_row(left, row)?;
        match self.session()?.fits(total, history) {
            true => Ok(()),
            false => Err(Refusal::Parameter.into()),
        }
    }

    /// Appends an entry that [`Store::room`] was made for.
    pub fn append(&mut self, entry: &mut [u8], header: &EntryHeader) -> Result<Place, Error> {
        self.session()?.append(entry, header)
    }

    /// Stores an object that is found by its id. `entry` holds 128 bytes for the header, the payload, and room for the padding.
    pub fn put(&mut self, entry: &mut [u8], header: &EntryHeader) -> Result<Place, Error> {
        self.settle_if_many()?;
        self.room(header.total_bytes(&self.head.parameters))?;
        let place = self.append(entry, header)?;
        self.index.insert(&header.id, place)?;
        Ok(place)
    }

    /// Stores a record; which it is and where it lies. `payload` is asked twice, once for its length.
    pub fn put_record(&mut self, payload: &dyn Fn(&mut [u8]) -> Result<usize, Error>) -> Result<Link, Error> {
        let parameters = self.head.parameters;
        self.settle_if_many()?;
        let stored = payload(self.buffer.get_mut(LEN..).unwrap_or(&mut []))?;
        self.room(total_bytes(&parameters, low32(wide(stored))))?;
        self.with_buffer(|store, buffer| {
            let stored = payload(buffer.get_mut(LEN..).unwrap_or(&mut []))?;
            let bytes = buffer.get(LEN..LEN.saturating_add(stored)).unwrap_or(&[]);
            let id = record_id(parameters.algorithm, bytes);
            let header = plain_header(Kind::Record, id, digest(parameters.algorithm, bytes), low32(wide(stored)));
            Ok(Link { id, place: store.append(buffer, &header)? })
        })
    }

    /// Sets a row of a table; the table's new root is true with the next commit.
    pub fn set_row(&mut self, tree: TreeKind, key: u64, row: &[u8]) -> Result<(), Error> {
        let root = self.root(tree);
        let new = self
            .edit(tree, root.rows.max(key.saturating_add(1)), &mut |cursor, store, memory| cursor.set(key, row, store, memory))?;
        *self.root_mut(tree) = new;
        Ok(())
    }

    /// Changes rows of a table that is to have `rows` rows. It has a cursor in hand, which must not lie under what the caller does besides.
    #[inline(never)]
    pub fn edit(&mut self, tree: TreeKind, rows: u64, change: &mut Change<'_, 'm>) -> Result<Root, Error> {
        let root = self.root(tree);
        let fan_out_log2 = self.head.parameters.fan_out_log2;
        let memory = core::mem::take(&mut self.pages);
        let mut cursor = Cursor::over(tree, fan_out_log2, root);
        let mut run = || {
            cursor.resize(rows, self, memory)?;
            change(&mut cursor, self, memory)?;
            cursor.finish(self, memory)
        };
        let result = run();
        self.pages = memory;
        if let Ok(root) = result {
            *self.root_mut(tree) = root;
        }
        result
    }

    /// The root of a table, with what was changed since the last commit.
    pub fn root(&self, tree: TreeKind) -> Root {
        match tree {
            TreeKind::Catalogue => self.catalogue,
            TreeKind::Damage => self.damage,
            _ => self.segments,
        }
    }

    pub(super) fn root_mut(&mut self, tree: TreeKind) -> &mut Root {
        match tree {
            TreeKind::Catalogue => &mut self.catalogue,
            TreeKind::Damage => &mut self.damage,
            _ => &mut self.segments,
        }
    }

    /// Puts the rows of sealed segments into the table once a few of them wait: each change of the table stores its pages anew.
    pub fn settle_if_many(&mut self) -> Result<(), Error> {
        match self.pending_rows.iter().flatten().count() < PENDING_ROWS / 2 {
            true => Ok(()),
            false => self.settle(),
        }
    }

    /// Puts the rows of sealed segments into the table.
    pub fn settle(&mut self) -> Result<(), Error> {
        while self.pending_rows.iter().any(Option::is_some) {
            self.settle_with(&mut |_, _, _| Ok(()))?;
        }
        Ok(())
    }

    /// Rows that wait of segments that are going to be removed need not be put into the table at all.
    pub fn forget_rows(&mut self, gone: impl Fn(SegmentNumber) -> bool) {
        for row in &mut self.pending_rows {
            *row = row.filter(|(segment, _)| !gone(*segment));
        }
    }

    /// Changes rows of the segment table, and puts those of sealed segments into it at once. Segments sealed meanwhile wait.
    pub fn settle_with(&mut self, change: &mut Change<'_, 'm>) -> Result<(), Error> {
        let highest = self.pending_rows.iter().flatten().map(|(segment, _)| u64::from(segment.0).saturating_add(1)).max();
        let rows = self.segments.rows.max(highest.unwrap_or(0));
        self.edit(TreeKind::Segments, rows, &mut |cursor, store, memory| {
            change(cursor, store, memory)?;
            store.set_pending(cursor, rows, memory)
        })?;
        for row in &mut self.pending_rows {
            *row = row.filter(|(segment, _)| u64::from(segment.0) >= rows);
        }
        Ok(())
    }

    pub(super) fn set_pending(&mut self, cursor: &mut Cursor, rows: u64, memory: &mut [u8]) -> Result<(), Error> {
        for at in 0..PENDING_ROWS {
            let row = self.pending_rows.get(at).copied().flatten();
            if let Some((segment, row)) = row.filter(|(segment, _)| u64::from(segment.0) < rows) {
                cursor.set(segment.0.into(), &row.bytes(), self, memory)?;
            }
        }
        Ok(())
    }

    /// Reads what a change of the catalogue and a commit are going to read, so that a medium that answers "pending" does so before anything is
    /// appended, and not in between.
    pub fn warm(&mut self) -> Result<(), Error> {
        for tree in [TreeKind::Catalogue, TreeKind::Segments] {
            self.warm_table(tree, self.root(tree).rows.saturating_sub(1))?;
        }
        self.history().map(|_| ())
    }

    /// Reads a table from a row on, so that a change of those rows need not wait for any.
    pub fn warm_table(&mut self, tree: TreeKind, from: u64) -> Result<(), Error> {
        let root = self.root(tree);
        let mut cursor = Cursor::over(tree, self.head.parameters.fan_out_log2, root);
        let memory = core::mem::take(&mut self.pages);
        let read = (from..root.rows).try_for_each(|row| cursor.get(row, self, memory).map(|_| ()));
        self.pages = memory;
        read
    }

    /// Makes everything written since the last commit true.
    pub fn commit(&mut self) -> Result<(), Error> {
        loop {
            self.settle()?;
            // `fits` leaves room for a commit behind what it is asked for, so nothing more is asked for.
            self.room(0)?;
            if self.pending_rows.iter().all(Option::is_none) {
                break;
            }
        }
        self.put_commit()
    }

    #[inline(never)] // a commit is not there while tables are settled
    fn put_commit(&mut self) -> Result<(), Error> {
        let new = NewCommit {
            sequence: self.head.commit.sequence.saturating_add(1),
            time: self.host.now(),
            previous: self.head.id,
            roots: [self.segments, self.catalogue, self.damage],
            history: &[],
        };
        let rows = self.history()?;
        let chunk = &*self.chunk;
        let new = NewCommit { history: chunk.get(..rows).unwrap_or(&[]), ..new };
        let session = self.session.as_mut().ok_or(Error::Refused(Refusal::ReadOnly))?;
        let (commit, id) = session.commit(&new, self.buffer)?;
        session.pin(commit.sequence, id, 0)?;
        self.head.commit = commit;
        self.head.id = id;
        self.head.footer = None;
        Ok(())
    }

    /// Lays the rows of history for the next commit into the chunk; their length in bytes.
    pub(super) fn history(&mut self) -> Result<usize, Error> {
        let wanted = usize::from(self.head.parameters.history);
        if wanted == 0 || self.head.commit.sequence == 0 {
            return Ok(0);
        }
        let older = usize::from(self.head.commit.history).min(wanted.saturating_sub(1));
        let len = older.saturating_add(1).saturating_mul(commit::HISTORY_LEN);
        let source = self.source();
        let head = self.head;
        let (chunk, needed) = (&mut *self.chunk, Error::Memory { memory: Lent::Buffer, needed: wide(len) });
        let (newest, rest) = chunk.get_mut(..len).ok_or(needed)?.split_at_mut_checked(commit::HISTORY_LEN).ok_or(needed)?;
        Writer::new(newest).u64(head.commit.sequence).bytes(&head.id.0);
        for offset in [u64::from(head.commit.len_bytes), head.commit.second_copy(&head.parameters)] {
            let place = Place::new(head.commit.segment, low32(offset));
            let entry = match source.entry(place, SEGMENT_BYTES_MAX.into()) {
                Ok(entry) => entry,
                Err(error) if error.is_damage() => continue,
                Err(error) => return Err(error),
            };
            match source.payload(place, &entry, self.buffer) {
                Ok(payload) => {
                    let old = payload.get(commit::FIXED_LEN..).and_then(|old| old.get(..rest.len()));
                    if old.is_some_and(|old| copy(rest, old).is_ok()) {
                        return Ok(len);
                    }
                }
                Err(error) if error.is_damage() => {}
                Err(error) => return Err(error),
            }
        }
        Ok(commit::HISTORY_LEN)
    }

    /// Ends the session: seals its segment if all of it was committed, and pins that. What was not committed is forgotten.
    pub fn close(&mut self) -> Result<(), Error> {
        let Some(mut session) = self.session.take() else { return Ok(()) };
        if session.is_poisoned() || !session.is_committed() {
            return Ok(());
        }
        let file_bytes = match session.finish(self.chunk, self.buffer) {
            // What was committed is true: with no space for a footer the segment stays unsealed, as it does when power goes.
            Err(Error::Medium { trouble: Trouble::Full, .. }) => return Ok(()),
            file_bytes => file_bytes?,
        };
        session.pin(self.head.commit.sequence, self.head.id, file_bytes)?;
        self.head.file_bytes = file_bytes.into();
        Ok(())
    }

    /// Holds space back for maintenance again, as far as there is any.
    pub fn hold_reserve(&self) -> Result<(), Error> {
        let Some(writer) = self.medium.writer() else { return Ok(()) };
        match writer.hold(reserve_bytes(&self.head.parameters)) {
            Ok(()) | Err(Trouble::Full) => Ok(()),
            Err(trouble) => Err(Error::listing(trouble)),
        }
    }

    /// Removes a segment that no commit needs; one that is gone already is as good.
    pub fn remove_segment(&self, segment: SegmentNumber) -> Result<(), Error> {
        let writer = self.medium.writer().ok_or(Error::Refused(Refusal::ReadOnly))?;
        match writer.remove(segment) {
            Ok(()) | Err(Trouble::Gone) => Ok(()),
            Err(trouble) => Err(Error::segment(segment)(trouble)),
        }
    }

    /// The segment that is being written, if any.
    pub fn open_segment(&self) -> Option<SegmentNumber> {
        self.session.as_ref().map(Session::segment)
    }
}

/// Space that only rm, gc, compact and damage marks may use: what gc and compact need, and some more for rm.
pub fn reserve_bytes(parameters: &Parameters) -> u64 {
    reclaim_bytes(parameters).saturating_add(u64::from(parameters.segment_bytes) / 2).saturating_add(pages_bytes(parameters))
}

/// Space that rm leaves to gc and compact, which alone give any back: enough to fold some blocks, to copy what lives in the fullest segment that is
/// compacted, and for what a commit stores of the tables.
fn reclaim_bytes(parameters: &Parameters) -> u64 {
    let segment = u64::from(parameters.segment_bytes);
    segment.saturating_add(segment / 2).saturating_add(pages_bytes(parameters))
}

/// Pages that a commit of gc, compact or rm stores: leaves and what lies above them.
const PAGES: u64 = 8;

fn pages_bytes(parameters: &Parameters) -> u64 {
    let page = HEAD_LEN.saturating_add(ROW_LEN_MAX.saturating_mul(1usize << parameters.fan_out_log2.min(8)));
    total_bytes(parameters, low32(wide(page))).saturating_mul(PAGES)
}

/// The row that the newest commit's segment gets when the next session begins.
///
/// What was synced before the commit was written lasts; the commit's copies and the footer last if the pin, written after they were synced, says so.
/// That they can be read now means nothing: they may lie in a cache, or be cells that read differently tomorrow.
fn previous_row(head: &Head) -> SegmentRow {
    match head.good_footer().filter(|_| head.pinned_bytes().is_some()) {
        Some(footer) => SegmentRow { len_bytes: footer.offset, footer: true, live_bytes: footer.offset, digest: footer.digest },
        None => {
            let Commit { len_bytes, digest, .. } = head.commit;
            SegmentRow { len_bytes, footer: false, live_bytes: len_bytes, digest }
        }
    }
}
