// Makes a graph channels-last. A value that was channels-first gets a channels-last twin; ops that
// do not care about the layout are moved onto the twins, so that transposes appear only where an op
// needs the first order: at best, nowhere.
//
// A twin is one of two forms of a value v:
//   spatial: rank 3 or more, v = [n,c,...]:        twin = Transpose(v) with channels last
//   flat:    rank 2, v = [n, c*h*w] made by a Reshape of [n,c,h,w]:  twin has the columns in the
//   order h, w, c
#include <algorithm>
#include <map>

#include "bluestem/passes/catalogue.h"
#include "bluestem/passes/rewrite.h"

namespace bluestem::passes {
namespace {

using ir::kNoValue;
using ir::Node;
using ir::ValueId;

// Returns the permutation that moves axis 1 last.
std::vector<int64_t> ToLast(size_t rank) {
  std::vector<int64_t> perm = {0};
  for (size_t i = 2; i < rank; ++i) perm.push_back(static_cast<int64_t>(i));
  perm.push_back(1);
  return perm;
}

// Returns the permutation that moves the last axis to 1.
std::vector<int64_t> ToFirst(size_t rank) {
  std::vector<int64_t> perm = {0, static_cast<int64_t>(rank) - 1};
  for (size_t i = 1; i + 1 < rank; ++i) perm.push_back(static_cast<int64_t>(i));
  return perm;
}

// Returns where axis `axis` of a channels-first value lies in its twin.
int64_t TwinAxis(int64_t axis, size_t rank) {
  const auto count = static_cast<int64_t>(rank);
  if (axis < 0) axis += count;
  return axis == 0 ? 0 : (axis == 1 ? count - 1 : axis - 1);
}

Shape Permuted(const Shape& shape, const std::vector<int64_t>& perm) {
  Shape result;
  for (const int64_t axis : perm) result.push_back(shape[static_cast<size_t>(axis)]);
  return result;
}

// True for thresholds that all channels share: then no axis is special.
bool IsSharedThreshold(const ir::Graph& graph, const Node& node) {
  return node.op == "MultiThreshold" && graph.value(node.inputs[1]).shape[0] == 1;
}

bool IsAgnostic(const std::string& op) {
  return IsUnary(op) || IsBinary(op) || op == "Identity" || op == "Quant" || op == "BinaryQuant";
}

class LayoutPass {
 public:
  LayoutPass(ir::Graph& graph, PassContext& context)
      : rewriter_(graph), graph_(graph), context_(context) {
    for (ValueId id = 0; id < graph.value_count(); ++id)
      first_shape_.push_back(graph.value(id).shape);
  }

  Result<int> Run() {
    SeedInputs();
    for (const Node& node : rewriter_.old_nodes()) {
      BLUESTEM_RETURN_IF_ERROR(Visit(node));
    }
    for (const ValueId id : graph_.outputs) {
      BLUESTEM_RETURN_IF_ERROR(Plain(id).ok() ? OkStatus() : Plain(id).status());
    }
    return rewriter_.Finish();
  }

 private:
  struct Twin {
    ValueId value = kNoValue;
    Shape flat;  // c, h, w of a flat twin; empty for a spatial one
  };

  const Shape& FirstShape(ValueId old) const { return first_shape_[static_cast<size_t>(old)]; }
  bool HasTwin(ValueId old) const { return old != kNoValue && twins_.count(old) != 0; }
  bool HasSpatialTwin(ValueId old) const { return HasTwin(old) && twins_.at(old).flat.empty(); }

  // True for the shape of a picture [n,c,h,w] in a graph without an op whose maps are
  // channels-last.
  bool IsPicture(const Shape& shape) const {
    const auto& nodes = rewriter_.old_nodes();
    return (shape[1] == 1 || shape[1] == 3) && shape[2] > 3 && shape[3] > 3 &&
           std::none_of(nodes.begin(), nodes.end(), [](const Node& node) {
             return (node.op == "Conv" || node.op == "SpaceToDepth" || node.op == "MaxPool") &&
                    node.attributes.Text("layout", "NHWC") == "NHWC";
           });
  }

  // True where `value` reaches an op of layout NCHW through ops without a layout.
  bool WantsLast(ValueId value, int depth) const {
    if (depth == 0) return false;
    for (const Node* user : rewriter_.Users(value)) {
      if (user->attributes.Text("layout", "NHWC") == "NCHW") return true;
      const bool passes_on = IsAgnostic(user->op) || user->op == "Concat" || user->op == "Pad";
      if (passes_on && FirstShape(user->outputs[0]).size() == 4 &&
          WantsLast(user->outputs[0], depth - 1)) {
        return true;
      }
    }
    return false;
  }

  // An input that is wanted channels-last becomes so itself: what is fed in are images [n,h,w,c].
  void SeedInputs() {
    constexpr int kFarthest = 32;
    for (const ValueId id : graph_.inputs) {
      const Shape shape = FirstShape(id);
      if (shape.size() != 4 || (!WantsLast(id, kFarthest) && !IsPicture(shape))) continue;
      graph_.value(id).shape = Permuted(shape, ToLast(4));
      twins_[id] = {id, {}};
      only_twin_[id] = true;
      rewriter_.CountChange();
      Decide(context_, "layout", graph_.value(id).name,
             fmt::format("input {} is read as {}, channels last", ShapeText(shape),
                         ShapeText(graph_.value(id).shape)));
    }
  }

  // Returns the channels-first form of an old value, making it where there is only a twin.
  Result<ValueId> Plain(ValueId old) {
    if (old == kNoValue || !HasTwin(old) || only_twin_.count(old) == 0) return rewriter_.Now(old);
    if (const auto known = plain_.find(old); known != plain_.end()) return known->second;
    const Twin twin = twins_.at(old);
    const std::string name = graph_.value(old).name + "/first";
    ValueId value = twin.value;
    if (!twin.flat.empty()) {
      const Shape& chw = twin.flat;
      BLUESTEM_ASSIGN_OR_RETURN(
          value, rewriter_.Emit("Reshape", name, {value},
                                ir::Attributes().Set(
                                    "shape", Shape{FirstShape(old)[0], chw[1], chw[2], chw[0]})));
    }
    const size_t rank = graph_.value(value).shape.size();
    BLUESTEM_ASSIGN_OR_RETURN(value, rewriter_.Emit("Transpose", name, {value},
                                                    ir::Attributes().Set("perm", ToFirst(rank))));
    if (!twin.flat.empty()) {
      BLUESTEM_ASSIGN_OR_RETURN(
          value,
          rewriter_.Emit("Reshape", name, {value}, ir::Attributes().Set("shape", FirstShape(old))));
    }
    plain_[old] = value;
    const bool is_input = std::count(graph_.inputs.begin(), graph_.inputs.end(), old) != 0;
    if (!is_input) rewriter_.Replace(old, value);
    return value;
  }

  // Returns the channels-last form of an old value of rank 3 or more, or of a constant operand that
  // broadcasts to such a value.
  Result<ValueId> Last(ValueId old, size_t rank) {
    if (HasTwin(old)) return twins_.at(old).value;
    if (const Tensor* constant = ConstantOf(graph_, old)) {
      if (constant->size() == 1) return old;
      Shape shape(rank - constant->shape().size(), 1);
      shape.insert(shape.end(), constant->shape().begin(), constant->shape().end());
      return graph_.AddConstant(graph_.value(old).name,
                                constant->Reshaped(shape).Transposed(ToLast(rank)));
    }
    BLUESTEM_ASSIGN_OR_RETURN(ValueId value, Plain(old));
    if (graph_.value(value).shape.size() < rank) {
      Shape shape(rank - graph_.value(value).shape.size(), 1);
      shape.insert(shape.end(), graph_.value(value).shape.begin(), graph_.value(value).shape.end());
      BLUESTEM_ASSIGN_OR_RETURN(value,
                                rewriter_.Emit("Reshape", graph_.value(old).name + "/rank", {value},
                                               ir::Attributes().Set("shape", shape)));
      return rewriter_.Emit("Transpose", graph_.value(old).name + "/last", {value},
                            ir::Attributes().Set("perm", ToLast(rank)));
    }
    BLUESTEM_ASSIGN_OR_RETURN(value,
                              rewriter_.Emit("Transpose", graph_.value(old).name + "/last", {value},
                                             ir::Attributes().Set("perm", ToLast(rank))));
    twins_[old] = {value, {}};
    return value;
  }

  // The node's output exists only as `value`, channels last.
  void MadeLast(const Node& node, ValueId value, Shape flat = {}) {
    twins_[node.outputs[0]] = {value, std::move(flat)};
    only_twin_[node.outputs[0]] = true;
    rewriter_.CountChange();
  }

  Status Keep(const Node& node) {
    for (const ValueId id : node.inputs) {
      auto plain = Plain(id);
      if (!plain.ok()) return plain.status();
      if (id != kNoValue && *plain != rewriter_.Now(id)) {
        // Only an input's first form differs from what stands for it: the kept node must read that
        // form.
        return KeepWithPlainInputs(node);
      }
    }
    return rewriter_.Keep(node);
  }

  Status KeepWithPlainInputs(const Node& node) {
    std::vector<ValueId> inputs;
    for (const ValueId id : node.inputs) {
      BLUESTEM_ASSIGN_OR_RETURN(const ValueId value, Plain(id));
      inputs.push_back(value);
    }
    BLUESTEM_ASSIGN_OR_RETURN(const ValueId value,
                              rewriter_.Emit(node.op, node.name, inputs, node.attributes));
    rewriter_.Replace(node.outputs[0], value);
    return OkStatus();
  }

  Status Visit(const Node& node);
  Status VisitChannelsFirst(const Node& node);
  Status VisitAgnostic(const Node& node);
  Status VisitFlat(const Node& node);
  Result<bool> VisitWithAxes(const Node& node);
  Result<bool> VisitMovement(const Node& node);
  Status VisitDense(const Node& node);

  Rewriter rewriter_;
  ir::Graph& graph_;
  PassContext& context_;
  std::vector<Shape> first_shape_;     // by old value
  std::map<ValueId, Twin> twins_;      // by old value
  std::map<ValueId, bool> only_twin_;  // old values that have no channels-first form yet
  std::map<ValueId, ValueId> plain_;   // the form made on demand
};

Status LayoutPass::VisitChannelsFirst(const Node& node) {
  const size_t rank = FirstShape(node.inputs[0]).size();
  ir::Attributes attributes = node.attributes;
  attributes.Remove("layout");
  if (rank < 3) {  // BatchNorm of [n,c]: the same in both orders
    Node renamed = node;
    std::vector<ValueId> inputs;
    for (const ValueId id : node.inputs) {
      BLUESTEM_ASSIGN_OR_RETURN(const ValueId value, Plain(id));
      inputs.push_back(value);
    }
    BLUESTEM_ASSIGN_OR_RETURN(const ValueId value,
                              rewriter_.Emit(node.op, node.name, inputs, attributes));
    rewriter_.Replace(node.outputs[0], value);
    return OkStatus();
  }
  std::vector<ValueId> inputs;
  // Weights that were turned from channels-last are there in that form already.
  const bool has_weights = node.op == "Conv" && HasSpatialTwin(node.inputs[1]);
  for (size_t i = 0; i < node.inputs.size(); ++i) {
    ValueId value = node.inputs[i];
    if (i == 1 && has_weights) {
      value = twins_.at(value).value;
    } else if (i > 0) {
      BLUESTEM_ASSIGN_OR_RETURN(value, Plain(value));
    }
    inputs.push_back(value);
  }
  BLUESTEM_ASSIGN_OR_RETURN(inputs[0], Last(node.inputs[0], rank));
  if (node.op == "Conv" && !has_weights) {
    BLUESTEM_ASSIGN_OR_RETURN(inputs[1],
                              rewriter_.Emit("Transpose", node.name + "/weights", {inputs[1]},
                                             ir::Attributes().Set("perm", ToLast(4))));
  }
  BLUESTEM_ASSIGN_OR_RETURN(const ValueId value,
                            rewriter_.Emit(node.op, node.name, inputs, attributes));
  MadeLast(node, value);
  return OkStatus();
}

Status LayoutPass::VisitAgnostic(const Node& node) {
  const size_t rank = FirstShape(node.outputs[0]).size();
  std::vector<ValueId> inputs;
  for (const ValueId id : node.inputs) {
    BLUESTEM_ASSIGN_OR_RETURN(const ValueId value, Last(id, rank));
    inputs.push_back(value);
  }
  BLUESTEM_ASSIGN_OR_RETURN(const ValueId value,
                            rewriter_.Emit(node.op, node.name, inputs, node.attributes));
  MadeLast(node, value);
  return OkStatus();
}

// A flat twin survives ops that treat all columns alike.
Status LayoutPass::VisitFlat(const Node& node) {
  std::vector<ValueId> inputs;
  const Twin* twin = nullptr;
  for (const ValueId id : node.inputs) {
    if (HasTwin(id)) {
      twin = &twins_.at(id);
      inputs.push_back(twin->value);
    } else if (ConstantOf(graph_, id) != nullptr &&
               (ConstantOf(graph_, id)->size() == 1 || IsSharedThreshold(graph_, node))) {
      inputs.push_back(id);
    } else {
      return Keep(node);
    }
  }
  const Shape flat = twin->flat;
  BLUESTEM_ASSIGN_OR_RETURN(const ValueId value,
                            rewriter_.Emit(node.op, node.name, inputs, node.attributes));
  MadeLast(node, value, flat);
  return OkStatus();
}

// Concat, Pad, Slice, Softmax, Reduce*: the axes are renamed. Returns false where the op needs the
// first order.
Result<bool> LayoutPass::VisitWithAxes(const Node& node) {
  const size_t rank = FirstShape(node.inputs[0]).size();
  ir::Attributes attributes = node.attributes;
  bool result_is_plain = false;
  if (node.op == "Concat" || node.op == "Softmax") {
    attributes.Set("axis", TwinAxis(attributes.Int("axis"), rank));
  } else if (node.op == "Slice") {
    auto axes = attributes.Ints("axes");
    for (int64_t& axis : axes) axis = TwinAxis(axis, rank);
    attributes.Set("axes", axes);
  } else if (node.op == "Pad") {
    const auto pads = attributes.Ints("pads");
    const auto perm = ToLast(rank);
    std::vector<int64_t> moved;
    for (size_t i = 0; i < 2 * rank; ++i) {
      moved.push_back(pads[(i / rank) * rank + static_cast<size_t>(perm[i % rank])]);
    }
    attributes.Set("pads", moved);
  } else if (node.op.rfind("Reduce", 0) == 0) {
    auto axes = attributes.Ints("axes");
    for (int64_t& axis : axes) axis = TwinAxis(axis, rank);
    std::sort(axes.begin(), axes.end());
    // Without the reduced axes, what is left is [n,c] in either order where all spatial axes go.
    const bool keeps = attributes.Int("keepdims", 1) != 0;
    std::vector<int64_t> spatial;
    for (size_t i = 1; i + 1 < rank; ++i) spatial.push_back(static_cast<int64_t>(i));
    result_is_plain = !keeps && axes == spatial;
    if (!keeps && !result_is_plain) return false;
    attributes.Set("axes", axes);
  } else {
    return false;
  }
  std::vector<ValueId> inputs;
  for (const ValueId id : node.inputs) {
    BLUESTEM_ASSIGN_OR_RETURN(const ValueId value, Last(id, rank));
    inputs.push_back(value);
  }
  BLUESTEM_ASSIGN_OR_RETURN(const ValueId value,
                            rewriter_.Emit(node.op, node.name, inputs, attributes));
  if (result_is_plain) {
    rewriter_.Replace(node.outputs[0], value);
  } else {
    MadeLast(node, value);
  }
  return true;
}

// Transpose and Reshape of a value with a twin.
Result<bool> LayoutPass::VisitMovement(const Node& node) {
  const Shape& from = FirstShape(node.inputs[0]);
  const Shape& to = FirstShape(node.outputs[0]);
  const ValueId twin = twins_.at(node.inputs[0]).value;
  if (node.op == "Transpose") {
    std::vector<int64_t> perm;
    for (const int64_t axis : node.attributes.Ints("perm"))
      perm.push_back(TwinAxis(axis, from.size()));
    BLUESTEM_ASSIGN_OR_RETURN(
        const ValueId value,
        rewriter_.Emit("Transpose", node.name, {twin}, ir::Attributes().Set("perm", perm)));
    rewriter_.Replace(node.outputs[0], value);
    return true;
  }
  if (node.op != "Reshape") return false;
  // A line [n,c,l] as the map [n,c,1,l], and back.
  const bool to_map = from.size() == 3 && to == Shape{from[0], from[1], 1, from[2]};
  const bool to_line = from.size() == 4 && from[2] == 1 && to == Shape{from[0], from[1], from[3]};
  if (to_map || to_line) {
    const Shape last = to_map ? Shape{to[0], 1, to[3], to[1]} : Shape{to[0], to[2], to[1]};
    BLUESTEM_ASSIGN_OR_RETURN(
        const ValueId value,
        rewriter_.Emit("Reshape", node.name, {twin}, ir::Attributes().Set("shape", last)));
    MadeLast(node, value);
    return true;
  }
  if (from.size() != 4 || to.size() != 2 || to[0] != from[0]) return false;
  BLUESTEM_ASSIGN_OR_RETURN(const ValueId value, rewriter_.Emit("Reshape", node.name, {twin},
                                                                ir::Attributes().Set("shape", to)));
  const bool same_order = from[1] == 1 || (from[2] == 1 && from[3] == 1);
  if (same_order) {
    rewriter_.Replace(node.outputs[0], value);
  } else {
    MadeLast(node, value, Shape{from[1], from[2], from[3]});
  }
  return true;
}

// Dense over a flat twin: the weights' columns take the twin's order.
Status LayoutPass::VisitDense(const Node& node) {
  const Twin twin = twins_.at(node.inputs[0]);
  std::vector<ValueId> inputs;
  for (const ValueId id : node.inputs) inputs.push_back(id == kNoValue ? id : rewriter_.Now(id));
  const Shape w = graph_.value(inputs[1]).shape;
  const Shape& chw = twin.flat;
  const std::string name = node.name + "/weights";
  const auto emit = [&](const char* op, const char* attribute,
                        std::vector<int64_t> values) -> Status {
    auto value =
        rewriter_.Emit(op, name, {inputs[1]}, ir::Attributes().Set(attribute, std::move(values)));
    if (!value.ok()) return value.status();
    inputs[1] = *value;
    return OkStatus();
  };
  BLUESTEM_RETURN_IF_ERROR(emit("Reshape", "shape", {w[0], chw[0], chw[1], chw[2]}));
  BLUESTEM_RETURN_IF_ERROR(emit("Transpose", "perm", {0, 2, 3, 1}));
  BLUESTEM_RETURN_IF_ERROR(emit("Reshape", "shape", w));
  inputs[0] = twin.value;
  BLUESTEM_ASSIGN_OR_RETURN(const ValueId value,
                            rewriter_.Emit(node.op, node.name, inputs, node.attributes));
  rewriter_.Replace(node.outputs[0], value);
  Decide(context_, "layout", node.name,
         "the weights' columns are reordered so that no transpose is needed before");
  return OkStatus();
}

Status LayoutPass::Visit(const Node& node) {
  if (node.attributes.Text("layout", "NHWC") == "NCHW") return VisitChannelsFirst(node);
  bool any_spatial = false;
  bool any_flat = false;
  for (const ValueId id : node.inputs) {
    const bool fits =
        HasSpatialTwin(id) &&
        (!IsBinary(node.op) || FirstShape(id).size() == FirstShape(node.outputs[0]).size());
    any_spatial = any_spatial || fits;
    any_flat = any_flat || (HasTwin(id) && !HasSpatialTwin(id));
  }
  // [n,h,w,c] turned to channels-first for the next op: the twin is there already.
  const bool to_first =
      node.op == "Transpose" && !any_spatial && FirstShape(node.inputs[0]).size() == 4 &&
      node.attributes.Ints("perm") == ToFirst(4) && !graph_.IsConstant(node.inputs[0]);
  if (to_first) {
    BLUESTEM_ASSIGN_OR_RETURN(const ValueId value, Plain(node.inputs[0]));
    MadeLast(node, value);
    return OkStatus();
  }
  if (any_flat && node.op == "Dense" && HasTwin(node.inputs[0])) return VisitDense(node);
  if (any_flat && (IsAgnostic(node.op) || IsSharedThreshold(graph_, node))) return VisitFlat(node);
  if (!any_spatial) return Keep(node);
  if (IsAgnostic(node.op)) return VisitAgnostic(node);
  BLUESTEM_ASSIGN_OR_RETURN(bool done, VisitWithAxes(node));
  if (!done && HasSpatialTwin(node.inputs[0])) {
    BLUESTEM_ASSIGN_OR_RETURN(done, VisitMovement(node));
  }
  return done ? OkStatus() : Keep(node);
}

}  // namespace

Result<int> MakeNhwc(ir::Graph& graph, PassContext& context) {
  return LayoutPass(graph, context).Run();
}

}  // namespace bluestem::passes
