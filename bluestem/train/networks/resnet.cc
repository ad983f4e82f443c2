// ResNets in integers, with shortcuts of codes. ResNet-20 for small pictures (He et al. 2015, arXiv
// 1512.03385, section 4.2), with w = network.width (32; theirs is 16):
//
//   stem      3x3, w channels; 8-bit weights on u8 pixels
//   stage1    3 units of two 3x3 convolutions, w channels, the map as it is
//   stage2    the same with 2 w channels; its first convolution has stride 2
//   stage3    the same with 4 w channels
//   head      1x1 to the classes, 8-bit weights; its gain is 1/3: with 3, as in bluestem_s, the
//             codes that pile up along the shortcuts start with a loss of 5, and learning stalls
//
// ResNet-18 (their section 4.1) without the stem's stride and pool, as others have it for pictures
// of 32x32: 4 stages of 2 units, w = 64.
//
// stage2_1b is the second convolution of stage2's first unit. Each second convolution adds the
// codes that the unit reads; in the first unit of a later stage those of every second pixel, and
// nothing to the new channels (option A, which has no parameters).
//
// Body weights have 1 bit, codes network.activation_bits. Gamma is 1.
#include "bluestem/train/networks/parts.h"

namespace bluestem::train {
namespace {

std::vector<Block> Resnet(int64_t width, int stages, int units, int64_t classes) {
  std::vector<Block> blocks = {Body("stem", width)};
  blocks.back().weights = Weights::kEightBit;
  for (int stage = 1; stage <= stages; ++stage) {
    for (int unit = 1; unit <= units; ++unit) {
      const std::string name = fmt::format("stage{}_{}", stage, unit);
      blocks.push_back(Body(name + "a", width << (stage - 1)));
      blocks.back().stride = stage > 1 && unit == 1 ? 2 : 1;
      blocks.push_back(Body(name + "b", width << (stage - 1)));
      blocks.back().code_shortcut = 2;
    }
  }
  return End(std::move(blocks), classes, 1.0F / 3.0F);
}

}  // namespace

std::vector<Block> Resnet20(const config::Experiment& experiment, int64_t classes) {
  return Resnet(WidthOf(experiment), 3, 3, classes);
}

std::vector<Block> Resnet18(const config::Experiment& experiment, int64_t classes) {
  return Resnet(experiment.network.width > 0 ? WidthOf(experiment) : 64, 4, 2, classes);
}

}  // namespace bluestem::train
