#include "bluestem/kernels/pool/pool.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "tests/kernels/guarded.h"

namespace bluestem::kernels {
namespace {

// Shapes with overhanging windows, overlaps and odd channels.
std::vector<PoolParams> Cases() {
  std::vector<PoolParams> cases;
  for (const int32_t c : {1, 3, 31, 32, 33}) {
    for (const int32_t kernel : {1, 2, 3}) {
      for (const int32_t stride : {1, 2}) {
        for (const int32_t pad : {0, kernel / 2}) {
          PoolParams p{};
          p.h = 5;
          p.w = 7;
          p.c = c;
          p.kernel_h = p.kernel_w = kernel;
          p.stride_h = p.stride_w = stride;
          p.pad_top = p.pad_left = pad;
          p.ho = (p.h + 2 * pad - kernel) / stride + 1;
          p.wo = (p.w + 2 * pad - kernel) / stride + 1;
          p.count_include_pad = stride - 1;
          cases.push_back(p);
        }
      }
    }
  }
  return cases;
}

// Calls term(x) for the taps inside the map of one output, kh outer.
template <typename T, typename Term>
void ForEachTap(const PoolParams& p, const T* x, int32_t oy, int32_t ox, int32_t c,
                const Term& term) {
  for (int32_t kh = 0; kh < p.kernel_h; ++kh) {
    for (int32_t kw = 0; kw < p.kernel_w; ++kw) {
      const int32_t iy = oy * p.stride_h - p.pad_top + kh;
      const int32_t ix = ox * p.stride_w - p.pad_left + kw;
      if (iy >= 0 && iy < p.h && ix >= 0 && ix < p.w) term(x[(iy * p.w + ix) * p.c + c]);
    }
  }
}

template <typename T, typename Run>
void ExpectMaximum(const Run& run) {
  for (const PoolParams& p : Cases()) {
    Random random(9);
    std::vector<T> x(static_cast<size_t>(p.h * p.w * p.c));
    for (T& value : x) value = static_cast<T>(random.In(0, 255) - (sizeof(T) > 1 ? 128 : 0));
    Guarded y(sizeof(T) * p.ho * p.wo * p.c, sizeof(T), 0);
    run(p, x.data(), y.as<T>());
    EXPECT_TRUE(y.Intact());
    for (int32_t i = 0; i < p.ho * p.wo * p.c; ++i) {
      bool first = true;
      T expected{};
      ForEachTap(p, x.data(), i / p.c / p.wo, i / p.c % p.wo, i % p.c, [&](T value) {
        expected = first ? value : std::max(expected, value);
        first = false;
      });
      ASSERT_EQ(y.as<T>()[i], expected) << i;
    }
  }
}

TEST(MaxPool, TakesTheGreatestTapInsideOnEveryType) {
  ExpectMaximum<uint8_t>(maxpool_u8);
  ExpectMaximum<int32_t>(maxpool_s32);
  ExpectMaximum<float>(maxpool_f32);
}

TEST(AvgPool, SumsInOrderAndCountsAsAsked) {
  for (const PoolParams& p : Cases()) {
    Random random(10);
    std::vector<float> x(static_cast<size_t>(p.h * p.w * p.c));
    for (float& value : x) value = random.Real();
    Guarded y(sizeof(float) * p.ho * p.wo * p.c, sizeof(float), 0);
    avgpool_f32(p, x.data(), y.as<float>());
    EXPECT_TRUE(y.Intact());
    for (int32_t i = 0; i < p.ho * p.wo * p.c; ++i) {
      float sum = 0;
      int32_t count = 0;
      ForEachTap(p, x.data(), i / p.c / p.wo, i / p.c % p.wo, i % p.c, [&](float value) {
        sum += value;
        ++count;
      });
      if (p.count_include_pad != 0) count = p.kernel_h * p.kernel_w;
      ASSERT_EQ(y.as<float>()[i], sum * (1.0f / static_cast<float>(count))) << i;
    }
  }
}

}  // namespace
}  // namespace bluestem::kernels
