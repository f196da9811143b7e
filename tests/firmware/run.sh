#!/usr/bin/env bash
# The firmware example (ffi/examples/firmware), on a Cortex-M4 and on a 32-bit RISC-V under QEMU: the life of a device with a region of 1 MiB, whose
# streams the host command imports; and a smaller one that is reset in every operation of its flash.
#
#   tests/firmware/run.sh              all of it
#   tests/firmware/run.sh BOARD..      of cortex-m, riscv32, and rust: the twin in Rust (core/examples/firmware), which has no resets but that of its life
#   tests/firmware/run.sh lld          says which linker for RISC-V there is, if any
set -euo pipefail
cd "$(dirname "$0")/../.."

BOARDS=(cortex-m riscv32 rust)
OUT=$PWD/target/firmware
FIRMWARE=ffi/examples/firmware

# Debian's newest, or the one that comes with rustup's compilers.
find_lld() {
    local found
    found=$({ compgen -c ld.lld | sort -V; compgen -G "$(rustc --print sysroot)/lib/rustlib/*/bin/gcc-ld/ld.lld"; } 2>/dev/null | tail -n 1)
    [[ -n $found ]] && command -v "$found"
}

target_of() { # BOARD
    case $1 in
        cortex-m | rust) echo thumbv7em-none-eabi ;;
        riscv32) echo riscv32imac-unknown-none-elf ;;
    esac
}

# From the directory that files are to be written to. The console of semihosting is where QEMU complains.
qemu() { # BOARD IMAGE SERIAL
    local machine
    case $1 in
        cortex-m | rust) machine=(qemu-system-arm -machine mps2-an386) ;;
        riscv32) machine=(qemu-system-riscv32 -machine virt -bios none) ;;
    esac
    timeout 900 "${machine[@]}" -nographic -monitor none -serial "$3" -semihosting-config enable=on,target=native -kernel "$2" 2>&1
}

build_c() { # BOARD
    tools/targets.sh build "$(target_of "$1")" --quiet --release --manifest-path ffi/Cargo.toml
    make --silent -C "$FIRMWARE" BOARD="$1" OUT="$OUT/$1" LLD="$(find_lld)"
}

build_rust() {
    CARGO_TARGET_THUMBV7EM_NONE_EABI_LINKER=$(find_lld) \
        tools/targets.sh build "$(target_of rust)" --quiet --release --manifest-path core/examples/firmware/Cargo.toml
    mkdir -p "$OUT/rust"
    cp "target/cross/$(target_of rust)/release/firmware" "$OUT/rust/life.elf"
}

build() { # BOARD
    local image
    case $1 in
        rust) build_rust ;;
        *) build_c "$1" ;;
    esac
    # The panic handlers call sarsen_panicked, and nobody here has it: were a panic reachable, the image would not have been linked.
    for image in "$OUT/$1"/*.elf; do
        if nm "$image" | grep sarsen_panicked; then
            echo "a panic can be reached: tools/size.sh says from where" >&2
            exit 1
        fi
    done
}

# What the console says was sent, cut out of the serial line.
streams() { # BOARD
    local at=0 number=0 len
    for len in $(sed -n 's/^stream sent, bytes: //p' "$OUT/$1/console"); do
        number=$((number + 1))
        dd if="$OUT/$1/serial" of="$OUT/$1/stream-$number" iflag=skip_bytes,count_bytes skip="$at" count="$len" status=none
        at=$((at + len))
    done
    [[ $number == 2 && $at == $(stat -c %s "$OUT/$1/serial") ]] || { echo "the serial line has other streams than were sent" >&2 && exit 1; }
}

life() { # BOARD
    echo "== $1: a life"
    (cd "$OUT/$1" && rm -f region.bin && qemu "$1" "$OUT/$1/life.elf" file:serial | tee console)
    streams "$1"
    local room=$OUT/$1/imported
    rm -rf "$room" "$OUT/$1/back"
    sarsen() { cargo run --quiet --release -p sarsen-cli -- --repo "$room" "$@"; }
    sarsen init --block 4K --frame 4K --fan-out 16 --segment 1M
    sarsen import "$OUT/$1/stream-1"
    sarsen import "$OUT/$1/stream-2"
    sarsen scrub >/dev/null
    sarsen restore region@wednesday "$OUT/$1/back" >/dev/null
    cmp "$OUT/$1/back" "$OUT/$1/region.bin"
    echo "== $1: what came over the serial line, imported and restored on the host, is the region"
}

resets() { # BOARD
    qemu "$1" "$OUT/$1/resets.elf" none >"$OUT/$1/resets" || { cat "$OUT/$1/resets" && return 1; }
}

[[ ${1:-} == lld ]] && { find_lld && exit || exit 1; }
(($#)) && BOARDS=("$@")
for board in "${BOARDS[@]}"; do build "$board"; done
echo "panics that can be reached: none"
cargo build --quiet --release -p sarsen-cli
for board in "${BOARDS[@]}"; do life "$board"; done

# They take the longest, and one processor each.
declare -A JOBS
for board in "${BOARDS[@]}"; do
    [[ $board != rust ]] || continue
    resets "$board" &
    JOBS[$board]=$!
done
for board in "${!JOBS[@]}"; do
    wait "${JOBS[$board]}"
    echo "== $board: resets"
    cat "$OUT/$board/resets"
done
