// Any bytes as an idx file, gzipped or not: a Status, or a tensor no larger than zlib could make of
// the file.
#include <cstdint>

#include "bluestem/base/check.h"
#include "bluestem/data/formats/idx.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto tensor = bluestem::data::ParseIdx(bluestem::Bytes(data, data + size), "fuzz");
  if (!tensor.ok()) return 0;
  BLUESTEM_CHECK(tensor->bytes() <= static_cast<int64_t>(size) * 1032 + 64, "no bomb");
  return 0;
}
