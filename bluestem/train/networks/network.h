// Network: a classifier as a list of blocks. The one description from which the trained module, the
// exact evaluation, the cost table and the exported graph are made, so that they cannot drift.
//
// A block, in order; what is off is skipped:
//   convolution [+ bias] -> max-pool (if pool_first) -> batch norm -> + the value before the
//   previous block's activation (shortcut), or what an earlier block puts out (code_shortcut)
//   -> activation -> dropout -> max-pool -> space to depth
// After the last block: mean over height and width, then the head. A network with `mirror` does all
// but the head for the picture and for its mirror image, left to right; the head is that of the
// mean of both.
//
// A pool before the batch norm needs gamma fixed at 1: then norm and quantizer are rising,
// max-pooling commutes with them, and the exported graph pools codes.
//
// A code_shortcut adds codes times their step. The exact evaluation and the exported graph scale
// the norm so that a code is worth a whole number of the convolution's sums (internal/ratios.h):
// then no value between two blocks is real.
//
// Threads: values. Ownership: quantizer rows are static.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "bluestem/base/status.h"
#include "bluestem/config/experiment.h"
#include "bluestem/image/spec.h"
#include "bluestem/train/quantizers/quantizers.h"
#include "bluestem/train/quantizers/straight_through.h"

namespace bluestem::train {

enum class Weights : uint8_t { kConfigured, kEightBit, kFloat };
enum class Activation : uint8_t { kQuantized, kRelu, kNone };
// What makes probabilities of the means. A sigmoid is part of the network, not of the task that
// reads it, so that the artefact's kernel and the trainer's exact evaluation compute it by one
// definition.
enum class Head : uint8_t { kSoftmax, kSigmoid };
enum class Initial : uint8_t {
  kHeNormal,     // normal, variance 2 / fan-in
  kUniform,      // uniform in +-1/sqrt(fan-in)
  kSmallNormal,  // normal, standard deviation 0.01
};

struct Block {
  std::string name;
  int64_t channels = 0;  // co
  int32_t kernel = 3;
  int32_t stride = 1;
  int32_t pad = 1;  // on all four sides
  Weights weights = Weights::kConfigured;
  Initial initial = Initial::kHeNormal;
  float gain = 1.0F;  // the convolution computes x * (gain * w)
  bool bias = false;
  bool batch_norm = true;
  bool gamma = true;  // false: fixed at 1
  float epsilon = 1e-3F;
  bool shortcut = false;
  // Adds what the block so many back puts out; 0: nothing. Of that every second pixel where a
  // stride of 2 lies between, and nothing in channels beyond its own (He et al. 2015, option A).
  int32_t code_shortcut = 0;
  Activation activation = Activation::kQuantized;
  // Of Activation::kQuantized. A quantizer that learns its max changes it here, in a Module's own
  // copy: parameter "<name>/max".
  ActivationSpec spec;
  const WeightQuantizer* own_weights = nullptr;  // from network.layer_bits; null: by `weights`
  float weight_step = 0;  // where the weights' quantizer learns it, likewise: "<name>/step"
  int32_t pool = 0;       // side and stride of a max-pool; 0: none
  bool pool_first = false;
  int32_t space_to_depth = 0;  // block side; 0: none
  bool dropout = false;
};

// Extents around block i. All are positive.
struct BlockShape {
  int64_t h, w, ci;          // input
  int64_t conv_h, conv_w;    // after the convolution
  int64_t norm_h, norm_w;    // where norm and activation work
  int64_t out_h, out_w, co;  // output
  int64_t k;                 // kernel * kernel * ci
};

// How training treats a network besides what the config says (train.beta_rate, .float_weights and
// .lookahead put theirs in its place).
//
// Step s of S leaves Weights::kConfigured as they are while s < float_weight_share * S, and from
// then on quantizes the same latent weights, with the optimizer's state as it is; a step that is
// learned begins there, as LsqInitialStep of them. Activations are quantized all along, and so are
// the weights in validation and statistics. Source: the two stages of Martinez et al., arXiv
// 2003.11535, in one run.
struct Recipe {
  double beta_rate = 1.0;         // factor on the learning rate of betas (internal/optimizer.h)
  double float_weight_share = 0;  // 0..1
  double lookahead = 0;           // decay of the slow weights (internal/optimizer.h); 0: off
};

struct Network {
  std::string name;
  int64_t h = 0, w = 0, c = 0, classes = 0;
  Head head = Head::kSoftmax;
  image::Normalize normalize = image::Normalize::kDivideBy255;
  const WeightQuantizer* weight_quantizer = nullptr;          // of Weights::kConfigured
  const ActivationQuantizer* activation_quantizer = nullptr;  // of Activation::kQuantized
  const WeightSte* weight_ste = FindWeightSte("identity");    // of 1-bit weights
  double dropout = 0;
  bool mirror = false;  // of answers; a training step sees the picture alone
  Recipe recipe;
  std::vector<Block> blocks;

  // Returns what quantizes block i's weights.
  const WeightQuantizer& WeightsOf(const Block& block) const;
  // Returns what makes block i's output; nullptr for Activation::kNone.
  const ActivationQuantizer* ActivationOf(const Block& block) const;
  // Returns true if block i puts out codes.
  bool MakesCodes(size_t i) const;
  // Returns true if a later block's code_shortcut reads what block i puts out.
  bool FeedsShortcut(size_t i) const;
  // Returns the stride from what block i's code_shortcut reads to block i's output.
  int64_t ShortcutStride(size_t i) const;
};

// Returns one shape a block. Errors: kInvalidArgument where a pool or a space-to-depth does not
// divide the map, naming the image size and what fits.
Result<std::vector<BlockShape>> Shapes(const Network& network);

struct NetworkRow {
  const char* name;
  const char* summary;
  std::vector<Block> (*blocks)(const config::Experiment& experiment, int64_t classes);
  Recipe recipe;
};
const std::vector<NetworkRow>& Networks();

// Builds and checks the network of an experiment. Errors: kInvalidArgument naming the key, the
// value and what is allowed.
Result<Network> MakeNetwork(const config::Experiment& experiment, int64_t classes);

std::vector<Block> LmnetV0(const config::Experiment& experiment, int64_t classes);
std::vector<Block> LmnetV1(const config::Experiment& experiment, int64_t classes);
std::vector<Block> BluestemS(const config::Experiment& experiment, int64_t classes);
std::vector<Block> BluestemM(const config::Experiment& experiment, int64_t classes);
std::vector<Block> BluestemL(const config::Experiment& experiment, int64_t classes);
std::vector<Block> BluestemXl(const config::Experiment& experiment, int64_t classes);
std::vector<Block> Resnet20(const config::Experiment& experiment, int64_t classes);
std::vector<Block> Resnet18(const config::Experiment& experiment, int64_t classes);

}  // namespace bluestem::train
