#include "bluestem/kernels/qconv/kernels.h"
#include "bluestem/kernels/qconv/lut_inl.h"

namespace bluestem::kernels {
namespace {

// One pixel: its tables stay in the first-level cache and its sums in 16 bits.
struct Portable : LutStep {
  static constexpr int32_t kLanes = 32;
  static constexpr int32_t kMaxPixels = 1;
  struct Weights {
    const uint8_t* nibbles;
  };
  struct Sum {
    uint16_t lanes[kLanes];
  };
  struct Wide {
    uint32_t lanes[kLanes];
  };

  static int64_t ChunkSteps(const QConvParams& p) { return 65535 / StepMaximum(p); }
  static int32_t SegmentChunks(const QConvParams&, int32_t) { return INT32_MAX; }
  static Weights LoadWeights(const uint8_t* weights, int64_t) { return {weights}; }
  static Sum ZeroSum() { return {}; }
  static Wide ZeroWide() { return {}; }
  static void Step(Sum& sum, const uint8_t* tables, const Weights& w) {
    for (int32_t i = 0; i < kLanes; ++i) {
      const uint32_t nibbles = w.nibbles[i];
      const uint32_t entries = uint32_t{tables[nibbles & 15]} + tables[16 + (nibbles >> 4)];
      sum.lanes[i] = static_cast<uint16_t>(sum.lanes[i] + entries);
    }
  }
  static void Widen(Wide& wide, const Sum& sum) {
    for (int32_t i = 0; i < kLanes; ++i) wide.lanes[i] += sum.lanes[i];
  }
  static void StoreWide(const Wide& wide, bool add, int32_t* acc) {
    for (int32_t i = 0; i < kLanes; ++i) {
      const uint32_t before = add ? static_cast<uint32_t>(acc[i]) : 0u;
      acc[i] = static_cast<int32_t>(before + wide.lanes[i]);
    }
  }
};

}  // namespace

void qconv_u4s1_lut32__portable(const QConvParams& params, const QConvArgs& args) {
  RunBanded<Portable>(params, args);
}

}  // namespace bluestem::kernels
