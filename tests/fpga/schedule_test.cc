#include "bluestem/fpga/schedule.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

namespace bluestem::fpga {
namespace {

Command Conv(uint32_t out, uint32_t taps) {
  Command c;
  c.opcode = Opcode::kConv;
  c.out_h = c.out_w = out;
  c.blocks = c.digits = c.out_blocks = 1;
  c.tap_count = taps;
  return c;
}

// A region of convolutions, each with its loads.
std::vector<Schedule::Entry> Random(uint64_t seed, const EngineConfig& config) {
  std::mt19937_64 random(seed);
  Schedule schedule(config);
  schedule.AddMove({.opcode = Opcode::kLoadTaps, .length = 9}, -1, false);
  schedule.AddMove({.opcode = Opcode::kLoadMap, .in_h = 8, .in_w = 8, .blocks = 2}, 0, true);
  for (int64_t i = 0; i < 30; ++i) {
    const auto words = 1 + static_cast<uint32_t>(random() % (config.weight_words / 2));
    schedule.AddLoad(Opcode::kLoadWeights, 0, words, i);
    if (i % 5 != 0) schedule.AddLoad(Opcode::kLoadThresholds, 0, 1 + random() % 8, i);
    schedule.AddConv(Conv(1 + static_cast<uint32_t>(random() % 40), 9), i);
    if (i % 7 == 6) {
      schedule.AddMove({.opcode = Opcode::kStoreMap, .in_h = 4, .in_w = 4, .blocks = 1}, i, true);
    }
  }
  return schedule.Finish();
}

TEST(Schedule, NothingOverwritesWhatAConvolutionStillReads) {
  const EngineConfig config;
  for (uint64_t seed = 0; seed < 50; ++seed) {
    SCOPED_TRACE(seed);
    // Who uses a word, as the number of its convolution, -1 for none.
    std::vector<int64_t> weights(static_cast<size_t>(config.weight_words), -1);
    std::map<int64_t, std::pair<uint32_t, uint32_t>> loaded;  // by call: base, length
    int64_t convs = 0, moves = 0;
    std::map<int64_t, int64_t> load_move;
    int64_t ended = 0;  // convolutions, when the port has come here: it keeps its order
    for (const Schedule::Entry& entry : Random(seed, config)) {
      const Command& c = entry.command;
      if (c.opcode != Opcode::kConv) ended = std::max(ended, static_cast<int64_t>(c.after));
      if (c.opcode == Opcode::kLoadWeights) {
        ASSERT_LE(c.dst_base + c.length, weights.size());
        for (uint32_t w = c.dst_base; w < c.dst_base + c.length; ++w) {
          ASSERT_LT(weights[w], ended);
          weights[w] = entry.call;
        }
        ASSERT_LE(c.after, convs);
        loaded[entry.call] = {c.dst_base, c.length};
        load_move[entry.call] = moves + 1;
      }
      if (c.opcode == Opcode::kConv) {
        ASSERT_EQ(entry.call, convs);
        ASSERT_TRUE(loaded.contains(entry.call));
        EXPECT_EQ(c.weight_base, loaded[entry.call].first);
        EXPECT_GE(c.after, load_move[entry.call]);
        EXPECT_LE(c.after, moves);
        ++convs;
      } else if (c.opcode != Opcode::kEnd) {
        ++moves;
      }
    }
    EXPECT_EQ(convs, 30);
  }
}

TEST(Schedule, LoadsGoAheadOfAConvolutionThatTakesLong) {
  Schedule schedule{EngineConfig{}};
  for (int64_t i = 0; i < 3; ++i) {
    schedule.AddLoad(Opcode::kLoadWeights, 0, 100, i);
    schedule.AddConv(Conv(60, 9), i);
  }
  std::vector<Opcode> order;
  for (const Schedule::Entry& entry : schedule.Finish()) order.push_back(entry.command.opcode);
  EXPECT_EQ(order, (std::vector{Opcode::kLoadWeights, Opcode::kConv, Opcode::kLoadWeights,
                                Opcode::kLoadWeights, Opcode::kConv, Opcode::kConv, Opcode::kEnd}));
}

TEST(Schedule, ALoadServesTheConvolutionsOfABatchAndStaysUntilTheLastOfThemEnds) {
  const EngineConfig config = {.weight_words = 200};
  Schedule schedule(config);
  for (int64_t layer = 0; layer < 3; ++layer) {
    schedule.AddLoad(Opcode::kLoadWeights, 0, 100, layer, 2);
    for (int picture = 0; picture < 2; ++picture) schedule.AddConv(Conv(20, 9), layer);
  }
  const std::vector<Schedule::Entry> list = schedule.Finish();
  ASSERT_EQ(list.size(), 10U);
  std::vector<uint32_t> bases, waits;  // of the convolutions, of the loads
  for (const Schedule::Entry& entry : list) {
    if (entry.command.opcode == Opcode::kConv) bases.push_back(entry.command.weight_base);
    if (entry.command.opcode == Opcode::kLoadWeights) waits.push_back(entry.command.after);
  }
  EXPECT_EQ(bases, (std::vector<uint32_t>{0, 0, 100, 100, 0, 0}));
  EXPECT_EQ(waits, (std::vector<uint32_t>{0, 0, 2}));
}

TEST(Schedule, MovesKeepTheirPlace) {
  Schedule schedule{EngineConfig{}};
  schedule.AddLoad(Opcode::kLoadWeights, 0, 9, 0);
  schedule.AddConv(Conv(60, 9), 0);
  schedule.AddMove({.opcode = Opcode::kStoreMap, .in_h = 1, .in_w = 1, .blocks = 1}, 0, true);
  schedule.AddLoad(Opcode::kLoadWeights, 0, 9, 1);
  schedule.AddConv(Conv(4, 9), 1);
  const std::vector<Schedule::Entry> list = schedule.Finish();
  ASSERT_EQ(list.size(), 6U);
  EXPECT_EQ(list[3].command.opcode, Opcode::kStoreMap);
  EXPECT_EQ(list[3].command.after, 1U);
  EXPECT_EQ(list[4].command.opcode, Opcode::kConv);
  EXPECT_EQ(list[4].command.after, 3U);  // for the store too
}

}  // namespace
}  // namespace bluestem::fpga
