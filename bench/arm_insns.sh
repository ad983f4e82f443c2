#!/usr/bin/env bash
# Instructions that low-bit and int8 convolutions, and LmnetV1 whole, take on Arm, counted exactly under qemu-user: as a Cortex-A9 (armhf),
# a Cortex-A72 (aarch64) and an aarch64 CPU with dot products. What is compared and why it is fair: docs/arm.md.
#   bench/arm_insns.sh [--build DIR] [--json] [--rows] [--check] [--kinds] [armhf|aarch64|aarch64-dot]...     all three by default
# --json prints one object, by machine; --rows every kernel of every shape; --kinds, instead, LmnetV1's instructions by kind; --check asks for a ratio of 3.
# Needs tools/setup build cross and a configured DIR (default build). XNNPACK is Debian's, fetched once without installing it; without a network
# its column is 0. Exit code: 0; 1 with --check if in LmnetV1 the better int8 takes less than three times the instructions; 2 if something is
# missing (named).
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
tree=$root/build kinds=0 json=""
options=() machines=()
while [ $# -gt 0 ]; do
  case "$1" in
    --build) tree=$(cd "$2" && pwd); shift 2 ;;
    --json) json="{" options+=("$1"); shift ;;
    --rows|--check) options+=("$1"); shift ;;
    --kinds) kinds=1; shift ;;
    armhf|aarch64|aarch64-dot) machines+=("$1"); shift ;;
    *) echo "usage: bench/arm_insns.sh [--build DIR] [--json] [--rows] [--check] [--kinds] [armhf|aarch64|aarch64-dot]..." >&2; exit 2 ;;
  esac
done
[ ${#machines[@]} -gt 0 ] || machines=(armhf aarch64 aarch64-dot)
# shellcheck source=../tests/kernels/cross_compile.sh
. "$root/tests/kernels/cross_compile.sh"

build=$tree/arm
mkdir -p "$build"
need gcc gcc
plugin=$build/libinsns.so
gcc -O2 -Wall -Wextra -shared -fPIC -fvisibility=hidden "$root/tools/qemu_insns/insns.c" -o "$plugin" || exit 2
cmake --build "$tree" --target bench_arm_lmnet >"$build/log" 2>&1 || { tail -n 5 "$build/log" >&2; echo "arm_insns: bench_arm_lmnet does not build in $tree (cmake -G Ninja -S . -B $tree)" >&2; exit 2; }
rm -rf "$build/lmnet" "$build/lmnet.tar.gz"
"$tree/bin/bench_arm_lmnet" "$build/lmnet" || exit 2

# Debian's XNNPACK for ARCHITECTURE (arm64 or armhf) in $build/xnnpack-ARCHITECTURE, by an apt of its own: nothing is installed.
fetch_xnnpack() {
  local folder=$build/xnnpack-$1 apt=$build/apt-$1
  [ -d "$folder/usr" ] && return
  mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial"
  local set=(-o APT::Architecture="$1" -o APT::Architectures="$1" -o Dir::State="$apt" -o Dir::State::status=/dev/null -o Dir::Cache="$apt/cache" -o Debug::NoLocking=1)
  apt-get "${set[@]}" update >"$build/log" 2>&1 || true  # one list of many may fail
  (cd "$apt" && apt-get "${set[@]}" download libxnnpack0 libxnnpack-dev libpthreadpool0 libpthreadpool-dev libcpuinfo0 >"$build/log" 2>&1) &&
    for package in "$apt"/*.deb; do dpkg -x "$package" "$folder.partial" || return; done && mv "$folder.partial" "$folder"
}

# Writes XNNPACK's counts to a file; nothing where it cannot be had.
count_xnnpack() {  # count_xnnpack ARCHITECTURE EMULATOR OUT
  local debian=$1 triple
  [ "$1" = armhf ] || debian=arm64
  cross_compiler "$1"
  triple=${compiler%-g++}
  : >"$3"
  fetch_xnnpack "$debian" || { echo "arm_insns: no XNNPACK for $debian: apt found no libxnnpack-dev" >&2; return 0; }
  local usr=$build/xnnpack-$debian/usr program=$build/xnnpack_$1
  "$compiler" -std=c++20 -O2 -Wall -Wextra -I"$root" -I"$usr/include" "$root/bench/arm/xnnpack.cpp" -o "$program" \
    -L"$usr/lib/$triple" -lXNNPACK -lpthreadpool -Wl,-rpath-link,"$usr/lib/$triple" || exit 2
  # shellcheck disable=SC2086
  $2 -L "/usr/$triple" -E LD_LIBRARY_PATH="$usr/lib/$triple" -plugin "$plugin,out=$count" "$program" "$count" >"$3" || exit 2
}

count=$(mktemp)
trap 'rm -f "$count"' EXIT
status=0
for machine in "${machines[@]}"; do
  case "$machine" in
    armhf) emulator="qemu-arm -cpu cortex-a9" ;;
    aarch64) emulator="qemu-aarch64 -cpu cortex-a72" ;;
    aarch64-dot) emulator="qemu-aarch64 -cpu max" ;;
  esac
  need "${emulator%% *}" qemu-user
  architecture=${machine%-dot}
  cross_compiler "$architecture"
  net=$build/net_$architecture
  "$compiler" -std=c++20 -O2 -Wall -Wextra -static -I"$root" "$root/bench/arm/net.cpp" "$build/lmnet/models/lib/libbluestem_$architecture.a" -o "$net" || exit 2
  kinds_file=$build/kinds_$machine
  # shellcheck disable=SC2086
  instructions=$($emulator -plugin "$plugin,out=$count,hist=$kinds_file" "$net" "$count") || exit 2
  if [ $kinds = 1 ]; then
    echo "== $machine ($emulator): $instructions"
    sort -rn "$kinds_file"
    continue
  fi
  count_xnnpack "$architecture" "$emulator" "$build/xnnpack_$machine.txt"
  program=$build/insns_$architecture
  # -O3: as artefacts are compiled.
  cross_compile "$architecture" "$build" "$program" -O3 "$root/bench/arm/insns.cpp"
  echo "== $machine ($emulator)" >&2
  [ -z "$json" ] || printf '%s"%s": ' "$json" "$machine"
  json=${json:+,}
  # shellcheck disable=SC2086
  $emulator -plugin "$plugin,out=$count" "$program" "$count" --net "$instructions" --xnnpack "$build/xnnpack_$machine.txt" ${options[@]+"${options[@]}"} ||
    { code=$?; [ $code = 1 ] || exit 2; status=1; }
done
[ -z "$json" ] || echo "}"
exit $status
