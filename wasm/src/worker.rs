//! One who does jobs: in a worker, or beside the director in its own instance.

use crate::failure::Failure;
use crate::memory::Bench;
use crate::page::{FileDisk, NOT_YET, PageCodecs, PageDisk, PageMedium, PageZstd, ReadMedium};
use crate::wire::{Wire, put_outcome, take_job};
use crate::{DONE, HASH, PENDING, ZSTD};
use sarsen_core::digest::Algorithm;
use sarsen_core::disk::Disk;
use sarsen_core::error::Error;
use sarsen_core::format::bytes::Reader;
use sarsen_core::format::header::{self, Parameters, SegmentHeader};
use sarsen_core::task::{Fault, Hands, Job, Outcome, Piece, check_unhashed, perform};
use sarsen_core::types::Digest;
use wasm_bindgen::prelude::wasm_bindgen;

/// Frames up to this length are hashed here, whoever hashes the others: asking takes longer.
const SHORT_BYTES: usize = 4096;

/// Buffers and codecs for one job at a time, and what came of a batch so far.
#[wasm_bindgen]
pub struct Worker {
    parameters: Parameters,
    medium: ReadMedium,
    disk: Option<FileDisk>,
    bench: Bench,
    codecs: PageCodecs,
    jobs: Vec<u8>,
    /// Where the next job begins.
    at: usize,
    outcomes: Wire,
    /// What was done and is not in `outcomes` yet, from the first job on whose frames JavaScript hashes.
    waiting: Vec<(Job, Result<Outcome, Error>)>,
    /// Frames of the job just done: where they lie in this module's memory, as they are stored and decoded.
    frames: Vec<u32>,
    /// The digests that frames of waiting jobs must have: number of the job, digest.
    expected: Vec<(usize, Digest)>,
    /// JavaScript hashes frames.
    hashes_outside: bool,
}

#[wasm_bindgen]
impl Worker {
    /// For a repository with these parameters, as [`crate::repository::Repository::parameters`] tells them.
    #[wasm_bindgen(constructor)]
    pub fn new(parameters: &[u8], medium: PageMedium, zstd: PageZstd) -> Result<Worker, Failure> {
        let parameters = parameters.first_chunk::<{ header::LEN }>().ok_or(Failure::GARBLED)?;
        let parameters = SegmentHeader::parse(parameters).map_err(|_| Failure::GARBLED)?.parameters;
        Ok(Worker {
            parameters,
            medium: ReadMedium(medium),
            disk: None,
            bench: Bench::new(&parameters)?,
            codecs: PageCodecs::new(zstd),
            jobs: Vec::new(),
            at: 0,
            outcomes: Wire(Vec::new()),
            waiting: Vec::new(),
            frames: Vec::new(),
            expected: Vec::new(),
            hashes_outside: false,
        })
    }

    /// Leaves to JavaScript what it may be faster at: hashing frames.
    pub fn hash_outside(&mut self, outside: bool) {
        self.hashes_outside = outside && self.parameters.algorithm == Algorithm::Sha256;
    }

    /// The file that versions are compared with.
    pub fn compare_with(&mut self, disk: Option<PageDisk>) {
        self.disk = disk.map(FileDisk);
    }

    /// Takes a batch of jobs, and forgets the one before.
    pub fn begin(&mut self, jobs: Vec<u8>) {
        (self.jobs, self.at, self.outcomes) = (jobs, 0, Wire(Vec::new()));
        self.waiting.clear();
        self.expected.clear();
    }

    /// Does what is left of the batch: [`DONE`]; or [`PENDING`] or [`ZSTD`], and then it goes on with the job that was under way; or [`HASH`], and
    /// then `frames` are to be hashed before it goes on with the next.
    pub fn work(&mut self) -> Result<u32, Failure> {
        while self.at < self.jobs.len() {
            let mut fields = Reader(self.jobs.get(self.at..).unwrap_or(&[]));
            let job = take_job(&mut fields).map_err(|_| Failure::GARBLED)?;
            let behind = self.jobs.len().saturating_sub(fields.0.len());
            let outcome = self.perform(&job);
            match outcome {
                _ if core::mem::take(&mut self.codecs.zstd_is_due) => return Ok(ZSTD),
                Err(error) if error.is_pending() => return Ok(PENDING),
                Err(Error::Disk { kind: NOT_YET, .. }) => return Ok(PENDING),
                outcome => self.keep(job, outcome),
            }
            self.at = behind;
            if !self.frames.is_empty() {
                return Ok(HASH);
            }
        }
        Ok(DONE)
    }

    /// Where the frames lie that are to be hashed now: start and length, two by two.
    pub fn frames(&mut self) -> Vec<u32> {
        core::mem::take(&mut self.frames)
    }

    /// Takes the digests of all frames of the batch, in their order.
    pub fn hashed(&mut self, digests: &[u8]) -> Result<(), Failure> {
        let digests = digests.chunks_exact(32);
        if digests.len() != self.expected.len() {
            return Err(Failure::GARBLED);
        }
        for (digest, (number, expected)) in digests.zip(&self.expected) {
            if *digest != expected.0
                && let Some((_, Ok(Outcome::Checked { fault, .. }))) = self.waiting.get_mut(*number)
                && !matches!(fault, Some(Fault::Entry | Fault::Unreadable))
            {
                *fault = Some(Fault::Payload);
            }
        }
        Ok(())
    }

    /// What came of the batch.
    pub fn outcomes(&mut self) -> Vec<u8> {
        for (job, outcome) in core::mem::take(&mut self.waiting) {
            put_outcome(&mut self.outcomes, &job, &outcome, (&[], &[]));
        }
        core::mem::take(&mut self.outcomes.0)
    }
}

impl Worker {
    fn perform(&mut self, job: &Job) -> Result<Outcome, Error> {
        let Worker { medium, disk, bench, codecs, parameters, frames, expected, .. } = self;
        let disk = disk.as_ref().map(|disk| disk as &dyn Disk);
        let hands = Hands { medium, parameters: *parameters, disk };
        let mut work = bench.work(codecs);
        if !self.hashes_outside || !matches!(job.piece, Piece::Check { .. }) {
            return perform(job, &hands, &mut work);
        }
        let (number, known) = (self.waiting.len(), expected.len());
        frames.clear();
        let outcome = check_unhashed(job, &hands, &mut work, &mut |bytes, digest| {
            if bytes.len() <= SHORT_BYTES {
                return sarsen_core::digest::digest(Algorithm::Sha256, bytes) == *digest;
            }
            let [start, len] = [bytes.as_ptr().addr(), bytes.len()].map(|of| u32::try_from(of).unwrap_or(u32::MAX));
            frames.extend([start, len]);
            expected.push((number, *digest));
            true
        });
        // Done again, or not at all: then nothing is to be hashed for it.
        if outcome.is_err() || codecs.zstd_is_due {
            frames.clear();
            expected.truncate(known);
        }
        outcome
    }

    /// Keeps what came of a job, in order.
    fn keep(&mut self, job: Job, outcome: Result<Outcome, Error>) {
        if self.waiting.is_empty() && self.frames.is_empty() {
            put_outcome(&mut self.outcomes, &job, &outcome, self.bench.left());
        } else {
            self.waiting.push((job, outcome));
        }
    }
}

/// H of bytes, to see how fast this module is at it.
#[wasm_bindgen]
pub fn sha256(bytes: &[u8]) -> Vec<u8> {
    sarsen_core::digest::digest(Algorithm::Sha256, bytes).0.to_vec()
}
