// BitChoice: how many bits each layer of a network gets, so that the loss rises least for what the
// network may cost. The rises are taken as independent: the rise of a choice is their sum, as in
// HAWQ-V3 (Yao et al., arXiv 2011.10680), which solves the same sum as an integer program, and in
// ZeroQ (Cai et al., arXiv 2001.00281), whose front of size against sensitivity this is.
//
// Exact: a dynamic program over the layers keeps, for each way in which the last one may be chosen,
// every partial choice that no other beats in both cost and rise (Nemhauser and Ullmann's knapsack,
// 1969). What a layer costs, and whether its sums stay exact, depends on the bits that the one
// before puts out; so the last option is part of the state, and nothing else is.
//
// Threads: free functions without state.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "bluestem/base/status.h"

namespace bluestem::tune {

constexpr int32_t kRealBits = 32;

struct BitOption {
  std::string text;          // "w4a4"
  int32_t weight_bits = 32;  // 1..8 or 32
  int32_t code_bits = 32;    // of what the layer puts out: 1..8, or 32 for real values
  int32_t most_read = 8;     // greatest bits of the codes that it may read; real values always
  double rise = 0;           // of the loss, when this layer alone is so
};

struct BitLayer {
  std::string name;
  int64_t macs = 0;  // a picture
  int64_t weights = 0;
  std::vector<BitOption> options;  // at least one
};

enum class BitCost : uint8_t {
  kBytes,          // of the weights, each layer's rounded up
  kBitOperations,  // multiply-accumulates times bits of the weights times bits read (HAWQ's BOPS)
};

struct BitChoice {
  int64_t cost = 0;
  double rise = 0;              // the sum
  std::vector<size_t> options;  // one a layer
};

// Returns what the choice costs. `input_bits` are read by the first layer.
int64_t CostOf(const std::vector<BitLayer>& layers, int32_t input_bits,
               const std::vector<size_t>& options, BitCost cost);

// Returns every choice that none beats: cost rises, rise falls; of equal ones the first found.
// Empty if some layer cannot read what the one before may put out, whatever is chosen.
std::vector<BitChoice> BitFront(const std::vector<BitLayer>& layers, int32_t input_bits,
                                BitCost cost);

// Returns the choice of a front with the least rise for at most `budget`, or null.
const BitChoice* Within(const std::vector<BitChoice>& front, int64_t budget);

}  // namespace bluestem::tune
