// Unary and binary ops on f32. Each is one IEEE operation, a comparison, or a function of double
// rounded once to f32.
#include <cstring>

#include "bluestem/kernels/elementwise/elementwise.h"

namespace bluestem::kernels {
namespace {

float Sigmoid(float x) {
  return static_cast<float>(1.0 / (1.0 + Exp(-static_cast<double>(x))));
}

float Tanh(float x) {
  const double v = x;
  const double magnitude = v < 0 ? -v : v;
  if (magnitude < 0.02) {
    // Near 0 the quotient below would cancel; the next term, 62/2835 v^9, is below 2^-52 of v.
    const double v2 = v * v;
    return static_cast<float>(v * (1.0 + v2 * (-1.0 / 3 + v2 * (2.0 / 15 - v2 * (17.0 / 315)))));
  }
  const double t = 1.0 - 2.0 / (Exp(2.0 * magnitude) + 1.0);
  return static_cast<float>(v < 0 ? -t : t);
}

// The correctly rounded square root by integer digits: the compiler's own may call libm.
float Sqrt(float x) {
  uint32_t bits;
  std::memcpy(&bits, &x, sizeof(bits));
  if (x != x || x == 0 || bits == 0x7f800000u) return x;
  if (x < 0) return __builtin_nanf("");
  int32_t exponent = static_cast<int32_t>(bits >> 23) - 127;
  uint64_t mantissa = bits & 0x7fffffu;
  if (exponent == -127) {
    for (exponent = -126; mantissa < 0x800000u; --exponent) mantissa <<= 1;
  } else {
    mantissa |= 0x800000u;
  }
  // x = radicand * 2^(exponent-49), exponent odd: 26 more bits make a root of 25 bits, one below
  // the f32's last, so that rounding only looks at that bit and at whether anything remains.
  uint64_t radicand = mantissa << 25;
  if (exponent & 1) radicand <<= 1;
  const int32_t half = (exponent - (exponent & 1)) / 2;
  uint64_t root = 0;
  uint64_t rest = radicand;
  for (uint64_t bit = uint64_t{1} << 50; bit != 0; bit >>= 2) {
    if (rest >= root + bit) {
      rest -= root + bit;
      root = (root >> 1) + bit;
    } else {
      root >>= 1;
    }
  }
  // A root's last bit is never an exact tie: its square would need an odd 50th bit.
  const uint64_t rounded = (root >> 1) + (root & 1);
  // Adding (not or-ing) carries a mantissa that was rounded up to 2 into the exponent.
  const uint32_t result =
      (static_cast<uint32_t>(half + 126) << 23) + static_cast<uint32_t>(rounded);
  float y;
  std::memcpy(&y, &result, sizeof(y));
  return y;
}

// x rounded to a whole number: down, up, or to the nearest with ties to even. -0 becomes +0.
float Whole(UnaryOp op, float x) {
  if (!(x > -8388608.0f && x < 8388608.0f)) return x;  // from 2^23 on all are whole; NaN
  const int32_t towards_zero = static_cast<int32_t>(x);
  const float rest = x - static_cast<float>(towards_zero);  // exact
  int32_t whole = towards_zero;
  if (op == UnaryOp::kFloor) {
    whole -= rest < 0;
  } else if (op == UnaryOp::kCeil) {
    whole += rest > 0;
  } else {
    const bool odd = (towards_zero & 1) != 0;
    whole += (rest > 0.5f || (rest == 0.5f && odd)) - (rest < -0.5f || (rest == -0.5f && odd));
  }
  return static_cast<float>(whole);
}

float PowInteger(double x, int32_t n) {
  double result = 1.0;
  for (uint32_t rest = static_cast<uint32_t>(n < 0 ? -n : n); rest != 0; rest >>= 1) {
    if (rest & 1) result *= x;
    x *= x;
  }
  return static_cast<float>(n < 0 ? 1.0 / result : result);
}

float Pow(float x, float y) {
  if (y == 0 || x == 1) return 1.0f;
  if (x != x || y != y) return x + y;
  constexpr float kLargestPower = 64;
  if (y >= -kLargestPower && y <= kLargestPower) {
    const int32_t n = static_cast<int32_t>(y);
    if (static_cast<float>(n) == y) return PowInteger(x, n);
  }
  const double magnitude = x < 0 ? -static_cast<double>(x) : x;
  if (y == __builtin_inff() || y == -__builtin_inff()) {
    if (magnitude == 1) return 1.0f;
    return ((magnitude > 1) == (y > 0)) ? __builtin_inff() : 0.0f;
  }
  // From 2^24 on every f32 is even, so only smaller exponents can be odd or have a fraction.
  const bool small = y > -16777216.0f && y < 16777216.0f;
  const int32_t n = small ? static_cast<int32_t>(y) : 0;
  const bool integer = !small || static_cast<float>(n) == y;
  if (x < 0 && x != -__builtin_inff() && !integer) return __builtin_nanf("");
  double result;
  if (magnitude == 0) {
    result = y > 0 ? 0.0 : __builtin_inf();
  } else {
    result = Exp(y * Log(magnitude));
  }
  return static_cast<float>(x < 0 && integer && (n & 1) ? -result : result);
}

float ApplyUnary(UnaryOp op, float x, float p0, float p1) {
  switch (op) {
    case UnaryOp::kRelu: return x < 0 ? 0.0f : x;
    case UnaryOp::kLeakyRelu: return x < 0 ? x * p0 : x;
    case UnaryOp::kClip: return x < p0 ? p0 : (x > p1 ? p1 : x);
    case UnaryOp::kSigmoid: return Sigmoid(x);
    case UnaryOp::kTanh: return Tanh(x);
    case UnaryOp::kHardSigmoid: {
      const float product = x * p0;
      const float v = product + p1;
      return v < 0 ? 0.0f : (v > 1 ? 1.0f : v);
    }
    case UnaryOp::kAbs: return x < 0 ? -x : (x == 0 ? 0.0f : x);
    case UnaryOp::kNeg: return -x;
    case UnaryOp::kExp: return static_cast<float>(Exp(x));
    case UnaryOp::kSqrt: return Sqrt(x);
    case UnaryOp::kLog: return static_cast<float>(Log(x));
    case UnaryOp::kFloor:
    case UnaryOp::kCeil:
    case UnaryOp::kRound: return Whole(op, x);
    case UnaryOp::kCopy: return x;
  }
  return x;
}

float ApplyBinary(BinaryOp op, float x, float y) {
  switch (op) {
    case BinaryOp::kAdd: return x + y;
    case BinaryOp::kSub: return x - y;
    case BinaryOp::kMul: return x * y;
    case BinaryOp::kDiv: return x / y;
    case BinaryOp::kMin: return (x < y || x != x) ? x : y;
    case BinaryOp::kMax: return (x > y || x != x) ? x : y;
    case BinaryOp::kPow: return Pow(x, y);
  }
  return x;
}

// One run of the innermost axis.
void BinaryRun(BinaryOp op, int32_t count, const float* x, int64_t x_stride, const float* y,
               int64_t y_stride, float* z) {
  for (int32_t i = 0; i < count; ++i) z[i] = ApplyBinary(op, x[i * x_stride], y[i * y_stride]);
}

}  // namespace

void unary_f32(const UnaryParams& params, const float* x, float* y) {
  for (int64_t i = 0; i < params.count; ++i) {
    y[i] = ApplyUnary(params.op, x[i], params.p0, params.p1);
  }
}

void binary_f32(const BinaryParams& params, const float* x, const float* y, float* z) {
  if (params.rank == 0) {
    *z = ApplyBinary(params.op, *x, *y);
    return;
  }
  const int32_t last = params.rank - 1;
  for (int32_t k = 0; k < params.rank; ++k) {
    if (params.extent[k] == 0) return;
  }
  int32_t index[6] = {};
  while (true) {
    BinaryRun(params.op, params.extent[last], x, params.x_stride[last], y, params.y_stride[last],
              z);
    z += params.extent[last];
    int32_t k = last - 1;
    for (; k >= 0; --k) {
      x += params.x_stride[k];
      y += params.y_stride[k];
      if (++index[k] < params.extent[k]) break;
      index[k] = 0;
      x -= params.x_stride[k] * params.extent[k];
      y -= params.y_stride[k] * params.extent[k];
    }
    if (k < 0) return;
  }
}

}  // namespace bluestem::kernels
