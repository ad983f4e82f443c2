// Command lists with random convolutions, to compare engines on: the self-test's and the tests'.
//
//   ListBuilder list(seed);
//   list.Conv();
//   std::vector<uint8_t> expected = list.Finish(), given = expected;
//   model.Run(expected, 0), engine.Run(given, 0);   // given == expected
//
// Threads: one builder belongs to one thread. Ownership: it keeps the buffer.
#pragma once

#include <cstddef>
#include <random>
#include <vector>

#include "bluestem/fpga/engine/command.h"

namespace bluestem::fpga {

// A buffer with a list at 0, and room behind it.
class ListBuilder {
 public:
  // Its convolutions fit the memories of `config`.
  explicit ListBuilder(uint64_t seed, const EngineConfig& config = {})
      : config_(config), random_(seed), buffer_(4096) {}

  // Returns low..high.
  int32_t Pick(int32_t low, int32_t high);
  // Returns the address of `bytes` random ones.
  uint32_t Room(size_t bytes);
  // Requires: at most 63 of them.
  void Add(const Command& command) { commands_.push_back(command); }
  // A convolution of random shape with all that it reads and writes moved in and out.
  void Conv();
  // Ends the list and writes it.
  std::vector<uint8_t>& Finish();
  std::vector<uint8_t>& buffer() { return buffer_; }

 private:
  Command Shape();
  void LoadConstants(const Command& conv);
  void StoreResult(const Command& conv);
  Command Map(Opcode opcode, uint32_t h, uint32_t w, uint32_t blocks, uint32_t base,
              uint32_t row_step, uint32_t block_step);
  uint32_t Thresholds(const Command& conv);

  EngineConfig config_;
  std::mt19937_64 random_;
  std::vector<uint8_t> buffer_;
  std::vector<Command> commands_;
  std::vector<Tap> taps_;
};

}  // namespace bluestem::fpga
