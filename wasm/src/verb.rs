//! The verb under way, whichever it is: the core's tasks, behind one face.

use sarsen_core::error::Error;
use sarsen_core::frame::Work;
use sarsen_core::ops::check::{self, Check};
use sarsen_core::ops::diff::{self, Differences};
use sarsen_core::ops::restore::{self, Restore};
use sarsen_core::ops::usage::{self, Usage};
use sarsen_core::store::Store;
use sarsen_core::task::{Event, Job, Next, Outcome, Task};

/// A verb under way.
#[allow(clippy::large_enum_variant)] // one lives at a time
pub enum Verb {
    /// A check or scrub.
    Check(Check<'static>),
    /// A version becomes bytes.
    Restore(Restore<'static>),
    /// A version and a file are compared.
    Compare(Differences<'static>),
    /// What is in use is counted.
    Usage(Usage<'static>),
}

/// How it ended.
pub enum Ended {
    /// See [`Verb::Check`].
    Check(check::Report),
    /// See [`Verb::Restore`].
    Restore(restore::Report),
    /// See [`Verb::Compare`].
    Compare(diff::Report),
    /// See [`Verb::Usage`].
    Usage(usage::Report),
}

fn with<R>(next: Next<R>, ended: impl FnOnce(R) -> Ended) -> Next<Ended> {
    match next {
        Next::Done(report) => Next::Done(ended(report)),
        Next::Job(job) => Next::Job(job),
        Next::Say(event) => Next::Say(event),
        Next::Wait => Next::Wait,
        Next::Step => Next::Step,
    }
}

impl Task for Verb {
    type Report = Ended;

    fn next(&mut self, store: &mut Store<'_>) -> Result<Next<Ended>, Error> {
        Ok(match self {
            Verb::Check(task) => with(task.next(store)?, Ended::Check),
            Verb::Restore(task) => with(task.next(store)?, Ended::Restore),
            Verb::Compare(task) => with(task.next(store)?, Ended::Compare),
            Verb::Usage(task) => with(task.next(store)?, Ended::Usage),
        })
    }

    fn accept(
        &mut self,
        store: &mut Store<'_>,
        job: &Job,
        outcome: Result<Outcome, Error>,
        work: &mut Work<'_>,
    ) -> Result<Option<Event>, Error> {
        match self {
            Verb::Check(task) => task.accept(store, job, outcome, work),
            Verb::Restore(task) => task.accept(store, job, outcome, work),
            Verb::Compare(task) => task.accept(store, job, outcome, work),
            Verb::Usage(task) => task.accept(store, job, outcome, work),
        }
    }
}
