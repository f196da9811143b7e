//! The directory in which a demo happens.

use crate::failure::{Exit, Failure};
use crate::screen;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// A new directory below the system's temporary one; removed with all it holds, unless it is to be kept.
pub struct Room {
    path: PathBuf,
    keep: bool,
}

impl Room {
    pub fn new(keep: bool) -> Result<Room, Failure> {
        let path = std::env::temp_dir().join(format!("sarsen-demo-{}", std::process::id()));
        fs::create_dir(&path).map_err(failed(&path))?;
        Ok(Room { path, keep })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        if self.keep {
            return;
        }
        if let Err(error) = fs::remove_dir_all(&self.path) {
            screen::warn(format_args!("{}: cannot be removed: {error}", self.path.display()));
        }
    }
}

/// For `map_err`: what the system said of a file of the demo.
pub fn failed(path: &Path) -> impl Fn(io::Error) -> Failure {
    move |error| {
        Failure::new(
            Exit::Failed,
            format!("{}: {error}; the demo needs about 400 MiB there, TMPDIR names another place", path.display()),
        )
    }
}
