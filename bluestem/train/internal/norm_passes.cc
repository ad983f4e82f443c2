#include "bluestem/train/internal/norm_passes.h"

#include <bit>
#include <cstring>

#include "bluestem/train/internal/clones.h"

// Each becomes a part of every clone.
#define BLUESTEM_INLINE inline __attribute__((always_inline))

namespace bluestem::train {
namespace {

// Compilers turn arithmetic of these into the vectors of each clone.
using Floats = float __attribute__((vector_size(kNormLanes * sizeof(float))));
using Ints = int32_t __attribute__((vector_size(kNormLanes * sizeof(int32_t))));
using Bytes = uint8_t __attribute__((vector_size(kNormLanes)));

BLUESTEM_INLINE void Load(const float* from, Floats& v) {
  std::memcpy(&v, from, sizeof(v));
}

BLUESTEM_INLINE void Store(const Floats& v, float* to) {
  std::memcpy(to, &v, sizeof(v));
}

// Rows that are summed before the next block of channels; the next are fetched meanwhile.
constexpr int64_t kRows = 32;
constexpr int64_t kAhead = 256;  // floats, in the other passes
constexpr int64_t kLine = 16;    // floats of a cache line
constexpr int64_t kCodes = 64;   // of a cache line

template <int64_t kBlock>
BLUESTEM_INLINE void Fetch(const float* from) {
#pragma GCC unroll 4
  for (int64_t c = 0; c < kBlock; c += kLine) __builtin_prefetch(from + c);
}

// A block of kBlock channels, whose sums stay in registers. Not unrolled: GCC 12 would unroll loops
// of 16 before it looks for vectors.
template <int64_t kBlock>
BLUESTEM_INLINE void SumBlock(float max, int64_t begin, int64_t end, int64_t channels,
                              int64_t first, const NormSums& n) {
  const float *z = n.z + first, *shortcut = n.shortcut, *gy = n.gy + first, *gr = n.gr;
  const float *a = n.a + first, *b = n.b + first;
  const float *inverse = n.inverse + first, *offset = n.offset + first;
  float* out = n.g + first;
  float sum[kBlock], product[kBlock];
  for (int64_t c = 0; c < kBlock; ++c) {
    sum[c] = n.sum[first + c];
    product[c] = n.product[first + c];
  }
  for (int64_t row = begin; row < end; ++row) {
    const int64_t at = row * channels, next = at + kRows * channels;
    Fetch<kBlock>(z + next), Fetch<kBlock>(gy + next);
    if (shortcut != nullptr) Fetch<kBlock>(shortcut + first + next);
    if (gr != nullptr) Fetch<kBlock>(gr + first + next);
    float r[kBlock], g[kBlock];
#pragma GCC unroll 1
    for (int64_t c = 0; c < kBlock; ++c) r[c] = z[at + c] * a[c] + b[c];
    if (shortcut != nullptr) {
#pragma GCC unroll 1
      for (int64_t c = 0; c < kBlock; ++c) r[c] += shortcut[at + first + c];
    }
#pragma GCC unroll 1
    for (int64_t c = 0; c < kBlock; ++c) {
      const bool inside = (r[c] > 0.0F) & (r[c] < max);
      g[c] = inside ? gy[at + c] : 0.0F;
    }
    if (gr != nullptr) {
#pragma GCC unroll 1
      for (int64_t c = 0; c < kBlock; ++c) g[c] += gr[at + first + c];
    }
#pragma GCC unroll 1
    for (int64_t c = 0; c < kBlock; ++c) {
      sum[c] += g[c];
      product[c] += g[c] * (z[at + c] * inverse[c] + offset[c]);
    }
#pragma GCC unroll 1
    for (int64_t c = 0; c < kBlock; ++c) out[at + c] = g[c];
  }
  for (int64_t c = 0; c < kBlock; ++c) {
    n.sum[first + c] = sum[c];
    n.product[first + c] = product[c];
  }
}

}  // namespace

bool HasNormPasses(const ActivationQuantizer* quantizer) {
  return quantizer != nullptr && quantizer->codes == LinearMidTreadHalfCodes &&
         quantizer->backward == LinearMidTreadHalfBackward;
}

BLUESTEM_CLONES void RunNormCodes(const ActivationSpec& spec, int64_t rows, int64_t channels,
                                  const NormCodes& n) {
  const float step = 1.0F / spec.Scale(), greatest = static_cast<float>(spec.Levels() - 1);
  const int64_t count = rows * channels;
  int64_t c = 0;
  for (int64_t first = 0; first < count; first += kCodes) {
    uint8_t codes[kCodes];  // stored in one piece: few stores can wait for memory
    const int64_t size = count - first < kCodes ? count - first : kCodes;
    for (int64_t i = 0; i < size; i += kNormLanes) {
      const int64_t at = first + i;
      Floats r, a, b;
      Load(n.z + at, r), Load(n.a + c, a), Load(n.b + c, b);
      Fetch<kNormLanes>(n.z + at + kAhead);
      r = r * a + b;
      if (n.shortcut != nullptr) {
        Floats other;
        Load(n.shortcut + at, other);
        Fetch<kNormLanes>(n.shortcut + at + kAhead);
        r += other;
      }
      if (n.r != nullptr) Store(r, n.r + at);
      r *= step;
      r = r < 0.0F ? Floats{} : r;
      r = r > greatest ? Floats{} + greatest : r;
      const Bytes bytes = __builtin_convertvector(__builtin_convertvector(r + 0.5F, Ints), Bytes);
      std::memcpy(codes + i, &bytes, sizeof(bytes));
      c = c + kNormLanes == channels ? 0 : c + kNormLanes;
    }
    if (size == kCodes) {
      std::memcpy(n.codes + first, codes, kCodes);
    } else {
      std::memcpy(n.codes + first, codes, static_cast<size_t>(size));
    }
  }
}

BLUESTEM_CLONES void RunNormSums(const ActivationSpec& spec, int64_t rows, int64_t channels,
                                 const NormSums& n) {
  for (int64_t begin = 0; begin < rows; begin += kRows) {
    const int64_t end = begin + kRows < rows ? begin + kRows : rows;
    int64_t c = 0;
    for (; c + 4 * kNormLanes <= channels; c += 4 * kNormLanes)
      SumBlock<4 * kNormLanes>(spec.max, begin, end, channels, c, n);
    for (; c + 2 * kNormLanes <= channels; c += 2 * kNormLanes)
      SumBlock<2 * kNormLanes>(spec.max, begin, end, channels, c, n);
    for (; c < channels; c += kNormLanes)
      SumBlock<kNormLanes>(spec.max, begin, end, channels, c, n);
  }
}

BLUESTEM_CLONES float RunNormGradient(int64_t rows, int64_t channels, const NormGradient& n) {
  Ints greatest = {};
  for (int64_t row = 0; row < rows; ++row) {
    for (int64_t c = 0; c < channels; c += kNormLanes) {
      const int64_t at = row * channels + c;
      Floats g, z, a, p, q;
      Load(n.g + at, g), Load(n.z + at, z);
      Fetch<kNormLanes>(n.g + at + kAhead), Fetch<kNormLanes>(n.z + at + kAhead);
      Load(n.a + c, a), Load(n.p + c, p), Load(n.q + c, q);
      g = g * a + (z * p + q);
      Store(g, n.gz + at);
      Ints bits;
      std::memcpy(&bits, &g, sizeof(bits));
      bits &= 0x7fffffff;
      greatest = bits > greatest ? bits : greatest;
    }
  }
  int32_t most = 0;
  for (int64_t i = 0; i < kNormLanes; ++i) most = greatest[i] > most ? greatest[i] : most;
  return std::bit_cast<float>(most);
}

}  // namespace bluestem::train
