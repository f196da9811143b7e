//! The `sarsen` command: says in words and figures what the engine does. It decides nothing about data.
//!
//! [`arguments`] is what can be asked, [`commands`] one file for each answer; [`repository`] opens and runs, [`versions`] finds;
//! [`hints`] reads what others say has changed;
//! [`failure`] and [`explain`] are every way to fail, in words; [`screen`], [`paint`], [`progress`], [`figures`] are what a person sees.

mod arguments;
mod commands;
mod explain;
mod failure;
mod figures;
mod hints;
mod paint;
mod progress;
mod repository;
mod screen;
mod versions;

use arguments::Arguments;
use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match commands::run(arguments) {
        Ok(exit) => exit.into(),
        Err(failure) => {
            failure.tell();
            failure.exit().into()
        }
    }
}
