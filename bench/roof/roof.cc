#include "bench/roof/roof.h"

#include <cstring>
#include <span>

namespace bluestem::bench {

const Roof* RoofOf(const char* symbol) {
#if defined(__x86_64__)
  const std::span<const Roof> sets[] = {kSse4Roofs,       kAvx2Roofs,       kAvx512Roofs,
                                        kAvx512VnniRoofs, kAvx512VbmiRoofs, kAmxRoofs};
  for (const std::span<const Roof> set : sets) {
    for (const Roof& roof : set) {
      for (const char* kernel : roof.kernels) {
        if (kernel != nullptr && std::strcmp(kernel, symbol) == 0) return &roof;
      }
    }
  }
#else
  static_cast<void>(symbol);
#endif
  return nullptr;
}

}  // namespace bluestem::bench
