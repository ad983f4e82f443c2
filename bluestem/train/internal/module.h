// Module: a Network with its parameters: forward and backward for training, fast fake-quantized
// scores for validation. Not the exact evaluation (internal/exact.h) and not the optimizer.
//
// The backward pass is written out (internal/norm_act.h, LibTorch's convolutions and pools); there
// is no autograd tape. Weights are latent f32 in OHWI order; each step quantizes them, and their
// gradient is that of the quantized ones by the network's straight-through estimator.
//
// Threads: one thread at a time; it uses LibTorch's threads inside. Ownership: the module owns
// parameters and gradients; views stay valid as long as it lives.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "bluestem/kernels/isa.h"
#include "bluestem/train/internal/distillation.h"
#include "bluestem/train/internal/parameter.h"
#include "bluestem/train/internal/ranks.h"
#include "bluestem/train/networks/network.h"

namespace bluestem::train {

// Of this rank: in a step, each has as many images.
struct StepInput {
  int64_t count = 0;                // images
  const float* images = nullptr;    // [count, h, w, c]
  const int32_t* labels = nullptr;  // [count]
  const int32_t* others = nullptr;  // [count], labels of what was mixed in (internal/mixing.h)
  double share = 1;                 // of `labels` in the target
  // [count, classes], 0..1: the target of Head::kSigmoid, which reads it in place of labels.
  const float* marks = nullptr;
  TeacherScores teacher = {};  // of these images
};

struct StepOptions {
  double label_smoothing = 0;
  const float* class_weights = nullptr;  // [classes], or null: all 1; of Head::kSigmoid what a
                                         // picture with the class counts
  bool float_weights = false;            // do not quantize Weights::kConfigured in this step
  double progress = 0;                   // share of all steps that are done, of estimators
  uint64_t seed = 0;                     // of dropout and of the rounding of gradients
};

// Of the joint batch of all ranks.
struct StepResult {
  double loss = 0;  // mean of internal/loss.h or distillation.h; not a number if a norm or a
                    // gradient is not finite
  int64_t correct = 0;
};

class Module {
 public:
  // Initial weights follow from `seed` alone. `ranks` must outlive the module.
  Module(Network network, std::vector<BlockShape> shapes, uint64_t seed,
         Ranks& ranks = Ranks::Alone());
  ~Module();
  Module(const Module&) = delete;
  Module& operator=(const Module&) = delete;

  const Network& network() const;
  const std::vector<BlockShape>& shapes() const;
  // Weights, biases, gammas, betas, in block order: what an optimizer changes.
  const std::vector<ParameterView>& parameters() const;
  // The statistics that scores use, in block order.
  const std::vector<ParameterView>& statistics() const;

  // From now on takes the convolutions of 1-bit blocks in integers where it can
  // (internal/integer_block.h).
  void UseIntegers(kernels::IsaSet isas);
  // Returns how many blocks that are.
  size_t IntegerBlocks() const;

  // From now on computes on a device of LibTorch ("cuda:0"), all in f32 (internal/device_pass.h).
  // Requires: no block in integers.
  void UseDevice(const std::string& device);

  // Forward and backward; fills the gradients with those of the joint batch, the same bits on every
  // rank.
  StepResult Step(const StepInput& input, const StepOptions& options);

  // Re-estimates the batch norms' statistics with frozen weights (there are no running averages,
  // which a flip of signs would make stale): Begin, which quantizes the weights, then Add some
  // batches, then Finish. Batch b of n_b images is normalised by its own moments m_b and v_b
  // (biased), and
  //   mean = sum n_b m_b / sum n_b;  variance = sum n_b (v_b + m_b^2) / sum n_b - mean^2
  // over the batches of all ranks; each rank adds as many images. Source: precise batch norm (Wu
  // and Johnson, arXiv 2105.07576). internal/training.h says of which images, and how many.
  void BeginStatistics();
  void AddStatistics(const StepInput& input);
  void FinishStatistics();

  // Returns the scores before the head, [count, classes], with the statistics; of a network with
  // mirror those of two forward passes.
  std::vector<float> Scores(const StepInput& input);
  // Returns what the block put out in the last Scores, in any order. Requires: no block in
  // integers.
  std::vector<float> LastOutput(size_t block) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Sets LibTorch's threads and its deterministic algorithms for this process, and that it keeps the
// memory that it frees. Returns the threads in use.
int UseThreads(int64_t threads);
// "LibTorch 1.13.1, oneDNN": for run.json and reports.
std::string TorchVersion();

}  // namespace bluestem::train
