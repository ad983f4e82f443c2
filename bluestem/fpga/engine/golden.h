// Command lists with random convolutions, or with a small network, to compare engines on: the
// self-test's and the tests'.
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
  // Its convolutions fit the memories of `config`, and add residual maps where that does.
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
  // A network of kNetLayers layers with random weights, each of whose maps stays in the banks for
  // the next and is stored too: 3x3, 3x3 with a residual map (where the engine adds them), 3x3 to
  // space-to-depth, 3x3 of stride 2, 3x3 and the maximum of 2x2, 1x1 raw. A store waits for as many
  // convolutions as its layer's number says, the first is 1. Every build's memories hold it.
  static constexpr int32_t kNetLayers = 6;
  void Net();
  // Ends the list and writes it.
  std::vector<uint8_t>& Finish();
  std::vector<uint8_t>& buffer() { return buffer_; }

 private:
  Command Shape();
  // Square maps and steps without room between; its place is left out.
  static Command Layer(uint32_t in, uint32_t blocks, uint32_t out, uint32_t out_blocks);
  // Sets taps_ to those of a square kernel; of stride 2 where a plane's words are given.
  void Kernel(int32_t size, int32_t plane_step = 0);
  // The convolution behind all loads so far, and its result to memory.
  void AddConv(Command conv);
  // Returns how many descriptors of a half there are.
  uint32_t Count(bool convs) const;
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
