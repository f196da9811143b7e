#!/usr/bin/env bash
# Builds the npm package `sarsen` where it lies: what is compiled goes to wasm/npm/engine/. Prints sizes, and fails where they are over the limit.
# Then puts the page together that verifies in a browser: target/web/, a folder for any web server.
#
#   wasm/build.sh          with wasm-opt of npm's binaryen, if that can be had (wasm/build/package.json)
set -euo pipefail
cd "$(dirname "$0")/.."

LIMIT_BYTES=$((110 * 1024)) # gzipped: what lists, checks and scrubs
ENGINE=wasm/npm/engine
TOOLS=wasm/build/node_modules/.bin
PAGE_TOOLS=wasm/web/node_modules/.bin
export LIBRARIES=std,panic_abort # where the standard library is built from source

packed() { gzip -9 -n -c "$1" | wc -c; }

bind() { # MODULE
    CARGO_TARGET_DIR=target/wasm-build cargo run --quiet --manifest-path wasm/build/Cargo.toml -- "$1" "$ENGINE"
}

shrink() { # MODULE [FOR WHAT]
    local before after
    before=$(packed "$1")
    if [[ -x $TOOLS/wasm-opt ]]; then
        "$TOOLS/wasm-opt" "${2:--Oz}" --converge --strip-debug --strip-producers "$1" -o "$1.small" && mv "$1.small" "$1"
    fi
    after=$(packed "$1")
    printf '%-14s %7d bytes, gzipped %7d; before wasm-opt gzipped %7d\n' "$(basename "$1")" "$(wc -c <"$1")" "$after" "$before"
}

install_tools() {
    [[ -x $TOOLS/wasm-opt || -n ${NO_INSTALL:-} ]] && return
    npm ci --prefix wasm/build --silent || echo "wasm-opt could not be had: modules are as the compiler left them"
}

has_page_tools() { [[ -x $PAGE_TOOLS/esbuild && -x $PAGE_TOOLS/marked ]]; }

page() {
    has_page_tools || [[ -n ${NO_INSTALL:-} ]] || npm ci --prefix wasm/web --silent || true
    if has_page_tools; then
        node wasm/web/build.mjs
        printf '%-14s %7d bytes in %d files\n' page "$(cat target/web/* | wc -c)" "$(find target/web -type f | wc -l)"
    else
        echo "esbuild and marked could not be had: the page was not put together"
    fi
}

install_tools
mkdir -p "$ENGINE"
tools/targets.sh build wasm32-unknown-unknown --quiet --release --manifest-path wasm/Cargo.toml
bind target/cross/wasm32-unknown-unknown/release/sarsen_wasm.wasm
shrink "$ENGINE/sarsen.wasm"
tools/targets.sh build wasm32-unknown-unknown --quiet --release --manifest-path wasm/zstd/Cargo.toml
cp target/cross/wasm32-unknown-unknown/release/sarsen_wasm_zstd.wasm "$ENGINE/zstd.wasm"
shrink "$ENGINE/zstd.wasm" -O3

size=$(packed "$ENGINE/sarsen.wasm")
if ((size > LIMIT_BYTES)); then
    echo "sarsen.wasm has $size bytes gzipped, more than $LIMIT_BYTES" >&2
    exit 1
fi

page
