#include "bluestem/kernels/qconv/kernels.h"
#if defined(__x86_64__)
// GCC 12 takes its own intrinsics' undefined registers for uninitialized variables.
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#include "bluestem/kernels/qconv/dot_x86_inl.h"

namespace bluestem::kernels {
namespace {

inline __m512i Broadcast(const uint8_t* word) {
  int32_t bits;
  std::memcpy(&bits, word, sizeof(bits));
  return _mm512_set1_epi32(bits);
}

inline __m512i Load(const uint8_t* bytes) {
  return _mm512_loadu_si512(bytes);
}

inline void Store(__m512i v, int32_t* acc) {
  _mm512_storeu_si512(acc, v);
}

// Two registers of 16 outputs.
struct Pair {
  __m512i first, second;
};

inline __attribute__((always_inline)) __m128i CodesOf(const NarrowFinish& finish, __m512i sums,
                                                      int32_t part, int32_t levels) {
  using Words = VectorOf<int16_t, 16>::Type;
  const __m256i values = _mm512_cvtsepi32_epi16(sums);
  return _mm256_cvtepi16_epi8(reinterpret_cast<__m256i>(CountReached(
      reinterpret_cast<Words>(values), finish.thresholds + part, finish.row_length, levels)));
}

inline __attribute__((always_inline)) void FinishPair(const NarrowFinish& finish, const Pair& sums,
                                                      int32_t levels, uint8_t* y) {
  const __m128i codes[2] = {CodesOf(finish, sums.first, 0, levels),
                            CodesOf(finish, sums.second, 16, levels)};
  StoreCodes<32>(codes, finish.count, y);
}

struct Wide32 : WideDotStep {
  static constexpr int32_t kLanes = 32;
  static constexpr int32_t kMaxPixels = 8;
  struct Weights {
    Pair even, odd;
  };
  using Sum = Pair;
  using Wide = Pair;

  static void Prepare(const uint8_t* codes, int32_t steps, int32_t, uint8_t* to) {
    PrepareWide(codes, steps, to);
  }
  static inline Weights LoadWeights(const uint8_t* weights, int64_t) {
    const __m512i w0 = Load(weights);
    const __m512i w1 = Load(weights + 64);
    return {{_mm512_srai_epi16(_mm512_slli_epi16(w0, 8), 8),
             _mm512_srai_epi16(_mm512_slli_epi16(w1, 8), 8)},
            {_mm512_srai_epi16(w0, 8), _mm512_srai_epi16(w1, 8)}};
  }
  static inline Sum ZeroSum() { return {_mm512_setzero_si512(), _mm512_setzero_si512()}; }
  static inline void Step(Sum& sum, const uint8_t* codes, const Weights& w) {
    const __m512i even = Broadcast(codes);
    const __m512i odd = Broadcast(codes + 4);
    sum.first = _mm512_add_epi32(sum.first, _mm512_madd_epi16(even, w.even.first));
    sum.second = _mm512_add_epi32(sum.second, _mm512_madd_epi16(even, w.even.second));
    sum.first = _mm512_add_epi32(sum.first, _mm512_madd_epi16(odd, w.odd.first));
    sum.second = _mm512_add_epi32(sum.second, _mm512_madd_epi16(odd, w.odd.second));
  }
  static constexpr bool kFinishes = true;
  static int32_t Position(int32_t i, int32_t) { return i; }
  static inline void FinishPixel(const NarrowFinish& finish, const Pair& sums, int32_t,
                                 int32_t levels, uint8_t* y) {
    FinishPair(finish, sums, levels, y);
  }
  static inline void StoreWide(const Wide& wide, int32_t, bool, int32_t* acc) {
    Store(wide.first, acc);
    Store(wide.second, acc + 16);
  }
};

struct Narrow32 : NarrowDotStep {
  static constexpr int32_t kLanes = 32;
  static constexpr int32_t kMaxPixels = 4;
  using Weights = Pair;
  using Sum = Pair;
  using Wide = Pair;

  static inline Weights LoadWeights(const uint8_t* weights, int64_t) {
    return {Load(weights), Load(weights + 64)};
  }
  static inline Sum ZeroSum() { return {_mm512_setzero_si512(), _mm512_setzero_si512()}; }
  static inline Wide ZeroWide() { return ZeroSum(); }
  static inline void Step(Sum& sum, const uint8_t* codes, const Weights& w) {
    const __m512i x = Broadcast(codes);
    sum.first = _mm512_add_epi16(sum.first, _mm512_maddubs_epi16(x, w.first));
    sum.second = _mm512_add_epi16(sum.second, _mm512_maddubs_epi16(x, w.second));
  }
  static inline void Widen(Wide& wide, const Sum& sum) {
    const __m512i one = _mm512_set1_epi16(1);
    wide.first = _mm512_add_epi32(wide.first, _mm512_madd_epi16(sum.first, one));
    wide.second = _mm512_add_epi32(wide.second, _mm512_madd_epi16(sum.second, one));
  }
  static constexpr bool kFinishes = true;
  static int32_t Position(int32_t i, int32_t) { return i; }
  static inline void FinishPixel(const NarrowFinish& finish, const Pair& sums, int32_t,
                                 int32_t levels, uint8_t* y) {
    FinishPair(finish, sums, levels, y);
  }
  static inline void StoreWide(const Wide& wide, int32_t, bool, int32_t* acc) {
    Store(wide.first, acc);
    Store(wide.second, acc + 16);
  }
};

}  // namespace

void qconv_u8s8_dot32__avx512(const QConvParams& params, const QConvArgs& args) {
  RunBanded<Wide32>(params, args);
}

void qconv_u8s7_dot32__avx512(const QConvParams& params, const QConvArgs& args) {
  RunBanded<Narrow32>(params, args);
}

}  // namespace bluestem::kernels
#endif
