//! Holds the core's modules to the table of layers in docs/DESIGN.md, and the core to what its first principle forbids.
//!
//! It reads source as tokens, not as a compiler does: enough for paths, `mod` and attributes, and it cannot be misled by comments or strings.
//! In-file test modules are left out, because what a test uses is no dependency of the product.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// The modules of the table, lowest first.
fn table_of_layers(document: &str) -> Vec<String> {
    let rows = document
        .lines()
        .skip_while(|line| !line.starts_with("| layer | modules |"))
        .skip(2)
        .take_while(|line| line.starts_with('|'));
    let names = |row: &str| {
        let modules = row.split('|').nth(2).unwrap_or_default().to_owned();
        modules.split('`').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>()
    };
    rows.flat_map(names).collect()
}

/// Identifiers, and all else that is neither space, comment nor literal, one character each.
fn tokens(source: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut rest = source;
    while let Some(first) = rest.chars().next() {
        let len = token_len(rest, first);
        let (token, after) = rest.split_at(len);
        let is_word = first.is_alphanumeric() || first == '_';
        if is_word || (len == first.len_utf8() && !first.is_whitespace()) {
            found.push(token);
        }
        rest = after;
    }
    found
}

fn token_len(rest: &str, first: char) -> usize {
    let word = |from: &str| from.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(from.len());
    if rest.starts_with("//") {
        return rest.find('\n').unwrap_or(rest.len());
    }
    if rest.starts_with("/*") {
        return block_comment_len(rest);
    }
    if let Some(len) = raw_string_len(rest) {
        return len;
    }
    match first {
        '"' => quoted_len(rest, b'"'),
        // A lifetime has no second quote right behind its first character; a character literal has.
        '\'' if rest[1..].starts_with('\\') || rest.chars().nth(2) == Some('\'') => quoted_len(rest, b'\''),
        '\'' => 1 + word(&rest[1..]),
        _ if first.is_alphanumeric() || first == '_' => word(rest),
        _ => first.len_utf8(),
    }
}

fn quoted_len(rest: &str, quote: u8) -> usize {
    let bytes = rest.as_bytes();
    let mut at = 1;
    while at < bytes.len() && bytes[at] != quote {
        at += if bytes[at] == b'\\' { 2 } else { 1 };
    }
    (at + 1).min(bytes.len())
}

fn block_comment_len(rest: &str) -> usize {
    let mut depth = 0;
    let mut at = 0;
    while at < rest.len() {
        match &rest.as_bytes()[at..] {
            [b'/', b'*', ..] => (depth, at) = (depth + 1, at + 2),
            [b'*', b'/', ..] => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            return at;
        }
    }
    rest.len()
}

fn raw_string_len(rest: &str) -> Option<usize> {
    let open = rest.strip_prefix("br").or_else(|| rest.strip_prefix('r'))?;
    let hashes = open.len() - open.trim_start_matches('#').len();
    let body = open[hashes..].strip_prefix('"')?;
    let close = format!("\"{}", "#".repeat(hashes));
    let end = body.find(&close).map_or(body.len(), |at| at + close.len());
    Some(rest.len() - body.len() + end)
}

/// How many tokens the group in brackets that opens at the start takes, brackets included.
fn group_len(tokens: &[&str]) -> usize {
    let mut depth = 0;
    for (at, token) in tokens.iter().enumerate() {
        depth += i32::from(matches!(*token, "{" | "(" | "[")) - i32::from(matches!(*token, "}" | ")" | "]"));
        if depth <= 0 {
            return at + 1;
        }
    }
    tokens.len()
}

const TESTS: [&str; 10] = ["#", "[", "cfg", "(", "test", ")", "]", "mod", "tests", "{"];

/// The tokens outside `#[cfg(test)] mod tests { ... }`.
fn without_tests<'a>(tokens: &[&'a str]) -> Vec<&'a str> {
    let mut kept = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        if tokens[at..].starts_with(&TESTS) {
            let open = at + TESTS.len() - 1;
            at = open + group_len(&tokens[open..]);
        } else {
            kept.push(tokens[at]);
            at += 1;
        }
    }
    kept
}

/// The first names behind `root ::`, those of a group too.
fn first_names<'a>(tokens: &[&'a str], root: &str) -> Vec<&'a str> {
    let mut names = Vec::new();
    for at in 0..tokens.len() {
        match &tokens[at..] {
            [r, ":", ":", "{", ..] if *r == root => {
                let open = at + 3;
                let group = &tokens[open..open + group_len(&tokens[open..])];
                names.extend(group_names(group));
            }
            [r, ":", ":", name, ..] if *r == root => names.push(*name),
            _ => {}
        }
    }
    names
}

/// The first name of each item of `{a::b, c::{d}, e}`.
fn group_names<'a>(group: &[&'a str]) -> Vec<&'a str> {
    let mut names = Vec::new();
    let mut at = 1;
    let mut item_begins = true;
    while at < group.len().saturating_sub(1) {
        match group[at] {
            "{" => at += group_len(&group[at..]) - 1,
            "," => item_begins = true,
            name if item_begins => {
                names.push(name);
                item_begins = false;
            }
            _ => {}
        }
        at += 1;
    }
    names
}

/// What is wrong with one file of module `module`, which lies `depth` folders below `src/`.
fn faults_of_file(layers: &[String], module: &str, depth: usize, source: &str) -> Vec<String> {
    let code = without_tests(&tokens(source));
    let rank = |name: &str| layers.iter().position(|layer| layer == name);
    let mut used = first_names(&code, "crate");
    if depth == 0 {
        used.extend(first_names(&code, "super"));
    }
    let mut faults = Vec::new();
    for name in used.into_iter().filter(|name| *name != module) {
        match (rank(name), rank(module)) {
            (None, _) => faults.push(format!("uses crate::{name}, which is no module of the table")),
            (Some(theirs), Some(own)) if theirs > own => faults.push(format!("uses crate::{name}, which is not below it")),
            _ => {}
        }
    }
    if code.windows(4).any(|four| four == ["super", ":", ":", "super"]) {
        faults.push("climbs by super::super; say crate:: instead, which can be checked".to_owned());
    }
    faults.extend(forbidden(&code));
    faults
}

/// What no file of the core may hold outside its test module.
fn forbidden(code: &[&str]) -> Vec<String> {
    let mut faults = Vec::new();
    if code.contains(&"unsafe") {
        faults.push("is unsafe".to_owned());
    }
    if code.windows(2).any(|two| two == ["extern", "crate"]) {
        faults.push("takes in a crate that is not lent (extern crate)".to_owned());
    }
    let is_cfg = |word: &str| matches!(word, "cfg" | "cfg_attr");
    let about_tests = |at: usize| {
        let open = at + 1 + usize::from(code.get(at + 1) == Some(&"!"));
        code.get(open) == Some(&"(") && code[open..open + group_len(&code[open..])].contains(&"test")
    };
    if (0..code.len()).any(|at| is_cfg(code[at]) && about_tests(at)) {
        faults.push("behaves differently under test".to_owned());
    }
    faults
}

/// The names in `mod name;`.
fn declared_modules(lib: &str) -> Vec<String> {
    let code = tokens(lib);
    let declared = code.windows(3).filter(|three| three[0] == "mod" && three[2] == ";");
    declared.map(|three| three[1].to_owned()).collect()
}

/// Where the table and the declared modules differ.
fn faults_of_table(layers: &[String], declared: &[String]) -> Vec<String> {
    let absent = layers
        .iter()
        .filter(|name| !declared.contains(name))
        .map(|name| format!("the table names `{name}`, which does not exist"));
    let untold = declared.iter().filter(|name| !layers.contains(name)).map(|name| format!("the table does not name `{name}`"));
    let twice = layers
        .iter()
        .enumerate()
        .filter(|(at, name)| layers[..*at].contains(name))
        .map(|(_, name)| format!("the table names `{name}` twice"));
    absent.chain(untold).chain(twice).collect()
}

fn source_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder of sources") {
        let path = entry.expect("an entry of a folder of sources").path();
        if path.is_dir() {
            source_files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn the_core_keeps_to_the_table_of_layers() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let document = fs::read_to_string(root.join("docs/DESIGN.md")).expect("docs/DESIGN.md");
    let layers = table_of_layers(&document);
    assert!(!layers.is_empty(), "docs/DESIGN.md has no table of layers");

    let sources = root.join("core/src");
    let mut files = Vec::new();
    source_files(&sources, &mut files);
    let mut faults = BTreeMap::new();
    for file in files {
        let name = file.strip_prefix(&sources).expect("a path below core/src");
        let source = fs::read_to_string(&file).expect("a source file");
        let found = if name == Path::new("lib.rs") {
            let mut found = faults_of_table(&layers, &declared_modules(&source));
            found.extend(forbidden(&tokens(&source)));
            found
        } else {
            let module = name.with_extension("");
            let module = module.iter().next().and_then(|part| part.to_str()).expect("a module's name").to_owned();
            faults_of_file(&layers, &module, name.components().count() - 1, &source)
        };
        if !found.is_empty() {
            faults.insert(name.to_owned(), found);
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
}

fn layers(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn the_table_is_read_in_its_order() {
    let document = "# x\n| layer | modules | knows |\n|---|---|---|\n| a | `one`, `two` | `no` |\n| b | `three` | - |\n\n| c | `other` | - |\n";
    assert_eq!(table_of_layers(document), ["one", "two", "three"]);
}

#[test]
fn a_module_that_uses_one_above_it_is_found() {
    let layers = layers(&["low", "mid", "high"]);
    let faults = |module, depth, source| faults_of_file(&layers, module, depth, source);
    assert_eq!(faults("mid", 0, "use crate::low::Thing; use crate::mid::Own;"), [""; 0]);
    for bad in [
        "use crate::high::Thing;",
        "use crate::{low::Thing, high};",
        "use crate::{low::{a, b}, high::{c, d}};",
        "fn f() -> u8 { crate::high::make('\"', \"//\") }",
        "use super::high;",
        "/* crate::low */ type T<'a> = &'a crate /* odd */ ::high::T;",
    ] {
        assert_eq!(faults("mid", 0, bad), ["uses crate::high, which is not below it"], "{bad}");
    }
    assert_eq!(faults("mid", 0, "use crate::Thing;"), ["uses crate::Thing, which is no module of the table"]);
    assert_eq!(faults("mid", 1, "use super::bytes; use super::super::high;").len(), 1, "a folder's own files know each other");
}

#[test]
fn comments_strings_and_tests_use_nothing() {
    let layers = layers(&["low", "high"]);
    let source = r##"
        //! See [`crate::high`]. /* unsafe
        /// unsafe, crate::high
        const A: &str = "unsafe crate::high \" // ";
        const B: &str = r#"crate::high " unsafe"#; /* crate::high /* unsafe */ cfg(test) */
        #![forbid(unsafe_code)]
        #[cfg(feature = "test")]
        #[cfg(test)]
        mod tests { extern crate std; use crate::high::Thing; fn f() { unsafe { g(['{', '\'']) } } }
    "##;
    assert_eq!(faults_of_file(&layers, "low", 0, source), [""; 0]);
}

#[test]
fn what_the_core_forbids_is_found() {
    let layers = layers(&["low"]);
    for bad in [
        "fn f() { unsafe { g() } }",
        "extern crate alloc;",
        "#[cfg(test)] fn hook() {}",
        "#[cfg(not(test))] fn product() {}",
        "#[cfg_attr(test, allow(dead_code))] fn f() {}",
        "fn f() -> bool { cfg!(test) }",
        "#[cfg(test)] mod tests { } fn f() { unsafe {} }",
    ] {
        assert_eq!(faults_of_file(&layers, "low", 0, bad).len(), 1, "{bad}");
    }
}

#[test]
fn a_table_that_differs_from_the_modules_is_found() {
    let declared = declared_modules("pub mod a; mod b; #[cfg(test)] mod tests { }");
    assert_eq!(declared, ["a", "b"]);
    assert_eq!(faults_of_table(&layers(&["b", "a"]), &declared), [""; 0]);
    assert_eq!(faults_of_table(&layers(&["a", "c", "a"]), &declared).len(), 3);
}
