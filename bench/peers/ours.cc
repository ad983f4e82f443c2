#include <memory>
#include <random>

#include "bench/harness.h"
#include "bench/peers/contender.h"
#include "bluestem/base/check.h"
#include "bluestem/edge/conv_parts.h"
#include "bluestem/edge/cpu_features.h"
#include "bluestem/ir/graph.h"
#include "bluestem/kernels/qconv/qconv.h"
#include "bluestem/lower/lower.h"
#include "bluestem/passes/passes.h"
#include "bluestem/runtime/session.h"

namespace bluestem::bench {
namespace {

using kernels::QConvParams;

struct ConvJob {
  ConvJob() = default;
  ConvJob(const ConvJob&) = delete;
  ConvJob& operator=(const ConvJob&) = delete;
  ~ConvJob() { edge::StopThreads(workers.pool); }

  // As a session does. Requires: params and kernel are set.
  void AddWorkers(int32_t threads) {
    const size_t part = edge::PartScratch(*kernel, params, threads, 0);
    scratch = std::make_unique<Buffer>(part * static_cast<size_t>(threads));
    workers = {nullptr, threads, scratch->data(), part};
    if (threads == 1) return;
    pool = std::make_unique<Buffer>(edge::ThreadPoolBytes(threads));
    workers.pool = edge::StartThreads(threads, pool->data());
    BLUESTEM_CHECK(workers.pool != nullptr, "the system does not start that many threads");
  }

  QConvParams params{};
  const kernels::QConvKernel* kernel = nullptr;
  std::unique_ptr<Buffer> x, weights, y, scratch, pool;
  edge::Workers workers{};
  std::vector<int32_t> thresholds;
  std::vector<int8_t> directions;
};

std::vector<int8_t> RandomWeights(const QConvParams& p, std::mt19937& random) {
  const int32_t least = -(1 << (p.w_bits - 1));
  std::uniform_int_distribution<int> draw(least, -least - 1);
  std::vector<int8_t> w(static_cast<size_t>(p.co) * p.kernel_h * p.kernel_w * p.ci);
  for (int8_t& weight : w) {
    weight = static_cast<int8_t>(p.w_bits == 1 ? static_cast<int>(random() >> 31) * 2 - 1
                                               : draw(random));
  }
  return w;
}

// Builds LmnetV1 node by node with random constants: what a trained graph of it has.
class LmnetBuilder {
 public:
  ir::ValueId Block(ir::ValueId x, int64_t co, int64_t kernel) {
    const ir::ValueId conv = Conv(x, co, kernel, true);
    return Add("Quant", {Norm(conv, co), Scalar(2.0 / 3), Scalar(0)},
               ir::Attributes()
                   .Set("bits", int64_t{2})
                   .Set("signed", int64_t{0})
                   .Set("narrow", int64_t{0})
                   .Set("rounding", std::string("ROUND")));
  }
  ir::ValueId Conv(ir::ValueId x, int64_t co, int64_t kernel, bool binary) {
    const int64_t ci = graph.value(x).shape.back();
    ir::ValueId w = Uniform({co, kernel, kernel, ci}, -1, 1);
    if (binary) w = Add("BinaryQuant", {w, Scalar(0.05)});
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
  ir::ValueId SpaceToDepth(ir::ValueId x) {
    return Add("SpaceToDepth", {x}, ir::Attributes().Set("block", int64_t{2}));
  }
  ir::ValueId Add(const std::string& op, std::vector<ir::ValueId> inputs,
                  ir::Attributes attributes = {}) {
    auto value =
        graph.Append(op, op + std::to_string(count_++), std::move(inputs), std::move(attributes));
    BLUESTEM_CHECK(value.ok(), value.status().message().c_str());
    return *value;
  }
  ir::ValueId Scalar(double value) {
    return graph.AddConstant("c", Tensor::Of<float>({}, {static_cast<float>(value)}));
  }

  ir::Graph graph;

 private:
  ir::ValueId Uniform(Shape shape, float low, float high) {
    std::uniform_real_distribution<float> draw(low, high);
    Tensor tensor(DType::kF32, std::move(shape));
    for (int64_t i = 0; i < tensor.size(); ++i) tensor.data<float>()[i] = draw(random_);
    return graph.AddConstant("c", std::move(tensor));
  }
  std::mt19937 random_{1};
  int count_ = 0;
};

ir::Graph MakeLmnet() {
  LmnetBuilder net;
  ir::ValueId x = net.graph.AddInput("image", DType::kF32, {1, 32, 32, 3});
  x = net.Block(net.Block(x, 32, 3), 64, 3);
  x = net.Block(net.Block(net.SpaceToDepth(x), 128, 3), 64, 3);
  x = net.SpaceToDepth(net.Block(net.SpaceToDepth(x), 128, 3));
  x = net.Add("Relu", {net.Norm(net.Conv(x, 64, 1, true), 64)});
  x = net.Conv(x, 10, 1, false);
  x = net.Add("GlobalAvgPool", {x});
  x = net.Add("Reshape", {x}, ir::Attributes().Set("shape", Shape{1, 10}));
  net.graph.outputs = {net.Add("Softmax", {x}, ir::Attributes().Set("axis", int64_t{1}))};
  return std::move(net.graph);
}

}  // namespace

Contender OurConv(const ConvShape& shape, int x_bits, int w_bits, const std::string& isa,
                  int threads) {
  const auto job = std::make_shared<ConvJob>();
  QConvParams& p = job->params;
  p.h = p.w = shape.size;
  p.ci = shape.ci;
  p.co = shape.co;
  p.kernel_h = p.kernel_w = shape.kernel;
  p.stride_h = p.stride_w = shape.stride;
  p.dilation_h = p.dilation_w = p.groups = 1;
  p.pad_top = p.pad_left = shape.kernel / 2;
  p.ho = p.wo = shape.size / shape.stride;
  p.x_bits = x_bits;
  p.w_bits = w_bits;
  p.epilogue = kernels::QConvEpilogue::kThreshold;
  p.levels = x_bits > 4 ? 16 : 1 << x_bits;
  const kernels::IsaSet isas =
      isa.empty() ? edge::CpuIsas() : edge::IsaSetFromName(isa.c_str()) & edge::CpuIsas();
  job->kernel = &kernels::SelectQConv(p, isas);
  std::mt19937 random(1);
  const std::vector<int8_t> w = RandomWeights(p, random);
  job->weights = std::make_unique<Buffer>(QConvPackedBytes(p));
  QConvPackWeights(p, w.data(), job->weights->data());
  const size_t inputs = static_cast<size_t>(p.h) * p.w * p.ci;
  job->x = std::make_unique<Buffer>(inputs);
  for (size_t i = 0; i < inputs; ++i) {
    job->x->data()[i] = static_cast<uint8_t>(random() >> 8 & ((1u << x_bits) - 1));
  }
  job->y = std::make_unique<Buffer>(static_cast<size_t>(p.ho) * p.wo * p.co);
  job->AddWorkers(threads);
  for (int32_t co = 0; co < p.co; ++co) {
    job->directions.push_back(co % 2 == 0 ? 1 : -1);
    for (int32_t k = 1; k < p.levels; ++k) {
      const int32_t t = 20 * (2 * k - p.levels);
      job->thresholds.push_back(co % 2 == 0 ? t : -t);
    }
  }
  return {"ours", job->kernel->symbol, [job] {
            edge::RunConv(job->workers, *job->kernel, job->params,
                          kernels::QConvArgs{.x = job->x->data(),
                                             .weights = job->weights->data(),
                                             .thresholds = job->thresholds.data(),
                                             .directions = job->directions.data(),
                                             .a = nullptr,
                                             .b = nullptr,
                                             .y = job->y->data(),
                                             .scratch = nullptr});
          }};
}

Contender OurLmnet(const std::string& isa, int threads) {
  ir::Graph graph = MakeLmnet();
  passes::Options options;
  options.input_codes = passes::InputCodes{};
  std::vector<passes::Decision> decisions;
  const Status passed = passes::Run(graph, options, decisions);
  BLUESTEM_CHECK(passed.ok(), passed.message().c_str());
  std::vector<lower::Decision> lowered;
  auto program = lower::Lower(graph, "", lowered);
  BLUESTEM_CHECK(program.ok(), program.status().message().c_str());
  auto made = runtime::Interpret(std::make_shared<const program::Program>(std::move(*program)), isa,
                                 threads);
  BLUESTEM_CHECK(made.ok(), made.status().message().c_str());
  const std::shared_ptr<runtime::Session> session = std::move(*made);
  Tensor image(DType::kU8, session->inputs()[0].shape);
  std::mt19937 random(1);
  for (int64_t i = 0; i < image.size(); ++i)
    image.data<uint8_t>()[i] = static_cast<uint8_t>(random());
  const auto inputs = std::make_shared<std::vector<Tensor>>();
  inputs->push_back(std::move(image));
  return {"ours", session->isa(), [session, inputs] {
            const auto outputs = session->Run(*inputs);
            BLUESTEM_CHECK(outputs.ok(), outputs.status().message().c_str());
          }};
}

}  // namespace bluestem::bench
