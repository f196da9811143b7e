//! The pure functions alone: digests of frames and ids of blocks, and what differs between two pieces of a disk. They need no repository and no memory.

use crate::status::{sarsen_status, sarsen_status::*, tell};
use crate::version::{bytes, bytes_mut};
use core::ffi::c_void;
use sarsen_core::codec::CodecId;
use sarsen_core::delta;
use sarsen_core::digest::Algorithm;
use sarsen_core::frame::{Shape, block_id, plain_digest};
use sarsen_core::types::narrow;

/// The digest of a frame, as ids take it (docs/FORMAT.md, section 4): 32 bytes to `digest`; zeros if the frame is all zeros.
///
/// `algorithm`: 1 SHA-256, 2 BLAKE3 (hosted build). `SARSEN_BAD_ARGUMENT` for others and for NULL.
///
/// # Safety
/// Pointers are NULL or valid; `frame` holds `len_bytes`, `digest` has room for 32.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sarsen_frame_digest(
    algorithm: u8,
    frame: *const c_void,
    len_bytes: usize,
    digest: *mut u8,
) -> sarsen_status {
    // SAFETY: as the caller promised.
    let (Some(algorithm), Ok(frame)) = (Algorithm::from_code(algorithm), (unsafe { bytes(frame, len_bytes) })) else {
        return SARSEN_BAD_ARGUMENT;
    };
    if digest.is_null() {
        return SARSEN_BAD_ARGUMENT;
    }
    // SAFETY: as the caller promised.
    unsafe { tell(digest.cast::<[u8; 32]>(), plain_digest(algorithm, frame).0) };
    SARSEN_OK
}

/// The id of a block (docs/FORMAT.md, section 4): 32 bytes to `id`; zeros if the block is all zeros.
///
/// `frame_bytes`: a power of two from 4096 to 2^24. `len_bytes`: up to 2^24. Otherwise as `sarsen_frame_digest`.
///
/// # Safety
/// Pointers are NULL or valid; `block` holds `len_bytes`, `id` has room for 32.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sarsen_block_id(
    algorithm: u8,
    frame_bytes: u32,
    block: *const c_void,
    len_bytes: usize,
    id: *mut u8,
) -> sarsen_status {
    // SAFETY: as the caller promised.
    let (Some(algorithm), Ok(block)) = (Algorithm::from_code(algorithm), (unsafe { bytes(block, len_bytes) })) else {
        return SARSEN_BAD_ARGUMENT;
    };
    let is_frame = frame_bytes.is_power_of_two() && (1 << 12..=1 << 24).contains(&frame_bytes);
    let (true, true, Ok(raw_bytes)) = (is_frame, block.len() <= 1 << 24, u32::try_from(block.len())) else {
        return SARSEN_BAD_ARGUMENT;
    };
    if id.is_null() {
        return SARSEN_BAD_ARGUMENT;
    }
    let shape = Shape { algorithm, block_bytes: 1 << 24, frame_bytes, codec: CodecId::None };
    let digests = block.chunks(narrow(frame_bytes.into())).map(|frame| plain_digest(algorithm, frame));
    // SAFETY: as the caller promised.
    unsafe { tell(id.cast::<[u8; 32]>(), block_id(&shape, raw_bytes, digests).0) };
    SARSEN_OK
}

/// Writes to `delta` the sectors of 512 bytes in which `target` differs from `base` (docs/FORMAT.md, section 5), and how long that is to `*made_bytes`.
/// A base that is shorter counts as zeros from its end on.
///
/// `SARSEN_BUFFER_TOO_SMALL` if it is longer than `delta_bytes`: then `target` itself is most likely the smaller.
///
/// # Safety
/// Pointers are NULL or valid, with as many bytes as are said.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sarsen_sectors_diff(
    base: *const c_void,
    base_bytes: usize,
    target: *const c_void,
    target_bytes: usize,
    delta: *mut c_void,
    delta_bytes: usize,
    made_bytes: *mut usize,
) -> sarsen_status {
    // SAFETY: as the caller promised.
    let lent = unsafe { (bytes(base, base_bytes), bytes(target, target_bytes), bytes_mut(delta, delta_bytes)) };
    let (Ok(base), Ok(target), Ok(delta)) = lent else { return SARSEN_BAD_ARGUMENT };
    if made_bytes.is_null() || target.len() > 1 << 24 {
        return SARSEN_BAD_ARGUMENT;
    }
    let Some(made) = delta::encode(base, target, delta) else { return SARSEN_BUFFER_TOO_SMALL };
    // SAFETY: as the caller promised.
    unsafe { tell(made_bytes, made) };
    SARSEN_OK
}

/// Makes of `piece`, which holds the base (cut, or filled up with zeros, to the length of the target), the target. `SARSEN_CORRUPT` if `delta` is not
/// one for a piece of this length; nothing was changed then.
///
/// # Safety
/// Pointers are NULL or valid, with as many bytes as are said.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sarsen_sectors_apply(
    delta: *const c_void,
    delta_bytes: usize,
    piece: *mut c_void,
    piece_bytes: usize,
) -> sarsen_status {
    // SAFETY: as the caller promised.
    let (Ok(delta), Ok(piece)) = (unsafe { (bytes(delta, delta_bytes), bytes_mut(piece, piece_bytes)) }) else {
        return SARSEN_BAD_ARGUMENT;
    };
    match delta::check(delta, piece.len()).and_then(|()| delta::apply(delta, piece)) {
        Ok(()) => SARSEN_OK,
        Err(_) => SARSEN_CORRUPT,
    }
}
