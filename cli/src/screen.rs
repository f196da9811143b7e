//! Where words go: results to standard output, everything else to standard error.

use crate::failure::{Exit, Failure};
use crate::paint;
use std::fmt::Display;
use std::io::{self, Write};

/// Prints a line of the result.
pub fn print(line: impl Display) -> Result<(), Failure> {
    told(writeln!(anstream::stdout(), "{line}"))
}

/// Prints many lines at once, without colours: for what programs read.
pub fn print_plain(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    told(out.write_all(text.as_bytes()).and_then(|()| out.flush()))
}

fn told(written: io::Result<()>) -> Result<(), Failure> {
    written.map_err(|error| match error.kind() {
        // Whoever read has seen enough, as in `sarsen ls | head`.
        io::ErrorKind::BrokenPipe => Failure::new(Exit::Failed, ""),
        _ => Failure::new(Exit::Failed, format!("cannot write to standard output: {error}")),
    })
}

/// Says something beside the result.
pub fn note(line: impl Display) {
    // Where standard error cannot be written to there is nobody left to tell.
    writeln!(anstream::stderr(), "{line}").ok();
}

/// Says what somebody should know.
pub fn warn(line: impl Display) {
    note(format_args!("{} {line}", paint::wary("warning:")));
}

/// A name as it can be shown on one line, whatever it holds.
pub fn shown(name: &str) -> String {
    name.chars().map(|letter| if letter.is_control() { letter.escape_default().to_string() } else { letter.into() }).collect()
}
