// Ops that move elements: each is strided copies of blocks of up to six axes.
#include "bluestem/lower/move.h"

#include <array>

#include "bluestem/ir/ops/geometry.h"
#include "bluestem/lower/rules.h"

namespace bluestem::lower {
namespace {

using kernels::CopyParams;

constexpr size_t kMaxAxes = 6;

std::vector<int64_t> DenseStrides(const Shape& shape) {
  std::vector<int64_t> strides(shape.size(), 1);
  for (size_t i = shape.size(); i-- > 1;) strides[i - 1] = strides[i] * shape[i];
  return strides;
}

struct Block {
  Shape extent;
  std::vector<int64_t> x_stride, y_stride;
  int64_t x_offset = 0, y_offset = 0;
};

// Joins neighbouring axes that are one run in both tensors, and drops axes of one element.
CopyParams ToParams(DType dtype, const Block& block) {
  CopyParams params{};
  params.element_bytes = static_cast<int32_t>(DTypeBytes(dtype));
  params.x_offset = block.x_offset;
  params.y_offset = block.y_offset;
  size_t axes = 0;
  std::array<int64_t, ir::kMaxRank + 2> extent{};
  std::array<int64_t, ir::kMaxRank + 2> x_stride{};
  std::array<int64_t, ir::kMaxRank + 2> y_stride{};
  for (size_t i = 0; i < block.extent.size(); ++i) {
    if (block.extent[i] == 1) continue;
    const bool joins = axes > 0 && x_stride[axes - 1] == block.x_stride[i] * block.extent[i] &&
                       y_stride[axes - 1] == block.y_stride[i] * block.extent[i];
    if (!joins) extent[axes++] = 1;
    extent[axes - 1] *= block.extent[i];
    x_stride[axes - 1] = block.x_stride[i];
    y_stride[axes - 1] = block.y_stride[i];
  }
  if (axes == 0) {
    extent[axes++] = 1;
    x_stride[0] = y_stride[0] = 1;
  }
  BLUESTEM_CHECK(axes <= kMaxAxes, "a copy has more than six axes");
  params.rank = static_cast<int32_t>(axes);
  for (size_t i = 0; i < axes; ++i) {
    params.extent[i] = static_cast<int32_t>(extent[i]);
    params.x_stride[i] = x_stride[i];
    params.y_stride[i] = y_stride[i];
  }
  return params;
}

Status EmitCopy(Builder& builder, const ir::Node& node, const Block& block) {
  const ir::Value& x = builder.value(node.inputs[0]);
  program::Call call = NewCall(builder, node, ToParams(x.dtype, block));
  call.x_bits = x.quant != nullptr ? x.quant->bits : 0;
  builder.Emit(std::move(call));
  return OkStatus();
}

// Returns the block that writes `shape` permuted, densely.
Block Permuted(const Shape& shape, const std::vector<int64_t>& perm) {
  const auto strides = DenseStrides(shape);
  Block block;
  for (const int64_t axis : perm) {
    block.extent.push_back(shape[static_cast<size_t>(axis)]);
    block.x_stride.push_back(strides[static_cast<size_t>(axis)]);
  }
  block.y_stride = DenseStrides(block.extent);
  return block;
}

}  // namespace

kernels::CopyParams TransposeCopy(DType dtype, const Shape& shape,
                                  const std::vector<int64_t>& perm) {
  return ToParams(dtype, Permuted(shape, perm));
}

Status LowerAlias(Builder& builder, const ir::Node& node) {
  builder.Alias(node.outputs[0], node.inputs[0]);
  return OkStatus();
}

Status LowerTranspose(Builder& builder, const ir::Node& node) {
  const Shape& x = builder.value(node.inputs[0]).shape;
  return EmitCopy(builder, node, Permuted(x, node.attributes.Ints("perm")));
}

Status LowerConcat(Builder& builder, const ir::Node& node) {
  const ir::Value& output = builder.value(node.outputs[0]);
  int64_t axis = node.attributes.Int("axis");
  if (axis < 0) axis += static_cast<int64_t>(output.shape.size());
  const auto y_strides = DenseStrides(output.shape);
  const program::Operand y = builder.Write(node.outputs[0]);
  int64_t done = 0;
  for (const ir::ValueId input : node.inputs) {
    const ir::Value& x = builder.value(input);
    const Block block{x.shape, DenseStrides(x.shape), y_strides, 0,
                      done * y_strides[static_cast<size_t>(axis)]};
    program::Call call;
    call.op = node.name;
    call.comment = fmt::format("Concat {}: {} into {}", node.name, Describe(x), Describe(output));
    call.params = ToParams(x.dtype, block);
    call.inputs = {builder.Read(input)};
    call.output = y;
    builder.Emit(std::move(call));
    done += x.shape[static_cast<size_t>(axis)];
  }
  return OkStatus();
}

Status LowerSlice(Builder& builder, const ir::Node& node) {
  const Shape& x = builder.value(node.inputs[0]).shape;
  BLUESTEM_ASSIGN_OR_RETURN(const ir::SliceRange range, ir::SliceRangeOf(node.attributes, x));
  Block block{range.extent, DenseStrides(x), DenseStrides(range.extent)};
  for (size_t i = 0; i < x.size(); ++i) {
    block.x_offset += range.start[i] * block.x_stride[i];
    block.x_stride[i] *= range.step[i];
  }
  return EmitCopy(builder, node, block);
}

Status LowerPad(Builder& builder, const ir::Node& node) {
  const ir::Value& x = builder.value(node.inputs[0]);
  const ir::Value& output = builder.value(node.outputs[0]);
  const Tensor value = Tensor::Of<double>({1}, {node.attributes.Float("value")}).Cast(output.dtype);
  program::FillCall fill{static_cast<int32_t>(DTypeBytes(output.dtype)), ElementCount(output.shape),
                         0};
  if (value.bytes() > 4) return Error(Code::kUnsupported, "padding of {}", DTypeName(x.dtype));
  std::copy(value.raw(), value.raw() + value.bytes(), reinterpret_cast<uint8_t*>(&fill.value));
  program::Call first;
  first.op = node.name;
  first.comment = fmt::format("Pad {}: fill {}", node.name, Describe(output));
  first.params = fill;
  const program::Operand source = builder.Read(node.inputs[0]);
  first.output = builder.Write(node.outputs[0]);
  const program::Operand target = first.output;
  builder.Emit(std::move(first));

  const auto pads = node.attributes.Ints("pads");
  Block block{x.shape, DenseStrides(x.shape), DenseStrides(output.shape)};
  for (size_t i = 0; i < x.shape.size(); ++i) block.y_offset += pads[i] * block.y_stride[i];
  program::Call second;
  second.op = node.name;
  second.comment = fmt::format("Pad {}: {} into {}", node.name, Describe(x), Describe(output));
  second.params = ToParams(x.dtype, block);
  second.inputs = {source};
  second.output = target;
  builder.Emit(std::move(second));
  return OkStatus();
}

// Space to depth splits [n*h/b, b, w/b, b, c] and puts both b next to c (DCR before it, CRD after
// it); depth to space is the way back.
Status LowerSpace(Builder& builder, const ir::Node& node) {
  const Shape& x = builder.value(node.inputs[0]).shape;
  const int64_t block = node.attributes.Int("block");
  const bool crd = node.attributes.Text("mode", "DCR") == "CRD";
  if (node.op == "SpaceToDepth") {
    const Shape split = {x[0] * x[1] / block, block, x[2] / block, block, x[3]};
    return EmitCopy(builder, node,
                    Permuted(split, crd ? std::vector<int64_t>{0, 2, 4, 1, 3}
                                        : std::vector<int64_t>{0, 2, 1, 3, 4}));
  }
  const int64_t c = x[3] / (block * block);
  if (crd) {
    return EmitCopy(builder, node, Permuted({x[0] * x[1], x[2], c, block, block}, {0, 3, 1, 4, 2}));
  }
  return EmitCopy(builder, node, Permuted({x[0] * x[1], x[2], block, block, c}, {0, 2, 1, 3, 4}));
}

Status LowerResize(Builder& builder, const ir::Node& node) {
  const Shape& x = builder.value(node.inputs[0]).shape;
  const int64_t scale_h = node.attributes.Int("scale_h");
  const int64_t scale_w = node.attributes.Int("scale_w");
  Block block;
  block.extent = {x[0] * x[1], scale_h, x[2], scale_w, x[3]};
  block.x_stride = {x[2] * x[3], 0, x[3], 0, 1};
  block.y_stride = DenseStrides(block.extent);
  return EmitCopy(builder, node, block);
}

}  // namespace bluestem::lower
