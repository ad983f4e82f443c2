// bench_sweep: every bit width on every shape beside oneDNN int8 of the same shape, in one run.
//
//   bench_sweep [--own] [--rounds N] [--milliseconds N] [--isa NAME] [--filter TEXT] [--json]
//               [--check]
//
// Names are "3x3 64->64 @32 u2s1": 2-bit codes, 1-bit weights. One thread. Rounds are interleaved;
// figures are medians. Ours is what a session of this process chooses for the call by itself, named
// in brackets at a line's end: a kernel of ours, or oneDNN's where that gave our bits sooner when
// it was made (--own: our kernels alone, what an artefact has). --check exits 1 where one of ours
// is slower than oneDNN int8: has less than kLeastRatio of its speed, which is what two
// measurements of one kernel differ by. A --filter that leaves nothing to run is an error.
#include <fmt/core.h>

#include <cstdio>
#include <optional>

#include "bench/peers/options.h"
#include "bench/peers/report.h"

namespace bluestem::bench {
namespace {

const ConvShape kShapes[] = {
    {"3x3 64->64 @32", 32, 64, 64, 3, 1},     {"3x3 256->256 @8", 8, 256, 256, 3, 1},
    {"3x3 128->128 @28", 28, 128, 128, 3, 1}, {"3x3 512->512 @7", 7, 512, 512, 3, 1},
    {"1x1 256->64 @56", 56, 256, 64, 1, 1},   {"1x1 1024->256 @14", 14, 1024, 256, 1, 1},
    {"3x3 32->64 @32", 32, 32, 64, 3, 1},     {"3x3 64->128 @32 s2", 32, 64, 128, 3, 2},
    {"5x5 48->80 @17", 17, 48, 80, 5, 1},     {"7x7 32->32 @20", 20, 32, 32, 7, 1},
    {"1x1 1536->96 @9", 9, 1536, 96, 1, 1},   {"3x3 3->32 @32", 32, 3, 32, 3, 1},
    {"3x3 128->128 @16", 16, 128, 128, 3, 1}, {"3x3 64->64 @56", 56, 64, 64, 3, 1},
    {"3x3 256->256 @14", 14, 256, 256, 3, 1},
};
constexpr int kBits[] = {1, 2, 4, 8};
constexpr double kLeastRatio = 0.95;
constexpr int kAgain = 4;  // times as many rounds for what seems slower

struct Options {
  int rounds = 7;
  int milliseconds = 5;
  std::string isa, filter;
  bool json = false;
  bool check = false;
  bool own = false;
};

std::optional<int> Parse(int argc, char** argv, Options& options) {
  return ParseOptions(argc, argv,
                      {{"--own", nullptr, &options.own},
                       {"--rounds", "N", &options.rounds},
                       {"--milliseconds", "N", &options.milliseconds},
                       {"--isa", "NAME", &options.isa},
                       {"--filter", "TEXT", &options.filter},
                       {"--json", nullptr, &options.json},
                       {"--check", nullptr, &options.check}});
}

int Main(int argc, char** argv) {
  Options options;
  if (const std::optional<int> code = Parse(argc, argv, options)) return *code;
  if (const Status isa = CheckIsa(options.isa); !isa.ok()) return Fail("bench_sweep", isa);
  SetOnednnThreads(1);
  const runtime::Kernels kernels =
      options.own ? runtime::Kernels::kOwn : runtime::Kernels::kFastest;
  std::vector<Race> races;
  for (const ConvShape& shape : kShapes) {
    for (const int x_bits : kBits) {
      for (const int w_bits : kBits) {
        const std::string name = fmt::format("{} u{}s{}", shape.name, x_bits, w_bits);
        if (name.find(options.filter) == std::string::npos) continue;
        races.push_back({name, shape.macs(), {}});
        races.back().lanes.push_back({OurConv(shape, x_bits, w_bits, options.isa, 1, kernels), {}});
        races.back().lanes.push_back({OnednnConv(shape, true), {}});
      }
    }
  }
  if (const Status any = CheckAny(races, options.filter); !any.ok()) {
    return Fail("bench_sweep", any);
  }
  RunRaces(races, options.rounds, Clock::kThread, options.milliseconds * 1e-3);
  if (options.check) {
    // What seems slower is measured again: a busy moment is no verdict.
    std::vector<Race*> again;
    for (Race& race : races) {
      if (Ratio(race, "onednn_int8") < kLeastRatio) again.push_back(&race);
    }
    for (Race* race : again) {
      std::vector<Race> one = {*race};
      RunRaces(one, kAgain * options.rounds, Clock::kThread, options.milliseconds * 1e-3);
      *race = std::move(one[0]);
    }
  }
  Machine machine = DescribeMachine(options.isa);
  machine.peers = OnednnText();
  options.json ? PrintJson(machine, 1, races) : PrintTable(machine, 1, races);
  if (!options.check) return 0;
  const int slower = SlowerThanInt8(races, kLeastRatio, kLeastRatio);
  fmt::print(stderr, "{} of {} have less than {:.2f} of oneDNN int8's speed\n", slower,
             races.size(), kLeastRatio);
  return slower > 0 ? 1 : 0;
}

}  // namespace
}  // namespace bluestem::bench

int main(int argc, char** argv) {
  return bluestem::bench::Main(argc, argv);
}
