#!/usr/bin/env bash
# The header is what ffi/src says, compiles without a word as every C and C++, and is all that the shared library shows.
set -euo pipefail
cd "$(dirname "$0")/../.."

cargo run --quiet --locked --manifest-path tools/header/Cargo.toml -- --check

FLAGS=(-Wall -Wextra -Wpedantic -Wconversion -Werror -Iinclude -fsyntax-only)
check() { # COMPILER LANGUAGE STANDARD
    printf '#include "sarsen.h"\n#include "sarsen.h"\nint main(void) { return (int)sarsen_abi_version(); }\n' | "$1" -x "$2" -std="$3" "${FLAGS[@]}" -
}
for standard in c99 c11 c17; do for compiler in gcc clang; do check "$compiler" c "$standard"; done; done
for standard in c++11 c++20; do for compiler in g++ clang++; do check "$compiler" c++ "$standard"; done; done
echo "header: as generated; C99 C11 C17 C++11 C++20, gcc and clang"

declared=$(grep -o '\bsarsen_[a-z_]*(' include/sarsen.h | tr -d '(' | sort -u)
shown=$(nm -D --defined-only target/c/libsarsen.so | awk '{ print $3 }' | sort -u)
if ! diff <(grep -xF "$(grep -oE '^[a-z].*\bsarsen_[a-z_]+\(' include/sarsen.h | grep -v typedef | grep -oE 'sarsen_[a-z_]+\(' | tr -d '(' | sort -u)" <<<"$declared") <(echo "$shown"); then
    echo "the shared library shows other symbols than the header declares" >&2
    exit 1
fi
[[ $(readelf -d target/c/libsarsen.so | sed -n 's/.*SONAME.*\[\(.*\)\]/\1/p') == "libsarsen.so.$(sed -n 's/#define SARSEN_VERSION_MAJOR //p' include/sarsen.h)" ]]
echo "library: $(wc -l <<<"$shown") symbols, all of the header; SONAME right"
