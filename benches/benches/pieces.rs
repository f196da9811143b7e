//! The pure pieces a worker is made of: is it zero, what is its digest, how small does it get, what was it.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use sarsen_benches::random;
use sarsen_core::codec::{CodecId, Codecs};
use sarsen_core::delta::{self, SECTOR_BYTES, diff};
use sarsen_core::digest::{Algorithm, digest, is_zero};
use sarsen_core::error::Error;
use sarsen_core::format::entry::LEN;
use sarsen_core::frame::{Shape, StoredBlock, Work, check_block, encode, fill, packed_bytes, raw_bytes};
use sarsen_core::types::narrow;
use sarsen_host::HostCodecs;
use std::hint::black_box;
use std::time::Duration;

const BLOCK_BYTES: u32 = 1 << 20;
const FRAME_BYTES: u32 = 1 << 17;

/// A block that shrinks to about a third: as much noise, as many words, as many zeros.
fn block() -> Vec<u8> {
    let mut block = vec![0; narrow(BLOCK_BYTES.into())];
    for (number, piece) in (0u64..).zip(block.chunks_mut(3 << 10)) {
        let (noise, rest) = piece.split_at_mut(piece.len() / 3);
        random::fill(number << 32, noise);
        let words = rest.len() / 2;
        rest[..words].iter_mut().zip(b"standing stones of the plain, ".iter().cycle()).for_each(|(to, from)| *to = *from);
    }
    block
}

fn shape_of(id: CodecId) -> Shape {
    Shape { algorithm: Algorithm::Blake3, block_bytes: BLOCK_BYTES, frame_bytes: FRAME_BYTES, codec: id }
}

fn zeros_and_digests(criterion: &mut Criterion) {
    let (block, zeros) = (block(), vec![0; narrow(BLOCK_BYTES.into())]);
    let mut group = criterion.benchmark_group("piece");
    group.throughput(Throughput::Bytes(BLOCK_BYTES.into()));
    group.bench_function("zero test of zeros", |bench| bench.iter(|| is_zero(black_box(&zeros))));
    for (name, algorithm) in [("SHA-256", Algorithm::Sha256), ("BLAKE3", Algorithm::Blake3)] {
        group.bench_function(name, |bench| bench.iter(|| digest(algorithm, black_box(&block))));
    }
}

fn frames(criterion: &mut Criterion) {
    let source = block();
    let mut raw = vec![0; raw_bytes(BLOCK_BYTES)];
    let mut packed = vec![0; packed_bytes(BLOCK_BYTES, FRAME_BYTES, 16)];
    let mut codecs = HostCodecs::new();
    let mut group = criterion.benchmark_group("frames");
    group.throughput(Throughput::Bytes(BLOCK_BYTES.into()));
    for (name, codec) in [("none", CodecId::None), ("LZ4", CodecId::Lz4), ("Zstandard", CodecId::Zstd), ("zlib", CodecId::Zlib)] {
        let shape = shape_of(codec);
        let mut work = Work { raw: &mut raw, packed: &mut packed, scratch: &mut [], codecs: &mut codecs as &mut dyn Codecs };
        let read = |_: u32, offset: u32, frame: &mut [u8]| {
            let start = narrow(offset.into());
            frame.copy_from_slice(&source[start..start + frame.len()]);
            Ok::<_, Error>(None)
        };
        if codec == CodecId::None {
            group.bench_function("fill", |bench| bench.iter(|| fill(&shape, BLOCK_BYTES, &mut work, read)));
        }
        // What is encoded was filled before; filling alone is the bench above.
        group.bench_function(BenchmarkId::new("fill and encode", name), |bench| {
            bench.iter(|| fill(&shape, BLOCK_BYTES, &mut work, read).and_then(|_| encode(&shape, BLOCK_BYTES, &mut work)))
        });
        let id = fill(&shape, BLOCK_BYTES, &mut work, read).expect("memory is as large as asked for");
        let done = encode(&shape, BLOCK_BYTES, &mut work).expect("memory is as large as asked for");
        let payload = packed[done.start + LEN..][..narrow(done.stored_bytes.into())].to_vec();
        let stored = StoredBlock { id, raw_bytes: BLOCK_BYTES, head_bytes: done.head_bytes, based: false, payload: &payload };
        group.bench_function(BenchmarkId::new("check", name), |bench| {
            bench.iter(|| check_block(&shape, black_box(&stored), &mut raw, &mut [], &mut codecs))
        });
    }
}

/// What differs between a frame and its base: beside what comparing and copying it takes.
fn deltas(criterion: &mut Criterion) {
    let len = narrow(FRAME_BYTES.into());
    let mut base = vec![0; len];
    random::fill(0, &mut base);
    let (equal, mut every_second, mut to) = (base.clone(), base.clone(), vec![0; len]);
    every_second.chunks_mut(SECTOR_BYTES).step_by(2).for_each(|sector| sector[0] ^= 1);
    let diff_of = |target: &[u8]| {
        let mut bytes = 0;
        diff(black_box(&base), target, SECTOR_BYTES, |run| {
            bytes += run.len();
            true
        });
        bytes
    };
    let mut body = vec![0; len + 4096];
    let body_len = delta::encode(&base, &every_second, &mut body).expect("there is room for the body");
    let mut group = criterion.benchmark_group("delta");
    group.throughput(Throughput::Bytes(FRAME_BYTES.into()));
    group.bench_function("memcmp of equal frames", |bench| bench.iter(|| black_box(&base) == black_box(&equal)));
    group.bench_function("diff of equal frames", |bench| bench.iter(|| diff_of(black_box(&equal))));
    group.bench_function("memcpy of a frame", |bench| bench.iter(|| to.copy_from_slice(black_box(&base))));
    group.bench_function("diff where every second sector differs", |bench| bench.iter(|| diff_of(black_box(&every_second))));
    group.bench_function("encode where every second sector differs", |bench| {
        bench.iter(|| delta::encode(black_box(&base), black_box(&every_second), &mut body))
    });
    let mut frame = base.clone();
    group.bench_function("apply where every second sector differs", |bench| {
        bench.iter(|| delta::apply(black_box(&body[..body_len]), &mut frame))
    });
}

fn short() -> Criterion {
    Criterion::default().sample_size(10).warm_up_time(Duration::from_millis(300)).measurement_time(Duration::from_secs(1))
}

criterion_group! { name = pieces; config = short(); targets = zeros_and_digests, frames, deltas }
criterion_main!(pieces);
