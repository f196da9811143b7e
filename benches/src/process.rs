//! What the system knows of this process: the most memory it had.

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
