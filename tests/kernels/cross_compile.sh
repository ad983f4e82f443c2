# shellcheck shell=bash disable=SC2034
# Compiles a program with every kernel, statically, for another architecture. Sourced by tests/kernels/cross.sh and bench/arm_insns.sh,
# which set root (the checkout).

need() {  # need TOOL PACKAGE
  command -v "$1" >/dev/null && return
  echo "$(basename "$0"): $1 is not installed: apt-get install $2" >&2
  exit 2
}

# Sets compiler, package, and flags: those of the artefacts (bluestem/codegen/targets/targets.cc).
cross_compiler() {  # cross_compiler ARCHITECTURE
  case "$1" in
    x86-64) compiler=g++ flags="" package=g++ ;;
    aarch64) compiler=aarch64-linux-gnu-g++ flags="" package=g++-aarch64-linux-gnu ;;
    armhf) compiler=arm-linux-gnueabihf-g++ flags="-mcpu=cortex-a9 -mfpu=neon -mfloat-abi=hard" package=g++-arm-linux-gnueabihf ;;
  esac
  need "$compiler" "$package"
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

# Compiles kernels/, edge/ and the sources named; objects that are newer than their source and every header stay. Exits with 2 if that fails.
cross_compile() {  # cross_compile ARCHITECTURE FOLDER PROGRAM OPTIMIZATION SOURCE...
  local architecture=$1 objects=$2/$1$4 program=$3 optimization=$4 source object list=()
  shift 4
  cross_compiler "$architecture"
  mkdir -p "$objects"
  for source in "$root"/bluestem/kernels/*.cc "$root"/bluestem/kernels/*/*.cc "$root"/bluestem/edge/*.cc "$@"; do
    object=$objects/$(echo "${source#"$root"/}" | tr / _).o
    list+=("$object")
    # shellcheck disable=SC2046,SC2086
    [ "$object" -nt "$source" ] && [ -z "$(find "$root/bluestem/kernels" "$root/bluestem/edge" "$root/tests/kernels" "$root/tests/fpga" "$root/bluestem/fpga" -name '*.h' -newer "$object" -print -quit)" ] ||
      $compiler -std=c++20 "$optimization" -Wall -Wextra -ffp-contract=off $flags $(isa_flags "$source" "$architecture") -I"$root" -c "$source" -o "$object" || exit 2
  done
  $compiler -static "${list[@]}" -o "$program" || exit 2
}
