// Unsigned activations of 1 to 8 bits, and the ReLU that takes their place in an fp32 net. The
// loops have no dependence between elements, so the compiler's AVX2 and AVX-512 clones give the
// same bits.
#include <algorithm>

#include "bluestem/train/internal/clones.h"
#include "bluestem/train/quantizers/quantizers.h"

namespace bluestem::train {

BLUESTEM_CLONES void LinearMidTreadHalfForward(const ActivationSpec& spec, int64_t count,
                                               const float* x, float* y) {
  const float scale = spec.Scale();
  const float inverse = 1.0F / scale;
  const float greatest = static_cast<float>(spec.Levels() - 1);
  for (int64_t i = 0; i < count; ++i) {
    const float clipped = std::min(std::max(x[i] * inverse, 0.0F), greatest);
    // Truncation is floor here: the value is not negative.
    y[i] = static_cast<float>(static_cast<int32_t>(clipped + 0.5F)) * scale;
  }
}

BLUESTEM_CLONES void LinearMidTreadHalfCodes(const ActivationSpec& spec, int64_t count,
                                             const float* x, uint8_t* codes) {
  const float inverse = 1.0F / spec.Scale();
  const float greatest = static_cast<float>(spec.Levels() - 1);
  for (int64_t i = 0; i < count; ++i) {
    const float clipped = std::min(std::max(x[i] * inverse, 0.0F), greatest);
    codes[i] = static_cast<uint8_t>(static_cast<int32_t>(clipped + 0.5F));
  }
}

BLUESTEM_CLONES void LinearMidTreadHalfBackward(const ActivationSpec& spec, int64_t count,
                                                const float* x, const float* gy, float* gx) {
  const float greatest = spec.max;
  for (int64_t i = 0; i < count; ++i) {
    const bool inside = (x[i] > 0.0F) & (x[i] < greatest);
    gx[i] = inside ? gy[i] : 0.0F;
  }
}

void IdentityBackward(const ActivationSpec&, int64_t count, const float*, const float* gy,
                      float* gx) {
  if (gx != gy) std::copy(gy, gy + count, gx);
}

// 2 - 2|u| = 4 min(f, 1 - f), f = (u + 1) / 2 the part of a step; at the ends of the range f is 0.
BLUESTEM_CLONES void ApproxSignBackward(const ActivationSpec& spec, int64_t count, const float* x,
                                        const float* gy, float* gx) {
  const float inverse = 1.0F / spec.Scale();
  const float greatest = static_cast<float>(spec.Levels() - 1);
  for (int64_t i = 0; i < count; ++i) {
    const float steps = std::min(std::max(0.0F, x[i] * inverse), greatest);  // not a number: 0
    const float part = steps - static_cast<float>(static_cast<int32_t>(steps));
    gx[i] = gy[i] * (4.0F * std::min(part, 1.0F - part));
  }
}

BLUESTEM_CLONES void ReluForward(const ActivationSpec&, int64_t count, const float* x, float* y) {
  for (int64_t i = 0; i < count; ++i) y[i] = std::max(x[i], 0.0F);
}

BLUESTEM_CLONES void ReluBackward(const ActivationSpec&, int64_t count, const float* x,
                                  const float* gy, float* gx) {
  for (int64_t i = 0; i < count; ++i) gx[i] = x[i] > 0.0F ? gy[i] : 0.0F;
}

}  // namespace bluestem::train
