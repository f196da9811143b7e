//! docs/VERIFY.md: its script, run as it stands there, gives the lines of `sarsen manifest`.

use crate::place::{Place, skipped};
use sarsen_tests::image::{self, Layout};
use std::fs;
use std::path::Path;
use std::process::Command;

fn script() -> String {
    let document = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/VERIFY.md");
    let text = fs::read_to_string(document).unwrap();
    let script =
        text.split_once("```python\n").and_then(|(_, rest)| rest.split_once("```")).expect("the document has a script").0;
    script.to_owned()
}

#[test]
fn the_script_is_at_most_fifteen_lines() {
    assert!(script().lines().count() <= 15);
}

#[test]
fn the_script_prints_the_lines_of_a_manifest() {
    if Command::new("python3").arg("--version").output().is_err() {
        assert!(std::env::var_os("CI").is_none(), "CI has python3");
        return skipped("python3 is not installed");
    }
    let place = Place::with("verify", &["--block", "128K", "--frame", "32K", "--fan-out", "16"]);
    let mut image = image::image(5, Layout::SMALL);
    image.truncate(image.len() - 12_345);
    fs::write(place.path("disk"), &image).unwrap();
    fs::write(place.path("verify.py"), script()).unwrap();
    place.backup("disk", &["--name", "vm"]).ends(0);
    let manifest = place.run(["manifest", "vm"]).ends(0).out;
    let printed =
        Command::new("python3").args([place.path("verify.py"), place.path("disk")]).args(["131072", "32768"]).output().unwrap();
    assert!(printed.status.success(), "{printed:?}");
    assert_eq!(String::from_utf8(printed.stdout).unwrap(), manifest);
    assert_eq!(manifest.lines().count(), image.len().div_ceil(128 << 10));
    assert!(manifest.lines().any(|line| line == "-") && manifest.lines().any(|line| line.len() == 64));
}
