//! protect and unprotect: whether versions may be removed.

use super::amend;
use crate::failure::{Exit, Failure};
use crate::repository::Site;
use clap::Args;
use sarsen_core::format::amendment::Amendment;

/// The arguments of protect and unprotect.
#[derive(Args, Debug)]
pub struct Protect {
    /// Which versions
    #[arg(required = true, value_name = "VERSION")]
    versions: Vec<String>,
}

impl Protect {
    /// They may not be removed.
    pub fn run(&self, site: &Site) -> Result<Exit, Failure> {
        amend::run(site, "protect", &self.versions, &[Amendment::Protect], "protected")
    }

    /// They may.
    pub fn undo(&self, site: &Site) -> Result<Exit, Failure> {
        amend::run(site, "unprotect", &self.versions, &[Amendment::Unprotect], "given up")
    }
}
