#!/usr/bin/env bash
# Everything that is tested, the way CI runs it.
#
#   ./test.sh                  the normal tier
#   ./test.sh --long           and the tests marked #[ignore = "long: ..."]; random ones go on for longer (SARSEN_LONG=1)
#   ./test.sh [--long] STEP..  only these steps: fmt clippy faces test decoder demo targets endian size nbdkit firmware wasm browser c
#   NO_INSTALL=1 ./test.sh     installs nothing
#
# What a step needs is installed where this user may (packages of Debian and Ubuntu as root, Python packages below target/). Where a tool is
# still missing, its steps are not run, and the summary says so; with CI=true that is a failure.
set -euo pipefail
cd "$(dirname "$0")"

STEPS=(fmt clippy faces test decoder demo targets endian size nbdkit firmware wasm browser c)
CI=${CI:-false}
LONG=false
CHOSEN=()
LOGS=target/test-logs
VENV=target/venv
KERNEL=target/nbdkit/kernel
LOCKED=()
[[ $CI == true ]] && LOCKED=(--locked) # what CI tests is what the lock file names

usage() { sed -n '2,/^set/{/^#/s/^# \{0,1\}//p}' "$0"; }

for argument in "$@"; do
    case $argument in
        --long) LONG=true ;;
        --help | -h) usage && exit 0 ;;
        *)
            if [[ " ${STEPS[*]} " != *" $argument "* ]]; then
                usage >&2 && exit 2
            fi
            CHOSEN+=("$argument")
            ;;
    esac
done
((${#CHOSEN[@]})) || CHOSEN=("${STEPS[@]}")

heading() { printf '\n== %s\n' "$*"; }

# --- What the steps need ------------------------------------------------------------------------------------------------------------------

# A need is a word; `has` says whether it is there, `packages_of` what Debian calls it.
needs_of() { # STEP
    case $1 in
        fmt) echo rustfmt ;;
        clippy) echo clippy ;;
        faces) echo cross cross-clippy clippy clang ;;
        test) echo cargo mke2fs python-packages qemu-utils nbdinfo $([[ $LONG == false ]] || echo ceph) ;;
        decoder) echo python-packages ;;
        demo) echo cargo mke2fs ;;
        targets) echo cross ;;
        endian) echo cross s390x-gcc qemu-s390x ;;
        size) echo cargo cross arm-gcc ;;
        nbdkit) echo cargo nbdkit nbdinfo python-nbd qemu-utils qemu-x86 $([[ $LONG == false ]] || echo busybox mke2fs kernel) ;;
        firmware) echo cargo cross arm-gcc qemu-arm clang lld qemu-riscv ;;
        c) echo cargo cross c-compilers sanitizers valgrind cmake pkg-config $([[ $LONG == false ]] || echo rust-source) ;;
        wasm) echo cargo cross wasm-linker clang node npm ;;
        browser) echo cargo cross wasm-linker clang node npm chromium ;;
    esac
}

has() { # NEED
    case $1 in
        cargo) command -v cargo >/dev/null && command -v cc >/dev/null ;;
        rustfmt) cargo fmt --version >/dev/null 2>&1 ;;
        clippy) cargo clippy --version >/dev/null 2>&1 ;;
        cross) tools/targets.sh can thumbv7em-none-eabi && tools/targets.sh can riscv32imc-unknown-none-elf && tools/targets.sh can wasm32-unknown-unknown ;;
        cross-clippy) tools/targets.sh can-lint thumbv7em-none-eabi && tools/targets.sh can-lint wasm32-unknown-unknown ;;
        wasm-linker) tools/targets.sh can-link-wasm ;;
        rust-source) tools/targets.sh can-sanitize ;;
        mke2fs) PATH=$PATH:/usr/sbin:/sbin command -v mke2fs >/dev/null ;;
        arm-gcc) command -v arm-none-eabi-gcc >/dev/null ;;
        c-compilers) command -v gcc >/dev/null && command -v g++ >/dev/null && command -v clang++ >/dev/null ;;
        sanitizers) echo 'int main(void) { return 0; }' | gcc -fsanitize=thread -x c - -o /dev/null 2>/dev/null && echo 'int main(void) { return 0; }' | gcc -fsanitize=address,undefined -x c - -o /dev/null 2>/dev/null ;;
        valgrind) command -v valgrind >/dev/null ;;
        cmake) command -v cmake >/dev/null && command -v make >/dev/null ;;
        pkg-config) command -v pkg-config >/dev/null ;;
        s390x-gcc) command -v s390x-linux-gnu-gcc >/dev/null ;;
        qemu-s390x) command -v qemu-s390x >/dev/null ;;
        qemu-arm) command -v qemu-system-arm >/dev/null ;;
        qemu-riscv) command -v qemu-system-riscv32 >/dev/null ;;
        clang) command -v clang >/dev/null ;;
        lld) tests/firmware/run.sh lld >/dev/null ;;
        nbdkit) command -v nbdkit >/dev/null && pkg-config --exists nbdkit 2>/dev/null ;;
        python-nbd) /usr/bin/python3 -c 'import nbd' 2>/dev/null ;;
        qemu-x86) command -v qemu-system-x86_64 >/dev/null && command -v qemu-storage-daemon >/dev/null ;;
        qemu-utils) command -v qemu-img >/dev/null && command -v qemu-io >/dev/null && command -v qemu-nbd >/dev/null ;;
        nbdinfo) command -v nbdinfo >/dev/null ;;
        busybox) command -v busybox >/dev/null && ! ldd "$(command -v busybox)" >/dev/null 2>&1 ;; # in a root of its own there are no libraries
        kernel) [[ -e $KERNEL/ready ]] ;;
        ceph) command -v ceph-mon >/dev/null && command -v ceph-osd >/dev/null && command -v rbd >/dev/null ;;
        node) command -v node >/dev/null && node -e 'process.exit(parseInt(process.versions.node) >= 20 ? 0 : 1)' ;;
        npm) command -v npm >/dev/null ;;
        chromium) command -v chromium >/dev/null ;;
        python-venv) python3 -c 'import ensurepip, venv' >/dev/null 2>&1 ;;
        python-packages) [[ -e $VENV/ready ]] && [[ ! tests/decoder/requirements.txt -nt $VENV/ready ]] ;;
    esac
}

packages_of() { # NEED
    case $1 in
        cargo) echo cargo-web rustc-web gcc libc6-dev ;;
        rustfmt) echo rustfmt-web ;;
        clippy) echo rust-web-clippy ;;
        cross) echo rustc-web cargo-web rust-web-src ;;
        cross-clippy) echo rust-web-clippy ;;
        wasm-linker) newest_lld ;;
        rust-source) echo rustc-web cargo-web rust-web-src ;;
        mke2fs) echo e2fsprogs ;;
        arm-gcc) echo gcc-arm-none-eabi ;;
        c-compilers) echo gcc g++ clang libc6-dev ;;
        sanitizers) echo gcc libc6-dev ;; # gcc brings libasan, libubsan and libtsan
        valgrind) echo valgrind libc6-dbg ;;
        cmake) echo cmake make ;;
        pkg-config) echo pkg-config ;;
        s390x-gcc) echo gcc-s390x-linux-gnu libc6-dev-s390x-cross ;;
        qemu-s390x) echo qemu-user ;;
        qemu-arm) echo qemu-system-arm ;;
        qemu-riscv) echo qemu-system-misc ;;
        clang) echo clang ;;
        lld) newest_lld ;;
        qemu-utils) echo qemu-utils ;;
        nbdkit) echo nbdkit nbdkit-plugin-dev pkg-config ;;
        python-nbd) echo python3-libnbd ;;
        qemu-x86) echo qemu-system-x86 ;;
        nbdinfo) echo libnbd-bin ;;
        busybox) echo busybox-static ;;
        ceph) echo ceph-mon ceph-osd ceph-common ;;
        node) echo nodejs ;;
        npm) echo npm ;;
        chromium) echo chromium ;;
        python-venv) echo python3 python3-venv ;;
    esac
}

# A linker older than the compiler's LLVM may not know what it is given.
newest_lld() { { echo lld; apt-cache pkgnames lld-; } | grep -x 'lld\(-[0-9]*\)\{0,1\}' | sort -V | tail -n 1; }

apt_install() { DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=600 install -y --no-install-recommends "$@"; }

# All packages of QEMU must be of one version. Where some came from a newer source than the one configured, asking for another alone would
# remove them; so all of them are asked for, at the version that can be had.
install_qemu() { # PACKAGE
    local version mates=()
    if apt-get install -s --no-install-recommends "$1" 2>/dev/null | grep -q '^Inst' &&
        ! apt-get install -s --no-install-recommends "$1" 2>/dev/null | grep -q '^Remv'; then
        apt_install "$1"
        return
    fi
    version=$(apt-cache policy "$1" | awk '/Candidate/ {print $2}')
    mapfile -t mates < <(dpkg-query -W -f '${db:Status-Status} ${source:Package} ${Package}\n' | awk '$1 == "installed" && $2 == "qemu" {print $3}')
    apt_install --allow-downgrades "${mates[@]/%/=$version}" "$1=$version"
    if [[ " ${mates[*]} " == *" qemu-utils "* ]]; then
        qemu-img --version | head -n 1
    fi
}

install_packages() {
    local need missing=() packages=()
    for need in $(for step in "${CHOSEN[@]}"; do needs_of "$step"; done | tr ' ' '\n' | sort -u); do
        [[ $need == kernel ]] && continue # is fetched, not installed
        [[ $need == python-packages ]] && need=python-venv
        has "$need" || missing+=("$need")
    done
    ((${#missing[@]})) || return 0
    heading "install: ${missing[*]}"
    if [[ $(id -u) != 0 || -n ${NO_INSTALL:-} ]] || ! command -v apt-get >/dev/null; then
        echo "not installed: ${missing[*]} (Debian's names: $(for need in "${missing[@]}"; do packages_of "$need"; done | tr '\n' ' '))"
        return 0
    fi
    apt-get -o DPkg::Lock::Timeout=600 update -q || echo "the lists of packages could not be renewed"
    for need in "${missing[@]}"; do
        read -ra packages <<<"$(packages_of "$need")"
        # One at a time: a package that this system does not have must not keep the others away.
        if [[ $need == qemu-* ]]; then install_qemu "${packages[@]}"; else apt_install "${packages[@]}"; fi || echo "could not install ${packages[*]}"
    done
}

install_python_packages() {
    [[ " ${CHOSEN[*]} " == *" decoder "* || " ${CHOSEN[*]} " == *" test "* ]] || return 0
    has python-packages && return
    has python-venv || return 0
    heading "install: tests/decoder/requirements.txt into $VENV"
    python3 -m venv "$VENV" && "$VENV/bin/pip" install --quiet --disable-pip-version-check -r tests/decoder/requirements.txt && touch "$VENV/ready" ||
        echo "could not install what the decoder needs"
}

fetch_kernel() {
    [[ $LONG == true && " ${CHOSEN[*]} " == *" nbdkit "* && -z ${NO_INSTALL:-} ]] || return 0
    has kernel && return
    heading "fetch: Debian's kernel into $KERNEL"
    tests/nbdkit/kernel.sh "$KERNEL" || echo "could not fetch what is to boot"
}

# --- The steps ----------------------------------------------------------------------------------------------------------------------------

step_fmt() {
    cargo fmt --all --check
    for package in ffi wasm wasm/build wasm/zstd tests/wasm/vectors tools/header core/examples/firmware; do cargo fmt --manifest-path "$package/Cargo.toml" --check; done
}

step_clippy() { cargo clippy "${LOCKED[@]}" --workspace --all-targets -- -D warnings; }

# The faces without a standard library are linted for the targets they are built for, and that of C with one too.
step_faces() {
    tools/targets.sh lint thumbv7em-none-eabi "${LOCKED[@]}" --manifest-path ffi/Cargo.toml --lib -- -D warnings
    CARGO_TARGET_DIR=target/ffi cargo clippy "${LOCKED[@]}" --manifest-path ffi/Cargo.toml --no-default-features --features hosted --lib -- -D warnings
    tools/targets.sh lint thumbv7em-none-eabi "${LOCKED[@]}" --manifest-path core/examples/firmware/Cargo.toml -- -D warnings
    for package in wasm wasm/zstd tests/wasm/vectors; do
        LIBRARIES=std,panic_abort tools/targets.sh lint wasm32-unknown-unknown "${LOCKED[@]}" --manifest-path "$package/Cargo.toml" --lib -- -D warnings
    done
}

step_test() {
    local tier=()
    if [[ $LONG == true ]]; then
        tier=(--include-ignored)
        export SARSEN_LONG=1
    fi
    # Optimised, since digests and codecs take most of the time; assertions of the engine's own invariants stay on.
    export CARGO_PROFILE_RELEASE_DEBUG_ASSERTIONS=true CARGO_PROFILE_RELEASE_OVERFLOW_CHECKS=true
    SARSEN_PYTHON=$PWD/$VENV/bin/python CARGO_TARGET_DIR=target/tests \
        cargo test "${LOCKED[@]}" --workspace --release --no-fail-fast -- "${tier[@]}"
}

step_decoder() { "$VENV/bin/python" tests/decoder/test_decoder.py; }

step_demo() { cargo run "${LOCKED[@]}" --release -- demo; }

step_targets() { tools/targets.sh core; }

# Every record against its vectors, and the engine's pieces, on a machine that has the highest byte first.
step_endian() { tools/targets.sh test s390x-unknown-linux-gnu --quiet "${LOCKED[@]}" -p sarsen-core --features blake3,lz4,zlib; }

step_size() {
    tools/size.sh panics
    tools/size.sh
}

step_nbdkit() { tests/nbdkit/run.sh $([[ $LONG == false ]] || echo --long); }

step_firmware() { tests/firmware/run.sh; }

step_wasm() { tests/wasm/run.sh; }

step_browser() { tests/browser/run.sh $([[ $LONG == false ]] || echo --long); }

step_c() { ffi/tests/run.sh $([[ $LONG == false ]] || echo --long); }

# --- Running them -------------------------------------------------------------------------------------------------------------------------

declare -A VERDICT SECONDS_OF
FAILED=false

run_step() { # STEP
    local step=$1 need missing=() began=$SECONDS status
    for need in $(needs_of "$step"); do
        has "$need" || missing+=("$need")
    done
    heading "$step"
    if ((${#missing[@]})); then
        echo "not run: ${missing[*]} missing"
        VERDICT[$step]="not run (missing: ${missing[*]})"
        [[ $CI == true ]] && FAILED=true
        return 0
    fi
    # In a subshell of its own and outside any condition, or `set -e` would be off inside.
    set +e
    (
        set -e
        "step_$step"
    ) 2>&1 | tee "$LOGS/$step"
    status=${PIPESTATUS[0]}
    set -e
    SECONDS_OF[$step]=$((SECONDS - began))
    VERDICT[$step]=ok
    if ((status != 0)); then
        VERDICT[$step]=failed
        FAILED=true
    fi
}

summary() {
    local step log
    heading "summary"
    for step in "${STEPS[@]}"; do
        printf '%-10s %-40s %5s\n' "$step" "${VERDICT[$step]:-not run (not asked for)}" "${SECONDS_OF[$step]:+${SECONDS_OF[$step]} s}"
    done
    sed -n 's/^test result: .* \([0-9]*\) passed; \([0-9]*\) failed; \([0-9]*\) ignored.*/\1 \2 \3/p' "$LOGS"/* |
        awk '{p += $1; f += $2; i += $3} END {printf "tests: %d passed; %d failed; %d ignored\n", p, f, i}'
    for log in "$LOGS"/*; do sed -n "s/^Ran \([0-9]* tests\{0,1\}\) in .*/${log##*/}: \1/p" "$log"; done
    heading "what this tier did not run"
    {
        for step in "${STEPS[@]}"; do
            [[ ${VERDICT[$step]:-not run} == "not run"* ]] && echo "step $step"
        done
        sed -n 's/^test \(.*\) \.\.\. ignored\(, \)\{0,1\}\(.*\)/\1 (\3)/p' "$LOGS"/*
        if [[ $LONG == false ]]; then
            grep -l SARSEN_LONG tests/tests/*.rs | sed 's/$/ (ten minutes of it, with SARSEN_LONG=1)/'
            echo "step nbdkit with a small Linux that boots from a version (long: fetches Debian's kernel)"
            echo "step c with the Rust side of the C library under AddressSanitizer and ThreadSanitizer (long: builds its standard library)"
        fi
    } | grep . || echo "nothing"
}

install_packages
install_python_packages
fetch_kernel
rm -rf "$LOGS"
mkdir -p "$LOGS"
for step in "${CHOSEN[@]}"; do run_step "$step"; done
summary
[[ $FAILED == false ]]
