#include "bluestem/kernels/qconv/kernels.h"
#if defined(__x86_64__)
// GCC 12 takes its own intrinsics' undefined registers for uninitialized variables.
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#include "bluestem/kernels/qconv/lut_avx512_inl.h"

namespace bluestem::kernels {
namespace {

template <typename Base>
struct Offsets : ReadyTables<Base> {
  // Offsets of 16 tables, 16 * (c + 4 d + 16 e + 64 f) of codes c to f.
  static inline __m512i OffsetsOf(__m512i codes) {
    const __m512i pairs = _mm512_maddubs_epi16(codes, _mm512_set1_epi16(0x0401));
    const __m512i quads = _mm512_madd_epi16(pairs, _mm512_set1_epi32(0x01000010));
    return _mm512_and_si512(quads, _mm512_set1_epi32(0xff0));  // whatever a code is: in the tables
  }
  // Not inlined: its constants stay in registers.
  static __attribute__((noinline)) void PreparePixels(const uint8_t* codes, int32_t channels,
                                                      int32_t pixels, uint8_t* to, int32_t* sums) {
    const __m512i zero = _mm512_setzero_si512();
    const int32_t whole = channels / 64 * 64;
    const int32_t rest = channels - whole;
    const int32_t rest_bytes = CeilDiv(rest, Base::kStepChannels) * ReadyTables<Base>::kStepBytes;
    const __mmask64 reads = (uint64_t{1} << rest) - 1;
    const __mmask64 writes = rest_bytes == 64 ? ~uint64_t{0} : (uint64_t{1} << rest_bytes) - 1;
    for (; pixels > 0; --pixels) {
      __m512i sum = zero;
      for (const uint8_t* end = codes + whole; codes < end; codes += 64, to += 64) {
        const __m512i v = _mm512_loadu_si512(codes);
        sum = _mm512_add_epi64(sum, _mm512_sad_epu8(v, zero));
        _mm512_storeu_si512(to, OffsetsOf(v));
      }
      if (rest > 0) {
        const __m512i v = _mm512_maskz_loadu_epi8(reads, codes);
        sum = _mm512_add_epi64(sum, _mm512_sad_epu8(v, zero));
        _mm512_mask_storeu_epi8(to, writes, OffsetsOf(v));
        codes += rest;
        to += rest_bytes;
      }
      *sums++ = static_cast<int32_t>(_mm512_reduce_add_epi64(sum));
    }
  }
  // Instances that are never run: groups == 1.
  static inline void Prepare(const uint8_t*, int32_t, uint8_t*) {}
  static inline int32_t SumCodes(const uint8_t*, int32_t) { return 0; }
};

struct OffsetsWide : Offsets<Avx512> {
  using Narrow = Offsets<Avx512Narrow>;
};

}  // namespace

void qconv_u2s1_lut64__avx512(const QConvParams& params, const QConvArgs& args) {
  RunBanded<OffsetsWide>(params, args);
}

void qconv_u4s1_lut64__avx512(const QConvParams& params, const QConvArgs& args) {
  RunBanded<Avx512>(params, args);
}

}  // namespace bluestem::kernels
#endif
