// The RTL where a bit of what it works on is wrong: of weights, thresholds, taps and maps, in the
// memory that it reads, and in its own memories, between two lists and while one runs. A list ends
// with the bits and the clocks that the model has for the same bit, and the next one is right.
#include <map>

#include "tests/fpga/lists.h"

namespace bluestem::fpga {
namespace {

constexpr Opcode kLoads[] = {Opcode::kLoadWeights, Opcode::kLoadThresholds, Opcode::kLoadTaps,
                             Opcode::kLoadMap};
// The least shares of flips that change something, in percent: 36, 22, 80 and 34 when this was
// written, and 17, 8, 60 and 5 at any clock.
const std::map<Opcode, int> kAll = {{Opcode::kLoadWeights, 25},
                                    {Opcode::kLoadThresholds, 15},
                                    {Opcode::kLoadTaps, 65},
                                    {Opcode::kLoadMap, 25}};
const std::map<Opcode, int> kLate = {{Opcode::kLoadWeights, 10},
                                     {Opcode::kLoadThresholds, 4},
                                     {Opcode::kLoadTaps, 45},
                                     {Opcode::kLoadMap, 3}};
constexpr uint32_t kSecondList = 2048;  // behind every list of one convolution

// A bit that a load brings, in the buffer and in the engine (rtl/engine.sv).
struct LoadedBit {
  size_t bit = 0;  // of the buffer
  std::string memory;
  uint32_t word = 0, lane = 0;
};

LoadedBit BitOf(const Command& load, uint32_t n) {
  const uint32_t beat = n / 64, lane = n % 64, base = load.dst_base;
  const size_t bit = size_t{load.address} * 8 + n;
  switch (load.opcode) {
    case Opcode::kLoadWeights:
      return {bit,
              fmt::format("kernels.input_byte[{}].beat[{}].words.single", beat % 16 / 4, beat % 4),
              base + beat / 16, lane};
    case Opcode::kLoadThresholds:
      return {bit, fmt::format("threshold[{}].words.single", beat % 4), 8 * base + beat / 4, lane};
    case Opcode::kLoadTaps: return {bit, "tap_words.single", base + beat, lane};
    default: break;
  }
  const uint32_t x = beat % load.in_w, y = beat / load.in_w % load.in_h;
  const uint32_t at = load.src_base + beat / load.in_w / load.in_h * load.src_block_step +
                      y / 2 * load.src_row_step + x / 2;
  return {bit,
          fmt::format("maps.bank[{}].parity[0].part[0].words.several.part_of[{}].words_of.single",
                      2 * (y % 2) + x % 2, at / 2048),
          at % 2048, lane};
}

void FlipBit(std::vector<uint8_t>& buffer, const LoadedBit& bit) {
  buffer[bit.bit / 8] ^= static_cast<uint8_t>(1 << bit.bit % 8);
}

class RtlMemoryFaults : public Rtl {
 protected:
  SimulationOptions Options() const override { return {.memories = true}; }
  void SetUp() override {
    Rtl::SetUp();
    if (driver_ == nullptr) return;
    driver_->set_watchdog(300'000);
    model_ = std::make_unique<EngineModel>(driver_->config());
  }

  static Command CommandAt(const std::vector<uint8_t>& buffer, size_t index) {
    CommandWords words;
    std::memcpy(words.data(), buffer.data() + index * sizeof(words), sizeof(words));
    return Decode(words);
  }
  static void Put(std::vector<uint8_t>& buffer, size_t at, const Command& command) {
    const CommandWords words = Encode(command);
    std::memcpy(buffer.data() + at, words.data(), sizeof(words));
  }

  // The round's list, what it gives, and a random bit of one of its loads.
  struct Case {
    Opcode kind;
    std::vector<uint8_t> buffer, right;
    int64_t clocks = 0;
    LoadedBit bit;
  };
  Case MakeCase(uint64_t round) {
    ListBuilder list(round % 40);
    list.Conv();
    Case result{kLoads[round % 4], list.Finish(), {}, 0, {}};
    result.right = result.buffer;
    const EngineResult run = EngineModel(driver_->config()).Run(result.right, 0);
    EXPECT_EQ(run.status, EngineStatus::kDone);
    result.clocks = run.clocks;
    std::vector<Command> loads;
    for (size_t i = 0; CommandAt(result.buffer, i).opcode != Opcode::kEnd; ++i) {
      const Command command = CommandAt(result.buffer, i);
      if (command.opcode == result.kind) loads.push_back(command);
    }
    const Command& load = loads[random_() % loads.size()];
    const auto bits = static_cast<uint64_t>(MemoryWords(load)) * 64;
    auto n = static_cast<uint32_t>(random_() % bits);
    if (result.kind == Opcode::kLoadTaps) n -= n % 64 / 48 * 16;  // 48 bits of each are a tap
    result.bit = BitOf(load, n);
    return result;
  }

  // Runs it on both, whose memories hold the same, and compares how they end.
  EngineResult RunBoth(std::vector<uint8_t>& expected, std::vector<uint8_t>& given, uint32_t at) {
    const EngineResult want = model_->Run(expected, at), got = driver_->Run(given, at);
    EXPECT_EQ(got.status, want.status)
        << EngineStatusText(got.status) << ", not " << EngineStatusText(want.status);
    if (want.status == EngineStatus::kDone) {
      EXPECT_EQ(got.clocks, want.clocks);
    }
    EXPECT_EQ(port_->violation(), "");
    return got;
  }

  // The engine does what is right, whatever was before.
  void ExpectRight(const Case& c) {
    std::vector<uint8_t> given = c.buffer, again = c.buffer;
    const EngineResult got = driver_->Run(given, 0);
    EXPECT_EQ(got.status, EngineStatus::kDone) << EngineStatusText(got.status);
    EXPECT_EQ(got.clocks, c.clocks);
    EXPECT_TRUE(given == c.right);
    EXPECT_EQ(model_->Run(again, 0).status, EngineStatus::kDone);
  }

  // Of the flips of a kind, how many did something: where fewer do, the test sees too little.
  void Count(const Case& c, bool changed) {
    ++flips_[c.kind];
    changed_[c.kind] += changed ? 1 : 0;
  }
  void ExpectPercent(const std::map<Opcode, int>& least) {
    for (const auto& [kind, percent] : least) {
      const int share = 100 * changed_[kind] / flips_[kind];
      RecordProperty(fmt::format("changed_percent_{}", static_cast<int>(kind)), share);
      EXPECT_GE(share, percent) << "of the flips of opcode " << static_cast<int>(kind);
    }
  }

  std::unique_ptr<EngineModel> model_;
  std::mt19937_64 random_{21};
  std::map<Opcode, int> flips_, changed_;
};

TEST_F(RtlMemoryFaults, ABitFlippedInMemoryGivesTheModelsStatusBitsAndClocks) {
  for (uint64_t round = 0; round < 400; ++round) {
    SCOPED_TRACE(round);
    Case c = MakeCase(round);
    std::vector<uint8_t> expected = c.buffer;
    FlipBit(expected, c.bit);
    std::vector<uint8_t> given = expected;
    const EngineResult end = RunBoth(expected, given, 0);
    const bool done = end.status == EngineStatus::kDone;
    if (done) {
      EXPECT_TRUE(given == expected);
    }
    FlipBit(given, c.bit);
    Count(c, !done || given != c.right);
    ExpectRight(c);
    if (!done) SetUp();  // what a list that fails has written is not the model's
    if (HasFailure()) return;
  }
  ExpectPercent(kAll);
}

TEST_F(RtlMemoryFaults, ABitFlippedInTheEngineBetweenTwoListsGivesTheModelsBitsAndClocks) {
  for (uint64_t round = 0; round < 400; ++round) {
    SCOPED_TRACE(round);
    const Case c = MakeCase(round);
    // A list that loads, and one of what follows.
    std::vector<uint8_t> given = c.buffer;
    size_t conv = 0;
    while (CommandAt(given, conv).opcode != Opcode::kConv) ++conv;
    for (size_t i = conv;; ++i) {
      Command command = CommandAt(given, i);
      if (i == conv) command.after = 0;
      Put(given, kSecondList + (i - conv) * sizeof(CommandWords), command);
      if (command.opcode == Opcode::kEnd) break;
    }
    Put(given, conv * sizeof(CommandWords), {});
    std::vector<uint8_t> expected = given;
    FlipBit(expected, c.bit);  // the model's load brings it along
    ASSERT_EQ(RunBoth(expected, given, 0).status, EngineStatus::kDone);
    ASSERT_TRUE(port_->Flip(c.bit.memory, c.bit.word, c.bit.lane, 0))
        << c.bit.memory << " " << c.bit.word << " " << c.bit.lane;
    const bool done = RunBoth(expected, given, kSecondList).status == EngineStatus::kDone;
    FlipBit(expected, c.bit);
    if (done) {
      EXPECT_TRUE(given == expected);
    }
    std::vector<uint8_t> right = c.right;  // but for the lists
    std::copy_n(given.begin(), 2 * kSecondList, right.begin());
    Count(c, !done || given != right);
    ExpectRight(c);
    if (!done) SetUp();
    if (HasFailure()) return;
  }
  ExpectPercent(kAll);
}

TEST_F(RtlMemoryFaults, ABitFlippedInTheEngineWhileItRunsEndsTheListInTimeAndTheNextOneIsRight) {
  for (uint64_t round = 0; round < 400; ++round) {
    SCOPED_TRACE(round);
    const Case c = MakeCase(round);
    const auto clock = static_cast<int64_t>(random_() % static_cast<uint64_t>(c.clocks));
    ASSERT_TRUE(port_->Flip(c.bit.memory, c.bit.word, c.bit.lane, clock)) << c.bit.memory;
    std::vector<uint8_t> given = c.buffer;
    const EngineResult got = driver_->Run(given, 0);
    const bool done = got.status == EngineStatus::kDone;
    // A tap that leads out of the banks, or the right number of steps.
    if (done) {
      EXPECT_EQ(got.clocks, c.clocks);
    } else {
      EXPECT_EQ(got.status, EngineStatus::kBadRange) << EngineStatusText(got.status);
      EXPECT_EQ(c.kind, Opcode::kLoadTaps);
    }
    EXPECT_EQ(port_->violation(), "");
    Count(c, !done || given != c.right);
    ExpectRight(c);
    if (HasFailure()) return;
  }
  ExpectPercent(kLate);  // many come too late, or are loaded over
}

TEST_F(RtlMemoryFaults, OnlyBitsThatAreThereAreFlipped) {
  EXPECT_TRUE(port_->Flip("tap_words.single", 511, 47, 0));
  EXPECT_FALSE(port_->Flip("tap_words.single", 512, 0, 0));
  EXPECT_FALSE(port_->Flip("tap_words.single", 0, 48, 0));
  EXPECT_FALSE(port_->Flip("tap_words", 0, 0, 0));
  auto plain = SimulationPort::Open(SimulationLibrary());
  ASSERT_TRUE(plain.ok()) << plain.status().message();
  EXPECT_FALSE((*plain)->Flip("tap_words.single", 0, 0, 0));
}

// Sums that no compiled list has: the model keeps as many bits of them as the RTL.
TEST_F(RtlMemoryFaults, SumsBeyondWhatTheHostAllowsWrapAsTheModels) {
  for (uint64_t round = 0; round < 40; ++round) {
    SCOPED_TRACE(round);
    ListBuilder list(round);
    list.Conv();
    std::vector<uint8_t> buffer = list.Finish();
    for (size_t i = 0; CommandAt(buffer, i).opcode != Opcode::kEnd; ++i) {
      Command command = CommandAt(buffer, i);
      if (command.opcode == Opcode::kLoadWeights) {
        std::fill_n(buffer.begin() + command.address, command.length * kWeightWordBytes,
                    round % 2 == 0 ? 0xff : 0);
      }
      if (command.opcode == Opcode::kConv) {
        command.digits = 2 + static_cast<uint32_t>(round % 7);
        command.digit_step = 0;
        Put(buffer, i * sizeof(CommandWords), command);
      }
    }
    std::vector<uint8_t> expected = buffer;
    RunBoth(expected, buffer, 0);
    EXPECT_TRUE(buffer == expected);
  }
}

}  // namespace
}  // namespace bluestem::fpga
