//! diff: in which bytes two versions of a disk differ.

use super::ls::json;
use super::manifest;
use crate::failure::{Exit, Failure};
use crate::repository::{Site, pages};
use crate::{screen, versions};
use clap::Args;
use sarsen_core::ops::diff::{Differences, From, Options, Sink};
use sarsen_core::types::wide;
use sarsen_host::Access;
use serde::{Serialize, Serializer};

/// The arguments of diff.
#[derive(Args, Debug)]
pub struct Diff {
    /// The older version
    pub old: String,
    /// The newer version
    pub new: String,
    /// As a JSON list in the shape of `rbd diff --format json`, which `backup --hints` takes
    #[arg(long)]
    pub json: bool,
}

/// A range that differs, in JSON as `rbd diff` tells it.
#[derive(Clone, Copy, Serialize)]
struct Range {
    offset: u64,
    #[serde(rename = "length")]
    len_bytes: u64,
    #[serde(rename = "exists", serialize_with = "exists")]
    zero: bool,
}

/// Not zero, as a string.
fn exists<S: Serializer>(zero: &bool, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(if *zero { "false" } else { "true" })
}

/// All of them, those that touch made one.
#[derive(Default)]
struct List(Vec<Range>);

impl List {
    fn add(&mut self, range: Range) {
        match self.0.last_mut() {
            Some(last) if last.zero == range.zero && last.offset + last.len_bytes == range.offset => {
                last.len_bytes += range.len_bytes;
            }
            _ => self.0.push(range),
        }
    }
}

impl Sink for List {
    fn data(&mut self, offset: u64, bytes: &[u8]) -> Result<(), embedded_io::ErrorKind> {
        self.add(Range { offset, len_bytes: wide(bytes.len()), zero: false });
        Ok(())
    }

    fn zero(&mut self, offset: u64, len_bytes: u64) -> Result<(), embedded_io::ErrorKind> {
        self.add(Range { offset, len_bytes, zero: true });
        Ok(())
    }
}

impl Diff {
    pub fn run(&self, site: &Site) -> Result<Exit, Failure> {
        let list = self.list(site)?;
        if self.json {
            screen::print_plain(&format!("{}\n", json(&list.0)?))?;
            return Ok(Exit::Done);
        }
        for Range { offset, len_bytes, zero } in list.0 {
            screen::print(format_args!("{offset:>16} {len_bytes:>14}  {}", if zero { "zero" } else { "data" }))?;
        }
        Ok(Exit::Done)
    }

    fn list(&self, site: &Site) -> Result<List, Failure> {
        let repository = site.open(Access::Read, "diff")?;
        repository.with(|store| {
            let failure = |error| repository.failure(error);
            let (old, new) = (versions::find_version(store, &self.old)?.told, versions::find_version(store, &self.new)?.told);
            let (mut old_pages, mut new_pages) = (pages(), pages());
            let old = manifest::open(store, &old, &mut old_pages).map_err(failure)?;
            let new = manifest::open(store, &new, &mut new_pages).map_err(failure)?;
            let mut list = List::default();
            let mut task = Differences::new(store, From::Version(old), new, &mut list, Options::default()).map_err(failure)?;
            repository.run(&mut task, store, None, |_| {}).map_err(failure)?;
            Ok(list)
        })
    }
}
