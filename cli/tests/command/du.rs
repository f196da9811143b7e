//! du: what it calls in use is what gc keeps, and it changes nothing.

use crate::place::Place;
use std::fs;

fn told(place: &Place, code: i32) -> serde_json::Value {
    place.unchanged(|| place.run(["du", "--json"]).ends(code).json())
}

/// Three versions that have nothing in common.
fn filled(test: &str) -> Place {
    let place = Place::with(test, &["--block", "64K", "--frame", "16K", "--segment", "1M", "--codec", "none"]);
    for (seed, name) in (1..).zip(["one", "two", "three"]) {
        place.random_file("disk", seed, 3 << 20);
        place.backup("disk", &["--name", name]).ends(0);
    }
    place
}

fn dead(told: &serde_json::Value) -> Vec<u32> {
    let rows = told["segments"].as_array().unwrap().iter();
    rows.filter(|row| row["live_bytes"] == 0).map(|row| row["segment"].as_u64().unwrap().try_into().unwrap()).collect()
}

#[test]
fn segments_in_which_it_calls_nothing_in_use_are_those_that_gc_removes() {
    let place = filled("du");
    let whole = told(&place, 0);
    assert_eq!(whole["segments"].as_array().unwrap().len(), place.segments().len());
    place.run(["rm", "two"]).ends(0);
    let left = told(&place, 0);
    let freed = whole["live_bytes"].as_u64().unwrap() - left["live_bytes"].as_u64().unwrap();
    assert!((3 << 20..(3 << 20) + (64 << 10)).contains(&freed), "{freed}"); // its blocks, their tables, and a few pages
    let (dead, before) = (dead(&left), place.segments());
    place.run(["gc"]).ends(0);
    let after = place.segments();
    let removed: Vec<u32> = before.into_iter().filter(|segment| !after.contains(segment)).collect();
    assert!(removed.len() >= 2, "{removed:?}");
    assert_eq!(dead, removed);
    let words = place.run(["du"]).ends(0).out;
    assert!(words.contains("IN USE") && words.contains(" in use of "), "{words}");
}

#[test]
fn what_cannot_be_found_is_not_called_free() {
    let place = filled("du-lost");
    fs::remove_file(place.segment(1)).unwrap();
    let told = told(&place, 3);
    assert_eq!(told["complete"], false);
    place.run(["du"]).ends(3);
}
