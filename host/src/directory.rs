//! A repository in a directory: names that people, `par2` and `rsync` can read, and one writer at a time.
//!
//! What may run at once: any number of readers, in any process, beside one writer, whom a lock of the operating system names.
//! What a crash leaves: a segment longer or shorter than was written, a `head.tmp` nobody reads, a lock nobody holds. The core expects all three.

mod listing;
mod lock;
mod names;
mod readers;
mod reserve;
mod tails;

use crate::error::OpenError;
use crate::mutex::locked;
use crate::trouble::{read_trouble, trouble};
use listing::Listing;
use lock::WriterLock;
use readers::Readers;
use sarsen_core::error::Trouble;
use sarsen_core::medium::{Medium, MediumMut, Name, Rules};
use sarsen_core::types::SegmentNumber;
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use tails::{Tails, sync_directory};

/// The greatest length of a segment the format allows.
const SEGMENT_BYTES: u32 = 1 << 30;

/// What a directory is opened for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Access {
    /// Only reading; takes no lock and writes nothing.
    Read,
    /// Reading and writing; refused while another process writes.
    Write,
}

/// A medium that is a directory.
#[derive(Debug)]
pub struct DirectoryMedium {
    root: PathBuf,
    lock: Option<WriterLock>,
    listing: Mutex<Listing>,
    readers: Readers,
    tails: Tails,
}

impl DirectoryMedium {
    /// Opens a repository's directory.
    pub fn open(path: impl AsRef<Path>, access: Access) -> Result<DirectoryMedium, OpenError> {
        let root = path.as_ref();
        root.read_dir().map_err(OpenError::failed("open the directory", root))?;
        if !root.join(names::SEGMENTS).is_dir() {
            return Err(OpenError::NotARepository { path: root.to_owned() });
        }
        let lock = match access {
            Access::Read => None,
            Access::Write => Some(WriterLock::take(root)?),
        };
        let (listing, readers, tails) = Default::default();
        Ok(DirectoryMedium { root: root.to_owned(), lock, listing, readers, tails })
    }

    /// Makes the directory of a new repository and opens it for writing. A directory that exists may hold no foreign names.
    pub fn create(path: impl AsRef<Path>) -> Result<DirectoryMedium, OpenError> {
        let root = path.as_ref();
        make_directory(root)?;
        refuse_foreign_names(root)?;
        make_directory(&root.join(names::SEGMENTS))?;
        DirectoryMedium::open(root, Access::Write)
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        &self.root
    }

    /// Reads the directory anew, and closes segments that are gone: another process may have removed them.
    fn refresh(&self, listing: &mut Listing) -> Result<(), Trouble> {
        listing.refresh(&self.root.join(names::SEGMENTS)).map_err(trouble)?;
        self.readers.retain(|segment| listing.contains(segment));
        Ok(())
    }

    fn with_file<R>(&self, name: Name, act: impl FnOnce(&File) -> io::Result<R>) -> Result<R, Trouble> {
        let acted = match name {
            Name::Segment(segment) => {
                let path = names::segment_path(&self.root, segment);
                self.readers.get(segment, &path).and_then(|file| act(&file))
            }
            // Opened each time: it is replaced by renaming, and an open descriptor would go on showing the old one.
            Name::Pin => File::open(self.root.join(names::PIN)).and_then(|file| act(&file)),
        };
        acted.map_err(read_trouble)
    }

    fn writable(&self) -> Result<(), Trouble> {
        self.lock.as_ref().map(|_| ()).ok_or(Trouble::ReadOnly)
    }
}

/// Makes a directory durably, unless there is one.
fn make_directory(path: &Path) -> Result<(), OpenError> {
    match fs::create_dir(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
        Err(error) => Err(OpenError::failed("make the directory", path)(error)),
        Ok(()) => sync_directory(parent(path)).map_err(OpenError::failed("make the directory durable", path)),
    }
}

fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

fn refuse_foreign_names(root: &Path) -> Result<(), OpenError> {
    let failed = || OpenError::failed("read the directory", root);
    for entry in root.read_dir().map_err(failed())? {
        let name = entry.map_err(failed())?.file_name();
        if !name.to_str().is_some_and(names::is_own) {
            let found = name.to_string_lossy().into_owned();
            return Err(OpenError::NotEmpty { path: root.to_owned(), found });
        }
    }
    Ok(())
}

impl Medium for DirectoryMedium {
    fn rules(&self) -> Rules {
        Rules { write_bytes: 1, segment_bytes: SEGMENT_BYTES, pin: true }
    }

    /// A walk from the start sees what other processes did; one under way sees one moment.
    fn next(&self, after: Option<SegmentNumber>) -> Result<Option<SegmentNumber>, Trouble> {
        let mut listing = locked(&self.listing);
        if after.is_none() {
            self.refresh(&mut listing)?;
        }
        Ok(listing.next(after))
    }

    fn previous(&self, before: Option<SegmentNumber>) -> Result<Option<SegmentNumber>, Trouble> {
        let mut listing = locked(&self.listing);
        if before.is_none() {
            self.refresh(&mut listing)?;
        }
        Ok(listing.previous(before))
    }

    fn len(&self, name: Name) -> Result<u64, Trouble> {
        self.with_file(name, |file| Ok(file.metadata()?.len()))
    }

    fn read(&self, name: Name, at: u64, to: &mut [u8]) -> Result<(), Trouble> {
        self.with_file(name, |file| file.read_exact_at(to, at))
    }

    fn writer(&self) -> Option<&dyn MediumMut> {
        self.lock.as_ref().map(|_| self as &dyn MediumMut)
    }
}

impl MediumMut for DirectoryMedium {
    fn create(&self, segment: SegmentNumber) -> Result<(), Trouble> {
        self.writable()?;
        self.tails.create(&self.root, segment)?;
        locked(&self.listing).insert(segment);
        Ok(())
    }

    /// Once this, or `sync`, has failed, both go on failing for the segment: what it holds is known again only after opening anew.
    fn append(&self, segment: SegmentNumber, bytes: &[u8]) -> Result<(), Trouble> {
        self.writable()?;
        self.tails.append(&self.root, segment, bytes)
    }

    fn sync(&self, segment: SegmentNumber) -> Result<(), Trouble> {
        self.writable()?;
        self.tails.sync(&self.root, segment)
    }

    fn remove(&self, segment: SegmentNumber) -> Result<(), Trouble> {
        self.writable()?;
        fs::remove_file(names::segment_path(&self.root, segment)).map_err(trouble)?;
        self.tails.forget(segment);
        self.readers.retain(|number| number != segment);
        locked(&self.listing).remove(segment);
        Ok(())
    }

    fn replace_pin(&self, bytes: &[u8]) -> Result<(), Trouble> {
        self.writable()?;
        replace(&self.root, bytes).map_err(trouble)
    }

    fn hold(&self, bytes: u64) -> Result<(), Trouble> {
        self.writable()?;
        reserve::hold(&self.root.join(names::RESERVE), bytes).map_err(trouble)
    }
}

/// The new pin is durable before it takes the old one's name, so that a power cut leaves the one or the other.
fn replace(root: &Path, bytes: &[u8]) -> io::Result<()> {
    let next = root.join(names::PIN_NEXT);
    let mut file = File::create(&next)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&next, root.join(names::PIN))?;
    sync_directory(root)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::scratch::Scratch;
    use sarsen_core::error::Trouble;

    const FIRST: SegmentNumber = SegmentNumber(0);
    const SECOND: SegmentNumber = SegmentNumber(1);

    fn read(medium: &DirectoryMedium, name: Name, at: u64, len: usize) -> Result<Vec<u8>, Trouble> {
        let mut bytes = vec![0; len];
        medium.read(name, at, &mut bytes).map(|()| bytes)
    }

    #[test]
    fn appends_are_read_back_at_once_and_after_opening_again() {
        let scratch = Scratch::new("append");
        let root = scratch.path().join("repository");
        let medium = DirectoryMedium::create(&root).unwrap();
        medium.create(FIRST).unwrap();
        medium.append(FIRST, b"sarsen ").unwrap();
        medium.append(FIRST, b"stones").unwrap();
        assert_eq!(read(&medium, Name::Segment(FIRST), 3, 6).unwrap(), b"sen st");
        medium.sync(FIRST).unwrap();
        drop(medium);

        let medium = DirectoryMedium::open(&root, Access::Write).unwrap();
        medium.append(FIRST, b"!").unwrap();
        medium.sync(FIRST).unwrap();
        assert_eq!(medium.len(Name::Segment(FIRST)), Ok(14));
        assert_eq!(fs::read(root.join("segments/0000000000.seg")).unwrap(), b"sarsen stones!");
    }

    #[test]
    fn reading_beyond_the_end_is_short_and_a_missing_name_is_gone() {
        let scratch = Scratch::new("short");
        let medium = DirectoryMedium::create(scratch.path()).unwrap();
        medium.create(FIRST).unwrap();
        medium.append(FIRST, &[1; 16]).unwrap();
        assert_eq!(read(&medium, Name::Segment(FIRST), 0, 16), Ok(vec![1; 16]));
        assert_eq!(read(&medium, Name::Segment(FIRST), 1, 16), Err(Trouble::Short));
        assert_eq!(read(&medium, Name::Segment(SECOND), 0, 1), Err(Trouble::Gone));
        assert_eq!(medium.len(Name::Segment(SECOND)), Err(Trouble::Gone));
        assert_eq!(medium.len(Name::Pin), Err(Trouble::Gone));
    }

    #[test]
    fn a_segment_is_created_once() {
        let scratch = Scratch::new("exists");
        let medium = DirectoryMedium::create(scratch.path()).unwrap();
        medium.create(FIRST).unwrap();
        assert_eq!(medium.create(FIRST), Err(Trouble::Exists));
        fs::write(scratch.path().join("segments/0000000001.seg"), b"another's").unwrap();
        assert_eq!(medium.create(SECOND), Err(Trouble::Exists));
    }

    #[test]
    fn the_pin_is_replaced_whole() {
        let scratch = Scratch::new("pin");
        let medium = DirectoryMedium::create(scratch.path()).unwrap();
        medium.replace_pin(b"a longer first pin").unwrap();
        medium.replace_pin(b"second").unwrap();
        assert_eq!(medium.len(Name::Pin), Ok(6));
        assert_eq!(read(&medium, Name::Pin, 0, 6).unwrap(), b"second");
        assert!(!scratch.path().join("head.tmp").exists());
    }

    #[test]
    fn a_reader_sees_new_and_removed_segments_when_it_walks_again() {
        let scratch = Scratch::new("walk");
        let writer = DirectoryMedium::create(scratch.path()).unwrap();
        let reader = DirectoryMedium::open(scratch.path(), Access::Read).unwrap();
        assert_eq!(reader.next(None), Ok(None));
        writer.create(FIRST).unwrap();
        writer.append(FIRST, b"here").unwrap();
        assert_eq!(reader.next(None), Ok(Some(FIRST)));
        assert_eq!(read(&reader, Name::Segment(FIRST), 0, 4).unwrap(), b"here");
        writer.create(SECOND).unwrap();
        assert_eq!(reader.next(Some(FIRST)), Ok(None));
        assert_eq!(reader.previous(None), Ok(Some(SECOND)));

        writer.remove(FIRST).unwrap();
        assert_eq!(writer.remove(FIRST), Err(Trouble::Gone));
        assert_eq!(writer.next(None), Ok(Some(SECOND)));
        assert_eq!(reader.previous(None), Ok(Some(SECOND)));
        assert_eq!(read(&reader, Name::Segment(FIRST), 0, 4), Err(Trouble::Gone));
    }

    #[test]
    fn there_is_one_writer_at_a_time_and_the_second_is_told_who_writes() {
        let scratch = Scratch::new("lock");
        let first = DirectoryMedium::create(scratch.path()).unwrap();
        let refused = DirectoryMedium::open(scratch.path(), Access::Write).unwrap_err();
        assert!(matches!(refused, OpenError::Busy { .. }));
        let text = refused.to_string();
        assert!(text.contains("another process is writing"), "{text}");
        assert!(text.contains(&std::process::id().to_string()), "{text}");
        DirectoryMedium::open(scratch.path(), Access::Read).unwrap();
        drop(first);
        DirectoryMedium::open(scratch.path(), Access::Write).unwrap();
    }

    #[test]
    fn a_reader_writes_nothing() {
        let scratch = Scratch::new("reader");
        drop(DirectoryMedium::create(scratch.path()).unwrap());
        fs::remove_file(scratch.path().join("lock")).unwrap();
        let reader = DirectoryMedium::open(scratch.path(), Access::Read).unwrap();
        assert!(reader.writer().is_none());
        assert_eq!(reader.create(FIRST), Err(Trouble::ReadOnly));
        assert_eq!(reader.append(FIRST, b"x"), Err(Trouble::ReadOnly));
        assert_eq!(reader.sync(FIRST), Err(Trouble::ReadOnly));
        assert_eq!(reader.remove(FIRST), Err(Trouble::ReadOnly));
        assert_eq!(reader.replace_pin(b"x"), Err(Trouble::ReadOnly));
        assert_eq!(reader.hold(1), Err(Trouble::ReadOnly));
        assert_eq!(scratch.path().read_dir().unwrap().count(), 1);
    }

    #[test]
    fn only_an_empty_directory_becomes_a_repository() {
        let scratch = Scratch::new("create");
        fs::write(scratch.path().join("thesis.tex"), b"").unwrap();
        let refused = DirectoryMedium::create(scratch.path()).unwrap_err();
        assert!(matches!(&refused, OpenError::NotEmpty { found, .. } if found == "thesis.tex"), "{refused}");
        assert!(!scratch.path().join("segments").exists());
        fs::remove_file(scratch.path().join("thesis.tex")).unwrap();
        drop(DirectoryMedium::create(scratch.path()).unwrap());
        // A creation that was interrupted can be repeated; whether there is a repository already, the core sees.
        DirectoryMedium::create(scratch.path()).unwrap();
    }

    #[test]
    fn what_is_no_repository_is_refused_in_words() {
        let scratch = Scratch::new("refused");
        let missing = DirectoryMedium::open(scratch.path().join("none"), Access::Read).unwrap_err();
        assert!(matches!(missing, OpenError::Failed { .. }), "{missing}");
        let bare = DirectoryMedium::open(scratch.path(), Access::Write).unwrap_err();
        assert!(matches!(bare, OpenError::NotARepository { .. }), "{bare}");
        assert!(!scratch.path().join("lock").exists());
    }

    #[test]
    fn many_threads_read_more_segments_than_files_may_be_open() {
        let scratch = Scratch::new("threads");
        let medium = DirectoryMedium::create(scratch.path()).unwrap();
        for number in 0..150u32 {
            medium.create(SegmentNumber(number)).unwrap();
            medium.append(SegmentNumber(number), &number.to_le_bytes()).unwrap();
        }
        std::thread::scope(|scope| {
            for start in 0..4 {
                let medium = &medium;
                scope.spawn(move || {
                    for step in 0..600u32 {
                        let number = (start * 37 + step * 7) % 150;
                        let bytes = read(medium, Name::Segment(SegmentNumber(number)), 0, 4).unwrap();
                        assert_eq!(bytes, number.to_le_bytes());
                    }
                });
            }
        });
    }

    #[test]
    fn a_segment_somebody_else_wrote_can_be_made_durable() {
        let scratch = Scratch::new("sync");
        let medium = DirectoryMedium::create(scratch.path()).unwrap();
        fs::write(scratch.path().join("segments/0000000000.seg"), b"left by a crash").unwrap();
        medium.sync(FIRST).unwrap();
        assert_eq!(medium.sync(SECOND), Err(Trouble::Gone));
    }

    /// /dev/full refuses every write for lack of space, whoever writes.
    #[test]
    fn after_a_failed_write_a_segment_takes_no_more() {
        let scratch = Scratch::new("full");
        let medium = DirectoryMedium::create(scratch.path()).unwrap();
        std::os::unix::fs::symlink("/dev/full", scratch.path().join("segments/0000000000.seg")).unwrap();
        assert_eq!(medium.append(FIRST, &[0; 16]), Err(Trouble::Full));
        let poisoned = Err(Trouble::Failed(embedded_io::ErrorKind::BrokenPipe));
        assert_eq!(medium.append(FIRST, &[0; 16]), poisoned);
        assert_eq!(medium.sync(FIRST), poisoned);
    }

    #[test]
    fn the_reserve_comes_and_goes() {
        let scratch = Scratch::new("hold");
        let medium = DirectoryMedium::create(scratch.path()).unwrap();
        medium.hold(100_000).unwrap();
        assert_eq!(scratch.path().join("reserve").metadata().unwrap().len(), 100_000);
        medium.hold(0).unwrap();
        assert!(!scratch.path().join("reserve").exists());
    }
}
