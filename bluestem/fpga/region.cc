#include "bluestem/fpga/region.h"

#include <algorithm>
#include <cstring>
#include <map>

#include "bluestem/fpga/banks.h"
#include "bluestem/fpga/call_kind.h"
#include "bluestem/fpga/constants.h"
#include "bluestem/fpga/schedule.h"
#include "bluestem/fpga/stages.h"

namespace bluestem::fpga {
namespace {

using kernels::QConvParams;
using program::Call;
using program::Program;

// The share of a picture's clocks that a greater batch saves at least.
constexpr double kLeastGain = 0.02;

// A descriptor of a convolution without its part of the outputs, of one picture, and its result.
struct Working {
  Command command;
  Held result;
};

class RegionCompiler {
 public:
  RegionCompiler(const Program& program, size_t begin, size_t end, const EngineConfig& config)
      : program_(program), config_(config), stages_(program, begin, end), schedule_(config) {
    result_.host_calls = stages_.host_calls();
  }

  Result<EngineProgram> Compile(int32_t most_pictures) {
    BLUESTEM_RETURN_IF_ERROR(MakeTaps());
    BLUESTEM_ASSIGN_OR_RETURN(const List alone, MakeList(1, 0));
    result_.list = Write(alone, result_.calls);
    auto best = static_cast<double>(alone.clocks);
    for (int32_t pictures = 2; pictures <= most_pictures; pictures *= 2) {
      if (!AddBatch(pictures, best)) break;
    }
    return std::move(result_);
  }

 private:
  // Writers that are no call.
  static constexpr int64_t kCaller = -1, kOwnWindows = -2;  // less the call whose windows they are

  struct List {
    std::vector<Schedule::Entry> entries;
    int64_t clocks = 0;
  };
  // Of a MapPort.
  struct PortRoom {
    size_t index = 0;
    size_t bytes = 0;
  };

  // Makes a list of so many pictures: the stages before `together` one picture after the other, the
  // others for all pictures stage by stage. Errors: as CompileRegion's.
  Result<List> MakeList(int32_t pictures, size_t together) {
    banks_ = {};
    schedule_ = Schedule(config_);
    if (taps_.length > 0) schedule_.AddMove(taps_, -1, false);
    for (int32_t picture = 0; picture < pictures; ++picture) {
      for (size_t s = 0; s < together; ++s) {
        BLUESTEM_RETURN_IF_ERROR(AddStage(s, picture, picture + 1));
      }
    }
    for (size_t s = together; s < stages_.size(); ++s) {
      BLUESTEM_RETURN_IF_ERROR(AddStage(s, 0, pictures));
    }
    for (int32_t picture = 0; picture < pictures; ++picture) {
      for (size_t i = 0; i < stages_.leaving().size(); ++i) {
        BLUESTEM_RETURN_IF_ERROR(StorePick(i, picture));
      }
    }
    List list = {schedule_.Finish(), 0};
    list.clocks = schedule_.clocks();
    if (list.entries.size() <= kMaxDescriptors) return list;
    return Error(Code::kUnsupported, "call \"{}\": a list of {} descriptors; the engine takes {}",
                 program_.calls[stages_.back().conv].op, list.entries.size(), kMaxDescriptors);
  }

  // Returns where the list lies in the buffer.
  uint32_t Write(const List& list, std::vector<int64_t>& calls) {
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

  // Adds the fastest list of so many pictures where a picture takes fewer clocks than `best`, which
  // it then lowers. Returns whether.
  bool AddBatch(int32_t pictures, double& best) {
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

  template <typename Visit>
  void ForPorts(Visit visit) {
    for (const auto& [key, room] : in_ports_) visit(result_.inputs[room.index], room);
    for (const auto& [stage, room] : out_ports_) visit(result_.outputs[room.index], room);
  }

  const QConvParams& Conv(size_t stage) const {
    return *AsConv(program_.calls[stages_[stage].conv]);
  }
  // As the array sees it.
  QConvParams Shape(size_t stage) const { return OnArray(Conv(stage)); }

  // Returns the offset of `bytes` fresh bytes of the buffer.
  size_t Room(size_t bytes) {
    const size_t at = result_.buffer.size();
    result_.buffer.resize(at + (bytes + 63) / 64 * 64);
    return at;
  }

  Status MakeTaps() {
    std::vector<uint64_t> words;
    for (size_t s = 0; s < stages_.size(); ++s) {
      std::vector<uint64_t> own;
      for (const Tap& tap : TapsOf(Shape(s))) own.push_back(EncodeTap(tap));
      const auto found = std::search(words.begin(), words.end(), own.begin(), own.end());
      tap_base_.push_back(static_cast<uint32_t>(found - words.begin()));
      if (found == words.end()) words.insert(words.end(), own.begin(), own.end());
    }
    if (static_cast<int32_t>(words.size()) > config_.taps) {
      return Error(Code::kUnsupported, "{} taps of kernels; the engine holds {}", words.size(),
                   config_.taps);
    }
    const size_t at = Room(words.size() * kTapBytes);
    if (!words.empty()) {  // a region of copies alone has none
      std::memcpy(result_.buffer.data() + at, words.data(), words.size() * kTapBytes);
    }
    taps_.opcode = Opcode::kLoadTaps;
    taps_.address = static_cast<uint32_t>(at);
    taps_.length = static_cast<uint32_t>(words.size());
    return OkStatus();
  }

  Result<int32_t> Place(int32_t words, size_t call) const {
    if (const auto base = banks_.Place(words, config_.bank_words)) return *base;
    return Error(Code::kUnsupported,
                 "call \"{}\": the maps that are alive there do not fit the engine's {} words; "
                 "place fewer calls on it",
                 program_.calls[call].op, config_.bank_words);
  }

  Result<const Held*> Source(size_t s, int32_t picture) {
    const size_t conv = stages_[s].conv;
    const QConvParams &p = Conv(s), seen = Shape(s);
    const bool windows = GathersWindows(p);
    const program::Operand operand = program_.calls[conv].inputs[0];
    const auto writer = WriterOf(program_, conv);
    // Windows are a convolution's own.
    const int64_t from = windows ? kOwnWindows - static_cast<int64_t>(conv) : kCaller;
    const HeldKey key = {picture, writer.has_value() ? static_cast<int64_t>(*writer) : from,
                         operand.offset};
    if (const Held* found = banks_.Find(key)) return found;
    Held held;
    held.layout = LayoutOf(seen.h, seen.w, seen.ci, seen.stride_h == 2, p.x_bits);
    held.last_use = windows ? s : stages_.LastUse(writer, operand);
    MapPort port = {.operand = operand,
                    .h = p.h,
                    .w = p.w,
                    .c = p.ci,
                    .bits = p.x_bits,
                    .planes = seen.stride_h == 2};
    if (windows) port.windows = p;
    return Load(key, held, port, conv);
  }

  // Places the map and has it come in.
  Result<const Held*> Load(const HeldKey& key, Held held, MapPort port, size_t conv) {
    BLUESTEM_ASSIGN_OR_RETURN(held.base, Place(held.layout.words(), conv));
    const uint32_t address = Address(in_ports_, {key.writer, key.offset}, result_.inputs,
                                     std::move(port), held.layout, key.picture);
    MoveMap(Opcode::kLoadMap, held, address, static_cast<int64_t>(conv));
    return &banks_.Hold(key, held);
  }

  // Returns where the picture's map lies in the buffer. The list of one picture makes the port.
  template <typename PortKey>
  uint32_t Address(std::map<PortKey, PortRoom>& rooms, const PortKey& key,
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

  // The map that the pick is of, or null where it is of none.
  Result<const Held*> Picked(const Pick& pick, int32_t picture, size_t call) {
    if (pick.c == 0) return nullptr;
    const int64_t writer = pick.writer.has_value() ? static_cast<int64_t>(*pick.writer) : kCaller;
    const HeldKey key = {picture, writer, pick.source.offset};
    if (const Held* found = banks_.Find(key)) return found;
    Held held;
    held.layout = LayoutOf(pick.h, pick.w, pick.c, pick.planes, 2);
    held.last_use = stages_.LastUse(pick.writer, pick.source);
    return Load(
        key, held,
        {.operand = pick.source, .h = pick.h, .w = pick.w, .c = pick.c, .planes = pick.planes},
        call);
  }

  static int32_t PortWords(const MapLayout& layout) {
    return layout.digits * layout.planes * layout.blocks * layout.h * layout.w;
  }

  // A descriptor a plane and digit: [digit][plane][block][y][x] words in memory.
  void MoveMap(Opcode opcode, const Held& held, uint32_t address, int64_t call) {
    const MapLayout& layout = held.layout;
    for (int32_t part = 0; part < layout.digits * layout.planes; ++part) {
      Command command;
      command.opcode = opcode;
      command.in_h = static_cast<uint32_t>(layout.h);
      command.in_w = static_cast<uint32_t>(layout.w);
      command.blocks = static_cast<uint32_t>(layout.blocks);
      command.src_base = static_cast<uint32_t>(held.base + part * layout.plane_step());
      command.src_row_step = static_cast<uint32_t>(layout.row_step());
      command.src_block_step = static_cast<uint32_t>(layout.block_step());
      command.address = address;
      schedule_.AddMove(command, call, true);
      address += static_cast<uint32_t>(layout.blocks * layout.h * layout.w * kWordBytes);
    }
  }

  // How the result of stage `s` lies in the banks, and how it is written.
  Held ResultOf(size_t s, WriteMode& mode) const {
    const QConvParams& p = Conv(s);
    const Call& last = program_.calls[stages_[s].last];
    Held held;
    mode = WriteMode::kPlain;
    if (LeavesRaw(p)) {
      mode = WriteMode::kRaw;
      held.layout = LayoutOf(p.ho, p.wo, p.co, false, 2);
      held.layout.blocks *= kLanes / kRawLanes;
    } else if (stages_[s].last == stages_[s].conv) {
      const bool planes = stages_.ReadAsPlanes(stages_[s].last);
      if (planes) mode = WriteMode::kSpaceToDepth;
      held.layout = LayoutOf(p.ho, p.wo, p.co, planes, 2);
    } else if (std::holds_alternative<program::MaxPoolCall>(last.params)) {
      mode = WriteMode::kMaxPool;
      held.layout = LayoutOf(p.ho / 2, p.wo / 2, p.co, false, 2);
    } else {
      mode = WriteMode::kSpaceToDepth;
      held.layout = LayoutOf(p.ho / 2, p.wo / 2, 4 * p.co, false, 2);
    }
    held.last_use = stages_.LastUse(stages_[s].last, last.output);
    return held;
  }

  // Adds stage `s` of pictures [first, end): they share each load of its weights. The outputs are
  // cut so that weights and thresholds of a part fill a quarter of their memories, or half where
  // one block of outputs needs it: the next ones are loaded meanwhile.
  Status AddStage(size_t s, int32_t first, int32_t end) {
    const int32_t out_blocks = CeilDiv(Conv(s).co, kLanes), steps = Steps(Conv(s));
    const int32_t most =
        std::max(std::min(config_.weight_words / 4 / steps, config_.threshold_blocks / 4), 1);
    std::vector<Working> working(static_cast<size_t>(end - first));
    for (int32_t g = 0, count = 0; g < out_blocks; g += count) {
      // Blocks before those that something is added to are a part of their own.
      const int32_t bare = stages_[s].adds.first / kLanes - g;
      count = std::min({most, out_blocks - g, bare > 0 ? bare : most});
      AddLoads(s, g, count, static_cast<uint32_t>(end - first));
      for (int32_t picture = first; picture < end; ++picture) {
        Working& own = working[static_cast<size_t>(picture - first)];
        if (g == 0) {
          BLUESTEM_ASSIGN_OR_RETURN(own, Begin(s, picture));
        }
        AddPart(s, own, g, count);
        if (g + count == out_blocks) End(s, picture, own.result);
      }
    }
    return OkStatus();
  }

  // Brings in what the stage reads, and finds room for its result.
  Result<Working> Begin(size_t s, int32_t picture) {
    const size_t conv = stages_[s].conv;
    BLUESTEM_ASSIGN_OR_RETURN(const Held* source, Source(s, picture));
    const MapLayout in = source->layout;
    const int32_t src_base = source->base;
    const Pick& adds = stages_[s].adds;
    BLUESTEM_ASSIGN_OR_RETURN(const Held* residual, Picked(adds, picture, conv));
    WriteMode mode;
    Held held = ResultOf(s, mode);
    // A tile reads its residual codes before it writes its own.
    const bool in_place = residual != nullptr && residual != source && mode == WriteMode::kPlain &&
                          residual->last_use <= s && residual->layout == held.layout;
    if (in_place) {
      held.base = residual->base;
    } else {
      BLUESTEM_ASSIGN_OR_RETURN(held.base, Place(held.layout.words(), conv));
    }
    Command command;
    command.opcode = Opcode::kConv;
    const QConvParams p = Shape(s);
    command.out_h = static_cast<uint32_t>(p.ho);
    command.out_w = static_cast<uint32_t>(p.wo);
    command.in_h = static_cast<uint32_t>(in.h);
    command.in_w = static_cast<uint32_t>(in.w);
    command.src_base = static_cast<uint32_t>(src_base);
    command.src_row_step = static_cast<uint32_t>(in.row_step());
    command.src_block_step = static_cast<uint32_t>(in.block_step());
    command.blocks = static_cast<uint32_t>(in.blocks);
    command.digits = static_cast<uint32_t>(in.digits);
    command.digit_step = static_cast<uint32_t>(in.digit_step());
    command.tap_base = tap_base_[s];
    command.tap_count = static_cast<uint32_t>(p.kernel_h * p.kernel_w);
    command.dst_row_step = static_cast<uint32_t>(held.layout.row_step());
    command.dst_block_step = static_cast<uint32_t>(held.layout.block_step());
    // Blocks of space-to-depth are the planes', one after the other; raw ones the parts'.
    const int32_t out_blocks = CeilDiv(p.co, kLanes);
    command.dst_plane_step = static_cast<uint32_t>(out_blocks * held.layout.block_step());
    if (mode == WriteMode::kRaw) {
      command.dst_plane_step = command.dst_block_step;
      command.dst_block_step *= kLanes / kRawLanes;
    }
    command.mode = mode;
    if (residual != nullptr) {
      command.residual_base =
          static_cast<uint32_t>(residual->base + adds.plane * residual->layout.plane_step());
      command.residual_row_step = static_cast<uint32_t>(residual->layout.row_step());
      command.residual_block_step = static_cast<uint32_t>(residual->layout.block_step());
    }
    const program::Operand& written = program_.calls[stages_[s].last].output;
    banks_.Hold({picture, static_cast<int64_t>(stages_[s].last), written.offset}, held);
    return Working{command, held};
  }

  // Writes the picture's result out where others need it, and forgets what no later stage reads.
  void End(size_t s, int32_t picture, const Held& result) {
    if (stages_.IsOutput(stages_[s].last)) StoreResult(s, picture, result);
    banks_.Forget(picture, s);
  }

  // Loads weights and thresholds of blocks [first, first + count) of outputs.
  void AddLoads(size_t s, int32_t first, int32_t count, uint32_t pictures) {
    const Call& conv = program_.calls[stages_[s].conv];
    const auto call = static_cast<int64_t>(stages_[s].conv);
    const uint32_t weights =
        Once(weights_, s, first, [&] { return WeightsOf(program_, conv, first, count); });
    schedule_.AddLoad(Opcode::kLoadWeights, weights, static_cast<uint32_t>(count * Steps(Conv(s))),
                      call, pictures);
    if (LeavesRaw(Conv(s))) return;
    const uint32_t thresholds =
        Once(thresholds_, s, first, [&] { return ThresholdsOf(program_, conv, first, count); });
    schedule_.AddLoad(Opcode::kLoadThresholds, thresholds, static_cast<uint32_t>(count), call,
                      pictures);
  }

  // The convolution of those blocks.
  void AddPart(size_t s, const Working& working, int32_t first, int32_t count) {
    Command command = working.command;
    const auto g = static_cast<uint32_t>(first);
    command.out_blocks = static_cast<uint32_t>(count);
    command.dst_base = static_cast<uint32_t>(working.result.base) + g * command.dst_block_step;
    const Pick& adds = stages_[s].adds;
    const int32_t from = first - adds.first / kLanes;
    const int32_t added = from < 0 ? 0 : std::clamp(CeilDiv(adds.c, kLanes) - from, 0, count);
    command.residual_blocks = static_cast<uint32_t>(added);
    if (added > 0)
      command.residual_base += static_cast<uint32_t>(from) * command.residual_block_step;
    schedule_.AddConv(command, static_cast<int64_t>(stages_[s].conv));
  }

  // Returns where the constants lie in the buffer, which `write` makes for the first list.
  template <typename Write>
  uint32_t Once(std::map<std::pair<size_t, int32_t>, uint32_t>& known, size_t s, int32_t first,
                Write write) {
    const auto found = known.find({s, first});
    if (found != known.end()) return found->second;
    const std::vector<uint8_t> bytes = write();
    const auto at = static_cast<uint32_t>(Room(bytes.size()));
    std::copy(bytes.begin(), bytes.end(), result_.buffer.begin() + at);
    return known[{s, first}] = at;
  }

  void StoreResult(size_t s, int32_t picture, const Held& held) {
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
                    .planes = held.layout.planes == 4};
    if (LeavesRaw(p)) port.raw = FinishOf(program_, program_.calls[last]);
    const uint32_t address =
        Address(out_ports_, s, result_.outputs, std::move(port), held.layout, picture);
    MoveMap(Opcode::kStoreMap, held, address, static_cast<int64_t>(last));
  }

  Status StorePick(size_t index, int32_t picture) {
    const LeavingPick& leaving = stages_.leaving()[index];
    const Pick& pick = leaving.pick;
    MapPort port = {.operand = leaving.operand, .h = leaving.h, .w = leaving.w, .c = leaving.c};
    const MapLayout layout = LayoutOf(leaving.h, leaving.w, leaving.c, false, 2);
    const uint32_t address = Address(out_ports_, stages_.size() + index, result_.outputs,
                                     std::move(port), layout, picture);
    BLUESTEM_ASSIGN_OR_RETURN(const Held* source, Picked(pick, picture, leaving.call));
    if (source == nullptr) return OkStatus();
    Held plane = *source;
    plane.base += pick.plane * plane.layout.plane_step();
    plane.layout.planes = 1;
    const int32_t before = pick.first / kLanes * layout.h * layout.w * kWordBytes;
    // The blocks that are not stored stay 0.
    MoveMap(Opcode::kStoreMap, plane, address + static_cast<uint32_t>(before),
            static_cast<int64_t>(leaving.call));
    return OkStatus();
  }

  const Program& program_;
  const EngineConfig& config_;
  Stages stages_;
  std::vector<uint32_t> tap_base_;
  Command taps_;
  EngineProgram result_;
  std::map<std::pair<size_t, int32_t>, uint32_t> weights_, thresholds_;  // addresses
  std::map<std::pair<int64_t, int64_t>, PortRoom> in_ports_;             // of a HeldKey
  std::map<size_t, PortRoom> out_ports_;                                 // of a stage, or a pick

  // Of the list that is made.
  Banks banks_;
  Schedule schedule_;
};

}  // namespace

Result<EngineProgram> CompileRegion(const Program& program, size_t begin, size_t end,
                                    const EngineConfig& config, int32_t most_pictures) {
  return RegionCompiler(program, begin, end, config).Compile(most_pictures);
}

}  // namespace bluestem::fpga
