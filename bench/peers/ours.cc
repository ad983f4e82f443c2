#include <algorithm>
#include <memory>
#include <random>

#include "bench/harness.h"
#include "bench/lmnet.h"
#include "bench/peers/contender.h"
#include "bluestem/base/check.h"
#include "bluestem/edge/conv_parts.h"
#include "bluestem/edge/cpu_features.h"
#include "bluestem/kernels/qconv/qconv.h"
#include "bluestem/runtime/rehearsal.h"
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
    size_t part = edge::PartScratch(*kernel, params, threads, 0);
    if (prepared != nullptr) part = std::max(part, prepared->scratch_bytes());
    scratch = std::make_unique<Buffer>(part * static_cast<size_t>(threads));
    workers = {nullptr, threads, scratch->data(), part};
    if (threads == 1) return;
    pool = std::make_unique<Buffer>(edge::ThreadPoolBytes(threads));
    workers.pool = edge::StartThreads(threads, pool->data());
    BLUESTEM_CHECK(workers.pool != nullptr, "the system does not start that many threads");
  }

  QConvParams params{};
  const kernels::QConvKernel* kernel = nullptr;
  std::unique_ptr<runtime::PreparedConv> prepared;  // null: the kernel runs
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

}  // namespace

Contender OurConv(const ConvShape& shape, int x_bits, int w_bits, const std::string& isa,
                  int threads, runtime::Kernels kernels) {
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
  p.narrow_steps = QConvNarrowSteps(p, job->weights->data());
  const size_t inputs = static_cast<size_t>(p.h) * p.w * p.ci;
  job->x = std::make_unique<Buffer>(inputs);
  for (size_t i = 0; i < inputs; ++i) {
    job->x->data()[i] = static_cast<uint8_t>(random() >> 8 & ((1u << x_bits) - 1));
  }
  job->y = std::make_unique<Buffer>(static_cast<size_t>(p.ho) * p.wo * p.co);
  for (int32_t co = 0; co < p.co; ++co) {
    job->directions.push_back(co % 2 == 0 ? 1 : -1);
    for (int32_t k = 1; k < p.levels; ++k) {
      const int32_t t = 20 * (2 * k - p.levels);
      job->thresholds.push_back(co % 2 == 0 ? t : -t);
    }
  }
  // What a session does.
  const runtime::ConvConstants constants = {job->weights->data(), job->thresholds.data(),
                                            job->directions.data()};
  if (kernels == runtime::Kernels::kFastest) {
    auto prepared = runtime::PrepareOnednnConv(p, constants, isas, threads);
    if (prepared.ok()) job->prepared = std::move(*prepared);
  }
  job->AddWorkers(threads);
  if (job->prepared != nullptr &&
      !runtime::PreparedIsFaster(p, constants, *job->kernel, *job->prepared, job->workers)) {
    job->prepared = nullptr;
  }
  const kernels::QConvArgs args = {.x = job->x->data(),
                                   .weights = constants.weights,
                                   .thresholds = constants.thresholds,
                                   .directions = constants.directions,
                                   .a = nullptr,
                                   .b = nullptr,
                                   .y = job->y->data(),
                                   .scratch = nullptr};
  if (job->prepared != nullptr) {
    return {"ours", job->prepared->symbol(),
            [job, args] { job->prepared->Run(args, job->workers); }};
  }
  return {"ours", job->kernel->symbol,
          [job, args] { edge::RunConv(job->workers, *job->kernel, job->params, args); }};
}

Contender OurLmnet(const std::string& isa, int threads) {
  auto made = runtime::Interpret(std::make_shared<const program::Program>(LmnetProgram()), isa,
                                 threads, runtime::Kernels::kOwn);
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
