#include "bluestem/passes/chain.h"

#include <algorithm>
#include <cmath>

#include "bluestem/passes/rewrite.h"
#include "bluestem/quant/rounding.h"

namespace bluestem::passes {
namespace {

using ir::Node;
using ir::ValueId;

double ApplyStep(const Step& step, size_t c, double x) {
  const double p0 = step.p0.empty() ? 0 : step.p0[c];
  const double p1 = step.p1.empty() ? 0 : step.p1[c];
  switch (step.kind) {
    case StepKind::kMul: return x * p0;
    case StepKind::kDiv: return x / p0;
    case StepKind::kAdd: return x + p0;
    case StepKind::kSub: return x - p0;
    case StepKind::kSubFrom: return p0 - x;
    case StepKind::kAffine: return x * p0 + p1;
    case StepKind::kRelu: return x > 0 ? x : 0;
    case StepKind::kLeakyRelu: return x > 0 ? x : x * p0;
    case StepKind::kClip: return std::min(std::max(x, p0), p1);
    case StepKind::kMin: return std::min(x, p0);
    case StepKind::kMax: return std::max(x, p0);
    case StepKind::kNeg: return -x;
    case StepKind::kHardSigmoid: return std::min(std::max(x * p0 + p1, 0.0), 1.0);
    case StepKind::kFloor: return std::floor(x);
    case StepKind::kCeil: return std::ceil(x);
    case StepKind::kRound: return quant::Round(x, quant::Rounding::kHalfEven);
  }
  return x;
}

bool ReadBinaryStep(const ir::Graph& graph, const Node& node, ValueId value, const Shape& shape,
                    Step& step, std::string& reason) {
  const bool data_first = node.inputs[0] == value;
  const ValueId other = node.inputs[data_first ? 1 : 0];
  const auto values = PerChannelOf(graph, other, shape);
  if (!values || graph.value(node.outputs[0]).shape != shape) {
    reason = "its other operand is not one constant a channel";
    return false;
  }
  step.p0 = *values;
  const auto has_zero = [&] { return std::count(values->begin(), values->end(), 0.0) != 0; };
  if (node.op == "Mul") {
    step.kind = StepKind::kMul;
  } else if (node.op == "Add") {
    step.kind = StepKind::kAdd;
  } else if (node.op == "Sub") {
    step.kind = data_first ? StepKind::kSub : StepKind::kSubFrom;
  } else if (node.op == "Min") {
    step.kind = StepKind::kMin;
  } else if (node.op == "Max") {
    step.kind = StepKind::kMax;
  } else if (node.op == "Div" && data_first && !has_zero()) {
    step.kind = StepKind::kDiv;
  } else {
    reason = "it is not monotone";
    return false;
  }
  return true;
}

bool ReadUnaryStep(const Node& node, size_t channels, Step& step, std::string& reason) {
  const auto all = [&](double value) { return std::vector<double>(channels, value); };
  if (node.op == "Relu") {
    step.kind = StepKind::kRelu;
  } else if (node.op == "Neg") {
    step.kind = StepKind::kNeg;
  } else if (node.op == "Floor") {
    step.kind = StepKind::kFloor;
  } else if (node.op == "Ceil") {
    step.kind = StepKind::kCeil;
  } else if (node.op == "Round") {
    step.kind = StepKind::kRound;
  } else if (node.op == "LeakyRelu" && node.attributes.Float("alpha", 0.01) >= 0) {
    step.kind = StepKind::kLeakyRelu;
    step.p0 = all(node.attributes.Float("alpha", 0.01));
  } else if (node.op == "Clip") {
    step.kind = StepKind::kClip;
    step.p0 = all(node.attributes.Float("min"));
    step.p1 = all(node.attributes.Float("max"));
  } else if (node.op == "HardSigmoid") {
    step.kind = StepKind::kHardSigmoid;
    step.p0 = all(node.attributes.Float("alpha", 0.2));
    step.p1 = all(node.attributes.Float("beta", 0.5));
  } else {
    reason = "it is not an exactly rounded monotone op";
    return false;
  }
  return true;
}

}  // namespace

double Chain::Apply(size_t channel, int32_t acc) const {
  double x = static_cast<double>(int64_t{acc} - offset[channel]) * scale[channel];
  for (const Step& step : steps) x = ApplyStep(step, channel, x);
  return x;
}

bool ReadStep(const ir::Graph& graph, const Node& node, ValueId value, const Shape& shape,
              Step& step, std::string& reason) {
  if (IsBinary(node.op)) return ReadBinaryStep(graph, node, value, shape, step, reason);
  if (IsUnary(node.op)) return ReadUnaryStep(node, static_cast<size_t>(shape.back()), step, reason);
  if (node.op != "BatchNorm" || node.inputs[0] != value) {
    reason = "it does not work channel by channel";
    return false;
  }
  step.kind = StepKind::kAffine;
  const double epsilon = node.attributes.Float("epsilon");
  for (int64_t c = 0; c < shape.back(); ++c) {
    const auto parameter = [&](size_t i) { return graph.value(node.inputs[i]).constant->At(c); };
    const double a = parameter(1) / std::sqrt(parameter(4) + epsilon);
    step.p0.push_back(a);
    step.p1.push_back(parameter(2) - parameter(3) * a);
  }
  return true;
}

bool IsAffine(const Step& step) {
  switch (step.kind) {
    case StepKind::kMul:
    case StepKind::kDiv:
    case StepKind::kAdd:
    case StepKind::kSub:
    case StepKind::kSubFrom:
    case StepKind::kAffine:
    case StepKind::kNeg: return true;
    default: return false;
  }
}

bool NeverFalls(const Step& step) {
  switch (step.kind) {
    case StepKind::kSubFrom:
    case StepKind::kNeg: return false;
    case StepKind::kMul:
    case StepKind::kDiv:
    case StepKind::kAffine:
    case StepKind::kLeakyRelu:
    case StepKind::kHardSigmoid:
      return std::all_of(step.p0.begin(), step.p0.end(), [](double factor) { return factor >= 0; });
    default: return true;
  }
}

Affine FoldAffine(const Chain& chain) {
  Affine affine;
  for (size_t c = 0; c < chain.scale.size(); ++c) {
    double a = chain.scale[c];
    double b = -static_cast<double>(chain.offset[c]) * chain.scale[c];
    for (const Step& step : chain.steps) {
      BLUESTEM_CHECK(IsAffine(step), "only affine steps fold to a and b");
      const double p0 = step.p0.empty() ? 0 : step.p0[c];
      switch (step.kind) {
        case StepKind::kMul:
          a *= p0;
          b *= p0;
          break;
        case StepKind::kDiv:
          a /= p0;
          b /= p0;
          break;
        case StepKind::kAdd: b += p0; break;
        case StepKind::kSub: b -= p0; break;
        case StepKind::kSubFrom:
          a = -a;
          b = p0 - b;
          break;
        case StepKind::kNeg:
          a = -a;
          b = -b;
          break;
        default:
          a *= p0;
          b = b * p0 + step.p1[c];
          break;  // kAffine
      }
    }
    affine.a.push_back(a);
    affine.b.push_back(b);
  }
  return affine;
}

}  // namespace bluestem::passes
