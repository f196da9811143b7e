//! Runs a verb: one director, who owns task and store, and any number of worker threads, who do its jobs.
//!
//! What may run at once: workers read medium and disk and work in a [`Bench`] of their own, while the director, on the calling thread, hands out jobs,
//! appends and commits. Outcomes reach the task in the order of their jobs, whoever was first, so that what is written does not depend on the threads.
//! Memory is bounded by the number of benches, a few more than there are workers, and fewer where blocks are so large that they would take too much.
//!
//! A panic on any thread ends the run and goes on at the caller; nobody is left waiting.

mod bench;
mod director;
mod patience;

pub use bench::Bench;
pub use director::{Director, Finished, Ticket, Turn};

use crate::mutex::locked;
use sarsen_core::disk::Disk;
use sarsen_core::error::Error;
use sarsen_core::format::header::Parameters;
use sarsen_core::medium::Medium;
use sarsen_core::store::Store;
use sarsen_core::task::{Event, Hands, Task};
use std::any::Any;
use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

/// Benches beyond one a worker: so many outcomes may wait for an older one before a worker has to.
const SPARE_BENCHES: usize = 2;

/// All benches together take at most about so much, however many cores there are; but two there always are, to work at one and write from the other.
const BENCHES_BYTES_MAX: usize = 160 << 20;

/// How many benches a run may have.
fn benches_max(parameters: &Parameters, threads: NonZeroUsize) -> usize {
    (BENCHES_BYTES_MAX / Bench::bytes(parameters)).max(2).min(threads.get() + SPARE_BENCHES)
}

/// What all workers read.
#[derive(Clone, Copy)]
pub struct Shared<'a> {
    /// The repository's medium, the same as the store's.
    pub medium: &'a (dyn Medium + Sync),
    /// The disk that is backed up, if any.
    pub disk: Option<&'a (dyn Disk + Sync)>,
}

impl<'a> Shared<'a> {
    /// What one worker works with.
    pub fn hands(self, parameters: Parameters) -> Hands<'a> {
        Hands { medium: self.medium, parameters, disk: self.disk.map(|disk| disk as &dyn Disk) }
    }
}

/// A worker's answer, or what it panicked with.
type Answer = Result<Finished, Box<dyn Any + Send>>;

/// Runs a task to its end with `threads` workers beside the calling thread. `say` hears what happens, in order.
pub fn run<T: Task>(
    task: &mut T,
    store: &mut Store<'_>,
    shared: Shared<'_>,
    threads: NonZeroUsize,
    say: &mut dyn FnMut(&Store<'_>, Event),
) -> Result<T::Report, Error> {
    let parameters = *store.parameters();
    let director = Director::new(task, store, say, benches_max(&parameters, threads));
    let stop = AtomicBool::new(false);
    let (ticket_sender, tickets) = channel();
    let (answer_sender, answers) = channel();
    let tickets = Mutex::new(tickets);
    thread::scope(|scope| {
        let _stopper = Stopper(&stop);
        let worker = |answers: Sender<Answer>| {
            let (tickets, stop) = (&tickets, &stop);
            move || attend(&shared.hands(parameters), tickets, &answers, stop)
        };
        let hire = |_| thread::Builder::new().spawn_scoped(scope, worker(answer_sender.clone())).ok();
        let workers = (0..threads.get()).map_while(hire).count();
        // Now only workers can answer, so that waiting for an answer ends when the last of them does.
        drop(answer_sender);
        if workers == 0 { direct_alone(director, &shared.hands(parameters)) } else { direct(director, ticket_sender, answers) }
    })
}

/// Runs a task to its end on the calling thread alone.
pub fn run_inline<T: Task>(
    task: &mut T,
    store: &mut Store<'_>,
    shared: Shared<'_>,
    say: &mut dyn FnMut(&Store<'_>, Event),
) -> Result<T::Report, Error> {
    let hands = shared.hands(*store.parameters());
    direct_alone(Director::new(task, store, say, 1), &hands)
}

/// The director's side: keeps workers busy, and takes their answers as they come. Leaving drops the tickets' sender, which sends the workers home.
fn direct<T: Task>(
    mut director: Director<'_, '_, T>,
    tickets: Sender<Ticket>,
    answers: Receiver<Answer>,
) -> Result<T::Report, Error> {
    loop {
        for answer in answers.try_iter() {
            director.take_back(unwrap_answer(answer))?;
        }
        match director.hand_out()? {
            Turn::Ticket(ticket) => tickets.send(ticket).expect("workers stay as long as there may be tickets"),
            Turn::Wait => director.take_back(unwrap_answer(answers.recv().expect("a worker answers every ticket")))?,
            Turn::Done(report) => return Ok(report),
        }
    }
}

fn direct_alone<T: Task>(mut director: Director<'_, '_, T>, hands: &Hands<'_>) -> Result<T::Report, Error> {
    loop {
        match director.hand_out()? {
            Turn::Ticket(ticket) => director.take_back(ticket.perform(hands, || true))?,
            Turn::Wait => (),
            Turn::Done(report) => return Ok(report),
        }
    }
}

fn unwrap_answer(answer: Answer) -> Finished {
    answer.unwrap_or_else(|panic| resume_unwind(panic))
}

/// The worker's side: ticket for ticket until there are no more.
fn attend(hands: &Hands<'_>, tickets: &Mutex<Receiver<Ticket>>, answers: &Sender<Answer>, stop: &AtomicBool) {
    while let Some(ticket) = next_ticket(tickets) {
        let go_on = || !stop.load(Ordering::Relaxed);
        let answer = catch_unwind(AssertUnwindSafe(|| ticket.perform(hands, go_on)));
        let is_last = answer.is_err();
        // Nobody may be listening any more, after an error elsewhere; then the worker is not needed either.
        if answers.send(answer).is_err() || is_last {
            return;
        }
    }
}

/// A statement of its own, so that the lock is given back before the work begins.
fn next_ticket(tickets: &Mutex<Receiver<Ticket>>) -> Option<Ticket> {
    locked(tickets).recv().ok()
}

/// Tells waiting workers when the director has left, in whatever way.
struct Stopper<'a>(&'a AtomicBool);

impl Drop for Stopper<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests;
