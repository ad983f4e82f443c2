// Windows run over one image: convolutions and pools of a batch become one node an image, all with
// the same constants, so weights are packed once. What follows stays cut as long as it goes image
// by image, one image's nodes together; then a Concat joins the images.
#include <algorithm>
#include <map>
#include <set>

#include "bluestem/passes/catalogue.h"
#include "bluestem/passes/rewrite.h"

namespace bluestem::passes {
namespace {

using ir::Node;
using ir::ValueId;

constexpr int64_t kMostImages = 256;  // of a batch: each has calls of its own

bool IsOneOf(const std::string& op, std::initializer_list<const char*> names) {
  return std::any_of(names.begin(), names.end(), [&](const char* name) { return op == name; });
}

bool HasWindows(const std::string& op) {
  return IsOneOf(op, {"Conv", "QConv", "MaxPool", "AvgPool", "GlobalAvgPool", "GlobalMaxPool"});
}

// True where none of `axes` is the first of `rank`.
bool SparesFirst(const std::vector<int64_t>& axes, size_t rank) {
  const auto last = static_cast<int64_t>(rank);
  return !axes.empty() &&
         std::none_of(axes.begin(), axes.end(), [&](int64_t axis) { return axis % last == 0; });
}

// True where the node makes image i of its output from image i of its inputs: nothing of its
// attributes touches the first axis. What stands in its inputs is not looked at.
bool IsByImage(const Node& node, const Shape& x, const Shape& y) {
  const std::string& op = node.op;
  const ir::Attributes& attributes = node.attributes;
  if (x.size() < 2 || y.empty() || x[0] != y[0]) return false;
  if (HasWindows(op) || IsBinary(op) || op == "Reshape") return true;
  if (op == "Concat" || op == "Softmax") return SparesFirst({attributes.Int("axis")}, x.size());
  if (op == "Slice" || op.rfind("Reduce", 0) == 0) {
    return SparesFirst(attributes.Ints("axes"), x.size());
  }
  if (op == "Transpose") return attributes.Ints("perm")[0] == 0;
  if (op == "Pad") {
    const auto pads = attributes.Ints("pads");
    return pads[0] == 0 && pads[x.size()] == 0;
  }
  return IsUnary(op) || IsOneOf(op, {"Identity", "BatchNorm", "Quant", "Quantize", "Dequantize",
                                     "Lookup", "Threshold", "RealThreshold", "SpaceToDepth",
                                     "DepthToSpace", "ResizeNearest"});
}

class Splitter {
 public:
  Splitter(ir::Graph& graph, PassContext& context)
      : rewriter_(graph), graph_(graph), context_(context) {}

  Result<int> Run() {
    for (const Node& node : rewriter_.old_nodes()) {
      if (Cuts(node)) {
        BLUESTEM_RETURN_IF_ERROR(Take(node));
        continue;
      }
      for (const ValueId id : node.inputs) BLUESTEM_RETURN_IF_ERROR(Join(id));
      BLUESTEM_RETURN_IF_ERROR(rewriter_.Keep(node));
    }
    for (const ValueId id : graph_.outputs) BLUESTEM_RETURN_IF_ERROR(Join(id));
    BLUESTEM_RETURN_IF_ERROR(MakeTaken());
    return rewriter_.Finish();
  }

 private:
  const Shape& ShapeOf(ValueId old) const { return graph_.value(old).shape; }
  bool IsCut(ValueId old) const { return old != ir::kNoValue && cut_.count(old) != 0; }

  // True where an image's node reads an image of the node's input `i`; it reads all of the others.
  bool ReadsImage(const Node& node, size_t i) const {
    const ValueId id = node.inputs[i];
    if (id == ir::kNoValue || graph_.IsConstant(id)) return false;
    if (!IsBinary(node.op)) return true;
    const Shape& shape = ShapeOf(id);
    return shape.size() == ShapeOf(node.outputs[0]).size() && shape[0] != 1;
  }

  // True where the node becomes one an image: it has windows, or what it reads is cut already.
  bool Cuts(const Node& node) const {
    if (node.inputs.empty()) return false;
    const Shape& y = ShapeOf(node.outputs[0]);
    const int64_t images = y.empty() ? 0 : y[0];
    if (images < 2 || images > kMostImages) return false;
    bool reads_cut = false;
    bool is_by_image = true;
    for (size_t i = 0; i < node.inputs.size(); ++i) {
      const ValueId id = node.inputs[i];
      if (ReadsImage(node, i)) {
        reads_cut = reads_cut || IsCut(id);
        is_by_image = is_by_image && IsByImage(node, ShapeOf(id), y);
      } else if (id != ir::kNoValue) {
        // All images share it, unless it has an entry for each of them or is what is computed on.
        const Shape& shape = ShapeOf(id);
        const bool broadcasts = IsBinary(node.op) || (node.op == "Quant" && i > 0);
        const bool varies = broadcasts && shape.size() == y.size() && shape[0] != 1;
        const bool is_data = !IsBinary(node.op) && (i == 0 || node.op == "Concat");
        is_by_image = is_by_image && !varies && !is_data && !IsCut(id);
      }
    }
    return is_by_image && (HasWindows(node.op) || reads_cut);
  }

  // The node waits for the others of its images, of which there are as many as of theirs.
  Status Take(const Node& node) {
    const auto images = static_cast<size_t>(ShapeOf(node.outputs[0])[0]);
    if (!taken_.empty() && images != images_) BLUESTEM_RETURN_IF_ERROR(MakeTaken());
    images_ = images;
    taken_.push_back(&node);
    cut_[node.outputs[0]].assign(images, ir::kNoValue);
    if (HasWindows(node.op)) {
      Decide(context_, "split_batch", node.name,
             fmt::format("a batch of {}: one node an image, with the same constants", images));
    }
    return OkStatus();
  }

  Status MakeTaken() {
    for (size_t image = 0; image < images_; ++image) {
      for (const Node* node : taken_) BLUESTEM_RETURN_IF_ERROR(MakeImage(*node, image));
    }
    taken_.clear();
    return OkStatus();
  }

  Status MakeImage(const Node& node, size_t image) {
    std::vector<ValueId> inputs = node.inputs;
    for (size_t i = 0; i < inputs.size(); ++i) {
      if (ReadsImage(node, i)) {
        BLUESTEM_ASSIGN_OR_RETURN(inputs[i], ImageOf(inputs[i], image));
      } else if (inputs[i] != ir::kNoValue) {
        inputs[i] = rewriter_.Now(inputs[i]);
      }
    }
    ir::Attributes attributes = node.attributes;
    if (node.op == "Reshape") {
      Shape shape = ShapeOf(node.outputs[0]);
      shape[0] = 1;
      attributes.Set("shape", shape);
    }
    BLUESTEM_ASSIGN_OR_RETURN(cut_[node.outputs[0]][image],
                              rewriter_.Emit(node.op, fmt::format("{}/image{}", node.name, image),
                                             std::move(inputs), std::move(attributes)));
    rewriter_.CountChange();
    return OkStatus();
  }

  // Returns an image of an old value: a node's, or a slice of the whole.
  Result<ValueId> ImageOf(ValueId old, size_t image) {
    const bool is_cut = IsCut(old);
    std::vector<ValueId>& images = is_cut ? cut_.at(old) : slices_[old];
    if (!is_cut) images.resize(static_cast<size_t>(ShapeOf(old)[0]), ir::kNoValue);
    if (images[image] == ir::kNoValue) {
      const auto at = static_cast<int64_t>(image);
      BLUESTEM_ASSIGN_OR_RETURN(
          images[image],
          rewriter_.Emit("Slice", fmt::format("{}/image{}", graph_.value(old).name, image),
                         {rewriter_.Now(old)},
                         ir::Attributes()
                             .Set("starts", Shape{at})
                             .Set("ends", Shape{at + 1})
                             .Set("axes", Shape{0})
                             .Set("steps", Shape{1})));
    }
    return images[image];
  }

  // Makes the whole of an old value, where there are only its images.
  Status Join(ValueId old) {
    if (!IsCut(old) || !joined_.insert(old).second) return OkStatus();
    BLUESTEM_RETURN_IF_ERROR(MakeTaken());
    BLUESTEM_ASSIGN_OR_RETURN(
        const ValueId whole,
        rewriter_.Emit("Concat", graph_.value(old).name + "/batch", cut_.at(old),
                       ir::Attributes().Set("axis", int64_t{0})));
    rewriter_.Replace(old, whole);
    return OkStatus();
  }

  Rewriter rewriter_;
  ir::Graph& graph_;
  PassContext& context_;
  std::vector<const Node*> taken_;                  // become one node an image next
  size_t images_ = 0;                               // of each that is taken
  std::map<ValueId, std::vector<ValueId>> cut_;     // old values of which there are images alone
  std::map<ValueId, std::vector<ValueId>> slices_;  // images of old values that are whole
  std::set<ValueId> joined_;                        // cut ones whose whole was made as well
};

}  // namespace

Result<int> SplitBatch(ir::Graph& graph, PassContext& context) {
  return Splitter(graph, context).Run();
}

}  // namespace bluestem::passes
