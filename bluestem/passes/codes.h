// Between real quantizers and codes: what Quant, BinaryQuant, Quantize and Dequantize mean to each
// other.
#pragma once

#include <optional>

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

// Returns the attributes scale, zero_point, bits and levels.
ir::Attributes CodeAttributes(const ir::QuantInfo& info);

// Returns the codes that `value` is the Dequantize of, or kNoValue.
ir::ValueId CodesOf(const ir::Graph& graph, ir::ValueId value);

// Returns the code whose real value is exactly `value` in f32, or nothing.
std::optional<int32_t> CodeOfReal(const ir::QuantInfo& info, double value);

}  // namespace bluestem::passes
