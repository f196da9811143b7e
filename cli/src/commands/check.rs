//! check: looks at the structure, and whether everything a version needs is there. Reads only.

use super::inspect::{Look, inspect};
use crate::failure::{Exit, Failure};
use crate::repository::Site;
use clap::Args;
use sarsen_host::Access;

/// The arguments of check.
#[derive(Args, Debug)]
pub struct Check {
    /// Print JSON, as docs/VERIFY.md describes it
    #[arg(long)]
    json: bool,
}

impl Check {
    pub fn run(&self, site: &Site) -> Result<Exit, Failure> {
        let repository = site.open(Access::Read, "check")?;
        inspect(&repository, Look::Structure)?.tell("checked", self.json)
    }
}
