#if defined(__x86_64__)
#include <immintrin.h>

#include "bench/roof/loop_inl.h"

namespace bluestem::bench {
namespace {

struct Op {
  using Vector = __m256i;
  static Vector Load(const uint8_t* from) {
    return _mm256_load_si256(reinterpret_cast<const __m256i*>(from));
  }
  static void Keep(Vector& v) { __asm__ volatile("" : "+x"(v)); }
};

// Four pixels, two halves of a byte of weights.
struct LookUps : Op {
  static constexpr int kPixels = 8, kRegisters = 1;
  static constexpr int64_t kStride = 16;
  static Vector Operand(const uint8_t* codes) {
    return _mm256_broadcastsi128_si256(_mm_load_si128(reinterpret_cast<const __m128i*>(codes)));
  }
  static void Product(Vector& sum, Vector table, Vector indices) {
    sum = _mm256_add_epi8(sum, _mm256_shuffle_epi8(table, indices));
  }
};

struct Dot : Op {
  static constexpr int kPixels = 6, kRegisters = 2;
  static constexpr int64_t kStride = 4;
  static Vector Operand(const uint8_t* codes) { return _mm256_set1_epi32(Word(codes)); }
};

struct Narrow : Dot {
  static void Product(Vector& sum, Vector codes, Vector weights) {
    sum = _mm256_add_epi16(sum, _mm256_maddubs_epi16(codes, weights));
  }
};

struct Wide : Dot {
  static void Product(Vector& sum, Vector codes, Vector weights) {
    sum = _mm256_add_epi32(sum, _mm256_madd_epi16(codes, weights));
  }
};

// Products and sums of floats are rounded each.
struct Floats : Dot {
  static constexpr int kPixels = 8, kRegisters = 1;
  static void Product(Vector& sum, Vector values, Vector weights) {
    const __m256 product = _mm256_mul_ps(_mm256_castsi256_ps(values), _mm256_castsi256_ps(weights));
    sum = _mm256_castps_si256(_mm256_add_ps(_mm256_castsi256_ps(sum), product));
  }
};

// Spelt out: the file is built without FMA, as the kernels are.
struct Fused : Floats {
  static constexpr int kPixels = 12;
  static void Product(Vector& sum, Vector values, Vector weights) {
    __asm__("vfmadd231ps %2, %1, %0" : "+x"(sum) : "x"(values), "x"(weights));
  }
};

}  // namespace

const Roof kAvx2Fused = {{}, "vfmadd231ps, 8 MACs", kRoofSteps * 12 * 8, Run<Fused>};
const Roof kAvx2Roofs[4] = {
    {{"qconv_u4s1_lut32__avx2", "qconv_u2s1_lut32__avx2"},
     "vpshufb + vpaddb, 128 MACs",
     kRoofSteps * 8 * 128,
     Run<LookUps>},
    {{"qconv_u8s7_dot16__avx2"},
     "vpmaddubsw + vpaddw, 32 MACs",
     kRoofSteps * 6 * 2 * 32,
     Run<Narrow>},
    {{"qconv_u8s8_dot16__avx2"}, "vpmaddwd + vpaddd, 16 MACs", kRoofSteps * 6 * 2 * 16, Run<Wide>},
    {{"fconv_f32_co8__avx2"}, "vmulps + vaddps, 8 MACs", kRoofSteps * 8 * 8, Run<Floats>},
};

}  // namespace bluestem::bench
#endif
