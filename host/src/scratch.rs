//! A directory for one test, gone when the test has ended.

use std::path::{Path, PathBuf};

pub(crate) struct Scratch(PathBuf);

impl Scratch {
    pub(crate) fn new(test: &str) -> Scratch {
        Scratch::within(&std::env::temp_dir(), test)
    }

    pub(crate) fn within(parent: &Path, test: &str) -> Scratch {
        let path = parent.join(format!("sarsen-host-{}-{test}", std::process::id()));
        std::fs::create_dir(&path).expect("a test's directory is new");
        Scratch(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let removed = std::fs::remove_dir_all(&self.0);
        assert!(removed.is_ok() || std::thread::panicking(), "a test removes its directory: {removed:?}");
    }
}
