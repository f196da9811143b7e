//! How a command ends: well, or with words and a code.

use crate::explain;
use crate::{paint, screen};
use sarsen_core::error::{Error, Refusal};
use sarsen_host::OpenError;
use std::process::ExitCode;

/// Exit codes; the same in `--help` and README.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Exit {
    Done = 0,
    Failed = 1,
    // 2 is clap's: the command line was not understood.
    Usage = 2,
    Damage = 3,
    Mismatch = 4,
    SourceChanged = 5,
    Unread = 6,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit as u8)
    }
}

/// Why a command could not do what it was asked.
#[derive(Debug)]
pub struct Failure {
    exit: Exit,
    words: String,
}

impl Failure {
    /// With a code of its own.
    pub fn new(exit: Exit, words: impl Into<String>) -> Failure {
        Failure { exit, words: words.into() }
    }

    /// What an error means, `place` saying whose it is.
    pub fn at(place: impl std::fmt::Display, error: Error) -> Failure {
        Failure { exit: exit_of(&error), words: format!("{place}: {}", explain::error(&error)) }
    }

    /// The exit code.
    pub fn exit(&self) -> Exit {
        self.exit
    }

    /// The words.
    pub fn words(&self) -> &str {
        &self.words
    }

    /// Tells the person. Without words there is nothing to tell: whoever read the output has gone.
    pub fn tell(&self) {
        if !self.words().is_empty() {
            screen::note(format_args!("{} {}", paint::bad("error:"), self.words()));
        }
    }
}

fn exit_of(error: &Error) -> Exit {
    match error {
        Error::Refused(Refusal::Behind | Refusal::Rebuilt) => Exit::Damage,
        error if error.is_damage() => Exit::Damage,
        Error::Hint { .. } | Error::Unlike { .. } | Error::Outcome => Exit::Mismatch,
        Error::Refused(Refusal::StreamParameters | Refusal::StreamBase | Refusal::StreamWhole | Refusal::StreamStart) => {
            Exit::Mismatch
        }
        _ => Exit::Failed,
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        Failure { exit: exit_of(&error), words: explain::error(&error) }
    }
}

impl From<OpenError> for Failure {
    fn from(error: OpenError) -> Failure {
        Failure { exit: Exit::Failed, words: explain::open_error(&error) }
    }
}
