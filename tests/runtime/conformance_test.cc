// What every device of the table must do: a new one is tested by its row in devices.cc, or by
// $BLUESTEM_DEVICES where it is in a library of its own.
#include <gmock/gmock.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <thread>

#include "bluestem/runtime/placed.h"
#include "tests/runtime/conv_programs.h"

namespace bluestem::runtime {
namespace {

std::shared_ptr<program::Program> ChainOf(bool pools) {
  ChainBuilder chain(16, 12, 32, 21);
  chain.Conv({.co = 64});
  if (pools) chain.Pool();
  chain.Conv({.co = 33, .kernel = 1, .pad = 0, .levels = 3});
  return chain.Finish();
}

class Conformance : public ::testing::TestWithParam<std::string> {
 protected:
  static void SetUpTestSuite() { ::setenv("BLUESTEM_CACHE", BLUESTEM_BINARY_DIR "/fpga-sim", 1); }
  void SetUp() override {
    for (const DeviceKind& kind : DeviceKinds()) {
      if (kind.name != GetParam()) continue;
      auto device = kind.open();
      if (!device.ok()) GTEST_SKIP() << device.status().message();
      device_ = *device;
    }
  }

  // Convolutions of codes, and a pool where the device takes it: so it can run alone.
  std::shared_ptr<program::Program> Chain() const {
    const auto pooled = ChainOf(true);
    const bool all = std::all_of(
        pooled->calls.begin(), pooled->calls.end(),
        [&](const program::Call& call) { return device_->Refusal(*pooled, call).empty(); });
    return all ? pooled : ChainOf(false);
  }

  // On one device, which must take all calls.
  static std::unique_ptr<Session> Open(const std::shared_ptr<program::Program>& program,
                                       const std::string& device) {
    const auto placement = PlaceOn(*program, device, {});
    EXPECT_TRUE(placement.ok()) << placement.status().message();
    auto placed = MakePlaced(program, *placement);
    EXPECT_TRUE(placed.ok()) << placed.status().message();
    auto session = OpenSession(*placed, {});
    EXPECT_TRUE(session.ok()) << session.status().message();
    return session.ok() ? std::move(*session) : nullptr;
  }

  std::shared_ptr<const Device> device_;
};

std::vector<std::string> Names() {
  std::vector<std::string> names;
  for (const DeviceKind& kind : DeviceKinds()) names.emplace_back(kind.name);
  return names;
}
INSTANTIATE_TEST_SUITE_P(Devices, Conformance, ::testing::ValuesIn(Names()), [](const auto& info) {
  std::string name = info.param;
  std::erase(name, '-');
  return name;
});

TEST_P(Conformance, TellsItsNameAndWhatItIs) {
  EXPECT_EQ(device_->name(), GetParam());
  ASSERT_FALSE(device_->properties().empty());
  for (const DeviceProperty& property : device_->properties()) {
    EXPECT_NE(property.name, "");
    EXPECT_NE(property.value, "");
  }
}

TEST_P(Conformance, GivesTheBitsOfTheDefinitionAgainAndAgain) {
  const auto program = Chain();
  const auto session = Open(program, GetParam()), reference = Open(program, "REFERENCE");
  for (uint64_t seed = 0; seed < 5; ++seed) {
    const Tensor input = RandomCodes(program->inputs[0], 2, seed);
    EXPECT_EQ(session->Run({input}).value(), reference->Run({input}).value());
  }
}

TEST_P(Conformance, ProfilesEveryCallOnce) {
  const auto program = Chain();
  std::vector<OpProfile> rows;
  ASSERT_TRUE(
      Open(program, GetParam())->Profile({RandomCodes(program->inputs[0], 2, 1)}, rows).ok());
  for (const program::Call& call : program->calls) {
    EXPECT_EQ(std::count_if(rows.begin(), rows.end(),
                            [&](const OpProfile& row) { return row.op == call.op; }),
              1)
        << call.op;
  }
  for (const OpProfile& row : rows) EXPECT_EQ(row.device, GetParam());
}

TEST_P(Conformance, SessionsRunBesideEachOther) {
  const auto program = Chain();
  const Tensor input = RandomCodes(program->inputs[0], 2, 9);
  const auto expected = Open(program, "REFERENCE")->Run({input}).value();
  std::atomic<int> right = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 3; ++t) {
    threads.emplace_back([&] {
      const auto session = Open(program, GetParam());
      for (int i = 0; i < 3; ++i) right += session->Run({input}).value() == expected;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(right, 9);
}

TEST_P(Conformance, ACancelledRunSaysSoAndTheNextOneIsRight) {
  const auto program = Chain();
  const Tensor input = RandomCodes(program->inputs[0], 2, 3);
  const auto session = Open(program, GetParam());
  std::atomic<bool> cancel = true;
  session->WatchCancel(&cancel);
  EXPECT_EQ(session->Run({input}).status().code(), Code::kInterrupted);
  cancel = false;
  EXPECT_EQ(session->Run({input}).value(), Open(program, "REFERENCE")->Run({input}).value());
}

TEST_P(Conformance, OfSeveralThatRunTogetherEachHasItsOwnEnd) {
  const auto program = Chain();
  auto placed = MakePlaced(program, *PlaceOn(*program, GetParam(), {}));
  auto session = OpenSession(*placed, {.batch = 4});
  ASSERT_TRUE(session.ok()) << session.status().message();
  const auto count = static_cast<size_t>((*session)->batch());
  const auto reference = Open(program, "REFERENCE");
  const std::atomic<bool> cancel = true;
  for (size_t cancelled = 0; cancelled <= count; ++cancelled) {
    std::vector<std::vector<Tensor>> inputs;
    for (size_t i = 0; i < count; ++i) inputs.push_back({RandomCodes(program->inputs[0], 2, i)});
    std::vector<SessionRun> runs(count);
    for (size_t i = 0; i < count; ++i) {
      runs[i].inputs = &inputs[i];
      if (i == cancelled) runs[i].cancel = &cancel;
    }
    (*session)->RunTogether(runs);
    for (size_t i = 0; i < count; ++i) {
      EXPECT_EQ(runs[i].status.code(), i == cancelled ? Code::kInterrupted : Code::kOk);
      if (i == cancelled) continue;
      EXPECT_EQ(runs[i].outputs, reference->Run(inputs[i]).value());
    }
  }
}

TEST_P(Conformance, PlacingKnowsACostForWhatItTakes) {
  const auto program = Chain();
  for (const program::Call& call : program->calls) {
    ASSERT_EQ(device_->Refusal(*program, call), "");
    EXPECT_GE(device_->CallNanoseconds(call, {}), 0);
  }
  EXPECT_GE(device_->TransferNanoseconds(1000), 0);
}

}  // namespace
}  // namespace bluestem::runtime
