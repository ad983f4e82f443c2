#include "bluestem/train/internal/device_pass.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <utility>

#include "bluestem/train/internal/code_shortcut.h"
#include "bluestem/train/internal/dropout.h"
#include "bluestem/train/internal/space_to_depth.h"
#include "bluestem/train/internal/tensor_act.h"

namespace bluestem::train {
namespace {

constexpr int64_t kOverPixels[] = {0, 2, 3};  // and images

at::Tensor ChannelSums(const at::Tensor& map) {
  return map.sum(at::IntArrayRef(kOverPixels), false, at::kDouble);
}

std::vector<float> Floats(const at::Tensor& x) {
  const at::Tensor here = x.to(at::kCPU, at::kFloat).contiguous();
  return {here.data_ptr<float>(), here.data_ptr<float>() + here.numel()};
}

// Two sums of each channel, of this rank and of all.
struct Sums {
  std::vector<double> own, joint;  // [2, channels]
  double rows = 0;                 // of all ranks
};

Sums SumsOf(const at::Tensor& first, const at::Tensor& second, Ranks& ranks) {
  const at::Tensor both =
      at::cat({ChannelSums(first), ChannelSums(second)}).to(at::kCPU).contiguous();
  Sums sums;
  sums.own.assign(both.data_ptr<double>(), both.data_ptr<double>() + both.numel());
  sums.joint = sums.own;
  ranks.Sum(sums.joint.data(), both.numel());
  sums.rows = static_cast<double>(first.numel() / first.size(1) * ranks.count());
  return sums;
}

}  // namespace

DevicePass::DevicePass(const Network& network, const std::vector<BlockShape>& shapes,
                       std::vector<BlockParameters*> parameters, Ranks& ranks,
                       const std::string& device)
    : network_(network),
      shapes_(shapes),
      parameters_(std::move(parameters)),
      ranks_(ranks),
      device_(device),
      maps_(network.blocks.size()) {
  // Deterministic algorithms refuse to call cuBLAS without it. Read when cuBLAS is first called.
  ::setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8", 0);
  // f32 is f32: TF32 would round the convolutions' inputs to 10 bits.
  at::globalContext().setAllowTF32CuDNN(false);
}

// [c] -> [1, c, 1, 1] on the device.
at::Tensor DevicePass::Send(const std::vector<float>& values) const {
  return at::tensor(values).reshape({1, -1, 1, 1}).to(device_);
}

ActivationCall DevicePass::Activation(size_t i) const {
  const Block& block = network_.blocks[i];
  return {.quantizer = network_.ActivationOf(block), .spec = block.spec};
}

DevicePass::Maps& DevicePass::Source(size_t i) {
  return maps_[i - static_cast<size_t>(network_.blocks[i].code_shortcut)];
}

at::Tensor DevicePass::Forward(const StepInput& input, PassMode mode, uint64_t dropout_seed) {
  images_ = input.count;
  finite_ = true;
  // from_blob wants a mutable pointer; nothing writes through it.
  at::Tensor x = ChannelsLastView(const_cast<float*>(input.images), input.count, network_.h,
                                  network_.w, network_.c)
                     .to(device_);
  for (size_t i = 0; i < maps_.size(); ++i) {
    maps_[i].input = x;
    ForwardBlock(i, mode, dropout_seed);
    x = maps_[i].output;
  }
  return Output(maps_.size() - 1);
}

at::Tensor DevicePass::Output(size_t block) const {
  return Contiguous(maps_[block].output.to(at::kCPU));
}

void DevicePass::ForwardBlock(size_t i, PassMode mode, uint64_t dropout_seed) {
  const Block& block = network_.blocks[i];
  const BlockShape& s = shapes_[i];
  Maps& m = maps_[i];
  BlockParameters& p = *parameters_[i];
  m.weight = ChannelsLastView(p.used.data(), s.co, block.kernel, block.kernel, s.ci).to(device_);
  const at::Tensor bias = block.bias ? Send(p.bias).reshape({-1}) : at::Tensor();
  m.normed =
      at::conv2d(m.input, m.weight, bias, {block.stride, block.stride}, {block.pad, block.pad});
  if (block.pool > 0 && block.pool_first)
    std::tie(m.normed, m.pool_index) =
        at::max_pool2d_with_indices(m.normed, {block.pool, block.pool});
  NormAndActivate(i, mode);
  if (block.dropout && mode == PassMode::kTrain && network_.dropout > 0) {
    at::Tensor mask =
        EmptyMap(m.output.size(0), m.output.size(1), m.output.size(2), m.output.size(3));
    FillDropoutMask(Rng(dropout_seed, i, 0), ranks_.rank(), network_.dropout, mask.numel(),
                    mask.data_ptr<float>());
    m.dropout_mask = mask.to(device_);
    m.output = m.output.mul(m.dropout_mask);
  }
  if (block.pool > 0 && !block.pool_first)
    std::tie(m.output, m.pool_index) =
        at::max_pool2d_with_indices(m.output, {block.pool, block.pool});
  if (block.space_to_depth > 0) m.output = SpaceToDepth(m.output, block.space_to_depth);
}

void DevicePass::BatchMoments(size_t i, Ranks& ranks) {
  Maps& m = maps_[i];
  const Sums sums = SumsOf(m.normed, m.normed.square(), ranks);
  const auto channels = static_cast<size_t>(m.normed.size(1));
  m.norm.mean.resize(channels), m.norm.variance.resize(channels);
  for (size_t c = 0; c < channels; ++c) {
    const double mean = sums.joint[c] / sums.rows;
    const double square = sums.joint[channels + c] / sums.rows;
    m.norm.mean[c] = static_cast<float>(mean);
    m.norm.variance[c] = static_cast<float>(std::max(0.0, square - mean * mean));
  }
}

void DevicePass::NormAndActivate(size_t i, PassMode mode) {
  const Block& block = network_.blocks[i];
  Maps& m = maps_[i];
  BlockParameters& p = *parameters_[i];
  m.before = m.normed;
  if (block.batch_norm) {
    if (mode == PassMode::kScores) {
      m.norm.mean = p.mean;
      m.norm.variance = p.variance;
    } else {
      // Statistics are a mean over batches of any size: each rank's own.
      BatchMoments(i, mode == PassMode::kTrain ? ranks_ : Ranks::Alone());
    }
    if (mode == PassMode::kStatistics) p.Collect(images_, m.norm.mean, m.norm.variance);
    FinishNorm(block.gamma ? p.gamma.data() : nullptr, p.beta.data(), block.epsilon, m.norm);
    for (size_t c = 0; c < m.norm.a.size(); ++c)
      finite_ &= std::isfinite(m.norm.a[c]) && std::isfinite(m.norm.b[c]);
    m.before = m.normed.mul(Send(m.norm.a)).add_(Send(m.norm.b));
    if (block.shortcut) m.before.add_(maps_[i - 1].before);
    if (block.code_shortcut > 0)
      m.before.add_(ShortcutValues(Source(i).output, network_.ShortcutStride(i), block.channels));
  }
  m.output = TensorActivation(Activation(i), m.before);
}

void DevicePass::Backward(const at::Tensor& gradient) {
  at::Tensor g = gradient.to(device_), shortcut_gradient;
  for (size_t i = maps_.size(); i-- > 0;) g = BackwardBlock(i, g, shortcut_gradient);
}

// `gradient` is of the block's output; `shortcut_gradient` is, on entry, what a later shortcut
// sends to this block's value before its activation and, on return, what this block's shortcut
// sends to the one before. Returns the gradient of the block's input.
at::Tensor DevicePass::BackwardBlock(size_t i, at::Tensor gradient, at::Tensor& shortcut_gradient) {
  const Block& block = network_.blocks[i];
  Maps& m = maps_[i];
  if (m.output_gradient.defined()) gradient = gradient.add(m.output_gradient);
  m.output_gradient.reset();
  if (block.space_to_depth > 0) gradient = DepthToSpace(gradient, block.space_to_depth);
  if (block.pool > 0 && !block.pool_first)
    gradient = TensorPoolGradient(gradient, m.pool_index, block.pool);
  if (block.dropout && m.dropout_mask.defined()) gradient = gradient.mul(m.dropout_mask);
  BlockParameters& p = *parameters_[i];
  if (!p.max_gradient.empty()) {
    const ActivationCall call = Activation(i);
    const double factor = call.quantizer->max_factor(call.spec, m.before.numel() / images_);
    p.max_gradient[0] = static_cast<float>(factor * TensorMaxGradient(call, m.before, gradient));
  }
  gradient = TensorActivationGradient(Activation(i), m.before, gradient);
  if (shortcut_gradient.defined()) gradient = gradient.add(shortcut_gradient);
  shortcut_gradient = block.shortcut ? gradient : at::Tensor();
  at::Tensor gz = block.batch_norm ? NormGradient(i, gradient) : gradient;
  if (block.pool > 0 && block.pool_first) gz = TensorPoolGradient(gz, m.pool_index, block.pool);
  if (block.code_shortcut > 0)
    AddShortcutGradient(Source(i).output, network_.ShortcutStride(i), gradient,
                        Source(i).output_gradient);
  return ConvGradient(i, gz);
}

// gz = a * (g - mean(g) - xhat * mean(g * xhat)), as norm_act.cc has it: a*g + z*p + q.
at::Tensor DevicePass::NormGradient(size_t i, const at::Tensor& gradient) {
  Maps& m = maps_[i];
  BlockParameters& parameters = *parameters_[i];
  const auto channels = static_cast<size_t>(m.normed.size(1));
  std::vector<float> offset(channels), p(channels), q(channels);
  for (size_t c = 0; c < channels; ++c) offset[c] = -m.norm.mean[c] * m.norm.inverse[c];
  const at::Tensor xhat = m.normed.mul(Send(m.norm.inverse)).add_(Send(offset));
  const Sums sums = SumsOf(gradient, gradient.mul(xhat), ranks_);
  for (size_t c = 0; c < channels; ++c) {
    parameters.beta_gradient[c] = static_cast<float>(sums.own[c]);
    if (!parameters.gamma_gradient.empty())
      parameters.gamma_gradient[c] = static_cast<float>(sums.own[channels + c]);
    const auto a = static_cast<double>(m.norm.a[c]);
    const double slope = a * sums.joint[channels + c] / sums.rows;
    p[c] = static_cast<float>(-slope * static_cast<double>(m.norm.inverse[c]));
    q[c] =
        static_cast<float>(-a * sums.joint[c] / sums.rows - slope * static_cast<double>(offset[c]));
  }
  return gradient.mul(Send(m.norm.a)).add_(m.normed.mul(Send(p)).add_(Send(q)));
}

at::Tensor DevicePass::ConvGradient(size_t i, const at::Tensor& gradient) {
  const Block& block = network_.blocks[i];
  Maps& m = maps_[i];
  BlockParameters& p = *parameters_[i];
  if (block.bias) {
    const std::vector<float> sums = Floats(ChannelSums(gradient));
    std::copy(sums.begin(), sums.end(), p.bias_gradient.begin());
  }
  const auto [to_input, to_weight, unused] = at::convolution_backward(
      gradient, m.input, m.weight, c10::nullopt, {block.stride, block.stride},
      {block.pad, block.pad}, {1, 1}, false, {0, 0}, 1, {i > 0, true, false});
  const std::vector<float> ohwi =
      Floats(to_weight.mul(static_cast<double>(block.gain)).permute({0, 2, 3, 1}));
  std::copy(ohwi.begin(), ohwi.end(), p.weight_gradient.begin());
  return to_input;
}

}  // namespace bluestem::train
