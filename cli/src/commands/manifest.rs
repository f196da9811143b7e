//! manifest: the id of every block of a version, so that anyone can compare it with the disk (docs/VERIFY.md).

use crate::failure::{Exit, Failure};
use crate::repository::{Repository, Site, pages};
use crate::{screen, versions};
use clap::Args;
use sarsen_core::error::Error;
use sarsen_core::manifest::blocks;
use sarsen_core::store::Store;
use sarsen_core::version::Version;
use sarsen_host::Access;

/// Lines printed at once.
const LINES: usize = 4096;

/// The arguments of manifest.
#[derive(Args, Debug)]
pub struct Manifest {
    /// Which version
    version: String,
}

impl Manifest {
    pub fn run(&self, site: &Site) -> Result<Exit, Failure> {
        let repository = site.open(Access::Read, "manifest")?;
        repository.with(|store| {
            let failure = |error| repository.failure(error);
            let told = versions::find_version(store, &self.version)?.told;
            let mut pages = pages();
            let version = open(store, &told, &mut pages).map_err(failure)?;
            while !store.load().map_err(failure)? {}
            print(&repository, store, version)
        })
    }
}

/// Opens a version, if its manifest is the one its root names.
pub fn open<'m>(store: &Store<'_>, told: &versions::Told, pages: &'m mut [u8]) -> Result<Version<'m>, Error> {
    let parameters = store.parameters();
    match sarsen_core::manifest::root_id(parameters, told.disk_size, told.top) == told.root {
        true => Ok(Version::of_tree(parameters, told.disk_size, told.top, pages)),
        false => Err(Error::Corrupt { place: sarsen_core::types::Place::NONE, what: sarsen_core::error::What::Id }),
    }
}

/// `?` stands for blocks below a page that cannot be read.
fn print(repository: &Repository, store: &mut Store<'_>, mut version: Version<'_>) -> Result<Exit, Failure> {
    let count = blocks(version.size(), store.parameters().block_bytes());
    let (mut text, mut exit, mut block) = (String::new(), Exit::Done, 0);
    while block < count {
        match version.block(block, store) {
            Ok(id) if id.is_zero() => text.push('-'),
            Ok(id) => text.push_str(&id.to_string()),
            Err(error) if error.is_damage() => {
                text.push('?');
                exit = Exit::Damage;
            }
            Err(error) => return Err(repository.failure(error)),
        }
        text.push('\n');
        block += 1;
        if block.is_multiple_of(LINES as u64) {
            screen::print_plain(&text)?;
            text.clear();
        }
    }
    screen::print_plain(&text)?;
    if exit == Exit::Damage {
        screen::warn("lines with `?` are of blocks whose ids are lost; `sarsen scrub` says where the damage is");
    }
    Ok(exit)
}
