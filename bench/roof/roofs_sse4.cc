#if defined(__x86_64__)
#include <smmintrin.h>

#include "bench/roof/loop_inl.h"

namespace bluestem::bench {
namespace {

struct Op {
  using Vector = __m128i;
  static constexpr int kPixels = 4, kRegisters = 1;
  static constexpr int64_t kStride = 16;
  static Vector Load(const uint8_t* from) {
    return _mm_load_si128(reinterpret_cast<const __m128i*>(from));
  }
  static Vector Operand(const uint8_t* codes) { return Load(codes); }
  static void Keep(Vector& v) { __asm__ volatile("" : "+x"(v)); }
};

struct LookUps : Op {
  static void Product(Vector& sum, Vector table, Vector indices) {
    sum = _mm_add_epi8(sum, _mm_shuffle_epi8(table, indices));
  }
};

struct Dot : Op {
  static constexpr int kRegisters = 2;
  static constexpr int64_t kStride = 4;
  static Vector Operand(const uint8_t* codes) { return _mm_set1_epi32(Word(codes)); }
};

struct Narrow : Dot {
  static void Product(Vector& sum, Vector codes, Vector weights) {
    sum = _mm_add_epi16(sum, _mm_maddubs_epi16(codes, weights));
  }
};

struct Wide : Dot {
  static void Product(Vector& sum, Vector codes, Vector weights) {
    sum = _mm_add_epi32(sum, _mm_madd_epi16(codes, weights));
  }
};

}  // namespace

const Roof kSse4Roofs[3] = {
    {{"qconv_u4s1_lut16__sse4"}, "pshufb + paddb, 64 MACs", kRoofSteps * 4 * 64, Run<LookUps>},
    {{"qconv_u8s7_dot8__sse4"}, "pmaddubsw + paddw, 16 MACs", kRoofSteps * 4 * 2 * 16, Run<Narrow>},
    {{"qconv_u8s8_dot8__sse4"}, "pmaddwd + paddd, 8 MACs", kRoofSteps * 4 * 2 * 8, Run<Wide>},
};

}  // namespace bluestem::bench
#endif
