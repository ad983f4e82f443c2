// Quantizers of training: real weights and activations to the values that the artefact will have,
// and the gradients that pass through them. Not their meaning in integers: that is quant/.
//
// Weights: w is [co, k] (k = kh*kw*ci, any order). The gradient of every row but lsq is the
// identity straight-through estimator (Bengio et al., 2013, arXiv 1308.3432), or for binary rows
// another of straight_through.h, so a row has no backward.
//
//   binary_mean_scaling               s * sign(w), sign(0) = +1, s = mean |w| over the whole layer
//                                     (XNOR-Net, arXiv 1603.05279, with one scale a layer)
//   binary_channel_wise_mean_scaling  the same with one s per output channel (arXiv 1603.05279)
//   ternary_mean_scaling              s * sign(w) where |w| > 0.7 mean |w|, else 0; s = the mean
//                                     |w| of the former, over the layer (TWN, arXiv 1605.04711)
//   linear_symmetric_3bit ... _8bit   s * clip(round(w/s), -q, q), half to even, q = 2^(bits-1)-1,
//                                     s = max |w| / q per output channel (arXiv 1712.05877)
//   lsq_2bit ... lsq_8bit             s * clip(round(w/s), -q, q), half to even, q as above, with
//                                     one learned s a layer, which begins as 2 mean |w| / sqrt(q).
//                                     Its gradient: of each value's, times round(w/s) - w/s inside
//                                     and -q or q outside, the sum, times 1 / sqrt(co*k*q). That of
//                                     w: the value's inside (|w/s| < q), 0 outside (LSQ, arXiv
//                                     1902.08153, with codes that are symmetric)
//   none                              w
//
// Activations: elementwise on the batch-normalised value x.
//
//   linear_mid_tread_half  code = floor(clip(x, 0, max) / scale + 1/2), value = code * scale,
//                          scale = f32(max / (2^bits - 1)); gradient 1 strictly inside (0, max),
//                          else 0 (DoReFa-Net, arXiv 1606.06160)
//   pact                   the same codes; max is learned: its gradient is the sum of those where
//                          x >= max (PACT, arXiv 1805.06085, without its decay of max)
//   lsq                    the same codes; max = step * levels is learned through the step, whose
//                          gradient is floor(x/step + 1/2) - x/step inside, levels above and 0
//                          below, times 1 / sqrt(features * levels); max moves as levels * step
//                          (LSQ, arXiv 1902.08153)
//   none                   max(x, 0): what stands in the quantizer's place in an fp32 net
//
// What takes the place of linear_mid_tread_half's derivative, a straight-through estimator:
//
//   clipped      clip(x, 0, max): the gradient above
//   identity     x: gradient 1 everywhere
//   approx_sign  each rise from code j to j + 1 is scale * (1 + F(u)) / 2 over its own step, u =
//                2 (x/scale - j) - 1, F the polynomial of Bi-Real Net (arXiv 1808.00278): gradient
//                2 - 2|u| inside (0, max), else 0
//
// Threads: free functions without state.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace bluestem::train {

// Weights as integers times scales: value[c, i] = codes[c, i] * scales[c] (or scales[0]).
struct QuantizedWeights {
  int32_t bits = 0;  // 1: codes are -1 and +1; 2: -1..1; 8: -127..127; 0: not quantized, no codes
  std::vector<int8_t> codes;  // [co, k]
  std::vector<float> scales;  // 1 or co entries
};

struct WeightQuantizer {
  const char* name;
  int32_t bits;  // 0: none
  // Where a step is learned: with the one that it begins as.
  QuantizedWeights (*quantize)(const float* w, int64_t co, int64_t k);
  // Null unless a step is learned.
  QuantizedWeights (*quantize_by)(float step, const float* w, int64_t co, int64_t k) = nullptr;
  bool LearnsStep() const { return quantize_by != nullptr; }
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
  // What these elements add to the gradient of spec.max, to be multiplied by max_factor of the
  // picture's features. Null where max is not learned.
  double (*max_gradient)(const ActivationSpec& spec, int64_t count, const float* x,
                         const float* gy) = nullptr;
  double (*max_factor)(const ActivationSpec& spec, int64_t features) = nullptr;
};

// The rows, as in the table above.
const std::vector<WeightQuantizer>& WeightQuantizers();
const std::vector<ActivationQuantizer>& ActivationQuantizers();
// Returns the row of that name, or nullptr.
const WeightQuantizer* FindWeightQuantizer(const std::string& name);
const ActivationQuantizer* FindActivationQuantizer(const std::string& name);

// Returns the row with that estimator of linear_mid_tread_half (its name is the quantizer's, as its
// values are), or nullptr.
const ActivationQuantizer* WithActivationSte(const std::string& ste);

// Returns what gives weights of so many bits (1..8) in a network of `configured` weights: another
// row that learns its step where that one does, if there is one.
const WeightQuantizer& WeightQuantizerOf(const WeightQuantizer& configured, int32_t bits);

// Returns the weights' codes; `step` counts where it is learned. Requires: the row quantizes.
QuantizedWeights Quantize(const WeightQuantizer& quantizer, float step, const float* w, int64_t co,
                          int64_t k);
// Writes codes times scales to `values` [co, k].
void Values(const QuantizedWeights& weights, int64_t co, int64_t k, float* values);
// The same from the weights; `w` itself where nothing is quantized.
void WeightValues(const WeightQuantizer& quantizer, float step, const float* w, int64_t co,
                  int64_t k, float* values);

// The rows' functions, one file each.
QuantizedWeights BinaryMeanScaling(const float* w, int64_t co, int64_t k);
QuantizedWeights BinaryChannelWiseMeanScaling(const float* w, int64_t co, int64_t k);
QuantizedWeights TernaryMeanScaling(const float* w, int64_t co, int64_t k);
QuantizedWeights LinearSymmetric(int32_t bits, const float* w, int64_t co, int64_t k);
QuantizedWeights LsqWeights(int32_t bits, float step, const float* w, int64_t co, int64_t k);
// The step that a layer of `count` weights begins with.
float LsqInitialStep(int32_t bits, int64_t count, const float* w);
// `gradient` is of the values and becomes that of the weights; returns that of the step.
double LsqStepGradient(int32_t bits, float step, int64_t count, const float* w, float* gradient);
void LinearMidTreadHalfForward(const ActivationSpec& spec, int64_t count, const float* x, float* y);
void LinearMidTreadHalfCodes(const ActivationSpec& spec, int64_t count, const float* x,
                             uint8_t* codes);
void LinearMidTreadHalfBackward(const ActivationSpec& spec, int64_t count, const float* x,
                                const float* gy, float* gx);
void IdentityBackward(const ActivationSpec& spec, int64_t count, const float* x, const float* gy,
                      float* gx);
void ApproxSignBackward(const ActivationSpec& spec, int64_t count, const float* x, const float* gy,
                        float* gx);
double PactMaxGradient(const ActivationSpec& spec, int64_t count, const float* x, const float* gy);
double PactMaxFactor(const ActivationSpec& spec, int64_t features);
double LsqMaxGradient(const ActivationSpec& spec, int64_t count, const float* x, const float* gy);
double LsqMaxFactor(const ActivationSpec& spec, int64_t features);
void ReluForward(const ActivationSpec& spec, int64_t count, const float* x, float* y);
void ReluBackward(const ActivationSpec& spec, int64_t count, const float* x, const float* gy,
                  float* gx);

}  // namespace bluestem::train
