//! Colours by meaning. Written everywhere; [`crate::screen`] takes them away where nobody would see them.

use anstyle::{AnsiColor, Style};

const BAD: Style = AnsiColor::Red.on_default().bold();
const GOOD: Style = AnsiColor::Green.on_default();
const WARY: Style = AnsiColor::Yellow.on_default();
const STRONG: Style = Style::new().bold();
const FAINT: Style = Style::new().dimmed();

fn painted(style: Style, text: impl std::fmt::Display) -> String {
    format!("{style}{text}{style:#}")
}

/// What went wrong.
pub fn bad(text: impl std::fmt::Display) -> String {
    painted(BAD, text)
}

/// What is as it should be.
pub fn good(text: impl std::fmt::Display) -> String {
    painted(GOOD, text)
}

/// What somebody should know.
pub fn wary(text: impl std::fmt::Display) -> String {
    painted(WARY, text)
}

/// Headings.
pub fn strong(text: impl std::fmt::Display) -> String {
    painted(STRONG, text)
}

/// Remarks.
pub fn faint(text: impl std::fmt::Display) -> String {
    painted(FAINT, text)
}
