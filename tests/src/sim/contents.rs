//! What lies on a medium, as bytes: to compare, to keep, and to exchange with other tools.

use sarsen_core::types::SegmentNumber;
use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;

/// All segments and the pin.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Contents {
    /// The segments' bytes.
    pub segments: BTreeMap<SegmentNumber, Arc<Vec<u8>>>,
    /// The pin's.
    pub pin: Option<Arc<Vec<u8>>>,
}

impl Contents {
    /// Bytes of all segments.
    pub fn len_bytes(&self) -> usize {
        self.segments.values().map(|bytes| bytes.len()).sum()
    }

    /// Writes a new directory laid out as docs/FORMAT.md section 1 says; nothing is removed from one there is.
    pub fn to_directory(&self, path: &Path) -> io::Result<()> {
        fs::create_dir_all(path.join("segments"))?;
        for (number, bytes) in &self.segments {
            fs::write(path.join(format!("segments/{:010}.seg", number.0)), bytes.as_slice())?;
        }
        self.pin.iter().try_for_each(|pin| fs::write(path.join("head"), pin.as_slice()))
    }

    /// Reads such a directory.
    pub fn from_directory(path: &Path) -> io::Result<Contents> {
        let mut contents = Contents::default();
        for entry in path.join("segments").read_dir()? {
            let entry = entry?;
            let name = entry.file_name();
            let digits = name.to_str().and_then(|name| name.strip_suffix(".seg")).filter(|digits| digits.len() == 10);
            if let Some(number) = digits.and_then(|digits| digits.parse().ok()) {
                contents.segments.insert(SegmentNumber(number), Arc::new(fs::read(entry.path())?));
            }
        }
        contents.pin = match fs::read(path.join("head")) {
            Ok(pin) => Some(Arc::new(pin)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        Ok(contents)
    }
}

/// Lengths only: a failed comparison should fit on a screen.
impl fmt::Debug for Contents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lengths = self.segments.iter().map(|(number, bytes)| (number.0, bytes.len()));
        f.debug_map().entries(lengths).entry(&"pin", &self.pin.as_ref().map(|pin| pin.len())).finish()
    }
}
