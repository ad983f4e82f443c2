#include "bluestem/train/internal/norm_act.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <numeric>

#include "bluestem/base/check.h"
#include "bluestem/train/internal/clones.h"
#include "bluestem/train/internal/norm_passes.h"

namespace bluestem::train {
namespace {

constexpr int64_t kChunkRows = 512;
constexpr int64_t kTileFloats = 2048;  // 8 KB: stays in the first-level cache between the loops

int64_t ChunkCount(const Map& map) {
  return (map.rows + kChunkRows - 1) / kChunkRows;
}
int64_t TileRows(const Map& map) {
  return std::max<int64_t>(1, kTileFloats / map.channels);
}

BLUESTEM_CLONES void AddMoments(int64_t rows, int64_t channels, const float* __restrict z,
                                float* __restrict sum, float* __restrict square) {
  for (int64_t i = 0; i < rows; ++i, z += channels) {
    for (int64_t c = 0; c < channels; ++c) {
      sum[c] += z[c];
      square[c] += z[c] * z[c];
    }
  }
}

BLUESTEM_CLONES void Affine(int64_t rows, int64_t channels, const float* __restrict z,
                            const float* __restrict a, const float* __restrict b,
                            float* __restrict r) {
  for (int64_t i = 0; i < rows; ++i, z += channels, r += channels) {
    for (int64_t c = 0; c < channels; ++c) r[c] = z[c] * a[c] + b[c];
  }
}

BLUESTEM_CLONES void Add(int64_t count, const float* __restrict x, float* __restrict y) {
  for (int64_t i = 0; i < count; ++i) y[i] += x[i];
}

// sum += g, product += g * xhat, with xhat = z*inverse + offset.
BLUESTEM_CLONES void AddGradientSums(int64_t rows, int64_t channels, const float* __restrict g,
                                     const float* __restrict z, const float* __restrict inverse,
                                     const float* __restrict offset, float* __restrict sum,
                                     float* __restrict product) {
  for (int64_t i = 0; i < rows; ++i, z += channels, g += channels) {
    for (int64_t c = 0; c < channels; ++c) {
      sum[c] += g[c];
      product[c] += g[c] * (z[c] * inverse[c] + offset[c]);
    }
  }
}

// gz = a*g + z*p + q: the batch norm's gradient with its per-channel constants gathered. In place
// (gz == g) allowed.
BLUESTEM_CLONES void Gradient(int64_t rows, int64_t channels, const float* g,
                              const float* __restrict z, const float* __restrict a,
                              const float* __restrict p, const float* __restrict q, float* gz) {
  for (int64_t i = 0; i < rows; ++i, z += channels, g += channels, gz += channels) {
#pragma GCC ivdep
    for (int64_t c = 0; c < channels; ++c) gz[c] = g[c] * a[c] + (z[c] * p[c] + q[c]);
  }
}

BLUESTEM_CLONES void AddColumns(int64_t rows, int64_t channels, const float* __restrict g,
                                float* __restrict sum) {
  for (int64_t i = 0; i < rows; ++i, g += channels) {
    for (int64_t c = 0; c < channels; ++c) sum[c] += g[c];
  }
}

// Adds the chunks' partial sums [chunks, channels] in order.
std::vector<double> Total(const std::vector<float>& partial, int64_t chunks, int64_t channels) {
  std::vector<double> total(static_cast<size_t>(channels), 0.0);
  for (int64_t k = 0; k < chunks; ++k) {
    for (int64_t c = 0; c < channels; ++c)
      total[static_cast<size_t>(c)] +=
          static_cast<double>(partial[static_cast<size_t>(k * channels + c)]);
  }
  return total;
}

// The sums of a map over all ranks.
struct JointSums {
  std::vector<double> first, second;  // [channels]
  double rows = 0;
};

JointSums Join(const Map& map, std::vector<double> first, const std::vector<double>& second,
               Ranks& ranks) {
  const auto channels = static_cast<int64_t>(first.size());
  first.insert(first.end(), second.begin(), second.end());
  ranks.Sum(first.data(), 2 * channels);
  return {.first = {first.begin(), first.begin() + channels},
          .second = {first.begin() + channels, first.end()},
          .rows = static_cast<double>(map.rows * ranks.count())};
}

// Calls work(chunk, first row, rows) for every chunk, on all threads.
template <typename Work>
void ForChunks(const Map& map, const Work& work) {
  const int64_t chunks = ChunkCount(map);
#pragma omp parallel for schedule(static)
  for (int64_t k = 0; k < chunks; ++k) {
    const int64_t first = k * kChunkRows;
    work(k, first, std::min(kChunkRows, map.rows - first));
  }
}

// Calls work(first row, rows) for tiles of at most kTileFloats of one chunk.
template <typename Work>
void ForTiles(const Map& map, int64_t first, int64_t rows, const Work& work) {
  const int64_t tile = TileRows(map);
  for (int64_t row = first; row < first + rows; row += tile)
    work(row, std::min(tile, first + rows - row));
}

bool InVectors(const Map& map) {
  return map.channels % kNormLanes == 0;
}
bool TakesPasses(const Map& map, const ActivationCall& activation) {
  return InVectors(map) && HasNormPasses(activation.quantizer);
}

}  // namespace

void BatchMoments(const Map& map, const float* z, Ranks& ranks, NormState& state) {
  const int64_t chunks = ChunkCount(map), channels = map.channels;
  std::vector<float> sums(static_cast<size_t>(chunks * channels), 0.0F), squares(sums);
  ForChunks(map, [&](int64_t k, int64_t first, int64_t rows) {
    AddMoments(rows, channels, z + first * channels, sums.data() + k * channels,
               squares.data() + k * channels);
  });
  const JointSums joint =
      Join(map, Total(sums, chunks, channels), Total(squares, chunks, channels), ranks);
  state.mean.resize(static_cast<size_t>(channels));
  state.variance.resize(static_cast<size_t>(channels));
  for (size_t c = 0; c < joint.first.size(); ++c) {
    const double mean = joint.first[c] / joint.rows;
    state.mean[c] = static_cast<float>(mean);
    state.variance[c] =
        static_cast<float>(std::max(0.0, joint.second[c] / joint.rows - mean * mean));
  }
}

void FinishNorm(const float* gamma, const float* beta, float epsilon, NormState& state) {
  const size_t channels = state.mean.size();
  state.inverse.resize(channels), state.a.resize(channels), state.b.resize(channels);
  for (size_t c = 0; c < channels; ++c) {
    const double inverse =
        1.0 / std::sqrt(static_cast<double>(state.variance[c]) + static_cast<double>(epsilon));
    const double a = (gamma == nullptr ? 1.0 : static_cast<double>(gamma[c])) * inverse;
    state.inverse[c] = static_cast<float>(inverse);
    state.a[c] = static_cast<float>(a);
    state.b[c] =
        static_cast<float>(static_cast<double>(beta[c]) - static_cast<double>(state.mean[c]) * a);
  }
}

void NormActForward(const Map& map, const NormState& state, const ActivationCall& activation,
                    const float* z, const float* shortcut, float* r, float* y, uint8_t* codes) {
  const int64_t channels = map.channels;
  if (codes != nullptr && TakesPasses(map, activation)) {
    return ForChunks(map, [&](int64_t, int64_t first, int64_t rows) {
      const int64_t at = first * channels;
      RunNormCodes(activation.spec, rows, channels,
                   {.z = z + at,
                    .a = state.a.data(),
                    .b = state.b.data(),
                    .shortcut = shortcut != nullptr ? shortcut + at : nullptr,
                    .r = r != nullptr ? r + at : nullptr,
                    .codes = codes + at});
    });
  }
  ForChunks(map, [&](int64_t, int64_t first_row, int64_t chunk_rows) {
    std::vector<float> tile(codes != nullptr ? static_cast<size_t>(TileRows(map) * channels) : 0);
    ForTiles(map, first_row, chunk_rows, [&](int64_t first, int64_t rows) {
      const int64_t at = first * channels, count = rows * channels;
      float* before = r != nullptr ? r + at : codes != nullptr ? tile.data() : y + at;
      Affine(rows, channels, z + at, state.a.data(), state.b.data(), before);
      if (shortcut != nullptr) Add(count, shortcut + at, before);
      if (codes != nullptr) {
        activation.quantizer->codes(activation.spec, count, before, codes + at);
      } else if (activation.quantizer != nullptr) {
        activation.quantizer->forward(activation.spec, count, before, y + at);
      } else if (before != y + at) {
        std::copy(before, before + count, y + at);
      }
    });
  });
}

void NormActBackward(const Map& map, const NormState& state, const ActivationCall& activation,
                     const float* z, const float* shortcut, Ranks& ranks,
                     const NormActGradients& gradients) {
  const int64_t channels = map.channels, chunks = ChunkCount(map);
  std::vector<float> offset(static_cast<size_t>(channels));
  for (size_t c = 0; c < offset.size(); ++c) offset[c] = -state.mean[c] * state.inverse[c];
  std::vector<float> sums(static_cast<size_t>(chunks * channels), 0.0F), products(sums);
  std::vector<double> maxima(static_cast<size_t>(chunks), 0.0);
  float* g = gradients.gshortcut != nullptr ? gradients.gshortcut : gradients.gz;
  const bool passes = TakesPasses(map, activation) && gradients.gmax == nullptr;
  ForChunks(map, [&](int64_t k, int64_t first_row, int64_t chunk_rows) {
    if (passes) {
      const int64_t at = first_row * channels;
      return RunNormSums(activation.spec, chunk_rows, channels,
                         {.z = z + at,
                          .a = state.a.data(),
                          .b = state.b.data(),
                          .inverse = state.inverse.data(),
                          .offset = offset.data(),
                          .shortcut = shortcut != nullptr ? shortcut + at : nullptr,
                          .gy = gradients.gy + at,
                          .gr = gradients.gr != nullptr ? gradients.gr + at : nullptr,
                          .g = g + at,
                          .sum = sums.data() + k * channels,
                          .product = products.data() + k * channels});
    }
    std::vector<float> tile(static_cast<size_t>(TileRows(map) * channels));
    ForTiles(map, first_row, chunk_rows, [&](int64_t first, int64_t rows) {
      const int64_t at = first * channels, count = rows * channels;
      if (activation.quantizer != nullptr) {
        Affine(rows, channels, z + at, state.a.data(), state.b.data(), tile.data());
        if (shortcut != nullptr) Add(count, shortcut + at, tile.data());
        if (gradients.gmax != nullptr) {
          maxima[static_cast<size_t>(k)] += activation.quantizer->max_gradient(
              activation.spec, count, tile.data(), gradients.gy + at);
        }
        activation.quantizer->backward(activation.spec, count, tile.data(), gradients.gy + at,
                                       g + at);
      } else if (gradients.gy != g) {
        std::copy(gradients.gy + at, gradients.gy + at + count, g + at);
      }
      if (gradients.gr != nullptr) Add(count, gradients.gr + at, g + at);
      AddGradientSums(rows, channels, g + at, z + at, state.inverse.data(), offset.data(),
                      sums.data() + k * channels, products.data() + k * channels);
    });
  });
  if (gradients.gmax != nullptr)
    *gradients.gmax = std::accumulate(maxima.begin(), maxima.end(), 0.0);
  // gz = a * (g - mean(g) - xhat * mean(g * xhat)), gathered as a*g + z*p + q.
  const std::vector<double> sum = Total(sums, chunks, channels),
                            product = Total(products, chunks, channels);
  std::vector<float> p(static_cast<size_t>(channels)), q(p);
  const JointSums joint = Join(map, sum, product, ranks);
  for (size_t c = 0; c < p.size(); ++c) {
    if (gradients.ggamma != nullptr) gradients.ggamma[c] = static_cast<float>(product[c]);
    gradients.gbeta[c] = static_cast<float>(sum[c]);
    const double a = static_cast<double>(state.a[c]), slope = a * joint.second[c] / joint.rows;
    p[c] = static_cast<float>(-slope * static_cast<double>(state.inverse[c]));
    q[c] = static_cast<float>(-a * joint.first[c] / joint.rows -
                              slope * static_cast<double>(offset[c]));
  }
  std::vector<float> greatest(static_cast<size_t>(chunks), 0.0F);
  ForChunks(map, [&](int64_t k, int64_t first, int64_t rows) {
    const int64_t at = first * channels;
    if (InVectors(map)) {
      greatest[static_cast<size_t>(k)] = RunNormGradient(rows, channels,
                                                         {.g = g + at,
                                                          .z = z + at,
                                                          .a = state.a.data(),
                                                          .p = p.data(),
                                                          .q = q.data(),
                                                          .gz = gradients.gz + at});
    } else {
      Gradient(rows, channels, g + at, z + at, state.a.data(), p.data(), q.data(),
               gradients.gz + at);
    }
  });
  // As bits: not a number is above all.
  if (gradients.greatest != nullptr)
    *gradients.greatest = *std::max_element(greatest.begin(), greatest.end(), [](float x, float y) {
      return std::bit_cast<int32_t>(x) < std::bit_cast<int32_t>(y);
    });
}

void ActForward(const Map& map, const ActivationCall& activation, const float* z, float* y) {
  ForChunks(map, [&](int64_t, int64_t first, int64_t rows) {
    const int64_t at = first * map.channels, count = rows * map.channels;
    if (activation.quantizer != nullptr) {
      activation.quantizer->forward(activation.spec, count, z + at, y + at);
    } else if (z != y) {
      std::copy(z + at, z + at + count, y + at);
    }
  });
}

void ActBackward(const Map& map, const ActivationCall& activation, const float* z, const float* gy,
                 float* gz) {
  ForChunks(map, [&](int64_t, int64_t first, int64_t rows) {
    const int64_t at = first * map.channels, count = rows * map.channels;
    if (activation.quantizer != nullptr) {
      activation.quantizer->backward(activation.spec, count, z + at, gy + at, gz + at);
    } else if (gy != gz) {
      std::copy(gy + at, gy + at + count, gz + at);
    }
  });
}

void ColumnSums(const Map& map, const float* g, float* sums) {
  const int64_t chunks = ChunkCount(map), channels = map.channels;
  std::vector<float> partial(static_cast<size_t>(chunks * channels), 0.0F);
  ForChunks(map, [&](int64_t k, int64_t first, int64_t rows) {
    AddColumns(rows, channels, g + first * channels, partial.data() + k * channels);
  });
  const std::vector<double> total = Total(partial, chunks, channels);
  for (size_t c = 0; c < total.size(); ++c) sums[c] = static_cast<float>(total[c]);
}

}  // namespace bluestem::train
