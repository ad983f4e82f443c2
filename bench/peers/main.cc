// bench_peers: our low-bit convolutions and the whole LmnetV1 beside oneDNN int8 and f32, ONNX
// Runtime int8 and LibTorch f32, in one run.
//
//   bench_peers [--rounds N] [--milliseconds N] [--isa NAME] [--threads N] [--filter TEXT]
//               [--ort FOLDER|auto] [--json] [--plot FILE.svg] [--check]
//
// --ort: where `npm install onnxruntime-node` was done; auto is the working folder. Without it ONNX
// Runtime is left out.
// Rounds are interleaved over shapes and contenders, so that a slow moment hits all alike; figures
// are medians of the rounds. One thread is timed by its own clock, several by the wall's. MACs are
// nominal: padding taps are counted. Ours ends in thresholds and codes, int8 in scale, ReLU and u8.
// --check exits 1 where a shape is slower than oneDNN int8.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>

#include "bench/harness.h"
#include "bench/peers/contender.h"
#include "bench/peers/report.h"

namespace bluestem::bench {
namespace {

const ConvShape kShapes[] = {
    {"3x3 64->64 @32", 32, 64, 64, 3, 1},       {"3x3 128->128 @16", 16, 128, 128, 3, 1},
    {"3x3 256->256 @8", 8, 256, 256, 3, 1},     {"3x3 64->64 @56", 56, 64, 64, 3, 1},
    {"3x3 128->128 @28", 28, 128, 128, 3, 1},   {"3x3 256->256 @14", 14, 256, 256, 3, 1},
    {"3x3 512->512 @7", 7, 512, 512, 3, 1},     {"1x1 256->64 @56", 56, 256, 64, 1, 1},
    {"1x1 1024->256 @14", 14, 1024, 256, 1, 1},
};

struct Options {
  int rounds = 15;
  int milliseconds = 10;
  int threads = 1;
  std::string isa, filter, ort, plot;
  bool json = false;
  bool check = false;
};

int Usage(const char* program, const char* argument) {
  std::fprintf(stderr,
               "usage: %s [--rounds N] [--milliseconds N] [--isa NAME] [--threads N] "
               "[--filter TEXT] [--ort FOLDER|auto] [--json] [--plot FILE.svg] [--check]\n"
               "unknown or incomplete: %s\n",
               program, argument);
  return 2;
}

bool Parse(int argc, char** argv, Options& options) {
  const std::map<std::string, bool*> flags = {{"--json", &options.json},
                                              {"--check", &options.check}};
  const std::map<std::string, int*> numbers = {{"--rounds", &options.rounds},
                                               {"--milliseconds", &options.milliseconds},
                                               {"--threads", &options.threads}};
  const std::map<std::string, std::string*> texts = {{"--isa", &options.isa},
                                                     {"--filter", &options.filter},
                                                     {"--ort", &options.ort},
                                                     {"--plot", &options.plot}};
  for (int i = 1; i < argc; ++i) {
    const std::string name = argv[i];
    if (const auto flag = flags.find(name); flag != flags.end()) {
      *flag->second = true;
      continue;
    }
    if (i + 1 == argc) return Usage(argv[0], argv[i]) == 0;
    const char* value = argv[++i];
    if (const auto number = numbers.find(name); number != numbers.end()) {
      *number->second = std::max(1, std::atoi(value));
    } else if (const auto text = texts.find(name); text != texts.end()) {
      *text->second = value;
    } else {
      return Usage(argv[0], name.c_str()) == 0;
    }
  }
  return true;
}

std::vector<Race> MakeRaces(const Options& options) {
  std::vector<Race> races;
  const auto wanted = [&options](const std::string& name) {
    return name.find(options.filter) != std::string::npos;
  };
  for (const ConvShape& shape : kShapes) {
    if (!wanted(shape.name)) continue;
    races.push_back({shape.name, shape.macs(), {}});
    Race& race = races.back();
    race.lanes.push_back(
        {OurConv(shape, 2, 1, options.isa, options.threads, runtime::Kernels::kOwn), {}});
    race.lanes.push_back({OnednnConv(shape, true), {}});
    if (!options.ort.empty()) race.lanes.push_back({OrtConv(shape), {}});
    race.lanes.push_back({OnednnConv(shape, false), {}});
#ifdef BLUESTEM_HAS_TORCH
    race.lanes.push_back({TorchConv(shape), {}});
#endif
  }
  if (wanted("LmnetV1")) {
    races.push_back({"LmnetV1", kLmnetMacs, {}});
    Race& race = races.back();
    race.lanes.push_back({OurLmnet(options.isa, options.threads), {}});
    race.lanes.push_back({OnednnLmnet(true), {}});
    if (!options.ort.empty()) race.lanes.push_back({OrtLmnet(), {}});
    race.lanes.push_back({OnednnLmnet(false), {}});
#ifdef BLUESTEM_HAS_TORCH
    race.lanes.push_back({TorchLmnet(), {}});
#endif
  }
  return races;
}

int Main(int argc, char** argv) {
  Options options;
  if (!Parse(argc, argv, options)) return 2;
  SetOnednnThreads(options.threads);
#ifdef BLUESTEM_HAS_TORCH
  SetTorchThreads(options.threads);
#endif
  if (!options.ort.empty()) {
    const Status opened = OpenOrt(options.ort, options.threads);
    if (!opened.ok()) {
      std::fprintf(stderr, "bench_peers: error: %s\n", opened.message().c_str());
      return static_cast<int>(opened.code());
    }
  }
  std::vector<Race> races = MakeRaces(options);
  const Clock clock = options.threads == 1 ? Clock::kThread : Clock::kWall;
  RunRaces(races, options.rounds, clock, options.milliseconds * 1e-3);
  const Machine machine = DescribeMachine();
  if (options.json) {
    PrintJson(machine, options.threads, races);
  } else {
    PrintTable(machine, options.threads, races);
  }
  if (!options.plot.empty() && !WritePlot(options.plot, machine, options.threads, races)) {
    std::fprintf(stderr, "bench_peers: cannot write %s\n", options.plot.c_str());
    return 5;
  }
  return options.check && SlowerThanInt8(races, 1) > 0 ? 1 : 0;
}

}  // namespace
}  // namespace bluestem::bench

int main(int argc, char** argv) {
  return bluestem::bench::Main(argc, argv);
}
