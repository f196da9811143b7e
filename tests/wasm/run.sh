#!/usr/bin/env bash
# Builds the engine for WebAssembly and the command, and lets Node compare what the two say of the same repositories (run.mjs).
set -euo pipefail
cd "$(dirname "$0")/../.."

tools/targets.sh build wasm32-unknown-unknown --quiet --release --manifest-path wasm/Cargo.toml
cargo build --quiet --release -p sarsen-cli
module=target/cross/wasm32-unknown-unknown/release/sarsen_wasm.wasm
printf 'module, bytes: %d (gzip: %d)\n' "$(wc -c <"$module")" "$(gzip -9 -c "$module" | wc -c)"
# An engine that waits for nothing would wait for ever.
timeout 300 node tests/wasm/run.mjs "$module" "${CARGO_TARGET_DIR:-target}/release/sarsen"
