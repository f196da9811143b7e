//! Why something could not be opened: in words, because whoever named it reads them.

use std::error::Error;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// Why a directory, a file or a device could not be opened.
#[derive(Debug)]
#[non_exhaustive]
pub enum OpenError {
    /// The directory lacks what every repository has.
    NotARepository {
        /// The directory.
        path: PathBuf,
    },
    /// A repository was to be made in a directory that holds something else.
    NotEmpty {
        /// The directory.
        path: PathBuf,
        /// A name in it that is no part of a repository.
        found: String,
    },
    /// Another process writes to the repository.
    Busy {
        /// The repository's directory.
        path: PathBuf,
        /// What the lock says about who holds it; may be empty.
        holder: String,
    },
    /// Neither a regular file nor a block device.
    NotADisk {
        /// What was named.
        path: PathBuf,
        /// What it is.
        found: &'static str,
    },
    /// A device that holds less than the disk to be restored.
    TooSmall {
        /// The device.
        path: PathBuf,
        /// Its size.
        size_bytes: u64,
        /// The disk's size.
        needed_bytes: u64,
    },
    /// The operating system refused.
    Failed {
        /// What was attempted, as in "cannot ...".
        doing: &'static str,
        /// On what.
        path: PathBuf,
        /// What it said.
        source: io::Error,
    },
}

impl OpenError {
    /// For `map_err`: the operating system refused `doing` on `path`.
    pub(crate) fn failed(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> OpenError {
        move |source| OpenError::Failed { doing, path: path.to_owned(), source }
    }
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            OpenError::NotARepository { path } => write!(
                f,
                "{}: not a repository, as it has no directory `segments`; name the directory that holds it, or make a repository first",
                path.display()
            ),
            OpenError::NotEmpty { path, found } => write!(
                f,
                "{}: holds `{found}`, which is no part of a repository; name a new or an empty directory",
                path.display()
            ),
            OpenError::Busy { path, holder } => {
                write!(f, "{}: another process is writing to this repository", path.display())?;
                if !holder.is_empty() {
                    write!(f, " ({holder})")?;
                }
                write!(f, "; wait until it has ended")
            }
            OpenError::NotADisk { path, found } => {
                write!(f, "{}: is a {found}; name a regular file or a block device", path.display())
            }
            OpenError::TooSmall { path, size_bytes, needed_bytes } => {
                write!(f, "{}: has {size_bytes} bytes, the disk needs {needed_bytes}; name a larger device", path.display())
            }
            OpenError::Failed { doing, path, source } => write!(f, "{}: cannot {doing}: {source}", path.display()),
        }
    }
}

impl Error for OpenError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            OpenError::Failed { source, .. } => Some(source),
            _ => None,
        }
    }
}
