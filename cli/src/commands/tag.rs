//! tag: gives versions tags, or takes them away.

use super::amend;
use crate::failure::{Exit, Failure};
use crate::repository::Site;
use clap::Args;
use sarsen_core::format::amendment::Amendment;
use sarsen_core::format::record::TEXT_MAX;

/// The arguments of tag.
#[derive(Args, Debug)]
#[command(group = clap::ArgGroup::new("what").required(true).multiple(true))]
pub struct Tag {
    /// Which versions
    #[arg(required = true, value_name = "VERSION")]
    versions: Vec<String>,
    /// A tag they get; may be given several times
    #[arg(long, value_name = "TAG", group = "what", value_parser = tag)]
    add: Vec<String>,
    /// A tag they have no longer; may be given several times
    #[arg(long, value_name = "TAG", group = "what", value_parser = tag)]
    remove: Vec<String>,
}

fn tag(text: &str) -> Result<String, String> {
    match text.len() {
        0 => Err("a tag has at least one letter".into()),
        len if len > TEXT_MAX => Err("a tag has at most 255 bytes".into()),
        _ => Ok(text.into()),
    }
}

impl Tag {
    pub fn run(&self, site: &Site) -> Result<Exit, Failure> {
        // What is taken away makes room first.
        let removed = self.remove.iter().map(|tag| Amendment::Untag(tag));
        let amendments: Vec<Amendment<'_>> = removed.chain(self.add.iter().map(|tag| Amendment::Tag(tag))).collect();
        amend::run(site, "tag", &self.versions, &amendments, "tagged")
    }
}
