#include "bluestem/train/internal/graph.h"

#include <map>

#include "bluestem/train/internal/exact.h"

namespace bluestem::train {
namespace {

using ir::Attributes;
using ir::ValueId;

Tensor Vector(const std::vector<float>& values) {
  return Tensor::Of<float>({static_cast<int64_t>(values.size())}, values);
}

// Builds node by node; a name is the block's, a slash and the step's.
class Builder {
 public:
  explicit Builder(const Module& module) : module_(module), network_(module.network()) {}

  Result<ir::Graph> Build() {
    graph_.name = network_.name;
    ValueId x = graph_.AddInput("input", DType::kF32, {1, network_.c, network_.h, network_.w});
    if (ReadsCodes(network_)) {
      BLUESTEM_ASSIGN_OR_RETURN(x, Quantize("input", x, PixelScale(network_), 8));
    }
    BLUESTEM_ASSIGN_OR_RETURN(const ValueId picture, Means(x));
    if (network_.mirror) {
      BLUESTEM_ASSIGN_OR_RETURN(x, Append("Slice", "mirror", {x},
                                          Attributes()
                                              .Set("starts", std::vector<int64_t>{-1})
                                              .Set("ends", std::vector<int64_t>{-network_.w - 1})
                                              .Set("axes", std::vector<int64_t>{3})
                                              .Set("steps", std::vector<int64_t>{-1})));
      suffix_ = "/mirror";
      BLUESTEM_ASSIGN_OR_RETURN(x, Means(x));
      suffix_.clear();
      BLUESTEM_ASSIGN_OR_RETURN(x, Append("Add", "both", {picture, x}));
      BLUESTEM_ASSIGN_OR_RETURN(
          x, Append("Mul", "average", {x, Constant("half", Tensor::Of<float>({}, {0.5F}))}));
    } else {
      x = picture;
    }
    BLUESTEM_ASSIGN_OR_RETURN(
        x, network_.head == Head::kSigmoid
               ? Append("Sigmoid", "probabilities", {x})
               : Append("Softmax", "probabilities", {x}, Attributes().Set("axis", int64_t{1})));
    graph_.outputs = {x};
    BLUESTEM_RETURN_IF_ERROR(ir::Verify(graph_));
    return std::move(graph_);
  }

 private:
  // Names of the mirror image's nodes end in suffix_.
  Result<ValueId> Append(const std::string& op, const std::string& name,
                         std::vector<ValueId> inputs, Attributes attributes = {}) {
    return graph_.Append(op, name + suffix_, std::move(inputs), std::move(attributes));
  }
  // The picture and its mirror image share constants.
  ValueId Constant(const std::string& name, Tensor tensor) {
    const auto [at, is_new] = constants_.try_emplace(name, ir::kNoValue);
    if (is_new) at->second = graph_.AddConstant(name, std::move(tensor));
    return at->second;
  }

  // Appends all blocks and the mean over the last map: [1, classes].
  Result<ValueId> Means(ValueId x) {
    ValueId before = ir::kNoValue;
    outputs_.clear();
    for (size_t i = 0; i < network_.blocks.size(); ++i) {
      BLUESTEM_RETURN_IF_ERROR(AppendBlock(i, x, before));
      outputs_.push_back(x);
    }
    BLUESTEM_ASSIGN_OR_RETURN(x, Append("GlobalAvgPool", "mean", {x}, Nchw()));
    return Append("Reshape", "flatten", {x},
                  Attributes().Set("shape", std::vector<int64_t>{1, network_.classes}));
  }

  static Attributes Nchw() { return Attributes().Set("layout", std::string("NCHW")); }
  static Attributes Window(int64_t side) {
    return Nchw()
        .Set("kernel", std::vector<int64_t>{side, side})
        .Set("strides", std::vector<int64_t>{side, side})
        .Set("pads", std::vector<int64_t>{0, 0, 0, 0});
  }

  Result<ValueId> Quantize(const std::string& name, ValueId x, float scale, int64_t bits) {
    const ValueId step = Constant(name + "/scale", Tensor::Of<float>({}, {scale}));
    const ValueId zero = Constant(name + "/zero_point", Tensor::Of<float>({}, {0.0F}));
    return Append("Quant", name + "/quant", {x, step, zero},
                  Attributes()
                      .Set("bits", bits)
                      .Set("signed", int64_t{0})
                      .Set("narrow", int64_t{0})
                      .Set("rounding", std::string("HALF_UP")));
  }

  // The weights, OIHW, and their quantizer: latent ones where a sign is all that it takes, else
  // values that round to their codes.
  Result<ValueId> WeightsOf(size_t i) {
    const Block& block = network_.blocks[i];
    const BlockShape& shape = module_.shapes()[i];
    const BlockConstants constants = ConstantsOf(module_, i);
    std::vector<float> latent = constants.real_weights;
    const int32_t bits = constants.weights.bits;
    for (const ParameterView& view : module_.parameters()) {
      if (bits == 1 && view.block == i && view.role == Role::kWeight)
        latent.assign(view.value, view.value + view.count);
    }
    if (bits == 1) {
      for (float& w : latent) w *= block.gain;
    } else if (bits != 0) {
      latent.resize(static_cast<size_t>(shape.co * shape.k));
      Values(constants.weights, shape.co, shape.k, latent.data());
    }
    const Tensor ohwi = Tensor::Of<float>({shape.co, block.kernel, block.kernel, shape.ci}, latent);
    const ValueId w = Constant(block.name + "/weight", ohwi.Transposed({0, 3, 1, 2}));
    if (bits == 0) return w;
    const std::vector<float>& scales = constants.weights.scales;
    const Shape scale_shape = scales.size() == 1 ? Shape{} : Shape{shape.co, 1, 1, 1};
    const ValueId scale =
        Constant(block.name + "/weight_scale", Tensor::Of<float>(scale_shape, scales));
    if (bits == 1) return Append("BinaryQuant", block.name + "/weight_quant", {w, scale});
    const ValueId zero = Constant(block.name + "/weight_zero_point", Tensor::Of<float>({}, {0.0F}));
    return Append("Quant", block.name + "/weight_quant", {w, scale, zero},
                  Attributes()
                      .Set("bits", int64_t{bits})
                      .Set("signed", int64_t{1})
                      .Set("narrow", int64_t{1})
                      .Set("rounding", std::string("ROUND")));
  }

  Status AppendBlock(size_t i, ValueId& x, ValueId& before) {
    const Block& block = network_.blocks[i];
    const BlockConstants constants = ConstantsOf(module_, i);
    if (weights_.size() == i) {
      BLUESTEM_ASSIGN_OR_RETURN(const ValueId w, WeightsOf(i));
      weights_.push_back(w);
    }
    std::vector<ValueId> inputs = {x, weights_[i]};
    if (block.bias) inputs.push_back(Constant(block.name + "/bias", Vector(constants.bias)));
    const std::vector<int64_t> strides(2, block.stride), pads(4, block.pad);
    BLUESTEM_ASSIGN_OR_RETURN(x, Append("Conv", block.name, inputs,
                                        Nchw()
                                            .Set("strides", strides)
                                            .Set("pads", pads)
                                            .Set("dilations", std::vector<int64_t>{1, 1})
                                            .Set("groups", int64_t{1})));
    if (block.batch_norm) {
      const ValueId gamma = Constant(block.name + "/gamma", Vector(constants.gamma));
      const ValueId beta = Constant(block.name + "/beta", Vector(constants.beta));
      const ValueId mean = Constant(block.name + "/mean", Vector(constants.mean));
      const ValueId variance = Constant(block.name + "/variance", Vector(constants.variance));
      BLUESTEM_ASSIGN_OR_RETURN(
          x, Append("BatchNorm", block.name + "/norm", {x, gamma, beta, mean, variance},
                    Nchw().Set("epsilon", static_cast<double>(block.epsilon))));
    }
    return Activate(i, x, before);
  }

  // What the block's code_shortcut adds.
  Result<ValueId> Added(size_t i) {
    const Block& block = network_.blocks[i];
    const size_t source = i - static_cast<size_t>(block.code_shortcut);
    const BlockShape& from = module_.shapes()[source + 1];
    const int64_t stride = network_.ShortcutStride(i), missing = block.channels - from.ci;
    ValueId x = outputs_[source];
    if (stride > 1) {
      BLUESTEM_ASSIGN_OR_RETURN(x, Append("Slice", block.name + "/pixels", {x},
                                          Attributes()
                                              .Set("starts", std::vector<int64_t>{0, 0})
                                              .Set("ends", std::vector{from.h, from.w})
                                              .Set("axes", std::vector<int64_t>{2, 3})
                                              .Set("steps", std::vector(2, stride))));
    }
    if (missing == 0) return x;
    return Append("Pad", block.name + "/channels", {x},
                  Attributes()
                      .Set("pads", std::vector<int64_t>{0, 0, 0, 0, 0, missing, 0, 0})
                      .Set("value", 0.0));
  }

  // A pool that training puts before the norm stands behind the quantizer here (they commute: gamma
  // is 1), unless the value before the quantizer is needed at the pooled size.
  Status Activate(size_t i, ValueId& x, ValueId& before) {
    const Block& block = network_.blocks[i];
    const bool needed_later = i + 1 < network_.blocks.size() && network_.blocks[i + 1].shortcut;
    bool pool = block.pool > 0;
    if (pool && block.pool_first && (needed_later || block.shortcut)) {
      BLUESTEM_ASSIGN_OR_RETURN(x,
                                Append("MaxPool", block.name + "/pool", {x}, Window(block.pool)));
      pool = false;
    }
    if (block.code_shortcut > 0) {
      BLUESTEM_ASSIGN_OR_RETURN(before, Added(i));
    }
    if (block.shortcut || block.code_shortcut > 0) {
      BLUESTEM_ASSIGN_OR_RETURN(x, Append("Add", block.name + "/add", {x, before}));
    }
    before = x;
    const ActivationQuantizer* activation = network_.ActivationOf(block);
    if (activation != nullptr && activation->quantizes) {
      BLUESTEM_ASSIGN_OR_RETURN(x, Quantize(block.name, x, block.spec.Scale(), block.spec.bits));
    } else if (activation != nullptr) {
      BLUESTEM_ASSIGN_OR_RETURN(x, Append("Relu", block.name + "/relu", {x}));
    }
    if (pool) {
      BLUESTEM_ASSIGN_OR_RETURN(x,
                                Append("MaxPool", block.name + "/pool", {x}, Window(block.pool)));
    }
    if (block.space_to_depth > 0) {
      BLUESTEM_ASSIGN_OR_RETURN(
          x,
          Append(
              "SpaceToDepth", block.name + "/space_to_depth", {x},
              Nchw().Set("block", int64_t{block.space_to_depth}).Set("mode", std::string("DCR"))));
    }
    return OkStatus();
  }

  const Module& module_;
  const Network& network_;
  ir::Graph graph_;
  std::vector<ValueId> outputs_;  // of the blocks so far
  std::vector<ValueId> weights_;  // of the blocks so far; the mirror image has the same
  std::map<std::string, ValueId> constants_;
  std::string suffix_;
};

}  // namespace

Result<ir::Graph> ToGraph(const Module& module) {
  return Builder(module).Build();
}

}  // namespace bluestem::train
