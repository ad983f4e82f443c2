// Between real values, codes and accumulators.
#include "bluestem/kernels/elementwise/elementwise.h"

namespace bluestem::kernels {
namespace {

// Rounds v, |v| < 2^31, exactly. rounding: QuantizeParams.
int32_t Round(double v, int32_t rounding) {
  const int64_t whole = static_cast<int64_t>(v);  // towards zero
  const double rest = v - static_cast<double>(whole);
  switch (rounding) {
    case 0:
      if (rest > 0.5 || (rest == 0.5 && (whole & 1))) return static_cast<int32_t>(whole + 1);
      if (rest < -0.5 || (rest == -0.5 && (whole & 1))) return static_cast<int32_t>(whole - 1);
      return static_cast<int32_t>(whole);
    case 1:
      if (rest >= 0.5) return static_cast<int32_t>(whole + 1);
      return static_cast<int32_t>(rest < -0.5 ? whole - 1 : whole);
    case 2: return static_cast<int32_t>(rest < 0 ? whole - 1 : whole);
    case 3: return static_cast<int32_t>(rest > 0 ? whole + 1 : whole);
    case 5: return static_cast<int32_t>(whole + (rest > 0) - (rest < 0));
    case 6: return static_cast<int32_t>(whole + (rest >= 0.5) - (rest <= -0.5));
    case 8:
      if (rest > 0.5 || (rest == 0.5 && !(whole & 1))) return static_cast<int32_t>(whole + 1);
      if (rest < -0.5 || (rest == -0.5 && !(whole & 1))) return static_cast<int32_t>(whole - 1);
      return static_cast<int32_t>(whole);
    case 7: return static_cast<int32_t>(whole + (rest > 0.5) - (rest < -0.5));
    default: return static_cast<int32_t>(whole);
  }
}

// The code of x, low to high.
int32_t Code(const QuantizeParams& params, float x) {
  const double real = x == x ? static_cast<double>(x) : 0.0;
  const double v = real / params.scale + params.zero_point;
  // Clipping first changes nothing, as rounding is monotone and keeps integers.
  if (v <= params.low) return params.low;
  if (v >= params.high) return params.high;
  return Round(v, params.rounding);
}

}  // namespace

void quantize_f32_u8(const QuantizeParams& params, const float* x, uint8_t* y) {
  for (int64_t i = 0; i < params.count; ++i) {
    y[i] = static_cast<uint8_t>(Code(params, x[i]) - params.low);
  }
}

void fake_quantize_f32(const QuantizeParams& params, const float* x, float* y) {
  for (int64_t i = 0; i < params.count; ++i) {
    const double steps = static_cast<double>(Code(params, x[i])) - params.zero_point;
    y[i] = static_cast<float>(steps * params.scale);
  }
}

void dequantize_u8_f32(const DequantizeParams& params, const uint8_t* x, float* y) {
  for (int64_t i = 0; i < params.count; ++i) {
    y[i] = static_cast<float>(x[i] - params.zero_point) * params.scale;
  }
}

void lookup_u8(int64_t count, const uint8_t* table, const uint8_t* x, uint8_t* y) {
  for (int64_t i = 0; i < count; ++i) y[i] = table[x[i]];
}

void threshold_s32_u8(const ThresholdParams& params, const int32_t* x, const int32_t* thresholds,
                      const int8_t* directions, uint8_t* y) {
  const int32_t count = params.levels - 1;
  for (int64_t row = 0; row < params.rows; ++row) {
    for (int32_t c = 0; c < params.channels; ++c) {
      const int32_t* t = thresholds + int64_t{c} * count;
      int32_t code = 0;
      if (directions[c] > 0) {
        for (int32_t k = 0; k < count; ++k) code += *x >= t[k];
      } else {
        for (int32_t k = 0; k < count; ++k) code += *x <= t[k];
      }
      *y++ = static_cast<uint8_t>(code);
      ++x;
    }
  }
}

void threshold_f32_u8(const RealThresholdParams& params, const float* x, const float* thresholds,
                      uint8_t* y) {
  constexpr int32_t kFew = 8;  // so many are compared faster than halved
  const int32_t count = params.levels - 1;
  for (int64_t row = 0; row < params.rows; ++row) {
    for (int32_t c = 0; c < params.channels; ++c) {
      const float* t = thresholds + int64_t{c} * count;
      const float v = *x == *x ? *x : 0.0f;
      int32_t below = 0;
      int32_t rest = count;
      while (rest > kFew) {
        const int32_t half = rest / 2;
        if (v >= t[below + half]) {
          below += half + 1;
          rest -= half + 1;
        } else {
          rest = half;
        }
      }
      int32_t code = below;
      for (int32_t k = below; k < below + rest; ++k) code += v >= t[k];
      *y++ = static_cast<uint8_t>(code);
      ++x;
    }
  }
}

void affine_f32(const AffineParams& params, const float* x, const float* a, const float* b,
                float* y) {
  for (int64_t row = 0; row < params.rows; ++row) {
    for (int32_t c = 0; c < params.channels; ++c) {
      const float product = x[c] * a[c];
      const float v = product + b[c];
      y[c] = params.relu && v < 0 ? 0.0f : v;
    }
    x += params.channels;
    y += params.channels;
  }
}

}  // namespace bluestem::kernels
