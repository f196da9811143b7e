//! The demo tells its story to the end, and leaves nothing behind.

use crate::place::{Ran, SARSEN};
use sarsen_tests::Scratch;
use std::process::Command;

#[test]
fn the_demo_proves_what_it_tells_and_cleans_up() {
    let scratch = Scratch::new("demo");
    let ran = Ran::of(Command::new(SARSEN).arg("demo").env("TMPDIR", scratch.path()).output().unwrap()).ends(0);
    for words in [
        "Monday is whole; Tuesday is hit",
        "every byte is as it was, the lost ones too",
        "Three versions of a disk of 64.0 MiB take",
    ] {
        assert!(ran.out.contains(words), "no {words:?} in {}", ran.out);
    }
    assert!(!ran.out.contains('\x1b'), "colours are for terminals");
    assert_eq!(scratch.path().read_dir().unwrap().count(), 0);
}

#[test]
fn the_demo_keeps_what_it_is_asked_to_keep() {
    let scratch = Scratch::new("demo-kept");
    let ran = Ran::of(Command::new(SARSEN).args(["demo", "--keep"]).env("TMPDIR", scratch.path()).output().unwrap()).ends(0);
    assert!(ran.out.contains("Kept in "));
    let kept = scratch.path().read_dir().unwrap().next().unwrap().unwrap().path();
    Ran::of(Command::new(SARSEN).arg("ls").arg("--repo").arg(kept.join("repository")).output().unwrap()).ends(0);
}
