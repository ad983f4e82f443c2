// bench_train: images per second of a training step (forward, backward and update; no loading) of
// one network on random 32x32 pictures: 1w2a in integers, 1w2a in f32, f32, and the same network in
// plain LibTorch (autograd, f32, channels last). Interleaved rounds in one run, medians; --check
// fails where integers are not kGoal times as fast as plain LibTorch.
#include <fmt/core.h>
#include <omp.h>
#include <torch/torch.h>

#include <cstdlib>
#include <cstring>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>

#include "bench/harness.h"
#include "bench/roof/roof.h"
#include "bluestem/base/rng.h"
#include "bluestem/edge/cpu_features.h"
#include "bluestem/train/internal/module.h"

namespace bluestem::bench {
namespace {

constexpr double kGoal = 2.5;  // times plain LibTorch
constexpr const char* kPlain = "libtorch_f32";

struct Options {
  int64_t batch = 128, width = 64;
  int rounds = 7, threads = 0;
  std::string network = "bluestem_s";
  bool json = false, check = false;
};

struct Batch {
  std::vector<float> images;
  std::vector<int32_t> labels;
};

struct Lane {
  std::string name;
  std::function<void()> step;
  std::vector<double> seconds = {};
};

#if defined(__x86_64__)
// f32 multiply-adds a second of all threads together.
double MacsPerSecond(const Roof& roof) {
  alignas(64) static const uint8_t zeros[kWeightBytes] = {};
  constexpr int64_t kPasses = 1 << 18;
  const double seconds = SecondsPerRun(
      [&roof] {
#pragma omp parallel
        roof.run(Operands::kRegisters, kPasses, zeros, zeros);
      },
      Clock::kWall, 0.2);
  return static_cast<double>(omp_get_max_threads()) * kPasses * roof.macs / seconds;
}
#endif

struct Peak {
  double macs = 0;  // f32 multiply-adds a second of all threads together; 0: not measured
  const char* isa = "none";
};

// Returns what the CPU can do at most: AVX-512 is twice AVX2 on some, and no more on others.
Peak MeasurePeak() {
  Peak peak;
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
    peak = {.macs = MacsPerSecond(kAvx2Fused), .isa = "avx2"};
  if (__builtin_cpu_supports("avx512f")) {
    const double macs = MacsPerSecond(kAvx512Fused);
    if (macs > peak.macs) peak = {.macs = macs, .isa = "avx512"};
  }
#endif
  return peak;
}

// Multiply-adds of one picture's convolutions, forward.
double NetworkMacs(const train::Network& network) {
  double macs = 0;
  const std::vector<train::BlockShape> shapes = train::Shapes(network).value();
  for (const train::BlockShape& s : shapes)
    macs += static_cast<double>(s.conv_h * s.conv_w * s.k * s.co);
  return macs;
}

train::Network MakeNetwork(const Options& options, bool quantized) {
  config::Experiment experiment;
  experiment.network.name = options.network;
  experiment.network.width = options.width;
  experiment.data.height = experiment.data.width = 32;
  experiment.data.channels = 3;
  experiment.network.weight_quantizer = quantized ? "binary_mean_scaling" : "none";
  experiment.network.activation_quantizer = quantized ? "linear_mid_tread_half" : "none";
  return train::MakeNetwork(experiment, 10).value();
}

std::function<void()> OurStep(const Options& options, bool quantized, bool integers,
                              const Batch& batch) {
  const train::Network network = MakeNetwork(options, quantized);
  const auto module =
      std::make_shared<train::Module>(network, train::Shapes(network).value(), uint64_t{1});
  if (integers) module->UseIntegers(edge::CpuIsas());
  return [module, &batch, &options] {
    const train::StepResult result = module->Step(
        {.count = options.batch, .images = batch.images.data(), .labels = batch.labels.data()}, {});
    if (!(result.loss < 1e9)) std::abort();
    for (const train::ParameterView& p : module->parameters()) {
      for (int64_t i = 0; i < p.count; ++i) p.value[i] -= 1e-6F * p.gradient[i];
    }
  };
}

// The network's blocks as anyone would write them with LibTorch's autograd.
struct PlainNet {
  train::Network network;
  std::vector<torch::Tensor> weights, gammas, betas;

  explicit PlainNet(const Options& options) : network(MakeNetwork(options, false)) {
    int64_t ci = network.c;
    for (const train::Block& block : network.blocks) {
      const auto leaf = [](torch::Tensor t) { return t.requires_grad_(true); };
      weights.push_back(leaf((torch::rand({block.channels, ci, block.kernel, block.kernel}) - 0.5)
                                 .mul_(0.1)
                                 .contiguous(torch::MemoryFormat::ChannelsLast)));
      gammas.push_back(leaf(torch::ones({block.channels})));
      betas.push_back(leaf(torch::zeros({block.channels})));
      ci = block.channels *
           (block.space_to_depth > 0 ? block.space_to_depth * block.space_to_depth : 1);
    }
  }
  torch::Tensor Forward(torch::Tensor x) {
    torch::Tensor before;
    std::vector<torch::Tensor> outputs;
    for (size_t i = 0; i < network.blocks.size(); ++i) {
      const train::Block& block = network.blocks[i];
      x = torch::conv2d(x, weights[i], {}, block.stride, block.pad);
      if (block.pool > 0 && block.pool_first) x = torch::max_pool2d(x, block.pool);
      if (block.batch_norm)
        x = torch::batch_norm(x, gammas[i], betas[i], {}, {}, true, 0.1, 1e-5, false);
      if (block.shortcut) x = x + before;
      if (block.code_shortcut > 0)
        x = x + OptionA(outputs[i - static_cast<size_t>(block.code_shortcut)],
                        network.ShortcutStride(i), block.channels);
      before = x;
      if (block.activation != train::Activation::kNone) x = torch::relu(x);
      if (block.pool > 0 && !block.pool_first) x = torch::max_pool2d(x, block.pool);
      if (block.space_to_depth > 0)
        x = torch::pixel_unshuffle(x, block.space_to_depth)
                .contiguous(torch::MemoryFormat::ChannelsLast);
      outputs.push_back(x);
    }
    return x.mean({2, 3});
  }
  // Every stride-th pixel, and zeros for the channels that it lacks (He et al. 2015, option A).
  static torch::Tensor OptionA(torch::Tensor x, int64_t stride, int64_t channels) {
    for (const int64_t side : {2, 3}) x = x.slice(side, 0, x.size(side), stride);
    return torch::constant_pad_nd(x, {0, 0, 0, 0, 0, channels - x.size(1)});
  }
  void Step(const torch::Tensor& images, const torch::Tensor& labels) {
    const torch::Tensor loss = torch::nn::functional::cross_entropy(Forward(images), labels);
    loss.backward();
    const torch::NoGradGuard guard;
    for (auto* list : {&weights, &gammas, &betas}) {
      for (torch::Tensor& t : *list) {
        if (!t.grad().defined()) continue;
        t.sub_(t.grad(), 1e-6);
        t.mutable_grad() = torch::Tensor();
      }
    }
  }
};

std::function<void()> PlainStep(const Options& options, const Batch& batch) {
  const auto net = std::make_shared<PlainNet>(options);
  const torch::Tensor images =
      torch::from_blob(const_cast<float*>(batch.images.data()), {options.batch, 32, 32, 3})
          .permute({0, 3, 1, 2});
  const torch::Tensor labels =
      torch::from_blob(const_cast<int32_t*>(batch.labels.data()), {options.batch}, torch::kInt)
          .to(torch::kLong);
  return [net, images, labels] { net->Step(images, labels); };
}

// Prints the table or the document, and returns how many times as fast as the first the last is.
double Print(const Options& options, const std::vector<Lane>& lanes) {
  const Machine machine = DescribeMachine();
  const double macs = NetworkMacs(MakeNetwork(options, true));
  const Peak peak = MeasurePeak();
  const double base = Median(lanes.front().seconds);
  nlohmann::ordered_json rows = nlohmann::ordered_json::array();
  if (!options.json) {
    fmt::print(
        "{}\n{} width {}: {:.1f} MMAC a picture, three times that a step; batch {}, {} "
        "threads, f32 peak {:.0f} GMAC/s ({})\n",
        MachineText(machine), options.network, options.width, macs * 1e-6, options.batch,
        options.threads, peak.macs * 1e-9, peak.isa);
  }
  for (const Lane& lane : lanes) {
    const double seconds = Median(lane.seconds);
    const double images = static_cast<double>(options.batch) / seconds;
    const double share = peak.macs > 0 ? 3 * macs * images / peak.macs : 0;
    rows.push_back({{"step", lane.name},
                    {"images_per_second_p50", images},
                    {"milliseconds_p50", 1e3 * seconds},
                    {"gmacs_per_second", 3e-9 * macs * images},
                    {"share_of_f32_peak", share},
                    {"ratio_to_" + std::string(kPlain), base / seconds}});
    if (options.json) continue;
    fmt::print("{:18} {:8.1f} images/s {:8.2f} ms {:6.1f} GMAC/s, {:.2f} of the peak {:6.2f}x\n",
               lane.name, images, 1e3 * seconds, 3e-9 * macs * images, share, base / seconds);
  }
  if (options.json) {
    const nlohmann::ordered_json document = {{"cpu", machine.cpu},
                                             {"cores", machine.cores},
                                             {"isa", machine.isa},
                                             {"mhz", machine.mhz},
                                             {"compiler", machine.compiler},
                                             {"flags", machine.flags},
                                             {"commit", machine.commit},
                                             {"threads", options.threads},
                                             {"network", options.network},
                                             {"width", options.width},
                                             {"batch", options.batch},
                                             {"macs", macs},
                                             {"f32_peak_gmacs", peak.macs * 1e-9},
                                             {"f32_peak_isa", peak.isa},
                                             {"rows", rows}};
    fmt::print("{}\n", document.dump(2));
  }
  return base / Median(lanes.back().seconds);
}

bool Parse(int argc, char** argv, Options& options) {
  for (int i = 1; i < argc; ++i) {
    const std::string name = argv[i];
    if (name == "--json") {
      options.json = true;
    } else if (name == "--check") {
      options.check = true;
    } else if (i + 1 < argc && name == "--batch") {
      options.batch = std::atoll(argv[++i]);
    } else if (i + 1 < argc && name == "--width") {
      options.width = std::atoll(argv[++i]);
    } else if (i + 1 < argc && name == "--rounds") {
      options.rounds = std::atoi(argv[++i]);
    } else if (i + 1 < argc && name == "--threads") {
      options.threads = std::atoi(argv[++i]);
    } else if (i + 1 < argc && name == "--network") {
      options.network = argv[++i];
    } else {
      fmt::print(stderr,
                 "usage: {} [--network NAME] [--width N] [--batch N] [--threads N] [--rounds N] "
                 "[--json] [--check]\n{}: unknown or incomplete\n",
                 argv[0], name);
      return false;
    }
  }
  return true;
}

int Main(int argc, char** argv) {
  Options options;
  if (!Parse(argc, argv, options)) return 2;
  options.threads = train::UseThreads(options.threads);
  Batch batch;
  Rng rng(1);
  batch.images.resize(static_cast<size_t>(options.batch * 32 * 32 * 3));
  for (float& x : batch.images) x = static_cast<float>(rng.Unit());
  for (int64_t i = 0; i < options.batch; ++i)
    batch.labels.push_back(static_cast<int32_t>(rng.Below(10)));
  std::vector<Lane> lanes = {{kPlain, PlainStep(options, batch)},
                             {"ours_f32", OurStep(options, false, false, batch)},
                             {"ours_1w2a_f32", OurStep(options, true, false, batch)},
                             {"ours_1w2a_integer", OurStep(options, true, true, batch)}};
  for (int round = 0; round < options.rounds; ++round) {
    for (Lane& lane : lanes) lane.seconds.push_back(SecondsPerRun(lane.step, Clock::kWall, 0.3));
  }
  const double ratio = Print(options, lanes);
  return options.check && ratio < kGoal ? 1 : 0;
}

}  // namespace
}  // namespace bluestem::bench

int main(int argc, char** argv) {
  return bluestem::bench::Main(argc, argv);
}
