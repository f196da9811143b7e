//! Streams of Sheepdog and Ceph: laid as they come on the version that the user names. Nothing in them proves what comes out.

use super::ground::{self, Base};
use super::input::Input;
use super::{Options, Room, Step};
use crate::draft::{Description, DraftDisk};
use crate::error::{Error, Memory, Refusal};
use crate::foreign::sheepdog::{Contest, Layout, Shape};
use crate::foreign::{Differences, Piece, rbd as rbd_stream, sheepdog as sheepdog_stream};
use crate::format::bytes::copy;
use crate::format::page::ROWS_MAX;
use crate::format::record::HintSource;
use crate::frame::Work;
use crate::store::Store;
use crate::task::patiently;
use crate::types::wide;

/// What a version says of its source.
const SHEEPDOG: &str = "Sheepdog stream";
const RBD: &str = "rbd stream";

/// An import under way.
pub(super) struct Foreign<'m> {
    laying: Laying<'m>,
    stream: Stream,
}

#[allow(clippy::large_enum_variant)] // one lives at a time, and there is no heap
enum Stream {
    Rbd(rbd_stream::Parser),
    Sheepdog(sheepdog_stream::Parser),
    /// Of Sheepdog, in one of two layouts; so much of what is ahead was looked at.
    Undecided(Contest, Shape, usize),
}

impl<'m> Foreign<'m> {
    /// Sheepdog's: it tells neither base nor size, so the disk is as long as the base.
    pub fn sheepdog(
        store: &mut Store<'_>,
        (layout, object_bytes): (Option<Layout>, u32),
        options: &Options<'m>,
        room: Room<'m>,
    ) -> Result<Foreign<'m>, Error> {
        let mut laying = Laying::new(store, SHEEPDOG, options, room)?;
        if laying.base == Base::NONE {
            return Err(Refusal::BaseNeeded.into());
        }
        let disk_size = laying.base.manifest.disk_size;
        let shape = Shape::new(object_bytes, disk_size).ok_or(Error::Refused(Refusal::Parameter))?;
        laying.told.from = laying.base_snapshot;
        laying.told.disk_size = disk_size;
        let stream = match layout {
            Some(layout) => Stream::Sheepdog(sheepdog_stream::Parser::new(layout, shape)),
            None => Stream::Undecided(Contest::new(shape), shape, 0),
        };
        Ok(Foreign { laying, stream })
    }

    /// Ceph's: it tells the size, and whether there is a base, but only by a name that need not be ours.
    pub fn rbd(store: &mut Store<'_>, options: &Options<'m>, room: Room<'m>) -> Result<Foreign<'m>, Error> {
        let disk_bytes_max = ROWS_MAX.saturating_mul(store.parameters().block_bytes().into());
        let laying = Laying::new(store, RBD, options, room)?;
        Ok(Foreign { laying, stream: Stream::Rbd(rbd_stream::Parser::new(disk_bytes_max)) })
    }

    pub fn step(&mut self, input: &mut Input<'_>, store: &mut Store<'_>, work: &mut Work<'_>) -> Result<Step, Error> {
        match &mut self.stream {
            Stream::Rbd(parser) => self.laying.step(parser, input, store, work),
            Stream::Sheepdog(parser) => self.laying.step(parser, input, store, work),
            Stream::Undecided(contest, shape, fed) => {
                let Some(layout) = layout_of(contest, fed, input, self.laying.options.len_bytes)? else { return Ok(Step::Feed) };
                self.stream = Stream::Sheepdog(sheepdog_stream::Parser::new(layout, *shape));
                Ok(Step::Again)
            }
        }
    }
}

/// Which layout a stream has, as far as it was fed: what is read ahead tells nearly always, its length always.
fn layout_of(
    contest: &mut Contest,
    fed: &mut usize,
    input: &mut Input<'_>,
    len_bytes: Option<u64>,
) -> Result<Option<Layout>, Error> {
    loop {
        let Some(held) = input.ahead(fed.saturating_add(1))? else { return Ok(None) };
        let new = held.get(*fed..).unwrap_or(&[]);
        if new.is_empty() {
            break;
        }
        contest.feed(new);
        *fed = held.len();
        if let Some(layout) = contest.possible()? {
            return Ok(Some(layout));
        }
    }
    match input.has_ended() {
        true => Ok(Some(contest.end()?)),
        false => len_bytes.and_then(Layout::of_length).ok_or(Error::Refused(Refusal::StreamLayout)).map(Some),
    }
}

/// What is known before the first difference.
#[derive(Clone, Copy, Default)]
struct Told<'m> {
    from: Option<&'m str>,
    to: Option<&'m str>,
    disk_size: u64,
}

/// Memory for names.
struct Texts<'m>(&'m mut [u8]);

impl<'m> Texts<'m> {
    fn keep(&mut self, text: &str) -> Result<&'m str, Error> {
        let no_room = Error::Memory { memory: Memory::Buffer, needed: wide(super::TEXTS_BYTES) };
        let (to, rest) = core::mem::take(&mut self.0).split_at_mut_checked(text.len()).ok_or(no_room)?;
        self.0 = rest;
        copy(to, text.as_bytes()).map_err(|_| no_room)?;
        core::str::from_utf8(to).map_err(|_| no_room)
    }
}

/// What a stream is laid on.
struct Laying<'m> {
    options: Options<'m>,
    source: &'static str,
    base: Base,
    base_name: Option<&'m str>,
    base_snapshot: Option<&'m str>,
    told: Told<'m>,
    texts: Texts<'m>,
    memory: Option<(&'m mut [u8], crate::draft::Frames<'m>)>,
    disk: Option<DraftDisk<'m, 'm>>,
    started: u64,
}

impl<'m> Laying<'m> {
    fn new(store: &mut Store<'_>, source: &'static str, options: &Options<'m>, room: Room<'m>) -> Result<Laying<'m>, Error> {
        let Room { texts, pages, frames, .. } = room;
        let mut texts = Texts(texts);
        let (mut name, mut snapshot) = (Ok(""), Ok(""));
        let base = match options.base {
            None => Base::NONE,
            Some(link) => Base::chosen(store, &link, &mut |record| {
                name = texts.keep(record.name);
                snapshot = texts.keep(record.snapshot);
            })?,
        };
        let of_base = options.base.is_some();
        Ok(Laying {
            options: *options,
            source,
            base,
            base_name: Some(name?).filter(|_| of_base),
            base_snapshot: Some(snapshot?).filter(|_| of_base),
            told: Told::default(),
            texts,
            memory: Some((pages, frames)),
            disk: None,
            started: store.host().now(),
        })
    }

    fn step(
        &mut self,
        parser: &mut dyn Differences,
        input: &mut Input<'_>,
        store: &mut Store<'_>,
        work: &mut Work<'_>,
    ) -> Result<Step, Error> {
        let Some(bytes) = input.ahead(1)? else { return Ok(Step::Feed) };
        let (taken, piece) = parser.step(bytes)?;
        match piece {
            Some(piece) => self.lay(&piece, store, work)?,
            None if taken == 0 => {
                parser.end()?;
                let (started, read_bytes) = (self.started, input.offset());
                return ground::finish(self.disk(store)?, started, read_bytes, store, work).map(Step::Done);
            }
            None => {}
        }
        input.take(taken);
        Ok(Step::Again)
    }

    fn lay(&mut self, piece: &Piece<'_>, store: &mut Store<'_>, work: &mut Work<'_>) -> Result<(), Error> {
        match *piece {
            Piece::FromSnapshot { name } => self.told.from = Some(self.texts.keep(name)?),
            Piece::ToSnapshot { name } => self.told.to = Some(self.texts.keep(name)?),
            Piece::Size { bytes } => self.told.disk_size = bytes,
            Piece::Data { offset, bytes } => {
                let disk = self.disk(store)?;
                patiently(|| disk.write_at(offset, bytes, store, work))?;
                return store.go_on(offset, self.told.disk_size);
            }
            Piece::Zero { offset, len_bytes } => {
                let disk = self.disk(store)?;
                patiently(|| disk.zero(offset, len_bytes, store, work))?;
                return store.go_on(offset, self.told.disk_size);
            }
            Piece::End => {}
        }
        Ok(())
    }

    /// The disk; opened when all is known that comes before the first difference.
    fn disk(&mut self, store: &mut Store<'_>) -> Result<&mut DraftDisk<'m, 'm>, Error> {
        if let Some(memory) = self.memory.take() {
            let description = self.describe()?;
            self.disk = Some(ground::open(store, description, (self.base.manifest, None), memory)?);
        }
        self.disk.as_mut().ok_or(Error::Refused(Refusal::Parameter))
    }

    fn describe(&self) -> Result<Description<'m>, Error> {
        self.check_base()?;
        Ok(Description {
            name: self.options.name.or(self.base_name).ok_or(Error::Refused(Refusal::NameNeeded))?,
            snapshot: self.options.snapshot.or(self.told.to).unwrap_or(""),
            source: self.source,
            hints: (HintSource::None, ""),
            group: [0; 16],
            disk_size: self.told.disk_size,
            time: self.started,
            base: self.base.id,
        })
    }

    /// A stream from a snapshot needs a base, and of a base that is called by a snapshot it must be that; one from nothing bears none, since what
    /// it does not tell is zeros.
    fn check_base(&self) -> Result<(), Error> {
        match (self.told.from, self.base_snapshot) {
            (None, Some(_)) => Err(Refusal::StreamWhole.into()),
            (Some(_), None) => Err(Refusal::BaseNeeded.into()),
            (Some(from), Some(base)) if !base.is_empty() && from != base => Err(Refusal::StreamBase.into()),
            _ => Ok(()),
        }
    }
}
