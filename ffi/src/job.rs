//! A job: a piece of a task's heavy work, that any thread may do with a work of its own. It reads medium and disk, and touches nothing else.

use crate::handle;
use crate::status::{Stop, answer, sarsen_fault, sarsen_status, sarsen_status::*};
use crate::task::{Task, sarsen_task};
use crate::work::sarsen_work;
use core::mem::{align_of, size_of};
use sarsen_core::error::Error;
use sarsen_core::task::{Job, Outcome, perform};

/// Words of 64 bits in a job.
pub const SARSEN_JOB_WORDS: usize = 128;

/// A job. Lies where the caller put it; may be copied or moved only before it is performed. Its task must stay open until it was accepted.
#[repr(C)]
pub struct sarsen_job {
    /// The library's alone.
    pub opaque: [u64; SARSEN_JOB_WORDS],
}

const TAG: u32 = 0x534A_4F42;

/// What is inside of a job.
pub struct Ticket {
    tag: u32,
    pub task: *mut sarsen_task,
    pub number: u64,
    pub job: Job,
    pub outcome: Option<Result<Outcome, Error>>,
}

/// Whether it does.
pub const FITS: bool = size_of::<Ticket>() <= SARSEN_JOB_WORDS * size_of::<u64>() && align_of::<Ticket>() <= align_of::<u64>();

impl sarsen_job {
    /// The ticket in it, that was handed out.
    ///
    /// # Safety
    /// `job` is null or holds a ticket, or is all zeros.
    pub unsafe fn ticket<'j>(job: *mut sarsen_job) -> Result<&'j mut Ticket, Stop> {
        let right = !job.is_null() && job.cast::<Ticket>().is_aligned();
        // SAFETY: the tag is first read alone, as whatever bits are there; only with the right one is the rest a ticket.
        if right && unsafe { (&raw const (*job.cast::<Ticket>()).tag).read() } == TAG {
            // SAFETY: as just seen.
            return Ok(unsafe { &mut *job.cast::<Ticket>() });
        }
        Err(SARSEN_BAD_HANDLE.into())
    }
}

impl Ticket {
    /// Makes a ticket of one whose job was written.
    ///
    /// # Safety
    /// `to` may be written, and its `job` was.
    pub unsafe fn hand_out(to: *mut Ticket, task: *mut sarsen_task, number: u64) {
        // SAFETY: as the caller promised; together with the job these are all of its fields.
        unsafe {
            (&raw mut (*to).task).write(task);
            (&raw mut (*to).number).write(number);
            (&raw mut (*to).outcome).write(None);
            (&raw mut (*to).tag).write(TAG);
        }
    }

    /// Nothing may be done with it any more.
    pub fn spend(&mut self) {
        self.tag = 0;
    }
}

fn run(ticket: &mut Ticket, task: &Task, work: *mut sarsen_work) -> Result<(), Stop> {
    let _performing = task.performing.enter();
    // SAFETY: the caller of `sarsen_job_perform` promised a handle or null.
    let lent = unsafe { handle::body(work) }?.lend()?;
    lent.inner.holds = (core::ptr::null(), 0);
    let outcome = perform(&ticket.job, &task.hands(), &mut lent.inner.work());
    if outcome.is_err_and(|error| error.is_pending()) {
        return Err(SARSEN_PENDING.into());
    }
    ticket.outcome = Some(outcome);
    lent.inner.holds = (core::ptr::from_ref(task).cast(), ticket.number);
    Ok(())
}

/// Does a job, on any thread, beside any number of others: it reads medium and disk through their callbacks, and uses only `work`, in which the outcome
/// lies until `sarsen_task_accept`.
///
/// Answers `SARSEN_OK` also if the disk or medium failed: that is the job's outcome, and for the task to judge. `SARSEN_PENDING`: do it again later.
/// `SARSEN_BUSY` if another call uses the work.
///
/// # Safety
/// `job` is NULL or was filled by `sarsen_task_next`, `work` NULL or a handle; the task is open.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sarsen_job_perform(
    job: *mut sarsen_job,
    work: *mut sarsen_work,
    fault: *mut sarsen_fault,
) -> sarsen_status {
    // SAFETY: as the caller promised.
    unsafe {
        let done = sarsen_job::ticket(job).and_then(|ticket| run(ticket, handle::body(ticket.task)?, work));
        answer(done, fault)
    }
}
