//! Where figures work: scratch directories that are gone afterwards, and the image that is backed up.

use crate::image;
use sarsen_benches::{Failure, Measured};
use std::cell::{Cell, RefCell};
use std::fs;
use std::path::{Path, PathBuf};

/// What the command line says of places.
#[derive(Debug)]
pub struct Place {
    /// The image named by the user.
    pub image: Option<PathBuf>,
    /// Where scratch directories are made.
    pub below: PathBuf,
    made: RefCell<Option<Scratch>>,
    scratches: Cell<u32>,
}

impl Place {
    /// The system's temporary directory, and no image yet.
    pub fn new() -> Place {
        Place { image: None, below: std::env::temp_dir(), made: RefCell::default(), scratches: Cell::new(0) }
    }

    /// A new directory.
    pub fn scratch(&self, name: &str) -> Measured<Scratch> {
        self.scratches.set(self.scratches.get() + 1);
        let path = self.below.join(format!("sarsen-figures-{}-{}-{name}", std::process::id(), self.scratches.get()));
        fs::create_dir(&path).map_err(|error| Failure(format!("{}: {error}", path.display())))?;
        Ok(Scratch(path))
    }

    /// The image: the user's, or one made once for all tables.
    pub fn image(&self) -> Measured<PathBuf> {
        if let Some(path) = &self.image {
            return Ok(path.clone());
        }
        if self.made.borrow().is_none() {
            let scratch = self.scratch("image")?;
            image::make(&scratch.path().join("image"))?;
            *self.made.borrow_mut() = Some(scratch);
        }
        let made = self.made.borrow();
        let scratch = made.as_ref().ok_or(Failure("no image".into()))?;
        Ok(scratch.path().join("image"))
    }
}

/// A directory that is removed with all it holds.
#[derive(Debug)]
pub struct Scratch(PathBuf);

impl Scratch {
    /// The directory.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.0) {
            eprintln!("{} stays: {error}", self.0.display());
        }
    }
}
