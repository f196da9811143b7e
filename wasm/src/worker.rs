//! One who does jobs: in a worker, or beside the director in its own instance.

use crate::failure::Failure;
use crate::memory::Bench;
use crate::page::{FileDisk, NOT_YET, PageCodecs, PageDisk, PageMedium, PageZstd, ReadMedium};
use crate::wire::{Wire, put_outcome, take_job};
use crate::{DONE, PENDING, ZSTD};
use sarsen_core::disk::Disk;
use sarsen_core::error::Error;
use sarsen_core::format::bytes::Reader;
use sarsen_core::format::header::{self, Parameters, SegmentHeader};
use sarsen_core::task::{Hands, perform};
use wasm_bindgen::prelude::wasm_bindgen;

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
        })
    }

    /// The file that versions are compared with.
    pub fn compare_with(&mut self, disk: Option<PageDisk>) {
        self.disk = disk.map(FileDisk);
    }

    /// Takes a batch of jobs, and forgets the one before.
    pub fn begin(&mut self, jobs: Vec<u8>) {
        (self.jobs, self.at, self.outcomes) = (jobs, 0, Wire(Vec::new()));
    }

    /// Does what is left of the batch: [`DONE`], or [`PENDING`] or [`ZSTD`], and then it goes on with the job that was under way.
    pub fn work(&mut self) -> Result<u32, Failure> {
        while self.at < self.jobs.len() {
            let mut fields = Reader(self.jobs.get(self.at..).unwrap_or(&[]));
            let job = take_job(&mut fields).map_err(|_| Failure::GARBLED)?;
            let behind = self.jobs.len().saturating_sub(fields.0.len());
            let disk = self.disk.as_ref().map(|disk| disk as &dyn Disk);
            let hands = Hands { medium: &self.medium, parameters: self.parameters, disk };
            let outcome = perform(&job, &hands, &mut self.bench.work(&mut self.codecs));
            match outcome {
                _ if core::mem::take(&mut self.codecs.zstd_is_due) => return Ok(ZSTD),
                Err(error) if error.is_pending() => return Ok(PENDING),
                Err(Error::Disk { kind: NOT_YET, .. }) => return Ok(PENDING),
                outcome => put_outcome(&mut self.outcomes, &job, &outcome, self.bench.left()),
            }
            self.at = behind;
        }
        Ok(DONE)
    }

    /// What came of the batch.
    pub fn outcomes(&mut self) -> Vec<u8> {
        core::mem::take(&mut self.outcomes.0)
    }
}
