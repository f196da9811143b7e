//! Zstandard frames, decoded one at a time: `room(from, to)` makes room for so many bytes, `decode(from, to)` decodes the first of them into the
//! second. Knows nothing of the engine; the digests of what comes out are the engine's business.

use core::cell::UnsafeCell;
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};
use ruzstd::io::Read;

/// What came of decoding.
const DECODED: u32 = 0;
/// The bytes are not one frame of exactly the length that was asked for.
const WRONG: u32 = 1;

/// A window as long as the longest block suffices; memory for a longer one is refused.
const WINDOW_BYTES_MAX: u64 = 1 << 24;

struct Decoder {
    frames: FrameDecoder,
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
        let mut frames = FrameDecoder::new();
        frames.set_max_window_size(WINDOW_BYTES_MAX);
        Decoder { frames, bytes: Vec::new() }
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
    let Decoder { frames, bytes } = unsafe { instance() };
    let halves = bytes.get_mut(..from.saturating_add(to)).and_then(|both| both.split_at_mut_checked(from));
    let decoded = halves.and_then(|(from, to)| decode_frame(frames, from, to));
    if decoded.is_some() { DECODED } else { WRONG }
}

/// One frame, nothing in front of it or behind, and never more bytes than there is room for.
fn decode_frame(frames: &mut FrameDecoder, mut from: &[u8], to: &mut [u8]) -> Option<()> {
    frames.reset(&mut from).ok()?;
    let mut filled = 0usize;
    while !frames.is_finished() {
        frames.decode_blocks(&mut from, BlockDecodingStrategy::UptoBlocks(1)).ok()?;
        filled = filled.saturating_add(frames.read(to.get_mut(filled..)?).ok()?);
        let waiting = if frames.is_finished() { 0 } else { frames.can_collect() };
        if waiting > 0 {
            return None;
        }
    }
    filled = filled.saturating_add(frames.read(to.get_mut(filled..)?).ok()?);
    let complete = filled == to.len() && frames.can_collect() == 0 && from.is_empty();
    complete.then_some(())
}
