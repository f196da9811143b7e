//! scrub: looks at every byte, and notes what is damaged where it may write, so that the next backup mends it.

use super::inspect::{Look, inspect};
use crate::failure::{Exit, Failure};
use crate::repository::{Repository, Site};
use crate::screen;
use clap::Args;
use sarsen_host::{Access, DirectoryMedium, OpenError};
use std::io;

/// The arguments of scrub.
#[derive(Args, Debug)]
pub struct Scrub {
    /// Only what this version needs
    version: Option<String>,
    /// Print JSON, as docs/VERIFY.md describes it
    #[arg(long)]
    json: bool,
}

impl Scrub {
    pub fn run(&self, site: &Site) -> Result<Exit, Failure> {
        let repository = open(site)?;
        let look = self.version.as_deref().map_or(Look::Bytes, Look::BytesOf);
        inspect(&repository, look)?.tell("scrubbed", self.json)
    }
}

/// For writing if that can be had, otherwise for reading: whoever may not write may still know.
pub fn open(site: &Site) -> Result<Repository, Failure> {
    let refused = match DirectoryMedium::open(&site.path, Access::Write) {
        Ok(medium) => return Ok(site.over(medium, "scrub")),
        Err(error) if needs_no_write(&error) => error,
        Err(error) => return Err(error.into()),
    };
    let repository = site.open(Access::Read, "scrub")?;
    screen::warn(format_args!("damage is told but cannot be noted in the repository: {refused}"));
    Ok(repository)
}

fn needs_no_write(error: &OpenError) -> bool {
    use io::ErrorKind::{PermissionDenied, QuotaExceeded, ReadOnlyFilesystem, StorageFull};
    match error {
        OpenError::Busy { .. } => true,
        OpenError::Failed { source, .. } => {
            matches!(source.kind(), PermissionDenied | ReadOnlyFilesystem | StorageFull | QuotaExceeded)
        }
        _ => false,
    }
}
