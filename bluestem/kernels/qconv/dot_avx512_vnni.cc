#include "bluestem/kernels/qconv/kernels.h"
#if defined(__x86_64__)
#include "bluestem/kernels/qconv/dot_avx512_inl.h"

namespace bluestem::kernels {
namespace {

// One instruction adds the 4 products of codes and weights to a sum of 32 bits, exactly (it is
// its sibling, vpdpbusds, that saturates). Tiles of any number of pixels up to 12: at 7, 14
// sums still hide its 5 cycles.
struct Vnni32 : Lanes32<DotStep> {
  static constexpr int32_t kMaxPixels = 12;
  using Weights = Pair;

  static inline Weights LoadWeights(const uint8_t* weights, int64_t) {
    return {Load(weights), Load(weights + 64)};
  }
  // Not the intrinsic: GCC 12 copies the sums of a loop around it, one move for each product.
  static inline void AddProducts(__m512i& sum, __m512i codes, __m512i weights) {
    __asm__("vpdpbusd %2, %1, %0" : "+v"(sum) : "v"(codes), "v"(weights));
  }
  static inline void Step(Sum& sum, const uint8_t* codes, const Weights& w) {
    const __m512i x = Broadcast(codes);
    AddProducts(sum.first, x, w.first);
    AddProducts(sum.second, x, w.second);
  }
};

}  // namespace

void qconv_u8s8_dot32__avx512_vnni(const QConvParams& params, const QConvArgs& args) {
  RunBanded<Vnni32>(params, args);
}

}  // namespace bluestem::kernels
#endif
