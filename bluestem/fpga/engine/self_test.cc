#include "bluestem/fpga/engine/self_test.h"

#include <cstring>

#include "bluestem/fpga/engine/golden.h"
#include "bluestem/fpga/engine/model.h"

namespace bluestem::fpga {
namespace {

constexpr uint64_t kLayers = 24;

SelfTestStep Pass(std::string result) {
  return {.result = std::move(result), .passed = true};
}

SelfTestStep Fail(std::string result) {
  return {.result = std::move(result), .passed = false};
}

// Returns how a list ended, in words.
std::string HowItEnded(const EngineResult& result) {
  if (!result.refusal.empty()) return result.refusal;
  return fmt::format("{} (descriptor {}, {} clocks, bus address {:#x})",
                     EngineStatusText(result.status), result.index, result.clocks,
                     result.bus_address);
}

SelfTestStep Identity(Engine& engine, EnginePort* port) {
  const EngineConfig& config = engine.config();
  const std::string memories = fmt::format(
      "4 banks of {} words, {} weight words, {} threshold blocks, {} taps, {}", config.bank_words,
      config.weight_words, config.threshold_blocks, config.taps, ResidualText(config));
  if (port == nullptr) return Pass("no registers: a model; " + memories);
  const uint32_t id = port->Read(Register::kId);
  if (id != kEngineId) return Fail(fmt::format("reads {:#010x}, not {:#010x}", id, kEngineId));
  return Pass(fmt::format("{:#010x}, version {}, {} x {} channels x {} pixels a clock; {}", id,
                          port->Read(Register::kVersion), kLanes, config.outputs, config.pixels,
                          memories));
}

// Every bit of the way to a register, both values.
SelfTestStep Scratch(Engine&, EnginePort* port) {
  if (port == nullptr) return Pass("no registers: a model");
  std::vector<uint32_t> values = {0, 0xffffffff, 0x55555555, 0xaaaaaaaa};
  for (int bit = 0; bit < 32; ++bit) values.push_back(1U << bit);
  for (const uint32_t value : values) {
    port->Write(Register::kScratch, value);
    const uint32_t back = port->Read(Register::kScratch);
    if (back != value) return Fail(fmt::format("wrote {:#010x}, read {:#010x}", value, back));
  }
  return Pass(fmt::format("{} values read back", values.size()));
}

// A map of 2 rows that takes all words of all banks: in, and back to other bytes of the buffer. The
// blocks are those of its 64 words; a bank's size is a multiple of them.
struct Walk {
  static constexpr uint32_t kRow = 64;  // words of a bank
  uint32_t blocks, bytes;
  std::vector<uint8_t> buffer;

  explicit Walk(const EngineConfig& config)
      : blocks(static_cast<uint32_t>(config.bank_words) / kRow),
        bytes(blocks * 4 * kRow * kWordBytes),
        buffer(kHead + size_t{2} * bytes) {
    Command command = {.opcode = Opcode::kLoadMap,
                       .in_h = 2,
                       .in_w = 2 * kRow,
                       .src_row_step = kRow,
                       .src_block_step = kRow,
                       .blocks = blocks,
                       .address = kHead};
    Write(0, command);
    command.opcode = Opcode::kStoreMap;
    command.address = kHead + bytes;
    Write(1, command);
    Write(2, {});
  }

  // Word i of the map; its neighbours differ in about half of their bits, and it from ~that.
  static uint64_t Pattern(uint32_t i, uint64_t invert) {
    return (i + uint64_t{1}) * 0x9e3779b97f4a7c15U ^ invert;
  }

  void Fill(uint64_t invert) {
    for (uint32_t i = 0; i < bytes / kWordBytes; ++i) {
      const uint64_t word = Pattern(i, invert);
      std::memcpy(buffer.data() + kHead + i * kWordBytes, &word, sizeof(word));
    }
    std::memset(buffer.data() + kHead + bytes, 0, bytes);
  }

  // Returns the first word that came back otherwise, in words, or "".
  std::string FirstWrong(uint64_t invert) const {
    for (uint32_t i = 0; i < bytes / kWordBytes; ++i) {
      uint64_t word = 0;
      std::memcpy(&word, buffer.data() + kHead + bytes + i * kWordBytes, sizeof(word));
      if (word == Pattern(i, invert)) continue;
      const uint32_t y = i / (2 * kRow) % 2, x = i % (2 * kRow);
      return fmt::format("bank {} word {}: wrote {:#018x}, read {:#018x}", 2 * y + x % 2,
                         i / (4 * kRow) * kRow + x / 2, Pattern(i, invert), word);
    }
    return "";
  }

 private:
  static constexpr uint32_t kHead = 256;

  void Write(size_t index, const Command& command) {
    const CommandWords words = Encode(command);
    std::memcpy(buffer.data() + index * sizeof(words), words.data(), sizeof(words));
  }
};

SelfTestStep Banks(Engine& engine, EnginePort*) {
  Walk walk(engine.config());
  int64_t clocks = 0;
  for (const uint64_t invert : {uint64_t{0}, ~uint64_t{0}}) {
    walk.Fill(invert);
    const EngineResult result = engine.Run(walk.buffer, 0);
    if (result.status != EngineStatus::kDone) return Fail(HowItEnded(result));
    const std::string wrong = walk.FirstWrong(invert);
    if (!wrong.empty()) return Fail(wrong);
    clocks += result.clocks;
  }
  return Pass(fmt::format("{} words and their complements loaded and stored, {} clocks",
                          walk.bytes / kWordBytes, clocks));
}

SelfTestStep GoldenLayers(Engine& engine, EnginePort*) {
  int64_t clocks = 0;
  for (uint64_t seed = 0; seed < kLayers; ++seed) {
    ListBuilder list(seed, engine.config());
    list.Conv();
    std::vector<uint8_t> expected = list.Finish(), given = expected;
    EngineModel model{engine.config()};
    const EngineResult want = model.Run(expected, 0), got = engine.Run(given, 0);
    if (got.status != want.status) return Fail(fmt::format("layer {}: {}", seed, HowItEnded(got)));
    for (size_t i = 0; i < given.size(); ++i) {
      if (given[i] == expected[i]) continue;
      return Fail(fmt::format("layer {}: byte {} of the buffer is {:#04x}, the model's is {:#04x}",
                              seed, i, given[i], expected[i]));
    }
    clocks += got.clocks;
  }
  return Pass(fmt::format("{} random convolutions equal the model's, {} clocks", kLayers, clocks));
}

// Returns the layer that stores the byte (golden.h), 0 where none does.
uint32_t LayerAt(const std::vector<uint8_t>& buffer, size_t byte) {
  for (size_t at = 0;; at += sizeof(CommandWords)) {
    CommandWords words;
    std::memcpy(words.data(), buffer.data() + at, sizeof(words));
    const Command c = Decode(words);
    if (c.opcode == Opcode::kEnd) return 0;
    const uint64_t end = c.address + uint64_t{c.in_h} * c.in_w * c.blocks * kWordBytes;
    if (c.opcode == Opcode::kStoreMap && c.address <= byte && byte < end) return c.after;
  }
}

// Layers that read what those before left in the banks, in one list.
SelfTestStep GoldenNet(Engine& engine, EnginePort*) {
  ListBuilder list(kLayers, engine.config());
  list.Net();
  std::vector<uint8_t> expected = list.Finish(), given = expected;
  EngineModel model{engine.config()};
  const EngineResult want = model.Run(expected, 0), got = engine.Run(given, 0);
  if (got.status != want.status) return Fail(HowItEnded(got));
  for (size_t i = 0; i < given.size(); ++i) {
    if (given[i] == expected[i]) continue;
    return Fail(fmt::format("layer {}: byte {} of the buffer is {:#04x}, the model's is {:#04x}",
                            LayerAt(expected, i), i, given[i], expected[i]));
  }
  return Pass(fmt::format("{} layers in one list, all maps equal the model's, {} clocks",
                          ListBuilder::kNetLayers, got.clocks));
}

// Bad lists end with the status that they deserve, and a good one runs afterwards.
SelfTestStep BadLists(Engine& engine, EnginePort*) {
  const auto status_of = [&](const Command& command) {
    ListBuilder list(0);
    list.Add(command);
    return engine.Run(list.Finish(), 0).status;
  };
  const std::pair<Command, EngineStatus> cases[] = {
      {{.opcode = static_cast<Opcode>(99)}, EngineStatus::kBadOpcode},
      {{.opcode = Opcode::kLoadWeights, .address = 0xfffff000, .length = 1},
       EngineStatus::kBadAddress},
      {{.opcode = Opcode::kLoadTaps, .dst_base = 0xffff, .length = 1}, EngineStatus::kBadRange},
      {{}, EngineStatus::kDone}};
  for (const auto& [command, want] : cases) {
    const EngineStatus got = status_of(command);
    if (got == want) continue;
    return Fail(fmt::format("a list that must end with '{}' ended with '{}'",
                            EngineStatusText(want), EngineStatusText(got)));
  }
  return Pass("3 bad lists end with their status, a good one after them runs");
}

}  // namespace

const std::vector<SelfTestCase>& SelfTestCases() {
  static const std::vector<SelfTestCase> cases = {
      {"identity", Identity},          {"scratch register", Scratch}, {"map memory", Banks},
      {"golden layers", GoldenLayers}, {"golden net", GoldenNet},     {"bad lists", BadLists}};
  return cases;
}

}  // namespace bluestem::fpga
