// Threshold folding: an integer convolution, then real-valued per-channel ops, then a quantizer,
// become integer comparisons.
//
// For channel c let f(acc) be the code that the chain computes in double, op after op (rule 3 of
// ir/ops/README.md). Each op of the chain is monotone, rounding included (a correctly rounded +, *,
// / is monotone in each operand), so f is monotone, and
//     rising:  f(acc) = #{k in 1..levels-1 : acc >= t[k]},   t[k] = min{acc : f(acc) >= k}
//     falling: f(acc) = #{k in 1..levels-1 : acc <= t[k]},   t[k] = max{acc : f(acc) >= k}
// The t are found by bisection on f itself: exact for negative, zero and tiny gamma by
// construction, nothing is inverted.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "bluestem/base/status.h"
#include "bluestem/quant/rounding.h"

namespace bluestem::quant {

// An activation or weight quantizer in integers: code = clip(Round(x / scale + zero_point), low,
// high).
struct QuantSpec {
  double scale = 1.0;
  double zero_point = 0.0;
  int32_t low = 0;   // least code (signed: negative)
  int32_t high = 3;  // greatest code
  Rounding rounding = Rounding::kHalfUp;

  int32_t Code(double x) const;  // NaN is code of 0.0
  double Value(int32_t code) const { return (code - zero_point) * scale; }
};

// Returns low and high for `bits`, as QONNX's Quant defines them (narrow drops one code: signed
// -2^(b-1)+1, unsigned 2^b-2). Requires: 1 to 31 bits, or 32 signed.
QuantSpec MakeQuantSpec(double scale, double zero_point, int32_t bits, bool is_signed, bool narrow,
                        Rounding rounding);

struct ChannelThresholds {
  std::vector<int32_t> values;  // levels - 1 entries, k = 1, 2, ...; INT32_MAX / INT32_MIN where a
                                // code is never / always reached
  int8_t direction = 1;         // +1 rising, -1 falling; a constant channel is rising
};

// Finds the thresholds of `code`, a function of the accumulator with results 0..levels-1, on
// [acc_low, acc_high]. Requires: code is monotone there. Errors: kInternal if bisection shows that
// it is not.
Result<ChannelThresholds> FoldThresholds(const std::function<int32_t(int32_t)>& code,
                                         int32_t levels, int32_t acc_low, int32_t acc_high);

}  // namespace bluestem::quant
