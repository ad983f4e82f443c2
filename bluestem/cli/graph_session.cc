#include "bluestem/cli/graph_session.h"

#include "bluestem/ir/evaluate.h"

namespace bluestem::cli {
namespace {

class GraphSession : public runtime::Session {
 public:
  GraphSession(const core::LoadedModel& model, GraphEngine engine)
      : graph_(model.graph), engine_(engine), hash_(model.sha256), nchw_(model.nchw_input) {
    for (const ir::ValueId id : graph_.inputs) inputs_.push_back(Describe(id));
    for (const ir::ValueId id : graph_.outputs) outputs_.push_back(Describe(id));
    if (nchw_) {
      const Shape& shape = inputs_[0].shape;
      inputs_[0].shape = {shape[0], shape[2], shape[3], shape[1]};
    }
  }
  const std::vector<program::TensorInfo>& inputs() const override { return inputs_; }
  const std::vector<program::TensorInfo>& outputs() const override { return outputs_; }
  std::string isa() const override {
    return engine_ == GraphEngine::kDouble ? "double" : "reference";
  }
  int64_t arena_bytes() const override { return 0; }
  int64_t weight_bytes() const override { return 0; }
  std::string model_hash() const override { return hash_; }

  Result<std::vector<Tensor>> Run(const std::vector<Tensor>& inputs) override {
    std::vector<Tensor> own = inputs;
    if (nchw_) own[0] = own[0].Transposed({0, 3, 1, 2});
    if (engine_ == GraphEngine::kReference) return ir::Evaluate(graph_, own);
    BLUESTEM_ASSIGN_OR_RETURN(std::vector<Tensor> outputs, ir::EvaluateDouble(graph_, own));
    for (Tensor& output : outputs) output = output.Cast(DType::kF32);
    return outputs;
  }
  Result<std::vector<Tensor>> Profile(const std::vector<Tensor>& inputs,
                                      std::vector<runtime::OpProfile>& ops) override {
    ops.clear();  // a graph is not made of kernel calls
    return Run(inputs);
  }

 private:
  program::TensorInfo Describe(ir::ValueId id) const {
    const ir::Value& value = graph_.value(id);
    program::TensorInfo info;
    info.name = value.name;
    info.shape = value.shape;
    return info;
  }

  ir::Graph graph_;
  GraphEngine engine_;
  std::string hash_;
  bool nchw_;
  std::vector<program::TensorInfo> inputs_;
  std::vector<program::TensorInfo> outputs_;
};

}  // namespace

std::unique_ptr<runtime::Session> MakeGraphSession(const core::LoadedModel& model,
                                                   GraphEngine engine) {
  return std::make_unique<GraphSession>(model, engine);
}

}  // namespace bluestem::cli
