// region: calls of a Program as a command list of the engine, with all that lies in memory beside
// it, and the way of a map from bytes (one a code, [h, w, c]) to words and back.
//
// Threads: free functions without state; an EngineProgram is a value.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "bluestem/base/status.h"
#include "bluestem/fpga/engine/command.h"
#include "bluestem/kernels/qconv/qconv.h"
#include "bluestem/program/program.h"

namespace bluestem::fpga {

// Returns why the engine does not take call `index`, or "" where it does. It takes convolutions of
// codes with 1-bit weights, which may add codes. Codes of at most 2 bits may come out and stay,
// pooled 2x2 or rearranged to depth while they are written; other results leave as accumulators,
// which the host finishes. What copies and fills make for it to add it reads where that comes from
// (pick.h).
std::string Refusal(const program::Program& program, size_t index, const EngineConfig& config);

// Returns the clocks that the call takes on the array, and to move strips of its maps where those
// do not fit the banks; 0 for what happens while a result is written, and for what is not copied.
int64_t CallClocks(const program::Call& call, const EngineConfig& config);

// What the host makes of accumulators that leave the engine as they are: kRaw keeps them (s32),
// kAffine gives float(acc) * a + b, then at least 0 where relu; f32, as the kernels do.
struct RawFinish {
  kernels::QConvEpilogue epilogue = kernels::QConvEpilogue::kRaw;
  bool relu = false;
  std::vector<float> a, b;  // one an output
};

// A map that crosses the border between the host and the engine.
struct MapPort {
  program::Operand operand;
  int32_t h = 0, w = 0, c = 0;  // as the host has it: [h, w, c] bytes
  int32_t bits = 2;             // of a code; more than 2 go over as digits of 2 bits
  bool planes = false;          // for convolutions of stride 2: the four parities of (y, x) apart
  uint32_t address = 0;         // in the buffer; of the first picture
  std::optional<RawFinish> raw{};  // accumulators, not codes
  // The windows of this convolution, [ho, wo, taps * ci], made of the map.
  std::optional<kernels::QConvParams> windows{};
  std::vector<uint32_t> others{};  // addresses of the other pictures of a batch

  uint32_t AddressOf(size_t picture) const { return picture == 0 ? address : others[picture - 1]; }
};

// Returns the words in the buffer that EncodeMap or DecodeMap touches for a picture.
int64_t WordsOf(const MapPort& port);

// A list that runs several pictures for one doorbell: each load of weights serves all of them,
// where their maps lie in the banks together.
struct BatchList {
  int32_t pictures = 0;
  uint32_t list = 0;
  std::vector<int64_t> calls;  // as EngineProgram has them
};

struct EngineProgram {
  std::vector<uint8_t> buffer;  // list, weights, thresholds, taps, and room for the maps
  uint32_t list = 0;
  std::vector<MapPort> inputs, outputs;
  // Pooling and space-to-depth of maps that come from outside: for the host, before it encodes.
  std::vector<size_t> host_calls;
  // For each descriptor of the list the call that it works for, or -1.
  std::vector<int64_t> calls;
  // Of more pictures from one to the next; each makes a picture faster than the one before.
  std::vector<BatchList> batches;
};

// Returns the pictures of its greatest batch, or 1.
inline size_t MostPictures(const EngineProgram& engine) {
  return engine.batches.empty() ? 1 : static_cast<size_t>(engine.batches.back().pictures);
}

constexpr int32_t kMostPictures = 8;  // of a batch

// Compiles calls [begin, end), and lists for batches of 2, 4, ... up to `most_pictures` as long as
// they make a picture faster. Where maps do not fit the banks they are stored and loaded again, in
// strips of rows where it must be. Errors: kUnsupported for a list that is too long. Requires:
// Refusal is "" for each of the calls.
Result<EngineProgram> CompileRegion(const program::Program& program, size_t begin, size_t end,
                                    const EngineConfig& config, int32_t most_pictures = 1);

// Returns "" where CompileRegion takes calls [begin, end), else sets `end` to where the longest
// region from `begin` on ends that it takes, and returns why the call there cannot be part of it:
// taps, descriptors or maps of all calls together are more than the engine has. Requires: as
// CompileRegion.
std::string RegionRefusal(const program::Program& program, size_t begin, size_t& end,
                          const EngineConfig& config);

// Writes the map at `bytes` into the buffer's words, or reads it from there: a byte a code, or what
// RawFinish makes of an accumulator.
void EncodeMap(const MapPort& port, const uint8_t* bytes, std::vector<uint8_t>& buffer,
               size_t picture = 0);
void DecodeMap(const MapPort& port, const std::vector<uint8_t>& buffer, uint8_t* bytes,
               size_t picture = 0);

}  // namespace bluestem::fpga
