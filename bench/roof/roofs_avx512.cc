#if defined(__x86_64__)
#include "bench/roof/op_avx512_inl.h"

namespace bluestem::bench {
namespace {

struct LookUps : Op {
  static constexpr int kPixels = 9, kRegisters = 1;
  static constexpr int64_t kStride = 16;
  static Vector Operand(const uint8_t* codes) {
    return _mm512_broadcast_i32x4(_mm_load_si128(reinterpret_cast<const __m128i*>(codes)));
  }
  static void Product(Vector& sum, Vector table, Vector indices) {
    sum = _mm512_adds_epu8(sum, _mm512_shuffle_epi8(table, indices));
  }
};

struct Dot : DotOp {
  static constexpr int kPixels = 4, kRegisters = 2;
};

struct Narrow : Dot {
  static void Product(Vector& sum, Vector codes, Vector weights) {
    sum = _mm512_add_epi16(sum, _mm512_maddubs_epi16(codes, weights));
  }
};

struct Wide : Dot {
  static constexpr int kPixels = 8;
  static void Product(Vector& sum, Vector codes, Vector weights) {
    sum = _mm512_add_epi32(sum, _mm512_madd_epi16(codes, weights));
  }
};

// Products and sums of floats are rounded each.
struct Floats : Dot {
  static constexpr int kPixels = 8, kRegisters = 1;
  static void Product(Vector& sum, Vector values, Vector weights) {
    const __m512 product = _mm512_mul_ps(_mm512_castsi512_ps(values), _mm512_castsi512_ps(weights));
    sum = _mm512_castps_si512(_mm512_add_ps(_mm512_castsi512_ps(sum), product));
  }
};

struct Fused : Floats {
  static constexpr int kPixels = 12;
  static void Product(Vector& sum, Vector values, Vector weights) {
    sum = _mm512_castps_si512(_mm512_fmadd_ps(
        _mm512_castsi512_ps(values), _mm512_castsi512_ps(weights), _mm512_castsi512_ps(sum)));
  }
};

}  // namespace

const Roof kAvx512Fused = {{}, "vfmadd231ps, 16 MACs", kRoofSteps * 12 * 16, Run<Fused>};
const Roof kAvx512Roofs[4] = {
    {{"qconv_u4s1_lut64__avx512", "qconv_u2s1_lut64__avx512"},
     "vpshufb + vpaddusb, 256 MACs",
     kRoofSteps * 9 * 256,
     Run<LookUps>},
    {{"qconv_u8s7_dot32__avx512"},
     "vpmaddubsw + vpaddw, 64 MACs",
     kRoofSteps * 4 * 2 * 64,
     Run<Narrow>},
    {{"qconv_u8s8_dot32__avx512"},
     "vpmaddwd + vpaddd, 32 MACs",
     kRoofSteps * 8 * 2 * 32,
     Run<Wide>},
    {{"fconv_f32_co8__avx512"}, "vmulps + vaddps, 16 MACs", kRoofSteps * 8 * 16, Run<Floats>},
};

}  // namespace bluestem::bench
#endif
