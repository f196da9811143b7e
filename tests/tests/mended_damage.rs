//! Damage that is mended costs nothing, whatever gc and compact did meanwhile.
//!
//! Power cuts and failing reads have shown that both took an entry for garbage that could not be read just then, and removed the only copy. What a
//! version needs stays where it is as long as it cannot be read: parity, another cable, or the next try may bring it back.
#![allow(clippy::panic)]

use sarsen_core::types::SegmentNumber;
use sarsen_tests::crash::{Patient, Setting, Verb, spread};

/// Bytes from one flip to the next: in step with nothing.
const STEP: usize = 61;

/// Flips a byte, collects garbage and compacts, which may fail, and flips it back if it is still there.
fn flip_and_mend(patient: &Patient, segment: SegmentNumber, offset: usize) -> Result<(), String> {
    let mut patient = patient.fork(1);
    patient.medium.flip(segment, offset, 0x10);
    let refused = [Verb::Gc, Verb::Compact].map(|verb| patient.attempt(verb).is_err());
    if patient.medium.contents().segments.contains_key(&segment) {
        patient.medium.flip(segment, offset, 0x10);
    }
    patient.examine().map_err(|what| format!("gc and compact refused: {refused:?}; {what}"))?;
    [Verb::Gc, Verb::Compact].into_iter().try_for_each(|verb| patient.must(verb))?;
    patient.examine()
}

#[test]
fn a_flip_that_is_mended_costs_nothing() {
    for setting in [Setting::HOST, Setting::CHIP] {
        let patient = Patient::seasoned(setting, 1).unwrap_or_else(|what| panic!("{what}"));
        let segments = patient.medium.contents().segments;
        let places = segments.iter().flat_map(|(segment, bytes)| (0..bytes.len()).step_by(STEP).map(|at| (*segment, at)));
        let places: Vec<(SegmentNumber, usize)> = places.collect();
        let mut wrong = Vec::new();
        let each = |&(segment, offset): &(SegmentNumber, usize)| {
            let result = flip_and_mend(&patient, segment, offset);
            result.map_err(|what| format!("segment {segment}, offset {offset}, {}: {what}", setting.name))
        };
        spread(&places, each, |result| wrong.extend(result.err()));
        wrong.iter().take(30).for_each(|what| println!("! {what}"));
        assert!(wrong.is_empty(), "{} of {} flips cost something", wrong.len(), places.len());
    }
}
