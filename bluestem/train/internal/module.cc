#include "bluestem/train/internal/module.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "bluestem/base/rng.h"
#include "bluestem/train/internal/block_parameters.h"
#include "bluestem/train/internal/code_shortcut.h"
#include "bluestem/train/internal/device_pass.h"
#include "bluestem/train/internal/dropout.h"
#include "bluestem/train/internal/integer_block.h"
#include "bluestem/train/internal/loss.h"
#include "bluestem/train/internal/map_mean.h"
#include "bluestem/train/internal/mirror.h"
#include "bluestem/train/internal/norm_act.h"
#include "bluestem/train/internal/space_to_depth.h"
#include "bluestem/train/internal/torch.h"
#include "bluestem/train/lowbit/rounding.h"

namespace bluestem::train {
namespace {

// Everything of one block: parameters, gradients, and what a step remembers between forward and
// backward where the CPU's loops take it.
struct BlockState : BlockParameters {
  at::Tensor input, conv, normed, before, output;  // maps of this step
  at::Tensor pool_index, dropout_mask;
  at::Tensor added;            // by a code_shortcut
  at::Tensor output_gradient;  // what later blocks' code_shortcuts send back
  NormState norm;
  std::unique_ptr<IntegerBlock> integer;  // null: in f32
};

Map MapOf(const at::Tensor& map) {
  return {.rows = map.size(0) * map.size(2) * map.size(3), .channels = map.size(1)};
}

}  // namespace

struct Module::State {
  using Mode = PassMode;

  Ranks& ranks;
  Network network;
  std::vector<BlockShape> shapes;
  std::vector<BlockState> blocks;
  std::vector<ParameterView> parameters, statistics;
  int64_t statistics_images = 0;
  int64_t images = 0;                  // of the pass in progress
  bool integers = false;               // where a block can, in the pass in progress
  bool finite = true;                  // the gradients of the step in progress
  std::unique_ptr<DevicePass> device;  // null: in the CPU's loops

  // Returns what takes block i's part in integers, or null.
  IntegerBlock* Integer(size_t i) const { return integers ? blocks[i].integer.get() : nullptr; }
  // Returns what takes block i's output as codes and nothing else, or null.
  IntegerBlock* TakesCodes(size_t i) const {
    const Block& block = network.blocks[i];
    const bool plain = block.batch_norm && block.space_to_depth == 0 &&
                       (block.pool == 0 || block.pool_first) && !network.FeedsShortcut(i);
    return plain && i + 1 < blocks.size() ? Integer(i + 1) : nullptr;
  }
  ActivationCall Activation(const Block& block) const {
    return {.quantizer = network.ActivationOf(block), .spec = block.spec};
  }
  // Returns what is added to block i's norm, or null.
  const float* Shortcut(size_t i) const {
    const Block& block = network.blocks[i];
    if (block.code_shortcut > 0) return blocks[i].added.data_ptr<float>();
    return block.shortcut ? blocks[i - 1].before.data_ptr<float>() : nullptr;
  }
  // Returns the block whose output block i's code_shortcut adds.
  BlockState& Source(size_t i) {
    return blocks[i - static_cast<size_t>(network.blocks[i].code_shortcut)];
  }
  at::Tensor Weight(size_t i) {
    const BlockShape& shape = shapes[i];
    const Block& block = network.blocks[i];
    return ChannelsLastView(blocks[i].used.data(), shape.co, block.kernel, block.kernel, shape.ci);
  }
  void UseWeights(bool float_weights);
  void Forward(const StepInput& input, Mode mode, uint64_t dropout_seed);
  void ForwardBlock(size_t i, Mode mode, uint64_t dropout_seed);
  void NormAndActivate(size_t i, Mode mode);
  void Backward(const at::Tensor& gradient, uint64_t seed);
  void BackwardBlock(size_t i, at::Tensor gradient, at::Tensor& shortcut_gradient,
                     at::Tensor& input_gradient, uint64_t seed);
  void BackwardConv(size_t i, const at::Tensor& gz, at::Tensor& input_gradient);
  void BackwardIntegers(size_t i, const at::Tensor& gz, float greatest, at::Tensor& input_gradient,
                        uint64_t seed);
  void SumGradients();
};

void Module::State::UseWeights(bool float_weights) {
  integers = !float_weights;
  for (Block& block : network.blocks) LimitLearned(block);
#pragma omp parallel for schedule(dynamic, 1)
  for (size_t i = 0; i < blocks.size(); ++i) {
    if (Integer(i) != nullptr) {
      Integer(i)->TakeWeights(blocks[i].weight.data());
    } else {
      blocks[i].UseWeights(network, shapes[i], i, float_weights);
    }
  }
}

void Module::State::NormAndActivate(size_t i, Mode mode) {
  const Block& block = network.blocks[i];
  BlockState& state = blocks[i];
  const at::Tensor& z = state.normed;
  const Map map = MapOf(z);
  const auto* values = z.data_ptr<float>();
  IntegerBlock* next = TakesCodes(i);
  uint8_t* codes = next != nullptr ? next->InputCodes(z.size(0)) : nullptr;
  state.output =
      next != nullptr ? at::Tensor() : EmptyMap(z.size(0), z.size(1), z.size(2), z.size(3));
  auto* output = next != nullptr ? nullptr : state.output.data_ptr<float>();
  if (!block.batch_norm) {
    ActForward(map, Activation(block), values, output);
    return;
  }
  if (mode == Mode::kScores) {
    state.norm.mean = state.mean;
    state.norm.variance = state.variance;
  } else {
    // Statistics are a mean over batches of any size: each rank's own.
    BatchMoments(map, values, mode == Mode::kTrain ? ranks : Ranks::Alone(), state.norm);
  }
  if (mode == Mode::kStatistics) state.Collect(z.size(0), state.norm.mean, state.norm.variance);
  FinishNorm(block.gamma ? state.gamma.data() : nullptr, state.beta.data(), block.epsilon,
             state.norm);
  // Codes have no value for what is not a number.
  for (size_t c = 0; c < state.norm.a.size(); ++c)
    finite &= std::isfinite(state.norm.a[c]) && std::isfinite(state.norm.b[c]);
  const bool needed_later = i + 1 < blocks.size() && network.blocks[i + 1].shortcut;
  state.before = needed_later ? EmptyMap(z.size(0), z.size(1), z.size(2), z.size(3)) : at::Tensor();
  if (block.code_shortcut > 0)
    state.added = ShortcutValues(Source(i).output, network.ShortcutStride(i), block.channels);
  NormActForward(map, state.norm, Activation(block), values, Shortcut(i),
                 needed_later ? state.before.data_ptr<float>() : nullptr, output, codes);
}

void Module::State::ForwardBlock(size_t i, Mode mode, uint64_t dropout_seed) {
  const Block& block = network.blocks[i];
  BlockState& state = blocks[i];
  if (IntegerBlock* integer = Integer(i)) {
    const BlockShape& s = shapes[i];
    if (TakesCodes(i - 1) == nullptr) integer->TakeInput(images, state.input.data_ptr<float>());
    state.normed = EmptyMap(images, s.co, s.norm_h, s.norm_w);
    integer->Forward(images, state.normed.data_ptr<float>());
  } else {
    const at::Tensor bias =
        block.bias ? at::from_blob(state.bias.data(), {shapes[i].co}, at::kFloat) : at::Tensor();
    state.conv = Contiguous(at::conv2d(state.input, Weight(i), bias, {block.stride, block.stride},
                                       {block.pad, block.pad}));
    state.normed = state.conv;
    if (block.pool > 0 && block.pool_first) {
      std::tie(state.normed, state.pool_index) =
          at::max_pool2d_with_indices(state.conv, {block.pool, block.pool});
      state.normed = Contiguous(state.normed);
    }
  }
  NormAndActivate(i, mode);
  if (block.dropout && mode == Mode::kTrain && network.dropout > 0) {
    state.dropout_mask = at::empty_like(state.output);
    FillDropoutMask(Rng(dropout_seed, i, 0), ranks.rank(), network.dropout,
                    state.dropout_mask.numel(), state.dropout_mask.data_ptr<float>());
    state.output.mul_(state.dropout_mask);
  }
  if (block.pool > 0 && !block.pool_first) {
    at::Tensor pooled;
    std::tie(pooled, state.pool_index) =
        at::max_pool2d_with_indices(state.output, {block.pool, block.pool});
    state.output = Contiguous(pooled);
  }
  if (block.space_to_depth > 0) state.output = SpaceToDepth(state.output, block.space_to_depth);
}

void Module::State::Forward(const StepInput& input, Mode mode, uint64_t dropout_seed) {
  images = input.count;
  if (device != nullptr) {
    blocks.back().output = device->Forward(input, mode, dropout_seed);
    finite &= device->finite();
    return;
  }
  // from_blob wants a mutable pointer; nothing writes through it.
  at::Tensor x = ChannelsLastView(const_cast<float*>(input.images), input.count, network.h,
                                  network.w, network.c);
  for (size_t i = 0; i < blocks.size(); ++i) {
    blocks[i].input = x;
    ForwardBlock(i, mode, dropout_seed);
    x = blocks[i].output;
  }
}

void Module::State::Backward(const at::Tensor& gradient, uint64_t seed) {
  if (device != nullptr) return device->Backward(gradient);
  at::Tensor g = gradient, shortcut_gradient;
  for (size_t i = blocks.size(); i-- > 0;) {
    at::Tensor input_gradient;
    BackwardBlock(i, g, shortcut_gradient, input_gradient, seed);
    g = input_gradient;
  }
}

// `gradient` is of the block's output; `shortcut_gradient` is, on entry, what a later shortcut
// sends to this block's value before its activation and, on return, what this block's shortcut
// sends to the one before.
void Module::State::BackwardBlock(size_t i, at::Tensor gradient, at::Tensor& shortcut_gradient,
                                  at::Tensor& input_gradient, uint64_t seed) {
  const Block& block = network.blocks[i];
  BlockState& state = blocks[i];
  if (state.output_gradient.defined()) gradient.add_(state.output_gradient);
  state.output_gradient.reset();
  if (block.space_to_depth > 0) gradient = DepthToSpace(gradient, block.space_to_depth);
  if (block.pool > 0 && !block.pool_first) {
    const at::Tensor shape =
        EmptyMap(gradient.size(0), gradient.size(1), shapes[i].norm_h, shapes[i].norm_w);
    gradient = Contiguous(at::max_pool2d_with_indices_backward(
        gradient, shape, {block.pool, block.pool}, {block.pool, block.pool}, {0, 0}, {1, 1}, false,
        state.pool_index));
  }
  if (block.dropout && state.dropout_mask.defined()) gradient.mul_(state.dropout_mask);
  gradient = Contiguous(gradient);
  const at::Tensor& z = state.normed;
  const Map map = MapOf(z);
  // Gradients take the place of that of the output.
  at::Tensor gz = gradient, to_previous;
  float greatest = 0;
  if (block.batch_norm) {
    const bool adds = block.shortcut || block.code_shortcut > 0;
    if (adds) {
      to_previous = gradient;
      gz = EmptyMap(z.size(0), z.size(1), z.size(2), z.size(3));
    }
    double max_gradient = 0;
    const NormActGradients gradients{
        .gy = gradient.data_ptr<float>(),
        .gr = shortcut_gradient.defined() ? shortcut_gradient.data_ptr<float>() : nullptr,
        .gz = gz.data_ptr<float>(),
        .gshortcut = adds ? to_previous.data_ptr<float>() : nullptr,
        .ggamma = block.gamma ? state.gamma_gradient.data() : nullptr,
        .gbeta = state.beta_gradient.data(),
        .gmax = state.max_gradient.empty() ? nullptr : &max_gradient,
        .greatest = Integer(i) != nullptr ? &greatest : nullptr};
    NormActBackward(map, state.norm, Activation(block), z.data_ptr<float>(), Shortcut(i), ranks,
                    gradients);
    if (!state.max_gradient.empty()) {
      const double factor =
          network.ActivationOf(block)->max_factor(block.spec, map.rows / images * map.channels);
      state.max_gradient[0] = static_cast<float>(factor * max_gradient);
    }
  } else {
    ActBackward(map, Activation(block), z.data_ptr<float>(), gradient.data_ptr<float>(),
                gz.data_ptr<float>());
    if (Integer(i) != nullptr) greatest = GreatestMagnitude(gz.numel(), gz.data_ptr<float>());
  }
  if (block.code_shortcut > 0)
    AddShortcutGradient(Source(i).output, network.ShortcutStride(i), to_previous,
                        Source(i).output_gradient);
  shortcut_gradient = block.shortcut ? to_previous : at::Tensor();
  if (Integer(i) != nullptr) return BackwardIntegers(i, gz, greatest, input_gradient, seed);
  if (block.pool > 0 && block.pool_first) {
    gz = Contiguous(at::max_pool2d_with_indices_backward(gz, state.conv, {block.pool, block.pool},
                                                         {block.pool, block.pool}, {0, 0}, {1, 1},
                                                         false, state.pool_index));
  }
  BackwardConv(i, gz, input_gradient);
}

void Module::State::BackwardConv(size_t i, const at::Tensor& gz, at::Tensor& input_gradient) {
  const Block& block = network.blocks[i];
  BlockState& state = blocks[i];
  if (block.bias) ColumnSums(MapOf(gz), gz.data_ptr<float>(), state.bias_gradient.data());
  at::Tensor weight_gradient;
  std::tie(input_gradient, weight_gradient, std::ignore) = at::convolution_backward(
      gz, state.input, Weight(i), c10::nullopt, {block.stride, block.stride},
      {block.pad, block.pad}, {1, 1}, false, {0, 0}, 1, {i > 0, true, false});
  const at::Tensor ohwi = weight_gradient.permute({0, 2, 3, 1}).contiguous();
  const auto* source = ohwi.data_ptr<float>();
  for (size_t k = 0; k < state.weight_gradient.size(); ++k)
    state.weight_gradient[k] = source[k] * block.gain;
  if (i > 0) input_gradient = Contiguous(input_gradient);
}

void Module::State::BackwardIntegers(size_t i, const at::Tensor& gz, float greatest,
                                     at::Tensor& input_gradient, uint64_t seed) {
  const BlockShape& s = shapes[i];
  input_gradient = EmptyMap(images, s.ci, s.h, s.w);
  finite &= blocks[i].integer->Backward(images,
                                        {.gz = gz.data_ptr<float>(),
                                         .greatest = greatest,
                                         .seed = Rng(seed, 0x6772, i).Next(),
                                         .gx = input_gradient.data_ptr<float>(),
                                         .gw = blocks[i].weight_gradient.data()},
                                        ranks);
}

// All of them in one message.
void Module::State::SumGradients() {
  if (ranks.count() == 1) return;
  std::vector<float> all;
  for (const ParameterView& p : parameters) all.insert(all.end(), p.gradient, p.gradient + p.count);
  ranks.Sum(all.data(), static_cast<int64_t>(all.size()));
  const float* sum = all.data();
  for (const ParameterView& p : parameters)
    std::copy_n(std::exchange(sum, sum + p.count), p.count, p.gradient);
}

Module::Module(Network network, std::vector<BlockShape> shapes, uint64_t seed, Ranks& ranks)
    : state_(new State{.ranks = ranks}) {
  State& s = *state_;
  s.network = std::move(network);
  s.shapes = std::move(shapes);
  s.blocks.resize(s.network.blocks.size());
  for (size_t i = 0; i < s.blocks.size(); ++i)
    s.blocks[i].Begin(s.network, s.shapes[i], i, seed, s.parameters, s.statistics);
}

Module::~Module() = default;
const Network& Module::network() const {
  return state_->network;
}
const std::vector<BlockShape>& Module::shapes() const {
  return state_->shapes;
}
const std::vector<ParameterView>& Module::parameters() const {
  return state_->parameters;
}
const std::vector<ParameterView>& Module::statistics() const {
  return state_->statistics;
}

void Module::UseIntegers(kernels::IsaSet isas) {
  State& s = *state_;
  for (size_t i = 0; i < s.blocks.size(); ++i) {
    if (RefusesIntegers(s.network, s.shapes, i) == nullptr)
      s.blocks[i].integer = std::make_unique<IntegerBlock>(s.network, s.shapes, i, isas);
  }
}

void Module::UseDevice(const std::string& device) {
  State& s = *state_;
  std::vector<BlockParameters*> parameters;
  for (BlockState& block : s.blocks) parameters.push_back(&block);
  s.device =
      std::make_unique<DevicePass>(s.network, s.shapes, std::move(parameters), s.ranks, device);
}

size_t Module::IntegerBlocks() const {
  const std::vector<BlockState>& blocks = state_->blocks;
  return static_cast<size_t>(std::count_if(
      blocks.begin(), blocks.end(), [](const auto& block) { return block.integer != nullptr; }));
}

StepResult Module::Step(const StepInput& input, const StepOptions& options) {
  const c10::InferenceMode no_tape;
  State& s = *state_;
  s.UseWeights(options.float_weights);
  s.finite = true;
  s.Forward(input, State::Mode::kTrain, options.seed);
  const std::vector<float> scores = MapMean(s.blocks.back().output);
  const int64_t classes = s.network.classes;
  std::vector<float> gradient(scores.size());
  const Targets aim{.labels = input.labels,
                    .others = input.others,
                    .share = input.share,
                    .marks = input.marks,
                    .smoothing = options.label_smoothing,
                    .class_weights = options.class_weights};
  LossResult loss = CrossEntropy(input.count, classes, scores.data(), aim, gradient.data());
  if (input.teacher.scores != nullptr)
    Distil(input.count, classes, scores.data(), input.teacher, loss, gradient.data());
  // `gradient` is of the mean over this rank's images, which are a part of the joint mean.
  double joint_weight = loss.weight;
  s.ranks.Sum(&joint_weight, 1);
  const double part = loss.weight / joint_weight;
  s.Backward(MapMeanGradient(s.blocks.back().output, gradient, part), options.seed);
#pragma omp parallel for schedule(dynamic, 1)
  for (size_t i = 0; i < s.blocks.size(); ++i)
    s.blocks[i].PassThrough(s.network, i, options.float_weights, options.progress);
  for (size_t i = 0; i < s.blocks.size(); ++i)
    s.blocks[i].LearnStep(s.network, i, options.float_weights);
  s.SumGradients();
  double joint[] = {s.finite ? loss.loss * part : std::numeric_limits<double>::quiet_NaN(),
                    static_cast<double>(loss.correct)};
  s.ranks.Sum(joint, 2);
  return {.loss = joint[0], .correct = static_cast<int64_t>(joint[1])};
}

void Module::BeginStatistics() {
  State& s = *state_;
  s.statistics_images = 0;
  s.UseWeights(false);
  for (size_t i = 0; i < s.blocks.size(); ++i) {
    s.blocks[i].sum_mean.assign(s.blocks[i].mean.size(), 0.0);
    s.blocks[i].sum_square.assign(s.blocks[i].mean.size(), 0.0);
  }
}

void Module::AddStatistics(const StepInput& input) {
  const c10::InferenceMode no_tape;
  state_->Forward(input, State::Mode::kStatistics, 0);
  state_->statistics_images += input.count;
}

void Module::FinishStatistics() {
  const auto images = static_cast<double>(state_->statistics_images * state_->ranks.count());
  for (BlockState& state : state_->blocks) {
    state_->ranks.Sum(state.sum_mean.data(), static_cast<int64_t>(state.sum_mean.size()));
    state_->ranks.Sum(state.sum_square.data(), static_cast<int64_t>(state.sum_square.size()));
    for (size_t c = 0; c < state.mean.size(); ++c) {
      const double mean = state.sum_mean[c] / images;
      state.mean[c] = static_cast<float>(mean);
      state.variance[c] =
          static_cast<float>(std::max(0.0, state.sum_square[c] / images - mean * mean));
    }
  }
}

std::vector<float> Module::Scores(const StepInput& input) {
  const c10::InferenceMode no_tape;
  const Network& network = state_->network;
  state_->UseWeights(false);
  state_->Forward(input, State::Mode::kScores, 0);
  std::vector<float> scores = MapMean(state_->blocks.back().output);
  if (!network.mirror) return scores;
  std::vector<float> mirrored(static_cast<size_t>(input.count * network.h * network.w * network.c));
  Mirror(input.count * network.h, network.w, network.c, input.images, mirrored.data());
  StepInput other = input;
  other.images = mirrored.data();
  state_->Forward(other, State::Mode::kScores, 0);
  const std::vector<float> others = MapMean(state_->blocks.back().output);
  for (size_t i = 0; i < scores.size(); ++i) scores[i] = (scores[i] + others[i]) * 0.5F;
  return scores;
}

std::vector<float> Module::LastOutput(size_t block) const {
  const State& s = *state_;
  const at::Tensor output =
      s.device != nullptr ? s.device->Output(block) : s.blocks[block].output.contiguous();
  return {output.data_ptr<float>(), output.data_ptr<float>() + output.numel()};
}

}  // namespace bluestem::train
