//! Writes include/sarsen.h from ffi/src, or with `--check` says whether it is as committed. Anything C sees that has no words is refused.

use std::path::Path;
use std::process::ExitCode;
use std::{env, fs};

const HEAD: &str = "\
/* sarsen: block backup. The C face of the engine; docs/C.md is its manual.
 *
 * The library owns nothing: medium, disk, time and randomness are callbacks with a context pointer, memory is lent, and so are threads. It has no global
 * state. The hosted build (`sarsen_is_hosted`) can take memory from the heap, and opens directories and files by itself.
 *
 * Handles (`struct sarsen_repository` and so on) lie where you put them, and must stay there while they are open. NULL, a handle that is not open, one of
 * another kind, and one that was copied or moved are answered with SARSEN_BAD_HANDLE. Whatever is in a handle is overwritten when it is
 * opened, so close it before; one that may never have been opened must be all zeros for any other call.
 *
 * Where nothing else is said: a function answers a `sarsen_status`; `fault`, which may be NULL, says where it failed; a NULL that is not allowed is
 * SARSEN_BAD_ARGUMENT; an error changes nothing; lengths and offsets are bytes; texts are UTF-8 and end with a zero byte.
 *
 * Threads: distinct repositories are independent. Calls on one repository, and on what was opened on it, may come from any thread; with `lock` in the host
 * (always in `sarsen_directory_open`) they wait for each other, without they answer SARSEN_BUSY when they meet. `sarsen_job_perform` and the reading and
 * decoding of `sarsen_version_read_at` run in parallel, each with a work of its own. A callback must not call the library on the repository it is called
 * for: SARSEN_BUSY, but for `read` of a disk, which is called without the lock. Opening and closing a handle is for one thread.
 *
 * Written by tools/header from ffi/src: change it there. */";

fn generate(root: &Path) -> Result<String, String> {
    let mut config = cbindgen::Config {
        language: cbindgen::Language::C,
        header: Some(HEAD.into()),
        include_guard: Some("SARSEN_H".into()),
        cpp_compat: true,
        style: cbindgen::Style::Tag,
        documentation_style: cbindgen::DocumentationStyle::C,
        usize_is_size_t: true,
        no_includes: true,
        sys_includes: vec!["stddef.h".into(), "stdint.h".into()],
        line_length: 150,
        tab_width: 4,
        ..cbindgen::Config::default()
    };
    config.export.include = ENUMS.map(String::from).to_vec();
    config.export.exclude = HIDDEN.map(String::from).to_vec();
    config.export.item_types = ITEMS.to_vec();
    let bindings = cbindgen::Builder::new()
        .with_config(config)
        .with_crate(root.join("ffi"))
        .generate()
        .map_err(|error| format!("ffi/ cannot be read: {error}"))?;
    let mut bytes = Vec::new();
    bindings.write(&mut bytes);
    let text = String::from_utf8(bytes).map_err(|error| error.to_string())?;
    let text = tidy(&text);
    undocumented(&text)?;
    Ok(text)
}

/// Enumerations that only numbers in other structs refer to.
const ENUMS: [&str; 9] = [
    "sarsen_medium_answer",
    "sarsen_preset",
    "sarsen_need",
    "sarsen_state",
    "sarsen_step_kind",
    "sarsen_finding",
    "sarsen_access",
    "sarsen_target",
    "sarsen_status",
];

/// Constants of the Rust side.
const HIDDEN: [&str; 5] = ["CHUNK_BYTES", "NOWHERE", "FITS", "TEXTS", "TAG"];

const ITEMS: [cbindgen::ItemType; 6] = [
    cbindgen::ItemType::Constants,
    cbindgen::ItemType::Enums,
    cbindgen::ItemType::Structs,
    cbindgen::ItemType::Typedefs,
    cbindgen::ItemType::Functions,
    cbindgen::ItemType::OpaqueItems,
];

/// What Rust's readers are told under "Safety" is a matter of course in C; comments take no more lines than they need, and no line ends with a space.
fn tidy(text: &str) -> String {
    let mut tidied = String::new();
    let mut lines = text.lines().map(str::trim_end);
    while let Some(line) = lines.next() {
        if line.trim() != "/*" {
            tidied.push_str(line);
            tidied.push('\n');
            continue;
        }
        let indent = &line[..line.len() - 2];
        let mut words: Vec<&str> = lines.by_ref().map(str::trim).take_while(|line| *line != "*/").collect();
        words.truncate(words.iter().position(|line| *line == "# Safety").unwrap_or(words.len()));
        words.truncate(words.iter().rposition(|line| !line.is_empty()).map_or(0, |last| last + 1));
        let joined = words.iter().map(|line| format!(" {line}").trim_end().to_owned()).collect::<Vec<_>>();
        tidied.push_str(&format!("{indent}/*{} */\n", joined.join(&format!("\n{indent} *"))));
    }
    tidied
}

/// Functions, fields, variants and types without a comment before them.
fn undocumented(text: &str) -> Result<(), String> {
    let lines: Vec<&str> = text.lines().collect();
    let needs_words = |line: &str| {
        let code = line.trim();
        let declares = code.ends_with(';') || code.ends_with(',') || code.ends_with('(') || code.starts_with("struct ");
        let own = ["sarsen_", "SARSEN_", "struct sarsen_", "typedef", "uint", "int", "const", "enum sarsen_"];
        declares
            && own.iter().any(|start| code.starts_with(start))
            && !code.starts_with("typedef int32_t sarsen_")
            && !code.starts_with("typedef enum")
    };
    let mut depth = 0_i32;
    for (at, line) in lines.iter().enumerate() {
        let before = at.checked_sub(1).and_then(|before| lines.get(before)).map_or("", |before| before.trim());
        if needs_words(line) && depth == 0 && !before.ends_with("*/") {
            return Err(format!("line {}: C sees this, and nothing is said of it:\n{line}", at + 1));
        }
        // Parameters on lines of their own are part of their function.
        depth += i32::try_from(line.matches('(').count()).unwrap_or(0) - i32::try_from(line.matches(')').count()).unwrap_or(0);
    }
    Ok(())
}

fn main() -> ExitCode {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let path = root.join("include/sarsen.h");
    let text = match generate(&root) {
        Ok(text) => text,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::FAILURE;
        }
    };
    if env::args().any(|argument| argument == "--check") {
        let same = fs::read_to_string(&path).is_ok_and(|committed| committed == text);
        if !same {
            eprintln!("include/sarsen.h is not what ffi/src says: cargo run --manifest-path tools/header/Cargo.toml");
        }
        return if same { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    }
    match fs::write(&path, text) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{}: cannot be written: {error}", path.display());
            ExitCode::FAILURE
        }
    }
}
