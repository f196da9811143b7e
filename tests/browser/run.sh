#!/usr/bin/env bash
# Builds the page, the example for Vite and the command, and lets a browser show what it says of repositories made by the command (run.mjs).
# Screenshots of the main states are left in target/screenshots.
#
#   tests/browser/run.sh [--long] [PART OF A TEST'S NAME]
#   tests/browser/run.sh figures [ROUNDS]     how fast it is instead, beside the command (figures.mjs)
set -euo pipefail
cd "$(dirname "$0")/../.."

PATIENCE=600
if [[ ${1:-} == --long ]]; then
    export SARSEN_LONG=1
    PATIENCE=1800
    shift
fi

wasm/build.sh
[[ -d tests/browser/node_modules/playwright-core || -n ${NO_INSTALL:-} ]] || npm ci --prefix tests/browser --silent
EXAMPLE=wasm/examples/vite
[[ -d $EXAMPLE/node_modules/vite || -n ${NO_INSTALL:-} ]] || npm ci --prefix "$EXAMPLE" --silent
rm -rf target/vite-example
[[ ! -d $EXAMPLE/node_modules/vite ]] || npm run --silent --prefix "$EXAMPLE" build -- --logLevel warn --outDir "$PWD/target/vite-example" --emptyOutDir
cargo build --quiet --release -p sarsen-cli
if [[ ${1:-} == figures ]]; then
    CHROMIUM=$(command -v chromium) node tests/browser/figures.mjs "${CARGO_TARGET_DIR:-target}/release/sarsen" "${@:2}"
    exit
fi
CHROMIUM=$(command -v chromium) timeout "$PATIENCE" node tests/browser/run.mjs "${CARGO_TARGET_DIR:-target}/release/sarsen" "$@"
