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

# The library's panic handler calls sarsen_panicked, and nobody here has it: were a panic reachable, the image would not have been linked.
if arm-none-eabi-nm "$OUT/image.elf" | grep sarsen_panicked; then
    echo "a panic can be reached: tools/size.sh says from where" >&2
    exit 1
fi
echo "panics that can be reached: none"

timeout 1800 qemu-system-arm -machine mps2-an386 -nographic -monitor none -serial none \
    -semihosting-config enable=on,target=native -kernel "$OUT/image.elf"
