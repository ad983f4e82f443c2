// Convolutions: packs the weights once and says which kernel each ISA will run.
#include <algorithm>

#include "bluestem/ir/ops/geometry.h"
#include "bluestem/lower/rules.h"
#include "bluestem/program/kernel_choice.h"

namespace bluestem::lower {
namespace {

using program::Operand;

int32_t Narrow(int64_t value) {
  BLUESTEM_CHECK(value >= INT32_MIN && value <= INT32_MAX, "a size outside 32 bits");
  return static_cast<int32_t>(value);
}

// The fields that qconv and fconv share.
template <typename Params>
Params GeometryParams(const ir::WindowGeometry& g) {
  Params params{};
  params.h = Narrow(g.in.h);
  params.w = Narrow(g.in.w);
  params.ci = Narrow(g.in.c);
  params.ho = Narrow(g.out.h);
  params.wo = Narrow(g.out.w);
  params.co = Narrow(g.out.c);
  params.kernel_h = Narrow(g.kernel_h);
  params.kernel_w = Narrow(g.kernel_w);
  params.stride_h = Narrow(g.stride_h);
  params.stride_w = Narrow(g.stride_w);
  params.pad_top = Narrow(g.pad_top);
  params.pad_left = Narrow(g.pad_left);
  params.dilation_h = Narrow(g.dilation_h);
  params.dilation_w = Narrow(g.dilation_w);
  params.groups = Narrow(g.groups);
  return params;
}

kernels::QConvParams QConvParamsOf(const ir::Node& node, const ir::WindowGeometry& geometry,
                                   const ir::Value& output) {
  auto params = GeometryParams<kernels::QConvParams>(geometry);
  const std::string epilogue = node.attributes.Text("epilogue");
  params.pad_value = Narrow(node.attributes.Int("pad_value"));
  params.x_bits = Narrow(node.attributes.Int("x_bits"));
  params.w_bits = Narrow(node.attributes.Int("w_bits"));
  params.epilogue = epilogue == "threshold" ? kernels::QConvEpilogue::kThreshold
                    : epilogue == "affine"  ? kernels::QConvEpilogue::kAffine
                                            : kernels::QConvEpilogue::kRaw;
  params.levels = output.quant != nullptr ? output.quant->levels : 0;
  params.relu = node.attributes.Text("activation", "none") == "relu" ? 1 : 0;
  params.residual_bits = Narrow(node.attributes.Int("residual_bits", 0));
  return params;
}

void Account(program::Call& call, const ir::WindowGeometry& g, int32_t x_bits, int32_t w_bits) {
  call.x_bits = x_bits;
  call.w_bits = w_bits;
  call.macs = g.Macs();
  call.weight_count = g.out.c * g.kernel_h * g.kernel_w * (g.in.c / g.groups);
  call.comment += fmt::format(", {}x{} {} x {}", g.kernel_h, g.kernel_w,
                              x_bits == 0 ? "f32" : fmt::format("u{}", x_bits),
                              w_bits == 32 ? "f32" : fmt::format("s{}", w_bits));
}

// Takes the node of kind `op` that alone reads what `whole` writes into `whole`; null where there
// is none.
const ir::Node* Follower(Builder& builder, ir::Node& whole, const std::string& op) {
  const ir::Node* reader = builder.OnlyReader(whole.outputs[0]);
  if (reader == nullptr || reader->op != op || reader->inputs[0] != whole.outputs[0]) {
    return nullptr;
  }
  builder.Absorb(*reader);
  whole.outputs = reader->outputs;
  return reader;
}

Status EmitFConv(Builder& builder, const ir::Node& node, const ir::WindowGeometry& geometry) {
  const ir::Value& weights = builder.value(node.inputs[1]);
  if (weights.constant == nullptr) {
    return Error(Code::kUnsupported,
                 "the weights \"{}\" are computed at run time; only constant "
                 "weights can be packed",
                 weights.name);
  }
  auto params = GeometryParams<kernels::FConvParams>(geometry);
  // The kernel goes on with a BatchNorm and a Relu that alone read its sums: the same operations in
  // the same order, without the two passes over memory.
  ir::Node whole = node;
  const ir::Node* norm = Follower(builder, whole, "BatchNorm");
  params.relu = Follower(builder, whole, "Relu") != nullptr ? 1 : 0;
  std::vector<float> packed(kernels::FConvPackedFloats(params));
  kernels::FConvPackWeights(params, weights.constant->data<float>(), packed.data());
  program::Call call = NewCall(builder, whole, params);
  call.inputs.push_back(builder.Constant(packed));
  call.inputs.push_back(node.inputs.size() > 2 ? builder.Read(node.inputs[2]) : Operand{});
  call.inputs.resize(5);  // no affine part
  if (norm != nullptr) {
    const BatchNormFactors factors = FactorsOf(builder, *norm);
    call.inputs[3] = builder.Constant(factors.a);
    call.inputs[4] = builder.Constant(factors.b);
  }
  Account(call, geometry, 0, 32);
  builder.Explain(node.name, "f32: " + program::ChoicesText(params));
  builder.Emit(std::move(call));
  return OkStatus();
}

}  // namespace

Status LowerQConv(Builder& builder, const ir::Node& node) {
  const ir::Value& x = builder.value(node.inputs[0]);
  const ir::Value& weights = builder.value(node.inputs[1]);
  BLUESTEM_RETURN_IF_ERROR(NeedBatchOne(x.shape));
  BLUESTEM_ASSIGN_OR_RETURN(const ir::WindowGeometry geometry,
                            ir::ConvGeometry(node.attributes, x.shape, weights.shape));
  kernels::QConvParams params = QConvParamsOf(node, geometry, builder.value(node.outputs[0]));
  std::vector<uint8_t> packed(kernels::QConvPackedBytes(params));
  kernels::QConvPackWeights(params, weights.constant->data<int8_t>(), packed.data());
  params.narrow_steps = kernels::QConvNarrowSteps(params, packed.data());

  program::Call call = NewCall(builder, node, params);
  const Operand first = node.inputs.size() > 2 ? builder.Read(node.inputs[2]) : Operand{};
  const Operand second = node.inputs.size() > 3 ? builder.Read(node.inputs[3]) : Operand{};
  const bool affine = params.epilogue == kernels::QConvEpilogue::kAffine;
  call.inputs.push_back(builder.Constant(packed));
  call.inputs.push_back(affine ? Operand{} : first);   // thresholds
  call.inputs.push_back(affine ? Operand{} : second);  // directions
  call.inputs.push_back(affine ? first : Operand{});   // a
  call.inputs.push_back(affine ? second : Operand{});  // b
  if (params.residual_bits != 0) {
    call.inputs.push_back(builder.Read(node.inputs[4]));  // residual
    call.inputs.push_back(builder.Read(node.inputs[5]));  // ratios
  }
  Account(call, geometry, params.x_bits, params.w_bits);
  if (params.residual_bits != 0) call.comment += fmt::format(" + u{}", params.residual_bits);
  builder.Explain(node.name, program::ChoicesText(params));
  builder.Emit(std::move(call));
  return OkStatus();
}

Status LowerConv(Builder& builder, const ir::Node& node) {
  const ir::Value& x = builder.value(node.inputs[0]);
  BLUESTEM_RETURN_IF_ERROR(NeedBatchOne(x.shape));
  BLUESTEM_ASSIGN_OR_RETURN(
      const ir::WindowGeometry geometry,
      ir::ConvGeometry(node.attributes, x.shape, builder.value(node.inputs[1]).shape));
  return EmitFConv(builder, node, geometry);
}

// x[n,k] is a map of n x 1 pixels, w[co,k] a 1x1 convolution.
Status LowerDense(Builder& builder, const ir::Node& node) {
  const Shape& x = builder.value(node.inputs[0]).shape;
  const Shape& w = builder.value(node.inputs[1]).shape;
  ir::WindowGeometry geometry;
  geometry.in = {1, x[0], 1, x[1]};
  geometry.out = {1, x[0], 1, w[0]};
  return EmitFConv(builder, node, geometry);
}

}  // namespace bluestem::lower
