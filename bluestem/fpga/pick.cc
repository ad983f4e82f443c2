#include "bluestem/fpga/pick.h"

#include <algorithm>

#include "bluestem/fpga/call_kind.h"
#include "bluestem/program/dataflow.h"
#include "bluestem/program/footprint.h"

namespace bluestem::fpga {
namespace {

using kernels::CopyParams;
using kernels::QConvParams;
using program::Call;
using program::Operand;
using program::Program;

constexpr int64_t kZero = -1, kUnknown = -2;      // of no byte of a map
constexpr int64_t kMostBytes = int64_t{1} << 22;  // of a map that is traced

constexpr const char* kNoPick =
    "it copies only what a convolution adds: a map, or every second pixel of one, with channels of "
    "0 in whole blocks of 32 before it and any behind";

// Calls visit(element of x, element of y).
template <typename Visit>
void ForElements(const CopyParams& p, Visit visit) {
  int64_t count = 1;
  for (int32_t k = 0; k < p.rank; ++k) count *= p.extent[k];
  int32_t at[6] = {};
  int64_t x = p.x_offset, y = p.y_offset;
  for (int64_t i = 0; i < count; ++i) {
    visit(x, y);
    for (int32_t k = p.rank; k-- > 0;) {
      x += p.x_stride[k];
      y += p.y_stride[k];
      if (++at[k] < p.extent[k]) break;
      x -= p.x_stride[k] * p.extent[k];
      y -= p.y_stride[k] * p.extent[k];
      at[k] = 0;
    }
  }
}

// Where the bytes of a map come from, through copies and fills, byte by byte.
class Tracer {
 public:
  struct Buffer {
    Operand operand;
    int64_t bytes = 0;
  };
  Tracer(const Program& program, size_t begin) : program_(program), begin_(begin) {}

  // Returns for each byte that call `at` finds the byte of the source that it is, or kZero; nothing
  // where there are several sources.
  std::optional<std::vector<int64_t>> Origins(const Buffer& buffer, size_t at) {
    if (buffer.bytes > kMostBytes) return std::nullopt;
    std::vector<int64_t> origins(static_cast<size_t>(buffer.bytes), kUnknown);
    buffers_.push_back(buffer);
    int64_t left = buffer.bytes;
    bool inside = true;
    const auto set = [&](int64_t byte, int64_t origin) {
      if (byte < 0 || byte >= buffer.bytes || origins[static_cast<size_t>(byte)] != kUnknown)
        return;
      origins[static_cast<size_t>(byte)] = origin;
      --left;
    };
    const auto rest = [&] {
      for (int64_t i = 0; i < buffer.bytes; ++i) set(i, i);
    };
    for (size_t k = at; k-- > 0 && left > 0;) {
      const Call& call = program_.calls[k];
      if (call.output != buffer.operand) continue;
      const auto* copy = std::get_if<CopyParams>(&call.params);
      if (const auto* fill = std::get_if<program::FillCall>(&call.params)) {
        calls_.push_back(k);
        if (fill->value != 0) return std::nullopt;
        for (int64_t i = 0; i < fill->count * fill->element_bytes; ++i) set(i, kZero);
      } else if (copy != nullptr && k >= begin_ && !IsMove(call)) {
        calls_.push_back(k);
        if (copy->element_bytes != 1) return std::nullopt;
        const auto from = Origins({call.inputs[0], program::FootprintOf(call).input_bytes[0]}, k);
        if (!from) return std::nullopt;
        const auto size = static_cast<int64_t>(from->size());
        ForElements(*copy, [&](int64_t x, int64_t y) {
          const bool is_there = x >= 0 && x < size;  // a stride may be negative
          inside = inside && is_there;
          set(y, is_there ? (*from)[static_cast<size_t>(x)] : kZero);
        });
      } else {
        if (!SetSource(k, buffer.operand)) return std::nullopt;
        rest();
      }
    }
    if (left > 0) {
      const bool caller = buffer.operand.space == program::Space::kInput;
      if (!caller || !SetSource(std::nullopt, buffer.operand)) return std::nullopt;
      rest();
    }
    return inside ? std::optional(std::move(origins)) : std::nullopt;
  }

  // Returns what the map of `h` x `w` pixels is of its source, or nothing.
  std::optional<Pick> PickOf(const Buffer& buffer, size_t at, int32_t h, int32_t w) {
    if (buffer.bytes % (int64_t{h} * w) != 0) return std::nullopt;
    const auto origins = Origins(buffer, at);
    if (!origins) return std::nullopt;
    const auto c = static_cast<int32_t>(buffer.bytes / (int64_t{h} * w));
    int32_t first = 0, last = c;  // the channels of the first pixel that are not 0
    while (first < c && (*origins)[static_cast<size_t>(first)] == kZero) ++first;
    while (last > first && (*origins)[static_cast<size_t>(last) - 1] == kZero) --last;
    Pick pick;
    if (first == last) {
      const bool zeros = std::all_of(origins->begin(), origins->end(),
                                     [](int64_t origin) { return origin == kZero; });
      return zeros ? std::optional(pick) : std::nullopt;
    }
    if (first % kLanes != 0) return std::nullopt;
    pick = {.writer = writer_, .source = source_, .c = last - first, .first = first};
    for (const int32_t plane : {0, 1, 2, 3, 4}) {
      pick.planes = plane < 4;
      pick.plane = plane % 4;
      pick.h = h * (pick.planes ? 2 : 1);
      pick.w = w * (pick.planes ? 2 : 1);
      if (IsPick(*origins, pick, h, w, c)) return pick;
    }
    return std::nullopt;
  }

  // What was found on the way, also where the trace came to nothing.
  const std::vector<size_t>& calls() const { return calls_; }
  const std::vector<Buffer>& buffers() const { return buffers_; }

 private:
  bool SetSource(std::optional<size_t> writer, const Operand& operand) {
    if (operand.space == program::Space::kConstants) return false;
    if (has_source_) return writer == writer_ && operand == source_;
    has_source_ = true;
    writer_ = writer;
    source_ = operand;
    return true;
  }

  // Every byte, against the definition; and the source is as large as it must be.
  bool IsPick(const std::vector<int64_t>& origins, const Pick& pick, int32_t h, int32_t w,
              int32_t c) const {
    if (BytesAt(program_, pick.source) < int64_t{pick.h} * pick.w * pick.c) return false;
    const int32_t step = pick.planes ? 2 : 1;
    size_t i = 0;
    for (int32_t y = 0; y < h; ++y) {
      for (int32_t x = 0; x < w; ++x) {
        const int64_t row = step * y + pick.plane / 2, column = step * x + pick.plane % 2;
        const int64_t pixel = (row * pick.w + column) * pick.c;
        for (int32_t k = -pick.first; k < c - pick.first; ++k, ++i) {
          if (origins[i] != (k >= 0 && k < pick.c ? pixel + k : kZero)) return false;
        }
      }
    }
    return true;
  }

  const Program& program_;
  size_t begin_;
  bool has_source_ = false;
  std::optional<size_t> writer_;
  Operand source_;
  std::vector<size_t> calls_;
  std::vector<Buffer> buffers_;
};

Tracer::Buffer ResidualBuffer(const Call& call) {
  const QConvParams& p = *AsConv(call);
  return {call.inputs[kResidualInput], int64_t{p.ho} * p.wo * p.co};
}

// Returns what makes what the convolution adds.
Tracer TraceOf(const Program& program, size_t index) {
  Tracer tracer(program, 0);
  tracer.Origins(ResidualBuffer(program.calls[index]), index);
  return tracer;
}

bool Reads(const Program& program, size_t index, size_t input, const Pick& pick) {
  return program.calls[index].inputs[input] == pick.source &&
         WriterOf(program, index, input) == pick.writer;
}

// Returns the map that the call writes, as the engine would have it, or nothing where it is none.
std::optional<SpaceToDepth> WrittenMap(const Call& call) {
  if (const QConvParams* p = AsConv(call)) {
    if (LeavesRaw(*p)) return std::nullopt;
    return SpaceToDepth{p->ho, p->wo, p->co};
  }
  if (const auto* pool = std::get_if<program::MaxPoolCall>(&call.params)) {
    return SpaceToDepth{pool->params.ho, pool->params.wo, pool->params.c};
  }
  const auto before = AsSpaceToDepth(std::get<CopyParams>(call.params));
  return SpaceToDepth{before->h / 2, before->w / 2, 4 * before->c};
}

// Returns why the source does not lie as the pick needs it, or "".
std::string SourceFault(const Program& program, const Pick& pick) {
  if (pick.c == 0) return "";
  const auto same = [&](int32_t h, int32_t w, int32_t c) {
    return h == pick.h && w == pick.w && c == pick.c;
  };
  if (pick.writer && (AsConv(program.calls[*pick.writer]) || IsMove(program.calls[*pick.writer]))) {
    const Call& call = program.calls[*pick.writer];
    const auto map = WrittenMap(call);
    if (!map || !same(map->h, map->w, map->c)) return kNoPick;
    if (pick.planes && IsMove(call)) {
      return "it picks pixels of a map that is pooled or rearranged while it is written";
    }
  }
  for (size_t i = 0; i < program.calls.size(); ++i) {
    const QConvParams* p = AsConv(program.calls[i]);
    if (p == nullptr) continue;
    if (Reads(program, i, 0, pick)) {
      if (!same(p->h, p->w, p->ci) || p->x_bits > 2) return kNoPick;
      if (pick.planes && p->stride_h != 2) return "others read the map whole";
      if (!pick.planes && p->stride_h == 2) return "others read the map with stride 2";
    }
    if (!AddsResidual(program.calls[i])) continue;
    if (Reads(program, i, kResidualInput, pick)) {
      if (pick.planes) return "others read the map whole";
      if (!same(p->ho, p->wo, p->co)) return kNoPick;
    }
    if (pick.planes) continue;
    const Pick other = ResidualOf(program, i, 0);
    const bool same_map = other.source == pick.source && other.writer == pick.writer;
    if (other.planes && same_map && SourceFault(program, other).empty()) {
      return "others pick every second pixel of the map";
    }
  }
  return "";
}

}  // namespace

Pick ResidualOf(const Program& program, size_t index, size_t begin) {
  const Call& call = program.calls[index];
  const QConvParams& p = *AsConv(call);
  if (const auto pick = Tracer(program, begin).PickOf(ResidualBuffer(call), index, p.ho, p.wo)) {
    return *pick;
  }
  return {.writer = WriterOf(program, index, kResidualInput),
          .source = call.inputs[kResidualInput],
          .h = p.ho,
          .w = p.wo,
          .c = p.co};
}

std::vector<LeavingPick> PicksThatLeave(const Program& program, size_t begin, size_t end) {
  std::vector<LeavingPick> leaving;
  for (size_t i = begin; i < program.calls.size(); ++i) {
    if (!AddsResidual(program.calls[i])) continue;
    const QConvParams& p = *AsConv(program.calls[i]);
    const Tracer trace = TraceOf(program, i);
    for (const Tracer::Buffer& buffer : trace.buffers()) {
      std::optional<size_t> last;  // of the region's
      for (const size_t call : trace.calls()) {
        if (call < begin || call >= end || program.calls[call].output != buffer.operand) continue;
        last = std::max(last.value_or(call), call);
      }
      if (!last) continue;
      const std::vector<size_t> readers = ReadersOf(program, *last);
      const bool known = std::any_of(leaving.begin(), leaving.end(),
                                     [&](const LeavingPick& other) { return other.call == *last; });
      if (known || readers.empty() || readers.back() < end) continue;
      const auto pick = Tracer(program, begin).PickOf(buffer, *last + 1, p.ho, p.wo);
      BLUESTEM_CHECK(pick.has_value(), "a copy that is refused is in no region");
      const auto c = static_cast<int32_t>(buffer.bytes / (int64_t{p.ho} * p.wo));
      leaving.push_back({buffer.operand, p.ho, p.wo, c, *pick, *last});
    }
  }
  return leaving;
}

std::vector<size_t> AddersOf(const Program& program, size_t index) {
  std::vector<size_t> adders;
  for (size_t i = index + 1; i < program.calls.size(); ++i) {
    if (!AddsResidual(program.calls[i])) continue;
    const Tracer trace = TraceOf(program, i);
    if (std::count(trace.calls().begin(), trace.calls().end(), index) > 0) adders.push_back(i);
  }
  return adders;
}

std::string PickRefusal(const Program& program, size_t index) {
  const QConvParams& p = *AsConv(program.calls[index]);
  const Tracer trace = TraceOf(program, index);
  std::vector<size_t> begins = {0};
  for (const size_t call : trace.calls()) begins.push_back(call + 1);
  for (const size_t call : trace.calls()) {
    for (const program::Flow& flow : program::FlowsOf(program)) {
      if (flow.writer != static_cast<int64_t>(call)) continue;
      const auto reader = static_cast<size_t>(flow.reader);
      if (reader < program.calls.size() && AsConv(program.calls[reader]) != nullptr &&
          program.calls[reader].inputs[0] == flow.operand) {
        return "a convolution reads what it copies, not only adds it";
      }
    }
    for (const Tracer::Buffer& buffer : trace.buffers()) {
      if (program.calls[call].output != buffer.operand) continue;
      for (const size_t begin : begins) {
        if (begin > call) continue;
        const auto pick = Tracer(program, begin).PickOf(buffer, call + 1, p.ho, p.wo);
        if (!pick) return kNoPick;
        const std::string fault = SourceFault(program, *pick);
        if (!fault.empty()) return fault;
      }
    }
  }
  return "";
}

}  // namespace bluestem::fpga
