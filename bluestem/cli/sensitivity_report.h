// What bluestem sensitivity measured and chose, as JSON and as a page.
// Threads: free functions without state. Ownership: values.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "bluestem/tune/bit_choice.h"

namespace bluestem::cli {

struct MeasuredLayer {
  std::string shape;               // "3x3 64 -> 128 at 14x14"
  std::string trained;             // "w32a32"
  std::vector<double> accuracies;  // one an option
};

struct SensitivityResult {
  std::string run;
  std::string network;
  int64_t images = 0;
  int32_t input_bits = 8;
  double loss = 0;
  double accuracy = 0;
  std::string weight_quantizer, activation_quantizer;
  std::vector<tune::BitLayer> layers;
  std::vector<MeasuredLayer> measured;  // one a layer

  tune::BitCost cost = tune::BitCost::kBytes;  // of the budget
  std::vector<tune::BitChoice> front;
  std::optional<tune::BitChoice> choice;  // where a budget was given
};

// Returns what a person reads for a cost: "12.34 kB" or "5.67 MMAC".
std::string CostText(int64_t cost, tune::BitCost unit);
// Returns the lines for a config.yaml, without the indent of their section.
std::vector<std::string> ConfigLines(const SensitivityResult& result);

nlohmann::ordered_json SensitivityJson(const SensitivityResult& result);
std::string SensitivityPage(const SensitivityResult& result);

}  // namespace bluestem::cli
