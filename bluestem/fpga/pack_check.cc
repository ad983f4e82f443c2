// What a pack that was read may not do: reach outside the Program's operands or its own buffers.
// What lies in the engine's memories it checks itself, descriptor by descriptor.
#include <algorithm>
#include <cstring>

#include "bluestem/fpga/call_kind.h"
#include "bluestem/fpga/pack.h"

namespace bluestem::fpga {
namespace {

using kernels::QConvParams;
using program::Program;

constexpr int32_t kMostExtent = 1 << 15;  // what a descriptor's fields hold, and more

struct Border {
  const Program& program;
  const PackedRegion& region;
  bool into;  // the engine
};

// Bytes on the host's side.
int64_t HostBytes(const MapPort& port) {
  return int64_t{port.h} * port.w * port.c * (port.raw ? 4 : 1);
}

// Whether one of the region's calls reads (or writes) the port's operand, and some call as many
// bytes: then Verify has checked that they are there.
bool HasOperand(const MapPort& port, const Border& border) {
  if (BytesAt(border.program, port.operand) < HostBytes(port)) return false;
  for (size_t i = border.region.begin; i < border.region.end; ++i) {
    const program::Call& call = border.program.calls[i];
    if (!border.into) {
      if (call.output == port.operand) return true;
      continue;
    }
    const bool added = AddsResidual(call) && call.inputs[kResidualInput] == port.operand;
    if (added && !port.windows) return true;
    if (call.inputs.empty() || call.inputs[0] != port.operand) continue;
    const QConvParams* p = AsConv(call);
    if (!port.windows) return true;
    if (p == nullptr || !GathersWindows(*p) || p->x_bits != port.bits) continue;
    if (std::memcmp(p, &*port.windows, kWindowsBytes) == 0) return true;
  }
  return false;
}

// Returns what is wrong with the port, or "".
std::string PortFault(const MapPort& port, const Border& border) {
  for (const int32_t extent : {port.h, port.w, port.c}) {
    if (extent < 1 || extent > kMostExtent) return fmt::format("an extent of {}", extent);
  }
  if (port.bits < 1 || port.bits > 8) return fmt::format("codes of {} bits", port.bits);
  if (border.into && port.raw) return "accumulators that go in";
  if (!border.into && port.windows) return "windows that come out";
  if (!HasOperand(port, border)) return "no call has this map";
  if (port.raw) {
    const bool affine = port.raw->epilogue == kernels::QConvEpilogue::kAffine;
    if (!affine && port.raw->epilogue != kernels::QConvEpilogue::kRaw) return "no such epilogue";
    const size_t expected = affine ? static_cast<size_t>(port.c) : 0;
    if (port.raw->a.size() != expected) {
      return fmt::format("{} factors for {} outputs", port.raw->a.size(), port.c);
    }
  }
  const EngineProgram& engine = border.region.program;
  const size_t others = MostPictures(engine) - 1;
  if (port.others.size() != others) {
    return fmt::format("{} places for {} other pictures", port.others.size(), others);
  }
  const auto size = static_cast<int64_t>(engine.buffer.size());
  for (size_t picture = 0; picture <= others; ++picture) {
    const uint32_t address = port.AddressOf(picture);
    const int64_t end = address + WordsOf(port) * kWordBytes;
    if (address % kWordBytes != 0 || end > size) {
      return fmt::format("reaches to {} of a buffer of {}", end, size);
    }
  }
  return "";
}

// Returns what is wrong with a list of the region, or "".
std::string ListFault(const PackedRegion& region, uint32_t address,
                      const std::vector<int64_t>& calls) {
  const auto list = ListOf(region.program, address);
  if (!list) return "the command list leads out of the buffer";
  if (list->size() != calls.size()) {
    return fmt::format("{} descriptors, {} calls for them", list->size(), calls.size());
  }
  for (size_t i = 0; i < list->size(); ++i) {
    const bool none = calls[i] < 0 && (*list)[i].opcode != Opcode::kConv;
    if (!none && !region.Has(static_cast<size_t>(calls[i]))) {
      return fmt::format("descriptor {} is of no call", i);
    }
  }
  return "";
}

std::string RegionFault(const PackedRegion& region, const Program& program) {
  const EngineProgram& engine = region.program;
  if (region.begin >= region.end || region.end > program.calls.size()) {
    return fmt::format("calls {} to {} of {}", region.begin, region.end, program.calls.size());
  }
  for (const size_t call : engine.host_calls) {
    if (!region.Has(call) || !IsMove(program.calls[call])) return "a call that is not the host's";
  }
  std::string fault = ListFault(region, engine.list, engine.calls);
  if (!fault.empty()) return fault;
  int32_t before = 1;
  for (const BatchList& batch : engine.batches) {
    if (batch.pictures <= before || batch.pictures > kMostPictures) {
      return fmt::format("a batch of {} after one of {}", batch.pictures, before);
    }
    before = batch.pictures;
    fault = ListFault(region, batch.list, batch.calls);
    if (!fault.empty()) return fmt::format("batch of {}: {}", batch.pictures, fault);
  }
  for (const bool into : {true, false}) {
    const std::vector<MapPort>& ports = into ? engine.inputs : engine.outputs;
    for (size_t i = 0; i < ports.size(); ++i) {
      fault = PortFault(ports[i], {program, region, into});
      if (!fault.empty()) return fmt::format("{} {}: {}", into ? "input" : "output", i, fault);
    }
  }
  return "";
}

}  // namespace

std::optional<std::vector<Command>> ListOf(const EngineProgram& program, uint32_t address) {
  std::vector<Command> list;
  CommandWords words;
  for (size_t at = address; list.size() < kMaxDescriptors; at += sizeof(words)) {
    if (at + sizeof(words) > program.buffer.size()) return std::nullopt;
    std::memcpy(words.data(), program.buffer.data() + at, sizeof(words));
    list.push_back(Decode(words));
    if (list.back().opcode == Opcode::kEnd) return list;
  }
  return std::nullopt;
}

Status CheckPack(const EnginePack& pack, const Program& program) {
  size_t free_from = 0;
  for (size_t r = 0; r < pack.regions.size(); ++r) {
    const PackedRegion& region = pack.regions[r];
    const std::string fault =
        region.begin < free_from ? "overlaps the one before" : RegionFault(region, program);
    if (!fault.empty()) {
      return Error(Code::kInvalidData, "{}: region {}: {}; {}", pack.place, r, fault, pack.again);
    }
    free_from = region.end;
  }
  return OkStatus();
}

}  // namespace bluestem::fpga
