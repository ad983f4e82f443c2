// Residual: codes that are added between an integer accumulator and its quantizer. The sum stays
// one of integers where each code more moves all thresholds of a channel by the same whole number:
//   code(acc, c) = #{k : acc >= t[k] - ratio * c} = #{k : acc + ratio * c >= t[k]}
#pragma once

#include "bluestem/passes/chain.h"
#include "bluestem/passes/codes.h"
#include "bluestem/passes/rewrite.h"

namespace bluestem::passes {

// Codes, and what each of them adds: as the chain, in double.
struct Residual {
  ir::ValueId codes = ir::kNoValue;
  ir::QuantInfo info;
  std::vector<std::vector<double>> values;  // [levels][channels]
};

// Moves each convolution, with what follows it, to where codes are added to it, so that those are
// made before. Changes the order of nodes alone.
void SinkToSums(ir::Graph& graph);

// Reads `node` as the sum of its input `value`, of shape `shape`, and codes, perhaps through steps
// of one channel. Sets the step's kind. Returns nothing where it is no such sum. Needs: SinkToSums.
std::optional<Residual> ReadResidual(const Rewriter& rewriter, const ir::Graph& graph,
                                     const ir::Node& node, ir::ValueId value, const Shape& shape,
                                     Step& step);

// The least and the greatest accumulator of each channel.
struct AccRange {
  std::vector<int32_t> low, high;
};

struct ResidualThresholds {
  Tensor thresholds, directions, ratios;
};

// Folds the chain, whose step `step` adds the residual, and the quantizer. Errors: kUnsupported
// where a ratio would not be whole, naming channel and code; what FoldThresholds refuses.
Result<ResidualThresholds> FoldResidual(Chain chain, size_t step, const Residual& residual,
                                        const ChannelCoder& coder, const AccRange& range);

}  // namespace bluestem::passes
