#include "bluestem/program/footprint.h"

#include <algorithm>

namespace bluestem::program {
namespace {

using namespace kernels;  // NOLINT(google-build-using-namespace): one function a params type

constexpr int64_t kF32 = 4;

// Returns how far behind the first element the last one lies; a copy may go backwards.
int64_t Last(int32_t rank, const int32_t* extent, const int64_t* stride) {
  int64_t last = 0;
  for (int32_t i = 0; i < rank; ++i) last += (extent[i] - 1) * std::max<int64_t>(stride[i], 0);
  return last;
}

struct Measure {
  Footprint operator()(const QConvParams& p) const {
    const int64_t outputs = int64_t{p.ho} * p.wo * p.co;
    const bool threshold = p.epilogue == QConvEpilogue::kThreshold;
    const bool affine = p.epilogue == QConvEpilogue::kAffine;
    Footprint footprint = {
        {int64_t{p.h} * p.w * p.ci, static_cast<int64_t>(QConvPackedBytes(p)),
         threshold ? int64_t{4} * p.co * (p.levels - 1) : 0, threshold ? p.co : 0,
         affine ? kF32 * p.co : 0, affine ? kF32 * p.co : 0},
        outputs * (threshold ? 1 : 4),
        threshold ? 1 : 4};
    if (p.residual_bits != 0) {
      footprint.input_bytes.insert(footprint.input_bytes.end(), {outputs, int64_t{4} * p.co});
    }
    return footprint;
  }
  Footprint operator()(const FConvParams& p) const {
    return {{kF32 * p.h * p.w * p.ci, kF32 * static_cast<int64_t>(FConvPackedFloats(p)),
             kF32 * p.co, kF32 * p.co, kF32 * p.co},
            kF32 * p.ho * p.wo * p.co,
            kF32};
  }
  Footprint operator()(const MaxPoolCall& call) const {
    return Pool(call.params, DTypeBytes(call.dtype));
  }
  Footprint operator()(const AvgPoolCall& call) const { return Pool(call.params, kF32); }
  Footprint operator()(const CopyParams& p) const {
    const int64_t x = p.x_offset + Last(p.rank, p.extent, p.x_stride) + 1;
    const int64_t y = p.y_offset + Last(p.rank, p.extent, p.y_stride) + 1;
    return {{x * p.element_bytes}, y * p.element_bytes, p.element_bytes};
  }
  Footprint operator()(const FillCall& call) const {
    return {{}, call.count * call.element_bytes, call.element_bytes};
  }
  Footprint operator()(const UnaryParams& p) const {
    return {{kF32 * p.count}, kF32 * p.count, kF32};
  }
  Footprint operator()(const BinaryParams& p) const {
    int64_t count = 1;
    for (int32_t i = 0; i < p.rank; ++i) count *= p.extent[i];
    return {{kF32 * (Last(p.rank, p.extent, p.x_stride) + 1),
             kF32 * (Last(p.rank, p.extent, p.y_stride) + 1)},
            kF32 * count,
            kF32};
  }
  Footprint operator()(const AffineParams& p) const {
    const int64_t bytes = kF32 * p.rows * p.channels;
    return {{bytes, kF32 * p.channels, kF32 * p.channels}, bytes, kF32};
  }
  Footprint operator()(const QuantizeParams& p) const { return {{kF32 * p.count}, p.count, 1}; }
  Footprint operator()(const DequantizeParams& p) const {
    return {{p.count}, kF32 * p.count, kF32};
  }
  Footprint operator()(const LookupCall& call) const { return {{call.count, 256}, call.count, 1}; }
  Footprint operator()(const ThresholdParams& p) const {
    const int64_t count = p.rows * p.channels;
    return {{4 * count, int64_t{4} * p.channels * (p.levels - 1), p.channels}, count, 1};
  }
  Footprint operator()(const FakeQuantizeCall& call) const {
    return {{kF32 * call.params.count}, kF32 * call.params.count, kF32};
  }
  Footprint operator()(const RealThresholdParams& p) const {
    const int64_t count = p.rows * p.channels;
    return {{kF32 * count, kF32 * p.channels * (p.levels - 1)}, count, 1};
  }
  Footprint operator()(const SoftmaxParams& p) const {
    const int64_t bytes = kF32 * p.rows * p.channels;
    return {{bytes}, bytes, kF32};
  }
  Footprint operator()(const ReduceParams& p) const {
    return {{kF32 * p.outer * p.n * p.inner}, kF32 * p.outer * p.inner, kF32};
  }

  static Footprint Pool(const PoolParams& p, int64_t element) {
    return {{element * p.h * p.w * p.c}, element * p.ho * p.wo * p.c, element};
  }
};

}  // namespace

Footprint FootprintOf(const Call& call) {
  return std::visit(Measure{}, call.params);
}

int64_t MovedBytes(const Call& call) {
  const Footprint footprint = FootprintOf(call);
  int64_t bytes = footprint.output_bytes;
  for (size_t i = 0; i < call.inputs.size(); ++i) {
    if (call.inputs[i].space != Space::kNone) bytes += footprint.input_bytes[i];
  }
  return bytes;
}

const char* FamilyName(const CallParams& params) {
  static constexpr const char* kNames[] = {
      "qconv",     "fconv",   "maxpool", "avgpool",        "copy",         "fill",
      "unary",     "binary",  "affine",  "quantize",       "dequantize",   "lookup",
      "threshold", "softmax", "reduce",  "real_threshold", "fake_quantize"};
  static_assert(std::size(kNames) == std::variant_size_v<CallParams>);
  return kNames[params.index()];
}

}  // namespace bluestem::program
