#include "bluestem/kernels/qconv/kernels.h"
#if defined(__x86_64__)
#include "bluestem/kernels/qconv/dot_x86_inl.h"

namespace bluestem::kernels {
namespace {

inline __m256i Broadcast(const uint8_t* word) {
  int32_t bits;
  std::memcpy(&bits, word, sizeof(bits));
  return _mm256_set1_epi32(bits);
}

inline __m256i Load(const uint8_t* bytes) {
  return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(bytes));
}

inline void Store(__m256i v, int32_t* acc) {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(acc), v);
}

// Two registers of 8 outputs.
struct Pair {
  __m256i first, second;
};

// Outputs 0-3 and 8-11, then 4-7 and 12-15, as 32-bit lanes are packed to 16.
inline int32_t PackedPosition(int32_t i) {
  return i / 4 % 2 * 8 + i / 8 * 4 + i % 4;
}

// What both rows share: sums of 16 outputs in two registers.
template <class Step>
struct Lanes16 : Step {
  static constexpr int32_t kLanes = 16;
  using Sum = Pair;
  using Wide = Pair;

  static inline Sum ZeroSum() { return {_mm256_setzero_si256(), _mm256_setzero_si256()}; }
  static inline Wide ZeroWide() { return ZeroSum(); }
  static constexpr bool kFinishes = true;
  static int32_t Position(int32_t i, int32_t) { return PackedPosition(i); }
  using Values = NarrowValues<16, 1>;
  static inline Values ValuesOf(const Pair& sums, int32_t) {
    return {{reinterpret_cast<Values::Vector>(_mm256_packs_epi32(sums.first, sums.second))}};
  }
  static inline void AddResidual(Values& values, const int16_t* ratios, const uint8_t* codes) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(codes));
    const __m256i words = _mm256_cvtepu8_epi16(_mm_shuffle_epi32(bytes, 0xd8));
    values.of[0] += reinterpret_cast<Values::Vector>(words) * kernels::Load<Values::Vector>(ratios);
  }
  static inline void StoreValues(const Values& values, int32_t count, uint8_t* y) {
    const __m256i codes = reinterpret_cast<__m256i>(values.of[0]);
    const __m256i bytes = _mm256_packus_epi16(codes, codes);
    const __m128i ordered =
        _mm_unpacklo_epi32(_mm256_castsi256_si128(bytes), _mm256_extracti128_si256(bytes, 1));
    StoreCodes<16>(&ordered, count, y);
  }
  static inline void StoreWide(const Wide& wide, bool, int32_t* acc) {
    Store(wide.first, acc);
    Store(wide.second, acc + 8);
  }
};

// Registers: 8 sums, 4 of widened weights, 2 of codes.
struct Wide16 : Lanes16<WideDotStep> {
  static constexpr int32_t kMaxPixels = 4;
  struct Weights {
    Pair even, odd;
  };

  static void Prepare(const uint8_t* codes, int32_t steps, uint8_t* to) {
    PrepareWide(codes, steps, to);
  }
  static inline Weights LoadWeights(const uint8_t* weights, int64_t) {
    const __m256i w0 = Load(weights);
    const __m256i w1 = Load(weights + 32);
    return {{_mm256_srai_epi16(_mm256_slli_epi16(w0, 8), 8),
             _mm256_srai_epi16(_mm256_slli_epi16(w1, 8), 8)},
            {_mm256_srai_epi16(w0, 8), _mm256_srai_epi16(w1, 8)}};
  }
  static inline void Step(Sum& sum, const uint8_t* codes, const Weights& w) {
    const __m256i even = Broadcast(codes);
    const __m256i odd = Broadcast(codes + 4);
    sum.first = _mm256_add_epi32(sum.first, _mm256_madd_epi16(even, w.even.first));
    sum.second = _mm256_add_epi32(sum.second, _mm256_madd_epi16(even, w.even.second));
    sum.first = _mm256_add_epi32(sum.first, _mm256_madd_epi16(odd, w.odd.first));
    sum.second = _mm256_add_epi32(sum.second, _mm256_madd_epi16(odd, w.odd.second));
  }
};

// Registers: 12 sums of 16 bits, 2 of weights, 1 of codes; the sums of 32 bits are in memory.
struct Narrow16 : Lanes16<NarrowDotStep> {
  static constexpr int32_t kMaxPixels = 6;
  static constexpr bool kWideInMemory = true;
  using Weights = Pair;

  static inline Weights LoadWeights(const uint8_t* weights, int64_t) {
    return {Load(weights), Load(weights + 32)};
  }
  static inline void Step(Sum& sum, const uint8_t* codes, const Weights& w) {
    const __m256i x = Broadcast(codes);
    sum.first = _mm256_add_epi16(sum.first, _mm256_maddubs_epi16(x, w.first));
    sum.second = _mm256_add_epi16(sum.second, _mm256_maddubs_epi16(x, w.second));
  }
  static inline Wide Widened(const Sum& sum) {
    const __m256i one = _mm256_set1_epi16(1);
    return {_mm256_madd_epi16(sum.first, one), _mm256_madd_epi16(sum.second, one)};
  }
  static inline void Widen(Wide& wide, const Sum& sum) {
    const Wide more = Widened(sum);
    wide.first = _mm256_add_epi32(wide.first, more.first);
    wide.second = _mm256_add_epi32(wide.second, more.second);
  }
};

}  // namespace

void qconv_u8s8_dot16__avx2(const QConvParams& params, const QConvArgs& args) {
  RunBanded<Wide16>(params, args);
}

void qconv_u8s7_dot16__avx2(const QConvParams& params, const QConvArgs& args) {
  RunBanded<Narrow16>(params, args);
}

}  // namespace bluestem::kernels
#endif
