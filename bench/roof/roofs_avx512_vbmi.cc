#if defined(__x86_64__)
// GCC 12 takes its own intrinsics' undefined registers for uninitialized variables.
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#include <immintrin.h>

#include "bench/roof/loop_inl.h"

namespace bluestem::bench {
namespace {

struct LookUps {
  using Vector = __m512i;
  static constexpr int kPixels = 9, kRegisters = 1;
  static constexpr int64_t kStride = 64;
  static Vector Load(const uint8_t* from) { return _mm512_load_si512(from); }
  static Vector Operand(const uint8_t* codes) { return Load(codes); }
  static void Keep(Vector& v) { __asm__ volatile("" : "+v"(v)); }
  static void Product(Vector& sum, Vector table, Vector indices) {
    sum = _mm512_adds_epu8(sum, _mm512_permutexvar_epi8(indices, table));
  }
};

}  // namespace

const Roof kAvx512VbmiRoofs[1] = {
    {{"qconv_u2s1_lut64__avx512_vbmi"},
     "vpermb + vpaddusb, 384 MACs",
     kRoofSteps * 9 * 384,
     Run<LookUps>},
};

}  // namespace bluestem::bench
#endif
