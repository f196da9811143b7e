#!/usr/bin/env bash
# How large the bare library is in a program that uses some of it, and that nothing in it can panic.
#
#   tools/size.sh            links programs for a Cortex-M4 and says how large each is, and its modules; fails where one is over its limit
#   tools/size.sh SET [N]    the same of one of them only (read, all), with its N largest functions
#   tools/size.sh panics     links a program for this machine that uses every function of the library
#
# A program here is a list of functions it keeps: what they do not need, the linker drops. The library's panic handler calls sarsen_panicked,
# which nobody defines, so a program from which a panic can be reached does not link.
set -euo pipefail
cd "$(dirname "$0")/.."

TARGET=thumbv7em-none-eabi
HERE=x86_64-unknown-linux-gnu
OUT=target/size
NM=arm-none-eabi-nm
KIB=1024
failed=0

# What a program may take at opt-level s. That is what it took lately, rounded up: with the same functions it may fall, not rise.
limit_of() { # SET
    case $1 in
        read) echo $((83 * KIB)) ;;
        all) echo $((224 * KIB)) ;;
    esac
}

# What it is to take one day.
goal_of() { # SET
    case $1 in
        read) echo $((24 * KIB)) ;;
        all) echo $((64 * KIB)) ;;
    esac
}

# A boot loader: it checks, scrubs and restores, with the library that only reads. And everything there is.
functions_of() { # SET
    case $1 in
        read) printf 'sarsen_%s\n' repository_{open,close} work_{open,close} check scrub restore ;;
        all) cat "$OUT/functions" ;;
    esac
}

features_of() { # SET
    case $1 in
        read) echo panic-handler ;;
        all) echo panic-handler,write ;;
    esac
}

library_of() { echo "target/cross/$1/release/libsarsen.a"; }

build() { # TARGET SET [OPT-LEVEL]
    mkdir -p "$OUT"
    export CARGO_PROFILE_RELEASE_OPT_LEVEL=${3:-s}
    tools/targets.sh build "$1" --quiet --release --manifest-path ffi/Cargo.toml --no-default-features --features "$(features_of "$2")"
    nm --defined-only "$(library_of "$1")" 2>/dev/null | awk '$2 == "T" && $3 ~ /^sarsen_/ { print $3 }' | sort -u >"$OUT/functions"
}

link_with() { # SET FLAGS...
    local kept set=$1
    shift
    mapfile -t kept < <(functions_of "$set")
    arm-none-eabi-gcc -mcpu=cortex-m4 -mthumb -mfloat-abi=soft -nostdlib -Wl,--no-warn-execstack -Wl,--gc-sections -Wl,-e,0 "$@" \
        "${kept[@]/#/-Wl,-u,}" "$(library_of "$TARGET")" -lgcc -o "$OUT/$set.elf"
}

link() { # SET
    link_with "$1" 2>"$OUT/$1.log" && return
    echo "FAILED: a panic can be reached ($OUT/$1.log), from:"
    # With the symbol defined it links, and shows who calls it.
    link_with "$1" -Wl,--defsym,sarsen_panicked=0
    arm-none-eabi-objdump -d --demangle "$OUT/$1.elf" | awk '
        /^[0-9a-f]+ <.*>:$/ { name = $0; sub(/^[0-9a-f]+ </, "", name); sub(/>:$/, "", name) }
        /\tbl?(\.w)?\t.*<(core::panicking|core::.*_fail)/ && name !~ /^core::/ { print "  " name }' | sort -u
    return 1
}

bytes_of() { # SET: code and constants, as they lie in flash; unwind tables are nobody's here
    arm-none-eabi-size -A "$OUT/$1.elf" | awk '$1 ~ /^\.(text|rodata|data)/ { bytes += $2 } END { print bytes }'
}

# Symbols with their sizes, without hashes: bytes and name.
symbols_of() { # SET
    $NM -t d -S --size-sort -r -C "$OUT/$1.elf" | awk '$3 ~ /[tTrRwWdD]/ { bytes = $2 + 0; $1 = $2 = $3 = ""; sub(/^ +/, ""); print bytes, $0 }'
}

by_module() { # SET
    symbols_of "$1" | awk '{
        bytes = $1; $1 = ""; name = $0; gsub(/^[ <&]+/, "", name); sub(/^(mut|dyn) /, "", name); gsub(/^[<&]+/, "", name)
        if (name ~ /^sarsen::/) module = "sarsen (the C face)"
        else if (name ~ /^sarsen_core::/) { split(name, path, "::"); module = path[1] "::" path[2]; if (path[2] == "ops" || path[2] == "format" || path[2] == "store") module = module "::" path[3] }
        else if (name ~ /^sarsen_/) module = "sarsen (the C face)"
        else if (name ~ /::/) { split(name, path, "::"); module = path[1] }
        else module = "others"
        sub(/[>(, ].*/, "", module); sum[module] += bytes
    } END { for (module in sum) printf "%8d  %s\n", sum[module], module }' | sort -rn
}

measure() { # SET OPT-LEVEL
    local bytes limit
    link "$1" || failed=1
    bytes=$(bytes_of "$1") limit=$(limit_of "$1")
    printf '%-5s opt-level %s  %3d functions  %7d bytes of code (limit %d, goal %d)\n' \
        "$1" "$2" "$(functions_of "$1" | wc -l)" "$bytes" "$limit" "$(goal_of "$1")"
    ((bytes <= limit)) || failed=1
}

panics() {
    build "$HERE" all
    {
        awk '{ print "void " $1 "(void);" }' "$OUT/functions"
        echo 'void (*const used[])(void) = {'
        awk '{ print "    " $1 "," }' "$OUT/functions"
        echo '};'
        echo 'int main(void) { for (unsigned long i = 0; i < sizeof used / sizeof *used; i++) if (!*(void (*volatile const *)(void))&used[i]) return 1; return 0; }'
    } >"$OUT/every.c"
    gcc -Os -Wl,--gc-sections "$OUT/every.c" "$(library_of "$HERE")" -o "$OUT/every"
    "$OUT/every"
    echo "x86_64: a program with all $(wc -l <"$OUT/functions") functions links without a panic handler"
}

case ${1:-} in
    '')
        for level in z s; do
            for set in read all; do
                build "$TARGET" "$set" "$level"
                measure "$set" "$level"
            done
        done
        for set in read all; do
            echo "$set, opt-level $level, bytes by module:"
            by_module "$set"
        done
        exit "$failed"
        ;;
    read | all)
        build "$TARGET" "$1"
        measure "$1" s
        by_module "$1"
        symbols_of "$1" | head -n "${2:-40}"
        exit "$failed"
        ;;
    panics) panics ;;
    *) sed -n '2,/^set/{/^#/s/^# \{0,1\}//p}' "$0" >&2 && exit 2 ;;
esac
