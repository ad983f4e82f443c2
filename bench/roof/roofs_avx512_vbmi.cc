#if defined(__x86_64__)
#include "bench/roof/op_avx512_inl.h"

namespace bluestem::bench {
namespace {

struct LookUps : Op {
  static constexpr int kPixels = 9, kRegisters = 1;
  static constexpr int64_t kStride = 64;
  static Vector Operand(const uint8_t* codes) { return Load(codes); }
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
