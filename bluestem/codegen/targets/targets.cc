// The targets that `--target` names.
#include "bluestem/codegen/codegen.h"

namespace bluestem::codegen {

// -ffp-contract=off is part of the numbers' definition (ir/ops/README.md). The baseline of x86-64
// is SSE2; the files of newer instruction sets carry their own pragma (sources.h).
const std::vector<Target>& Targets() {
  static const std::vector<Target> targets = {
      {.name = "x86-64",
       .architecture = "x86-64",
       .compiler = "g++",
       .archiver = "ar",
       .package = "g++",
       .flags = "-march=x86-64",
       .emulator = ""},
      {.name = "aarch64",
       .architecture = "aarch64",
       .compiler = "aarch64-linux-gnu-g++",
       .archiver = "aarch64-linux-gnu-ar",
       .package = "g++-aarch64-linux-gnu",
       .flags = "-march=armv8-a",
       .emulator = "qemu-aarch64 -L /usr/aarch64-linux-gnu"},
      {.name = "armhf",
       .architecture = "armhf",
       .compiler = "arm-linux-gnueabihf-g++",
       .archiver = "arm-linux-gnueabihf-ar",
       .package = "g++-arm-linux-gnueabihf",
       .flags = "-mcpu=cortex-a9 -mfpu=neon -mfloat-abi=hard",
       .emulator = "qemu-arm -cpu cortex-a9 -L /usr/arm-linux-gnueabihf"},
  };
  return targets;
}

const Target* FindTarget(const std::string& name) {
  for (const Target& target : Targets()) {
    if (name == target.name) return &target;
  }
  return nullptr;
}

}  // namespace bluestem::codegen
