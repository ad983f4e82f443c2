#include "bluestem/codegen/call_source.h"

#include <fmt/core.h>
#include <fmt/format.h>

#include "bluestem/codegen/text.h"

namespace bluestem::codegen {
namespace {

using program::Call;
using program::Operand;
using program::Space;

// A kernel gets its parameters from what is printed here: a field more in the struct must be a
// field more in the text.
static_assert(sizeof(kernels::QConvParams) == 23 * 4);
static_assert(sizeof(kernels::FConvParams) == 16 * 4);
static_assert(sizeof(kernels::PoolParams) == 12 * 4);
static_assert(sizeof(kernels::CopyParams) == 8 * 4 + 14 * 8);

std::string Pointer(const Operand& operand) {
  switch (operand.space) {
    case Space::kNone: return "nullptr";
    case Space::kArena: return fmt::format("m.arena + {}", operand.offset);
    case Space::kConstants: return fmt::format("m.constants + {}", operand.offset);
    case Space::kInput: return fmt::format("m.in[{}]", operand.offset);
    case Space::kOutput: return fmt::format("m.out[{}]", operand.offset);
  }
  return "nullptr";
}

template <typename T>
std::string List(const T* values, int32_t count) {
  return fmt::format("{{{}}}", fmt::join(values, values + count, ", "));
}

std::string PoolFields(const kernels::PoolParams& p) {
  return fmt::format(
      ".h = {}, .w = {}, .c = {}, .ho = {}, .wo = {}, .kernel_h = {}, .kernel_w = {}, "
      ".stride_h = {}, .stride_w = {}, .pad_top = {}, .pad_left = {}, .count_include_pad = {}",
      p.h, p.w, p.c, p.ho, p.wo, p.kernel_h, p.kernel_w, p.stride_h, p.stride_w, p.pad_top,
      p.pad_left, p.count_include_pad);
}

std::string QuantizeFields(const kernels::QuantizeParams& p) {
  return fmt::format(
      ".count = {}, .scale = {}, .zero_point = {}, .low = {}, .high = {}, .rounding = {}", p.count,
      DoubleLiteral(p.scale), DoubleLiteral(p.zero_point), p.low, p.high, p.rounding);
}

const char* UnaryName(kernels::UnaryOp op) {
  constexpr const char* kNames[] = {"kRelu",        "kLeakyRelu", "kClip", "kSigmoid", "kTanh",
                                    "kHardSigmoid", "kAbs",       "kNeg",  "kExp",     "kSqrt",
                                    "kLog",         "kFloor",     "kCeil", "kRound",   "kCopy"};
  static_assert(static_cast<size_t>(kernels::UnaryOp::kCopy) + 1 == std::size(kNames));
  return kNames[static_cast<size_t>(op)];
}

const char* BinaryName(kernels::BinaryOp op) {
  constexpr const char* kNames[] = {"kAdd", "kSub", "kMul", "kDiv", "kMin", "kMax", "kPow"};
  static_assert(static_cast<size_t>(kernels::BinaryOp::kPow) + 1 == std::size(kNames));
  return kNames[static_cast<size_t>(op)];
}

const char* EpilogueName(kernels::QConvEpilogue epilogue) {
  constexpr const char* kNames[] = {"kThreshold", "kAffine", "kRaw"};
  return kNames[static_cast<size_t>(epilogue)];
}

struct Writer {
  const Call& call;
  std::string name;    // "call3"
  std::string params;  // "kCall3"

  // An operand as the kernel's type: "F32(m.arena + 64)".
  std::string In(size_t i, const char* type = nullptr) const {
    return Typed(i < call.inputs.size() ? call.inputs[i] : Operand{}, type);
  }
  std::string Out(const char* type = nullptr) const { return Typed(call.output, type); }
  static std::string Typed(const Operand& operand, const char* type) {
    const std::string pointer = Pointer(operand);
    if (type == nullptr || operand.space == Space::kNone) return pointer;
    return fmt::format("{}({})", type, pointer);
  }
  std::string Constant(const char* type, const std::string& fields) const {
    return fmt::format("constexpr kernels::{} {} = {{{}}};", type, params, fields);
  }
  // A family with one function: symbol(params, operands...).
  CallSource Plain(const char* header, const char* symbol, const char* type,
                   const std::string& fields, const std::string& operands) const {
    return {.header = header,
            .constant = Constant(type, fields),
            .table = "",
            .symbol = symbol,
            .statement = fmt::format("kernels::{}({}, {});", symbol, params, operands)};
  }

  // The same, in runs of rows: edge::RunRows(workers, symbol, params, x, y, operands...).
  CallSource Rows(const char* header, const char* symbol, const char* type,
                  const std::string& fields, const std::string& operands) const {
    CallSource source = Plain(header, symbol, type, fields, operands);
    source.statement =
        fmt::format("edge::RunRows(m.workers, kernels::{}, {}, {});", symbol, params, operands);
    return source;
  }

  CallSource operator()(const kernels::QConvParams& p) const {
    std::string arguments = fmt::format(".x = {}, .weights = {}", In(0), In(1));
    const auto add = [&](const char* field, const std::string& value) {
      arguments += fmt::format(", .{} = {}", field, value);
    };
    add("thresholds", In(2, "S32"));
    add("directions", In(3, "S8"));
    add("a", In(4, "F32"));
    add("b", In(5, "F32"));
    add("residual", In(6));
    add("ratios", In(7, "S32"));
    add("y", Out());
    add("scratch", "nullptr");
    return {
        .header = "qconv/qconv.h",
        .constant = Constant(
            "QConvParams",
            fmt::format(
                ".h = {}, .w = {}, .ci = {}, .ho = {}, .wo = {}, .co = {}, .kernel_h = {}, "
                ".kernel_w = {}, .stride_h = {}, .stride_w = {}, .pad_top = {}, .pad_left = {}, "
                ".dilation_h = {}, .dilation_w = {}, .groups = {}, .pad_value = {}, .x_bits = {}, "
                ".w_bits = {}, .epilogue = kernels::QConvEpilogue::{}, .levels = {}, .relu = {}, "
                ".narrow_steps = {}, .residual_bits = {}",
                p.h, p.w, p.ci, p.ho, p.wo, p.co, p.kernel_h, p.kernel_w, p.stride_h, p.stride_w,
                p.pad_top, p.pad_left, p.dilation_h, p.dilation_w, p.groups, p.pad_value, p.x_bits,
                p.w_bits, EpilogueName(p.epilogue), p.levels, p.relu, p.narrow_steps,
                p.residual_bits)),
        .table = "QConv",
        .symbol = "",
        .statement =
            fmt::format("edge::RunConv(m.workers, *chosen.{}, {}, kernels::QConvArgs{{{}}});", name,
                        params, arguments)};
  }

  CallSource operator()(const kernels::FConvParams& p) const {
    return {
        .header = "fconv/fconv.h",
        .constant = Constant(
            "FConvParams",
            fmt::format(
                ".h = {}, .w = {}, .ci = {}, .ho = {}, .wo = {}, .co = {}, .kernel_h = {}, "
                ".kernel_w = {}, .stride_h = {}, .stride_w = {}, .pad_top = {}, .pad_left = {}, "
                ".dilation_h = {}, .dilation_w = {}, .groups = {}, .relu = {}",
                p.h, p.w, p.ci, p.ho, p.wo, p.co, p.kernel_h, p.kernel_w, p.stride_h, p.stride_w,
                p.pad_top, p.pad_left, p.dilation_h, p.dilation_w, p.groups, p.relu)),
        .table = "FConv",
        .symbol = "",
        .statement =
            fmt::format("edge::RunConv(m.workers, *chosen.{}, {}, kernels::FConvArgs{{.x = "
                        "{}, .weights = {}, .bias = {}, .a = {}, .b = {}, .y = {}}});",
                        name, params, In(0, "F32"), In(1, "F32"), In(2, "F32"), In(3, "F32"),
                        In(4, "F32"), Out("F32"))};
  }

  CallSource operator()(const program::MaxPoolCall& pool) const {
    if (pool.dtype == DType::kU8) {
      return Rows("pool/pool.h", "maxpool_u8", "PoolParams", PoolFields(pool.params),
                  In(0) + ", " + Out());
    }
    const bool is_s32 = pool.dtype == DType::kS32;
    const char* type = is_s32 ? "S32" : "F32";
    return Rows("pool/pool.h", is_s32 ? "maxpool_s32" : "maxpool_f32", "PoolParams",
                PoolFields(pool.params), In(0, type) + ", " + Out(type));
  }
  CallSource operator()(const program::AvgPoolCall& pool) const {
    return Rows("pool/pool.h", "avgpool_f32", "PoolParams", PoolFields(pool.params),
                In(0, "F32") + ", " + Out("F32"));
  }
  CallSource operator()(const kernels::CopyParams& p) const {
    return Rows(
        "rearrange/rearrange.h", "strided_copy", "CopyParams",
        fmt::format(".element_bytes = {}, .rank = {}, .extent = {}, .x_stride = {}, "
                    ".y_stride = {}, .x_offset = {}, .y_offset = {}",
                    p.element_bytes, p.rank, List(p.extent, p.rank), List(p.x_stride, p.rank),
                    List(p.y_stride, p.rank), p.x_offset, p.y_offset),
        In(0) + ", " + Out());
  }
  CallSource operator()(const program::FillCall& fill) const {
    return {.header = "rearrange/rearrange.h",
            .constant = fmt::format("constexpr uint32_t {} = {:#x};", params, fill.value),
            .table = "",
            .symbol = "fill",
            .statement = fmt::format("kernels::fill({}, {}, &{}, {});", fill.element_bytes,
                                     fill.count, params, Out())};
  }
  CallSource operator()(const kernels::UnaryParams& p) const {
    return Rows("elementwise/elementwise.h", "unary_f32", "UnaryParams",
                fmt::format(".op = kernels::UnaryOp::{}, .count = {}, .p0 = {}, .p1 = {}",
                            UnaryName(p.op), p.count, FloatLiteral(p.p0), FloatLiteral(p.p1)),
                In(0, "F32") + ", " + Out("F32"));
  }
  CallSource operator()(const kernels::BinaryParams& p) const {
    return Plain("elementwise/elementwise.h", "binary_f32", "BinaryParams",
                 fmt::format(".op = kernels::BinaryOp::{}, .rank = {}, .extent = {}, "
                             ".x_stride = {}, .y_stride = {}",
                             BinaryName(p.op), p.rank, List(p.extent, p.rank),
                             List(p.x_stride, p.rank), List(p.y_stride, p.rank)),
                 fmt::format("{}, {}, {}", In(0, "F32"), In(1, "F32"), Out("F32")));
  }
  CallSource operator()(const kernels::AffineParams& p) const {
    return Rows(
        "elementwise/elementwise.h", "affine_f32", "AffineParams",
        fmt::format(".rows = {}, .channels = {}, .relu = {}", p.rows, p.channels, p.relu),
        fmt::format("{}, {}, {}, {}", In(0, "F32"), Out("F32"), In(1, "F32"), In(2, "F32")));
  }
  CallSource operator()(const kernels::QuantizeParams& p) const {
    return Rows("elementwise/elementwise.h", "quantize_f32_u8", "QuantizeParams", QuantizeFields(p),
                In(0, "F32") + ", " + Out());
  }
  CallSource operator()(const program::FakeQuantizeCall& call) const {
    return Rows("elementwise/elementwise.h", "fake_quantize_f32", "QuantizeParams",
                QuantizeFields(call.params), In(0, "F32") + ", " + Out("F32"));
  }
  CallSource operator()(const kernels::DequantizeParams& p) const {
    return Rows("elementwise/elementwise.h", "dequantize_u8_f32", "DequantizeParams",
                fmt::format(".count = {}, .zero_point = {}, .scale = {}", p.count, p.zero_point,
                            FloatLiteral(p.scale)),
                In(0) + ", " + Out("F32"));
  }
  CallSource operator()(const program::LookupCall& lookup) const {
    return {.header = "elementwise/elementwise.h",
            .constant = "",
            .table = "",
            .symbol = "lookup_u8",
            .statement = fmt::format("kernels::lookup_u8({}, {}, {}, {});", lookup.count, In(1),
                                     In(0), Out())};
  }
  CallSource operator()(const kernels::ThresholdParams& p) const {
    return Rows(
        "elementwise/elementwise.h", "threshold_s32_u8", "ThresholdParams",
        fmt::format(".rows = {}, .channels = {}, .levels = {}", p.rows, p.channels, p.levels),
        fmt::format("{}, {}, {}, {}", In(0, "S32"), Out(), In(1, "S32"), In(2, "S8")));
  }
  CallSource operator()(const kernels::RealThresholdParams& p) const {
    return Rows(
        "elementwise/elementwise.h", "threshold_f32_u8", "RealThresholdParams",
        fmt::format(".rows = {}, .channels = {}, .levels = {}", p.rows, p.channels, p.levels),
        fmt::format("{}, {}, {}", In(0, "F32"), Out(), In(1, "F32")));
  }
  CallSource operator()(const kernels::SoftmaxParams& p) const {
    return Plain("elementwise/elementwise.h", "softmax_f32", "SoftmaxParams",
                 fmt::format(".rows = {}, .channels = {}", p.rows, p.channels),
                 In(0, "F32") + ", " + Out("F32"));
  }
  CallSource operator()(const kernels::ReduceParams& p) const {
    return Plain(
        "elementwise/elementwise.h", "reduce_f32", "ReduceParams",
        fmt::format(".outer = {}, .n = {}, .inner = {}, .op = {}", p.outer, p.n, p.inner, p.op),
        In(0, "F32") + ", " + Out("F32"));
  }
};

}  // namespace

CallSource MakeCallSource(const Call& call, size_t index) {
  return std::visit(Writer{call, fmt::format("call{}", index), fmt::format("kCall{}", index)},
                    call.params);
}

}  // namespace bluestem::codegen
