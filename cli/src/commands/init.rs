//! init: makes a repository. What is chosen here holds for all its life.

use crate::arguments::{power_of_two, size, usage};
use crate::failure::{Exit, Failure};
use crate::figures::short_size;
use crate::repository::Site;
use crate::screen;
use clap::error::ErrorKind;
use clap::{Args, ValueEnum};
use sarsen_core::codec::CodecId;
use sarsen_core::digest::Algorithm;
use sarsen_core::ops::init;
use sarsen_core::store::buffer_bytes;
use sarsen_core::types::RepositoryId;
use sarsen_host::DirectoryMedium;

/// The arguments of init.
#[derive(Args, Debug)]
pub struct Init {
    /// Bytes of a block, 4K to 16M: what is stored once, however often it occurs
    #[arg(long, value_name = "SIZE", default_value = "4M", value_parser = |text: &str| power_of_two(text, 12, 24))]
    block: u8,
    /// Bytes of a frame, at most those of a block: what is read and decoded at once [default: 128K, or a block's]
    #[arg(long, value_name = "SIZE", value_parser = |text: &str| power_of_two(text, 12, 24))]
    frame: Option<u8>,
    /// Ids in a page of a manifest: 16, 32, 64, 128 or 256
    #[arg(long, value_name = "N", default_value = "256", value_parser = fan_out)]
    fan_out: u8,
    /// The digest that names and proves everything
    #[arg(long, value_enum, default_value_t = Digest::Sha256)]
    digest: Digest,
    /// How frames are stored; one that does not shrink is stored as it is
    #[arg(long, value_enum, default_value_t = Codec::Zstd)]
    codec: Codec,
    /// Greatest bytes of a segment file, up to 1G [default: 64M, more where blocks need it]
    #[arg(long, value_name = "SIZE", value_parser = size)]
    segment: Option<u64>,
}

#[derive(ValueEnum, Clone, Copy, Debug)]
enum Digest {
    Sha256,
    Blake3,
}

#[derive(ValueEnum, Clone, Copy, Debug)]
enum Codec {
    None,
    Lz4,
    Zstd,
    Zlib,
}

/// What it is called on the command line.
fn word(value: &impl ValueEnum) -> String {
    value.to_possible_value().map_or_else(String::new, |value| value.get_name().into())
}

fn fan_out(text: &str) -> Result<u8, String> {
    let number: u32 = text.parse().map_err(|_| "not a number")?;
    (4..=8).find(|&log2| number == 1 << log2).ok_or_else(|| "must be 16, 32, 64, 128 or 256".into())
}

impl Init {
    pub fn run(&self, site: &Site) -> Result<Exit, Failure> {
        let options = self.options();
        let id = make(site, &options)?;
        screen::print(format_args!("{}: repository {id}", site.path.display()))?;
        screen::print(format_args!(
            "blocks of {}, frames of {}, {} and {}, segments of up to {}",
            short_size(1 << options.block_log2),
            short_size(1 << options.frame_log2),
            word(&self.digest),
            word(&self.codec),
            short_size(options.segment_bytes.into()),
        ))?;
        Ok(Exit::Done)
    }

    fn options(&self) -> init::Options {
        let frame_log2 = self.frame.unwrap_or(init::Options::HOST.frame_log2.min(self.block));
        self.refuse_frames(frame_log2);
        init::Options {
            algorithm: match self.digest {
                Digest::Sha256 => Algorithm::Sha256,
                Digest::Blake3 => Algorithm::Blake3,
            },
            block_log2: self.block,
            frame_log2,
            fan_out_log2: self.fan_out,
            codec: match self.codec {
                Codec::None => CodecId::None,
                Codec::Lz4 => CodecId::Lz4,
                Codec::Zstd => CodecId::Zstd,
                Codec::Zlib => CodecId::Zlib,
            },
            segment_bytes: self.segment_bytes(frame_log2),
            ..init::Options::HOST
        }
    }

    /// What the format does not allow is a mistake on the command line, told before anything is made.
    fn refuse_frames(&self, frame_log2: u8) {
        if frame_log2 > self.block {
            let (frame, block) = (short_size(1 << frame_log2), short_size(1 << self.block));
            usage(
                ErrorKind::ValueValidation,
                format_args!("a frame of {frame} is larger than a block of {block}; choose a smaller --frame"),
            );
        }
    }

    fn segment_bytes(&self, frame_log2: u8) -> u32 {
        let least = segment_bytes_min(self.block, frame_log2);
        let most = 1 << 30;
        let chosen = self.segment.unwrap_or_else(|| u64::from(init::Options::HOST.segment_bytes).max(least.next_power_of_two()));
        let alignment = 1 << init::Options::HOST.align_log2;
        match u32::try_from(chosen) {
            Ok(bytes) if (least..=most).contains(&chosen) && chosen.is_multiple_of(alignment) => bytes,
            _ => usage(
                ErrorKind::ValueValidation,
                format_args!(
                    "a segment must have from {least} to {most} bytes and be a multiple of {alignment}: four of the largest objects must fit into it; \
                     choose another --segment, or smaller blocks"
                ),
            ),
        }
    }
}

/// Four of the largest possible entries (docs/FORMAT.md section 14).
fn segment_bytes_min(block_log2: u8, frame_log2: u8) -> u64 {
    let frames = 1u64 << (block_log2 - frame_log2);
    let payload = (4 + 76 * frames + (1 << block_log2)).max(16_384);
    4 * (128 + payload).next_multiple_of(1 << init::Options::HOST.align_log2)
}

/// Makes the repository; its id.
pub fn make(site: &Site, options: &init::Options) -> Result<RepositoryId, Failure> {
    let repository = site.over(DirectoryMedium::create(&site.path)?, "init");
    let mut buffer = vec![0; buffer_bytes(options.fan_out_log2, options.align_log2, options.history)];
    let mut chunk = vec![0; 48 * 4096];
    init::init(&repository.medium, &repository.system, options, &mut chunk, &mut buffer)
        .map_err(|error| repository.failure(error))
}
