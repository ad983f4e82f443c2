// Between real quantizers and codes: what Quant, BinaryQuant, Quantize and Dequantize mean to each
// other.
#pragma once

#include <optional>
#include <vector>

#include "bluestem/ir/graph.h"
#include "bluestem/quant/threshold.h"

namespace bluestem::passes {

// A quantizer with one scale for all of a value, and the u8 codes that it makes: code = spec code -
// spec.low.
struct TensorQuantizer {
  quant::QuantSpec spec;
  ir::QuantInfo info;
};

// Reads a Quant node. Errors: kUnsupported with the reason why its values are no u8 codes.
Result<TensorQuantizer> ReadQuantizer(const ir::Graph& graph, const ir::Node& node);

// Reads a Quantize node back.
quant::QuantSpec SpecOfQuantize(const ir::Node& node);

// True for Quantize and RealThreshold: ops from real values to codes.
bool MakesCodes(const ir::Node& node);

// The codes that a node for which MakesCodes holds gives to real values, channel by channel.
class ChannelCoder {
 public:
  ChannelCoder(const ir::Graph& graph, const ir::Node& node);

  int32_t levels() const { return levels_; }
  // Returns the code, 0 .. levels-1, of `x` in `channel` of the last axis.
  int32_t Code(size_t channel, double x) const;

 private:
  quant::QuantSpec spec_;
  std::vector<double> scales_;          // of a Quantize with one scale a channel
  const Tensor* thresholds_ = nullptr;  // of a RealThreshold
  int32_t levels_ = 0;
};

// Returns the attributes scale, zero_point, bits and levels.
ir::Attributes CodeAttributes(const ir::QuantInfo& info);

// Returns the codes that `value` is the Dequantize of, or kNoValue.
ir::ValueId CodesOf(const ir::Graph& graph, ir::ValueId value);

// Returns the code whose real value is exactly `value` in f32, or nothing.
std::optional<int32_t> CodeOfReal(const ir::QuantInfo& info, double value);

}  // namespace bluestem::passes
