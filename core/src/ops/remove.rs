//! rm: takes versions and drafts out of the catalogue. What they alone needed is garbage from then on; gc gives the space back.

use crate::catalogue::{Entry, with_record};
use crate::draft::set_link;
use crate::error::{Error, Refusal};
use crate::store::{Purpose, Store};
use crate::types::Link;

/// Removes entries of the catalogue, all or none. Protected versions are refused before anything is changed.
pub fn remove(store: &mut Store<'_>, entries: impl Iterator<Item = Entry> + Clone) -> Result<(), Error> {
    store.check_writable()?;
    while !store.load_tables()? {}
    store.check_writable()?;
    for entry in entries.clone() {
        match with_record(store, &entry.link, |_, record| record.protected) {
            Ok(true) => return Err(Refusal::Protected.into()),
            Ok(false) => {}
            // A version whose record cannot be read can be removed all the same.
            Err(error) if error.is_damage() => {}
            Err(error) => return Err(error),
        }
    }
    store.begin(Purpose::Maintenance)?;
    for entry in entries {
        let key = entry.key.ok_or(Error::Refused(Refusal::Rebuilt))?;
        set_link(store, key, &Link::ZERO)?;
    }
    store.commit()?;
    store.close()?;
    store.hold_reserve()
}
