// Exp and Log from additions, multiplications and divisions of double, so that every machine
// computes the same bits.
#include <cstring>

#include "bluestem/kernels/elementwise/elementwise.h"

namespace bluestem::kernels {
namespace {

// ln 2 in two parts: the first has 21 trailing zero bits, so that k * kLn2High is exact for
// |k| < 2^21.
constexpr double kLn2High = 0x1.62e42feep-1;
constexpr double kLn2Low = 0x1.a39ef35793c76p-33;
constexpr double kInverseLn2 = 0x1.71547652b82fep+0;

double FromBits(uint64_t bits) {
  double x;
  std::memcpy(&x, &bits, sizeof(x));
  return x;
}

uint64_t ToBits(double x) {
  uint64_t bits;
  std::memcpy(&bits, &x, sizeof(bits));
  return bits;
}

// 2^k for a normal result: -1022 <= k <= 1023.
double PowerOfTwo(int32_t k) {
  return FromBits(static_cast<uint64_t>(k + 1023) << 52);
}

// 1/i! for i = 2..13: the rest of the series is below 2^-57 for |r| <= ln(2)/2.
constexpr double kInverseFactorial[] = {
    1.0 / 2,     1.0 / 6,      1.0 / 24,      1.0 / 120,       1.0 / 720,       1.0 / 5040,
    1.0 / 40320, 1.0 / 362880, 1.0 / 3628800, 1.0 / 39916800., 1.0 / 479001600, 1.0 / 6227020800.};
constexpr int32_t kTerms = sizeof(kInverseFactorial) / sizeof(kInverseFactorial[0]);

}  // namespace

// x = k ln2 + (r + r_low), |r| <= ln(2)/2; e^x = 2^k (1 + r + r^2 (1/2! + r/3! + ...) + r_low).
double Exp(double x) {
  if (x != x) return x;
  if (x > 709.782712893384) return __builtin_inf();
  if (x < -745.1332191019412) return 0.0;
  const double quotient = x * kInverseLn2;
  const int32_t k = static_cast<int32_t>(quotient + (quotient < 0 ? -0.5 : 0.5));
  const double high = x - k * kLn2High;  // exact
  const double low = k * kLn2Low;
  const double r = high - low;
  const double r_low = (high - r) - low;
  double tail = kInverseFactorial[kTerms - 1];
  for (int32_t i = kTerms - 2; i >= 0; --i) tail = tail * r + kInverseFactorial[i];
  const double y = 1.0 + (r + (r * r * tail + r_low));
  // Two factors, because 2^k alone can be outside of the normal numbers.
  const int32_t half = k / 2;
  return y * PowerOfTwo(half) * PowerOfTwo(k - half);
}

// x = 2^k m, sqrt(1/2) <= m < sqrt(2); ln m = 2 atanh(s) = 2 (s + s^3/3 + ...), s = (m-1)/(m+1).
double Log(double x) {
  if (x != x || x < 0) return __builtin_nan("");
  if (x == 0) return -__builtin_inf();
  if (x == __builtin_inf()) return x;
  int32_t k = 0;
  if (x < 0x1p-1022) {
    x *= 0x1p54;
    k = -54;
  }
  const uint64_t bits = ToBits(x);
  k += static_cast<int32_t>(bits >> 52) - 1023;
  double m = FromBits((bits & 0xfffffffffffffu) | (uint64_t{1023} << 52));
  if (m > 0x1.6a09e667f3bcdp+0) {
    m *= 0.5;
    ++k;
  }
  const double s = (m - 1.0) / (m + 1.0);
  const double s2 = s * s;
  double series = 0;
  // s^2 <= 0.0295: the term after 1/25 is below 2^-60.
  for (int32_t i = 25; i >= 3; i -= 2) series = (series + 1.0 / i) * s2;
  return k * kLn2High + (2.0 * s + (2.0 * s * series + k * kLn2Low));
}

}  // namespace bluestem::kernels
