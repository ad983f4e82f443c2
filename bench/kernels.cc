// bench_kernels: multiply-accumulates per second of every convolution kernel that this CPU runs.
//
//   bench_kernels [--rounds N] [--milliseconds N] [--filter TEXT] [--roof] [--json]
//
// One thread, batch 1. Shapes are those of the published comparisons (ResNet-like 3x3 and 1x1) and
// the layers of a small network. Rounds are interleaved over kernels and shapes, so that a slow
// moment of the machine hits all alike; the figure is the median of the rounds, the best beside it.
// Time is
// the thread's own, so that a busy machine disturbs little. MACs are nominal: padding taps are
// counted. Epilogues are part of the time, as in a network. --roof sets beside each what its
// innermost step alone reaches in the same rounds (bench/roof), and the kernel's share of that.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include "bench/harness.h"
#include "bench/roof/roof.h"
#include "bluestem/edge/cpu_features.h"
#include "bluestem/kernels/fconv/fconv.h"
#include "bluestem/kernels/qconv/qconv.h"

namespace bluestem::kernels {
namespace {

struct Shape {
  const char* name;
  int32_t size, ci, co, kernel, stride, x_bits, w_bits;  // w_bits 32: f32
  int32_t residual_bits = 0;
};

constexpr Shape kShapes[] = {
    {"3x3 64@32 u2s1", 32, 64, 64, 3, 1, 2, 1},
    {"3x3 128@16 u2s1", 16, 128, 128, 3, 1, 2, 1},
    {"3x3 256@8 u2s1", 8, 256, 256, 3, 1, 2, 1},
    {"3x3 64@56 u2s1", 56, 64, 64, 3, 1, 2, 1},
    {"3x3 128@28 u2s1", 28, 128, 128, 3, 1, 2, 1},
    {"3x3 256@14 u2s1", 14, 256, 256, 3, 1, 2, 1},
    {"3x3 512@7 u2s1", 7, 512, 512, 3, 1, 2, 1},
    {"1x1 256->64@56 u2s1", 56, 256, 64, 1, 1, 2, 1},
    {"1x1 1024->256@14 u2s1", 14, 1024, 256, 1, 1, 2, 1},
    {"3x3 64@32 u2s1+u2", 32, 64, 64, 3, 1, 2, 1, 2},
    {"3x3 128@16 u2s1+u2", 16, 128, 128, 3, 1, 2, 1, 2},
    {"3x3 256@8 u2s1+u2", 8, 256, 256, 3, 1, 2, 1, 2},
    {"1x1 256->64@56 u2s1+u2", 56, 256, 64, 1, 1, 2, 1, 2},
    {"3x3 64@32 u1s1", 32, 64, 64, 3, 1, 1, 1},
    {"3x3 64@32 u4s1", 32, 64, 64, 3, 1, 4, 1},
    {"3x3 64@32 u8s1", 32, 64, 64, 3, 1, 8, 1},
    {"3x3 64@32 u2s2", 32, 64, 64, 3, 1, 2, 2},
    {"3x3 64@32 u4s4", 32, 64, 64, 3, 1, 4, 4},
    {"3x3 64@32 u8s8", 32, 64, 64, 3, 1, 8, 8},
    {"3x3 3->32@32 u8s1", 32, 3, 32, 3, 1, 8, 1},
    {"3x3 3->32@32 u8s8", 32, 3, 32, 3, 1, 8, 8},
    {"3x3 32->64@32 u2s1", 32, 32, 64, 3, 1, 2, 1},
    {"3x3 3->32@32 f32", 32, 3, 32, 3, 1, 32, 32},
    {"3x3 64@32 f32", 32, 64, 64, 3, 1, 32, 32},
    {"1x1 256->64@56 f32", 56, 256, 64, 1, 1, 32, 32},
};

struct Options {
  int rounds = 7;
  int milliseconds = 20;  // of one measurement
  std::string filter;
  bool json = false;
  bool roof = false;
};

using bench::Buffer;
using bench::Median;

// One kernel on one shape, with its buffers.
struct Job {
  const Shape* shape = nullptr;
  const char* symbol = nullptr;
  double macs = 0;
  QConvParams q{};
  FConvParams f{};
  const QConvKernel* q_kernel = nullptr;
  const FConvKernel* f_kernel = nullptr;
  std::unique_ptr<Buffer> x, weights, residual, y, scratch;
  std::vector<int32_t> ratios;
  std::vector<int32_t> thresholds;
  std::vector<int8_t> directions;
  std::vector<double> gmacs_per_second;

  void Run() const {
    if (q_kernel != nullptr) {
      q_kernel->run(q, {.x = x->data(),
                        .weights = weights->data(),
                        .thresholds = thresholds.data(),
                        .directions = directions.data(),
                        .a = nullptr,
                        .b = nullptr,
                        .residual = residual->data(),
                        .ratios = ratios.data(),
                        .y = y->data(),
                        .scratch = scratch->data()});
    } else {
      f_kernel->run(f, {.x = reinterpret_cast<const float*>(x->data()),
                        .weights = reinterpret_cast<const float*>(weights->data()),
                        .bias = nullptr,
                        .a = nullptr,
                        .b = nullptr,
                        .y = reinterpret_cast<float*>(y->data())});
    }
  }
};

template <typename Params>
Params MakeParams(const Shape& s) {
  Params p{};
  p.h = p.w = s.size;
  p.ci = s.ci;
  p.co = s.co;
  p.kernel_h = p.kernel_w = s.kernel;
  p.stride_h = p.stride_w = s.stride;
  p.dilation_h = p.dilation_w = 1;
  p.pad_top = p.pad_left = s.kernel / 2;
  p.groups = 1;
  p.ho = p.wo = s.size / s.stride;
  return p;
}

void AddQConvJobs(const Shape& shape, IsaSet isas, std::vector<Job>& jobs) {
  QConvParams p = MakeParams<QConvParams>(shape);
  p.x_bits = shape.x_bits;
  p.w_bits = shape.w_bits;
  p.epilogue = QConvEpilogue::kThreshold;
  p.levels = 4;
  p.residual_bits = shape.residual_bits;
  for (int32_t i = 0; i < kQConvKernelCount; ++i) {
    const QConvKernel& kernel = kQConvKernels[i];
    const bool usable = kernel.run != nullptr && (isas & IsaBit(kernel.isa)) != 0 &&
                        kernel.isa != Isa::kReference && kernel.refuses(p) == nullptr;
    if (!usable) continue;
    Job job;
    job.shape = &shape;
    job.symbol = kernel.symbol;
    job.q = p;
    job.q_kernel = &kernel;
    job.x = std::make_unique<Buffer>(static_cast<size_t>(p.h) * p.w * p.ci);
    job.weights = std::make_unique<Buffer>(QConvPackedBytes(p));
    job.y = std::make_unique<Buffer>(static_cast<size_t>(p.ho) * p.wo * p.co);
    job.residual = std::make_unique<Buffer>(static_cast<size_t>(p.ho) * p.wo * p.co);
    job.scratch = std::make_unique<Buffer>(kernel.scratch_bytes(p));
    std::vector<int8_t> w(static_cast<size_t>(p.co) * p.kernel_h * p.kernel_w * p.ci);
    for (size_t k = 0; k < w.size(); ++k) w[k] = k * 2654435761u >> 16 & 1 ? 1 : -1;
    QConvPackWeights(p, w.data(), job.weights->data());
    for (int32_t k = 0; k < p.h * p.w * p.ci; ++k) {
      job.x->data()[k] = static_cast<uint8_t>((k * 40503u >> 8) & ((1u << p.x_bits) - 1));
    }
    for (int32_t k = 0; k < p.ho * p.wo * p.co; ++k) {
      job.residual->data()[k] = static_cast<uint8_t>((k * 40503u >> 9) & 3);
    }
    for (int32_t co = 0; co < p.co; ++co) {
      job.ratios.push_back(co % 2 == 0 ? 7 : -7);
      job.directions.push_back(co % 2 == 0 ? 1 : -1);
      for (int32_t t : {-20, 0, 20}) job.thresholds.push_back(co % 2 == 0 ? t : -t);
    }
    jobs.push_back(std::move(job));
  }
}

void AddFConvJobs(const Shape& shape, IsaSet isas, std::vector<Job>& jobs) {
  const FConvParams p = MakeParams<FConvParams>(shape);
  for (int32_t i = 0; i < kFConvKernelCount; ++i) {
    const FConvKernel& kernel = kFConvKernels[i];
    const bool usable = kernel.run != nullptr && (isas & IsaBit(kernel.isa)) != 0 &&
                        kernel.isa != Isa::kReference && kernel.refuses(p) == nullptr;
    if (!usable) continue;
    Job job;
    job.shape = &shape;
    job.symbol = kernel.symbol;
    job.f = p;
    job.f_kernel = &kernel;
    job.x = std::make_unique<Buffer>(sizeof(float) * p.h * p.w * p.ci);
    job.weights = std::make_unique<Buffer>(sizeof(float) * FConvPackedFloats(p));
    job.y = std::make_unique<Buffer>(sizeof(float) * p.ho * p.wo * p.co);
    jobs.push_back(std::move(job));
  }
}

std::vector<Job> MakeJobs(const Options& options) {
  const IsaSet isas = edge::CpuIsas();
  std::vector<Job> jobs;
  for (const Shape& shape : kShapes) {
    std::vector<Job> of_shape;
    if (shape.w_bits == 32) {
      AddFConvJobs(shape, isas, of_shape);
    } else {
      AddQConvJobs(shape, isas, of_shape);
    }
    for (Job& job : of_shape) {
      const std::string name = std::string(shape.name) + " " + job.symbol;
      if (name.find(options.filter) == std::string::npos) continue;
      const double size = shape.size / shape.stride;
      job.macs = size * size * shape.co * shape.ci * shape.kernel * shape.kernel;
      jobs.push_back(std::move(job));
    }
  }
  return jobs;
}

// What the innermost step of some kernels reaches.
struct RoofJob {
  const bench::Roof* roof = nullptr;
  std::vector<double> gmacs_per_second[std::size(bench::kAllOperands)];
};

// Of the jobs' kernels, each once.
std::vector<RoofJob> MakeRoofJobs(const std::vector<Job>& jobs) {
  std::vector<RoofJob> roofs;
  for (const Job& job : jobs) {
    const bench::Roof* roof = bench::RoofOf(job.symbol);
    const auto same = [&](const RoofJob& other) { return other.roof == roof; };
    if (roof == nullptr || std::any_of(roofs.begin(), roofs.end(), same)) continue;
    roofs.push_back({.roof = roof});
  }
  return roofs;
}

double GmacsPerSecond(double macs, const std::function<void()>& run, int milliseconds) {
  const double seconds = bench::SecondsPerRun(run, bench::Clock::kThread, milliseconds * 1e-3);
  return macs / seconds * 1e-9;
}

void MeasureRoof(RoofJob& job, int milliseconds) {
  static const Buffer weights(bench::kWeightBytes), codes(bench::kCodeBytes);
  constexpr int64_t kPasses = 1024;
  for (const bench::Operands operands : bench::kAllOperands) {
    job.gmacs_per_second[static_cast<size_t>(operands)].push_back(GmacsPerSecond(
        job.roof->macs * kPasses,
        [&] { job.roof->run(operands, kPasses, weights.data(), codes.data()); }, milliseconds));
  }
}

void PrintJson(const std::vector<Job>& jobs, const std::vector<RoofJob>& roofs) {
  std::printf("[\n");
  for (size_t i = 0; i < jobs.size(); ++i) {
    const Job& job = jobs[i];
    std::printf(
        "  {\"shape\": \"%s\", \"kernel\": \"%s\", \"gmacs_per_second_p50\": %.2f, "
        "\"gmacs_per_second_best\": %.2f, \"microseconds_p50\": %.1f",
        job.shape->name, job.symbol, Median(job.gmacs_per_second),
        *std::max_element(job.gmacs_per_second.begin(), job.gmacs_per_second.end()),
        job.macs * 1e-3 / Median(job.gmacs_per_second));
    for (const RoofJob& roof : roofs) {
      if (roof.roof != bench::RoofOf(job.symbol)) continue;
      std::printf(
          ", \"step\": \"%s\", \"roof_registers\": %.2f, \"roof_l1\": %.2f, \"roof_l2\": %.2f",
          roof.roof->step, Median(roof.gmacs_per_second[0]), Median(roof.gmacs_per_second[1]),
          Median(roof.gmacs_per_second[2]));
    }
    std::printf("}%s\n", i + 1 < jobs.size() ? "," : "");
  }
  std::printf("]\n");
}

void PrintTable(const std::vector<Job>& jobs, const std::vector<RoofJob>& roofs) {
  std::printf("%-24s %-36s %10s %10s %10s%s\n", "shape", "kernel", "GMAC/s", "best", "us",
              roofs.empty() ? "" : "  of roof");
  for (const Job& job : jobs) {
    const double median = Median(job.gmacs_per_second);
    std::printf("%-24s %-36s %10.1f %10.1f %10.1f", job.shape->name, job.symbol, median,
                *std::max_element(job.gmacs_per_second.begin(), job.gmacs_per_second.end()),
                job.macs * 1e-3 / median);
    for (const RoofJob& roof : roofs) {
      if (roof.roof != bench::RoofOf(job.symbol)) continue;
      std::printf("%9.2f", median / Median(roof.gmacs_per_second[1]));
    }
    std::printf("\n");
  }
  if (roofs.empty()) return;
  std::printf("\n%-36s %-32s %10s %10s %10s\n", "roof of", "step", "registers", "L1", "L2 weights");
  for (const RoofJob& roof : roofs) {
    std::printf("%-36s %-32s %10.1f %10.1f %10.1f\n", roof.roof->kernels[0], roof.roof->step,
                Median(roof.gmacs_per_second[0]), Median(roof.gmacs_per_second[1]),
                Median(roof.gmacs_per_second[2]));
  }
}

int Main(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const bool has_value = i + 1 < argc;
    if (std::strcmp(argv[i], "--json") == 0) {
      options.json = true;
    } else if (std::strcmp(argv[i], "--roof") == 0) {
      options.roof = true;
    } else if (has_value && std::strcmp(argv[i], "--rounds") == 0) {
      options.rounds = std::max(1, std::atoi(argv[++i]));
    } else if (has_value && std::strcmp(argv[i], "--milliseconds") == 0) {
      options.milliseconds = std::max(1, std::atoi(argv[++i]));
    } else if (has_value && std::strcmp(argv[i], "--filter") == 0) {
      options.filter = argv[++i];
    } else {
      std::fprintf(stderr,
                   "usage: %s [--rounds N] [--milliseconds N] [--filter TEXT] [--roof] [--json]\n"
                   "unknown or incomplete: %s\n",
                   argv[0], argv[i]);
      return 2;
    }
  }
  std::vector<Job> jobs = MakeJobs(options);
  if (jobs.empty()) {
    std::fprintf(stderr, "%s: --filter \"%s\": no row has that text in its name\n", argv[0],
                 options.filter.c_str());
    return 2;
  }
  std::vector<RoofJob> roofs;
  if (options.roof) roofs = MakeRoofJobs(jobs);
  for (int round = 0; round < options.rounds; ++round) {
    for (Job& job : jobs) {
      job.gmacs_per_second.push_back(GmacsPerSecond(
          job.macs, [&] { job.Run(); }, options.milliseconds));
    }
    for (RoofJob& roof : roofs) MeasureRoof(roof, options.milliseconds);
  }
  options.json ? PrintJson(jobs, roofs) : PrintTable(jobs, roofs);
  return 0;
}

}  // namespace
}  // namespace bluestem::kernels

int main(int argc, char** argv) {
  return bluestem::kernels::Main(argc, argv);
}
