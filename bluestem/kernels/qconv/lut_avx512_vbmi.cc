#include "bluestem/kernels/qconv/kernels.h"
#if defined(__x86_64__)
// GCC 12 takes its own intrinsics' undefined registers for uninitialized variables.
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#include "bluestem/kernels/qconv/lut_avx512_inl.h"

namespace bluestem::kernels {
namespace {

// A table of 64 entries, for 6 channels, fills a register, and one shuffle looks up 64 outputs: 384
// multiply-accumulates. Three rows of packed weights, 24 channels of an output, are four indices,
// which are written once a call: some 1 % of it. The shuffle reads their low 6 bits only.
struct Sextets : LookUps<6> {
  static constexpr int32_t kStepBytes = 64;
  static constexpr int32_t kStepWeights = 64;
  static constexpr BandStep kBandStep = kSextetBandStep;
  static constexpr int32_t kGroupChannels = 24;
  using Weights = __m512i;
  using Sum = __m512i;

  static inline Weights LoadWeights(const uint8_t* indices, int64_t) {
    return _mm512_loadu_si512(indices);
  }
  static inline Sum ZeroSum() { return _mm512_setzero_si512(); }
  static inline void Step(Sum& sum, const uint8_t* table, const Weights& indices) {
    sum = Avx512::Add(sum, _mm512_permutexvar_epi8(indices, _mm512_loadu_si512(table)));
  }

  // Stores the tables of up to 24 codes. Sums of three codes each come first, 8 bytes over the bits
  // that are set in 0 to 7: entry n of table k is entry n % 8 of triple 2 * k plus entry n / 8 of
  // the next.
  template <int kTables>
  static inline __attribute__((always_inline)) void PrepareGroup(__m512i codes, uint8_t* to) {
    const __m512i first =
        _mm512_set_epi64(0x1515151515151515, 0x1212121212121212,  //
                         0x0f0f0f0f0f0f0f0f, 0x0c0c0c0c0c0c0c0c, 0x0909090909090909,
                         0x0606060606060606, 0x0303030303030303, 0x0000000000000000);
    const __m512i one = _mm512_set1_epi8(1);
    const __m512i second = _mm512_add_epi8(first, one);
    const __m512i third = _mm512_add_epi8(second, one);
    const __m512i triples = _mm512_add_epi8(
        _mm512_add_epi8(_mm512_maskz_permutexvar_epi8(0xaaaaaaaaaaaaaaaa, first, codes),
                        _mm512_maskz_permutexvar_epi8(0xcccccccccccccccc, second, codes)),
        _mm512_maskz_permutexvar_epi8(0xf0f0f0f0f0f0f0f0, third, codes));
    const __m512i spread =
        _mm512_set_epi64(0x0f0f0f0f0f0f0f0f, 0x0e0e0e0e0e0e0e0e,  //
                         0x0d0d0d0d0d0d0d0d, 0x0c0c0c0c0c0c0c0c, 0x0b0b0b0b0b0b0b0b,
                         0x0a0a0a0a0a0a0a0a, 0x0909090909090909, 0x0808080808080808);
    // A load broadcasts a word without the shuffles' port.
    alignas(64) int64_t words[8];
    _mm512_store_si512(words, triples);
    __asm__ volatile("" : : "r"(words) : "memory");
#pragma GCC unroll 4
    for (int k = 0; k < kTables; ++k) {
      const __m512i high = _mm512_add_epi8(spread, _mm512_set1_epi8(static_cast<char>(16 * k)));
      const __m512i table =
          _mm512_add_epi8(_mm512_set1_epi64(words[2 * k]), _mm512_permutexvar_epi8(high, triples));
      _mm512_storeu_si512(to + k * kStepBytes, table);
    }
  }
  // Not inlined: its constants stay in registers.
  static __attribute__((noinline)) void PreparePixels(const uint8_t* codes, int32_t channels,
                                                      int32_t pixels, uint8_t* to, int32_t* sums) {
    const __m512i zero = _mm512_setzero_si512();
    for (; pixels > 0; --pixels) {
      __m512i sum = zero;
      for (int32_t left = channels; left > 0; left -= kGroupChannels) {
        const int32_t count = left < kGroupChannels ? left : kGroupChannels;
        const __m512i group =
            _mm512_castsi256_si512(_mm256_maskz_loadu_epi8((1u << count) - 1, codes));
        sum = _mm512_add_epi64(sum, _mm512_sad_epu8(group, zero));
        const int32_t tables = CeilDiv(count, kStepChannels);
        switch (tables) {
          case 1: PrepareGroup<1>(group, to); break;
          case 2: PrepareGroup<2>(group, to); break;
          case 3: PrepareGroup<3>(group, to); break;
          default: PrepareGroup<4>(group, to); break;
        }
        codes += count;
        to += tables * kStepBytes;
      }
      *sums++ = static_cast<int32_t>(_mm512_reduce_add_epi64(sum));
    }
  }
  // Instances that are never run: groups == 1.
  static inline void Prepare(const uint8_t*, int32_t, uint8_t*) {}
  static inline int32_t SumCodes(const uint8_t*, int32_t) {
    return 0;
  }

  // The high bits of `first` below the low bits of `second`, kLow of them.
  template <int kLow>
  static inline __m512i Join(__m512i first, __m512i second) {
    const __m512i low = _mm512_set1_epi8((1 << kLow) - 1);
    return _mm512_ternarylogic_epi32(low, _mm512_srli_epi16(first, 8 - kLow),
                                     _mm512_slli_epi16(second, kLow), 0xca);
  }
  static inline void WriteIndices(const QConvParams& p, const uint8_t* packed, uint8_t* to) {
    const int32_t rows = CeilDiv(p.ci, 8);
    ForTaps(p, packed, [&](const uint8_t* weights, int64_t next) {
      const auto row = [&](int32_t i) {
        if (i >= rows) return _mm512_setzero_si512();
        return TwoBlocks(weights + int64_t{i} * kQConvBlock, next);
      };
      int32_t steps = CeilDiv(p.ci, kStepChannels);
      for (int32_t i = 0; i < rows; i += 3) {
        const __m512i first = row(i);
        const __m512i second = row(i + 1);
        const __m512i third = row(i + 2);
        const __m512i indices[4] = {first, Join<2>(first, second), Join<4>(second, third),
                                    _mm512_srli_epi16(third, 2)};
        for (int k = 0; k < 4 && steps > 0; ++k, --steps, to += kStepWeights) {
          _mm512_storeu_si512(to, indices[k]);
        }
      }
    });
  }
};

// The odd last block of 32 outputs, in the low half of a register.
struct Avx512VbmiNarrow : EvenOddFinish<32, Sextets> {
  static constexpr int32_t kLanes = 32;
  static constexpr int32_t kMaxPixels = 8;
  using Wide = Avx512Narrow::Wide;

  static inline Wide ZeroWide() { return Avx512Narrow::ZeroWide(); }
  static inline void Widen(Wide& wide, Sum sum) {
    Avx512Narrow::Widen(wide, _mm512_castsi512_si256(sum));
  }
  static inline Values ValuesOf(const Wide& wide, int32_t window) {
    return Avx512Narrow::ValuesOf(wide, window);
  }
  static inline void StoreWide(const Wide& wide, bool add, int32_t* acc) {
    Avx512Narrow::StoreWide(wide, add, acc);
  }
};

struct Avx512Vbmi : EvenOddFinish<64, Sextets> {
  static constexpr int32_t kLanes = 64;
  static constexpr int32_t kMaxPixels = Avx512::kMaxPixels;
  using Narrow = Avx512VbmiNarrow;
  using Wide = Avx512::Wide;

  static inline Wide ZeroWide() { return Avx512::ZeroWide(); }
  static inline void Widen(Wide& wide, Sum sum) { Avx512::Widen(wide, sum); }
  static inline Values ValuesOf(const Wide& wide, int32_t window) {
    return Avx512::ValuesOf(wide, window);
  }
  static inline void StoreWide(const Wide& wide, bool add, int32_t* acc) {
    Avx512::StoreWide(wide, add, acc);
  }
  static inline Half CountGreater(Half count, Half value, Half threshold) {
    return Avx512::CountGreater(count, value, threshold);
  }
};

}  // namespace

void qconv_u2s1_lut64__avx512_vbmi(const QConvParams& params, const QConvArgs& args) {
  RunBanded<Avx512Vbmi>(params, args);
}

}  // namespace bluestem::kernels
#endif
