#if defined(__x86_64__)
#include <immintrin.h>

#include <cstring>

#include "bench/roof/loop_inl.h"

namespace bluestem::bench {
namespace {

struct Dot {
  using Vector = __m512i;
  static constexpr int kPixels = 12, kRegisters = 2;
  static constexpr int64_t kStride = 4;
  static Vector Load(const uint8_t* from) { return _mm512_load_si512(from); }
  static Vector Operand(const uint8_t* codes) {
    int32_t word;
    std::memcpy(&word, codes, sizeof(word));
    return _mm512_set1_epi32(word);
  }
  static void Keep(Vector& v) { __asm__ volatile("" : "+v"(v)); }
  // Not the intrinsic, as in the kernel.
  static void Product(Vector& sum, Vector codes, Vector weights) {
    __asm__("vpdpbusd %2, %1, %0" : "+v"(sum) : "v"(codes), "v"(weights));
  }
};

}  // namespace

const Roof kAvx512VnniRoofs[1] = {
    {{"qconv_u8s8_dot32__avx512_vnni"}, "vpdpbusd, 64 MACs", kRoofSteps * 12 * 2 * 64, Run<Dot>},
};

}  // namespace bluestem::bench
#endif
