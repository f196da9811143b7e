//! A bench: the buffers and codecs that one job is done with. It travels with the job and comes back with the outcome, which may lie in it.

use crate::codecs::HostCodecs;
use sarsen_core::error::{Error, Memory};
use sarsen_core::format::header::Parameters;
use sarsen_core::format::{entry, record};
use sarsen_core::frame::{Work, packed_bytes, raw_bytes, scratch_bytes};
use sarsen_core::store::buffer_bytes;
use sarsen_core::types::wide;

/// Room for one job at a time.
#[derive(Debug)]
pub struct Bench {
    raw: Vec<u8>,
    packed: Vec<u8>,
    scratch: Vec<u8>,
    codecs: HostCodecs,
}

impl Bench {
    /// Bytes of its buffers.
    pub fn bytes(parameters: &Parameters) -> usize {
        raw_bytes(parameters.block_bytes()) + packed_len(parameters) + scratch_len(parameters)
    }

    /// A bench for repositories with these parameters; an error where there is no memory for it.
    pub fn new(parameters: &Parameters) -> Result<Bench, Error> {
        Ok(Bench {
            raw: zeros(raw_bytes(parameters.block_bytes()))?,
            packed: zeros(packed_len(parameters))?,
            scratch: zeros(scratch_len(parameters))?,
            codecs: HostCodecs::new(),
        })
    }

    /// As the core takes it.
    pub fn work(&mut self) -> Work<'_> {
        Work { raw: &mut self.raw, packed: &mut self.packed, scratch: &mut self.scratch, codecs: &mut self.codecs }
    }
}

fn packed_len(parameters: &Parameters) -> usize {
    let block = packed_bytes(parameters.block_bytes(), parameters.frame_bytes(), parameters.alignment());
    // Where blocks are small, a page or a record is the largest entry to be checked.
    let record = (entry::LEN + record::LEN_MAX).next_multiple_of(parameters.alignment() as usize);
    block.max(record).max(buffer_bytes(parameters.fan_out_log2, parameters.align_log2, parameters.history))
}

fn scratch_len(parameters: &Parameters) -> usize {
    scratch_bytes(parameters.block_bytes(), parameters.frame_bytes())
}

fn zeros(len: usize) -> Result<Vec<u8>, Error> {
    // Asked for first, so that having too little is an error; then asked for as zeros, which the system gives without touching them.
    match Vec::<u8>::new().try_reserve_exact(len) {
        Ok(()) => Ok(vec![0; len]),
        Err(_) => Err(Error::Memory { memory: Memory::Buffer, needed: wide(len) }),
    }
}
