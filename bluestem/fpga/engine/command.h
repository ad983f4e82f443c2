// The command list of the engine: what lies in memory when the doorbell rings, for the board, the
// simulation and the functional model alike. docs/formats/engine.md is the same as prose.
//
// Numbers on the engine. An activation is a code of 2 bits; a word is 32 channels of one pixel, 64
// bits, channel i at bits 2i+1..2i. A weight is a bit (1: +1, 0: -1); a weight word is 32 outputs
// by 32 inputs, 1024 bits, as kernels pack them (byte 32 * (input / 8) + output, bit input % 8).
// With P the sum of the codes whose weight is +1 and S the sum of all of them, the accumulator is
// 2P - S. A residual map of 2-bit codes, at the outputs' places, adds ratio * code to it: the ratio
// is the output's own, a signed number of 15 bits.
//
// A map lies in the four banks of the activation memory, its pixel (y, x) in bank (y % 2, x % 2) at
//   base + block * block_step + (y / 2) * row_step + x / 2
// with block = channel / 32; so the 2x2 pixels of any window lie in four different banks. A
// convolution with stride 2 reads its map as four planes, one for each parity of (y, x), each of
// them a map of its own: space-to-depth, which is one of the ways in which the engine writes.
#pragma once

#include <array>
#include <cstdint>

namespace bluestem::fpga {

constexpr uint32_t kEngineId = 0x31573241;  // "A2W1" in memory
constexpr uint32_t kEngineVersion = 1;
constexpr int32_t kLanes = 32;  // channels of a word, and outputs of a block
constexpr int32_t kWordBytes = 8;
constexpr int32_t kRawLanes = 4;  // accumulators of a word
constexpr int32_t kWeightWordBytes = 128;
// Of 32 outputs: 32 x {t0, t1, t2, 2 * ratio + rising}, 16 bits each.
constexpr int32_t kThresholdBytes = 256;
constexpr int32_t kTapBytes = 8;
constexpr int32_t kMaxAccumulator = 32766;   // with what a residual map adds
constexpr uint32_t kMaxDescriptors = 65535;  // of a list

// What an engine was built with; its capability registers say the same.
struct EngineConfig {
  int32_t pixels = 4;             // of a tile: 4 are 2 x 2, 8 are 2 x 4
  int32_t outputs = 32;           // of a pass, 8, 16 or 32: a block takes 32 / outputs passes
  int32_t bank_words = 8192;      // of each of the four banks
  int32_t weight_words = 1024;    // of 1024 bits
  int32_t threshold_blocks = 64;  // of 32 outputs
  int32_t taps = 512;
  bool residual = true;  // convolutions may add a residual map
  bool operator==(const EngineConfig&) const = default;
};
// Returns "residual maps" or "no residual maps".
const char* ResidualText(const EngineConfig& config);

enum class Opcode : uint32_t {
  kEnd = 0,          // the list ends; the engine reports kDone
  kConv = 1,         // on the array
  kLoadWeights = 2,  // the rest on the memory port
  kLoadThresholds = 3,
  kLoadTaps = 4,
  kLoadMap = 5,   // [block][y][x] words in memory to the banks
  kStoreMap = 6,  // and back
};

enum class WriteMode : uint32_t {
  kPlain = 0,
  kMaxPool = 1,       // 2x2, stride 2
  kSpaceToDepth = 2,  // 2x2: pixel (y, x) to (y / 2, x / 2), plane 2 * (y % 2) + x % 2
  kRaw = 3,           // no codes: accumulators of 16 bits, outputs 4k to 4k+3 in plane k of 8
};

// One descriptor: 16 words of 32 bits, little endian. Two queues run beside each other, the array's
// (kConv) and the memory port's, each in the order of the list; a descriptor starts when `after`
// descriptors of the other queue have ended.
struct Command {
  Opcode opcode = Opcode::kEnd;
  uint32_t after = 0;
  // kConv
  uint32_t out_h = 0, out_w = 0;  // before pooling
  uint32_t in_h = 0, in_w = 0;    // of one plane: what lies outside reads 0
  uint32_t src_base = 0, src_row_step = 0, src_block_step = 0;
  uint32_t blocks = 0;  // of 32 input channels
  uint32_t digits = 1;  // of 2 bits: a code of 8 bits is four; the greatest first
  uint32_t digit_step = 0;
  uint32_t tap_base = 0, tap_count = 0;
  uint32_t dst_base = 0, dst_row_step = 0, dst_block_step = 0, dst_plane_step = 0;
  uint32_t out_blocks = 0;
  WriteMode mode = WriteMode::kPlain;
  uint32_t weight_base = 0, threshold_base = 0;
  // A residual map, not with kRaw; what its blocks leave of out_blocks adds nothing.
  uint32_t residual_base = 0, residual_row_step = 0, residual_block_step = 0;
  uint32_t residual_blocks = 0;  // 0: none
  // the others
  uint32_t address = 0;  // in memory, from the base of the image's buffer, a multiple of 8
  uint32_t length = 0;   // kLoadWeights: words; kLoadThresholds: blocks; kLoadTaps: taps
  bool operator==(const Command&) const = default;
};
constexpr int32_t kCommandWords = 16;
using CommandWords = std::array<uint32_t, kCommandWords>;

// A tap of a kernel: the window's first pixel is (2 ty + dy, 2 tx + dx) of the plane at `plane`.
struct Tap {
  int32_t plane = 0;  // words from src_base
  int32_t dy = 0, dx = 0;
};

CommandWords Encode(const Command& command);
Command Decode(const CommandWords& words);
uint64_t EncodeTap(const Tap& tap);
Tap DecodeTap(uint64_t word);

// How a list ended. In the status register, with the descriptor's index.
enum class EngineStatus : uint32_t {
  kIdle = 0,
  kRunning = 1,
  kDone = 2,
  kBadOpcode = 3,
  kBadAddress = 4,  // outside the buffer, or the list without kEnd
  kBadRange = 5,    // outside a memory of the engine, or what it was built without
  kBusError = 6,    // the bus said so
  kDeadlock = 7,    // each queue waits for the other
  kAborted = 8,     // the driver asked for it
  kTimeout = 9,     // the driver's: it did not end
};
const char* EngineStatusText(EngineStatus status);

}  // namespace bluestem::fpga
