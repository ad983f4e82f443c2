// The convolutions whose instructions are counted on Arm: those of LmnetV1, and nine shapes of
// published comparisons. Stride 1, padded to the same size, no groups.
#pragma once

#include <cstdint>

namespace bluestem::bench {

struct Layer {
  const char* name;
  int32_t size, ci, co, kernel, x_bits;
  bool last_codes;  // the low-bit layer gives codes; else reals after a ReLU
};

constexpr Layer kLmnetV1[] = {
    {"conv1 3x3 3->32@32", 32, 3, 32, 3, 8, true},
    {"conv2 3x3 32->64@32", 32, 32, 64, 3, 2, true},
    {"conv3 3x3 256->128@16", 16, 256, 128, 3, 2, true},
    {"conv4 3x3 128->64@16", 16, 128, 64, 3, 2, true},
    {"conv5 3x3 256->128@8", 8, 256, 128, 3, 2, true},
    {"conv6 1x1 512->64@4", 4, 512, 64, 1, 2, false},
};
constexpr Layer kShapes[] = {
    {"3x3 64@32", 32, 64, 64, 3, 2, true},           {"3x3 128@16", 16, 128, 128, 3, 2, true},
    {"3x3 256@8", 8, 256, 256, 3, 2, true},          {"3x3 64@56", 56, 64, 64, 3, 2, true},
    {"3x3 128@28", 28, 128, 128, 3, 2, true},        {"3x3 256@14", 14, 256, 256, 3, 2, true},
    {"3x3 512@7", 7, 512, 512, 3, 2, true},          {"1x1 256->64@56", 56, 256, 64, 1, 2, true},
    {"1x1 1024->256@14", 14, 1024, 256, 1, 2, true},
};

inline int64_t Macs(const Layer& layer) {
  return int64_t{layer.size} * layer.size * layer.co * layer.ci * layer.kernel * layer.kernel;
}

}  // namespace bluestem::bench
