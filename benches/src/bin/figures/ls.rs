//! Listing 10,000 versions in a directory, without the index.

use crate::place::Place;
use crate::table::{self, Goal};
use sarsen_benches::fill::{conclude, copy, init, version, with_store};
use sarsen_benches::stopwatch::{Seconds, Stopwatch};
use sarsen_benches::{Measured, random};
use sarsen_core::catalogue::{Listed, Listing, with_record};
use sarsen_core::format::commit::Root;
use sarsen_core::medium::Medium;
use sarsen_core::ops::init::Options;
use sarsen_host::{Access, DirectoryMedium, MemoryMedium, System};
use std::path::Path;

const VERSIONS: u64 = 10_000;

/// Prints the table.
pub fn print(place: &Place) -> Measured<()> {
    table::begin("Listing 10,000 versions");
    let scratch = place.scratch("ls")?;
    for (what, sessions) in [("in one session", 1), ("in 100 sessions", 100), ("in 10,000 sessions, one segment each", VERSIONS)]
    {
        let path = scratch.path().join(sessions.to_string());
        make(&path, sessions)?;
        let seconds = Seconds::best((0..3).map(|_| list(&path)).collect::<Measured<Vec<_>>>()?);
        table::time(&format!("made {what}; best of 3"), seconds, Goal::AtMost(0.1));
    }
    Ok(())
}

/// Made in memory, since thousands of sessions would be thousands of syncs; then copied.
fn make(path: &Path, sessions: u64) -> Measured<()> {
    let (medium, host) = (MemoryMedium::new(), System::new());
    init(&medium, &host, &Options::HOST)?;
    for session in 0..sessions {
        with_store(&medium, &host, |store| {
            for number in 0..VERSIONS / sessions {
                version(store, Root::EMPTY, 1, 0..1, |_| random::id(session * VERSIONS + number))?;
            }
            Ok(conclude(store)?)
        })?;
    }
    copy(&medium, DirectoryMedium::create(path)?.writer().ok_or("no writer")?)
}

fn list(path: &Path) -> Measured<Seconds> {
    let host = System::new();
    let watch = Stopwatch::start();
    let medium = DirectoryMedium::open(path, Access::Read)?;
    let versions = with_store(&medium, &host, |store| {
        let mut listing = Listing::of(store);
        let mut versions = 0;
        loop {
            match listing.next(store)? {
                Listed::Step => {}
                Listed::End => return Ok(versions),
                Listed::Entry(entry) => {
                    versions += with_record(store, &entry.link, |_, record| u64::from(record.name == "disk"))?
                }
            }
        }
    })?;
    assert_eq!(versions, VERSIONS);
    Ok(watch.seconds())
}
