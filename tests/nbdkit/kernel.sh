#!/usr/bin/env bash
# Fetches Debian's smallest kernel and unpacks it below OUT, without installing it: what tests/nbdkit/test_linux.py boots. Needs apt-get with its lists.
set -euo pipefail
OUT=${1:?usage: tests/nbdkit/kernel.sh OUT}
[[ ! -e $OUT/ready ]] || exit 0

package=$(apt-cache depends --important linux-image-cloud-amd64 | awk '/Depends: linux-image/ { print $2; exit }')
[[ -n $package ]] || { echo "no package linux-image-cloud-amd64 here" >&2 && exit 1; }
rm -rf "$OUT"
mkdir -p "$OUT"
cd "$OUT"
apt-get download -q -o APT::Sandbox::User=root "$package"
dpkg-deb -x "$package"_*.deb .
rm "$package"_*.deb
touch ready
