// Program: what runs. An ordered list of kernel calls over one arena and one block of constants.
// lower/ makes it; runtime/ executes it; codegen/ prints it, one C++ call a line. Neither of the
// two decides anything.
//
// A call is one kernel of one family with its parameters, or later a whole region for a device that
// takes subgraphs (a params type of its own). Which ISA's kernel runs is chosen when a session is
// created, by kernels' tables; so is the memory that it works in.
//
// Threads: immutable once built. Ownership: owns its constants.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "bluestem/base/status.h"
#include "bluestem/kernels/elementwise/elementwise.h"
#include "bluestem/kernels/fconv/fconv.h"
#include "bluestem/kernels/pool/pool.h"
#include "bluestem/kernels/qconv/qconv.h"
#include "bluestem/kernels/rearrange/rearrange.h"
#include "bluestem/tensor/tensor.h"

namespace bluestem::program {

enum class Space : uint8_t { kNone, kArena, kConstants, kInput, kOutput };

// Where an operand lies: a byte offset in the arena or the constants, or the index of a program
// input or output (+ offset 0).
struct Operand {
  Space space = Space::kNone;  // kNone: an optional operand that is absent
  int64_t offset = 0;          // bytes; for kInput/kOutput the index
  bool operator==(const Operand&) const = default;
};

struct MaxPoolCall {
  kernels::PoolParams params;
  DType dtype;
};  // x -> y
struct AvgPoolCall {
  kernels::PoolParams params;
};  // x -> y
struct FillCall {
  int32_t element_bytes;
  int64_t count;
  uint32_t value;
};  // -> y; the low element_bytes of value
struct FakeQuantizeCall {
  kernels::QuantizeParams params;
};  // x -> y
struct LookupCall {
  int64_t count;
};  // x, table -> y

// Operands in `Call::inputs`, in the order of the kernel's arguments:
//   QConv: x, weights, thresholds, directions, a, b; with a residual also residual, ratios
//   FConv: x, weights, bias, a, b     Affine: x, a, b     Threshold: x, thresholds, directions
//   Binary: x, y     Lookup: x, table     RealThreshold: x, thresholds     others: x
using CallParams =
    std::variant<kernels::QConvParams, kernels::FConvParams, MaxPoolCall, AvgPoolCall,
                 kernels::CopyParams, FillCall, kernels::UnaryParams, kernels::BinaryParams,
                 kernels::AffineParams, kernels::QuantizeParams, kernels::DequantizeParams,
                 LookupCall, kernels::ThresholdParams, kernels::SoftmaxParams,
                 kernels::ReduceParams, kernels::RealThresholdParams, FakeQuantizeCall>;

struct Call {
  std::string op;       // name of the graph node, for comments and profiles
  std::string comment;  // "conv2: [32,32,32] u2 x s1 3x3 -> [32,32,64] u2"
  CallParams params;
  std::vector<Operand> inputs;
  Operand output;
  int32_t x_bits = 0;  // 0: not quantized (f32)
  int32_t w_bits = 0;  // bits of a weight; 32 for f32
  int64_t macs = 0;    // nominal, padding taps counted
  int64_t weight_count = 0;
};

struct TensorInfo {
  std::string name;
  DType dtype = DType::kF32;
  Shape shape;  // images NHWC
  double scale = 0;
  int32_t zero_point = 0;
  int64_t bytes() const { return ElementCount(shape) * DTypeBytes(dtype); }
};

struct Program {
  std::string name;
  std::string model_hash;  // SHA-256 of the model file, hex
  std::vector<TensorInfo> inputs;
  std::vector<TensorInfo> outputs;
  std::vector<Call> calls;
  std::vector<uint8_t> constants;  // each constant 64-byte aligned within
  int64_t arena_bytes = 0;         // each buffer 64-byte aligned within
};

// Returns the text form: one line a call, deterministic (docs/formats/program_text.md).
std::string ToText(const Program& program);

// Checks that every operand lies inside its space and is aligned, and that constants are not
// written. Returns the first violation.
Status Verify(const Program& program);

}  // namespace bluestem::program
