//! usage: counts what of each segment is in use, by the marking of gc. Reads only.

use crate::error::Error;
use crate::host::Slots;
use crate::ops::gc::{Live, Marking};
use crate::store::Store;
use crate::task::{Next, Task};

/// What was counted.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Report {
    /// Segments there are.
    pub segments: u64,
    /// Bytes of true prefixes.
    pub bytes: u64,
    /// Bytes of them in use.
    pub live_bytes: u64,
    /// Whether all that is in use was found. If not, what is lost was not counted, nor what only that leads to.
    pub complete: bool,
}

/// A count under way.
pub struct Usage<'m> {
    marking: Marking<'m>,
}

impl<'m> Usage<'m> {
    /// Prepares it. `pages` is memory for a path through the largest manifest or table.
    pub fn new(store: &Store<'_>, lives: &'m mut dyn Slots<Live>, pages: &'m mut [u8]) -> Usage<'m> {
        Usage { marking: Marking::reading(store, lives, pages) }
    }

    /// The segments that were met so far, in order. What lives in them is known once the task is done.
    pub fn segments(&self) -> &[Live] {
        self.marking.lives.all()
    }
}

impl Task for Usage<'_> {
    type Report = Report;

    fn next(&mut self, store: &mut Store<'_>) -> Result<Next<Report>, Error> {
        store.go_on(0, 0)?;
        if !self.marking.is_done() {
            return Ok(self.marking.step(store)?.map_or(Next::Step, Next::Say));
        }
        let found = self.marking.report;
        let is_certain = !store.is_rebuilt() && !store.is_derived() && store.head().behind.is_none();
        Ok(Next::Done(Report {
            segments: found.segments,
            bytes: found.bytes,
            live_bytes: found.live_bytes,
            complete: is_certain && !self.marking.is_lost(),
        }))
    }
}
