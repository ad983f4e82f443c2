// The integer step: its convolutions against plain loops in double, and its rounding.
#include <gtest/gtest.h>
#include <omp.h>

#include <cmath>
#include <cstdlib>
#include <limits>
#include <vector>

#include "bluestem/base/rng.h"
#include "bluestem/edge/cpu_features.h"
#include "bluestem/train/lowbit/integer_conv.h"
#include "bluestem/train/lowbit/pool.h"
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
        const int64_t y = oy * s.stride - s.pad + kh, x = ox * s.stride - s.pad + kw;
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

// Every instruction set that this CPU has loops for.
std::vector<kernels::IsaSet> LoopsOfThisCpu() {
  std::vector<kernels::IsaSet> sets = {kernels::kAlways};
  for (const kernels::Isa isa :
       {kernels::Isa::kAvx2, kernels::Isa::kAvx512Vnni, kernels::Isa::kAmx}) {
    if ((edge::CpuIsas() & kernels::IsaBit(isa)) != 0) sets.push_back(kernels::WithImplied(isa));
  }
  return sets;
}

class IntegerConvTest : public testing::TestWithParam<IntegerConvShape> {};

TEST_P(IntegerConvTest, EqualsPlainLoops) {
  for (const int64_t images : {1, 6, 70}) {
    const Plain plain(GetParam(), images);
    for (const kernels::IsaSet isas : LoopsOfThisCpu()) {
      omp_set_num_threads(isas == kernels::kAlways ? 1 : 3);
      IntegerConv conv(plain.s, isas);
      conv.SetSigns(plain.signs.data());
      std::vector<float> z(plain.z.size()), gx(plain.gx.size()), dw(plain.dw.size());
      conv.Forward(images, plain.codes.data(), 0.5F, z.data());
      conv.InputGradient(images, plain.gradients.data(), 0.25F, gx.data());
      conv.WeightGradient(images, plain.codes.data(), plain.gradients.data(), 0.125F, dw.data());
      // Exact: the scales are powers of two.
      ExpectEqual(plain.z, 0.5, z, 0, "z");
      ExpectEqual(plain.gx, 0.25, gx, 0, "gx");
      ExpectEqual(plain.dw, 0.125, dw, 0, "dw");
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Shapes, IntegerConvTest,
                         testing::Values(IntegerConvShape{8, 8, 16, 8, 8, 32, 3, 1, 1, 2},
                                         IntegerConvShape{5, 7, 48, 5, 7, 80, 3, 1, 1, 2},
                                         IntegerConvShape{6, 6, 32, 6, 6, 48, 1, 1, 0, 2},
                                         IntegerConvShape{9, 5, 16, 7, 3, 16, 3, 1, 0, 1},
                                         IntegerConvShape{4, 4, 64, 5, 5, 16, 4, 1, 2, 4},
                                         IntegerConvShape{17, 16, 16, 17, 16, 16, 5, 1, 2, 7},
                                         IntegerConvShape{2, 2, 16, 2, 2, 16, 3, 1, 1, 2},
                                         IntegerConvShape{8, 8, 16, 4, 4, 32, 3, 2, 1, 2},
                                         IntegerConvShape{9, 7, 32, 5, 4, 16, 3, 2, 1, 2},
                                         IntegerConvShape{16, 17, 16, 8, 8, 48, 1, 2, 0, 3},
                                         IntegerConvShape{10, 12, 16, 5, 6, 16, 4, 2, 1, 7}));

TEST(IntegerConv, RefusesWhatItCannotDo) {
  const IntegerConvShape good{8, 8, 16, 8, 8, 32, 3, 1, 1, 2};
  EXPECT_EQ(IntegerConv::Refuses(good), nullptr);
  IntegerConvShape bad = good;
  bad.stride = 3;
  EXPECT_STREQ(IntegerConv::Refuses(bad), "its stride is not 1 or 2");
  bad = good, bad.ci = 24;
  EXPECT_STREQ(IntegerConv::Refuses(bad), "its channels are not multiples of 16");
  bad = good, bad.oh = bad.ow = 4000;
  EXPECT_STREQ(IntegerConv::Refuses(bad), "its map is too large for sums of 32 bits");
  bad = good, bad.code_bits = 8;
  EXPECT_STREQ(IntegerConv::Refuses(bad), "its input is not codes of at most 7 bits");
}

// The greatest codes and gradients everywhere: nothing overflows or saturates, whether lines of
// pixels are joined (kernel 1) or not.
TEST(WeightGradient, HoldsTheGreatestSums) {
  constexpr int32_t kSide = 13, kGroups = 2;
  for (const int32_t max_code : {1, 3, 127}) {
    for (const int32_t kernel : {1, 3}) {
      const GradientShape shape{.h = kSide,
                                .w = kSide,
                                .ci = 16,
                                .oh = kSide,
                                .ow = kSide,
                                .co = 16,
                                .kernel = kernel,
                                .pad = kernel / 2,
                                .max_code = max_code};
      for (const kernels::IsaSet isas : LoopsOfThisCpu()) {
        const WeightGradientKernel& loops = SelectWeightGradient(isas);
        const int32_t images = loops.group_images * kGroups;
        const std::vector<uint8_t> codes(static_cast<size_t>(kSide * kSide * 16 * images),
                                         static_cast<uint8_t>(max_code));
        const std::vector<uint8_t> gradients(codes.size(), 0x80);  // -128
        std::vector<int32_t> sums(static_cast<size_t>(16 * 16 * kernel * kernel), 0);
        loops.add(shape, kGroups, codes.data(), gradients.data(), sums.data());
        for (int32_t tap = 0; tap < kernel * kernel; ++tap) {
          const int32_t rows = kSide - std::abs(tap / kernel - kernel / 2);
          const int32_t columns = kSide - std::abs(tap % kernel - kernel / 2);
          const int32_t expected = -128 * max_code * rows * columns * images;
          for (int32_t co = 0; co < 16; ++co) {
            for (int32_t ci = 0; ci < 16; ++ci)
              ASSERT_EQ(sums[static_cast<size_t>(SumsAt(shape, co, tap, ci))], expected) << tap;
          }
        }
      }
    }
  }
}

// More images than 32 bits hold the sums of are summed in parts.
TEST(IntegerConv, SumsInPartsWhatDoesNotFit) {
  const IntegerConvShape shape{64, 64, 16, 64, 64, 16, 1, 1, 0, 7};
  constexpr int64_t kImages = 33;  // one has sums of up to 66,584,576
  const std::vector<uint8_t> codes(kImages * 64 * 64 * 16, 127), gradients(codes.size(), 255);
  IntegerConv conv(shape, edge::CpuIsas());
  std::vector<float> dw(16 * 16);
  conv.WeightGradient(kImages, codes.data(), gradients.data(), 1.0F, dw.data());
  for (const float sum : dw) EXPECT_NEAR(sum, 127.0 * 127 * 64 * 64 * kImages, 256);
}

TEST(Rounding, IsUnbiasedAndKeepsZeroAndTheGreatest) {
  constexpr int64_t kCount = 1 << 18;
  std::vector<float> g(kCount, 0.3F);
  g[0] = -127.0F, g[1] = 127.0F, g[2] = 0.0F;
  EXPECT_EQ(GradientScale(GreatestMagnitude(kCount, g.data())), 1.0F);
  std::vector<uint8_t> codes(kCount), again(kCount), other(kCount);
  RoundGradient(kCount, g.data(), 1.0F, {.seed = 5}, codes.data());
  RoundGradient(kCount, g.data(), 1.0F, {.seed = 5}, again.data());
  RoundGradient(kCount, g.data(), 1.0F, {.seed = 6}, other.data());
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
  g[7] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_TRUE(std::isnan(GradientScale(GreatestMagnitude(kCount, g.data()))));
  g[7] = std::numeric_limits<float>::infinity();
  EXPECT_TRUE(std::isinf(GradientScale(GreatestMagnitude(kCount, g.data()))));
}

// The parts of a map, as ranks have them, get the codes of the whole.
TEST(Rounding, OfPartsIsThatOfTheWhole) {
  constexpr int64_t kCount = 200000;
  const std::vector<float> g(kCount, 0.3F);
  std::vector<uint8_t> whole(kCount), parts(kCount);
  RoundGradient(kCount, g.data(), 1.0F, {.seed = 5}, whole.data());
  for (const auto& [first, last] :
       {std::pair<int64_t, int64_t>{0, 70001}, {70001, 140000}, {140000, kCount}}) {
    RoundGradient(last - first, g.data() + first, 1.0F, {.seed = 5, .first = first},
                  parts.data() + first);
  }
  EXPECT_EQ(parts, whole);
}

TEST(Pool, TakesTheFirstOfTheGreatestAndGivesItItsGradient) {
  for (const int32_t pool : {1, 2, 3}) {
    const PoolShape s{.h = 6, .w = 12, .channels = 32, .pool = pool};
    const int64_t oh = s.h / pool, ow = s.w / pool;
    Rng rng(9);
    std::vector<float> x(static_cast<size_t>(s.h * s.w * s.channels));
    for (float& v : x) v = static_cast<float>(rng.Below(5)) - 2;  // many are equal
    std::vector<float> y(static_cast<size_t>(oh * ow * s.channels));
    std::vector<uint8_t> choices(y.size()), full(x.size());
    MaxPool(s, x.data(), y.data(), choices.data());
    const std::vector<uint8_t> codes = RandomBytes(rng, oh * ow * s.channels, 1, 256);
    MaxPoolBackward(s, codes.data(), choices.data(), full.data());
    std::vector<uint8_t> expected(x.size(), kZeroGradient);
    for (int64_t i = 0; i < oh * ow * s.channels; ++i) {
      const int64_t c = i % s.channels, ox = i / s.channels % ow, oy = i / s.channels / ow;
      int64_t best = -1;
      for (int64_t k = 0; k < int64_t{pool} * pool; ++k) {
        const int64_t at = ((oy * pool + k / pool) * s.w + ox * pool + k % pool) * s.channels + c;
        if (best < 0 || x[static_cast<size_t>(at)] > x[static_cast<size_t>(best)]) best = at;
      }
      EXPECT_EQ(y[static_cast<size_t>(i)], x[static_cast<size_t>(best)]);
      expected[static_cast<size_t>(best)] = codes[static_cast<size_t>(i)];
    }
    EXPECT_EQ(full, expected) << pool;
  }
}

}  // namespace
}  // namespace bluestem::train
