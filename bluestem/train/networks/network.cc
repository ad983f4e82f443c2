#include "bluestem/train/networks/network.h"

#include "bluestem/train/networks/cost.h"

namespace bluestem::train {

const std::vector<NetworkRow>& Networks() {
  static const std::vector<NetworkRow> rows = {
      {"lmnet_v0",
       "the seed's classifier with five max-pools; image sides are multiples of 32",
       LmnetV0,
       {}},
      {"lmnet_v1",
       "the seed's classifier with space to depth; image sides are multiples of 8",
       LmnetV1,
       {}},
      {"bluestem_s",
       "ours: trains in minutes, integers but for the mean; image sides are multiples of 4",
       BluestemS,
       {.beta_rate = 8.0, .float_weight_share = 0.4, .lookahead = 0.0}},
      {"bluestem_m",
       "ours, with a third stage at a quarter of the map; image sides are multiples of 8",
       BluestemM,
       {.beta_rate = 8.0, .float_weight_share = 0.0, .lookahead = 0.0}},
      {"bluestem_l",
       "ours, with a stage at half of the map before those; image sides are multiples of 8",
       BluestemL,
       {.beta_rate = 8.0, .float_weight_share = 0.0, .lookahead = 0.0}},
      {"bluestem_xl",
       "ours, from the picture's whole map on: for accuracy; image sides are multiples of 8",
       BluestemXl,
       {.beta_rate = 8.0, .float_weight_share = 0.0, .lookahead = 0.0}},
      {"resnet20",
       "He et al.'s for CIFAR-10, twice as wide, with shortcuts of codes; image sides are "
       "multiples of 4",
       Resnet20,
       {.beta_rate = 8.0, .float_weight_share = 0.0, .lookahead = 0.0}},
      {"resnet18",
       "He et al.'s with a stem for small pictures and shortcuts of codes; image sides are "
       "multiples of 8",
       Resnet18,
       {.beta_rate = 8.0, .float_weight_share = 0.0, .lookahead = 0.0}},
  };
  return rows;
}

const WeightQuantizer& Network::WeightsOf(const Block& block) const {
  // An fp32 baseline is float throughout.
  if (weight_quantizer->bits == 0 ||
      (block.weights == Weights::kFloat && block.own_weights == nullptr))
    return *FindWeightQuantizer("none");
  if (block.own_weights != nullptr) return *block.own_weights;
  if (block.weights == Weights::kEightBit) return *FindWeightQuantizer("linear_symmetric_8bit");
  return *weight_quantizer;
}

const ActivationQuantizer* Network::ActivationOf(const Block& block) const {
  switch (block.activation) {
    case Activation::kQuantized: return activation_quantizer;
    case Activation::kRelu: return FindActivationQuantizer("none");
    case Activation::kNone: return nullptr;
  }
  return nullptr;
}

bool Network::MakesCodes(size_t i) const {
  return blocks[i].activation == Activation::kQuantized && activation_quantizer->quantizes;
}

bool Network::FeedsShortcut(size_t i) const {
  for (size_t k = i + 1; k < blocks.size(); ++k) {
    if (static_cast<size_t>(blocks[k].code_shortcut) == k - i) return true;
  }
  return false;
}

int64_t Network::ShortcutStride(size_t i) const {
  int64_t stride = 1;
  for (size_t k = i; k + static_cast<size_t>(blocks[i].code_shortcut) > i; --k)
    stride *= blocks[k].stride;
  return stride;
}

Result<std::vector<BlockShape>> Shapes(const Network& network) {
  std::vector<BlockShape> shapes;
  int64_t h = network.h, w = network.w, c = network.c;
  for (const Block& block : network.blocks) {
    BlockShape shape{};
    shape.h = h, shape.w = w, shape.ci = c, shape.co = block.channels;
    shape.k = int64_t{block.kernel} * block.kernel * c;
    shape.conv_h = (h + 2 * block.pad - block.kernel) / block.stride + 1;
    shape.conv_w = (w + 2 * block.pad - block.kernel) / block.stride + 1;
    const int64_t pool = block.pool > 0 ? block.pool : 1;
    const int64_t fold = block.space_to_depth > 0 ? block.space_to_depth : 1;
    const int64_t divisor = pool * fold;
    if (shape.conv_h < 1 || shape.conv_w < 1 || shape.conv_h % divisor != 0 ||
        shape.conv_w % divisor != 0) {
      return Error(Code::kInvalidArgument,
                   "data.image_size: got [{}, {}]; {} halves its maps, and {} would get {}x{}, "
                   "which {} does not "
                   "divide; choose another size (see `bluestem config keys`)",
                   network.h, network.w, network.name, block.name, shape.conv_h, shape.conv_w,
                   divisor);
    }
    shape.norm_h = block.pool_first ? shape.conv_h / pool : shape.conv_h;
    shape.norm_w = block.pool_first ? shape.conv_w / pool : shape.conv_w;
    shape.out_h = shape.conv_h / divisor;
    shape.out_w = shape.conv_w / divisor;
    h = shape.out_h, w = shape.out_w, c = shape.co * fold * fold;
    shapes.push_back(shape);
  }
  return shapes;
}

namespace {

image::Normalize NormalizeOf(const std::string& name) {
  if (name == "per_image_standardization") return image::Normalize::kPerImageStandardization;
  if (name == "none") return image::Normalize::kNone;
  return image::Normalize::kDivideBy255;
}

// "deep1=w4a4", whose form the configuration has checked.
Status SetLayerBits(const std::string& layer, Network& network) {
  const size_t equals = layer.find('=');
  const std::string name = layer.substr(0, equals);
  std::string known;
  for (Block& block : network.blocks) {
    known += (known.empty() ? "" : ", ") + block.name;
    if (block.name != name) continue;
    for (size_t i = equals + 1; i + 1 < layer.size(); i += 2) {
      const int32_t bits = layer[i + 1] - '0';
      if (layer[i] == 'w') {
        block.own_weights = &WeightQuantizerOf(*network.weight_quantizer, bits);
      } else {
        block.spec.bits = bits;
      }
    }
    return OkStatus();
  }
  return Error(Code::kInvalidArgument, "network.layer_bits: got {}; the layers of {} are {}", layer,
               network.name, known);
}

void CheckCodeShortcut(const Network& network, const std::vector<BlockShape>& shapes, size_t i) {
  const Block& block = network.blocks[i];
  if (block.code_shortcut == 0) return;
  BLUESTEM_CHECK(block.code_shortcut <= 2 && static_cast<size_t>(block.code_shortcut) <= i &&
                     block.batch_norm && !block.shortcut && !block.pool_first,
                 "a shortcut of codes comes from one or two blocks back and follows a norm");
  const size_t source = i - static_cast<size_t>(block.code_shortcut);
  const int64_t stride = network.ShortcutStride(i), channels = shapes[source + 1].ci;
  BLUESTEM_CHECK((shapes[source].out_h - 1) / stride + 1 == shapes[i].norm_h &&
                     (shapes[source].out_w - 1) / stride + 1 == shapes[i].norm_w &&
                     channels <= block.channels,
                 "a shortcut of codes joins equal shapes but for a stride and new channels");
}

}  // namespace

Result<Network> MakeNetwork(const config::Experiment& experiment, int64_t classes) {
  const config::NetworkConfig& config = experiment.network;
  Network network;
  std::string known;
  for (const NetworkRow& row : Networks()) {
    known += (known.empty() ? "" : ", ") + std::string(row.name);
    if (config.name != row.name) continue;
    network.name = row.name;
    network.blocks = row.blocks(experiment, classes);
    network.recipe = row.recipe;
  }
  if (network.name.empty()) {
    return Error(Code::kInvalidArgument, "network.name: got {}; expected one of {}", config.name,
                 known);
  }
  network.h = experiment.data.height, network.w = experiment.data.width,
  network.c = experiment.data.channels;
  network.classes = classes;
  network.head = experiment.task == "classification" ? Head::kSoftmax : Head::kSigmoid;
  network.normalize = NormalizeOf(experiment.data.normalize);
  network.weight_quantizer = FindWeightQuantizer(config.weight_quantizer);
  network.activation_quantizer = FindActivationQuantizer(config.activation_quantizer);
  if (network.weight_quantizer == nullptr) {
    return Error(Code::kInvalidArgument,
                 "network.weight_quantizer: got {}; see `bluestem config keys`",
                 config.weight_quantizer);
  }
  if (network.activation_quantizer == nullptr) {
    return Error(Code::kInvalidArgument,
                 "network.activation_quantizer: got {}; see `bluestem config keys`",
                 config.activation_quantizer);
  }
  network.weight_ste = FindWeightSte(config.weight_ste);
  if (network.weight_ste == nullptr) {
    return Error(Code::kInvalidArgument, "network.weight_ste: got {}; see `bluestem config keys`",
                 config.weight_ste);
  }
  if (config.activation_ste != "clipped")
    network.activation_quantizer = WithActivationSte(config.activation_ste);
  if (network.activation_quantizer == nullptr) {
    return Error(Code::kInvalidArgument,
                 "network.activation_ste: got {}; see `bluestem config keys`",
                 config.activation_ste);
  }
  for (Block& block : network.blocks) {
    block.spec = {.bits = static_cast<int32_t>(config.activation_bits),
                  .max = static_cast<float>(config.activation_max)};
  }
  for (const std::string& layer : config.layer_bits)
    BLUESTEM_RETURN_IF_ERROR(SetLayerBits(layer, network));
  network.dropout = config.dropout;
  network.mirror = config.mirror;
  const auto choose = [](double given, double& own) { own = given >= 0 ? given : own; };
  choose(experiment.train.float_weights, network.recipe.float_weight_share);
  choose(experiment.train.beta_rate, network.recipe.beta_rate);
  choose(experiment.train.lookahead, network.recipe.lookahead);
  BLUESTEM_ASSIGN_OR_RETURN(const std::vector<BlockShape> shapes, Shapes(network));
  for (size_t i = 0; i < network.blocks.size(); ++i) {
    const Block& block = network.blocks[i];
    BLUESTEM_CHECK(!block.pool_first || !block.gamma, "a pool before the norm needs gamma 1");
    BLUESTEM_CHECK(!block.shortcut || (i > 0 && shapes[i - 1].out_h == shapes[i].norm_h &&
                                       shapes[i - 1].norm_h == shapes[i].norm_h &&
                                       shapes[i - 1].co == block.channels),
                   "a shortcut joins equal shapes");
    CheckCodeShortcut(network, shapes, i);
    BLUESTEM_RETURN_IF_ERROR(CheckAccumulator(network, i, shapes[i]));
  }
  return network;
}

}  // namespace bluestem::train
