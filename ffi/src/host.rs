//! `struct sarsen_host`: time, randomness and patience made of callbacks.

use core::ffi::c_void;
use sarsen_core::host::{Host, Progress};

type Now = unsafe extern "C" fn(*mut c_void) -> u64;
type Random = unsafe extern "C" fn(*mut c_void, *mut u8, usize) -> i32;
type GoOn = unsafe extern "C" fn(*mut c_void, u64, u64) -> i32;

/// A host as C describes it; see the header for what each callback owes.
#[repr(C)]
pub struct CHost {
    context: *mut c_void,
    now: Option<Now>,
    random: Option<Random>,
    go_on: Option<GoOn>,
}

impl Host for CHost {
    fn now(&self) -> u64 {
        // SAFETY: the caller of the verb promised that the callbacks may be called with this context.
        self.now.map_or(0, |now| unsafe { now(self.context) })
    }

    fn random(&self, to: &mut [u8]) -> bool {
        // SAFETY: as in `now`; `to` is initialised and writable.
        self.random.is_some_and(|random| unsafe { random(self.context, to.as_mut_ptr(), to.len()) } == 0)
    }

    fn go_on(&self, progress: &Progress) -> bool {
        // SAFETY: as in `now`.
        self.go_on.is_none_or(|go_on| unsafe { go_on(self.context, progress.done, progress.total) } == 0)
    }
}
