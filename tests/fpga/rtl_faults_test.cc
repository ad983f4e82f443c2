// The RTL where something is wrong: slow, erring and silent buses, bad descriptors, flipped bits.
// It ends with the right bits or with a status, and works afterwards.
#include <atomic>
#include <map>

#include "tests/fpga/lists.h"

namespace bluestem::fpga {
namespace {

constexpr BluestemBus kFine = {24, 0, 1, -1, BLUESTEM_BUS_FINE};

class RtlFaults : public Rtl {
 protected:
  void SetUp() override {
    Rtl::SetUp();
    if (driver_ != nullptr) driver_->set_watchdog(300'000);
  }

  // Runs the list on both; what the model makes of it is left in `expected`.
  EngineResult RunBoth(const std::vector<uint8_t>& buffer, EngineResult& model_result,
                       bool& same_bits) {
    std::vector<uint8_t> expected = buffer, given = buffer;
    EngineModel model{driver_->config()};
    model_result = model.Run(expected, 0);
    const EngineResult result = driver_->Run(given, 0);
    same_bits = given == expected;
    return result;
  }

  // By the formula, of a list at 0: what would run for ever is not for a test.
  static int64_t ClocksOf(const std::vector<uint8_t>& buffer) {
    int64_t clocks = 0;
    for (size_t at = 0; at + sizeof(CommandWords) <= buffer.size(); at += sizeof(CommandWords)) {
      CommandWords words;
      std::memcpy(words.data(), buffer.data() + at, sizeof(words));
      const Command command = Decode(words);
      if (command.opcode == Opcode::kEnd) break;
      clocks += DescriptorClocks(command, {});
    }
    return clocks;
  }

  void ExpectRight(uint64_t seed) {
    ListBuilder list(seed);
    list.Conv();
    EngineResult want;
    bool same = false;
    const EngineResult got = RunBoth(list.Finish(), want, same);
    ASSERT_EQ(got.status, EngineStatus::kDone) << EngineStatusText(got.status);
    EXPECT_TRUE(same);
    EXPECT_EQ(port_->violation(), "");
  }
};

TEST_F(RtlFaults, PausesAndLatenciesOfTheBusChangeNoBit) {
  std::mt19937_64 random(3);
  for (uint64_t round = 0; round < 60; ++round) {
    SCOPED_TRACE(round);
    port_->SetBus({1 + static_cast<uint32_t>(random() % 300), static_cast<uint32_t>(random() % 80),
                   round, -1, BLUESTEM_BUS_FINE});
    ExpectRight(round);
  }
}

TEST_F(RtlFaults, AnErrorOfTheBusEndsTheListWithItsPlaceAndTheNextOneIsRight) {
  ListBuilder list(4);
  list.Conv();
  const std::vector<uint8_t> buffer = list.Finish();
  int64_t failed = 0;
  for (int64_t burst = 0;; ++burst) {
    for (const BluestemBusFault fault : {BLUESTEM_BUS_ERROR, BLUESTEM_BUS_SHORT}) {
      SCOPED_TRACE(burst);
      port_->SetBus({24, 0, 1, burst, fault});
      std::vector<uint8_t> given = buffer;
      const EngineResult got = driver_->Run(given, 0);
      EXPECT_EQ(port_->violation(), "");
      if (got.status == EngineStatus::kDone) {
        // A write has no last beat to lose, nor has a read of one; and once there are no more
        // bursts, nothing fails.
        if (fault == BLUESTEM_BUS_SHORT) continue;
        EXPECT_GT(failed, 20);
        return;
      }
      ++failed;
      EXPECT_EQ(got.status, EngineStatus::kBusError) << EngineStatusText(got.status);
      EXPECT_NE(got.bus_address, 0U);
      port_->SetBus(kFine);
      ExpectRight(5);
    }
  }
}

TEST_F(RtlFaults, ABeatTooManyEndsTheListAndTheNextOneIsRight) {
  ListBuilder list(4);
  list.Conv();
  const std::vector<uint8_t> buffer = list.Finish();
  std::vector<uint8_t> right = buffer;
  port_->SetBus(kFine);
  ASSERT_EQ(driver_->Run(right, 0).status, EngineStatus::kDone);
  const int64_t bursts = port_->bursts();
  int64_t failed = 0;
  for (int64_t burst = 0; burst < bursts; ++burst) {
    SCOPED_TRACE(burst);
    // Pauses, too: the beat too many comes long after the one that should have been the last.
    port_->SetBus({24, burst % 2 == 0 ? 0U : 60U, 1, burst, BLUESTEM_BUS_LONG});
    std::vector<uint8_t> given = buffer;
    const EngineResult got = driver_->Run(given, 0);
    EXPECT_EQ(port_->violation(), "");
    if (got.status == EngineStatus::kDone) {  // a write has no such beat
      EXPECT_TRUE(given == right);
    } else {
      ++failed;
      EXPECT_EQ(got.status, EngineStatus::kBusError) << EngineStatusText(got.status);
      EXPECT_NE(got.bus_address, 0U);
    }
    port_->SetBus(kFine);
    ExpectRight(5);
  }
  EXPECT_GT(failed, 20);
}

TEST_F(RtlFaults, ASilentBusEndsInTheWatchdogAndAResetHelps) {
  ListBuilder list(6);
  list.Conv();
  const std::vector<uint8_t> buffer = list.Finish();
  for (const int64_t burst : {0, 1, 3, 9}) {
    SCOPED_TRACE(burst);
    port_->SetBus({24, 0, 1, burst, BLUESTEM_BUS_SILENT});
    std::vector<uint8_t> given = buffer;
    EXPECT_EQ(driver_->Run(given, 0).status, EngineStatus::kTimeout);
    port_->SetBus(kFine);
    ExpectRight(7);
  }
}

TEST_F(RtlFaults, AListThatIsCancelledEndsAndTheNextOneIsRight) {
  ListBuilder list(8);
  Command conv;
  conv.opcode = Opcode::kConv;
  conv.out_h = conv.out_w = 1000;  // 15,000,000 clocks
  conv.in_h = conv.in_w = 1;
  conv.blocks = conv.tap_count = 1;
  conv.digits = 60;
  conv.out_blocks = 1;
  list.Add(conv);
  std::vector<uint8_t> buffer = list.Finish();
  const std::atomic<bool> cancel = true;
  driver_->set_watchdog(1'000'000'000);
  const EngineResult got = driver_->Run(buffer, 0, &cancel);
  EXPECT_EQ(got.status, EngineStatus::kAborted) << EngineStatusText(got.status);
  EXPECT_LT(got.clocks, 1'000'000);
  ExpectRight(9);
}

TEST_F(RtlFaults, AListOfSeveralPicturesIsAbortedOnceAllAreCancelled) {
  const std::atomic<bool> yes = true, no = false;
  ListBuilder list(8);
  list.Conv();
  for (const std::vector<const std::atomic<bool>*>& pictures :
       {std::vector{&yes, &no}, {&yes, nullptr}, {&yes, &yes}}) {
    const bool all = pictures[1] == &yes;
    std::vector<uint8_t> model_buffer = list.Finish(), buffer = model_buffer;
    EngineModel model{driver_->config()};
    const EngineStatus end = all ? EngineStatus::kAborted : EngineStatus::kDone;
    EXPECT_EQ(model.Run(model_buffer, 0, CancelWatch(pictures)).status, end);
    if (all) port_->SetBus({200'000, 0, 1, -1, BLUESTEM_BUS_FINE});  // longer than one look
    driver_->set_watchdog(1'000'000'000);
    EXPECT_EQ(driver_->Run(buffer, 0, CancelWatch(pictures)).status, end);
    port_->SetBus(kFine);
  }
  ExpectRight(9);
}

TEST_F(RtlFaults, FlippedBitsOfDescriptorsGiveTheModelsStatusOrTheModelsBits) {
  std::mt19937_64 random(11);
  std::map<EngineStatus, int> seen;
  for (uint64_t round = 0; round < 400; ++round) {
    SCOPED_TRACE(round);
    ListBuilder list(round % 20);
    list.Conv();
    std::vector<uint8_t> buffer = list.Finish();
    const size_t bit = random() % (8 * 8 * sizeof(CommandWords));  // of the first 8 descriptors
    buffer[bit / 8] ^= static_cast<uint8_t>(1 << bit % 8);
    if (ClocksOf(buffer) > 100'000) continue;
    SetUp();  // memories as empty as the model's
    EngineResult want;
    bool same = false;
    const EngineResult got = RunBoth(buffer, want, same);
    ++seen[want.status];
    ASSERT_EQ(got.status, want.status)
        << EngineStatusText(got.status) << ", not " << EngineStatusText(want.status) << ": bit "
        << bit % 512 << " of descriptor " << bit / 512;
    // Without its `after` a descriptor may overtake what it needs.
    const bool ordered = bit % 512 / 32 != 1;
    if (want.status == EngineStatus::kDone && ordered) {
      EXPECT_TRUE(same) << "bit " << bit % 512 << " of descriptor " << bit / 512;
    }
    EXPECT_EQ(port_->violation(), "");
  }
  for (const EngineStatus status :
       {EngineStatus::kDone, EngineStatus::kBadOpcode, EngineStatus::kBadAddress,
        EngineStatus::kBadRange, EngineStatus::kDeadlock}) {
    EXPECT_GT(seen[status], 0) << EngineStatusText(status);
  }
}

TEST_F(RtlFaults, AResidualMapMayEndWithItsBanksButNotBeyond) {
  const auto expect = [&](EngineStatus want, auto change) {
    Command conv = {.opcode = Opcode::kConv,
                    .after = 1,
                    .out_h = 3,
                    .out_w = 5,
                    .in_h = 3,
                    .in_w = 5,
                    .src_row_step = 3,
                    .blocks = 1,
                    .tap_count = 1,
                    .dst_base = 100,
                    .dst_row_step = 3,
                    .dst_block_step = 6,
                    .out_blocks = 3,
                    .residual_base = 8192 - 12,
                    .residual_row_step = 3,
                    .residual_block_step = 6,
                    .residual_blocks = 2};
    change(conv);
    ListBuilder list(1);
    const uint32_t taps = list.Room(kTapBytes);
    std::memset(list.buffer().data() + taps, 0, kTapBytes);
    list.Add({.opcode = Opcode::kLoadTaps, .address = taps, .length = 1});
    list.Add(conv);
    EngineResult model;
    bool same = false;
    EXPECT_EQ(RunBoth(list.Finish(), model, same).status, want);
    EXPECT_EQ(model.status, want);
  };
  expect(EngineStatus::kDone, [](Command&) {});
  expect(EngineStatus::kBadRange, [](Command& c) { ++c.residual_base; });
  expect(EngineStatus::kBadRange, [](Command& c) { c.residual_blocks = 3; });
  expect(EngineStatus::kBadRange, [](Command& c) { c.residual_row_step = 0xffff; });
  expect(EngineStatus::kBadRange, [](Command& c) { c.mode = WriteMode::kRaw; });
}

TEST_F(RtlFaults, AListOutsideTheBufferIsABadAddress) {
  ListBuilder list(10);
  list.Conv();
  std::vector<uint8_t> buffer = list.Finish();
  const auto bytes = static_cast<uint32_t>(buffer.size());
  EngineModel model{driver_->config()};
  for (const uint32_t at : {bytes, bytes - 56, 4U, 0xfffffff8U, 0x80000000U}) {
    SCOPED_TRACE(at);
    EXPECT_EQ(driver_->Run(buffer, at).status, EngineStatus::kBadAddress);
    EXPECT_EQ(model.Run(buffer, at).status, EngineStatus::kBadAddress);
  }
  ExpectRight(12);
}

TEST_F(RtlFaults, RegistersKeepWhatIsWrittenAndTellWhatTheEngineIs) {
  EXPECT_EQ(port_->Read(Register::kId), kEngineId);
  EXPECT_EQ(port_->Read(Register::kVersion), kEngineVersion);
  EXPECT_EQ(driver_->config(), EngineConfig{});
  EXPECT_TRUE(driver_->config().residual);
  for (const uint32_t value : {0xdeadbeefU, 0U, 0xffffffffU}) {
    port_->Write(Register::kScratch, value);
    EXPECT_EQ(port_->Read(Register::kScratch), value);
  }
  port_->Write(Register::kId, 1);
  EXPECT_EQ(port_->Read(Register::kId), kEngineId);
  EXPECT_EQ(port_->Read(static_cast<Register>(0x7c)), 0U);
}

// An engine of another kind, by its first registers.
class OtherEngine : public EnginePort {
 public:
  explicit OtherEngine(std::vector<uint32_t> values) : values_(std::move(values)) {}
  uint32_t Read(Register offset) override {
    const size_t index = static_cast<uint32_t>(offset) / 4;
    return index < values_.size() ? values_[index] : 0;
  }
  void Write(Register, uint32_t) override {}
  bool Wait(int64_t) override { return false; }
  Result<uint32_t> Attach(std::vector<uint8_t>&, const std::vector<BufferRange>&) override {
    return 0;
  }
  void Reset() override {}

 private:
  std::vector<uint32_t> values_;
};

TEST(EngineDriver, RefusesWhatItDoesNotDrive) {
  const auto message = [](std::vector<uint32_t> values) {
    const auto driver = EngineDriver::Open(std::make_unique<OtherEngine>(std::move(values)));
    EXPECT_EQ(driver.status().code(), Code::kUnavailable);
    return std::string(driver.status().message());
  };
  EXPECT_EQ(message({0xffffffff}),
            "no engine answers: its identity reads 0xffffffff, not 0x31573241; load its bitstream");
  EXPECT_EQ(message({kEngineId, 9}),
            "the engine has version 9, this program drives version 1; update the older one");
  for (const auto& [array, text] :
       {std::pair{16U << 16 | 32 << 8 | 32, "16 pixels x 32 outputs x 32 inputs"},
        {4U << 16 | 64 << 8 | 32, "4 pixels x 64 outputs x 32 inputs"},
        {4U << 16 | 32 << 8 | 16, "4 pixels x 32 outputs x 16 inputs"}}) {
    EXPECT_EQ(message({kEngineId, kEngineVersion, array}),
              fmt::format("the engine computes {} a clock, this program drives 4 or 8 pixels x 8, "
                          "16 or 32 outputs x 32 inputs: update it, or load the bitstream of a "
                          "build that it knows",
                          text));
  }
}

TEST(EngineDriver, TellsAnEngineWithoutResidualMaps) {
  const std::vector<uint32_t> values = {kEngineId, kEngineVersion, 4 << 16 | 32 << 8 | 32};
  const auto driver = EngineDriver::Open(std::make_unique<OtherEngine>(values));
  ASSERT_TRUE(driver.ok()) << driver.status().message();
  EXPECT_FALSE((*driver)->config().residual);
}

TEST(EngineDriver, TakesTheArrayFromItsRegister) {
  const std::vector<uint32_t> values = {kEngineId, kEngineVersion, 8 << 16 | 16 << 8 | 32};
  const auto driver = EngineDriver::Open(std::make_unique<OtherEngine>(values));
  ASSERT_TRUE(driver.ok()) << driver.status().message();
  EXPECT_EQ((*driver)->config().pixels, 8);
  EXPECT_EQ((*driver)->config().outputs, 16);
}

}  // namespace
}  // namespace bluestem::fpga
