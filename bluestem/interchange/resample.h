// Resampling of images as matrix products: each output row is a sum of a few input rows with
// constant weights, so any interpolation along an axis is Dense over that axis. Shared by the ONNX
// and the TensorFlow reader; internal to interchange. Not for nearest pixels at whole scales, which
// are ResizeNearest.
//
// Threads: free functions without state.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "bluestem/interchange/builder.h"

namespace bluestem::interchange {

// A tap: one input position (clamped to the axis) and its weight.
struct Tap {
  int64_t position = 0;
  double weight = 0;
};

// Returns the taps of output position `i`.
using TapsFn = std::function<std::vector<Tap>(int64_t i)>;

// Returns the two taps around a real position; the four taps of cubic convolution with parameter a.
std::vector<Tap> LinearTaps(double position);
std::vector<Tap> CubicTaps(double position, double a);

// Returns `x` with `axis` of extent n resampled to `extent`.
// Errors: kUnsupported where the matrix would be too large.
Result<Symbol> Resample(Builder& builder, const std::string& name, const Symbol& x, size_t axis,
                        int64_t extent, const TapsFn& taps);

}  // namespace bluestem::interchange
