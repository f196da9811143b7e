//! ls: versions and drafts, oldest first.

use crate::failure::{Exit, Failure};
use crate::figures::{moment, size};
use crate::paint;
use crate::repository::Site;
use crate::screen::{self, shown};
use crate::versions::{self, Item, Told};
use clap::Args;
use sarsen_core::codec::CodecId;
use sarsen_core::digest::Algorithm;
use sarsen_core::format::header::Parameters;
use sarsen_core::format::record::RecordKind;
use sarsen_host::Access;
use serde::Serialize;

/// Digits of an id that are shown, if they tell it from all others.
const ID_DIGITS: usize = 12;

/// The arguments of ls.
#[derive(Args, Debug)]
pub struct Ls {
    /// Print JSON, as docs/VERIFY.md describes it
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Shown {
    repository: Settings,
    versions: Vec<Row>,
}

/// What `init` chose.
#[derive(Serialize)]
struct Settings {
    id: String,
    digest: &'static str,
    codec: &'static str,
    block_bytes: u32,
    frame_bytes: u32,
    fan_out: u32,
    segment_bytes: u32,
}

/// A version or draft; all but the id are null where its record cannot be read.
#[derive(Serialize)]
struct Row {
    id: String,
    kind: Option<&'static str>,
    name: Option<String>,
    snapshot: Option<String>,
    time_ms: Option<u64>,
    size: Option<u64>,
    base: Option<String>,
    read_bytes: Option<u64>,
    new_blocks: Option<u64>,
    new_bytes: Option<u64>,
    position: Option<u64>,
    source_changed: Option<bool>,
    protected: Option<bool>,
    expiry_ms: Option<u64>,
    tags: Option<Vec<String>>,
}

impl Ls {
    pub fn run(&self, site: &Site) -> Result<Exit, Failure> {
        let repository = site.open(Access::Read, "ls")?;
        let (items, parameters, rebuilt, behind) = repository.with(|store| {
            let items = versions::list(store).map_err(|error| repository.failure(error))?;
            Ok((items, *store.parameters(), store.is_rebuilt(), store.head().behind.is_some()))
        })?;
        if self.json {
            let shown = Shown { repository: Settings::of(&parameters), versions: items.iter().map(Row::of).collect() };
            screen::print_plain(&format!("{}\n", json(&shown)?))?;
        } else {
            print(&items)?;
        }
        if rebuilt {
            screen::warn("the list is damaged and was made anew from what is left; versions removed earlier may be in it again");
        }
        if behind {
            screen::warn("something newer than this once existed; `sarsen check` says where");
        }
        let unreadable = items.iter().any(|item| item.told.is_none());
        Ok(if rebuilt || behind || unreadable { Exit::Damage } else { Exit::Done })
    }
}

/// Text of what `--json` prints.
pub fn json(shown: &impl Serialize) -> Result<String, Failure> {
    serde_json::to_string(shown).map_err(|error| Failure::new(Exit::Failed, format!("cannot make JSON of it: {error}")))
}

impl Settings {
    fn of(parameters: &Parameters) -> Settings {
        Settings {
            id: parameters.repository.to_string(),
            digest: match parameters.algorithm {
                Algorithm::Sha256 => "sha256",
                Algorithm::Blake3 => "blake3",
            },
            codec: match parameters.codec {
                CodecId::None => "none",
                CodecId::Lz4 => "lz4",
                CodecId::Zstd => "zstd",
                CodecId::Zlib => "zlib",
            },
            block_bytes: parameters.block_bytes(),
            frame_bytes: parameters.frame_bytes(),
            fan_out: parameters.fan_out(),
            segment_bytes: parameters.segment_bytes,
        }
    }
}

impl Row {
    fn of(item: &Item) -> Row {
        let told = item.told.as_ref();
        let of_draft = told.filter(|told| told.kind == RecordKind::Draft);
        Row {
            id: item.id.to_string(),
            kind: told.map(kind),
            name: told.map(|told| told.name.clone()),
            snapshot: told.map(|told| told.snapshot.clone()),
            time_ms: told.map(|told| told.time),
            size: told.map(|told| told.disk_size),
            base: told.filter(|told| !told.base.is_zero()).map(|told| told.base.to_string()),
            read_bytes: told.map(|told| told.statistics.read_bytes),
            new_blocks: told.map(|told| told.statistics.new_blocks),
            new_bytes: told.map(|told| told.statistics.new_bytes),
            position: of_draft.map(|told| told.position),
            source_changed: told.map(|told| told.source_changed),
            protected: told.map(|told| told.protected),
            expiry_ms: told.map(|told| told.expiry).filter(|&expiry| expiry > 0),
            tags: told.map(|told| told.tags.clone()),
        }
    }
}

fn kind(told: &Told) -> &'static str {
    match told.kind {
        RecordKind::Version => "version",
        RecordKind::Draft => "draft",
    }
}

fn print(items: &[Item]) -> Result<(), Failure> {
    if items.is_empty() {
        return screen::print("no versions yet; `sarsen backup DISK --name NAME` makes the first");
    }
    let digits = digits_needed(items);
    let called: Vec<String> = items.iter().map(|item| item.told.as_ref().map_or_else(String::new, Told::called)).collect();
    let width = called.iter().map(|called| called.chars().count()).max().unwrap_or(0).max(4);
    let heading = format!("{:digits$}  {:width$}  {:19}  {:>10}  {:>10}", "ID", "NAME", "WHEN (UTC)", "SIZE", "NEW");
    screen::print(paint::strong(heading))?;
    items.iter().zip(&called).try_for_each(|(item, called)| {
        let id: String = item.id.to_string().chars().take(digits).collect();
        let rest =
            item.told.as_ref().map_or_else(|| paint::bad("its record cannot be read"), |told| figures(told, called, width));
        screen::print(format_args!("{id}  {rest}"))
    })
}

fn figures(told: &Told, called: &str, width: usize) -> String {
    let (when, disk, new) = (moment(told.time), size(told.disk_size), size(told.statistics.new_bytes));
    let remark = match told.kind {
        RecordKind::Draft => paint::wary(format_args!("  draft, {} done", size(told.position))),
        RecordKind::Version if told.source_changed => paint::wary("  source changed"),
        RecordKind::Version => String::new(),
    };
    format!("{called:width$}  {when}  {disk:>10}  {new:>10}{remark}{}", amended(told))
}

/// What was said of it since it was made.
fn amended(told: &Told) -> String {
    let protected = if told.protected { "  protected" } else { "" };
    let expiry = if told.expiry > 0 { format!("  expires {}", moment(told.expiry)) } else { String::new() };
    let tags: String = told.tags.iter().map(|tag| format!("  #{}", shown(tag))).collect();
    format!("{protected}{expiry}{tags}")
}

/// Enough digits to tell every id from every other.
fn digits_needed(items: &[Item]) -> usize {
    let mut ids: Vec<String> = items.iter().map(|item| item.id.to_string()).collect();
    ids.sort_unstable();
    ids.dedup();
    let common = |pair: &[String]| pair[0].bytes().zip(pair[1].bytes()).take_while(|(one, other)| one == other).count();
    ids.windows(2).map(|pair| common(pair) + 1).max().unwrap_or(0).max(ID_DIGITS)
}
