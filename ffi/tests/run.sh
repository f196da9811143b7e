#!/usr/bin/env bash
# The C library, tested from C: the header, what is shown and what is installed; every misuse, the verbs, drafts, streams and threads, against the hosted
# build and the bare one, under sanitizers and valgrind (the C side instrumented, the Rust side as it is linked); and the examples as programs.
#
#   ffi/tests/run.sh [--long]      --long: and with the Rust side instrumented too, its standard library included
set -euo pipefail
cd "$(dirname "$0")/../.."

OUT=$PWD/target/c
BARE=target/cross/x86_64-unknown-linux-gnu/release/libsarsen.a
SAME=(misuse verbs drafts groups tags threads flash) # in both builds
TESTS=("${SAME[@]}" hosted)
CC_FLAGS=(-std=c11 -g -Wall -Wextra -Wpedantic -Wconversion -Werror -Iinclude)

build() { # NAME LIBRARY FLAGS...
    local name=$1 library=$2
    shift 2
    for test in "${TESTS[@]}"; do
        gcc "${CC_FLAGS[@]}" "$@" -o "$OUT/$test-$name" "ffi/tests/$test.c" ffi/tests/ram.c ffi/examples/firmware/chip.c "$library" -lm -lpthread
    done
}

run() { # NAME COMMAND...
    local name=$1
    shift
    for test in "${TESTS[@]}"; do "$@" "$OUT/$test-$name" >"$OUT/log" 2>&1 || { cat "$OUT/log"; echo "FAILED: $test-$name"; exit 1; }; done
    echo "$name: ${TESTS[*]}"
}

ffi/build.sh "$OUT"
ffi/tests/header.sh

build asan "$OUT/libsarsen.a" -O1 -fsanitize=address,undefined -fno-sanitize-recover=all
run asan timeout 300
TESTS=("${SAME[@]}") # locks of the hosted build's own are not seen where Rust is not instrumented
build tsan "$OUT/libsarsen.a" -O1 -fsanitize=thread
run tsan env TSAN_OPTIONS=halt_on_error=1 timeout 300
TESTS+=(hosted)
build plain "$OUT/libsarsen.a" -O1
run plain valgrind --quiet --leak-check=full --error-exitcode=9

# The same functions mean the same in the bare build.
TESTS=("${SAME[@]}")
tools/targets.sh build x86_64-unknown-linux-gnu --quiet --release --manifest-path ffi/Cargo.toml
build bare "$BARE" -O1 -fsanitize=address,undefined -fno-sanitize-recover=all
run bare timeout 300

# What the one library writes, the one that only reads restores.
reader() { gcc "${CC_FLAGS[@]}" -O1 -fsanitize=address,undefined -fno-sanitize-recover=all -o "$OUT/reader" ffi/tests/reader.c ffi/tests/ram.c "$BARE" -lpthread; }
reader && "$OUT/reader" save "$OUT/medium"
tools/targets.sh build x86_64-unknown-linux-gnu --quiet --release --manifest-path ffi/Cargo.toml --no-default-features --features panic-handler
reader && "$OUT/reader" load "$OUT/medium"
echo "bare, without \`write\`: reader"

# Beside another Rust library, with a standard library, made by the same compiler: the bare one, and the hosted one shared.
rustc --edition 2024 --crate-type staticlib -C panic=abort -O -o "$OUT/libother.a" ffi/tests/other.rs
for library in "$BARE" "$OUT/libsarsen.so"; do
    gcc "${CC_FLAGS[@]}" -o "$OUT/two" ffi/tests/two.c "$library" "$OUT/libother.a" -Wl,-rpath,"$OUT" -lm -lpthread
    "$OUT/two"
done
echo "two Rust libraries in one program"

# Everything instrumented, Rust's standard library too, with its own checks of what unsafe code promises.
sanitized() { # KIND FLAGS...
    local kind=$1
    shift
    CARGO_PROFILE_HOSTED_LTO=off CARGO_PROFILE_HOSTED_CODEGEN_UNITS=16 CARGO_PROFILE_HOSTED_OPT_LEVEL=0 CARGO_PROFILE_HOSTED_DEBUG_ASSERTIONS=true \
        CARGO_PROFILE_HOSTED_OVERFLOW_CHECKS=true tools/targets.sh sanitized "$kind" x86_64-unknown-linux-gnu --quiet --locked \
        --manifest-path ffi/Cargo.toml --profile hosted --no-default-features --features hosted --lib --crate-type staticlib
    build "rust-$kind" "target/sanitized/$kind/x86_64-unknown-linux-gnu/hosted/libsarsen.a" "$@"
}
if [[ ${1:-} == --long ]]; then
    TESTS=("${SAME[@]}" hosted overrun)
    sanitized address -O1 -fsanitize=address,undefined -fno-sanitize-recover=all
    "$OUT/overrun-rust-address" >"$OUT/log" 2>&1 && echo "FAILED: Rust reads beyond what C lent, and nothing sees it" && exit 1
    grep -q 'heap-buffer-overflow' "$OUT/log"
    TESTS=("${SAME[@]}" hosted)
    run rust-address timeout 600
    TESTS=(threads hosted)
    sanitized thread -O1 -fsanitize=thread ffi/tests/tsan.c
    run rust-thread env TSAN_OPTIONS=halt_on_error=1 timeout 600
fi

# As it is installed, shared, through pkg-config and through CMake.
ROOM=$(mktemp -d)
trap 'rm -rf "$ROOM"' EXIT
ffi/install.sh "$ROOM/prefix" "$OUT"
PKG_CONFIG_PATH=$ROOM/prefix/lib/pkgconfig make --silent -C ffi/examples OUT="$ROOM" LDFLAGS="-Wl,-rpath,$ROOM/prefix/lib" CFLAGS="-O1 -g -Wall -Wextra -Wpedantic -Werror"
mkdir "$ROOM/cmake"
cat >"$ROOM/cmake/CMakeLists.txt" <<END
cmake_minimum_required(VERSION 3.13)
project(uses C)
find_package(sarsen 0.1 REQUIRED)
add_executable(uses $PWD/ffi/examples/backup.c)
target_link_libraries(uses sarsen::sarsen)
add_executable(uses_static $PWD/ffi/examples/backup.c)
target_link_libraries(uses_static sarsen::static)
END
cmake -S "$ROOM/cmake" -B "$ROOM/cmake/build" -DCMAKE_PREFIX_PATH="$ROOM/prefix" >/dev/null
cmake --build "$ROOM/cmake/build" >/dev/null
for program in uses uses_static; do [[ $("$ROOM/cmake/build/$program" 2>&1) == usage:* ]]; done

cd "$ROOM"
(($(wc -l <"$OLDPWD/ffi/examples/backup.c") < 150))
head -c 3000000 /dev/urandom >image
truncate -s 20M image
./backup save repository image vm >log 2>&1
printf 'change' | dd of=image bs=1 seek=100000 conv=notrunc status=none
./backup save repository image vm >log 2>&1
grep -q 'stored [0-9]\{1,6\} in 1 blocks' log
./backup load repository vm back 2>log
cmp image back
./backup load repository vm back 2>log && exit 1 # what exists is not overwritten
./backup list repository | wc -l | grep -qx 2
for disk in 1 2 3 4; do
    cp image "disk$disk"
    head -c 500000 /dev/urandom | dd of="disk$disk" bs=1M seek="$disk" conv=notrunc status=none
done
valgrind --quiet --leak-check=full --error-exitcode=9 ./fleet many a=disk1 b=disk2 c=disk3 d=disk4 >log
for pair in a:1 b:2 c:3 d:4; do
    ./backup load many "${pair%:*}" "back${pair#*:}" 2>log
    cmp "disk${pair#*:}" "back${pair#*:}"
done
echo "examples: backup, fleet"
