// Any bytes as the engine's part of an artefact: a Status with a place, or a pack that is written
// and read as itself and moves its maps inside the memory of the Program that it passed for.
#include <cstdint>

#include "tests/fpga/packs.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace bluestem;
  static const auto program = fpga::PackedProgram();
  auto pack = fpga::ParsePack(Bytes(data, data + size), "fuzz");
  if (!pack.ok()) {
    BLUESTEM_CHECK(pack.status().message().rfind("fuzz:", 0) == 0, "a place");
    return 0;
  }
  const Bytes bytes = fpga::ToBytes(*pack);
  const auto again = fpga::ParsePack(bytes, "again");
  BLUESTEM_CHECK(again.ok() && fpga::ToBytes(*again) == bytes, "the same pack");
  if (!fpga::CheckPack(*pack, *program).ok()) return 0;
  BLUESTEM_CHECK(!fpga::ToText(*pack, *program).empty(), "a listing");
  fpga::MoveMaps(*pack, *program);
  return 0;
}
