// bench_peers: our low-bit convolutions and the whole LmnetV1 beside oneDNN int8 and f32, ONNX
// Runtime int8 and LibTorch f32, in one run.
//
//   bench_peers [--rounds N] [--milliseconds N] [--isa NAME] [--threads N] [--filter TEXT]
//               [--ort FOLDER|auto] [--json] [--plot FILE.svg] [--check] [--least RATIO]
//               [--least-net RATIO]
//
// --ort: where `npm install onnxruntime-node` was done; auto is the working folder. Without it ONNX
// Runtime is left out.
// Rounds are interleaved over shapes and contenders, so that a slow moment hits all alike; figures
// are medians of the rounds. One thread is timed by its own clock, several by the wall's. MACs are
// nominal: padding taps are counted. Ours ends in thresholds and codes, int8 in scale, ReLU and u8.
// --check exits 1 where a shape or the net is slower than oneDNN int8; --least and --least-net,
// which imply it, where a shape, or the net, is less than so many times as fast. A --filter that
// leaves nothing to run is an error.
#include <cstdio>
#include <optional>

#include "bench/harness.h"
#include "bench/peers/contender.h"
#include "bench/peers/options.h"
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
  double least = 0, least_net = 0;  // 0: not given
  bool json = false;
  bool check = false;
};

std::optional<int> Parse(int argc, char** argv, Options& options) {
  return ParseOptions(argc, argv,
                      {{"--rounds", "N", &options.rounds},
                       {"--milliseconds", "N", &options.milliseconds},
                       {"--isa", "NAME", &options.isa},
                       {"--threads", "N", &options.threads},
                       {"--filter", "TEXT", &options.filter},
                       {"--ort", "FOLDER|auto", &options.ort},
                       {"--json", nullptr, &options.json},
                       {"--plot", "FILE.svg", &options.plot},
                       {"--check", nullptr, &options.check},
                       {"--least", "RATIO", &options.least},
                       {"--least-net", "RATIO", &options.least_net}});
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
    races.push_back({"LmnetV1", kLmnetMacs, {}, true});
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
  if (const std::optional<int> code = Parse(argc, argv, options)) return *code;
  if (const Status isa = CheckIsa(options.isa); !isa.ok()) return Fail("bench_peers", isa);
  SetOnednnThreads(options.threads);
#ifdef BLUESTEM_HAS_TORCH
  SetTorchThreads(options.threads);
#endif
  if (!options.ort.empty()) {
    const Status opened = OpenOrt(options.ort, options.threads);
    if (!opened.ok()) return Fail("bench_peers", opened);
  }
  std::vector<Race> races = MakeRaces(options);
  if (const Status any = CheckAny(races, options.filter); !any.ok()) {
    return Fail("bench_peers", any);
  }
  const Clock clock = options.threads == 1 ? Clock::kThread : Clock::kWall;
  RunRaces(races, options.rounds, clock, options.milliseconds * 1e-3);
  Machine machine = DescribeMachine(options.isa);
  machine.peers = OnednnText();
  if (options.json) {
    PrintJson(machine, options.threads, races);
  } else {
    PrintTable(machine, options.threads, races);
  }
  if (!options.plot.empty() && !WritePlot(options.plot, machine, options.threads, races)) {
    std::fprintf(stderr, "bench_peers: cannot write %s\n", options.plot.c_str());
    return 5;
  }
  if (!options.check && options.least == 0 && options.least_net == 0) return 0;
  const double least = options.least > 0 ? options.least : 1;
  const double least_net = options.least_net > 0 ? options.least_net : 1;
  return SlowerThanInt8(races, least, least_net) > 0 ? 1 : 0;
}

}  // namespace
}  // namespace bluestem::bench

int main(int argc, char** argv) {
  return bluestem::bench::Main(argc, argv);
}
