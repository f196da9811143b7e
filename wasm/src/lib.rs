//! The engine in WebAssembly: opens, lists and checks a repository that its page reads, and never waits.
//!
//! A page cannot block on a file or a URL. Whatever it has not fetched yet it answers with "pending"; the call then returns [`PENDING`], the page
//! fetches what was asked for and calls again. One repository for each instance, no threads, no heap: memory is grown once and kept.
//!
//! ```text
//! open()      until it answers DONE
//! list()      until it answers DONE, telling of each version on the way
//! check(n)    until it answers DONE, telling of each finding and of each version hit; n: 0 structure, 1 every byte
//! ```
//! What is told goes through imports of the module `page`, and bytes come in through those of the module `medium` ([`page`]).
#![no_std]

mod memory;
pub mod page;
mod reader;

use core::cell::UnsafeCell;
use reader::Reader;
use sarsen_core::error::Error;
use sarsen_core::ops::check::Depth;

/// Nothing more is to be done.
pub const DONE: i32 = 0;
/// What was asked of the medium has to be fetched before the next call.
pub const PENDING: i32 = 1;
/// It failed, and `page.failed` was told why.
pub const FAILED: i32 = 2;
/// A call that cannot come now: open first, and only once.
pub const OUT_OF_TURN: i32 = 3;

struct Instance(UnsafeCell<Option<Reader>>);

// SAFETY: the module has one thread; its memory is not shared.
unsafe impl Sync for Instance {}

static INSTANCE: Instance = Instance(UnsafeCell::new(None));

/// # Safety
/// Not while another borrow of it lives: exports do not call each other, and imports do not call exports.
unsafe fn instance() -> &'static mut Option<Reader> {
    // SAFETY: one thread, and the caller promised the rest.
    unsafe { &mut *INSTANCE.0.get() }
}

fn answer(done: Result<(), Error>) -> i32 {
    match done {
        Ok(()) => DONE,
        Err(error) if error.is_pending() => PENDING,
        Err(error) => {
            page::tell_failure(&error);
            FAILED
        }
    }
}

/// Opens the repository.
#[unsafe(no_mangle)]
pub extern "C" fn open() -> i32 {
    // SAFETY: see `instance`.
    let instance = unsafe { instance() };
    if instance.is_some() {
        return OUT_OF_TURN;
    }
    answer(Reader::open().map(|reader| *instance = Some(reader)))
}

/// Tells of each version.
#[unsafe(no_mangle)]
pub extern "C" fn list() -> i32 {
    // SAFETY: see `instance`.
    unsafe { instance() }.as_mut().map_or(OUT_OF_TURN, |reader| answer(reader.list()))
}

/// Checks structure (0) or every byte (1).
#[unsafe(no_mangle)]
pub extern "C" fn check(depth: i32) -> i32 {
    let depth = if depth == 0 { Depth::Check } else { Depth::Scrub };
    // SAFETY: see `instance`.
    unsafe { instance() }.as_mut().map_or(OUT_OF_TURN, |reader| answer(reader.check(depth)))
}

#[panic_handler]
fn panicked(_: &core::panic::PanicInfo<'_>) -> ! {
    core::arch::wasm32::unreachable()
}
