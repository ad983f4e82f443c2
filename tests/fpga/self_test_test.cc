// The self-test passes where the engine is right, and finds what is not.
#include "bluestem/fpga/engine/self_test.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <set>

#include "bluestem/fpga/engine/golden.h"
#include "bluestem/fpga/engine/model.h"

namespace bluestem::fpga {
namespace {

using ::testing::HasSubstr;

// The functional model, with a flaw.
class Flawed : public Engine {
 public:
  explicit Flawed(void (*flaw)(std::vector<uint8_t>&, EngineResult&)) : flaw_(flaw) {}
  const EngineConfig& config() const override { return model_.config(); }
  EngineResult Run(std::vector<uint8_t>& buffer, uint32_t list,
                   const CancelWatch& cancel) override {
    EngineResult result = model_.Run(buffer, list, cancel);
    flaw_(buffer, result);
    return result;
  }

 private:
  EngineModel model_{EngineConfig{}};
  void (*flaw_)(std::vector<uint8_t>&, EngineResult&);
};

SelfTestStep RunOn(const std::string& name, Engine& engine, EnginePort* port = nullptr) {
  for (const SelfTestCase& test : SelfTestCases()) {
    if (name == test.name) return test.run(engine, port);
  }
  ADD_FAILURE() << name;
  return {};
}

TEST(SelfTest, TheModelPassesIt) {
  EngineModel model{EngineConfig{}};
  for (const SelfTestCase& test : SelfTestCases()) {
    const SelfTestStep step = test.run(model, nullptr);
    EXPECT_TRUE(step.passed) << test.name << ": " << step.result;
  }
}

TEST(SelfTest, AWrongWordOfAMapMemoryIsNamed) {
  Flawed engine([](std::vector<uint8_t>& buffer, EngineResult&) {
    buffer[buffer.size() - 3] ^= 4;  // of the last word of the last bank
  });
  const SelfTestStep step = RunOn("map memory", engine);
  EXPECT_FALSE(step.passed);
  EXPECT_THAT(step.result, HasSubstr("bank 3 word 8191: wrote 0x"));
}

TEST(SelfTest, AWrongBitOfALayerIsNamed) {
  Flawed engine([](std::vector<uint8_t>& buffer, EngineResult&) { buffer.back() ^= 1; });
  const SelfTestStep step = RunOn("golden layers", engine);
  EXPECT_FALSE(step.passed);
  EXPECT_THAT(step.result, HasSubstr("layer 0: byte "));
}

// The functional model with wrong weights: eight bits of the layer's first word.
class WrongWeights : public Engine {
 public:
  explicit WrongWeights(int layer) : layer_(layer) {}
  const EngineConfig& config() const override { return model_.config(); }
  EngineResult Run(std::vector<uint8_t>& buffer, uint32_t list,
                   const CancelWatch& cancel) override {
    const size_t byte = FirstWeight(buffer);
    buffer[byte] ^= 0xff;
    EngineResult result = model_.Run(buffer, list, cancel);
    buffer[byte] ^= 0xff;
    return result;
  }

 private:
  size_t FirstWeight(const std::vector<uint8_t>& buffer) const {
    int loads = 0;
    for (size_t at = 0;; at += sizeof(CommandWords)) {
      CommandWords words;
      std::memcpy(words.data(), buffer.data() + at, sizeof(words));
      const Command command = Decode(words);
      if (command.opcode == Opcode::kLoadWeights && ++loads == layer_) return command.address;
    }
  }

  EngineModel model_{EngineConfig{}};
  int layer_;
};

TEST(SelfTest, WrongWeightsOfEachLayerOfTheNetAreNoticedInThatLayer) {
  for (int layer = 1; layer <= ListBuilder::kNetLayers; ++layer) {
    WrongWeights engine(layer);
    const SelfTestStep step = RunOn("golden net", engine);
    EXPECT_FALSE(step.passed);
    EXPECT_THAT(step.result, HasSubstr(fmt::format("layer {}: byte ", layer)));
  }
}

// So that a wrong bit of one layer is not lost in the next, and each way to write is there.
TEST(SelfTest, TheNetUsesAllCodesInEachLayer) {
  ListBuilder list(24);
  list.Net();
  std::vector<uint8_t> buffer = list.Finish();
  EngineModel model{EngineConfig{}};
  const EngineResult result = model.Run(buffer, 0);
  ASSERT_EQ(result.status, EngineStatus::kDone);
  std::vector<WriteMode> modes;
  std::set<int> codes[ListBuilder::kNetLayers];
  bool residual = false;
  for (const CommandTrace& trace : result.trace) {
    const Command& c = trace.command;
    if (c.opcode == Opcode::kConv) modes.push_back(c.mode);
    residual |= c.residual_blocks > 0;
    if (c.opcode != Opcode::kStoreMap) continue;
    for (size_t i = 0; i < size_t{c.in_h} * c.in_w * c.blocks * kWordBytes * 4; ++i) {
      codes[c.after - 1].insert(buffer[c.address + i / 4] >> (i % 4 * 2) & 3);
    }
  }
  EXPECT_EQ(modes, (std::vector{WriteMode::kPlain, WriteMode::kPlain, WriteMode::kSpaceToDepth,
                                WriteMode::kPlain, WriteMode::kMaxPool, WriteMode::kRaw}));
  EXPECT_TRUE(residual);
  for (const std::set<int>& of_layer : codes) EXPECT_EQ(of_layer.size(), 4u);
}

TEST(SelfTest, AListThatDoesNotEndIsToldInWords) {
  Flawed engine(
      [](std::vector<uint8_t>&, EngineResult& result) { result.status = EngineStatus::kTimeout; });
  EXPECT_THAT(RunOn("map memory", engine).result, HasSubstr("it did not end in time"));
  EXPECT_THAT(RunOn("golden layers", engine).result, HasSubstr("it did not end in time"));
  EXPECT_THAT(RunOn("golden net", engine).result, HasSubstr("it did not end in time"));
  EXPECT_THAT(RunOn("bad lists", engine).result,
              HasSubstr("a list that must end with 'a descriptor's opcode is unknown' ended with "
                        "'it did not end in time'"));
}

TEST(SelfTest, ARegisterWithAStuckBitIsNamed) {
  class Stuck : public EnginePort {
   public:
    uint32_t Read(Register) override { return value_ | 1U << 9; }
    void Write(Register, uint32_t value) override { value_ = value; }
    bool Wait(int64_t) override { return false; }
    Result<uint32_t> Attach(std::vector<uint8_t>&, const std::vector<BufferRange>&) override {
      return 0;
    }
    void Reset() override {}

   private:
    uint32_t value_ = 0;
  };
  Stuck port;
  EngineModel model{EngineConfig{}};
  EXPECT_EQ(RunOn("scratch register", model, &port).result, "wrote 0x00000000, read 0x00000200");
  EXPECT_THAT(RunOn("identity", model, &port).result, HasSubstr("reads 0x00000200, not 0x3157"));
}

}  // namespace
}  // namespace bluestem::fpga
