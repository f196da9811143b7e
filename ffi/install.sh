#!/usr/bin/env bash
# Installs the hosted library below PREFIX: header, static and shared library, pkg-config file, CMake config. Needs cargo, and no network once the crates
# are there.
#
#   ffi/install.sh PREFIX [BUILT]     BUILT: where ffi/build.sh has put the libraries already; otherwise they are built
set -euo pipefail
PREFIX=${1:?usage: ffi/install.sh PREFIX [BUILT]}
mkdir -p "$PREFIX"
PREFIX=$(cd "$PREFIX" && pwd)
cd "$(dirname "$0")/.."
BUILT=${2:-target/c}
[[ -n ${2:-} ]] || ffi/build.sh "$BUILT"

number() { sed -n "s/#define SARSEN_VERSION_$1 //p" include/sarsen.h; }
version=$(number MAJOR).$(number MINOR).$(number PATCH)
shared=libsarsen.so.$(number MAJOR)

install -d "$PREFIX/include" "$PREFIX/lib/pkgconfig" "$PREFIX/lib/cmake/sarsen"
install -m 644 include/sarsen.h "$PREFIX/include/"
install -m 644 "$BUILT/libsarsen.a" "$PREFIX/lib/"
install -m 755 "$BUILT/$shared" "$PREFIX/lib/"
ln -sf "$shared" "$PREFIX/lib/libsarsen.so"

cat >"$PREFIX/lib/pkgconfig/sarsen.pc" <<END
prefix=$PREFIX
libdir=\${prefix}/lib
includedir=\${prefix}/include

Name: sarsen
Description: Block backup: versions of disks, incremental, checkable, readable at random
Version: $version
Cflags: -I\${includedir}
Libs: -L\${libdir} -lsarsen
Libs.private: -lm -lpthread -lgcc_s
END

cat >"$PREFIX/lib/cmake/sarsen/sarsenConfig.cmake" <<'END'
# sarsen::sarsen is the shared library, sarsen::static the static one.
get_filename_component(_sarsen_prefix "${CMAKE_CURRENT_LIST_DIR}/../../.." ABSOLUTE)
find_package(Threads REQUIRED)
add_library(sarsen::sarsen SHARED IMPORTED)
set_target_properties(sarsen::sarsen PROPERTIES IMPORTED_LOCATION "${_sarsen_prefix}/lib/libsarsen.so"
    INTERFACE_INCLUDE_DIRECTORIES "${_sarsen_prefix}/include")
add_library(sarsen::static STATIC IMPORTED)
set_target_properties(sarsen::static PROPERTIES IMPORTED_LOCATION "${_sarsen_prefix}/lib/libsarsen.a"
    INTERFACE_INCLUDE_DIRECTORIES "${_sarsen_prefix}/include" INTERFACE_LINK_LIBRARIES "Threads::Threads;m")
END
cat >"$PREFIX/lib/cmake/sarsen/sarsenConfigVersion.cmake" <<END
set(PACKAGE_VERSION "$version")
if(PACKAGE_FIND_VERSION VERSION_GREATER PACKAGE_VERSION)
    set(PACKAGE_VERSION_COMPATIBLE FALSE)
else()
    set(PACKAGE_VERSION_COMPATIBLE TRUE)
endif()
END
echo "sarsen $version: $PREFIX"
