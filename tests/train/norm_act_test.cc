// Norm, shortcut and activation in one loop against the plain loops, which maps of a few channels
// take: what a channel gets does not depend on the others.
#include "bluestem/train/internal/norm_act.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "bluestem/base/rng.h"
#include "bluestem/train/internal/norm_passes.h"

namespace bluestem::train {
namespace {

constexpr int64_t kRows = 1100;  // three chunks
constexpr int64_t kChannels = 80, kFew = 8;
constexpr float kEpsilon = 1e-3F;

struct Values {
  std::vector<float> z, shortcut, gy, gr, beta;
};

// The channels [first, first + channels) of a map of kChannels.
std::vector<float> Columns(const std::vector<float>& map, int64_t first, int64_t channels) {
  std::vector<float> columns;
  for (size_t row = 0; row < map.size() / kChannels; ++row) {
    const auto begin = map.begin() + static_cast<int64_t>(row) * kChannels + first;
    columns.insert(columns.end(), begin, begin + channels);
  }
  return columns;
}

struct Results {
  std::vector<float> r, gz, gshortcut, gbeta;
  std::vector<uint8_t> codes;
  float greatest = 0;
};

Results PassesOf(const Values& v, int64_t channels, bool shortcuts) {
  const Map map{.rows = kRows, .channels = channels};
  const ActivationCall call{.quantizer = FindActivationQuantizer("linear_mid_tread_half"),
                            .spec = {.bits = 2, .max = 1.5F}};
  NormState state;
  BatchMoments(map, v.z.data(), Ranks::Alone(), state);
  FinishNorm(nullptr, v.beta.data(), kEpsilon, state);
  Results got;
  got.r.resize(v.z.size()), got.gz = v.gy, got.gshortcut = v.gy, got.codes.resize(v.z.size());
  got.gbeta.resize(static_cast<size_t>(channels));
  const float* shortcut = shortcuts ? v.shortcut.data() : nullptr;
  NormActForward(map, state, call, v.z.data(), shortcut, shortcuts ? got.r.data() : nullptr,
                 nullptr, got.codes.data());
  // In the place of gy.
  NormActBackward(map, state, call, v.z.data(), shortcut, Ranks::Alone(),
                  {.gy = shortcuts ? got.gshortcut.data() : got.gz.data(),
                   .gr = shortcuts ? v.gr.data() : nullptr,
                   .gz = got.gz.data(),
                   .gshortcut = shortcuts ? got.gshortcut.data() : nullptr,
                   .gbeta = got.gbeta.data(),
                   .greatest = channels % kNormLanes == 0 ? &got.greatest : nullptr});
  return got;
}

class NormPasses : public testing::TestWithParam<bool> {
 protected:
  NormPasses() {
    Rng rng(3);
    for (auto* list : {&values.z, &values.shortcut, &values.gy, &values.gr}) {
      list->resize(kRows * kChannels);
      for (float& x : *list) x = static_cast<float>(rng.Uniform(-2, 2));
    }
    values.beta.resize(kChannels);
    for (float& x : values.beta) x = static_cast<float>(rng.Uniform(-1, 1));
  }
  Values values;
};

TEST_P(NormPasses, AreThePlainLoops) {
  const Results all = PassesOf(values, kChannels, GetParam());
  EXPECT_GT(*std::max_element(all.codes.begin(), all.codes.end()), 2);
  float greatest = 0;
  for (int64_t first = 0; first < kChannels; first += kFew) {
    Values few = {.z = Columns(values.z, first, kFew),
                  .shortcut = Columns(values.shortcut, first, kFew),
                  .gy = Columns(values.gy, first, kFew),
                  .gr = Columns(values.gr, first, kFew),
                  .beta = Columns(values.beta, first, kFew)};
    const Results plain = PassesOf(few, kFew, GetParam());
    EXPECT_EQ(Columns(all.r, first, kFew), plain.r);
    EXPECT_EQ(Columns(all.gz, first, kFew), plain.gz);
    EXPECT_EQ(Columns(all.gshortcut, first, kFew), plain.gshortcut);
    EXPECT_EQ(Columns(all.gbeta, first, kFew), plain.gbeta);
    const std::vector<float> codes(all.codes.begin(), all.codes.end());
    EXPECT_EQ(Columns(codes, first, kFew),
              std::vector<float>(plain.codes.begin(), plain.codes.end()));
    for (const float g : plain.gz) greatest = std::max(greatest, std::fabs(g));
  }
  EXPECT_EQ(all.greatest, greatest);
}

TEST_P(NormPasses, SayThatAGradientIsNotANumber) {
  values.gr[12345] = values.gy[12345] = std::numeric_limits<float>::quiet_NaN();
  values.z[12345] = 0;
  values.beta.assign(kChannels, 0.5F);
  EXPECT_TRUE(std::isnan(PassesOf(values, kChannels, GetParam()).greatest));
}

INSTANTIATE_TEST_SUITE_P(WithShortcuts, NormPasses, testing::Bool());

}  // namespace
}  // namespace bluestem::train
