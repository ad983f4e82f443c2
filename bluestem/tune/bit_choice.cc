#include "bluestem/tune/bit_choice.h"

#include <algorithm>
#include <limits>

namespace bluestem::tune {
namespace {

// A choice of the first layers, as the last option and what stands before it.
struct Partial {
  int64_t cost = 0;
  double rise = 0;
  size_t option = 0;
  size_t before = 0;  // index into the partials of the layer before
};

int64_t LayerCost(const BitLayer& layer, const BitOption& option, int32_t read, BitCost cost) {
  if (cost == BitCost::kBytes) return (layer.weights * option.weight_bits + 7) / 8;
  return layer.macs * option.weight_bits * read;
}

bool MayRead(const BitOption& option, int32_t read) {
  return read == kRealBits || read <= option.most_read;
}

// Leaves those that none beats, in rising cost.
void KeepFront(std::vector<Partial>& partials) {
  std::stable_sort(partials.begin(), partials.end(), [](const Partial& a, const Partial& b) {
    return a.cost != b.cost ? a.cost < b.cost : a.rise < b.rise;
  });
  double least = std::numeric_limits<double>::infinity();
  std::vector<Partial> kept;
  for (const Partial& partial : partials) {
    if (partial.rise >= least) continue;
    least = partial.rise;
    kept.push_back(partial);
  }
  partials = std::move(kept);
}

// The partials of layer i that end in `option`.
std::vector<Partial> Extend(const BitLayer& layer, size_t option, const BitLayer* previous,
                            const std::vector<Partial>& before, int32_t input_bits, BitCost cost) {
  const BitOption& own = layer.options[option];
  std::vector<Partial> partials;
  for (size_t b = 0; b < before.size(); ++b) {
    const int32_t read =
        previous == nullptr ? input_bits : previous->options[before[b].option].code_bits;
    if (!MayRead(own, read)) continue;
    partials.push_back({.cost = before[b].cost + LayerCost(layer, own, read, cost),
                        .rise = before[b].rise + own.rise,
                        .option = option,
                        .before = b});
  }
  KeepFront(partials);
  return partials;
}

}  // namespace

int64_t CostOf(const std::vector<BitLayer>& layers, int32_t input_bits,
               const std::vector<size_t>& options, BitCost cost) {
  int64_t total = 0;
  int32_t read = input_bits;
  for (size_t i = 0; i < layers.size(); ++i) {
    const BitOption& option = layers[i].options[options[i]];
    total += LayerCost(layers[i], option, read, cost);
    read = option.code_bits;
  }
  return total;
}

std::vector<BitChoice> BitFront(const std::vector<BitLayer>& layers, int32_t input_bits,
                                BitCost cost) {
  std::vector<std::vector<Partial>> steps = {{Partial{}}};
  for (size_t i = 0; i < layers.size(); ++i) {
    std::vector<Partial> step;
    for (size_t option = 0; option < layers[i].options.size(); ++option) {
      const BitLayer* previous = i == 0 ? nullptr : &layers[i - 1];
      const std::vector<Partial> ending =
          Extend(layers[i], option, previous, steps.back(), input_bits, cost);
      step.insert(step.end(), ending.begin(), ending.end());
    }
    steps.push_back(std::move(step));
  }
  std::vector<Partial> last = steps.back();
  KeepFront(last);
  std::vector<BitChoice> front;
  for (Partial partial : last) {
    BitChoice choice{.cost = partial.cost, .rise = partial.rise, .options = {}};
    choice.options.resize(layers.size());
    for (size_t i = layers.size(); i-- > 0;) {
      choice.options[i] = partial.option;
      partial = steps[i][partial.before];
    }
    front.push_back(std::move(choice));
  }
  return front;
}

const BitChoice* Within(const std::vector<BitChoice>& front, int64_t budget) {
  const BitChoice* best = nullptr;
  for (const BitChoice& choice : front) {
    if (choice.cost <= budget) best = &choice;
  }
  return best;
}

}  // namespace bluestem::tune
