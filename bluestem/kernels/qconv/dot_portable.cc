#include "bluestem/kernels/qconv/dot_inl.h"
#include "bluestem/kernels/qconv/kernels.h"

namespace bluestem::kernels {
namespace {

struct Portable : DotStep {
  static constexpr int32_t kLanes = 32;
  static constexpr int32_t kMaxPixels = 1;
  struct Weights {
    const uint8_t* bytes;
  };
  struct Sum {
    int32_t lanes[kLanes];
  };
  using Wide = Sum;

  static Weights LoadWeights(const uint8_t* weights, int64_t) { return {weights}; }
  static Sum ZeroSum() { return {}; }
  static void Step(Sum& sum, const uint8_t* codes, const Weights& w) {
    for (int32_t i = 0; i < kLanes; ++i) {
      int32_t s = 0;
      for (int32_t c = 0; c < kStepChannels; ++c) {
        s += codes[c] * static_cast<int8_t>(w.bytes[i * kStepChannels + c]);
      }
      sum.lanes[i] += s;
    }
  }
  static void StoreWide(const Wide& wide, bool, int32_t* acc) {
    std::memcpy(acc, wide.lanes, sizeof(wide.lanes));
  }
};

}  // namespace

void qconv_u8s8_dot32__portable(const QConvParams& params, const QConvArgs& args) {
  RunBanded<Portable>(params, args);
}

}  // namespace bluestem::kernels
