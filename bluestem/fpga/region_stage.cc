// Stages of which all maps lie in the banks.
#include <algorithm>

#include "bluestem/fpga/region_compiler.h"

namespace bluestem::fpga {

using kernels::QConvParams;
using program::Call;

Result<int32_t> RegionCompiler::Place(int32_t words, size_t call) const {
  if (const auto base = banks_.Place(words, config_.bank_words)) return *base;
  return Error(Code::kUnsupported,
               "call \"{}\": the maps that are alive there do not fit the engine's {} words; "
               "place fewer calls on it",
               program_.calls[call].op, config_.bank_words);
}

RegionCompiler::MapRef RegionCompiler::SourceOf(size_t s, int32_t picture) const {
  const size_t conv = stages_[s].conv;
  const QConvParams &p = Conv(s), seen = Shape(s);
  const bool windows = GathersWindows(p);
  const program::Operand operand = program_.calls[conv].inputs[0];
  const auto writer = WriterOf(program_, conv);
  // Windows are a convolution's own.
  const int64_t from = windows ? kOwnWindows - static_cast<int64_t>(conv) : kCaller;
  MapRef map;
  map.key = {picture, writer.has_value() ? static_cast<int64_t>(*writer) : from, operand.offset};
  map.layout = LayoutOf(seen.h, seen.w, seen.ci, seen.stride_h == 2, p.x_bits);
  map.last_use = windows ? s : stages_.LastUse(writer, operand);
  map.port = {.operand = operand,
              .h = p.h,
              .w = p.w,
              .c = p.ci,
              .bits = p.x_bits,
              .planes = seen.stride_h == 2};
  if (windows) map.port.windows = p;
  return map;
}

// The map that the pick is of. Requires: it is of one.
RegionCompiler::MapRef RegionCompiler::PickedOf(const Pick& pick, int32_t picture) const {
  const int64_t writer = pick.writer.has_value() ? static_cast<int64_t>(*pick.writer) : kCaller;
  return {
      .key = {picture, writer, pick.source.offset},
      .layout = LayoutOf(pick.h, pick.w, pick.c, pick.planes, 2),
      .last_use = stages_.LastUse(pick.writer, pick.source),
      .port = {
          .operand = pick.source, .h = pick.h, .w = pick.w, .c = pick.c, .planes = pick.planes}};
}

HeldKey RegionCompiler::ResultKey(size_t s, int32_t picture) const {
  const size_t last = stages_[s].last;
  return {picture, static_cast<int64_t>(last), program_.calls[last].output.offset};
}

// How the result of stage `s` lies in the banks, and how it is written.
Held RegionCompiler::ResultOf(size_t s, WriteMode& mode) const {
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

// Returns the map in the banks, where it comes in if it is not there.
Result<const Held*> RegionCompiler::Load(const MapRef& map, size_t call) {
  if (const Held* found = banks_.Find(map.key)) return found;
  Held held = {map.layout, 0, map.last_use};
  BLUESTEM_ASSIGN_OR_RETURN(held.base, Place(held.layout.words(), call));
  MoveMap(Opcode::kLoadMap, held, InAddress(map), static_cast<int64_t>(call));
  return &banks_.Hold(map.key, held);
}

// Returns how many blocks of outputs from block `first` on are a part: at most `most`. Blocks
// before those that something is added to are a part of their own.
int32_t RegionCompiler::PartOf(size_t s, int32_t first, int32_t most) const {
  const int32_t bare = stages_[s].adds.first / kLanes - first;
  return std::min({most, CeilDiv(Conv(s).co, kLanes) - first, bare > 0 ? bare : most});
}

// Adds stage `s` of pictures [first, end): they share each load of its weights. The outputs are cut
// so that weights and thresholds of a part fill a quarter of their memories, or half where one
// block of outputs needs it: the next ones are loaded meanwhile.
Status RegionCompiler::AddWhole(size_t s, int32_t first, int32_t end) {
  const int32_t out_blocks = CeilDiv(Conv(s).co, kLanes), steps = Steps(Conv(s));
  const int32_t most =
      std::max(std::min(config_.weight_words / 4 / steps, config_.threshold_blocks / 4), 1);
  std::vector<Working> working(static_cast<size_t>(end - first));
  for (int32_t g = 0, count = 0; g < out_blocks; g += count) {
    count = PartOf(s, g, most);
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
Result<RegionCompiler::Working> RegionCompiler::Begin(size_t s, int32_t picture) {
  const size_t conv = stages_[s].conv;
  BLUESTEM_ASSIGN_OR_RETURN(const Held* source, Load(SourceOf(s, picture), conv));
  const Pick& adds = stages_[s].adds;
  const Held* residual = nullptr;
  if (adds.c > 0) {
    BLUESTEM_ASSIGN_OR_RETURN(residual, Load(PickedOf(adds, picture), conv));
  }
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
  Command command =
      ConvCommand(Shape(s), {source->layout, source->base, source->layout.h}, held.layout, mode);
  if (residual != nullptr) {
    command.residual_base =
        static_cast<uint32_t>(residual->base + adds.plane * residual->layout.plane_step());
    command.residual_row_step = static_cast<uint32_t>(residual->layout.row_step());
    command.residual_block_step = static_cast<uint32_t>(residual->layout.block_step());
  }
  banks_.Hold(ResultKey(s, picture), held);
  return Working{command, held};
}

// Returns the convolution's descriptor without a residual map.
Command RegionCompiler::ConvCommand(const QConvParams& p, const Read& source,
                                    const MapLayout& result, WriteMode mode) {
  const MapLayout& in = source.layout;
  Command command;
  command.opcode = Opcode::kConv;
  command.out_h = static_cast<uint32_t>(p.ho);
  command.out_w = static_cast<uint32_t>(p.wo);
  command.in_h = static_cast<uint32_t>(source.rows);
  command.in_w = static_cast<uint32_t>(in.w);
  command.src_base = static_cast<uint32_t>(source.base);
  command.src_row_step = static_cast<uint32_t>(in.row_step());
  command.src_block_step = static_cast<uint32_t>(in.block_step());
  command.blocks = static_cast<uint32_t>(in.blocks);
  command.digits = static_cast<uint32_t>(in.digits);
  command.digit_step = static_cast<uint32_t>(in.digit_step());
  command.tap_base = TapBase(p);
  command.tap_count = static_cast<uint32_t>(p.kernel_h * p.kernel_w);
  command.dst_row_step = static_cast<uint32_t>(result.row_step());
  command.dst_block_step = static_cast<uint32_t>(result.block_step());
  // Blocks of space-to-depth are the planes', one after the other; raw ones the parts'.
  command.dst_plane_step = static_cast<uint32_t>(CeilDiv(p.co, kLanes) * result.block_step());
  if (mode == WriteMode::kRaw) {
    command.dst_plane_step = command.dst_block_step;
    command.dst_block_step *= kLanes / kRawLanes;
  }
  command.mode = mode;
  return command;
}

// The convolution of those blocks.
void RegionCompiler::AddPart(size_t s, const Working& working, int32_t first, int32_t count) {
  Command command = working.command;
  const auto g = static_cast<uint32_t>(first);
  command.out_blocks = static_cast<uint32_t>(count);
  command.dst_base = static_cast<uint32_t>(working.result.base) + g * command.dst_block_step;
  const Pick& adds = stages_[s].adds;
  const int32_t from = first - adds.first / kLanes;
  const int32_t added = from < 0 ? 0 : std::clamp(CeilDiv(adds.c, kLanes) - from, 0, count);
  command.residual_blocks = static_cast<uint32_t>(added);
  if (added > 0) command.residual_base += static_cast<uint32_t>(from) * command.residual_block_step;
  schedule_.AddConv(command, static_cast<int64_t>(stages_[s].conv));
}

// Writes the picture's result out where others need it, and forgets what no later stage reads.
void RegionCompiler::End(size_t s, int32_t picture, const Held& result) {
  const size_t last = stages_[s].last;
  if (stages_.IsOutput(last)) {
    const uint32_t address = OutAddress(s, result.layout, picture);
    MoveMap(Opcode::kStoreMap, result, address, static_cast<int64_t>(last));
    memory_[ResultKey(s, picture)] = address;
  }
  banks_.Forget(picture, s);
}

// Writes out a pick that calls behind the region read.
Status RegionCompiler::StorePick(size_t index, int32_t picture, bool in_strips) {
  const LeavingPick& leaving = stages_.leaving()[index];
  const Pick& pick = leaving.pick;
  const uint32_t address = OutAddress(leaving, index, picture);
  if (pick.c == 0) return OkStatus();
  const int32_t before = pick.first / kLanes * leaving.h * leaving.w * kWordBytes;
  // The blocks that are not stored stay 0.
  const uint32_t to = address + static_cast<uint32_t>(before);
  const Result<const Held*> source = Load(PickedOf(pick, picture), leaving.call);
  if (!source.ok()) {
    if (!in_strips) return source.status();
    CopyPick(leaving, to);
    return OkStatus();
  }
  Held plane = **source;
  plane.base += pick.plane * plane.layout.plane_step();
  plane.layout.planes = 1;
  MoveMap(Opcode::kStoreMap, plane, to, static_cast<int64_t>(leaving.call));
  return OkStatus();
}

}  // namespace bluestem::fpga
