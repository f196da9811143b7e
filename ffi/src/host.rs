//! `struct sarsen_host`: time, randomness and locks made of callbacks; `struct sarsen_watch`: who is told how a verb comes along.

use crate::task::sarsen_step;
use core::cell::Cell;
use core::ffi::c_void;
use sarsen_core::host::{Host, Progress};

/// Tells the time.
pub type sarsen_now = Option<unsafe extern "C" fn(context: *mut c_void) -> u64>;
/// Gives random bytes.
pub type sarsen_random = Option<unsafe extern "C" fn(context: *mut c_void, to: *mut u8, len_bytes: usize) -> i32>;
/// Takes the lock.
pub type sarsen_lock = Option<unsafe extern "C" fn(context: *mut c_void) -> i32>;
/// Gives the lock back, or waits.
pub type sarsen_call = Option<unsafe extern "C" fn(context: *mut c_void)>;
/// Is told of progress.
pub type sarsen_progress = Option<unsafe extern "C" fn(context: *mut c_void, done: u64, total: u64) -> i32>;
/// Is told what happens.
pub type sarsen_event = Option<unsafe extern "C" fn(context: *mut c_void, event: *const sarsen_step)>;

/// What the surroundings lend besides media and disks. Any callback but `random` may be NULL.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct sarsen_host {
    /// Handed to every callback. Must stay valid until the repository is closed.
    pub context: *mut c_void,
    /// Milliseconds since 1970-01-01 UTC; 0 where there is no clock. NULL means the same.
    pub now: sarsen_now,
    /// Fills `to` with bytes nobody can guess; answers 0, or anything else if it cannot.
    pub random: sarsen_random,
    /// Takes a lock that is this repository's alone, waiting until it is free, and answers 0; or anything else if this very thread has it (as
    /// PTHREAD_MUTEX_ERRORCHECK does; a recursive lock is right too). NULL: a call on a repository that another thread is using answers
    /// `SARSEN_BUSY`.
    pub lock: sarsen_lock,
    /// Gives the lock back. Must be NULL if `lock` is, and only then.
    pub unlock: sarsen_call,
    /// Called without the lock where a thread has nothing to do until another one has done something, or until the medium is ready. May sleep for a
    /// moment. NULL: it is asked again at once.
    pub pause: sarsen_call,
}

/// Who is told how a verb comes along. All zeros: nobody.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct sarsen_watch {
    /// Handed to both callbacks.
    pub context: *mut c_void,
    /// Told now and then how far the verb has come, in bytes of the disk or of the medium (`total` may be 0: not known). 0 goes on, anything else
    /// ends the verb with `SARSEN_CANCELLED`. The repository is in use meanwhile: calls on it answer `SARSEN_BUSY`.
    pub progress: sarsen_progress,
    /// Told what happens: findings, ranges that were lost, checkpoints. `*event` is valid only during the call.
    pub event: sarsen_event,
}

impl sarsen_watch {
    pub const NOBODY: sarsen_watch = sarsen_watch { context: core::ptr::null_mut(), progress: None, event: None };

    /// The one that is lent, if one is.
    ///
    /// # Safety
    /// `watch` is null or may be read.
    pub unsafe fn of(watch: *const sarsen_watch) -> sarsen_watch {
        // SAFETY: as the caller promised.
        unsafe { watch.as_ref() }.copied().unwrap_or(sarsen_watch::NOBODY)
    }
}

/// A host with whoever watches the verb that is at work now. Used by whoever has the repository's lock.
pub struct Surroundings {
    pub host: sarsen_host,
    watch: Cell<sarsen_watch>,
    progress: Cell<Progress>,
}

impl Surroundings {
    pub fn new(host: sarsen_host) -> Surroundings {
        Surroundings { host, watch: Cell::new(sarsen_watch::NOBODY), progress: Cell::new(Progress { done: 0, total: 0 }) }
    }

    /// From now on this one is told, of a verb that has come so far.
    pub fn watched_by(&self, watch: sarsen_watch, progress: Progress) {
        self.watch.set(watch);
        self.progress.set(progress);
    }

    /// From now on nobody is told; what was told last.
    pub fn unwatched(&self) -> Progress {
        self.watch.set(sarsen_watch::NOBODY);
        self.progress.get()
    }

    pub fn pause(&self) {
        if let Some(pause) = self.host.pause {
            // SAFETY: who opened the repository promised that the callbacks may be called with this context.
            unsafe { pause(self.host.context) }
        }
    }
}

impl Host for Surroundings {
    fn now(&self) -> u64 {
        // SAFETY: who opened the repository promised that the callbacks may be called with this context.
        self.host.now.map_or(0, |now| unsafe { now(self.host.context) })
    }

    fn random(&self, to: &mut [u8]) -> bool {
        // SAFETY: as in `now`; `to` has values and may be written.
        self.host.random.is_some_and(|random| unsafe { random(self.host.context, to.as_mut_ptr(), to.len()) } == 0)
    }

    fn go_on(&self, progress: &Progress) -> bool {
        self.progress.set(*progress);
        let watch = self.watch.get();
        // SAFETY: who began the verb promised that its callbacks may be called with this context.
        watch.progress.is_none_or(|told| unsafe { told(watch.context, progress.done, progress.total) } == 0)
    }
}
