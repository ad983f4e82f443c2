// The rounding modes of quantizers (QONNX's rounding_mode), in doubles. Not a quantizer: see
// quant/threshold.h.
//
// Threads: pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace bluestem::quant {

enum class Rounding : uint8_t {
  kHalfEven,
  kHalfUp,
  kFloor,
  kCeil,
  kToZero,
  kFromZero,
  kHalfFromZero,
  kHalfToZero,
  kHalfOdd
};

// Returns x rounded to an integer: kHalfEven ties to even, kHalfUp floor(x + 0.5), the sum
// unrounded; kFromZero away from zero, kHalfFromZero and kHalfToZero to the nearest with ties that
// way; kHalfOdd ties to odd. Exact. The result does not depend on the floating-point environment's
// rounding mode.
double Round(double x, Rounding rounding);

// Returns the attribute text of the IR: ROUND, HALF_UP, FLOOR, CEIL, ROUND_TO_ZERO, FROM_ZERO,
// HALF_FROM_ZERO, HALF_TO_ZERO, HALF_ODD.
const char* RoundingName(Rounding rounding);

// Returns the mode of an attribute text, or nothing if there is none of that name.
std::optional<Rounding> FindRounding(const std::string& name);

}  // namespace bluestem::quant
