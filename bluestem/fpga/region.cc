#include "bluestem/fpga/region.h"

#include <algorithm>
#include <cstring>
#include <map>

#include "bluestem/fpga/call_kind.h"
#include "bluestem/fpga/schedule.h"
#include "bluestem/kernels/qconv/layout.h"

namespace bluestem::fpga {
namespace {

using kernels::QConvParams;
using program::Call;
using program::Program;

// A convolution with the move that is fused into it.
struct Stage {
  size_t conv = 0;
  size_t last = 0;  // the call whose result it writes: the move's, or its own
};

// A map in the banks.
struct Held {
  MapLayout layout;
  int32_t base = 0;
  size_t last_use = 0;  // stage
};

class RegionCompiler {
 public:
  RegionCompiler(const Program& program, size_t begin, size_t end, const EngineConfig& config)
      : program_(program), config_(config), schedule_(config) {
    std::vector<size_t> fused;
    for (size_t i = begin; i < end; ++i) {
      if (AsConv(program.calls[i]) == nullptr) {
        if (std::count(fused.begin(), fused.end(), i) == 0) result_.host_calls.push_back(i);
        continue;
      }
      Stage stage = {i, i};
      const auto move = FusedMove(program, i);
      if (move && *move < end) {
        stage.last = *move;
        fused.push_back(*move);
      }
      stages_.push_back(stage);
    }
    end_ = end;
  }

  Result<EngineProgram> Compile() {
    BLUESTEM_RETURN_IF_ERROR(LoadTaps());
    for (size_t s = 0; s < stages_.size(); ++s) BLUESTEM_RETURN_IF_ERROR(AddStage(s));
    const std::vector<Schedule::Entry> list = schedule_.Finish();
    result_.list = static_cast<uint32_t>(Room(list.size() * sizeof(CommandWords)));
    uint8_t* at = result_.buffer.data() + result_.list;
    for (const Schedule::Entry& entry : list) {
      const CommandWords words = Encode(entry.command);
      std::memcpy(at, words.data(), sizeof(words));
      at += sizeof(words);
      result_.calls.push_back(entry.call);
    }
    return std::move(result_);
  }

 private:
  using Key = std::pair<int64_t, int64_t>;                  // writing call, or one of these; offset
  static constexpr int64_t kCaller = -1, kOwnWindows = -2;  // less the call whose windows they are

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

  std::vector<Tap> TapsOf(const QConvParams& p) const {
    const MapLayout in = LayoutOf(p.h, p.w, p.ci, p.stride_h == 2, p.x_bits);
    std::vector<Tap> taps;
    for (int32_t kh = 0; kh < p.kernel_h; ++kh) {
      for (int32_t kw = 0; kw < p.kernel_w; ++kw) {
        const int32_t y = kh * p.dilation_h - p.pad_top, x = kw * p.dilation_w - p.pad_left;
        if (p.stride_h == 1) {
          taps.push_back({0, y, x});
        } else {  // the plane of that parity
          taps.push_back({((y & 1) * 2 + (x & 1)) * in.plane_step(), y >> 1, x >> 1});
        }
      }
    }
    return taps;
  }

  Status LoadTaps() {
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
    std::memcpy(result_.buffer.data() + at, words.data(), words.size() * kTapBytes);
    Command command;
    command.opcode = Opcode::kLoadTaps;
    command.address = static_cast<uint32_t>(at);
    command.length = static_cast<uint32_t>(words.size());
    schedule_.AddMove(command, -1, false);
    return OkStatus();
  }

  // The last stage that reads what call `writer` writes (nothing: the caller's map at `operand`).
  size_t LastUse(std::optional<size_t> writer, const program::Operand& operand) const {
    size_t last = 0;
    for (size_t s = 0; s < stages_.size(); ++s) {
      const size_t conv = stages_[s].conv;
      const auto reads = [&](size_t input) {
        return program_.calls[conv].inputs[input] == operand &&
               WriterOf(program_, conv, input) == writer;
      };
      if (reads(0) || (AddsResidual(program_.calls[conv]) && reads(kResidualInput))) last = s;
    }
    return last;
  }

  // Whether a stride 2 stage reads what `call` writes.
  bool ReadAsPlanes(size_t call) const {
    for (size_t s = 0; s < stages_.size(); ++s) {
      if (WriterOf(program_, stages_[s].conv) == call) return Shape(s).stride_h == 2;
    }
    return false;
  }

  // First fit.
  Result<int32_t> Place(int32_t words, size_t call) const {
    std::vector<std::pair<int32_t, int32_t>> taken;
    for (const auto& [key, held] : held_) taken.emplace_back(held.base, held.layout.words());
    std::sort(taken.begin(), taken.end());
    int32_t at = 0;
    for (const auto& interval : taken) {
      if (at + words <= interval.first) break;
      at = std::max(at, interval.first + interval.second);
    }
    if (at + words <= config_.bank_words) return at;
    return Error(Code::kUnsupported,
                 "call \"{}\": the maps that are alive there do not fit the engine's {} words; "
                 "place fewer calls on it",
                 program_.calls[call].op, config_.bank_words);
  }

  Result<const Held*> Source(size_t s) {
    const size_t conv = stages_[s].conv;
    const QConvParams &p = Conv(s), seen = Shape(s);
    const bool windows = GathersWindows(p);
    const program::Operand operand = program_.calls[conv].inputs[0];
    const auto writer = WriterOf(program_, conv);
    // Windows are a convolution's own.
    const int64_t from = windows ? kOwnWindows - static_cast<int64_t>(conv) : kCaller;
    const Key key = {writer.has_value() ? static_cast<int64_t>(*writer) : from, operand.offset};
    const auto found = held_.find(key);
    if (found != held_.end()) return &found->second;
    Held held;
    held.layout = LayoutOf(seen.h, seen.w, seen.ci, seen.stride_h == 2, p.x_bits);
    held.last_use = windows ? s : LastUse(writer, operand);
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
  Result<const Held*> Load(const Key& key, Held held, MapPort port, size_t conv) {
    BLUESTEM_ASSIGN_OR_RETURN(held.base, Place(held.layout.words(), conv));
    port.address =
        static_cast<uint32_t>(Room(static_cast<size_t>(PortWords(held.layout)) * kWordBytes));
    MoveMap(Opcode::kLoadMap, held, port.address, static_cast<int64_t>(conv));
    result_.inputs.push_back(std::move(port));
    return &held_.emplace(key, held).first->second;
  }

  // The map that stage `s` adds, or null.
  Result<const Held*> Residual(size_t s) {
    const size_t conv = stages_[s].conv;
    if (!AddsResidual(program_.calls[conv])) return nullptr;
    const QConvParams& p = Conv(s);
    const program::Operand operand = program_.calls[conv].inputs[kResidualInput];
    const auto writer = WriterOf(program_, conv, kResidualInput);
    const Key key = {writer.has_value() ? static_cast<int64_t>(*writer) : kCaller, operand.offset};
    const auto found = held_.find(key);
    if (found != held_.end()) return &found->second;
    Held held;
    held.layout = LayoutOf(p.ho, p.wo, p.co, false, 2);
    held.last_use = LastUse(writer, operand);
    return Load(key, held, {.operand = operand, .h = p.ho, .w = p.wo, .c = p.co}, conv);
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
      const bool planes = ReadAsPlanes(stages_[s].last);
      if (planes) mode = WriteMode::kSpaceToDepth;
      held.layout = LayoutOf(p.ho, p.wo, p.co, planes, 2);
    } else if (std::holds_alternative<program::MaxPoolCall>(last.params)) {
      mode = WriteMode::kMaxPool;
      held.layout = LayoutOf(p.ho / 2, p.wo / 2, p.co, false, 2);
    } else {
      mode = WriteMode::kSpaceToDepth;
      held.layout = LayoutOf(p.ho / 2, p.wo / 2, 4 * p.co, false, 2);
    }
    held.last_use = LastUse(stages_[s].last, last.output);
    return held;
  }

  Status AddStage(size_t s) {
    const size_t conv = stages_[s].conv;
    BLUESTEM_ASSIGN_OR_RETURN(const Held* source, Source(s));
    const MapLayout in = source->layout;
    const int32_t src_base = source->base;
    BLUESTEM_ASSIGN_OR_RETURN(const Held* residual, Residual(s));
    WriteMode mode;
    Held held = ResultOf(s, mode);
    // A tile reads its residual codes before it writes its own.
    const bool in_place = residual != nullptr && residual != source && mode == WriteMode::kPlain &&
                          residual->last_use <= s;
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
      command.residual_base = static_cast<uint32_t>(residual->base);
      command.residual_row_step = static_cast<uint32_t>(residual->layout.row_step());
      command.residual_block_step = static_cast<uint32_t>(residual->layout.block_step());
    }
    AddChunks(s, held, command);
    const Key key = {static_cast<int64_t>(stages_[s].last),
                     program_.calls[stages_[s].last].output.offset};
    if (IsOutput(stages_[s].last)) {
      StoreResult(s, held);
    }
    for (auto it = held_.begin(); it != held_.end();) {
      it = it->second.last_use <= s ? held_.erase(it) : std::next(it);
    }
    if (held.last_use > s) held_.emplace(key, held);
    return OkStatus();
  }

  // Cuts the outputs so that weights and thresholds of a part fill a quarter of their memories, or
  // half where one block of outputs needs it: the next ones are loaded meanwhile.
  void AddChunks(size_t s, const Held& held, Command command) {
    const int32_t out_blocks = CeilDiv(Conv(s).co, kLanes);
    const int32_t steps = Steps(Conv(s));
    const int32_t most =
        std::max(std::min(config_.weight_words / 4 / steps, config_.threshold_blocks / 4), 1);
    const auto call = static_cast<int64_t>(stages_[s].conv);
    const uint32_t residual_base = command.residual_base;
    for (int32_t g = 0; g < out_blocks; g += most) {
      const int32_t count = std::min(most, out_blocks - g);
      schedule_.AddLoad(Opcode::kLoadWeights, WriteWeights(s, g, count),
                        static_cast<uint32_t>(count * steps), call);
      if (command.mode != WriteMode::kRaw) {
        schedule_.AddLoad(Opcode::kLoadThresholds, WriteThresholds(s, g, count),
                          static_cast<uint32_t>(count), call);
      }
      command.out_blocks = static_cast<uint32_t>(count);
      command.dst_base =
          static_cast<uint32_t>(held.base) + static_cast<uint32_t>(g) * command.dst_block_step;
      if (AddsResidual(program_.calls[stages_[s].conv])) {
        command.residual_blocks = command.out_blocks;
        command.residual_base =
            residual_base + static_cast<uint32_t>(g) * command.residual_block_step;
      }
      schedule_.AddConv(command, call);
    }
  }

  uint32_t WriteWeights(size_t s, int32_t first, int32_t count) {
    const QConvParams& p = Conv(s);
    const uint8_t* packed =
        program_.constants.data() + program_.calls[stages_[s].conv].inputs[1].offset;
    const QConvParams seen = Shape(s);
    const int32_t blocks = CeilDiv(seen.ci, kLanes), taps = seen.kernel_h * seen.kernel_w;
    const size_t at = Room(static_cast<size_t>(count * taps * blocks) * kWeightWordBytes);
    uint8_t* word = result_.buffer.data() + at;
    for (int32_t g = first; g < first + count; ++g) {
      const uint8_t* outputs = packed + g * kernels::BlockBytes(p);
      for (int32_t step = 0; step < taps * blocks; ++step, word += kWeightWordBytes) {
        for (int32_t i = 0; i < kLanes * kLanes; ++i) {
          const int32_t lane = i % kLanes, input = i / kLanes;
          const int32_t ci = step % blocks * kLanes + input;
          if (ci >= seen.ci || g * kLanes + lane >= p.co) continue;
          // Of gathered windows a channel is one of a tap.
          const int32_t tap = taps == 1 ? ci / p.ci : step / blocks;
          const int32_t weight = kernels::PackedWeight(p, outputs, tap, ci % p.ci, lane);
          if (weight > 0) {
            word[input / 8 * kLanes + lane] |= static_cast<uint8_t>(1 << (input % 8));
          }
        }
      }
    }
    return static_cast<uint32_t>(at);
  }

  uint32_t WriteThresholds(size_t s, int32_t first, int32_t count) {
    const QConvParams& p = Conv(s);
    const Call& call = program_.calls[stages_[s].conv];
    const uint8_t* constants = program_.constants.data();
    const size_t at = Room(static_cast<size_t>(count) * kThresholdBytes);
    for (int32_t i = 0; i < count * kLanes; ++i) {
      const int32_t co = first * kLanes + i;
      int16_t entry[4] = {kMaxAccumulator + 1, kMaxAccumulator + 1, kMaxAccumulator + 1, 1};
      if (co < p.co) {
        const bool rising = static_cast<int8_t>(constants[call.inputs[3].offset + co]) > 0;
        entry[3] = rising ? 1 : 0;
        for (int32_t k = 0; k < 3; ++k) {
          int32_t t = rising ? kMaxAccumulator + 1 : -kMaxAccumulator - 1;  // never reached
          if (k < p.levels - 1) {
            std::memcpy(&t, constants + call.inputs[2].offset + 4 * (co * (p.levels - 1) + k), 4);
          }
          entry[k] = static_cast<int16_t>(std::clamp(t, -kMaxAccumulator - 1, kMaxAccumulator + 1));
        }
        if (AddsResidual(call)) {
          int32_t ratio = 0;
          std::memcpy(&ratio, constants + call.inputs[kRatiosInput].offset + 4 * co, 4);
          entry[3] = static_cast<int16_t>(2 * ratio + entry[3]);
        }
      }
      std::memcpy(result_.buffer.data() + at + static_cast<size_t>(i) * sizeof(entry), entry,
                  sizeof(entry));
    }
    return static_cast<uint32_t>(at);
  }

  // Whether a call outside the region, or the caller, reads what `call` writes.
  bool IsOutput(size_t call) const {
    for (const size_t reader : ReadersOf(program_, call)) {
      if (reader >= end_) return true;
    }
    return false;
  }

  RawFinish FinishOf(const Call& call) const {
    const QConvParams& p = *AsConv(call);
    RawFinish finish = {p.epilogue, p.relu != 0, {}, {}};
    if (p.epilogue != kernels::QConvEpilogue::kAffine) return finish;
    const auto read = [&](const program::Operand& operand) {
      std::vector<float> values(static_cast<size_t>(p.co));
      std::memcpy(values.data(), program_.constants.data() + operand.offset,
                  values.size() * sizeof(float));
      return values;
    };
    finish.a = read(call.inputs[4]);
    finish.b = read(call.inputs[5]);
    return finish;
  }

  void StoreResult(size_t s, const Held& held) {
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
                    .planes = held.layout.planes == 4,
                    .address = static_cast<uint32_t>(
                        Room(static_cast<size_t>(PortWords(held.layout)) * kWordBytes))};
    if (LeavesRaw(p)) port.raw = FinishOf(program_.calls[last]);
    result_.outputs.push_back(std::move(port));
    MoveMap(Opcode::kStoreMap, held, result_.outputs.back().address, static_cast<int64_t>(last));
  }

  const Program& program_;
  const EngineConfig& config_;
  size_t end_ = 0;
  std::vector<Stage> stages_;
  std::vector<uint32_t> tap_base_;
  std::map<Key, Held> held_;
  Schedule schedule_;
  EngineProgram result_;
};

}  // namespace

Result<EngineProgram> CompileRegion(const Program& program, size_t begin, size_t end,
                                    const EngineConfig& config) {
  return RegionCompiler(program, begin, end, config).Compile();
}

}  // namespace bluestem::fpga
