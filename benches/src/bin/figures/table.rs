//! Tables as docs/BENCHMARKS.md has them: what was measured, its limit, and whether it is kept.

use sarsen_benches::stopwatch::Seconds;

/// A figure and its limit.
#[derive(Clone, Copy, Debug)]
pub enum Goal {
    /// There is none: for the picture.
    None,
    /// At most so much.
    AtMost(f64),
    /// At least so much.
    AtLeast(f64),
}

/// Begins a table.
pub fn begin(title: &str) {
    println!("\n### {title}\n\n| what | measured | limit | |\n|---|---|---|---|");
}

/// A row with a figure; `unit` as it is written behind it.
pub fn row(what: &str, measured: f64, unit: &str, goal: Goal) {
    let digits = if measured < 10.0 { 3 } else { 1 };
    let (limit, kept) = match goal {
        Goal::None => return println!("| {what} | {measured:.digits$} {unit} | | |"),
        Goal::AtMost(limit) => (format!("at most {limit} {unit}"), measured <= limit),
        Goal::AtLeast(limit) => (format!("at least {limit} {unit}"), measured >= limit),
    };
    let verdict = if kept { "kept" } else { "**missed**" };
    println!("| {what} | {measured:.digits$} {unit} | {limit} | {verdict} |");
}

/// A row with a time; of the processors' time there is no limit.
pub fn time(what: &str, seconds: Seconds, goal: Goal) {
    row(&format!("{what} (processors: {:.3} s)", seconds.cpu), seconds.wall, "s", goal);
}

/// A row in words.
pub fn note(what: &str, said: &str) {
    println!("| {what} | {said} | | |");
}

/// 10^6 bytes.
pub fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

/// 2^20 bytes.
pub fn mebibytes(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}
