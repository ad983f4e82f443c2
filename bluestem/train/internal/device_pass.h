// DevicePass: forward and backward of a Module whose maps are in the memory of a device that the
// CPU's loops cannot reach, in LibTorch's operators alone. Parameters, statistics and their
// gradients stay in the CPU's memory: each pass sends the quantized weights and brings back the
// gradients (twice 4 bytes a parameter), each norm brings back its sums (as several ranks need
// them). So optimizers, averages and checkpoints know nothing of devices.
//
// A device "cpu" is for tests: the same operators, slower than Module's own loops.
//
// Threads: one thread at a time. Ownership: refers to all that it is made of.
#pragma once

#include <string>
#include <vector>

#include "bluestem/train/internal/block_parameters.h"
#include "bluestem/train/internal/module.h"
#include "bluestem/train/internal/norm_act.h"
#include "bluestem/train/internal/torch.h"

namespace bluestem::train {

class DevicePass {
 public:
  // `device` as LibTorch has it: "cuda:0".
  DevicePass(const Network& network, const std::vector<BlockShape>& shapes,
             std::vector<BlockParameters*> parameters, Ranks& ranks, const std::string& device);

  // Returns the last map, in the CPU's memory. Requires: BlockParameters::used is filled.
  at::Tensor Forward(const StepInput& input, PassMode mode, uint64_t dropout_seed);
  // Fills the parameters' gradients, of this rank's images, from that of the last map.
  void Backward(const at::Tensor& gradient);
  // Whether all norms of the last Forward were finite.
  bool finite() const { return finite_; }
  // What the block put out in the last Forward, in the CPU's memory.
  at::Tensor Output(size_t block) const;

 private:
  // What a pass remembers of a block.
  struct Maps {
    at::Tensor weight, input, normed, before, output;
    at::Tensor pool_index, dropout_mask;
    at::Tensor added;            // by a code_shortcut
    at::Tensor output_gradient;  // what later blocks' code_shortcuts send back
    NormState norm;
  };

  at::Tensor Send(const std::vector<float>& values) const;
  ActivationCall Activation(size_t i) const;
  Maps& Source(size_t i);
  void ForwardBlock(size_t i, PassMode mode, uint64_t dropout_seed);
  void NormAndActivate(size_t i, PassMode mode);
  void BatchMoments(size_t i, Ranks& ranks);
  at::Tensor BackwardBlock(size_t i, at::Tensor gradient, at::Tensor& shortcut_gradient);
  at::Tensor NormGradient(size_t i, const at::Tensor& gradient);
  at::Tensor ConvGradient(size_t i, const at::Tensor& gradient);

  const Network& network_;
  const std::vector<BlockShape>& shapes_;
  std::vector<BlockParameters*> parameters_;
  Ranks& ranks_;
  at::Device device_;
  std::vector<Maps> maps_;
  int64_t images_ = 0;
  bool finite_ = true;
};

}  // namespace bluestem::train
