// What a network costs on a device: parameters, multiply-accumulates by bit width, bytes. And the
// proof that its integer sums are exact in f32, which the trainer's exact evaluation relies on.
//
// Threads: free functions without state.
#pragma once

#include <string>
#include <vector>

#include "bluestem/task/macs.h"
#include "bluestem/train/networks/network.h"

namespace bluestem::train {

struct LayerCost {
  std::string name;
  std::string shape;    // "3x3 64 -> 128 at 14x14"
  int32_t x_bits = 32;  // 32: f32
  int32_t w_bits = 32;
  int64_t macs = 0;              // of an answer: twice the layer's where the network has mirror
  int64_t weights = 0;           // count
  int64_t parameters = 0;        // weights, biases, gamma, beta
  int64_t weight_bytes = 0;      // at w_bits
  int64_t activation_bytes = 0;  // output, one byte a code, four a real value
};

std::vector<LayerCost> CostTable(const Network& network, const std::vector<BlockShape>& shapes);

// The multiply-accumulates of a picture by bit width.
task::Macs MacsByBits(const std::vector<LayerCost>& table);

// Returns the bits of what block i reads: 8 for u8 pixels, the activation's, or 32.
int32_t InputBits(const Network& network, size_t block);

// Errors: kInvalidArgument where a sum of codes times weights could leave the integers that f32
// holds exactly (2^24).
Status CheckAccumulator(const Network& network, size_t block, const BlockShape& shape);

}  // namespace bluestem::train
