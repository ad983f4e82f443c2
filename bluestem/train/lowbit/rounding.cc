#include "bluestem/train/lowbit/rounding.h"

#include <algorithm>
#include <bit>
#include <cfloat>
#include <cmath>
#include <vector>

#include "bluestem/base/rng.h"
#include "bluestem/train/internal/clones.h"

namespace bluestem::train {
namespace {

constexpr int64_t kChunk = 1 << 16;

// Magnitudes as bits: their order is that of the numbers, with infinity and then NaN above all.
BLUESTEM_CLONES uint32_t ChunkMagnitude(int64_t count, const float* g) {
  uint32_t greatest = 0;
  for (int64_t i = 0; i < count; ++i) {
    const uint32_t magnitude = std::bit_cast<uint32_t>(g[i]) & 0x7fffffffU;
    greatest = magnitude > greatest ? magnitude : greatest;
  }
  return greatest;
}

// The finalizer of MurmurHash3 (Appleby, public domain): every bit of the index moves every bit.
inline uint32_t Mix(uint32_t h) {
  h ^= h >> 16;
  h *= 0x85ebca6bU;
  h ^= h >> 13;
  h *= 0xc2b2ae35U;
  return h ^ (h >> 16);
}

BLUESTEM_CLONES void RoundChunk(int64_t count, const float* __restrict g, float inverse,
                                uint32_t seed, uint8_t* __restrict codes) {
  for (int64_t i = 0; i < count; ++i) {
    // 16 bits: 128 + 127 + u is then exact below 256.
    const uint32_t bits = Mix(static_cast<uint32_t>(i) + seed) >> 16;
    const float u = static_cast<float>(static_cast<int32_t>(bits)) * (1.0F / 65536.0F);
    const float code = g[i] * inverse + (u + static_cast<float>(kZeroGradient));
    codes[i] = static_cast<uint8_t>(std::clamp(static_cast<int32_t>(code), 1, 255));
  }
}

}  // namespace

float GreatestMagnitude(int64_t count, const float* g) {
  const int64_t chunks = (count + kChunk - 1) / kChunk;
  std::vector<uint32_t> greatest(static_cast<size_t>(std::max<int64_t>(chunks, 1)), 0);
#pragma omp parallel for schedule(static)
  for (int64_t k = 0; k < chunks; ++k) {
    const int64_t first = k * kChunk;
    greatest[static_cast<size_t>(k)] = ChunkMagnitude(std::min(kChunk, count - first), g + first);
  }
  return std::bit_cast<float>(*std::max_element(greatest.begin(), greatest.end()));
}

float GradientScale(float greatest) {
  return std::isfinite(greatest) ? std::max(greatest / 127.0F, FLT_MIN) : greatest;
}

void RoundGradient(int64_t count, const float* g, float scale, const RoundingStream& stream,
                   uint8_t* codes) {
  const float inverse = 1.0F / scale;
  const int64_t last = stream.first + count;  // chunks are of the joint map
#pragma omp parallel for schedule(static)
  for (int64_t k = stream.first / kChunk; k < (last + kChunk - 1) / kChunk; ++k) {
    const int64_t begin = std::max(k * kChunk, stream.first);
    const int64_t size = std::min((k + 1) * kChunk, last) - begin, at = begin - stream.first;
    const auto seed = static_cast<uint32_t>(Rng(stream.seed, static_cast<uint64_t>(k), 0).Next());
    RoundChunk(size, g + at, inverse, seed + static_cast<uint32_t>(begin - k * kChunk), codes + at);
  }
}

}  // namespace bluestem::train
