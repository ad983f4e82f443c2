#!/usr/bin/env bash
# Runs the kernel tests on other architectures: compiles tests/kernels/cross_main.cpp with every kernel and fpga/windows.cc, statically, and runs it.
#   tests/kernels/cross.sh [--build DIR] [--avx512] [x86-64|aarch64|armhf]...      all three by default
# x86-64 runs here; aarch64 (with dot products and, as a Cortex-A72, without) and armhf (as a Cortex-A9) under qemu-user. The programs stay in DIR (default build-cross)
# as kernels_<architecture>: one static file each, to be copied to a device. --avx512: also the AVX-512 rows on an emulated CPU, in some three
# minutes, unless this CPU has it; says that it skips them where the emulator is not installed (tools/setup avx512).
# Exit code: 0 all passed, 1 a test failed, 2 it does not compile or a compiler or emulator is missing (named).
set -euo pipefail

root=$(cd "$(dirname "$0")/../.." && pwd)
build=$root/build-cross
architectures=()
avx512=0
while [ $# -gt 0 ]; do
  case "$1" in
    --build) build=$2; shift 2 ;;
    --avx512) avx512=1; shift ;;
    x86-64|aarch64|armhf) architectures+=("$1"); shift ;;
    *) echo "usage: tests/kernels/cross.sh [--build DIR] [--avx512] [x86-64|aarch64|armhf]..." >&2; exit 2 ;;
  esac
done
[ ${#architectures[@]} -gt 0 ] || architectures=(x86-64 aarch64 armhf)

# shellcheck source=cross_compile.sh
. "$root/tests/kernels/cross_compile.sh"

logs=$(mktemp -d)
trap 'rm -rf "$logs"' EXIT
runs=()
run() {  # run TITLE COMMAND...: in the background, no more at a time than there are cores
  while [ "$(jobs -rp | wc -l)" -ge "$(nproc)" ]; do wait -n || true; done
  local log=$logs/${#runs[@]}
  runs+=("$1")
  shift
  { code=0; "$@" >"$log" 2>&1 || code=$?; echo $code >"$log.code"; } &
}
for architecture in "${architectures[@]}"; do
  case "$architecture" in
    x86-64) emulators=("") ;;
    aarch64) emulators=("qemu-aarch64 -cpu max" "qemu-aarch64 -cpu cortex-a72") ;;  # with and without dot products
    armhf) emulators=("qemu-arm -cpu cortex-a9") ;;
  esac
  [ -z "${emulators[0]}" ] || need "${emulators[0]%% *}" qemu-user
  program=$build/kernels_$architecture
  cross_compile "$architecture" "$build" "$program" -O2 "$root"/tests/kernels/{conv_cases,value_checks}.cc \
    "$root"/{tests/fpga/windows_check,bluestem/fpga/windows}.cc "$root/tests/kernels/cross_main.cpp"
  for emulator in "${emulators[@]}"; do
    # shellcheck disable=SC2086
    run "$architecture${emulator:+ ($emulator)}" $emulator "$program"
  done
  if [ "$architecture" = x86-64 ] && [ $avx512 = 1 ] && ! grep -qw avx512bw /proc/cpuinfo; then
    run "x86-64 (AVX-512, emulated)" "$root/tools/avx512/run" --limit 1800 "$program" avx512
  fi
done
wait
status=0
skipped=""
for i in "${!runs[@]}"; do
  echo "== ${runs[$i]}"
  cat "$logs/$i"
  case "$(cat "$logs/$i.code"):${runs[$i]}" in
    0:*) ;;
    6:*AVX-512*) skipped=", AVX-512 skipped" ;;
    *) status=1 ;;
  esac
done
# The last lines of all runs, added.
for i in "${!runs[@]}"; do cat "$logs/$i"; done |
  awk -v skipped="$skipped" '/^[0-9]+ passed, [0-9]+ failed/ { passed += $1; failed += $3 } END { printf "%d passed, %d failed%s\n", passed, failed, skipped }'
exit $status
