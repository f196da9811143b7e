//! What the system knows of this process: the most memory it had, and how long its children worked.

use std::fs;

/// Most resident bytes so far, as the system counts them; none where it does not.
pub fn peak_bytes() -> Option<u64> {
    status("VmHWM:")
}

/// Resident bytes now.
pub fn resident_bytes() -> Option<u64> {
    status("VmRSS:")
}

/// Begins a new peak where the system allows it; otherwise peaks are those since the process began.
pub fn forget_peak() {
    if fs::write("/proc/self/clear_refs", "5").is_err() {
        eprintln!("peaks of memory are those since the process began");
    }
}

fn status(field: &str) -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(field))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

/// Seconds that processors worked for children that have ended; 0 where the system does not say.
pub fn children_seconds() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The name, in brackets, may hold anything; the two fields are the 14th and 15th behind it.
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace().skip(13).take(2);
    let ticks: u64 = fields.filter_map(|field| field.parse::<u64>().ok()).sum();
    ticks as f64 / rustix::param::clock_ticks_per_second() as f64
}
