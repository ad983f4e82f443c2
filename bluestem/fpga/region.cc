// A region's lists, and the buffer that they lie in.
#include "bluestem/fpga/region.h"

#include <algorithm>
#include <cstring>

#include "bluestem/fpga/constants.h"
#include "bluestem/fpga/region_compiler.h"

namespace bluestem::fpga {
namespace {

using kernels::QConvParams;
using program::Program;

// The share of a picture's clocks that a greater batch saves at least.
constexpr double kLeastGain = 0.02;

int32_t PortWords(const MapLayout& layout) {
  return layout.digits * layout.planes * layout.blocks * layout.h * layout.w;
}

}  // namespace

Result<EngineProgram> RegionCompiler::Compile(int32_t most_pictures) {
  for (size_t s = 0; s < stages_.size(); ++s) {
    const StageMaps maps = MapsOfStage(s);
    if (maps.source.words() + maps.result.words() <= config_.bank_words) TapBase(Shape(s));
  }
  std::optional<List> alone;
  // Strips have taps of their own, which are known once the list is made: then once more.
  for (size_t known = taps_.size() + 1; known != taps_.size();) {
    known = taps_.size();
    result_ = {};
    result_.host_calls = stages_.host_calls();
    in_ports_.clear();
    out_ports_.clear();
    weights_.clear();
    thresholds_.clear();
    BLUESTEM_RETURN_IF_ERROR(WriteTaps());
    BLUESTEM_ASSIGN_OR_RETURN(alone, MakeList(1, 0));
  }
  result_.list = Write(*alone, result_.calls);
  auto best = static_cast<double>(alone->clocks);
  for (int32_t pictures = 2; pictures <= most_pictures; pictures *= 2) {
    if (!AddBatch(pictures, best)) break;
  }
  return std::move(result_);
}

// Makes a list of so many pictures: the stages before `together` one picture after the other, the
// others for all pictures stage by stage. Errors: as CompileRegion's.
Result<RegionCompiler::List> RegionCompiler::MakeList(int32_t pictures, size_t together) {
  banks_ = {};
  memory_.clear();
  schedule_ = Schedule(config_);
  if (load_taps_.length > 0) schedule_.AddMove(load_taps_, -1, false);
  for (int32_t picture = 0; picture < pictures; ++picture) {
    for (size_t s = 0; s < together; ++s) {
      BLUESTEM_RETURN_IF_ERROR(AddWhole(s, picture, picture + 1));
    }
  }
  for (size_t s = together; s < stages_.size(); ++s) {
    BLUESTEM_RETURN_IF_ERROR(pictures == 1 ? AddStage(s) : AddWhole(s, 0, pictures));
  }
  for (int32_t picture = 0; picture < pictures; ++picture) {
    for (size_t i = 0; i < stages_.leaving().size(); ++i) {
      BLUESTEM_RETURN_IF_ERROR(StorePick(i, picture, pictures == 1));
    }
  }
  List list = {schedule_.Finish(), 0};
  list.clocks = schedule_.clocks();
  if (list.entries.size() <= kMaxDescriptors) return list;
  return Error(Code::kUnsupported, "a list of {} descriptors; the engine takes {}",
               list.entries.size(), kMaxDescriptors);
}

// Returns where the list lies in the buffer.
uint32_t RegionCompiler::Write(const List& list, std::vector<int64_t>& calls) {
  const auto address = static_cast<uint32_t>(Room(list.entries.size() * sizeof(CommandWords)));
  uint8_t* at = result_.buffer.data() + address;
  for (const Schedule::Entry& entry : list.entries) {
    const CommandWords words = Encode(entry.command);
    std::memcpy(at, words.data(), sizeof(words));
    at += sizeof(words);
    calls.push_back(entry.call);
  }
  return address;
}

template <typename Visit>
void RegionCompiler::ForPorts(Visit visit) {
  for (const auto& [key, room] : in_ports_) visit(result_.inputs[room.index], room);
  for (const auto& [stage, room] : out_ports_) visit(result_.outputs[room.index], room);
}

// Adds the fastest list of so many pictures where a picture takes fewer clocks than `best`, which
// it then lowers. Returns whether.
bool RegionCompiler::AddBatch(int32_t pictures, double& best) {
  const size_t before = result_.buffer.size();
  const size_t had = MostPictures(result_);
  const auto others = static_cast<size_t>(pictures) - 1;
  ForPorts([&](MapPort& port, const PortRoom& room) {
    while (port.others.size() < others) {
      port.others.push_back(static_cast<uint32_t>(Room(room.bytes)));
    }
  });
  std::optional<List> fastest;
  for (size_t together = 0; together <= stages_.size(); ++together) {
    Result<List> list = MakeList(pictures, together);
    BLUESTEM_CHECK(taps_.size() == load_taps_.length, "what fits several pictures fits one");
    if (list.ok() && (!fastest || list->clocks < fastest->clocks)) fastest = std::move(*list);
  }
  const double clocks = fastest ? static_cast<double>(fastest->clocks) / pictures : best;
  if (clocks > best * (1 - kLeastGain)) {
    ForPorts([&](MapPort& port, const PortRoom&) { port.others.resize(had - 1); });
    result_.buffer.resize(before);
    return false;
  }
  best = clocks;
  BatchList batch = {pictures, 0, {}};
  batch.list = Write(*fastest, batch.calls);
  result_.batches.push_back(std::move(batch));
  return true;
}

// Returns the offset of `bytes` fresh bytes of the buffer.
size_t RegionCompiler::Room(size_t bytes) {
  const size_t at = result_.buffer.size();
  result_.buffer.resize(at + (bytes + 63) / 64 * 64);
  return at;
}

// Returns where the kernel's taps lie among all.
uint32_t RegionCompiler::TapBase(const QConvParams& seen) {
  std::vector<uint64_t> own;
  for (const Tap& tap : TapsOf(seen)) own.push_back(EncodeTap(tap));
  const auto found = std::search(taps_.begin(), taps_.end(), own.begin(), own.end());
  const auto base = static_cast<uint32_t>(found - taps_.begin());
  if (found == taps_.end()) taps_.insert(taps_.end(), own.begin(), own.end());
  return base;
}

Status RegionCompiler::WriteTaps() {
  if (static_cast<int32_t>(taps_.size()) > config_.taps) {
    return Error(Code::kUnsupported, "{} taps of kernels; the engine holds {}", taps_.size(),
                 config_.taps);
  }
  const size_t at = Room(taps_.size() * kTapBytes);
  if (!taps_.empty()) {  // a region of copies alone has none
    std::memcpy(result_.buffer.data() + at, taps_.data(), taps_.size() * kTapBytes);
  }
  load_taps_.opcode = Opcode::kLoadTaps;
  load_taps_.address = static_cast<uint32_t>(at);
  load_taps_.length = static_cast<uint32_t>(taps_.size());
  return OkStatus();
}

// Returns where the picture's map lies in the buffer. The list of one picture makes the port.
template <typename PortKey>
uint32_t RegionCompiler::Address(std::map<PortKey, PortRoom>& rooms, const PortKey& key,
                                 std::vector<MapPort>& ports, MapPort port, const MapLayout& layout,
                                 int32_t picture) {
  const auto found = rooms.find(key);
  if (found != rooms.end()) {
    return ports[found->second.index].AddressOf(static_cast<size_t>(picture));
  }
  const auto bytes = static_cast<size_t>(PortWords(layout)) * kWordBytes;
  port.address = static_cast<uint32_t>(Room(bytes));
  rooms[key] = {ports.size(), bytes};
  ports.push_back(std::move(port));
  return ports.back().address;
}

uint32_t RegionCompiler::InAddress(const MapRef& map) {
  const auto stored = memory_.find(map.key);
  if (stored != memory_.end()) return stored->second;
  return Address(in_ports_, {map.key.writer, map.key.offset}, result_.inputs, map.port, map.layout,
                 map.key.picture);
}

// Of the result of stage `s`, which others need.
uint32_t RegionCompiler::OutAddress(size_t s, const MapLayout& layout, int32_t picture) {
  const QConvParams& p = Conv(s);
  const size_t last = stages_[s].last;
  const bool fused = last != stages_[s].conv;
  const bool pooled =
      fused && std::holds_alternative<program::MaxPoolCall>(program_.calls[last].params);
  const int32_t shrink = fused ? 2 : 1;
  MapPort port = {.operand = program_.calls[last].output,
                  .h = p.ho / shrink,
                  .w = p.wo / shrink,
                  .c = fused && !pooled ? 4 * p.co : p.co,
                  .bits = 2,
                  .planes = layout.planes == 4};
  if (LeavesRaw(p)) port.raw = FinishOf(program_, program_.calls[last]);
  return Address(out_ports_, s, result_.outputs, std::move(port), layout, picture);
}

uint32_t RegionCompiler::OutAddress(const LeavingPick& leaving, size_t index, int32_t picture) {
  MapPort port = {.operand = leaving.operand, .h = leaving.h, .w = leaving.w, .c = leaving.c};
  const MapLayout layout = LayoutOf(leaving.h, leaving.w, leaving.c, false, 2);
  return Address(out_ports_, stages_.size() + index, result_.outputs, std::move(port), layout,
                 picture);
}

uint32_t RegionCompiler::Scratch(const MapLayout& layout) {
  return static_cast<uint32_t>(Room(static_cast<size_t>(PortWords(layout)) * kWordBytes));
}

// Moves rows of some parts (planes and digits) of `map`, which lies at `address`, between there and
// the banks, where `at.base` is the first row of the first part that moves. In memory a map is
// [digit][plane][block][y][x] words: a descriptor a part, or a block of it where rows are left out.
void RegionCompiler::MoveRows(Opcode opcode, const MapLayout& map, const Rows& rows,
                              const Rows& parts, uint32_t address, const Read& at, int64_t call) {
  const bool all = rows.count() == map.h;
  const int32_t together = all ? map.blocks : 1;
  for (int32_t part = parts.first; part < parts.end; ++part) {
    for (int32_t block = 0; block < map.blocks; block += together) {
      Command command;
      command.opcode = opcode;
      command.in_h = static_cast<uint32_t>(rows.count());
      command.in_w = static_cast<uint32_t>(map.w);
      command.blocks = static_cast<uint32_t>(together);
      command.src_base = static_cast<uint32_t>(
          at.base + (part - parts.first) * at.layout.plane_step() + block * at.layout.block_step());
      command.src_row_step = static_cast<uint32_t>(at.layout.row_step());
      command.src_block_step = static_cast<uint32_t>(at.layout.block_step());
      const int64_t row = (int64_t{part} * map.blocks + block) * map.h + rows.first;
      command.address = address + static_cast<uint32_t>(row * map.w * kWordBytes);
      schedule_.AddMove(command, call, true);
    }
  }
}

void RegionCompiler::MoveMap(Opcode opcode, const Held& held, uint32_t address, int64_t call) {
  const MapLayout& layout = held.layout;
  MoveRows(opcode, layout, {0, layout.h}, {0, layout.digits * layout.planes}, address,
           {layout, held.base}, call);
}

// Loads weights and thresholds of blocks [first, first + count) of outputs for the next
// convolutions.
void RegionCompiler::AddLoads(size_t s, int32_t first, int32_t count, uint32_t convs) {
  const program::Call& conv = program_.calls[stages_[s].conv];
  const auto call = static_cast<int64_t>(stages_[s].conv);
  const uint32_t weights =
      Once(weights_, {s, first, count}, [&] { return WeightsOf(program_, conv, first, count); });
  schedule_.AddLoad(Opcode::kLoadWeights, weights, static_cast<uint32_t>(count * Steps(Conv(s))),
                    call, convs);
  if (LeavesRaw(Conv(s))) return;
  const uint32_t thresholds = Once(thresholds_, {s, first, count},
                                   [&] { return ThresholdsOf(program_, conv, first, count); });
  schedule_.AddLoad(Opcode::kLoadThresholds, thresholds, static_cast<uint32_t>(count), call, convs);
}

// Returns where the constants lie in the buffer, which `make` makes for the first list.
template <typename Make>
uint32_t RegionCompiler::Once(std::map<Blocks, uint32_t>& known, const Blocks& blocks, Make make) {
  const auto found = known.find(blocks);
  if (found != known.end()) return found->second;
  const std::vector<uint8_t> bytes = make();
  const auto at = static_cast<uint32_t>(Room(bytes.size()));
  std::copy(bytes.begin(), bytes.end(), result_.buffer.begin() + at);
  return known[blocks] = at;
}

Result<EngineProgram> CompileRegion(const Program& program, size_t begin, size_t end,
                                    const EngineConfig& config, int32_t most_pictures) {
  return RegionCompiler(program, begin, end, config).Compile(most_pictures);
}

std::string RegionRefusal(const Program& program, size_t begin, size_t& end,
                          const EngineConfig& config) {
  const auto fault = [&](size_t to) {
    return std::string(CompileRegion(program, begin, to, config).status().message());
  };
  std::string reason = fault(end);
  if (reason.empty()) return "";
  size_t taken = begin, refused = end;
  while (refused - taken > 1) {
    const size_t middle = taken + (refused - taken) / 2;
    const std::string other = fault(middle);
    if (other.empty()) {
      taken = middle;
    } else {
      refused = middle;
      reason = other;
    }
  }
  end = taken;
  return taken == begin ? reason : "with the calls before it " + reason;
}

}  // namespace bluestem::fpga
