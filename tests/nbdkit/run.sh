#!/usr/bin/env bash
# Builds the nbdkit plugin against the C library, and tries it with real clients (test_nbdkit.py says which).
#
#   tests/nbdkit/run.sh           that
#   tests/nbdkit/run.sh --long    and boots a small Linux
#   tests/nbdkit/run.sh boot      only boots a small Linux, from a version and from raw, and prints both times
set -euo pipefail
cd "$(dirname "$0")/../.."

# Where cargo puts what it builds, which a user may have set.
BUILT=${CARGO_TARGET_DIR:-$PWD/target}
OUT=$PWD/target/nbdkit
cargo build --quiet --release -p sarsen-cli
ffi/build.sh target/c
mkdir -p "$OUT"
make --silent --always-make -C ffi/examples nbdkit OUT="$OUT" CFLAGS="-O2 -g -Wall -Wextra -Wpedantic -Werror" SARSEN_CFLAGS=-I"$PWD/include" \
    SARSEN_LIBS="$PWD/target/c/libsarsen.a -lm -lpthread"
# What `figures nbd` measures direct calls with.
cc -std=c11 -O2 -Wall -Wextra -Wpedantic -Wconversion -Werror -Iinclude -o "$OUT/reads" benches/src/reads.c target/c/libsarsen.a -lm -lpthread
export SARSEN=$BUILT/release/sarsen PLUGIN=$OUT/nbdkit-sarsen-plugin.so KERNEL=$OUT/kernel
if [[ ${1:-} != boot ]]; then
    /usr/bin/python3 tests/nbdkit/test_nbdkit.py
fi
if [[ -n ${1:-} ]]; then
    tests/nbdkit/kernel.sh "$KERNEL"
    /usr/bin/python3 tests/nbdkit/test_linux.py
fi
