#include "bluestem/base/wide.h"

#include <bit>
#include <cmath>

namespace bluestem {
namespace {

struct Wide {
  uint64_t high, low;
};

Wide Multiply(uint64_t a, uint64_t b) {
  const uint64_t a0 = a & 0xffffffff, a1 = a >> 32, b0 = b & 0xffffffff, b1 = b >> 32;
  const uint64_t low = a0 * b0, middle = a1 * b0 + (low >> 32);  // cannot overflow
  const uint64_t other = a0 * b1 + (middle & 0xffffffff);
  return {a1 * b1 + (middle >> 32) + (other >> 32), other << 32 | (low & 0xffffffff)};
}

}  // namespace

double DifferenceOfProducts(uint64_t a, uint64_t b, uint64_t c, uint64_t d) {
  const Wide from = Multiply(a, b), less = Multiply(c, d);
  const uint64_t low = from.low - less.low;
  const uint64_t high = from.high - less.high - (from.low < less.low ? 1 : 0);
  if (high == 0) return static_cast<double>(low);
  // The first 64 bits; whether any of the others is set goes to the last, far below the rounding.
  const int above = 64 - std::countl_zero(high);
  uint64_t head = above == 64 ? high : high << (64 - above) | low >> above;
  if (above == 64 ? low != 0 : (low << (64 - above)) != 0) head |= 1;
  return std::ldexp(static_cast<double>(head), above);
}

}  // namespace bluestem
