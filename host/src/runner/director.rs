//! The director: hands out jobs, and gives their outcomes to the task in the order in which the jobs went out, in whatever order they come back.
//!
//! It knows no threads. Whoever drives it may do tickets one by one, on many threads, or in an order of its own choice.

use super::bench::Bench;
use super::patience::patiently;
use sarsen_core::error::Error;
use sarsen_core::store::Store;
use sarsen_core::task::{Event, Hands, Job, Next, Outcome, Task, perform};
use std::collections::BTreeMap;

/// A job to do, with all that is needed to do it.
#[derive(Debug)]
pub struct Ticket {
    number: u64,
    job: Job,
    bench: Bench,
}

impl Ticket {
    /// Does the job; waits for a pending medium as long as `go_on` says so.
    pub fn perform(mut self, hands: &Hands<'_>, go_on: impl Fn() -> bool) -> Finished {
        let outcome = patiently(go_on, || perform(&self.job, hands, &mut self.bench.work()));
        Finished { ticket: self, outcome }
    }
}

/// A job that was done.
#[derive(Debug)]
pub struct Finished {
    ticket: Ticket,
    outcome: Result<Outcome, Error>,
}

/// What is to be done now.
#[derive(Debug)]
#[allow(clippy::large_enum_variant)] // made once a job and taken apart at once
pub enum Turn<R> {
    /// This job, by anyone.
    Ticket(Ticket),
    /// Nothing before a job has come back.
    Wait,
    /// Nothing any more.
    Done(R),
}

/// The side of a run that owns task and store.
pub struct Director<'r, 'm, T: Task> {
    task: &'r mut T,
    store: &'r mut Store<'m>,
    say: &'r mut dyn FnMut(&Store<'_>, Event),
    /// Benches nobody works at.
    idle: Vec<Bench>,
    /// So many more may be made: a short run needs only one.
    unmade: usize,
    /// The number of the next ticket.
    next: u64,
    /// The number of the ticket whose outcome the task wants.
    wanted: u64,
    /// Outcomes that came back before an older one.
    early: BTreeMap<u64, Finished>,
}

impl<'r, 'm, T: Task> Director<'r, 'm, T> {
    /// Begins a run with at most so many benches: so many tickets, at least one, can be out at once.
    pub fn new(
        task: &'r mut T,
        store: &'r mut Store<'m>,
        say: &'r mut dyn FnMut(&Store<'_>, Event),
        benches_max: usize,
    ) -> Director<'r, 'm, T> {
        Director { task, store, say, idle: Vec::new(), unmade: benches_max.max(1), next: 0, wanted: 0, early: BTreeMap::new() }
    }

    /// What is to be done now. Call it again after every answer.
    pub fn hand_out(&mut self) -> Result<Turn<T::Report>, Error> {
        while let Some(bench) = self.bench()? {
            match patiently(|| true, || self.task.next(self.store))? {
                Next::Job(job) => return Ok(Turn::Ticket(self.ticket(job, bench))),
                Next::Done(report) => return Ok(Turn::Done(report)),
                Next::Wait => {
                    self.idle.push(bench);
                    assert!(self.next > self.wanted, "a task waits for outcomes when none are due");
                    return Ok(Turn::Wait);
                }
                Next::Say(event) => (self.say)(self.store, event),
                Next::Step => (),
            }
            self.idle.push(bench);
        }
        Ok(Turn::Wait)
    }

    fn bench(&mut self) -> Result<Option<Bench>, Error> {
        if self.idle.is_empty() && self.unmade > 0 {
            self.unmade -= 1;
            return Bench::new(self.store.parameters()).map(Some);
        }
        Ok(self.idle.pop())
    }

    fn ticket(&mut self, job: Job, bench: Bench) -> Ticket {
        let number = self.next;
        self.next += 1;
        Ticket { number, job, bench }
    }

    /// Takes a job that was done, and gives the task every outcome that is now in order.
    pub fn take_back(&mut self, finished: Finished) -> Result<(), Error> {
        self.early.insert(finished.ticket.number, finished);
        while let Some(Finished { mut ticket, outcome }) = self.early.remove(&self.wanted) {
            let accept = || self.task.accept(self.store, &ticket.job, outcome, &mut ticket.bench.work());
            let event = patiently(|| true, accept)?;
            self.idle.push(ticket.bench);
            self.wanted += 1;
            event.into_iter().for_each(|event| (self.say)(self.store, event));
        }
        Ok(())
    }
}
