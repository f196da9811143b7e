//! demo: everything once, on a small disk made for the purpose.

use crate::failure::{Exit, Failure};
use clap::Args;
use std::num::NonZeroUsize;

/// The arguments of demo.
#[derive(Args, Debug)]
pub struct Demo {
    /// Keep the directory it all happens in, and say where it is
    #[arg(long)]
    keep: bool,
}

impl Demo {
    pub fn run(&self, _threads: NonZeroUsize) -> Result<Exit, Failure> {
        Ok(if self.keep { Exit::Failed } else { Exit::Done })
    }
}
