// The integer step: its convolutions against plain loops in double, and its rounding.
#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "bluestem/base/rng.h"
#include "bluestem/edge/cpu_features.h"
#include "bluestem/train/lowbit/integer_conv.h"
#include "bluestem/train/lowbit/rounding.h"
#include "bluestem/train/lowbit/weight_gradient.h"

namespace bluestem::train {
namespace {

std::vector<uint8_t> RandomBytes(Rng& rng, int64_t count, uint64_t begin, uint64_t end) {
  std::vector<uint8_t> bytes(static_cast<size_t>(count));
  for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(begin + rng.Below(end - begin));
  return bytes;
}

// A convolution's three passes, straight from their definition.
struct Plain {
  IntegerConvShape s;
  int64_t n;
  std::vector<uint8_t> codes, gradients;
  std::vector<int8_t> signs;
  std::vector<double> z, gx, dw;

  Plain(const IntegerConvShape& shape, int64_t images) : s(shape), n(images) {
    Rng rng(7);
    codes = RandomBytes(rng, n * s.h * s.w * s.ci, 0, uint64_t{1} << s.code_bits);
    gradients = RandomBytes(rng, n * s.oh * s.ow * s.co, 1, 256);
    signs.resize(static_cast<size_t>(s.co * s.kernel * s.kernel * s.ci));
    for (int8_t& sign : signs) sign = rng.Below(2) == 0 ? -1 : 1;
    z.assign(gradients.size(), 0), gx.assign(codes.size(), 0), dw.assign(signs.size(), 0);
    for (int64_t image = 0; image < n; ++image) {
      for (int64_t oy = 0; oy < s.oh; ++oy) {
        for (int64_t ox = 0; ox < s.ow; ++ox) AddPixel(image, oy, ox);
      }
    }
  }
  void AddPixel(int64_t image, int64_t oy, int64_t ox) {
    for (int64_t kh = 0; kh < s.kernel; ++kh) {
      for (int64_t kw = 0; kw < s.kernel; ++kw) {
        const int64_t y = oy - s.pad + kh, x = ox - s.pad + kw;
        if (y < 0 || y >= s.h || x < 0 || x >= s.w) continue;
        for (int64_t o = 0; o < s.co; ++o) {
          for (int64_t c = 0; c < s.ci; ++c) {
            const auto from = static_cast<size_t>(((image * s.h + y) * s.w + x) * s.ci + c);
            const auto to = static_cast<size_t>(((image * s.oh + oy) * s.ow + ox) * s.co + o);
            const auto w = static_cast<size_t>(((o * s.kernel + kh) * s.kernel + kw) * s.ci + c);
            const int gradient = gradients[to] - kZeroGradient;
            z[to] += codes[from] * signs[w];
            gx[from] += gradient * signs[w];
            dw[w] += gradient * codes[from];
          }
        }
      }
    }
  }
};

void ExpectEqual(const std::vector<double>& sums, double scale, const std::vector<float>& got,
                 double tolerance, const char* what) {
  ASSERT_EQ(sums.size(), got.size());
  for (size_t i = 0; i < sums.size(); ++i)
    ASSERT_NEAR(sums[i] * scale, static_cast<double>(got[i]), tolerance) << what << " " << i;
}

class IntegerConvTest : public testing::TestWithParam<IntegerConvShape> {};

TEST_P(IntegerConvTest, EqualsPlainLoops) {
  for (const int64_t images : {1, 6}) {
    const Plain plain(GetParam(), images);
    for (const kernels::IsaSet isas : {kernels::kAlways, edge::CpuIsas()}) {
      IntegerConv conv(plain.s, isas);
      conv.SetSigns(plain.signs.data());
      std::vector<float> z(plain.z.size()), gx(plain.gx.size()), dw(plain.dw.size());
      conv.Forward(images, plain.codes.data(), 0.5F, z.data());
      conv.InputGradient(images, plain.gradients.data(), 0.25F, gx.data());
      conv.WeightGradient(images, plain.codes.data(), plain.gradients.data(), 0.125F, dw.data());
      ExpectEqual(plain.z, 0.5, z, 0, "z");
      ExpectEqual(plain.gx, 0.25, gx, 0, "gx");
      ExpectEqual(plain.dw, 0.125, dw, 0, "dw");
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Shapes, IntegerConvTest,
                         testing::Values(IntegerConvShape{8, 8, 16, 8, 8, 32, 3, 1, 1, 2},
                                         IntegerConvShape{5, 7, 48, 5, 7, 16, 3, 1, 1, 2},
                                         IntegerConvShape{6, 6, 32, 6, 6, 48, 1, 1, 0, 2},
                                         IntegerConvShape{9, 5, 16, 7, 3, 16, 3, 1, 0, 1},
                                         IntegerConvShape{4, 4, 64, 5, 5, 16, 4, 1, 2, 4},
                                         IntegerConvShape{17, 16, 16, 17, 16, 16, 5, 1, 2, 7},
                                         IntegerConvShape{2, 2, 16, 2, 2, 16, 3, 1, 1, 2}));

TEST(IntegerConv, RefusesWhatItCannotDo) {
  const IntegerConvShape good{8, 8, 16, 8, 8, 32, 3, 1, 1, 2};
  EXPECT_EQ(IntegerConv::Refuses(good), nullptr);
  IntegerConvShape bad = good;
  bad.stride = 2;
  EXPECT_STREQ(IntegerConv::Refuses(bad), "its stride is not 1");
  bad = good, bad.ci = 24;
  EXPECT_STREQ(IntegerConv::Refuses(bad), "its channels are not multiples of 16");
  bad = good, bad.code_bits = 8;
  EXPECT_STREQ(IntegerConv::Refuses(bad), "its input is not codes of at most 7 bits");
}

// The greatest codes and gradients everywhere: nothing overflows or saturates.
TEST(WeightGradient, HoldsTheGreatestSums) {
  for (const int32_t max_code : {1, 3, 127}) {
    const GradientShape shape{.h = 16,
                              .w = 16,
                              .ci = 16,
                              .oh = 16,
                              .ow = 16,
                              .co = 16,
                              .kernel = 1,
                              .pad = 0,
                              .max_code = max_code};
    const std::vector<uint8_t> codes(16 * 16 * 16 * 4, static_cast<uint8_t>(max_code));
    const std::vector<uint8_t> gradients(codes.size(), 0x80);  // -128
    std::vector<int32_t> dw(16 * 16, 0);
    SelectWeightGradient(edge::CpuIsas()).add(shape, 1, codes.data(), gradients.data(), dw.data());
    for (const int32_t sum : dw) EXPECT_EQ(sum, -128 * max_code * 16 * 16 * 4);
  }
}

TEST(Rounding, IsUnbiasedAndKeepsZeroAndTheGreatest) {
  constexpr int64_t kCount = 1 << 18;
  std::vector<float> g(kCount, 0.3F);
  g[0] = -127.0F, g[1] = 127.0F, g[2] = 0.0F;
  EXPECT_EQ(MaxMagnitude(kCount, g.data()), 127.0F);
  std::vector<uint8_t> codes(kCount), again(kCount), other(kCount);
  RoundGradient(kCount, g.data(), 1.0F, 5, codes.data());
  RoundGradient(kCount, g.data(), 1.0F, 5, again.data());
  RoundGradient(kCount, g.data(), 1.0F, 6, other.data());
  EXPECT_EQ(codes, again);
  EXPECT_NE(codes, other);
  EXPECT_EQ(codes[0], 1);
  EXPECT_EQ(codes[1], 255);
  EXPECT_EQ(codes[2], kZeroGradient);
  double sum = 0;
  for (int64_t i = 3; i < kCount; ++i) {
    ASSERT_TRUE(codes[i] == 128 || codes[i] == 129);
    sum += codes[i] - 128;
  }
  // Standard error sqrt(0.3 * 0.7 / count) is 0.0009.
  EXPECT_NEAR(sum / static_cast<double>(kCount - 3), 0.3, 0.004);
}

}  // namespace
}  // namespace bluestem::train
