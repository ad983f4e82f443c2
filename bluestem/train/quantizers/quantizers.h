// Quantizers of training: real weights and activations to the values that the artefact will have,
// and the gradients that pass through them. Not their meaning in integers: that is quant/.
//
// Weights: w is [co, k] (k = kh*kw*ci, any order). The gradient of every row is the identity
// straight-through estimator (Bengio et al., 2013, arXiv 1308.3432), so a row has no backward.
//
//   binary_mean_scaling               s * sign(w), sign(0) = +1, s = mean |w| over the whole layer
//                                     (XNOR-Net, arXiv 1603.05279, with one scale a layer)
//   binary_channel_wise_mean_scaling  the same with one s per output channel (arXiv 1603.05279)
//   linear_symmetric_8bit             s * clip(round(w/s), -127, 127), half to even,
//                                     s = max |w| / 127 per output channel (arXiv 1712.05877)
//   none                              w
//
// Activations: elementwise on the batch-normalised value x.
//
//   linear_mid_tread_half  code = floor(clip(x, 0, max) / scale + 1/2), value = code * scale,
//                          scale = f32(max / (2^bits - 1)); gradient 1 strictly inside (0, max),
//                          else 0 (DoReFa-Net, arXiv 1606.06160)
//   none                   max(x, 0): what stands in the quantizer's place in an fp32 net
//
// Threads: free functions without state.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace bluestem::train {

// Weights as integers times scales: value[c, i] = codes[c, i] * scales[c] (or scales[0]).
struct QuantizedWeights {
  int32_t bits = 0;           // 1: codes are -1 and +1; 8: -127..127; 0: not quantized, no codes
  std::vector<int8_t> codes;  // [co, k]
  std::vector<float> scales;  // 1 or co entries
};

struct WeightQuantizer {
  const char* name;
  int32_t bits;  // 0: none
  QuantizedWeights (*quantize)(const float* w, int64_t co, int64_t k);
};

struct ActivationSpec {
  int32_t bits = 2;  // 1..8
  float max = 2.0F;  // the greatest value
  int32_t Levels() const { return 1 << bits; }
  float Scale() const { return static_cast<float>(static_cast<double>(max) / (Levels() - 1)); }
};

struct ActivationQuantizer {
  const char* name;
  bool quantizes;
  // y[i] = value of x[i]. In place is allowed.
  void (*forward)(const ActivationSpec& spec, int64_t count, const float* x, float* y);
  // codes[i] of x[i]: forward without the scale. Null if it does not quantize.
  void (*codes)(const ActivationSpec& spec, int64_t count, const float* x, uint8_t* codes);
  // gx[i] = gy[i] * derivative at x[i]. In place (gx == gy) is allowed.
  void (*backward)(const ActivationSpec& spec, int64_t count, const float* x, const float* gy,
                   float* gx);
};

// The rows, as in the table above.
const std::vector<WeightQuantizer>& WeightQuantizers();
const std::vector<ActivationQuantizer>& ActivationQuantizers();
// Returns the row of that name, or nullptr.
const WeightQuantizer* FindWeightQuantizer(const std::string& name);
const ActivationQuantizer* FindActivationQuantizer(const std::string& name);

// Writes codes times scales to `values` [co, k]; `w` itself where nothing is quantized.
void WeightValues(const WeightQuantizer& quantizer, const float* w, int64_t co, int64_t k,
                  float* values);

// The rows' functions, one file each.
QuantizedWeights BinaryMeanScaling(const float* w, int64_t co, int64_t k);
QuantizedWeights BinaryChannelWiseMeanScaling(const float* w, int64_t co, int64_t k);
QuantizedWeights LinearSymmetric8Bit(const float* w, int64_t co, int64_t k);
void LinearMidTreadHalfForward(const ActivationSpec& spec, int64_t count, const float* x, float* y);
void LinearMidTreadHalfCodes(const ActivationSpec& spec, int64_t count, const float* x,
                             uint8_t* codes);
void LinearMidTreadHalfBackward(const ActivationSpec& spec, int64_t count, const float* x,
                                const float* gy, float* gx);
void ReluForward(const ActivationSpec& spec, int64_t count, const float* x, float* y);
void ReluBackward(const ActivationSpec& spec, int64_t count, const float* x, const float* gy,
                  float* gx);

}  // namespace bluestem::train
