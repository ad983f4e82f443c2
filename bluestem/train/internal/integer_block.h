// What one block of a Module needs to take its steps in integers: its input as codes, its signs,
// and the gradient of its convolution as 8-bit codes (lowbit/).
//
// Threads: one thread at a time; it uses OpenMP inside. Ownership: owns its buffers.
#pragma once

#include <memory>
#include <vector>

#include "bluestem/train/internal/ranks.h"
#include "bluestem/train/lowbit/integer_conv.h"
#include "bluestem/train/networks/network.h"

namespace bluestem::train {

// Returns why block i of the network cannot be trained in integers, or null.
const char* RefusesIntegers(const Network& network, const std::vector<BlockShape>& shapes,
                            size_t i);

class IntegerBlock {
 public:
  // Requires: RefusesIntegers(network, shapes, i) == nullptr; the network outlives this.
  IntegerBlock(const Network& network, const std::vector<BlockShape>& shapes, size_t i,
               kernels::IsaSet isas);

  // Quantizes the latent weights [co, k] for the passes that follow.
  void TakeWeights(const float* latent);
  // Returns where the input's codes [n, h, w, ci] are to be written.
  uint8_t* InputCodes(int64_t n);
  // The same from the values of codes.
  void TakeInput(int64_t n, const float* values);

  // Writes what is normed, z [n, norm_h, norm_w, co]: the input's convolution, pooled where the
  // pool comes first.
  void Forward(int64_t n, float* z);

  struct Gradients {
    const float* gz = nullptr;  // of z
    float greatest = 0;         // magnitude of gz
    uint64_t seed = 0;          // of the rounding
    float* gx = nullptr;        // out, of the input's values
    float* gw = nullptr;        // out, of the weights
  };
  // This rank's part of gw, with the codes that the joint batch's gradient would have. Returns
  // false, and leaves the gradients undefined, if gz is not finite on all ranks.
  bool Backward(int64_t n, const Gradients& gradients, Ranks& ranks);

 private:
  bool Pools() const { return block_.pool > 0 && block_.pool_first; }
  const uint8_t* RoundedGradient(int64_t n, const Gradients& gradients, float scale, int64_t first);

  Block block_;
  BlockShape shape_;
  const WeightQuantizer* weights_;
  const ActivationQuantizer* input_;
  const ActivationSpec* spec_;  // of the input; the network's own, which may learn
  std::unique_ptr<IntegerConv> conv_;
  float weight_scale_ = 0;
  std::vector<uint8_t> codes_, choices_, rounded_, scattered_;
};

}  // namespace bluestem::train
