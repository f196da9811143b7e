//! Errors of the operating system in the words of a medium.

use rustix::io::Errno;
use sarsen_core::error::Trouble;
use std::io::{Error, ErrorKind};

/// What a medium says when the operating system says `error`.
pub(crate) fn trouble(error: Error) -> Trouble {
    match error.kind() {
        ErrorKind::NotFound => Trouble::Gone,
        ErrorKind::AlreadyExists => Trouble::Exists,
        // A file longer than the system lets this process write: other places may have space, but this one gives no more.
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => Trouble::Full,
        ErrorKind::ReadOnlyFilesystem => Trouble::ReadOnly,
        ErrorKind::UnexpectedEof => Trouble::Short,
        kind => Trouble::Failed(kind.into()),
    }
}

/// What a medium says when reading bytes that are there failed with `error`: a bad sector is damage to what lies in it, not the end of everything.
pub(crate) fn read_trouble(error: Error) -> Trouble {
    match Errno::from_io_error(&error) {
        Some(Errno::IO) => Trouble::Unreadable,
        _ => trouble(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(errno: Errno) -> Trouble {
        trouble(errno.into())
    }

    #[test]
    fn errors_that_a_core_acts_on_keep_their_meaning() {
        assert_eq!(of(Errno::NOSPC), Trouble::Full);
        assert_eq!(of(Errno::DQUOT), Trouble::Full);
        assert_eq!(of(Errno::FBIG), Trouble::Full);
        assert_eq!(of(Errno::ROFS), Trouble::ReadOnly);
        assert_eq!(of(Errno::NOENT), Trouble::Gone);
        assert_eq!(of(Errno::EXIST), Trouble::Exists);
        assert_eq!(of(Errno::ACCESS), Trouble::Failed(embedded_io::ErrorKind::PermissionDenied));
        assert_eq!(of(Errno::IO), Trouble::Failed(embedded_io::ErrorKind::Other));
        assert_eq!(read_trouble(Errno::IO.into()), Trouble::Unreadable);
        assert_eq!(read_trouble(Errno::NOENT.into()), Trouble::Gone);
    }
}
