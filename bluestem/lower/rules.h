// The lowering rules: for each op of the canonical graph, the function that makes its calls. Table
// in rules.cc.
#pragma once

#include <string>

#include "bluestem/lower/builder.h"

namespace bluestem::lower {

// Errors: kUnsupported with what does not fit; the caller adds node and op.
using LowerFn = Status (*)(Builder& builder, const ir::Node& node);

struct Rule {
  const char* op;
  LowerFn lower;
};

// Returns the rule of `op`, or null.
const Rule* FindRule(const std::string& op);

// conv.cc
Status LowerQConv(Builder& builder, const ir::Node& node);
Status LowerConv(Builder& builder, const ir::Node& node);
Status LowerDense(Builder& builder, const ir::Node& node);
// pool.cc
Status LowerPool(Builder& builder, const ir::Node& node);
// move.cc
Status LowerAlias(Builder& builder, const ir::Node& node);
Status LowerTranspose(Builder& builder, const ir::Node& node);
Status LowerConcat(Builder& builder, const ir::Node& node);
Status LowerSlice(Builder& builder, const ir::Node& node);
Status LowerPad(Builder& builder, const ir::Node& node);
Status LowerSpace(Builder& builder, const ir::Node& node);
Status LowerResize(Builder& builder, const ir::Node& node);
// pointwise.cc
Status LowerUnary(Builder& builder, const ir::Node& node);
Status LowerBinary(Builder& builder, const ir::Node& node);
Status LowerBatchNorm(Builder& builder, const ir::Node& node);
Status LowerQuantize(Builder& builder, const ir::Node& node);
Status LowerFakeQuantize(Builder& builder, const ir::Node& node);
Status LowerDequantize(Builder& builder, const ir::Node& node);
Status LowerLookup(Builder& builder, const ir::Node& node);
Status LowerThreshold(Builder& builder, const ir::Node& node);
Status LowerRealThreshold(Builder& builder, const ir::Node& node);
// reduce.cc
Status LowerReduce(Builder& builder, const ir::Node& node);
Status LowerSoftmax(Builder& builder, const ir::Node& node);

// Rule 5 of ir/ops/README.md: the factors of a BatchNorm, in double, each rounded once.
struct BatchNormFactors {
  std::vector<float> a, b;
};
BatchNormFactors FactorsOf(const Builder& builder, const ir::Node& batch_norm);

// Returns a call for `node` with its comment ("conv2: [1,32,32,32] u2 to [1,32,32,64] u2"), reading
// input 0 and writing output 0.
program::Call NewCall(Builder& builder, const ir::Node& node, program::CallParams params);
// Returns a copy of `count` elements in a row.
kernels::CopyParams DenseCopy(int64_t element_bytes, int64_t count);
// Errors: kUnsupported unless batch is 1: windows run over one image, and the pass split_batch
// makes a node an image of what it can.
Status NeedBatchOne(const Shape& shape);

}  // namespace bluestem::lower
