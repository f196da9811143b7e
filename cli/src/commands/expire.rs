//! expire: from when on versions are not needed. Nothing is removed by that; `ls` shows it.

use super::amend;
use crate::failure::{Exit, Failure};
use crate::figures::{date, moment};
use crate::repository::Site;
use clap::Args;
use sarsen_core::format::amendment::Amendment;
use sarsen_core::host::Host;
use sarsen_host::System;

const DAY_MILLIS: u64 = 86_400_000;

/// The arguments of expire.
#[derive(Args, Debug)]
#[command(group = clap::ArgGroup::new("when").required(true))]
pub struct Expire {
    /// Which versions
    #[arg(required = true, value_name = "VERSION")]
    versions: Vec<String>,
    /// From the start of this day on (UTC), as in 2031-01-31
    #[arg(long, value_name = "DATE", group = "when", value_parser = date)]
    on: Option<u64>,
    /// So many days, weeks or years (of 365 days) from now on, as in 30d, 12w, 7y
    #[arg(long = "in", value_name = "SPAN", group = "when", value_parser = span)]
    after: Option<u64>,
    /// Never
    #[arg(long, group = "when")]
    never: bool,
}

/// Milliseconds.
fn span(text: &str) -> Result<u64, String> {
    let days = match text.chars().last() {
        Some('d') => 1,
        Some('w') => 7,
        Some('y') => 365,
        _ => 0,
    };
    let number: Option<u64> = text.get(..text.len().saturating_sub(1)).and_then(|digits| digits.parse().ok());
    let millis = number.filter(|_| days > 0).and_then(|number| number.checked_mul(days * DAY_MILLIS));
    millis.ok_or_else(|| "not a span of time; say for example 30d, 12w or 7y".into())
}

impl Expire {
    pub fn run(&self, site: &Site) -> Result<Exit, Failure> {
        let expiry = match (self.on, self.after) {
            (Some(day), _) => day,
            (None, Some(millis)) => System::new().now().saturating_add(millis),
            // `--never` is what is left.
            (None, None) => 0,
        };
        let done = if expiry == 0 { "never expires".into() } else { format!("expires {} UTC", moment(expiry)) };
        amend::run(site, "expire", &self.versions, &[Amendment::Expire(expiry)], &format!("{done}:"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_days_weeks_and_years() {
        assert_eq!(["0d", "30d", "2w", "1y"].map(span), [0, 30, 14, 365].map(|days| Ok(days * DAY_MILLIS)));
        for wrong in ["", "d", "30", "-1d", "1.5d", "3m", "d3", "99999999999999999d", "3ü"] {
            assert!(span(wrong).is_err(), "{wrong}");
        }
    }
}
