//! Figures as people read them.

use std::time::Duration;

const UNITS: [&str; 7] = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];

/// Bytes, as in `12.3 MiB`.
pub fn size(bytes: u64) -> String {
    scaled(bytes as f64)
}

/// Bytes in a time, as in `512.0 MiB/s`.
pub fn rate(bytes: u64, time: Duration) -> String {
    format!("{}/s", scaled(bytes as f64 / time.as_secs_f64().max(0.001)))
}

fn scaled(mut value: f64) -> String {
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    let places = if unit == 0 { 0 } else { 1 };
    format!("{value:.places$} {}", UNITS[unit])
}

/// A power of two as it is given on the command line, as in `128K`.
pub fn short_size(bytes: u64) -> String {
    match bytes.trailing_zeros() {
        30.. => format!("{}G", bytes >> 30),
        20.. => format!("{}M", bytes >> 20),
        10.. => format!("{}K", bytes >> 10),
        _ => bytes.to_string(),
    }
}

/// A time, as in `3.2 s`.
pub fn seconds(time: Duration) -> String {
    match time.as_millis() {
        millis @ ..1000 => format!("{millis} ms"),
        _ => format!("{:.1} s", time.as_secs_f64()),
    }
}

/// A count and its noun, as in `1 block`, `1,024 blocks`.
pub fn count(number: u64, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{} {noun}{plural}", grouped(number))
}

/// A number in groups of three digits.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let groups = digits.as_bytes().rchunks(3).rev().map(String::from_utf8_lossy);
    groups.collect::<Vec<_>>().join(",")
}

/// Milliseconds since 1970 as date and time of day in UTC, as in `2026-01-31 23:59:59`.
pub fn moment(millis: u64) -> String {
    let seconds = millis / 1000;
    let (year, month, day) = civil(seconds / 86_400);
    let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}")
}

/// A day as `2026-01-31`: its start in UTC, in milliseconds since 1970.
pub fn date(text: &str) -> Result<u64, String> {
    let numbers: Vec<u64> = text.split('-').filter_map(|number| number.parse().ok()).collect();
    let day = match numbers[..] {
        [year, month, day] if (1970..=9999).contains(&year) && (1..=12).contains(&month) => days(year, month, day),
        _ => 0,
    };
    // Only a day that there is comes out as it went in.
    match moment(day * 86_400_000).strip_suffix(" 00:00:00") == Some(text) {
        true => Ok(day * 86_400_000),
        false => Err("not a date; say for example 2031-01-31".into()),
    }
}

/// Days from 1970 to a date: the inverse of [`civil`].
fn days(year: u64, month: u64, day: u64) -> u64 {
    let year = year - u64::from(month <= 2);
    let shifted = (month + 9) % 12;
    let day_of_year = (153 * shifted + 2) / 5 + day.clamp(1, 31) - 1;
    let (era, year_of_era) = (year / 400, year % 400);
    (era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year).saturating_sub(719_468)
}

/// The date of a day since 1970: years that begin in March, so that leap days come last (Howard Hinnant, "chrono-compatible low-level date algorithms").
fn civil(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    (year_of_era + era * 400 + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_one_place_and_a_unit() {
        assert_eq!(size(0), "0 B");
        assert_eq!(size(1023), "1023 B");
        assert_eq!(size(1024), "1.0 KiB");
        assert_eq!(size(u64::MAX), "16.0 EiB");
        assert_eq!(rate(1 << 20, Duration::from_millis(500)), "2.0 MiB/s");
    }

    #[test]
    fn dates_are_right_at_leap_days_and_ends_of_years() {
        let of = [0, 951_782_399, 951_782_400, 951_868_800, 1_767_225_599, 4_107_542_400];
        let told = of.map(|seconds: u64| moment(seconds * 1000 + 999));
        let right =
            ["1970-01-01 00:00:00", "2000-02-28 23:59:59", "2000-02-29 00:00:00", "2000-03-01 00:00:00", "2025-12-31 23:59:59"];
        assert_eq!(told[..5], right);
        assert_eq!(told[5], "2100-03-01 00:00:00", "2100 has no leap day");
    }

    #[test]
    fn every_day_is_read_as_it_is_told() {
        for day in 0..60_000 {
            let told = moment(day * 86_400_000);
            assert_eq!(date(&told[..10]), Ok(day * 86_400_000), "{told}");
        }
        for wrong in [
            "",
            "2026",
            "2026-02-29",
            "2026-13-01",
            "2026-00-10",
            "2026-04-31",
            "2026-04-00",
            "1969-12-31",
            "2026-1-1",
            "10000-01-01",
            "a-b-c",
            "2026-01-01-",
        ] {
            assert!(date(wrong).is_err(), "{wrong}");
        }
        assert!(date("9999-12-31").is_ok());
    }

    #[test]
    fn counts_are_grouped() {
        assert_eq!(count(1, "block"), "1 block");
        assert_eq!(count(0, "block"), "0 blocks");
        assert_eq!(count(1_234_567, "block"), "1,234,567 blocks");
    }

    #[test]
    fn any_time_has_a_date() {
        assert!(moment(u64::MAX).starts_with("5845"));
    }
}
