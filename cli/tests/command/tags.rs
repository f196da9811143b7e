//! Tags, protection and expiry: given, shown, refused.

use crate::place::Place;
use serde_json::json;
use std::time::{SystemTime, UNIX_EPOCH};

fn place(test: &str) -> Place {
    let place = Place::new(test);
    for (seed, name) in (1..).zip(["a", "b", "c"]) {
        place.random_file(name, seed, 100_000);
        place.backup(name, &["--name", name]).ends(0);
    }
    place
}

fn now_millis() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as u64
}

#[test]
fn tags_protection_and_expiry_are_given_and_shown() {
    let place = place("tags");
    let before = place.run(["ls", "--json"]).ends(0).json();
    let ran = place.run(["tag", "a", "c", "--add", "weekly", "--add", "before the move"]).ends(0);
    let id = |at: usize| before["versions"][at]["id"].as_str().unwrap();
    assert_eq!(ran.out, format!("tagged {}  a\ntagged {}  c\n", id(0), id(2)));
    place.run(["tag", "c", "--remove", "weekly", "--add", "öd\n"]).ends(0);
    place.run(["protect", "a", "b", "a"]).ends(0);
    place.run(["unprotect", "b"]).ends(0);
    place.run(["expire", "b", "--on", "2031-01-31"]).ends(0);
    place.run(["expire", "c", "--in", "2w"]).ends(0);
    let (list, now) = (place.run(["ls", "--json"]).ends(0).json(), now_millis());
    let rows = list["versions"].as_array().unwrap();
    let tags: Vec<_> = rows.iter().map(|row| row["tags"].clone()).collect();
    assert_eq!(tags, [json!(["weekly", "before the move"]), json!([]), json!(["before the move", "öd\n"])]);
    let protected: Vec<_> = rows.iter().map(|row| row["protected"].clone()).collect();
    assert_eq!(protected, [true, false, false]);
    assert_eq!((&rows[0]["expiry_ms"], &rows[1]["expiry_ms"]), (&json!(null), &json!(1_927_584_000_000_u64)));
    let in_two_weeks = rows[2]["expiry_ms"].as_u64().unwrap() - 14 * 86_400_000;
    assert!((now - 60_000..=now).contains(&in_two_weeks));
    for at in 0..3 {
        assert_eq!((&rows[at]["id"], &rows[at]["time_ms"]), (&before["versions"][at]["id"], &before["versions"][at]["time_ms"]));
    }
    let shown = place.run(["ls"]).ends(0).out;
    assert!(shown.contains("  protected  #weekly  #before the move\n"), "{shown}");
    assert!(shown.contains("  expires 2031-01-31 00:00:00\n"), "{shown}");
    assert!(shown.contains("  #before the move  #öd\\n\n"), "{shown}");
    place.run(["expire", "b", "--never"]).ends(0);
    assert_eq!(place.run(["ls", "--json"]).ends(0).json()["versions"][1]["expiry_ms"], json!(null));
    place.run(["scrub"]).ends(0);
}

#[test]
fn what_is_protected_is_not_removed_nor_what_was_named_beside_it() {
    let place = place("protected");
    place.run(["protect", "b"]).ends(0);
    let words = ["protected, so nothing was removed", "sarsen ls", "sarsen unprotect"];
    place.unchanged(|| place.run(["rm", "a", "b"])).ends(1).says(&words);
    place.run(["unprotect", "b"]).ends(0);
    place.run(["rm", "a", "b"]).ends(0);
}

#[test]
fn what_cannot_be_is_refused_and_changes_nothing() {
    let place = place("no-tags");
    let long = "t".repeat(256);
    place.unchanged(|| {
        place.run(["tag", "a"]).ends(2).says(&["--add", "--remove"]);
        place.run(["tag", "a", "--add", ""]).ends(2).says(&["at least one letter"]);
        place.run(["tag", "a", "--add", &long]).ends(2).says(&["255 bytes"]);
        place.run(["tag", "a", "nobody", "--add", "t"]).ends(1).says(&["`nobody`", "no such version"]);
        place.run(["expire", "a"]).ends(2);
        place.run(["expire", "a", "--on", "2031-02-29"]).ends(2).says(&["not a date"]);
        place.run(["expire", "a", "--in", "3 days"]).ends(2).says(&["not a span of time", "30d"]);
        place.run(["expire", "a", "--never", "--in", "3d"]).ends(2);
        place.run(["protect"]).ends(2);
    });
    let many: Vec<String> = (0..255).flat_map(|number| ["--add".into(), number.to_string()]).collect();
    place.run(["tag", "a"].map(String::from).iter().chain(&many)).ends(0);
    let refused = place.unchanged(|| place.run(["tag", "b", "a", "--add", "one more"]));
    refused.ends(1).says(&["no room for more tags", "tag --remove"]);
    place.run(["tag", "a", "--remove", "7", "--add", "one more"]).ends(0);
}
