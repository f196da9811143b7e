#!/usr/bin/env bash
# Builds for machines other than this one, with whatever compiler is here.
#
#   tools/targets.sh core                      the core for a microcontroller with and one without atomics, and for WebAssembly
#   tools/targets.sh build TARGET ARGS...      cargo build ARGS for TARGET; what is made lies below target/cross/TARGET/
#   tools/targets.sh lint TARGET ARGS...       cargo clippy ARGS for TARGET
#   tools/targets.sh test TARGET ARGS...       cargo test ARGS for TARGET, a Linux of another machine, under QEMU
#   tools/targets.sh sanitized KIND TARGET ARGS...   cargo rustc ARGS, the standard library and all instrumented by a sanitizer: address, thread; below
#                                              target/sanitized/KIND/TARGET/
#   tools/targets.sh can TARGET                whether it could; can-lint TARGET, can-link-wasm, can-sanitize: whether those could
#
# There are two ways to have a library for another target. Built from source (-Zbuild-std=core), core is all there is: whatever names alloc
# does not compile, and that is the proof that the engine needs no heap. A ready-made library (rustup target add) brings alloc along.
# So `core` prefers source, and `build` what the user has installed. Exit code 3: this machine has neither.
set -euo pipefail
cd "$(dirname "$0")/.."

CORE_TARGETS=(thumbv7em-none-eabi riscv32imc-unknown-none-elf wasm32-unknown-unknown)
export CARGO_TARGET_DIR="$PWD/target/cross" # not target/: another compiler's files would make every host build start anew

new_enough() { # RUSTC
    local wanted have
    wanted=$(sed -n 's/^rust-version *= *"\(.*\)"/\1/p' Cargo.toml)
    have=$("$1" --version 2>/dev/null | awk '{print $2}')
    [[ -n $have && $(printf '%s\n' "$wanted" "${have%%-*}" | sort -V | head -n 1) == "$wanted" ]]
}

has_source() { # RUSTC
    new_enough "$1" && [[ -e $("$1" --print sysroot)/lib/rustlib/src/rust/library/core/src/lib.rs ]]
}

has_library() { # RUSTC TARGET
    new_enough "$1" && [[ -d $("$1" --print sysroot)/lib/rustlib/$2/lib ]]
}

# Debian keeps a current compiler and its library's source in rustc-web, cargo-web and rust-web-src, beside any rustup.
COMPILERS=()
for pair in "$(command -v rustc || true):$(command -v cargo || true)" /usr/bin/rustc:/usr/bin/cargo; do
    [[ -x ${pair%%:*} && -x ${pair##*:} ]] && COMPILERS+=("$pair")
done

can_run() { # COMMAND CARGO: Debian's clippy is a package of its own
    [[ $1 != clippy ]] || PATH=${2%/*}:$PATH "$2" clippy --version >/dev/null 2>&1
}

from_source() { # COMMAND TARGET ARGS...
    local command=$1 target=$2 pair
    shift 2
    for pair in "${COMPILERS[@]}"; do
        if has_source "${pair%%:*}" && can_run "$command" "${pair##*:}"; then
            # The flag is only known to nightly compilers, or to those told to bootstrap.
            RUSTC=${pair%%:*} RUSTC_BOOTSTRAP=1 run "$pair" "$command" "$target" "-Zbuild-std=${LIBRARIES:-core}" "$@"
            return
        fi
    done
    return 3
}

ready_made() { # COMMAND TARGET ARGS...
    local command=$1 target=$2 pair
    shift 2
    for pair in "${COMPILERS[@]}"; do
        if has_library "${pair%%:*}" "$target" && can_run "$command" "${pair##*:}"; then
            RUSTC=${pair%%:*} run "$pair" "$command" "$target" "$@"
            return
        fi
    done
    return 3
}

has_linker() { # RUSTC: rustup's compilers bring one for WebAssembly, Debian's do not
    compgen -G "$("$1" --print sysroot)/lib/rustlib/*/bin/rust-lld" >/dev/null
}

newest_wasm_linker() { compgen -c wasm-ld | sort -V | tail -n 1; }

run() { # RUSTC:CARGO COMMAND TARGET ARGS...
    local rustc=${1%%:*} cargo=${1##*:} command=$2 target=$3
    shift 3
    if [[ $target == wasm32-* && -z ${CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER:-} ]] && ! has_linker "$rustc"; then
        CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER=$(newest_wasm_linker)
        export CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER
    fi
    local settings=()
    # BLAKE3 is several times as fast with it, and every browser since 2023 has it.
    [[ $target != wasm32-* ]] || settings=(--config "target.$target.rustflags=['-Ctarget-feature=+simd128']")
    if [[ $target == thumb* || $target == riscv32* ]]; then
        # Small before fast: SHA-256 in a loop (7 KB smaller than unrolled), equal pieces of code once, little inlined (together 8 % smaller).
        settings=(--config "target.$target.rustflags=['--cfg', 'sha2_backend=\"soft\"', '--cfg', 'sha2_backend_soft=\"compact\"',
            '-Cllvm-args=-enable-machine-outliner=always -inline-threshold=5']")
    fi
    PATH=${cargo%/*}:$PATH "$cargo" "${settings[@]}" "$command" --target "$target" "$@"
}

# A standard library that is not instrumented too would hide what it does from the sanitizer, and its locks.
sanitized() { # KIND TARGET ARGS...
    CARGO_TARGET_DIR=$PWD/target/sanitized/$1 RUSTFLAGS=-Zsanitizer=$1 LIBRARIES=std,panic_abort from_source rustc "${@:2}"
}

# A function that has answered 3 has built nothing, so the other way may be tried; any other failure is one of the build.
first_of() { # WAY WAY COMMAND TARGET ARGS...
    local first=$1 second=$2 status=0
    shift 2
    "$first" "$@" || status=$?
    if ((status == 3)); then
        status=0
        "$second" "$@" || status=$?
    fi
    if ((status == 3)); then
        echo "no Rust for $2: rustup target add $2, or Debian's rustc-web cargo-web rust-web-src rust-web-clippy lld" >&2
    fi
    return "$status"
}

can() { # COMMAND TARGET
    local pair
    for pair in "${COMPILERS[@]}"; do
        can_run "$1" "${pair##*:}" || continue
        has_source "${pair%%:*}" && return
        has_library "${pair%%:*}" "$2" && return
    done
    return 1
}

has_any_source() {
    local pair
    for pair in "${COMPILERS[@]}"; do
        has_source "${pair%%:*}" && return
    done
    return 1
}

can_link_wasm() {
    local pair
    [[ -n $(newest_wasm_linker) ]] && return
    for pair in "${COMPILERS[@]}"; do
        has_library "${pair%%:*}" wasm32-unknown-unknown && has_linker "${pair%%:*}" && return
    done
    return 1
}

build_core() {
    local target features
    for target in "${CORE_TARGETS[@]}"; do
        for features in "" blake3,lz4,zlib,nor; do
            printf '%-28s features: %s\n' "$target" "${features:-none}"
            first_of from_source ready_made build "$target" --quiet --release -p sarsen-core --features "$features"
        done
    done
    has_any_source && echo "built with -Zbuild-std=core: alloc is not there, so it is not used" && return
    echo "built with ready-made libraries: that alloc is not used is not shown here (rustup component add rust-src)"
}

# Tests unwind. Were the profile to abort, the library would be built once for either, and the two would collide.
test_on() { # TARGET ARGS...
    local machine=${1%%-*} target=${1^^}
    export "CARGO_TARGET_${target//-/_}_LINKER=$machine-linux-gnu-gcc"
    export "CARGO_TARGET_${target//-/_}_RUNNER=qemu-$machine -L /usr/$machine-linux-gnu"
    CARGO_PROFILE_DEV_DEBUG=0 LIBRARIES=std,test first_of ready_made from_source test "$1" --config 'profile.dev.panic="unwind"' "${@:2}"
}

case ${1:-} in
    core) build_core ;;
    build) shift && first_of ready_made from_source build "$@" ;;
    lint) shift && first_of ready_made from_source clippy "$@" ;;
    test) shift && test_on "$@" ;;
    can) can build "$2" ;;
    can-lint) can clippy "$2" ;;
    sanitized) shift && sanitized "$@" ;;
    can-link-wasm) can_link_wasm ;;
    can-sanitize) has_any_source ;;
    *) sed -n '2,/^set/{/^#/s/^# \{0,1\}//p}' "$0" >&2 && exit 2 ;;
esac
