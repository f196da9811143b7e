//! Opening 2^20 objects: the whole index, from footers, in a directory.

use crate::place::Place;
use crate::table::{self, Goal, mebibytes};
use sarsen_benches::Measured;
use sarsen_benches::fill::{blocks, init, load, with_store};
use sarsen_benches::stopwatch::{Seconds, Stopwatch};
use sarsen_core::digest::Algorithm;
use sarsen_core::ops::init::Options;
use sarsen_host::{Access, DirectoryMedium, System};
use std::path::Path;

const OBJECTS: u64 = 1 << 20;

/// Prints the table.
pub fn print(place: &Place) -> Measured<()> {
    table::begin("Opening 2^20 objects");
    for (name, algorithm) in [("SHA-256", Algorithm::Sha256), ("BLAKE3", Algorithm::Blake3)] {
        let scratch = place.scratch("open")?;
        let (seconds, bytes) = open(&scratch.path().join("repository"), algorithm)?;
        table::time(&format!("{name}: store and whole index, best of 3"), seconds, Goal::AtMost(1.0));
        table::row(&format!("{name}: the index"), mebibytes(bytes), "MiB", Goal::None);
    }
    Ok(())
}

fn open(path: &Path, algorithm: Algorithm) -> Measured<(Seconds, u64)> {
    let host = System::new();
    {
        let medium = DirectoryMedium::create(path)?;
        init(&medium, &host, &Options { algorithm, block_log2: 12, frame_log2: 12, ..Options::HOST })?;
        with_store(&medium, &host, |store| Ok(blocks(store, OBJECTS)?))?;
    }
    let usage = std::cell::Cell::new(Default::default());
    let runs = (0..3).map(|_| {
        let watch = Stopwatch::start();
        let medium = DirectoryMedium::open(path, Access::Read)?;
        with_store(&medium, &host, |store| {
            load(store)?;
            usage.set(store.index().usage());
            Ok(watch.seconds())
        })
    });
    let seconds = Seconds::best(runs.collect::<Measured<Vec<_>>>()?);
    assert_eq!(usage.get().objects, OBJECTS);
    Ok((seconds, usage.get().slots * 16))
}
