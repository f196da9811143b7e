//! Zstandard frames, decoded one at a time: `room(from, to)` makes room for so many bytes, `decode(from, to)` decodes the first of them into the
//! second. Knows nothing of the engine; the digests of what comes out are the engine's business.
//!
//! The decoder is C. Here it can hurt nobody but itself: it has this module's memory and no other, and no function to call.

use core::cell::UnsafeCell;
use zstd_sys::{ZSTD_DCtx, ZSTD_createDCtx, ZSTD_decompressDCtx, ZSTD_findFrameCompressedSize};

/// What came of decoding.
const DECODED: u32 = 0;
/// The bytes are not one frame of exactly the length that was asked for.
const WRONG: u32 = 1;

struct Decoder {
    context: *mut ZSTD_DCtx,
    bytes: Vec<u8>,
}

struct Instance(UnsafeCell<Option<Decoder>>);

// SAFETY: the module has one thread; its memory is not shared.
unsafe impl Sync for Instance {}

static INSTANCE: Instance = Instance(UnsafeCell::new(None));

/// # Safety
/// Not while another borrow of it lives: exports do not call each other.
unsafe fn instance() -> &'static mut Decoder {
    // SAFETY: one thread, and the caller promised the rest.
    unsafe { &mut *INSTANCE.0.get() }.get_or_insert_with(|| {
        // SAFETY: it asks for memory and nothing else; without memory it is null, which decoding refuses.
        let context = unsafe { ZSTD_createDCtx() };
        Decoder { context, bytes: Vec::new() }
    })
}

/// Makes room for a frame as it is stored, and behind it for what it becomes; where that is, 0 if there is no memory.
#[unsafe(no_mangle)]
pub extern "C" fn room(from: usize, to: usize) -> usize {
    // SAFETY: see `instance`.
    let Decoder { bytes, .. } = unsafe { instance() };
    let wanted = from.saturating_add(to).max(1);
    if bytes.len() < wanted {
        if bytes.try_reserve(wanted.saturating_sub(bytes.len())).is_err() {
            return 0;
        }
        bytes.resize(wanted, 0);
    }
    bytes.as_ptr().addr()
}

/// Decodes all of the first `from` bytes into exactly the next `to`: 0 if that is what they are.
#[unsafe(no_mangle)]
pub extern "C" fn decode(from: usize, to: usize) -> u32 {
    // SAFETY: see `instance`.
    let Decoder { context, bytes } = unsafe { instance() };
    let halves = bytes.get_mut(..from.saturating_add(to)).and_then(|both| both.split_at_mut_checked(from));
    let decoded = halves.is_some_and(|(from, to)| decode_frame(*context, from, to));
    if decoded { DECODED } else { WRONG }
}

/// One frame, nothing in front of it or behind, and never more bytes than there is room for.
fn decode_frame(context: *mut ZSTD_DCtx, from: &[u8], to: &mut [u8]) -> bool {
    // SAFETY: pointers and lengths are those of slices; errors are lengths that no slice has.
    let frame_bytes = unsafe { ZSTD_findFrameCompressedSize(from.as_ptr().cast(), from.len()) };
    if context.is_null() || frame_bytes != from.len() {
        return false;
    }
    // SAFETY: the same, and `context` was made by ZSTD_createDCtx and is never freed.
    let decoded = unsafe { ZSTD_decompressDCtx(context, to.as_mut_ptr().cast(), to.len(), from.as_ptr().cast(), from.len()) };
    decoded == to.len()
}
