//! finish: makes versions of the drafts of a group, by one commit: what was taken at one moment is there at once, or not at all.
//!
//! Each disk of the group was backed up, or written, to its end, and left as a draft that is done ([`crate::draft::Draft::hold`]). Such drafts are
//! durable, so it does not matter how far apart they were made, nor by whom.

use crate::catalogue::{Listed, Listing};
use crate::draft::{finished, set_link};
use crate::error::{Error, Refusal};
use crate::format::record::RecordKind;
use crate::store::{Purpose, Store};
use crate::types::Link;

/// Makes versions of all drafts of a group, in the order in which they were begun; how many there are.
pub fn finish(store: &mut Store<'_>, group: &[u8; 16]) -> Result<u64, Error> {
    if *group == [0; 16] {
        return Err(Refusal::Parameter.into());
    }
    store.check_writable()?;
    while !store.load_tables()? {}
    // Whatever is refused is refused before anything is changed.
    let mut count: u64 = 0;
    let mut is_done = true;
    each_of(store, group, &mut |_, _, _, done| {
        count = count.saturating_add(1);
        is_done &= done;
        Ok(())
    })?;
    store.check_writable()?;
    match count {
        0 => return Err(Refusal::UnknownGroup.into()),
        _ if !is_done => return Err(Refusal::Unfinished.into()),
        _ => {}
    }
    store.begin(Purpose::Ordinary)?;
    store.warm()?;
    each_of(store, group, &mut |store, key, link, _| become_version(store, key, link))?;
    store.commit()?;
    store.close()?;
    store.hold_reserve()?;
    Ok(count)
}

/// Given the store, the key and the record of a draft, and whether it is done.
type Each<'e> = dyn FnMut(&mut Store<'_>, u64, &Link, bool) -> Result<(), Error> + 'e;

/// Shows the drafts of a group, as the list was when this began. One whose record cannot be read is of no group.
fn each_of(store: &mut Store<'_>, group: &[u8; 16], see: &mut Each<'_>) -> Result<(), Error> {
    let mut listing = Listing::of(store);
    loop {
        let mut found = None;
        let listed = listing.show(store, &mut |entry, _, record| {
            if record.kind == RecordKind::Draft && record.group == *group {
                found = Some((*entry, record.position == record.disk_size));
            }
        })?;
        if let Some((entry, done)) = found {
            see(store, entry.key.ok_or(Error::Refused(Refusal::Rebuilt))?, &entry.link, done)?;
        }
        if listed == Listed::End {
            return Ok(());
        }
    }
}

fn become_version(store: &mut Store<'_>, key: u64, draft: &Link) -> Result<(), Error> {
    let source = store.source();
    let link = store.put_record(&|to| finished(&source, draft, to))?;
    set_link(store, key, &Link::ZERO)?;
    set_link(store, store.catalogue().rows, &link)
}
