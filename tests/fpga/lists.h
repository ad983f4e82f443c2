// Command lists with random convolutions, and the simulated RTL that runs them.
#pragma once

#include <gtest/gtest.h>

#include <cstring>
#include <memory>
#include <random>
#include <vector>

#include "bluestem/fpga/engine/model.h"
#include "bluestem/fpga/engine/simulation.h"

namespace bluestem::fpga {

// A buffer with a list at 0, and room behind it.
class ListBuilder {
 public:
  explicit ListBuilder(uint64_t seed) : random_(seed), buffer_(4096) {}

  int32_t Pick(int32_t low, int32_t high) {
    return low + static_cast<int32_t>(random_() % static_cast<uint64_t>(high - low + 1));
  }

  // Returns the address of `bytes` random ones.
  uint32_t Room(size_t bytes) {
    const size_t at = buffer_.size();
    buffer_.resize(at + (bytes + 7) / 8 * 8);
    for (size_t i = 0; i < bytes; ++i) buffer_[at + i] = static_cast<uint8_t>(random_());
    return static_cast<uint32_t>(at);
  }

  void Add(const Command& command) { commands_.push_back(command); }

  std::vector<uint8_t>& Finish() {
    Add({});
    for (size_t i = 0; i < commands_.size(); ++i) {
      const CommandWords words = Encode(commands_[i]);
      std::memcpy(buffer_.data() + i * sizeof(words), words.data(), sizeof(words));
    }
    return buffer_;
  }

  std::vector<uint8_t>& buffer() { return buffer_; }

  // A convolution of random shape with all that it reads and writes moved in and out.
  void Conv() {
    Command c;
    c.opcode = Opcode::kConv;
    c.mode = static_cast<WriteMode>(Pick(0, 3));
    const int32_t kernel = Pick(0, 2) * 2 + 1, dilation = Pick(1, 2), pad = Pick(0, kernel);
    c.in_h = static_cast<uint32_t>(Pick(1, 13));
    c.in_w = static_cast<uint32_t>(Pick(1, 13));
    c.out_h = static_cast<uint32_t>(Pick(1, 13));
    c.out_w = static_cast<uint32_t>(Pick(1, 13));
    c.blocks = static_cast<uint32_t>(Pick(1, 3));
    c.digits = Pick(0, 3) == 0 ? 2 : 1;
    c.out_blocks = static_cast<uint32_t>(Pick(1, 3));
    c.tap_count = static_cast<uint32_t>(kernel * kernel);
    c.src_row_step = (c.in_w + 1) / 2 + static_cast<uint32_t>(Pick(0, 2));
    c.src_block_step = c.src_row_step * ((c.in_h + 1) / 2);
    c.digit_step = c.src_block_step * c.blocks;
    c.src_base = static_cast<uint32_t>(Pick(0, 99));
    c.dst_base = 4096;
    c.dst_row_step = (c.out_w + 1) / 2;
    c.dst_block_step = c.dst_row_step * ((c.out_h + 1) / 2);
    c.dst_plane_step = c.dst_block_step * c.out_blocks;
    c.tap_base = static_cast<uint32_t>(Pick(0, 400));
    c.weight_base = static_cast<uint32_t>(Pick(0, 300));
    c.threshold_base = static_cast<uint32_t>(Pick(0, 60));
    const uint32_t taps = Room(c.tap_count * kTapBytes);
    for (int32_t t = 0; t < kernel * kernel; ++t) {
      const uint64_t word =
          EncodeTap({0, t / kernel * dilation - pad, t % kernel * dilation - pad});
      std::memcpy(buffer_.data() + taps + t * kTapBytes, &word, sizeof(word));
    }
    Add({.opcode = Opcode::kLoadTaps,
         .dst_base = c.tap_base,
         .address = taps,
         .length = c.tap_count});
    const uint32_t words = c.out_blocks * c.tap_count * c.blocks;
    Add({.opcode = Opcode::kLoadWeights,
         .dst_base = c.weight_base,
         .address = Room(words * kWeightWordBytes),
         .length = words});
    Add({.opcode = Opcode::kLoadThresholds,
         .dst_base = c.threshold_base,
         .address = Thresholds(c),
         .length = c.out_blocks});
    for (uint32_t d = 0; d < c.digits; ++d) {
      Command map = Map(Opcode::kLoadMap, c.in_h, c.in_w, c.blocks, c.src_base + d * c.digit_step,
                        c.src_row_step, c.src_block_step);
      Add(map);
    }
    c.after = 3 + c.digits;
    Add(c);
    const bool halves = c.mode == WriteMode::kMaxPool || c.mode == WriteMode::kSpaceToDepth;
    const uint32_t h = halves ? c.out_h / 2 : c.out_h, w = halves ? c.out_w / 2 : c.out_w;
    const uint32_t planes = c.mode == WriteMode::kRaw            ? 8
                            : c.mode == WriteMode::kSpaceToDepth ? 4
                                                                 : 1;
    for (uint32_t p = 0; p < planes && h > 0 && w > 0; ++p) {
      Command map = Map(Opcode::kStoreMap, h, w, c.out_blocks, c.dst_base + p * c.dst_plane_step,
                        c.dst_row_step, c.dst_block_step);
      map.after = 1;
      Add(map);
    }
  }

 private:
  Command Map(Opcode opcode, uint32_t h, uint32_t w, uint32_t blocks, uint32_t base,
              uint32_t row_step, uint32_t block_step) {
    return {.opcode = opcode,
            .in_h = h,
            .in_w = w,
            .src_base = base,
            .src_row_step = row_step,
            .src_block_step = block_step,
            .blocks = blocks,
            .address = Room(size_t{h} * w * blocks * kWordBytes)};
  }

  uint32_t Thresholds(const Command& c) {
    const uint32_t at = Room(c.out_blocks * static_cast<size_t>(kThresholdBytes));
    const auto spread = static_cast<int32_t>(8 + c.tap_count * c.blocks * 4);
    for (uint32_t o = 0; o < c.out_blocks * kLanes; ++o) {
      int16_t entry[4];
      for (int k = 0; k < 3; ++k) entry[k] = static_cast<int16_t>(Pick(-spread, spread));
      entry[3] = static_cast<int16_t>(Pick(0, 1));
      std::memcpy(buffer_.data() + at + o * sizeof(entry), entry, sizeof(entry));
    }
    return at;
  }

  std::mt19937_64 random_;
  std::vector<uint8_t> buffer_;
  std::vector<Command> commands_;
};

inline Path SimulationLibrary(const SimulationOptions& options = {}) {
  auto library = BuildSimulation(Path(BLUESTEM_BINARY_DIR) / "fpga-sim", options, nullptr);
  EXPECT_TRUE(library.ok()) << library.status().message();
  return library.ok() ? *library : Path();
}

class Rtl : public ::testing::Test {
 protected:
  void SetUp() override {
    const std::string missing = WhyNoSimulation();
    if (!missing.empty()) GTEST_SKIP() << missing;
    auto port = SimulationPort::Open(SimulationLibrary());
    ASSERT_TRUE(port.ok()) << port.status().message();
    port_ = port->get();
    auto driver = EngineDriver::Open(std::move(*port));
    ASSERT_TRUE(driver.ok()) << driver.status().message();
    driver_ = std::move(*driver);
  }

  SimulationPort* port_ = nullptr;
  std::unique_ptr<EngineDriver> driver_;
};

}  // namespace bluestem::fpga
