//! amend: changes what a version says of itself beside its contents: tags, protection, expiry. One commit for all, and the versions keep their ids.

use crate::catalogue::Entry;
use crate::draft::set_link;
use crate::error::{Error, Memory, Refusal, What};
use crate::format::amendment::Amendment;
use crate::format::entry::LEN;
use crate::format::record::{Record, RecordKind, TEXT_MAX, record_id};
use crate::segment::Source;
use crate::store::{Purpose, Store};
use crate::types::{Link, wide};

/// Changes all of these versions in the same way, all or none. What would change nothing writes nothing.
pub fn amend(store: &mut Store<'_>, entries: &[Entry], amendments: &[Amendment<'_>]) -> Result<(), Error> {
    amendments.iter().try_for_each(check)?;
    store.check_writable()?;
    while !store.load_tables()? {}
    store.check_writable()?;
    // Whatever is refused is refused before anything is changed.
    let mut changes = false;
    for entry in entries {
        changes |= differs(store, &entry.link, amendments)?;
    }
    if !changes {
        return Ok(());
    }
    // A version that is protected can be given up on a medium that is full, or it could not be emptied.
    let purpose = if amendments == [Amendment::Unprotect] { Purpose::Maintenance } else { Purpose::Ordinary };
    store.begin(purpose)?;
    store.warm()?;
    for entry in entries {
        if differs(store, &entry.link, amendments)? {
            let source = store.source();
            let link = store.put_record(&|to| amended(&source, &entry.link, amendments, to))?;
            set_link(store, entry.key.ok_or(Error::Refused(Refusal::Rebuilt))?, &link)?;
        }
    }
    store.commit()?;
    store.close()?;
    store.hold_reserve()
}

fn check(amendment: &Amendment<'_>) -> Result<(), Error> {
    match amendment.names() {
        Some("") => Err(Refusal::Parameter.into()),
        Some(tag) if tag.len() > TEXT_MAX => Err(Refusal::TextTooLong.into()),
        _ => Ok(()),
    }
}

/// Whether its record is another one then.
#[inline(never)]
fn differs(store: &mut Store<'_>, link: &Link, amendments: &[Amendment<'_>]) -> Result<bool, Error> {
    let source = store.source();
    store.with_buffer(|_, buffer| {
        let to = buffer.get_mut(LEN..).unwrap_or(&mut []);
        let len = amended(&source, link, amendments, to)?;
        Ok(record_id(source.parameters.algorithm, to.get(..len).unwrap_or(&[])) != link.id)
    })
}

/// Reads a record and changes it; its length.
fn amended(source: &Source<'_>, link: &Link, amendments: &[Amendment<'_>], to: &mut [u8]) -> Result<usize, Error> {
    let payload = source.record(link, to)?;
    let mut len = payload.len();
    if Record::parse(payload).map_err(|what| Error::corrupt(link.place, what))?.kind == RecordKind::Draft {
        return Err(Refusal::IsADraft.into());
    }
    for amendment in amendments {
        len = amendment.apply(to, len).map_err(|what| match what {
            What::Length => Refusal::TooManyTags.into(),
            What::Short => Error::Memory { memory: Memory::Buffer, needed: wide(len.saturating_add(LEN + 1 + TEXT_MAX)) },
            what => Error::corrupt(link.place, what),
        })?;
    }
    Ok(len)
}
