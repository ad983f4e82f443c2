#include "bluestem/quant/threshold.h"

#include <cmath>
#include <limits>

namespace bluestem::quant {
namespace {

constexpr int64_t kGridSteps = 32;

// Least acc in [low, high] with reached(acc), or INT32_MAX if there is none. Requires: reached is
// rising.
template <typename Reached>
int32_t FirstReached(int64_t low, int64_t high, Reached reached) {
  if (!reached(static_cast<int32_t>(high))) return std::numeric_limits<int32_t>::max();
  while (low < high) {
    const int64_t middle = low + (high - low) / 2;
    if (reached(static_cast<int32_t>(middle))) {
      high = middle;
    } else {
      low = middle + 1;
    }
  }
  return static_cast<int32_t>(low);
}

// Greatest acc in [low, high] with reached(acc), or INT32_MIN if there is none. Requires: reached
// is falling.
template <typename Reached>
int32_t LastReached(int64_t low, int64_t high, Reached reached) {
  if (!reached(static_cast<int32_t>(low))) return std::numeric_limits<int32_t>::min();
  while (low < high) {
    const int64_t middle = low + (high - low + 1) / 2;
    if (reached(static_cast<int32_t>(middle))) {
      low = middle;
    } else {
      high = middle - 1;
    }
  }
  return static_cast<int32_t>(low);
}

Status NotMonotone(int32_t acc, int32_t code, int32_t expected) {
  return Error(Code::kInternal,
               "the chain to fold is not monotone: code {} at accumulator {}; expected {}", code,
               acc, expected);
}

}  // namespace

int32_t QuantSpec::Code(double x) const {
  const double rounded = Round((std::isnan(x) ? 0.0 : x) / scale + zero_point, rounding);
  if (!(rounded > low)) return low;  // also where 0 / 0 made a NaN
  if (rounded >= high) return high;
  return static_cast<int32_t>(rounded);
}

QuantSpec MakeQuantSpec(double scale, double zero_point, int32_t bits, bool is_signed, bool narrow,
                        Rounding rounding) {
  BLUESTEM_CHECK(bits >= 1 && bits <= (is_signed ? 32 : 31), "codes are 32-bit integers");
  QuantSpec spec;
  spec.scale = scale;
  spec.zero_point = zero_point;
  spec.rounding = rounding;
  const int32_t drop = narrow ? 1 : 0;
  if (is_signed) {
    spec.low = static_cast<int32_t>(-(int64_t{1} << (bits - 1)) + drop);
    spec.high = static_cast<int32_t>((int64_t{1} << (bits - 1)) - 1);
  } else {
    spec.low = 0;
    spec.high = static_cast<int32_t>((int64_t{1} << bits) - 1 - drop);
  }
  return spec;
}

Result<ChannelThresholds> FoldThresholds(const std::function<int32_t(int32_t)>& code,
                                         int32_t levels, int32_t acc_low, int32_t acc_high) {
  BLUESTEM_CHECK(levels >= 1 && acc_low <= acc_high,
                 "a range of accumulators and at least one level");
  const int32_t at_low = code(acc_low);
  const int32_t at_high = code(acc_high);
  ChannelThresholds result;
  result.direction = at_high >= at_low ? int8_t{1} : int8_t{-1};
  const bool rising = result.direction > 0;
  for (int32_t k = 1; k < levels; ++k) {
    const auto reached = [&](int32_t acc) { return code(acc) >= k; };
    if (rising) {
      // What is reached at the range's lower end is reached always: the comparison must also hold
      // below it.
      result.values.push_back(at_low >= k ? std::numeric_limits<int32_t>::min()
                                          : FirstReached(acc_low, acc_high, reached));
    } else {
      result.values.push_back(at_high >= k ? std::numeric_limits<int32_t>::max()
                                           : LastReached(acc_low, acc_high, reached));
    }
  }
  // Bisection trusts monotonicity: the result is held against the function beside every threshold
  // and on a grid.
  const auto check = [&](int64_t acc) -> Status {
    if (acc < acc_low || acc > acc_high) return OkStatus();
    const auto at = static_cast<int32_t>(acc);
    int32_t count = 0;
    for (const int32_t t : result.values) count += rising ? at >= t : at <= t;
    if (code(at) != count) return NotMonotone(at, code(at), count);
    return OkStatus();
  };
  for (const int32_t t : result.values) {
    for (int64_t beside = -1; beside <= 1; ++beside)
      BLUESTEM_RETURN_IF_ERROR(check(int64_t{t} + beside));
  }
  const int64_t range = static_cast<int64_t>(acc_high) - acc_low;
  for (int64_t i = 0; i <= kGridSteps; ++i)
    BLUESTEM_RETURN_IF_ERROR(check(acc_low + range * i / kGridSteps));
  return result;
}

}  // namespace bluestem::quant
