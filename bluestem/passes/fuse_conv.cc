// What a convolution does on the way: a constant Add after it is its bias, a zero Pad before it are
// its pads.
#include "bluestem/passes/catalogue.h"
#include "bluestem/passes/rewrite.h"

namespace bluestem::passes {
namespace {

using ir::Node;
using ir::ValueId;

// Returns the pads [top, left, bottom, right] that `pad` adds around a map, or nothing where it
// pads otherwise.
std::vector<int64_t> SpatialPads(const ir::Graph& graph, const Node& pad) {
  const auto pads = pad.attributes.Ints("pads");
  if (graph.value(pad.inputs[0]).shape.size() != 4 || pad.attributes.Float("value", 0) != 0)
    return {};
  if (pads[0] != 0 || pads[3] != 0 || pads[4] != 0 || pads[7] != 0) return {};
  return {pads[1], pads[2], pads[5], pads[6]};
}

// Returns the constant bias [co] that the only reader of a convolution adds, and absorbs that
// reader.
std::optional<std::vector<double>> FollowingBias(Rewriter& rewriter, const Node& conv,
                                                 const Node*& add) {
  add = rewriter.OnlyUser(conv.outputs[0]);
  if (conv.inputs.size() > 2 && conv.inputs[2] != ir::kNoValue) return std::nullopt;
  if (add == nullptr || add->op != "Add") return std::nullopt;
  const ValueId other = add->inputs[add->inputs[0] == conv.outputs[0] ? 1 : 0];
  const Shape& shape = rewriter.graph().value(conv.outputs[0]).shape;
  if (rewriter.graph().value(add->outputs[0]).shape != shape) return std::nullopt;
  return PerChannelOf(rewriter.graph(), other, shape);
}

}  // namespace

Result<int> FuseConv(ir::Graph& graph, PassContext& context) {
  Rewriter rewriter(graph);
  for (const Node& node : rewriter.old_nodes()) {
    if (rewriter.IsAbsorbed(node)) continue;
    if (node.op != "Conv") {
      BLUESTEM_RETURN_IF_ERROR(rewriter.Keep(node));
      continue;
    }
    Node conv = node;
    const Node* pad = rewriter.Producer(conv.inputs[0]);
    if (pad != nullptr && pad->op == "Pad") {
      const auto more = SpatialPads(graph, *pad);
      auto pads = conv.attributes.Ints("pads", {0, 0, 0, 0});
      if (!more.empty()) {
        for (size_t i = 0; i < 4; ++i) pads[i] += more[i];
        conv.attributes.Set("pads", pads);
        conv.inputs[0] = pad->inputs[0];
        rewriter.CountChange();
        Decide(context, "fuse_conv", node.name,
               fmt::format("pads itself instead of \"{}\"", pad->name));
      }
    }
    const Node* add = nullptr;
    const auto bias = FollowingBias(rewriter, node, add);
    if (bias) {
      const std::vector<float> values(bias->begin(), bias->end());
      conv.inputs.resize(2);
      const auto co = static_cast<int64_t>(values.size());
      conv.inputs.push_back(
          graph.AddConstant(add->name + "/bias", Tensor::Of<float>({co}, values)));
      conv.outputs = add->outputs;
      rewriter.Absorb(*add);
      rewriter.CountChange();
    }
    BLUESTEM_RETURN_IF_ERROR(rewriter.Keep(conv));
  }
  return rewriter.Finish();
}

}  // namespace bluestem::passes
