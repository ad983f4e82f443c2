// Chain: the real ops between an integer accumulator and a quantizer, per channel and in double
// (rule 3 of ir/ops/README.md), and their affine part (rule 4). It is what thresholds are folded
// from. Not an evaluator of graphs (ir/evaluate.h).
#pragma once

#include <string>
#include <vector>

#include "bluestem/ir/graph.h"

namespace bluestem::passes {

enum class StepKind : uint8_t {
  kMul,
  kDiv,
  kAdd,
  kSub,
  kSubFrom,
  kAffine,
  kRelu,
  kLeakyRelu,
  kClip,
  kMin,
  kMax,
  kNeg,
  kHardSigmoid,
  kFloor,
  kCeil,
  kRound
};

struct Step {
  StepKind kind;
  std::vector<double> p0;  // one a channel
  std::vector<double> p1;  // kAffine, kClip, kHardSigmoid
};

// Starts as acc * scale[c] and goes through the steps.
struct Chain {
  std::vector<double> scale;    // [co]: s_x * s_w, multiplied as doubles
  std::vector<int64_t> offset;  // [co]: what is taken off the accumulator first: zero point times
                                // the sum of the weights
  std::vector<Step> steps;

  double Apply(size_t channel, int32_t acc) const;
};

// Reads `node` as a step over a value of shape `shape` that is its input `value`. Returns false
// with a reason where it is not monotone or not an op of one channel.
bool ReadStep(const ir::Graph& graph, const ir::Node& node, ir::ValueId value, const Shape& shape,
              Step& step, std::string& reason);

// True where a Step is a*x + b.
bool IsAffine(const Step& step);

// True where the step never falls in any channel.
bool NeverFalls(const Step& step);

struct Affine {
  std::vector<double> a, b;
};
// Returns the chain's steps as one affine map. Requires: all steps are affine.
Affine FoldAffine(const Chain& chain);

}  // namespace bluestem::passes
