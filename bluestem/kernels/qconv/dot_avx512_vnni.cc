#include "bluestem/kernels/qconv/kernels.h"
#if defined(__x86_64__)
#include "bluestem/kernels/qconv/dot_avx512_inl.h"

namespace bluestem::kernels {
namespace {

// One instruction adds the 4 products of codes and weights to a sum of 32 bits, exactly (it is
// its sibling, vpdpbusds, that saturates). 16 sums hide its 5 cycles.
struct Vnni32 : Lanes32<DotStep> {
  static constexpr int32_t kMaxPixels = 8;
  using Weights = Pair;

  static inline Weights LoadWeights(const uint8_t* weights, int64_t) {
    return {Load(weights), Load(weights + 64)};
  }
  static inline void Step(Sum& sum, const uint8_t* codes, const Weights& w) {
    const __m512i x = Broadcast(codes);
    sum.first = _mm512_dpbusd_epi32(sum.first, x, w.first);
    sum.second = _mm512_dpbusd_epi32(sum.second, x, w.second);
  }
};

}  // namespace

void qconv_u8s8_dot32__avx512_vnni(const QConvParams& params, const QConvArgs& args) {
  RunBanded<Vnni32>(params, args);
}

}  // namespace bluestem::kernels
#endif
