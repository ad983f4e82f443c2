// Rules that join several keys: one function, in the order of the file.
#include <algorithm>
#include <array>

#include "bluestem/config/fields.h"

namespace bluestem::config {
namespace {

struct NetworkRule {
  const char* name;
  int64_t multiple;  // both sides of the picture
  const char* reason;
  bool has_width;
  bool chooses_shortcut;
};

constexpr std::array kNetworks = {
    NetworkRule{"lmnet_v0", 32, "it halves the picture five times by pooling", false, false},
    NetworkRule{"lmnet_v1", 8, "it halves the picture three times by space-to-depth", false, false},
    NetworkRule{"bluestem_s", 4, "it halves the picture twice", true, true},
    NetworkRule{"bluestem_m", 8, "it halves the picture three times", true, true},
    NetworkRule{"bluestem_l", 8, "it halves the picture three times", true, true},
    NetworkRule{"bluestem_xl", 8, "it halves the picture three times", true, true},
    NetworkRule{"resnet20", 4, "it halves the picture twice", true, false},
    NetworkRule{"resnet18", 8, "it halves the picture three times", true, false},
};

Violation NetworkViolation(const Experiment& e) {
  const auto* network =
      std::find_if(kNetworks.begin(), kNetworks.end(),
                   [&](const NetworkRule& rule) { return e.network.name == rule.name; });
  if (network == kNetworks.end()) return {"", ""};
  if (e.data.height % network->multiple != 0 || e.data.width % network->multiple != 0) {
    return {"data.image_size",
            fmt::format("got [{}, {}]; expected multiples of {} for {}: {}", e.data.height,
                        e.data.width, network->multiple, network->name, network->reason)};
  }
  if (e.network.width != 0 && !network->has_width) {
    return {"network.width", fmt::format("got {}; expected 0: the widths of {} are fixed; "
                                         "bluestem_s to bluestem_xl, resnet20 and "
                                         "resnet18 have this key",
                                         e.network.width, network->name)};
  }
  if (e.network.shortcut != "stream" && !network->chooses_shortcut) {
    return {"network.shortcut",
            fmt::format("got {}; expected stream, the default: {}; bluestem_s to "
                        "bluestem_xl have this key",
                        e.network.shortcut,
                        network->has_width
                            ? fmt::format("the shortcuts of {} are always of codes", network->name)
                            : fmt::format("{} has no shortcuts", network->name))};
  }
  return {"", ""};
}

// NAME=wNaM, or one of the two.
bool IsLayerBits(const std::string& text) {
  const size_t equals = text.find('=');
  if (equals == 0 || equals == std::string::npos) return false;
  const std::string bits = text.substr(equals + 1);
  const auto is = [&](size_t at, char kind) {
    return bits[at] == kind && bits[at + 1] >= '1' && bits[at + 1] <= '8';
  };
  return (bits.size() == 2 && (is(0, 'w') || is(0, 'a'))) ||
         (bits.size() == 4 && is(0, 'w') && is(2, 'a'));
}

Violation LayerViolation(const Experiment& e) {
  for (const std::string& layer : e.network.layer_bits) {
    if (!IsLayerBits(layer))
      return {
          "network.layer_bits",
          fmt::format("got {}; expected NAME=w4a4, NAME=w4 or NAME=a4 with 1 to 8 bits", layer)};
  }
  return {"", ""};
}

Violation EstimatorViolation(const Experiment& e) {
  const NetworkConfig& n = e.network;
  if (n.weight_ste != "identity" && n.weight_quantizer.rfind("binary_", 0) != 0) {
    return {"network.weight_ste",
            fmt::format("got {} with network.weight_quantizer {}; expected identity, or "
                        "binary_mean_scaling or binary_channel_wise_mean_scaling: the others "
                        "stand for the derivative of a sign",
                        n.weight_ste, n.weight_quantizer)};
  }
  if (n.activation_ste != "clipped" && n.activation_quantizer != "linear_mid_tread_half") {
    return {"network.activation_ste",
            fmt::format("got {} with network.activation_quantizer {}; expected clipped, or "
                        "linear_mid_tread_half: pact and lsq have gradients of their own",
                        n.activation_ste, n.activation_quantizer)};
  }
  return {"", ""};
}

Violation AugmentationViolation(const Experiment& e) {
  const int64_t side = std::min(e.data.height, e.data.width);
  if (e.augmentation.pad_crop >= side) {
    return {
        "augmentation.pad_crop",
        fmt::format(
            "got {}; expected less than the picture's shorter side, {}: the border is a reflection",
            e.augmentation.pad_crop, side)};
  }
  if (e.augmentation.cutout > side) {
    return {"augmentation.cutout",
            fmt::format("got {}; expected at most the picture's shorter side, {}",
                        e.augmentation.cutout, side)};
  }
  if (e.data.channels == 1 && e.augmentation.saturation != 0) {
    return {"augmentation.saturation",
            fmt::format("got {}; expected 0: a grey picture (data.channels 1) has no colour",
                        e.augmentation.saturation)};
  }
  if (e.data.channels == 1 && e.augmentation.hue != 0) {
    return {"augmentation.hue",
            fmt::format("got {}; expected 0: a grey picture (data.channels 1) has no colour",
                        e.augmentation.hue)};
  }
  return {"", ""};
}

}  // namespace

// -1 stands for the network's own value; nothing else below 0 means anything.
Violation RecipeViolation(const Experiment& e) {
  const std::pair<const char*, double> keys[] = {{"train.float_weights", e.train.float_weights},
                                                 {"train.beta_rate", e.train.beta_rate},
                                                 {"train.lookahead", e.train.lookahead}};
  for (const auto& [key, value] : keys) {
    if (value < 0 && value != -1)
      return {key, fmt::format("got {}; expected -1, the network's own, or 0 and more", value)};
  }
  if (e.train.device == "cuda" && e.train.arithmetic == "integer") {
    return {"train.arithmetic",
            "got integer with train.device cuda; expected auto or float: the integer sums are the "
            "CPU's"};
  }
  if (e.train.patience > 0 && e.train.select != "best") {
    return {"train.patience",
            fmt::format("got {} with train.select {}; expected 0, or train.select: best: the last "
                        "epoch is not known before the end",
                        e.train.patience, e.train.select)};
  }
  return {"", ""};
}

Violation FirstViolation(const Experiment& e) {
  if (e.name.empty()) return {"name", "got \"\"; expected a name"};
  const bool safe = std::all_of(e.name.begin(), e.name.end(), [](char c) {
    return static_cast<unsigned char>(c) >= 0x20 && c != '/' && c != '\\' && c != 0x7f;
  });
  if (!safe || e.name == "." || e.name == ".." || e.name.size() > 100) {
    return {"name", "it names folders; expected at most 100 characters without / and \\"};
  }
  if (e.classes.size() == 1) return {"classes", "got 1 class; expected [] or at least 2"};
  if (e.data.path.empty()) {
    return {"data.path", "missing; expected the folder (or idx file) of the training images"};
  }
  if (e.task == "multi_label_classification" && e.data.format != "csv" && e.data.format != "auto") {
    return {"data.format",
            fmt::format("got {}; expected csv for {}: other layouts have one class a picture",
                        e.data.format, e.task)};
  }
  if (e.data.channels == 2) return {"data.channels", "got 2; expected 1 or 3"};
  if (const Violation found = AugmentationViolation(e); *found.key != '\0') return found;
  if (const Violation found = NetworkViolation(e); *found.key != '\0') return found;
  if (const Violation found = LayerViolation(e); *found.key != '\0') return found;
  if (const Violation found = EstimatorViolation(e); *found.key != '\0') return found;
  if (const Violation found = RecipeViolation(e); *found.key != '\0') return found;
  if (!e.distillation.teacher.empty() && e.task != "classification") {
    return {"distillation.teacher",
            fmt::format("got {} with task {}; expected \"\", or task classification: what is "
                        "compared are softmaxes over the classes",
                        e.distillation.teacher, e.task)};
  }
  if (e.train.schedule == "3-step-with-warmup" && e.train.epochs < 4) {
    return {
        "train.epochs",
        fmt::format("got {}; expected at least 4 for 3-step-with-warmup: the first epoch is the "
                    "warm-up",
                    e.train.epochs)};
  }
  return {"", ""};
}

Status CheckRanks(const Experiment& experiment, int64_t ranks) {
  const int64_t batch = experiment.train.batch, below = batch / ranks * ranks;
  if (below == batch) return OkStatus();
  return Error(Code::kInvalidArgument,
               "train.batch: got {}; expected a multiple of {}, the number of ranks, such as {}",
               batch, ranks, below == 0 ? ranks : below);
}

}  // namespace bluestem::config
