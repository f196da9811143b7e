//! The C face of the engine (`include/sarsen.h`): translates, and decides nothing about data.
//!
//! [`medium`], [`disk`], [`host`] and [`stream`] turn structs of callbacks into the core's traits, once each; [`status`] makes numbers of errors;
//! [`memory`] cuts up what was lent; [`handle`] tells what is open from what is not. [`repository`] is what everything is opened on: [`work`], [`version`],
//! [`draft`], and [`task`], which hands out each [`job`] of a verb; the verbs are [`backup`], [`restore`], [`check`], [`reclaim`], [`diff`], [`export`],
//! [`import`], [`amend`] and [`group`]. [`flash`] makes a medium of NOR flash. [`piece`] needs none of them. `hosted` adds directories, files and a heap, and nothing else: all of the above is the same in both builds.
#![cfg_attr(not(feature = "hosted"), no_std)]
#![allow(non_camel_case_types)] // types have the names they have in C
#![allow(missing_docs)] // of what C does not see; cbindgen refuses nothing, so tools/header looks for what C sees and has no words

#[cfg(panic = "unwind")]
compile_error!("the C face must be built with panic = \"abort\": a panic must never cross into C");

pub mod amend;
pub mod backup;
pub mod check;
pub mod codecs;
pub mod diff;
pub mod disk;
pub mod draft;
pub mod export;
pub mod flash;
pub mod group;
pub mod handle;
pub mod host;
#[cfg(feature = "hosted")]
pub mod hosted;
pub mod import;
pub mod job;
pub mod lock;
pub mod medium;
pub mod memory;
pub mod piece;
pub mod reclaim;
pub mod repository;
pub mod restore;
pub mod status;
pub mod stream;
pub mod task;
pub mod text;
pub mod version;
pub mod work;

/// The version of this header: major.
pub const SARSEN_VERSION_MAJOR: u32 = 0;
/// The version of this header: minor.
pub const SARSEN_VERSION_MINOR: u32 = 1;
/// The version of this header: patch.
pub const SARSEN_VERSION_PATCH: u32 = 0;
/// The layout of structs and the meaning of functions in this header. A library of another ABI version refuses to open anything for this header.
pub const SARSEN_ABI_VERSION: u32 = 1;

/// The library's version as one number: major * 1,000,000 + minor * 1,000 + patch.
#[unsafe(no_mangle)]
pub extern "C" fn sarsen_version_number() -> u32 {
    SARSEN_VERSION_MAJOR * 1_000_000 + SARSEN_VERSION_MINOR * 1000 + SARSEN_VERSION_PATCH
}

/// The library's ABI version: `SARSEN_ABI_VERSION` of the header it was made with.
#[unsafe(no_mangle)]
pub extern "C" fn sarsen_abi_version() -> u32 {
    SARSEN_ABI_VERSION
}

/// 1 in the hosted build, 0 in the bare one.
#[unsafe(no_mangle)]
pub extern "C" fn sarsen_is_hosted() -> i32 {
    i32::from(cfg!(feature = "hosted"))
}

#[cfg(all(not(feature = "hosted"), feature = "panic-handler"))]
mod panic {
    unsafe extern "C" {
        /// Given by the program that links the library; must not return. Where no panic is reachable the linker does not ask for it.
        safe fn sarsen_panicked() -> !;
    }

    #[panic_handler]
    fn panicked(_: &core::panic::PanicInfo<'_>) -> ! {
        sarsen_panicked()
    }
}
