// Exact evaluation: a trained network with the artefact's arithmetic (bluestem/ir/ops/README.md),
// bit for bit. Written from the rules and the block list, without ir/, passes/ or lower/: two
// independent ways to one answer.
//
// Integer sums run through LibTorch's f32 convolution, which is exact below 2^24 (networks/cost.h
// proves the bound); what follows an accumulator runs in double or f32 as the rules say; sums of
// real values run in their one defined order.
//
// Threads: Scores uses OpenMP inside; call from one thread at a time. Ownership: owns a copy of the
// weights.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "bluestem/data/cache.h"
#include "bluestem/train/internal/module.h"

namespace bluestem::train {

// The constants of a block as the graph has them: what exact evaluation reads and export writes.
// Those of a block with a code_shortcut have whole ratios (internal/ratios.h).
struct BlockConstants {
  QuantizedWeights weights;  // codes [co, kh*kw*ci] with OHWI order; scales include the block's
                             // gain. bits 0: none
  std::vector<float> real_weights;                 // where bits is 0: [co, kh*kw*ci], gain included
  std::vector<float> bias;                         // or empty
  std::vector<float> gamma, beta, mean, variance;  // or empty
};
BlockConstants ConstantsOf(const Module& module, size_t block);

// Returns true if the network reads u8 pixels as codes (the graph then starts with an 8-bit Quant).
bool ReadsCodes(const Network& network);
// What one pixel step is worth: f32(1/255), or 1 for Normalize::kNone.
float PixelScale(const Network& network);

class ExactNetwork {
 public:
  explicit ExactNetwork(const Module& module);
  ~ExactNetwork();
  ExactNetwork(const ExactNetwork&) = delete;
  ExactNetwork& operator=(const ExactNetwork&) = delete;

  // `seen(block, codes)` is called for each block that puts out codes; its channels are innermost.
  using CodesSeen = std::function<void(size_t block, const std::vector<float>& codes)>;
  // `pixels` u8 [count, h, w, c]. Returns class probabilities [count, classes].
  std::vector<float> Probabilities(int64_t count, const uint8_t* pixels,
                                   const CodesSeen& seen = {}) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Returns the probabilities of all pictures, a row each. `progress` (may be empty) hears how many
// are done.
std::vector<std::vector<float>> ExactScores(const Module& module, const data::PixelCache& cache,
                                            const std::function<void(int64_t)>& progress);

}  // namespace bluestem::train
