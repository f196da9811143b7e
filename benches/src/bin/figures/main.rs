//! The tables of docs/BENCHMARKS.md, measured here and now.
//!
//! ```text
//! figures [--image FILE] [--below DIR] manifest|open|ls|index|backup|frames|memory|changes|chain|sector|drafts|nor|nbd|quick|all ...
//! ```
//!
//! `--image` names a disk image to back up; without it one is made of files of `/usr`, which needs `mke2fs`. `--below` says where repositories
//! are written (default: the system's temporary directory); they are removed afterwards. `quick` is manifest, open, ls and index.

mod backup;
mod chain;
mod changes;
mod day;
mod drafts;
mod frames;
mod image;
mod index;
mod limits;
mod ls;
mod manifest;
mod memory;
mod nbd;
mod nor;
mod open;
mod peers;
mod place;
mod runs;
mod sector;
mod table;

use place::Place;
use sarsen_benches::{Failure, Measured};
use std::process::ExitCode;

const QUICK: [&str; 4] = ["manifest", "open", "ls", "index"];
const ALL: [&str; 13] =
    ["manifest", "open", "ls", "index", "backup", "frames", "memory", "changes", "chain", "sector", "drafts", "nor", "nbd"];

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure(text)) => {
            eprintln!("figures: {text}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Measured<()> {
    let mut place = Place::new();
    let mut wanted = Vec::new();
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or(Failure(format!("{argument} what?")));
        match argument.as_str() {
            "--image" => place.image = Some(value()?.into()),
            "--below" => place.below = value()?.into(),
            // A run of its own, so that its memory can be told from ours.
            memory::ALONE => return memory::alone(&value()?, &value()?, &value()?),
            "quick" => wanted.extend(QUICK.map(String::from)),
            "all" => wanted.extend(ALL.map(String::from)),
            _ => wanted.push(argument),
        }
    }
    if wanted.is_empty() {
        wanted.extend(ALL.map(String::from));
    }
    wanted.iter().try_for_each(|name| print(name, &place))
}

fn print(name: &str, place: &Place) -> Measured<()> {
    match name {
        "manifest" => manifest::print(),
        "open" => open::print(place),
        "ls" => ls::print(place),
        "index" => index::print(),
        "backup" => backup::print(place),
        "frames" => frames::print(place),
        "memory" => memory::print(place),
        "changes" => changes::print(place),
        "chain" => chain::print(place),
        "sector" => sector::print(place),
        "drafts" => drafts::print(place),
        "nor" => {
            nor::print();
            Ok(())
        }
        "nbd" => nbd::print(place),
        _ => Err(Failure(format!("there is no table {name}: {}, quick, all", ALL.join(", ")))),
    }
}
