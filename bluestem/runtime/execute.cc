#include "bluestem/runtime/execute.h"

#include <algorithm>

namespace bluestem::runtime {
namespace {

using program::Call;
using program::Operand;
using program::Space;

// The operands of one call, as the pointers that kernels take.
struct Caller {
  const Call& call;
  const Kernel& kernel;
  const Spaces& spaces;
  const edge::Workers& workers;

  template <typename T>
  const T* In(size_t index) const {
    return index < call.inputs.size()
               ? reinterpret_cast<const T*>(ReadAddress(call.inputs[index], spaces))
               : nullptr;
  }
  template <typename T>
  T* Out() const {
    return reinterpret_cast<T*>(WriteAddress(call.output, spaces));
  }

  // A call whose rows are computed each by itself.
  template <typename X, typename Y, typename Run, typename Params, typename... Operands>
  void Rows(Run run, const Params& params, Operands... operands) const {
    edge::RunRows(workers, run, params, In<X>(0), Out<Y>(), operands...);
  }

  void operator()(const kernels::QConvParams& params) const {
    const kernels::QConvArgs args = {.x = In<uint8_t>(0),
                                     .weights = In<uint8_t>(1),
                                     .thresholds = In<int32_t>(2),
                                     .directions = In<int8_t>(3),
                                     .a = In<float>(4),
                                     .b = In<float>(5),
                                     .residual = In<uint8_t>(6),
                                     .ratios = In<int32_t>(7),
                                     .y = Out<void>(),
                                     .scratch = nullptr};
    if (PreparedConv* const* prepared = std::get_if<PreparedConv*>(&kernel)) {
      return (*prepared)->Run(args, workers);
    }
    edge::RunConv(workers, *std::get<const kernels::QConvKernel*>(kernel), params, args);
  }
  void operator()(const kernels::FConvParams& params) const {
    const kernels::FConvArgs args = {.x = In<float>(0),
                                     .weights = In<float>(1),
                                     .bias = In<float>(2),
                                     .a = In<float>(3),
                                     .b = In<float>(4),
                                     .y = Out<float>()};
    edge::RunConv(workers, *std::get<const kernels::FConvKernel*>(kernel), params, args);
  }
  void operator()(const program::MaxPoolCall& pool) const {
    switch (pool.dtype) {
      case DType::kU8: return Rows<uint8_t, uint8_t>(kernels::maxpool_u8, pool.params);
      case DType::kS32: return Rows<int32_t, int32_t>(kernels::maxpool_s32, pool.params);
      default: return Rows<float, float>(kernels::maxpool_f32, pool.params);
    }
  }
  void operator()(const program::AvgPoolCall& pool) const {
    Rows<float, float>(kernels::avgpool_f32, pool.params);
  }
  void operator()(const kernels::CopyParams& params) const {
    Rows<uint8_t, uint8_t>(kernels::strided_copy, params);
  }
  void operator()(const program::FillCall& fill) const {
    kernels::fill(fill.element_bytes, fill.count, &fill.value, Out<void>());
  }
  void operator()(const kernels::UnaryParams& params) const {
    Rows<float, float>(kernels::unary_f32, params);
  }
  void operator()(const kernels::BinaryParams& params) const {
    kernels::binary_f32(params, In<float>(0), In<float>(1), Out<float>());
  }
  void operator()(const kernels::AffineParams& params) const {
    Rows<float, float>(kernels::affine_f32, params, In<float>(1), In<float>(2));
  }
  void operator()(const kernels::QuantizeParams& params) const {
    Rows<float, uint8_t>(kernels::quantize_f32_u8, params);
  }
  void operator()(const kernels::DequantizeParams& params) const {
    Rows<uint8_t, float>(kernels::dequantize_u8_f32, params);
  }
  void operator()(const program::LookupCall& lookup) const {
    kernels::lookup_u8(lookup.count, In<uint8_t>(1), In<uint8_t>(0), Out<uint8_t>());
  }
  void operator()(const kernels::ThresholdParams& params) const {
    Rows<int32_t, uint8_t>(kernels::threshold_s32_u8, params, In<int32_t>(1), In<int8_t>(2));
  }
  void operator()(const program::FakeQuantizeCall& call) const {
    Rows<float, float>(kernels::fake_quantize_f32, call.params);
  }
  void operator()(const kernels::RealThresholdParams& params) const {
    Rows<float, uint8_t>(kernels::threshold_f32_u8, params, In<float>(1));
  }
  void operator()(const kernels::SoftmaxParams& params) const {
    kernels::softmax_f32(params, In<float>(0), Out<float>());
  }
  void operator()(const kernels::ReduceParams& params) const {
    kernels::reduce_f32(params, In<float>(0), Out<float>());
  }
};

struct SymbolOf {
  const Kernel& kernel;
  const char* operator()(const kernels::QConvParams&) const {
    if (PreparedConv* const* prepared = std::get_if<PreparedConv*>(&kernel)) {
      return (*prepared)->symbol();
    }
    return std::get<const kernels::QConvKernel*>(kernel)->symbol;
  }
  const char* operator()(const kernels::FConvParams&) const {
    return std::get<const kernels::FConvKernel*>(kernel)->symbol;
  }
  const char* operator()(const program::MaxPoolCall& pool) const {
    if (pool.dtype == DType::kU8) return "maxpool_u8";
    return pool.dtype == DType::kS32 ? "maxpool_s32" : "maxpool_f32";
  }
  const char* operator()(const program::AvgPoolCall&) const { return "avgpool_f32"; }
  const char* operator()(const kernels::CopyParams&) const { return "strided_copy"; }
  const char* operator()(const program::FillCall&) const { return "fill"; }
  const char* operator()(const kernels::UnaryParams&) const { return "unary_f32"; }
  const char* operator()(const kernels::BinaryParams&) const { return "binary_f32"; }
  const char* operator()(const kernels::AffineParams&) const { return "affine_f32"; }
  const char* operator()(const kernels::QuantizeParams&) const { return "quantize_f32_u8"; }
  const char* operator()(const kernels::DequantizeParams&) const { return "dequantize_u8_f32"; }
  const char* operator()(const program::LookupCall&) const { return "lookup_u8"; }
  const char* operator()(const kernels::ThresholdParams&) const { return "threshold_s32_u8"; }
  const char* operator()(const program::FakeQuantizeCall&) const { return "fake_quantize_f32"; }
  const char* operator()(const kernels::RealThresholdParams&) const { return "threshold_f32_u8"; }
  const char* operator()(const kernels::SoftmaxParams&) const { return "softmax_f32"; }
  const char* operator()(const kernels::ReduceParams&) const { return "reduce_f32"; }
};

}  // namespace

Kernel SelectKernel(const Call& call, kernels::IsaSet isas) {
  if (const auto* qconv = std::get_if<kernels::QConvParams>(&call.params)) {
    return &kernels::SelectQConv(*qconv, isas);
  }
  if (const auto* fconv = std::get_if<kernels::FConvParams>(&call.params)) {
    return &kernels::SelectFConv(*fconv, isas);
  }
  return std::monostate{};
}

size_t PartScratch(const Call& call, const Kernel& kernel, int32_t threads, size_t most) {
  const auto* params = std::get_if<kernels::QConvParams>(&call.params);
  if (params == nullptr) return most;  // no other family has scratch
  if (PreparedConv* const* prepared = std::get_if<PreparedConv*>(&kernel)) {
    return std::max(most, (*prepared)->scratch_bytes());
  }
  return edge::PartScratch(*std::get<const kernels::QConvKernel*>(kernel), *params, threads, most);
}

const char* KernelSymbol(const Call& call, const Kernel& kernel) {
  return std::visit(SymbolOf{kernel}, call.params);
}

const uint8_t* ReadAddress(const Operand& operand, const Spaces& spaces) {
  const auto index = static_cast<size_t>(operand.offset);
  switch (operand.space) {
    case Space::kNone: return nullptr;
    case Space::kArena: return spaces.arena + operand.offset;
    case Space::kConstants: return spaces.constants + operand.offset;
    case Space::kInput: return spaces.inputs[index];
    case Space::kOutput: return spaces.outputs[index];
  }
  return nullptr;
}

uint8_t* WriteAddress(const Operand& operand, const Spaces& spaces) {
  switch (operand.space) {
    case Space::kArena: return spaces.arena + operand.offset;
    case Space::kOutput: return spaces.outputs[static_cast<size_t>(operand.offset)];
    default: return nullptr;
  }
}

void Execute(const Call& call, const Kernel& kernel, const Spaces& spaces,
             const edge::Workers& workers) {
  std::visit(Caller{call, kernel, spaces, workers}, call.params);
}

}  // namespace bluestem::runtime
