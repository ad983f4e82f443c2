#!/usr/bin/env bash
# Runs the kernel tests on other architectures: compiles tests/kernels/cross_main.cpp with every kernel, statically, and runs it.
#   tests/kernels/cross.sh [--build DIR] [x86-64|aarch64|armhf]...      all three by default
# x86-64 runs here; aarch64 and armhf under qemu-user (armhf as a Cortex-A9). The programs stay in DIR (default build-cross)
# as kernels_<architecture>: one static file each, to be copied to a device.
# Exit code: 0 all passed, 1 a test failed, 2 it does not compile or a compiler or emulator is missing (named).
set -euo pipefail

root=$(cd "$(dirname "$0")/../.." && pwd)
build=$root/build-cross
architectures=()
while [ $# -gt 0 ]; do
  case "$1" in
    --build) build=$2; shift 2 ;;
    x86-64|aarch64|armhf) architectures+=("$1"); shift ;;
    *) echo "usage: tests/kernels/cross.sh [--build DIR] [x86-64|aarch64|armhf]..." >&2; exit 2 ;;
  esac
done
[ ${#architectures[@]} -gt 0 ] || architectures=(x86-64 aarch64 armhf)

need() {  # need TOOL PACKAGE
  command -v "$1" >/dev/null && return
  echo "cross: $1 is not installed: apt-get install $2" >&2
  exit 2
}

# The flags of a source file, by its suffix, from the one table of them.
isa_flags() {  # isa_flags FILE ARCHITECTURE
  local stem suffix architecture flags
  stem=$(basename "$1" .cc)
  while read -r suffix architecture flags; do
    [ "$architecture" = "$2" ] && [ "$flags" != - ] || continue
    case "$stem" in "$suffix"|*_"$suffix") echo "$flags" ;; esac
  done < <(grep '^[a-z]' "$root/bluestem/kernels/isa_flags.txt")
}

status=0
for architecture in "${architectures[@]}"; do
  case "$architecture" in
    x86-64) compiler=g++ emulator="" flags="" package=g++ ;;
    aarch64) compiler=aarch64-linux-gnu-g++ emulator=qemu-aarch64 flags="" package=g++-aarch64-linux-gnu ;;
    armhf) compiler=arm-linux-gnueabihf-g++ emulator="qemu-arm -cpu cortex-a9" flags="-march=armv7-a -mfpu=vfpv3-d16" package=g++-arm-linux-gnueabihf ;;
  esac
  need "$compiler" "$package"
  [ -z "$emulator" ] || need "${emulator%% *}" qemu-user
  objects=$build/$architecture
  mkdir -p "$objects"
  list=()
  for source in "$root"/bluestem/kernels/*.cc "$root"/bluestem/kernels/*/*.cc "$root"/bluestem/edge/*.cc \
                "$root"/tests/kernels/{conv_cases,value_checks}.cc "$root"/tests/kernels/cross_main.cpp; do
    object=$objects/$(echo "${source#"$root"/}" | tr / _).o
    list+=("$object")
    # shellcheck disable=SC2046,SC2086
    [ "$object" -nt "$source" ] && [ -z "$(find "$root/bluestem/kernels" "$root/bluestem/edge" "$root/tests/kernels" -name '*.h' -newer "$object" -print -quit)" ] ||
      $compiler -std=c++20 -O2 -Wall -Wextra -ffp-contract=off $flags $(isa_flags "$source" "$architecture") -I"$root" -c "$source" -o "$object" || exit 2
  done
  program=$build/kernels_$architecture
  $compiler -static "${list[@]}" -o "$program" || exit 2
  echo "== $architecture${emulator:+ ($emulator)}"
  # shellcheck disable=SC2086
  $emulator "$program" || status=1
done
exit $status
