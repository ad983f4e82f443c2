#if defined(__x86_64__)
#include "bench/roof/op_avx512_inl.h"

namespace bluestem::bench {
namespace {

struct Dot : DotOp {
  static constexpr int kPixels = 12, kRegisters = 2;
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
