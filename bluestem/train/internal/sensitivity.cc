#include "bluestem/train/internal/sensitivity.h"

#include <algorithm>
#include <cmath>

#include "bluestem/train/internal/batches.h"
#include "bluestem/train/internal/checkpoint.h"
#include "bluestem/train/internal/validation.h"
#include "bluestem/train/networks/cost.h"

namespace bluestem::train {
namespace {

constexpr int64_t kBatch = 100;
constexpr int kMaxima = 40;               // that are tried
constexpr int64_t kMostValues = 200'000;  // of a layer's outputs, to try them on
struct Bits {
  int32_t weights, codes;
};
constexpr Bits kCandidates[] = {{1, 2}, {2, 2}, {4, 4}, {8, 8}};

// The network with every layer pinned to what it was trained with, so that one can be changed:
// an unquantized network ignores the bits of a layer, and has one activation for all.
Network Pinned(const Network& network) {
  Network pinned = network;
  for (size_t i = 0; i < pinned.blocks.size(); ++i) {
    Block& block = pinned.blocks[i];
    block.own_weights = &network.WeightsOf(network.blocks[i]);
    if (block.activation == Activation::kQuantized && !network.activation_quantizer->quantizes)
      block.activation = Activation::kRelu;
  }
  if (network.weight_quantizer->bits == 0)
    pinned.weight_quantizer = FindWeightQuantizer("binary_mean_scaling");
  if (!network.activation_quantizer->quantizes)
    pinned.activation_quantizer = FindActivationQuantizer("linear_mid_tread_half");
  return pinned;
}

class Probe {
 public:
  Probe(SavedRun& run, const Pictures& pictures)
      : run_(run), pictures_(pictures), pinned_(Pinned(run.module->network())) {
    for (const auto& views : {run.module->parameters(), run.module->statistics()})
      Append(views, trained_);
  }

  const Network& pinned() const { return pinned_; }

  // A module of the network with the trained weights and statistics of its own.
  std::unique_ptr<Module> Build(Network network) {
    auto module = std::make_unique<Module>(std::move(network), run_.module->shapes(), uint64_t{1});
    BLUESTEM_CHECK(Restore(trained_, module->parameters(), "probe").ok(), "the same arrays");
    module->BeginStatistics();
    const data::PixelCache& cache = *pictures_.statistics;
    for (int64_t first = 0; first < cache.size(); first += kBatch)
      module->AddStatistics(Normalized(cache, first, std::min(kBatch, cache.size() - first)));
    module->FinishStatistics();
    return module;
  }

  // Loss and accuracy on the held-out pictures.
  EpochMetrics Read(Module& module) {
    EpochMetrics row;
    Validate(module, *pictures_.held_out, run_.experiment.threshold, Ranks::Alone(), row);
    return row;
  }

  // What each layer puts out for some held-out pictures.
  std::vector<std::vector<float>> Outputs(Module& module) {
    const int64_t count = std::min(kBatch, pictures_.held_out->size());
    module.Scores(Normalized(*pictures_.held_out, 0, count));
    std::vector<std::vector<float>> outputs;
    for (size_t i = 0; i < pinned_.blocks.size(); ++i) {
      std::vector<float> all = module.LastOutput(i), some;
      const auto step = std::max<int64_t>(1, static_cast<int64_t>(all.size()) / kMostValues);
      for (size_t k = 0; k < all.size(); k += static_cast<size_t>(step)) some.push_back(all[k]);
      outputs.push_back(std::move(some));
    }
    return outputs;
  }

 private:
  StepInput Normalized(const data::PixelCache& cache, int64_t first, int64_t count) {
    CopyPixels(cache, {}, first, count, pixels_);
    NormalizeBatch(pinned_.normalize, count, cache.picture_bytes(), pixels_.data(), images_);
    return {.count = count, .images = images_.data(), .labels = nullptr};
  }
  SavedRun& run_;
  Pictures pictures_;
  Network pinned_;
  Checkpoint trained_;
  std::vector<uint8_t> pixels_;
  std::vector<float> images_;
};

// The greatest bits of codes whose sums with such weights stay exact.
int32_t MostRead(const Network& network, size_t i, const BlockShape& shape, int32_t weight_bits) {
  Network trial = network;
  trial.blocks[i].own_weights = &WeightQuantizerOf(*network.weight_quantizer, weight_bits);
  if (i == 0) return CheckAccumulator(trial, i, shape).ok() ? 8 : 0;
  trial.blocks[i - 1].activation = Activation::kQuantized;
  int32_t most = 0;
  for (int32_t bits = 1; bits <= 8; ++bits) {
    trial.blocks[i - 1].spec.bits = bits;
    if (CheckAccumulator(trial, i, shape).ok()) most = bits;
  }
  return most;
}

// What makes weights of so many bits without training: a step that was learned is of its own bits.
const WeightQuantizer& Untrained(const Network& pinned, size_t i, int32_t bits) {
  const WeightQuantizer& own = pinned.WeightsOf(pinned.blocks[i]);
  if (own.bits == bits) return own;
  const WeightQuantizer& configured = *pinned.weight_quantizer;
  return WeightQuantizerOf(configured.LearnsStep() ? *FindWeightQuantizer("none") : configured,
                           bits);
}

// Of a layer that puts out codes, or has an activation that could: both.
std::string BitsText(int32_t weights, int32_t codes, bool activates) {
  return activates ? fmt::format("w{}a{}", weights, codes) : fmt::format("w{}", weights);
}

}  // namespace

float BestMax(const std::vector<float>& values, int32_t bits) {
  const float greatest = values.empty() ? 0 : *std::max_element(values.begin(), values.end());
  if (!(greatest > 0)) return 1;
  float best = greatest;
  double least = -1;
  for (int i = 1; i <= kMaxima; ++i) {
    const ActivationSpec spec{.bits = bits, .max = greatest * static_cast<float>(i) / kMaxima};
    std::vector<float> coded(values.size());
    LinearMidTreadHalfForward(spec, static_cast<int64_t>(values.size()), values.data(),
                              coded.data());
    double error = 0;
    for (size_t k = 0; k < values.size(); ++k) {
      const double difference =
          static_cast<double>(std::max(values[k], 0.0F)) - static_cast<double>(coded[k]);
      error += difference * difference;
    }
    if (least >= 0 && error >= least) continue;
    least = error;
    best = spec.max;
  }
  return best;
}

Sensitivity Measure(SavedRun& run, const Pictures& pictures,
                    const std::function<void(int64_t done, int64_t all)>& progress) {
  const Network& network = run.module->network();
  const std::vector<BlockShape>& shapes = run.module->shapes();
  Probe probe(run, pictures);
  const Network& pinned = probe.pinned();
  const bool has_codes = network.activation_quantizer->quantizes;
  const std::unique_ptr<Module> trained = probe.Build(pinned);
  const EpochMetrics before = probe.Read(*trained);
  const std::vector<std::vector<float>> outputs = probe.Outputs(*trained);
  Sensitivity result{.network = network.name,
                     .images = pictures.held_out->size(),
                     .input_bits = InputBits(network, 0),
                     .loss = before.validation_loss,
                     .accuracy = before.validation_accuracy,
                     .weight_quantizer = pinned.weight_quantizer->name,
                     .activation_quantizer = pinned.activation_quantizer->name,
                     .layers = {}};
  const std::vector<LayerCost> costs = CostTable(network, shapes);
  const auto all = static_cast<int64_t>(network.blocks.size() * std::size(kCandidates));
  for (size_t i = 0; i < network.blocks.size(); ++i) {
    const bool codes = network.blocks[i].activation == Activation::kQuantized;
    LayerSensitivity layer{
        .layer = costs[i].name,
        .shape = costs[i].shape,
        .bits =
            BitsText(costs[i].w_bits, codes && has_codes ? network.blocks[i].spec.bits : 32, codes),
        .macs = costs[i].macs,
        .weights = costs[i].weights,
        .rows = {}};
    for (const Bits& bits : kCandidates) {
      Network changed = pinned;
      Block& block = changed.blocks[i];
      block.own_weights = &Untrained(pinned, i, bits.weights);
      if (codes) {
        block.activation = Activation::kQuantized;
        block.spec.bits = bits.codes;
        if (!has_codes) block.spec.max = BestMax(outputs[i], bits.codes);
      }
      const std::unique_ptr<Module> module = probe.Build(std::move(changed));
      const EpochMetrics after = probe.Read(*module);
      layer.rows.push_back({.bits = BitsText(bits.weights, bits.codes, codes),
                            .weight_bits = bits.weights,
                            .code_bits = codes ? bits.codes : 32,
                            .most_read = MostRead(pinned, i, shapes[i], bits.weights),
                            .loss = after.validation_loss,
                            .accuracy = after.validation_accuracy});
      if (progress)
        progress(static_cast<int64_t>(i * std::size(kCandidates) + layer.rows.size()), all);
    }
    result.layers.push_back(std::move(layer));
  }
  return result;
}

}  // namespace bluestem::train
