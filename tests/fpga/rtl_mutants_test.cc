// Whether the tests would notice: defects of rtl/mutants.txt, one at a time, against a short form
// of them, at 8 s each. Three a run, other ones each day, which the log names with the number of
// the first; BLUESTEM_MUTANTS=NUMBER tries those again, BLUESTEM_MUTANTS=all tries all.
#include <algorithm>
#include <atomic>
#include <charconv>
#include <chrono>
#include <cstdlib>
#include <set>
#include <sstream>

#include "bluestem/fpga/builds.h"
#include "tests/fpga/lists.h"

namespace bluestem::fpga {
namespace {

constexpr size_t kARun = 3;

// The lines of mutants.txt.
std::vector<std::string> Lines() {
  std::istringstream table(
      ReadTextFile(Path(BLUESTEM_SOURCE_ROOT) / "bluestem/fpga/rtl/mutants.txt").value());
  std::vector<std::string> lines;
  for (std::string line; std::getline(table, line);) {
    if (!line.starts_with('#')) lines.push_back(line);
  }
  return lines;
}

std::vector<std::string> Mutants() {
  std::vector<std::string> names;
  for (const std::string& line : Lines()) names.push_back(line.substr(0, line.find(" | ")));
  return names;
}

// Returns what the simulation with this defect is compiled with: the default build, or the one
// that a fifth column names.
SimulationOptions OptionsOf(const std::string& mutant) {
  for (const std::string& line : Lines()) {
    if (!line.starts_with(mutant + " | ")) continue;
    size_t bars = 0;
    for (size_t at = 0; (at = line.find(" | ", at)) != std::string::npos; at += 3) ++bars;
    if (bars < 4) break;
    const auto build = FindBuild(line.substr(line.rfind(" | ") + 3));
    EXPECT_TRUE(build.ok()) << build.status().message();
    if (build.ok()) return {.config = build->config, .mutation = mutant};
  }
  return {.mutation = mutant};
}

// Returns those of `all` that a run tries, of which there is at least one. Errors: kInvalidArgument
// where `wish` is neither "" nor "all" nor a mutant's number.
Result<std::vector<std::string>> Chosen(const std::vector<std::string>& all, const char* wish,
                                        int64_t day) {
  if (wish == std::string("all")) return all;
  auto first = static_cast<size_t>(day) * kARun % all.size();
  if (*wish != '\0') {
    const char* const end = wish + std::strlen(wish);
    const auto [stop, error] = std::from_chars(wish, end, first);
    if (error != std::errc() || stop != end || first >= all.size()) {
      return Error(Code::kInvalidArgument,
                   "BLUESTEM_MUTANTS={}: no mutant; expected all or 0 to {}, the first of {}", wish,
                   all.size() - 1, kARun);
    }
  }
  std::vector<std::string> names;
  for (size_t i = 0; i < kARun; ++i) names.push_back(all[(first + i) % all.size()]);
  return names;
}

class Examiner {
 public:
  explicit Examiner(const SimulationOptions& options)
      : config_(options.config), library_(SimulationLibrary(options)) {}

  // Returns what is wrong with the simulation, or "".
  std::string Examine() {
    for (uint64_t seed = 0; seed < 60; ++seed) {
      if (!Same(seed, {24, 0, 1, -1, BLUESTEM_BUS_FINE}, true)) return "bits or clocks";
    }
    for (uint64_t seed = 0; seed < 20; ++seed) {
      if (!Same(seed, {40, 60, seed, -1, BLUESTEM_BUS_FINE}, false)) return "bits on a slow bus";
    }
    for (const int64_t burst : {0, 2, 6, -1}) {
      if (!SeesAnError(burst)) return "an error of the bus";
    }
    if (!ReportsRanges()) return "a bad range";
    if (!Cancels()) return "cancelling";
    return "";
  }

 private:
  std::unique_ptr<EngineDriver> Open(const BluestemBus& bus) {
    auto port = std::move(SimulationPort::Open(library_).value());
    port_ = port.get();
    port_->SetBus(bus);
    auto driver = std::move(EngineDriver::Open(std::move(port)).value());
    driver->set_watchdog(300'000);
    return driver;
  }

  bool Same(uint64_t seed, const BluestemBus& bus, bool clocks) {
    ListBuilder list(seed, config_);
    list.Conv();
    std::vector<uint8_t> expected = list.Finish(), given = expected;
    const auto driver = Open(bus);
    EngineModel model{driver->config()};
    const EngineResult want = model.Run(expected, 0), got = driver->Run(given, 0);
    return got.status == EngineStatus::kDone && given == expected && port_->violation().empty() &&
           (!clocks || got.clocks == want.clocks);
  }

  // At a burst; < 0: at the last one, a write.
  bool SeesAnError(int64_t burst) {
    ListBuilder list(0, config_);
    list.Conv();
    const std::vector<uint8_t> buffer = list.Finish();
    for (int64_t at = burst < 0 ? 400 : burst; at >= std::max<int64_t>(burst, 0); --at) {
      std::vector<uint8_t> given = buffer;
      const auto driver = Open({24, 0, 1, at, BLUESTEM_BUS_ERROR});
      const EngineStatus status = driver->Run(given, 0).status;
      if (status == EngineStatus::kBusError) return true;
      if (burst >= 0 || port_->bursts() > at) return false;
    }
    return false;
  }

  bool ReportsRanges() {
    for (const Command& bad : {Command{.opcode = Opcode::kLoadWeights,
                              .dst_base = static_cast<uint32_t>(config_.weight_words) - 4,
                              .length = 8},
                               Command{.opcode = Opcode::kConv,
                               .after = 1,
                               .out_h = 2,
                               .out_w = 2,
                               .in_h = 9,
                               .in_w = 9,
                               .src_row_step = 9000,
                               .blocks = 1,
                               .tap_count = 1,
                               .out_blocks = 1},
                               AtTheEnd(0), AtTheEnd(1), RawWithResidual()}) {
      ListBuilder list(2);
      list.Add({.opcode = Opcode::kLoadTaps, .address = list.Room(64), .length = 1});
      list.Add(bad);
      list.Add({.opcode = Opcode::kLoadTaps, .address = list.Room(64), .length = 1});
      std::vector<uint8_t> expected = list.Finish(), given = expected;
      const uint64_t tap = EncodeTap({0, 4, 4});
      for (std::vector<uint8_t>* buffer : {&expected, &given}) {
        std::memcpy(buffer->data() + 4096, &tap, sizeof(tap));
      }
      const auto driver = Open({24, 0, 1, -1, BLUESTEM_BUS_FINE});
      EngineModel model{driver->config()};
      if (driver->Run(given, 0).status != model.Run(expected, 0).status) return false;
    }
    return true;
  }

  // A residual map whose last word is the last of a bank, or `beyond` it.
  Command AtTheEnd(uint32_t beyond) const {
    return {.opcode = Opcode::kConv,
            .after = 1,
            .out_h = 3,
            .out_w = 3,
            .in_h = 3,
            .in_w = 3,
            .src_row_step = 2,
            .blocks = 1,
            .tap_count = 1,
            .dst_base = 100,
            .dst_row_step = 2,
            .dst_block_step = 4,
            .out_blocks = 2,
            .residual_base = static_cast<uint32_t>(config_.bank_words) - 4 + beyond,
            .residual_row_step = 2,
            .residual_blocks = 1};
  }
  Command RawWithResidual() const {
    Command command = AtTheEnd(0);
    command.mode = WriteMode::kRaw;
    return command;
  }

  bool Cancels() {
    ListBuilder list(3);
    Command conv{.opcode = Opcode::kConv,
                 .out_h = 1000,
                 .out_w = 1000,
                 .in_h = 1,
                 .in_w = 1,
                 .blocks = 1,
                 .tap_count = 1,
                 .out_blocks = 1};
    list.Add(conv);
    std::vector<uint8_t> buffer = list.Finish();
    const std::atomic<bool> cancel = true;
    const auto driver = Open({24, 0, 1, -1, BLUESTEM_BUS_FINE});
    driver->set_watchdog(100'000'000);
    return driver->Run(buffer, 0, &cancel).clocks < 60'000;
  }

  EngineConfig config_;
  Path library_;
  SimulationPort* port_ = nullptr;
};

TEST(RtlMutants, EachHasItsDayAndItsNumber) {
  const std::vector<std::string> all = Mutants();
  std::set<std::string> tried;
  for (int64_t day = 20000; day < 20000 + static_cast<int64_t>(all.size()); ++day) {
    const auto names = Chosen(all, "", day);
    ASSERT_TRUE(names.ok());
    tried.insert(names->begin(), names->end());
  }
  EXPECT_EQ(tried.size(), all.size());
  const std::string last = std::to_string(all.size() - 1);
  EXPECT_EQ(Chosen(all, last.c_str(), 5).value(), (std::vector{all.back(), all[0], all[1]}));
  EXPECT_EQ(Chosen(all, "all", 5).value(), all);
  for (const std::string& wish :
       {std::to_string(all.size()), std::string("-1"), std::string("3x"), std::string("some")}) {
    EXPECT_EQ(Chosen(all, wish.c_str(), 5).status().message(),
              fmt::format("BLUESTEM_MUTANTS={}: no mutant; expected all or 0 to {}, the first of 3",
                          wish, last));
  }
}

TEST(RtlMutants, TheEngineItselfIsFine) {
  if (!WhyNoSimulation().empty()) GTEST_SKIP() << WhyNoSimulation();
  EXPECT_EQ(Examiner(SimulationOptions{}).Examine(), "");
  EXPECT_EQ(Examiner({.config = FindBuild("plain")->config}).Examine(), "");
}

TEST(RtlMutants, EachIsNoticed) {
  if (!WhyNoSimulation().empty()) GTEST_SKIP() << WhyNoSimulation();
  const char* wish = std::getenv("BLUESTEM_MUTANTS");
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const std::vector<std::string> all = Mutants();
  const auto number = [&](const std::string& name) {
    return std::find(all.begin(), all.end(), name) - all.begin();
  };
  const auto names = Chosen(all, wish == nullptr ? "" : wish,
                            std::chrono::duration_cast<std::chrono::days>(now).count());
  ASSERT_TRUE(names.ok()) << names.status().message();
  fmt::print("BLUESTEM_MUTANTS={} tries these {} again\n",
             names->size() == all.size() ? "all" : std::to_string(number(names->front())),
             names->size());
  for (const std::string& name : *names) {
    const std::string found = Examiner(OptionsOf(name)).Examine();
    EXPECT_NE(found, "") << "nothing notices the mutant " << name;
    if (!found.empty()) fmt::print("mutant {}, {}: {}\n", number(name), name, found);
  }
}

}  // namespace
}  // namespace bluestem::fpga
