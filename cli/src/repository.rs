//! A repository as a command sees it: opened, lent memory and threads, and run.

use crate::failure::Failure;
use crate::progress::Line;
use sarsen_core::disk::Disk;
use sarsen_core::error::Error;
use sarsen_core::store::{Store, table_bytes};
use sarsen_core::task::{Event, Task};
use sarsen_host::runner::{self, Shared};
use sarsen_host::{Access, DirectoryMedium, StoreRoom, System};
use std::num::NonZeroUsize;
use std::path::PathBuf;

/// Where a repository is, and how many threads work on it.
#[derive(Clone, Debug)]
pub struct Site {
    /// Its directory.
    pub path: PathBuf,
    /// How many threads.
    pub threads: NonZeroUsize,
}

impl Site {
    /// Opens the repository; `verb` is what its progress is called.
    pub fn open(&self, access: Access, verb: &'static str) -> Result<Repository, Failure> {
        Ok(self.over(DirectoryMedium::open(&self.path, access)?, verb))
    }

    /// A repository on a medium that is open already.
    pub fn over(&self, medium: DirectoryMedium, verb: &'static str) -> Repository {
        let line = Line::new(verb);
        let drawn = line.clone();
        let system = System::watched(move |progress| drawn.draw(progress));
        Repository { site: self.clone(), medium, system, line }
    }
}

/// A repository that is open.
pub struct Repository {
    site: Site,
    /// Its medium.
    pub medium: DirectoryMedium,
    /// Time and randomness.
    pub system: System<'static>,
    line: Line,
}

impl Repository {
    /// Opens the store as of its newest commit, and does something with it.
    pub fn with<R>(&self, act: impl FnOnce(&mut Store<'_>) -> Result<R, Failure>) -> Result<R, Failure> {
        let mut room = StoreRoom::new();
        let mut store = Store::open(&self.medium, &self.system, room.lend()).map_err(|error| self.failure(error))?;
        act(&mut store)
    }

    /// Runs a verb; `say` hears what happens.
    pub fn run<T: Task>(
        &self,
        task: &mut T,
        store: &mut Store<'_>,
        disk: Option<&(dyn Disk + Sync)>,
        mut say: impl FnMut(Event),
    ) -> Result<T::Report, Error> {
        let shared = Shared { medium: &self.medium, disk };
        let mut heard = |_: &Store<'_>, event| {
            self.line.clear();
            say(event);
        };
        let report = runner::run(task, store, shared, self.site.threads, &mut heard);
        self.line.clear();
        report
    }

    /// Takes the line of progress away.
    pub fn clear(&self) {
        self.line.clear();
    }

    /// What an error means here.
    pub fn failure(&self, error: Error) -> Failure {
        Failure::at(self.site.path.display(), error)
    }
}

/// Memory for a path through any manifest or table: the widest pages of the format, and its greatest depth.
pub fn pages() -> Vec<u8> {
    vec![0; table_bytes(8, 9)]
}
