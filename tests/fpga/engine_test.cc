#include <gtest/gtest.h>

#include <cstring>
#include <random>

#include "bluestem/fpga/engine/model.h"

namespace bluestem::fpga {
namespace {

// A buffer with the list at 0.
std::vector<uint8_t> ListOf(const std::vector<Command>& commands, size_t bytes = 4096) {
  std::vector<uint8_t> buffer(bytes);
  for (size_t i = 0; i < commands.size(); ++i) {
    const CommandWords words = Encode(commands[i]);
    std::memcpy(buffer.data() + i * sizeof(words), words.data(), sizeof(words));
  }
  return buffer;
}

EngineStatus StatusOf(const std::vector<Command>& commands, size_t bytes = 4096) {
  EngineModel engine{EngineConfig{}};
  std::vector<uint8_t> buffer = ListOf(commands, bytes);
  return engine.Run(buffer, 0).status;
}

Command SmallConv() {
  Command c;
  c.opcode = Opcode::kConv;
  c.out_h = c.out_w = c.in_h = c.in_w = 2;
  c.src_row_step = c.src_block_step = c.dst_row_step = c.dst_block_step = 1;
  c.blocks = c.out_blocks = c.tap_count = 1;
  c.dst_base = 1;
  return c;
}

TEST(Command, EncodesAndDecodesEveryField) {
  std::mt19937 random(1);
  for (int round = 0; round < 100; ++round) {
    Command c;
    c.opcode = Opcode::kStoreMap;
    c.mode = WriteMode::kSpaceToDepth;
    for (uint32_t* field : {&c.out_h,
                            &c.out_w,
                            &c.in_h,
                            &c.in_w,
                            &c.src_base,
                            &c.src_row_step,
                            &c.src_block_step,
                            &c.blocks,
                            &c.digits,
                            &c.digit_step,
                            &c.tap_base,
                            &c.tap_count,
                            &c.dst_base,
                            &c.dst_row_step,
                            &c.dst_block_step,
                            &c.dst_plane_step,
                            &c.out_blocks,
                            &c.weight_base,
                            &c.threshold_base,
                            &c.residual_base,
                            &c.residual_row_step,
                            &c.residual_block_step,
                            &c.residual_blocks}) {
      *field = random() & 0xffff;
    }
    for (uint32_t* field : {&c.after, &c.address, &c.length}) *field = random();
    EXPECT_EQ(Decode(Encode(c)), c);
    const Tap tap = {static_cast<int32_t>(random() & 0xffff), static_cast<int16_t>(random()),
                     static_cast<int16_t>(random())};
    const Tap back = DecodeTap(EncodeTap(tap));
    EXPECT_EQ(back.plane, tap.plane);
    EXPECT_EQ(back.dy, tap.dy);
    EXPECT_EQ(back.dx, tap.dx);
  }
}

TEST(EngineModel, ABadListEndsWithAStatus) {
  const Command end;
  EXPECT_EQ(StatusOf({end}), EngineStatus::kDone);
  Command bad;
  bad.opcode = static_cast<Opcode>(9);
  EXPECT_EQ(StatusOf({bad, end}), EngineStatus::kBadOpcode);
  EXPECT_EQ(StatusOf({SmallConv()}, 64), EngineStatus::kBadAddress);  // no kEnd
  Command load;
  load.opcode = Opcode::kLoadWeights;
  load.length = 1;
  load.address = 4096;
  EXPECT_EQ(StatusOf({load, end}), EngineStatus::kBadAddress);
  load.address = 0xfffffff8;
  EXPECT_EQ(StatusOf({load, end}), EngineStatus::kBadAddress);
  load.address = 4;
  EXPECT_EQ(StatusOf({load, end}), EngineStatus::kBadAddress);  // no multiple of 8
  load.address = 0;
  load.dst_base = 1024;
  EXPECT_EQ(StatusOf({load, end}), EngineStatus::kBadRange);
}

TEST(EngineModel, AConvolutionOutsideTheMemoriesIsABadRange) {
  const Command end;
  EXPECT_EQ(StatusOf({SmallConv(), end}), EngineStatus::kDone);
  const auto expect_bad = [&](auto change) {
    Command c = SmallConv();
    change(c);
    EXPECT_EQ(StatusOf({c, end}), EngineStatus::kBadRange);
  };
  expect_bad([](Command& c) { c.src_base = 8192; });
  expect_bad([](Command& c) { c.dst_base = 8192; });
  expect_bad([](Command& c) { c.weight_base = 1024; });
  expect_bad([](Command& c) { c.threshold_base = 64; });
  expect_bad([](Command& c) { c.tap_base = 512; });
  expect_bad([](Command& c) { c.tap_count = 0; });
  expect_bad([](Command& c) { c.out_h = 0; });
  expect_bad([](Command& c) { c.mode = static_cast<WriteMode>(4); });
  expect_bad([](Command& c) {
    c.mode = WriteMode::kSpaceToDepth;
    c.dst_plane_step = 4000;
  });
  expect_bad([](Command& c) {
    c.residual_blocks = 1;
    c.residual_base = 8192;
  });
  expect_bad([](Command& c) {
    c.residual_blocks = 1;
    c.mode = WriteMode::kRaw;
  });
}

// A map of zeros, so that the residual codes alone decide: their multiples are the thresholds.
TEST(EngineModel, AResidualMapAddsItsCodesTimesTheRatio) {
  for (const int16_t ratio : {1, -1, 10000, -10922}) {
    Command conv = SmallConv();  // of zeros: accumulators are 0
    conv.after = 2;
    conv.out_blocks = 2;
    conv.residual_base = 5;
    conv.residual_row_step = 1;
    conv.residual_blocks = 1;
    const Command thresholds = {
        .opcode = Opcode::kLoadThresholds, .address = 512, .length = conv.out_blocks};
    Command map = {.opcode = Opcode::kLoadMap,
                   .in_h = 2,
                   .in_w = 2,
                   .src_base = 5,
                   .src_row_step = 1,
                   .blocks = 1,
                   .address = 1024};
    Command store = map;
    store.opcode = Opcode::kStoreMap;
    store.after = 1;
    store.src_base = conv.dst_base;
    store.src_block_step = conv.dst_block_step;
    store.blocks = 2;
    store.address = 2048;
    std::vector<uint8_t> buffer = ListOf({thresholds, map, conv, store, Command{}});
    for (int o = 0; o < 2 * kLanes; ++o) {
      const auto entry = static_cast<int16_t>(2 * ratio + (ratio > 0 ? 1 : 0));
      for (const int16_t k : {1, 2, 3}) {
        const auto t = static_cast<int16_t>(k * ratio);
        std::memcpy(buffer.data() + 512 + o * 8 + (k - 1) * 2, &t, sizeof(t));
      }
      std::memcpy(buffer.data() + 512 + o * 8 + 6, &entry, sizeof(entry));
    }
    for (uint64_t k = 0; k < 4; ++k) {
      const uint64_t word = k * 0x5555555555555555U;
      std::memcpy(buffer.data() + 1024 + k * 8, &word, sizeof(word));
    }
    EngineModel engine{EngineConfig{}};
    ASSERT_EQ(engine.Run(buffer, 0).status, EngineStatus::kDone);
    for (uint64_t k = 0; k < 8; ++k) {
      uint64_t word = 0;
      std::memcpy(&word, buffer.data() + 2048 + k * 8, sizeof(word));
      // The second block has no residual.
      EXPECT_EQ(word, k < 4 ? k * 0x5555555555555555U : 0U) << "ratio " << ratio << " word " << k;
    }
  }
}

TEST(EngineModel, ADescriptorThatWaitsForOneThatNeverComesIsADeadlock) {
  Command conv = SmallConv();
  conv.after = 1;
  EXPECT_EQ(StatusOf({conv, Command{}}), EngineStatus::kDeadlock);
}

TEST(EngineModel, TheQueuesRunBesideEachOther) {
  Command load;
  load.opcode = Opcode::kLoadWeights;
  load.length = 8;
  Command conv = SmallConv();
  conv.out_h = conv.out_w = 64;
  conv.in_h = conv.in_w = 64;
  conv.src_row_step = conv.dst_row_step = 32;
  conv.dst_base = 2048;
  EngineModel engine{EngineConfig{}};
  std::vector<uint8_t> buffer = ListOf({conv, load, Command{}});
  const EngineResult beside = engine.Run(buffer, 0);
  ASSERT_EQ(beside.status, EngineStatus::kDone);
  // The end is seen when the load, which came later, has long ended.
  EXPECT_EQ(beside.clocks, beside.trace[0].end + 1);
  EXPECT_LT(beside.trace[1].start, beside.trace[0].end);
  conv.after = 1;
  buffer = ListOf({load, conv, Command{}});
  const EngineResult after = engine.Run(buffer, 0);
  EXPECT_GT(after.trace[1].start, after.trace[0].end);
}

}  // namespace
}  // namespace bluestem::fpga
