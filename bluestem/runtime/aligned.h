// AlignedBytes: zero-filled memory that kernels may read and write.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>

namespace bluestem::runtime {

struct FreeAligned {
  void operator()(uint8_t* memory) const { std::free(memory); }
};
using AlignedBytes = std::unique_ptr<uint8_t, FreeAligned>;

// Zero-filled, 64-byte aligned; null when there is no such memory.
inline AlignedBytes AllocateAligned(size_t bytes) {
  constexpr size_t kAlignment = 64;
  const size_t rounded = (bytes + kAlignment) / kAlignment * kAlignment;
  AlignedBytes memory(static_cast<uint8_t*>(std::aligned_alloc(kAlignment, rounded)));
  if (memory != nullptr) std::memset(memory.get(), 0, rounded);
  return memory;
}

}  // namespace bluestem::runtime
