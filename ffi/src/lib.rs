//! The C face of the engine (`include/sarsen.h`): translates, and decides nothing about data.
//!
//! [`medium`], [`disk`] and [`host`] turn structs of callbacks into the core's traits, once each; [`error`] makes numbers of errors;
//! `memory` cuts up what was lent; [`verbs`] holds one function for each verb.
//! No heap, no state between calls, and no panic that unwinds: there is nothing to unwind into.
#![no_std]

#[cfg(panic = "unwind")]
compile_error!("the C face must be built with panic = \"abort\": a panic must never cross into C");

pub mod disk;
pub mod error;
pub mod host;
pub mod medium;
mod memory;
pub mod verbs;

unsafe extern "C" {
    /// Given by the program that links the library; must not return. Where no panic is reachable the linker does not ask for it.
    safe fn sarsen_panicked() -> !;
}

#[panic_handler]
fn panicked(_: &core::panic::PanicInfo<'_>) -> ! {
    sarsen_panicked()
}
