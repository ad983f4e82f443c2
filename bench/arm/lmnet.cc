// bench_arm_lmnet FOLDER: writes the artefact of LmnetV1 (1-bit weights, 2-bit activations, random
// constants) for the Arm targets, for bench/arm_insns.sh.
#include <cstdio>
#include <random>

#include "bluestem/codegen/codegen.h"
#include "bluestem/ir/graph.h"
#include "bluestem/lower/lower.h"
#include "bluestem/passes/passes.h"

namespace bluestem::bench {
namespace {

// Adds nodes; the first error stays.
class Builder {
 public:
  ir::ValueId Add(const std::string& op, std::vector<ir::ValueId> inputs,
                  ir::Attributes attributes = {}) {
    auto value =
        graph.Append(op, op + std::to_string(count_++), std::move(inputs), std::move(attributes));
    if (value.ok()) return *value;
    if (status.ok()) status = value.status();
    return inputs[0];
  }
  ir::ValueId Scalar(float value) { return graph.AddConstant("c", Tensor::Of<float>({}, {value})); }
  ir::ValueId Uniform(Shape shape, float low, float high) {
    std::uniform_real_distribution<float> draw(low, high);
    Tensor tensor(DType::kF32, std::move(shape));
    for (int64_t i = 0; i < tensor.size(); ++i) tensor.data<float>()[i] = draw(random_);
    return graph.AddConstant("c", std::move(tensor));
  }

  ir::ValueId Conv(ir::ValueId x, int64_t co, int64_t kernel, bool binary) {
    ir::ValueId w = Uniform({co, kernel, kernel, graph.value(x).shape.back()}, -1, 1);
    if (binary) w = Add("BinaryQuant", {w, Scalar(0.05f)});
    const int64_t pad = kernel / 2;
    return Add("Conv", {x, w},
               ir::Attributes().Set("pads", Shape{pad, pad, pad, pad}).Set("groups", int64_t{1}));
  }
  ir::ValueId Norm(ir::ValueId x, int64_t c) {
    return Add(
        "BatchNorm",
        {x, Uniform({c}, 0.5, 1.5), Uniform({c}, 0, 1), Uniform({c}, -1, 1), Uniform({c}, 0.5, 2)},
        ir::Attributes().Set("epsilon", 1e-3));
  }
  ir::ValueId Block(ir::ValueId x, int64_t co) {
    return Add("Quant", {Norm(Conv(x, co, 3, true), co), Scalar(2.0f / 3), Scalar(0)},
               ir::Attributes()
                   .Set("bits", int64_t{2})
                   .Set("signed", int64_t{0})
                   .Set("narrow", int64_t{0})
                   .Set("rounding", std::string("ROUND")));
  }
  ir::ValueId SpaceToDepth(ir::ValueId x) {
    return Add("SpaceToDepth", {x}, ir::Attributes().Set("block", int64_t{2}));
  }

  ir::Graph graph;
  Status status;

 private:
  std::mt19937 random_{1};
  int count_ = 0;
};

Result<ir::Graph> MakeLmnet() {
  Builder net;
  ir::ValueId x = net.graph.AddInput("image", DType::kF32, {1, 32, 32, 3});
  x = net.Block(net.Block(x, 32), 64);
  x = net.Block(net.Block(net.SpaceToDepth(x), 128), 64);
  x = net.SpaceToDepth(net.Block(net.SpaceToDepth(x), 128));
  x = net.Add("Relu", {net.Norm(net.Conv(x, 64, 1, true), 64)});
  x = net.Add("GlobalAvgPool", {net.Conv(x, 10, 1, false)});
  x = net.Add("Reshape", {x}, ir::Attributes().Set("shape", Shape{1, 10}));
  net.graph.outputs = {net.Add("Softmax", {x}, ir::Attributes().Set("axis", int64_t{1}))};
  BLUESTEM_RETURN_IF_ERROR(net.status);
  return std::move(net.graph);
}

Status Write(const Path& folder) {
  BLUESTEM_ASSIGN_OR_RETURN(ir::Graph graph, MakeLmnet());
  passes::Options options;
  options.input_codes = passes::InputCodes{};
  std::vector<passes::Decision> passed;
  BLUESTEM_RETURN_IF_ERROR(passes::Run(graph, options, passed));
  std::vector<lower::Decision> lowered;
  BLUESTEM_ASSIGN_OR_RETURN(const program::Program program, lower::Lower(graph, "", lowered));
  codegen::EmitOptions emit;
  for (const char* target : {"aarch64", "armhf"}) {
    emit.targets.push_back(codegen::FindTarget(target));
  }
  emit.provenance_json = R"({"source": "random"})";
  emit.source_root = BLUESTEM_SOURCE_ROOT;
  return codegen::Emit(program, folder, emit);
}

}  // namespace
}  // namespace bluestem::bench

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: bench_arm_lmnet FOLDER\n");
    return 2;
  }
  const bluestem::Status status = bluestem::bench::Write(argv[1]);
  if (!status.ok()) std::fprintf(stderr, "bench_arm_lmnet: %s\n", status.message().c_str());
  return status.ok() ? 0 : 2;
}
