//! README.md: its example runs as it stands there, and every test it names exists.

use crate::place::{SARSEN, command_on};
use sarsen_tests::Scratch;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn readme() -> String {
    fs::read_to_string(root().join("README.md")).unwrap()
}

#[test]
fn the_example_runs_as_it_stands() {
    let readme = readme();
    let example = readme.split_once("## Ten lines\n\n```sh\n").and_then(|(_, rest)| rest.split_once("```")).unwrap().0;
    assert!(example.lines().count() <= 10);
    let scratch = Scratch::new("readme");
    let path = format!("{}:{}", Path::new(SARSEN).parent().unwrap().display(), std::env::var("PATH").unwrap());
    let ran = Command::new("sh").args(["-euc", example]).current_dir(scratch.path()).env("PATH", path).output().unwrap();
    assert!(ran.status.success(), "{ran:?}");
    assert!(fs::read(scratch.path().join("monday.img")).unwrap() == vec![0; 100 << 20]);
    let list = command_on(&scratch.path().join("repository"), ["ls"]).output().unwrap();
    assert!(String::from_utf8(list.stdout).unwrap().contains("vm@tuesday"));
}

#[test]
fn every_test_that_is_named_exists() {
    let readme = readme();
    let rows = readme
        .lines()
        .filter_map(|line| line.split_once("| `").filter(|(_, rest)| rest.contains(".rs` `") || rest.contains(".py` `")));
    let mut named = 0;
    for (_, rest) in rows {
        let mut words = rest.split('`');
        let (file, name) = (words.next().unwrap(), words.nth(1).unwrap());
        let source = fs::read_to_string(root().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
        let is_there = [format!("\nfn {name}()"), format!("\n    def {name}(self)")].iter().any(|start| source.contains(start));
        assert!(is_there, "{file} has no test {name}");
        named += 1;
    }
    assert!(named > 10);
}
