// Reductions and softmax: the kernels want the reduced axis last, so other axes are moved there by
// a copy first.
#include <algorithm>

#include "bluestem/lower/move.h"
#include "bluestem/lower/rules.h"

namespace bluestem::lower {
namespace {

// Returns `source` with its axes permuted, in a scratch buffer; `source` itself where perm changes
// nothing.
program::Operand Permute(Builder& builder, const ir::Node& node, program::Operand source,
                         const Shape& shape, const std::vector<int64_t>& perm) {
  if (std::is_sorted(perm.begin(), perm.end())) return source;
  program::Call copy;
  copy.op = node.name;
  copy.comment = fmt::format("{} {}: axes moved", node.op, node.name);
  copy.params = TransposeCopy(DType::kF32, shape, perm);
  copy.inputs = {source};
  copy.output = builder.Scratch(ElementCount(shape) * DTypeBytes(DType::kF32));
  const program::Operand moved = copy.output;
  builder.Emit(std::move(copy));
  return moved;
}

}  // namespace

Status LowerReduce(Builder& builder, const ir::Node& node) {
  const Shape& shape = builder.value(node.inputs[0]).shape;
  std::vector<bool> reduced(shape.size(), false);
  for (const int64_t axis : node.attributes.Ints("axes")) {
    reduced[static_cast<size_t>(axis < 0 ? axis + static_cast<int64_t>(shape.size()) : axis)] =
        true;
  }
  std::vector<int64_t> perm;
  int64_t columns = 1;
  for (const bool which : {false, true}) {
    for (size_t i = 0; i < shape.size(); ++i) {
      if (reduced[i] != which) continue;
      perm.push_back(static_cast<int64_t>(i));
      if (which) columns *= shape[i];
    }
  }
  const program::Operand x = Permute(builder, node, builder.Read(node.inputs[0]), shape, perm);
  const kernels::ReduceParams params{
      .outer = ElementCount(shape) / columns,
      .n = static_cast<int32_t>(columns),
      .inner = 1,
      .op = node.op == "ReduceSum"    ? 0
            : node.op == "ReduceMean" ? 1
                                      : 2,
  };
  program::Call call = NewCall(builder, node, params);
  call.inputs[0] = x;
  builder.Emit(std::move(call));
  return OkStatus();
}

Status LowerSoftmax(Builder& builder, const ir::Node& node) {
  const Shape& shape = builder.value(node.inputs[0]).shape;
  const auto rank = static_cast<int64_t>(shape.size());
  int64_t axis = node.attributes.Int("axis");
  if (axis < 0) axis += rank;
  std::vector<int64_t> perm(shape.size());  // `axis` swapped with the last: its own inverse
  for (int64_t i = 0; i < rank; ++i) perm[static_cast<size_t>(i)] = i;
  std::swap(perm[static_cast<size_t>(axis)], perm.back());
  Shape moved = shape;
  std::swap(moved[static_cast<size_t>(axis)], moved.back());

  const program::Operand x = Permute(builder, node, builder.Read(node.inputs[0]), shape, perm);
  const kernels::SoftmaxParams params{
      .rows = ElementCount(shape) / moved.back(),
      .channels = static_cast<int32_t>(moved.back()),
  };
  program::Call call = NewCall(builder, node, params);
  call.inputs[0] = x;
  const program::Operand y = call.output;
  if (axis == rank - 1) {
    builder.Emit(std::move(call));
    return OkStatus();
  }
  call.output = builder.Scratch(ElementCount(shape) * DTypeBytes(DType::kF32));
  const program::Operand soft = call.output;
  builder.Emit(std::move(call));
  program::Call back;
  back.op = node.name;
  back.comment = fmt::format("Softmax {}: axes moved back", node.name);
  back.params = TransposeCopy(DType::kF32, moved, perm);
  back.inputs = {soft};
  back.output = y;
  builder.Emit(std::move(back));
  return OkStatus();
}

}  // namespace bluestem::lower
