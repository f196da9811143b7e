//! rm: takes versions and drafts out of the list, all or none.

use crate::failure::{Exit, Failure};
use crate::repository::{Repository, Site};
use crate::screen::{self, shown};
use crate::versions::{self, Item, Told};
use clap::Args;
use sarsen_core::catalogue::{Search, Wanted};
use sarsen_core::error::{Error, Refusal};
use sarsen_core::ops::remove::remove;
use sarsen_core::store::Store;
use sarsen_host::Access;

/// The arguments of rm.
#[derive(Args, Debug)]
pub struct Rm {
    /// Which versions and drafts
    #[arg(required = true, value_name = "VERSION")]
    versions: Vec<String>,
}

impl Rm {
    pub fn run(&self, site: &Site) -> Result<Exit, Failure> {
        let repository = site.open(Access::Write, "rm")?;
        let removed = repository.with(|store| self.remove(&repository, store))?;
        for item in removed {
            let called = item.told.as_ref().map_or_else(String::new, Told::called);
            screen::print(format_args!("removed {}  {called}", item.id))?;
        }
        screen::note("`sarsen gc` and `sarsen compact` give the space back");
        Ok(Exit::Done)
    }

    fn remove(&self, repository: &Repository, store: &mut Store<'_>) -> Result<Vec<Item>, Failure> {
        let items = versions::list(store).map_err(|error| repository.failure(error))?;
        let mut chosen: Vec<Item> = Vec::new();
        for wanted in &self.versions {
            let item = find(store, &items, wanted).map_err(|error| Failure::at(format_args!("`{}`", shown(wanted)), error))?;
            if chosen.iter().all(|other| other.entry != item.entry) {
                chosen.push(item);
            }
        }
        remove(store, chosen.iter().map(|item| item.entry)).map_err(|error| repository.failure(error))?;
        Ok(chosen)
    }
}

/// The row that is meant. One whose record cannot be read is known by that record's id alone.
fn find(store: &mut Store<'_>, items: &[Item], wanted: &str) -> Result<Item, Error> {
    let unknown = Error::Refused(Refusal::UnknownVersion);
    let of_entry = match Search::of(store, Wanted::parse(wanted)).run(store) {
        Ok(found) => items.iter().find(|item| item.entry == found.entry),
        Err(error) if error == unknown => {
            let mut unreadable = items.iter().filter(|item| item.told.is_none() && begins(item, wanted));
            let first = unreadable.next();
            if unreadable.next().is_some() {
                return Err(Refusal::AmbiguousVersion.into());
            }
            first
        }
        Err(error) => return Err(error),
    };
    of_entry.cloned().ok_or(unknown)
}

fn begins(item: &Item, wanted: &str) -> bool {
    wanted.len() >= 4 && item.id.to_string().starts_with(wanted)
}
