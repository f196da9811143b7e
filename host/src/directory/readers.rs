//! Segments open for reading: a small cache, so that a walk over a thousand segments never holds a thousand descriptors.

use crate::mutex::locked;
use sarsen_core::types::SegmentNumber;
use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex};

/// The most descriptors kept open. Well below the usual limit of 1,024 a process, well above the worker threads of any machine.
const FILES_MAX: usize = 64;

/// Open files by segment, the one used last at the end.
#[derive(Debug, Default)]
pub(super) struct Readers {
    files: Mutex<Vec<(SegmentNumber, Arc<File>)>>,
}

impl Readers {
    /// The segment, open for reading. The file is opened outside the lock: two threads may both open it, which does no harm.
    pub(super) fn get(&self, segment: SegmentNumber, path: &Path) -> io::Result<Arc<File>> {
        if let Some(file) = self.held(segment) {
            return Ok(file);
        }
        let file = Arc::new(File::open(path)?);
        self.keep(segment, Arc::clone(&file));
        Ok(file)
    }

    fn held(&self, segment: SegmentNumber) -> Option<Arc<File>> {
        let mut files = locked(&self.files);
        let place = files.iter().position(|(number, _)| *number == segment)?;
        files[place..].rotate_left(1);
        files.last().map(|(_, file)| Arc::clone(file))
    }

    fn keep(&self, segment: SegmentNumber, file: Arc<File>) {
        let mut files = locked(&self.files);
        files.retain(|(number, _)| *number != segment);
        if files.len() == FILES_MAX {
            files.remove(0);
        }
        files.push((segment, file));
    }

    /// Closes every segment for which `stays` is false.
    pub(super) fn retain(&self, stays: impl Fn(SegmentNumber) -> bool) {
        locked(&self.files).retain(|(number, _)| stays(*number));
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_cache_is_bounded_and_keeps_what_was_used_last() {
        let readers = Readers::default();
        let path = std::env::current_exe().unwrap();
        for number in 0..200 {
            readers.get(SegmentNumber(number), &path).unwrap();
            readers.get(SegmentNumber(0), &path).unwrap();
        }
        let held: Vec<u32> = locked(&readers.files).iter().map(|(number, _)| number.0).collect();
        assert_eq!(held.len(), FILES_MAX);
        assert_eq!(held[FILES_MAX - 2..], [199, 0]);
        readers.retain(|number| number.0 == 0);
        assert_eq!(locked(&readers.files).len(), 1);
    }
}
