#!/usr/bin/env bash
# Builds the npm package and the command, and lets Node compare what the two say of the same repositories (run.mjs).
#
#   tests/wasm/run.sh [PART OF A TEST'S NAME]
set -euo pipefail
cd "$(dirname "$0")/../.."

wasm/build.sh
if [[ -x wasm/build/node_modules/.bin/tsc ]]; then
    wasm/build/node_modules/.bin/tsc -p wasm/build/tsconfig.json
    echo "types: as a user meets them"
fi
LIBRARIES=std,panic_abort tools/targets.sh build wasm32-unknown-unknown --quiet --release --manifest-path tests/wasm/vectors/Cargo.toml
cargo build --quiet --release -p sarsen-cli
# An engine that waits for nothing would wait for ever.
timeout "${SARSEN_LONG:+3}600" node tests/wasm/run.mjs "${CARGO_TARGET_DIR:-target}/release/sarsen" "$@"
