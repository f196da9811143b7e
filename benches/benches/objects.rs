//! Objects: finding them in the index, building manifests of them, and learning from footers which there are.

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use sarsen_benches::fill::{blocks, init, version, with_store};
use sarsen_benches::{Failure, random};
use sarsen_core::digest::Algorithm;
use sarsen_core::format::commit::Root;
use sarsen_core::index::{Index, Slot};
use sarsen_core::medium::{Medium, Name};
use sarsen_core::ops::init::Options;
use sarsen_core::segment::Source;
use sarsen_core::types::{Place, SegmentNumber};
use sarsen_host::{Heap, MemoryMedium, System};
use std::hint::black_box;
use std::time::Duration;

const OBJECTS: u64 = 1 << 18;
const HERE: Place = Place { segment: SegmentNumber(0), offset: 16 };

fn filled(slots: &mut Heap<Slot>) -> Index<'_> {
    let mut index = Index::new(slots, [1, 2, 3, 4]);
    (0..OBJECTS).for_each(|number| index.insert(&random::id(number), HERE).expect("there is memory"));
    index
}

fn index(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("index");
    group.throughput(Throughput::Elements(OBJECTS));
    group.bench_function("insert 2^18, growing", |bench| {
        bench.iter_batched_ref(Heap::new, |slots| filled(slots).len(), BatchSize::PerIteration)
    });
    let mut slots = Heap::new();
    let index = filled(&mut slots);
    let find_all = |first: u64| (first..first + OBJECTS).filter(|&number| index.candidates(&random::id(number)).next().is_some());
    group.bench_function("find 2^18 that are there", |bench| bench.iter(|| find_all(black_box(0)).count()));
    group.bench_function("find 2^18 that are not", |bench| bench.iter(|| find_all(black_box(OBJECTS)).count()));
}

fn tree(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("manifest");
    group.throughput(Throughput::Elements(1 << 20));
    group.bench_function("build 2^20 rows", |bench| {
        let empty = || {
            let medium = MemoryMedium::new();
            init(&medium, &System::new(), &Options::HOST).expect("memory takes a repository");
            medium
        };
        let build = |medium: &mut MemoryMedium| {
            let built = with_store(medium, &System::new(), |store| {
                Ok(version(store, Root::EMPTY, 1 << 20, 0..1 << 20, random::id).map(|link| link.id)?)
            });
            built.map_err(|Failure(text)| text).expect("memory takes a manifest")
        };
        bench.iter_batched_ref(empty, build, BatchSize::PerIteration)
    });
}

fn footers(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("footer");
    for (name, algorithm) in [("SHA-256", Algorithm::Sha256), ("BLAKE3", Algorithm::Blake3)] {
        let medium = MemoryMedium::new();
        init(&medium, &System::new(), &Options { algorithm, block_log2: 12, frame_log2: 12, ..Options::HOST })
            .expect("memory takes a repository");
        let parameters = with_store(&medium, &System::new(), |store| {
            blocks(store, OBJECTS / 4)?;
            Ok(*store.parameters())
        });
        let parameters = parameters.map_err(|Failure(text)| text).expect("memory takes blocks");
        let source = Source { medium: &medium, parameters };
        let segment = medium.previous(None).expect("memory answers").expect("there is a segment");
        let len_bytes = medium.len(Name::Segment(segment)).expect("memory answers");
        let mut chunk = vec![0; 48 * 4096];
        let lines = source.footer(segment, len_bytes, u32::MAX, &mut chunk).map(|footer| footer.map_or(0, |footer| footer.lines));
        group.throughput(Throughput::Elements(lines.unwrap_or(0).into()));
        group.bench_function(format!("read and check, {name}"), |bench| {
            bench.iter(|| source.footer(segment, black_box(len_bytes), u32::MAX, &mut chunk))
        });
    }
}

fn short() -> Criterion {
    Criterion::default().sample_size(10).warm_up_time(Duration::from_millis(300)).measurement_time(Duration::from_secs(2))
}

criterion_group! { name = objects; config = short(); targets = index, tree, footers }
criterion_main!(objects);
