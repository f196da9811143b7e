#!/usr/bin/env bash
# Builds the engine and a C program for a Cortex-M4 with 32 KiB of RAM, and runs it under QEMU (tests/firmware/main.c says what it does).
set -euo pipefail
cd "$(dirname "$0")/../.."

TARGET=thumbv7em-none-eabi
OUT=target/firmware
SOURCES=(main.c flash.c start.c)

tools/targets.sh build "$TARGET" --quiet --release --manifest-path ffi/Cargo.toml
mkdir -p "$OUT"
arm-none-eabi-gcc -mcpu=cortex-m4 -mthumb -mfloat-abi=soft -std=c99 -Os -ffreestanding -ffunction-sections -fdata-sections \
    -Wall -Wextra -Werror -Iinclude -Itests/firmware "${SOURCES[@]/#/tests/firmware/}" \
    -nostdlib -Wl,--no-warn-execstack -T tests/firmware/image.ld -Wl,--gc-sections -Wl,-Map="$OUT/image.map" \
    "target/cross/$TARGET/release/libsarsen.a" -lgcc -o "$OUT/image.elf"

# The library's panic handler calls a function of ours, which is linked only if a panic can be reached.
panics=$(arm-none-eabi-objdump -d --demangle "$OUT/image.elf" | awk '
    /^[0-9a-f]+ <.*>:$/ { name = $0; sub(/^[0-9a-f]+ </, "", name); sub(/>:$/, "", name) }
    /\tbl?(\.w)?\t.*<(core::panicking|core::.*_fail)/ && name !~ /^core::/ { print "  " name }' | sort -u)
printf 'functions from which a panic can be reached: %d\n' "$(grep -c . <<<"$panics")"
[[ -z $panics ]] || echo "$panics"

timeout 1800 qemu-system-arm -machine mps2-an386 -nographic -monitor none -serial none \
    -semihosting-config enable=on,target=native -kernel "$OUT/image.elf"
