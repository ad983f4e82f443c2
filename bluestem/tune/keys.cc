// Which keys of a configuration a search may vary.
#include <array>

#include "bluestem/tune/space.h"

namespace bluestem::tune {
namespace {

constexpr const char* kSearched = "";
constexpr const char* kSameImages = "all trials are compared on the same validation images";
constexpr const char* kSameLabels = "all trials are compared on the same labels";
constexpr const char* kEpochs = "rungs are counted in epochs";
constexpr const char* kNoTrial = "it does not change what is learned";

// In the order of the configuration. The rows' order and completeness have a test.
constexpr std::array kRules = {
    KeyRule{"version", kNoTrial},
    KeyRule{"name", kNoTrial},
    KeyRule{"task", kSameLabels},
    KeyRule{"threshold", kNoTrial},
    KeyRule{"classes", kSameLabels},

    KeyRule{"data.format", kSameImages},
    KeyRule{"data.path", kSameImages},
    KeyRule{"data.validation", kSameImages},
    KeyRule{"data.validation_fraction", kSameImages},
    KeyRule{"data.image_size", kSearched},
    KeyRule{"data.channels", kSearched},
    KeyRule{"data.resize", kSearched},
    KeyRule{"data.normalize", kSearched},
    KeyRule{"data.loader_threads", kNoTrial},
    KeyRule{"data.unreadable", kSameImages},
    KeyRule{"data.image_column", kSameImages},
    KeyRule{"data.label_columns", kSameLabels},
    KeyRule{"data.no_label", kSameLabels},
    KeyRule{"data.uncertain", kSameLabels},

    KeyRule{"augmentation.pad_crop", kSearched},
    KeyRule{"augmentation.flip", kSearched},
    KeyRule{"augmentation.brightness", kSearched},
    KeyRule{"augmentation.contrast", kSearched},
    KeyRule{"augmentation.saturation", kSearched},
    KeyRule{"augmentation.hue", kSearched},
    KeyRule{"augmentation.rotate", kSearched},
    KeyRule{"augmentation.cutout", kSearched},
    KeyRule{"augmentation.mixup", kSearched},
    KeyRule{"augmentation.cutmix", kSearched},

    KeyRule{"network.name", kSearched},
    KeyRule{"network.width", kSearched},
    KeyRule{"network.shortcut", kSearched},
    KeyRule{"network.weight_quantizer", kSearched},
    KeyRule{"network.activation_quantizer", kSearched},
    KeyRule{"network.weight_ste", kSearched},
    KeyRule{"network.activation_ste", kSearched},
    KeyRule{"network.activation_bits", kSearched},
    KeyRule{"network.activation_max", kSearched},
    KeyRule{"network.layer_bits", kSearched},
    KeyRule{"network.dropout", kSearched},
    KeyRule{"network.mirror", kSearched},

    KeyRule{"train.batch", kSearched},
    KeyRule{"train.epochs", "the rungs of the search set it, up to the configuration's"},
    KeyRule{"train.max_minutes", kEpochs},
    KeyRule{"train.seed", kSameImages},
    KeyRule{"train.threads", kNoTrial},
    KeyRule{"train.optimizer", kSearched},
    KeyRule{"train.learning_rate", kSearched},
    KeyRule{"train.rate_batch", kSearched},
    KeyRule{"train.momentum", kSearched},
    KeyRule{"train.weight_decay", kSearched},
    KeyRule{"train.schedule", kSearched},
    KeyRule{"train.warmup", kSearched},
    KeyRule{"train.label_smoothing", kSearched},
    KeyRule{"train.gradient_clip", kSearched},
    KeyRule{"train.ema", kSearched},
    KeyRule{"train.class_weights", kSearched},
    KeyRule{"train.float_weights", kSearched},
    KeyRule{"train.beta_rate", kSearched},
    KeyRule{"train.lookahead", kSearched},
    KeyRule{"train.arithmetic", kSearched},
    KeyRule{"train.device", "all trials run on the same device; train.arithmetic may vary"},
    KeyRule{"train.backend", kNoTrial},
    KeyRule{"train.select",
            "best is the greatest of the epochs' accuracies and last is not chosen, so that they "
            "do not compare"},
    KeyRule{"train.patience", kEpochs},
    KeyRule{"train.checkpoint_steps", kNoTrial},
    KeyRule{"train.keep_checkpoints", kNoTrial},
    KeyRule{"train.rank_timeout", kNoTrial},
    KeyRule{"train.fp32_baseline", kNoTrial},

    KeyRule{"distillation.teacher", kSearched},
    KeyRule{"distillation.temperature", kSearched},
    KeyRule{"distillation.weight", kSearched},
};

}  // namespace

std::span<const KeyRule> KeyRules() {
  return kRules;
}

}  // namespace bluestem::tune
