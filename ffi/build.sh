#!/usr/bin/env bash
# Builds the hosted C library for this machine: libsarsen.a and libsarsen.so (with its SONAME) below OUT, target/c if none is named.
# Needs cargo and a C compiler, and no network once the crates are there.
set -euo pipefail
cd "$(dirname "$0")/.."

OUT=${1:-target/c}
major=$(sed -n 's/^pub const SARSEN_VERSION_MAJOR: u32 = \([0-9]*\);/\1/p' ffi/src/lib.rs)
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-target/ffi}

cargo rustc --quiet --locked --manifest-path ffi/Cargo.toml --profile hosted --no-default-features --features hosted --lib \
    --crate-type staticlib --crate-type cdylib -- -C "link-arg=-Wl,-soname,libsarsen.so.$major"
mkdir -p "$OUT"
cp "$CARGO_TARGET_DIR/hosted/libsarsen.a" "$OUT/"
cp "$CARGO_TARGET_DIR/hosted/libsarsen.so" "$OUT/libsarsen.so.$major"
ln -sf "libsarsen.so.$major" "$OUT/libsarsen.so"
