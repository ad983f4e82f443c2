// The bytes of an EnginePack, written and read; the grammar stands in pack.h.
#include "bluestem/fpga/pack.h"

#include <algorithm>
#include <cstring>
#include <string_view>
#include <type_traits>

#include "bluestem/base/byte_stream.h"
#include "bluestem/fpga/builds.h"

namespace bluestem::fpga {
namespace {

using kernels::QConvEpilogue;
using kernels::QConvParams;

constexpr std::string_view kMagic = "BLUESTEM ENGINE\n";
constexpr size_t kDigestBytes = 64;
constexpr size_t kLeastPortBytes = 44, kLeastRegionBytes = 36, kLeastBatchBytes = 12;
constexpr uint32_t kNoCall = UINT32_MAX;
static_assert(kWindowsBytes == 22 * 4, "the format has 22 words: raise kPackVersion");

enum class PortKind : uint32_t { kCodes = 0, kWindows = 1, kAccumulators = 2 };

int32_t ReadInt(ByteReader& in) {
  return static_cast<int32_t>(in.Plain<uint32_t>());
}

template <typename Number>
void WriteNumbers(const std::vector<Number>& numbers, ByteWriter& out) {
  out.Plain(static_cast<uint32_t>(numbers.size()));
  for (const Number number : numbers) out.Plain(static_cast<uint32_t>(number));
}

template <typename Number>
void ReadNumbers(ByteReader& in, std::vector<Number>& numbers) {
  numbers.resize(in.Count<uint32_t>(sizeof(uint32_t)));
  for (Number& number : numbers) number = in.Plain<uint32_t>();
}

void WriteCalls(const std::vector<int64_t>& calls, ByteWriter& out) {
  out.Plain(static_cast<uint32_t>(calls.size()));
  for (const int64_t call : calls) out.Plain(call < 0 ? kNoCall : static_cast<uint32_t>(call));
}

void ReadCalls(ByteReader& in, std::vector<int64_t>& calls) {
  ReadNumbers(in, calls);
  std::replace(calls.begin(), calls.end(), int64_t{kNoCall}, int64_t{-1});
}

void WritePort(const MapPort& port, ByteWriter& out) {
  out.Plain(static_cast<uint32_t>(port.operand.space));
  out.Plain(static_cast<uint64_t>(port.operand.offset));
  for (const int32_t extent : {port.h, port.w, port.c, port.bits}) out.Plain(extent);
  out.Plain(static_cast<uint32_t>(port.planes));
  out.Plain(port.address);
  WriteNumbers(port.others, out);
  if (port.windows) {
    out.Plain(PortKind::kWindows);
    out.Raw(&*port.windows, kWindowsBytes);
  } else if (port.raw) {
    out.Plain(PortKind::kAccumulators);
    out.Plain(port.raw->epilogue);
    out.Plain(static_cast<uint32_t>(port.raw->relu));
    out.Plain(static_cast<uint32_t>(port.raw->a.size()));
    out.Raw(port.raw->a.data(), port.raw->a.size() * sizeof(float));
    out.Raw(port.raw->b.data(), port.raw->b.size() * sizeof(float));
  } else {
    out.Plain(PortKind::kCodes);
  }
}

MapPort ReadPort(ByteReader& in) {
  MapPort port;
  const auto space = in.Plain<uint32_t>();
  if (space > static_cast<uint32_t>(program::Space::kOutput)) in.Fail();
  port.operand.space = static_cast<program::Space>(space);
  port.operand.offset = static_cast<int64_t>(in.Plain<uint64_t>());
  port.h = ReadInt(in);
  port.w = ReadInt(in);
  port.c = ReadInt(in);
  port.bits = ReadInt(in);
  port.planes = in.Plain<uint32_t>() != 0;
  port.address = in.Plain<uint32_t>();
  ReadNumbers(in, port.others);
  const auto kind = in.Plain<PortKind>();
  if (kind == PortKind::kWindows) {
    in.Raw(&port.windows.emplace(), kWindowsBytes);
  } else if (kind == PortKind::kAccumulators) {
    RawFinish& finish = port.raw.emplace();
    finish.epilogue = in.Plain<QConvEpilogue>();
    finish.relu = in.Plain<uint32_t>() != 0;
    const size_t count = in.Count<uint32_t>(2 * sizeof(float));
    finish.a.resize(count);
    finish.b.resize(count);
    in.Raw(finish.a.data(), count * sizeof(float));
    in.Raw(finish.b.data(), count * sizeof(float));
  } else if (kind != PortKind::kCodes) {
    in.Fail();
  }
  return port;
}

void WritePorts(const std::vector<MapPort>& ports, ByteWriter& out) {
  out.Plain(static_cast<uint32_t>(ports.size()));
  for (const MapPort& port : ports) WritePort(port, out);
}

std::vector<MapPort> ReadPorts(ByteReader& in) {
  std::vector<MapPort> ports(in.Count<uint32_t>(kLeastPortBytes));
  for (MapPort& port : ports) port = ReadPort(in);
  return ports;
}

void WriteRegion(const PackedRegion& region, ByteWriter& out) {
  const EngineProgram& program = region.program;
  out.Plain(static_cast<uint32_t>(region.begin));
  out.Plain(static_cast<uint32_t>(region.end));
  out.Plain(program.list);
  WriteNumbers(program.host_calls, out);
  WriteCalls(program.calls, out);
  out.Plain(static_cast<uint32_t>(program.batches.size()));
  for (const BatchList& batch : program.batches) {
    out.Plain(static_cast<uint32_t>(batch.pictures));
    out.Plain(batch.list);
    WriteCalls(batch.calls, out);
  }
  WritePorts(program.inputs, out);
  WritePorts(program.outputs, out);
  out.Plain(static_cast<uint32_t>(program.buffer.size()));
  out.Raw(program.buffer.data(), program.buffer.size());
}

PackedRegion ReadRegion(ByteReader& in) {
  PackedRegion region;
  EngineProgram& program = region.program;
  region.begin = in.Plain<uint32_t>();
  region.end = in.Plain<uint32_t>();
  program.list = in.Plain<uint32_t>();
  ReadNumbers(in, program.host_calls);
  ReadCalls(in, program.calls);
  program.batches.resize(in.Count<uint32_t>(kLeastBatchBytes));
  for (BatchList& batch : program.batches) {
    batch.pictures = ReadInt(in);
    batch.list = in.Plain<uint32_t>();
    ReadCalls(in, batch.calls);
  }
  program.inputs = ReadPorts(in);
  program.outputs = ReadPorts(in);
  program.buffer.resize(in.Count<uint32_t>(1));
  in.Raw(program.buffer.data(), program.buffer.size());
  return region;
}

EngineConfig ReadConfig(ByteReader& in) {
  EngineConfig config;
  for (int32_t* number : {&config.pixels, &config.outputs, &config.bank_words, &config.weight_words,
                          &config.threshold_blocks, &config.taps}) {
    *number = ReadInt(in);
  }
  config.residual = in.Plain<uint32_t>() != 0;
  return config;
}

// Errors: a version of the format or of the engine that this program does not have.
Status CheckVersions(ByteReader& in, const std::string& place, const std::string& again) {
  const auto format = in.Plain<uint32_t>();
  if (in.ok() && format != kPackVersion) {
    return Error(Code::kInvalidData,
                 "{}: version {} of its format; this program reads version {}: {}", place, format,
                 kPackVersion, again);
  }
  const auto id = in.Plain<uint32_t>(), version = in.Plain<uint32_t>();
  if (in.ok() && (id != kEngineId || version != kEngineVersion)) {
    return Error(Code::kInvalidData,
                 "{}: packed for the engine {:#010x} of version {}; this program drives {:#010x} "
                 "of version {}: {}",
                 place, id, version, kEngineId, kEngineVersion, again);
  }
  return OkStatus();
}

}  // namespace

const EngineProgram* EnginePack::Find(size_t begin, size_t end) const {
  for (const PackedRegion& region : regions) {
    if (region.begin == begin && region.end == end) return &region.program;
  }
  return nullptr;
}

std::string ConfigText(const EngineConfig& config) {
  return fmt::format(
      "{} pixels x {} outputs a clock, 4 x {} words of maps, {} weight words, {} blocks of "
      "thresholds, {} taps, {}",
      config.pixels, config.outputs, config.bank_words, config.weight_words,
      config.threshold_blocks, config.taps, ResidualText(config));
}

Status EnginePack::CheckEngine(const EngineConfig& engine) const {
  if (config == engine) return OkStatus();
  return Error(Code::kInvalidData, "{}: packed for an engine of {}; this one has {}: {}{}", place,
               ConfigText(config), ConfigText(engine), again, ChoiceText(engine));
}

Bytes ToBytes(const EnginePack& pack) {
  ByteWriter out;
  out.Raw(kMagic.data(), kMagic.size());
  for (const uint32_t number : {kPackVersion, kEngineId, kEngineVersion}) out.Plain(number);
  const EngineConfig& config = pack.config;
  for (const int32_t number : {config.pixels, config.outputs, config.bank_words,
                               config.weight_words, config.threshold_blocks, config.taps}) {
    out.Plain(number);
  }
  out.Plain(static_cast<uint32_t>(config.residual));
  BLUESTEM_CHECK(pack.digest.size() == kDigestBytes, "a SHA-256 in hexadecimal digits");
  out.Raw(pack.digest.data(), kDigestBytes);
  out.Plain(static_cast<uint32_t>(pack.regions.size()));
  for (const PackedRegion& region : pack.regions) WriteRegion(region, out);
  return out.Take();
}

Result<EnginePack> ParsePack(const Bytes& bytes, const std::string& place,
                             const std::string& again) {
  const std::string_view all(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (all.substr(0, kMagic.size()) != kMagic) {
    return Error(Code::kInvalidData, "{}: not the engine's part of an artefact", place);
  }
  ByteReader in(all.substr(kMagic.size()));
  BLUESTEM_RETURN_IF_ERROR(CheckVersions(in, place, again));
  EnginePack pack;
  pack.place = place;
  pack.again = again;
  pack.config = ReadConfig(in);
  pack.digest.resize(kDigestBytes);
  in.Raw(pack.digest.data(), kDigestBytes);
  pack.regions.resize(in.Count<uint32_t>(kLeastRegionBytes));
  for (PackedRegion& region : pack.regions) {
    region = ReadRegion(in);
    if (!in.ok()) break;
  }
  if (!in.AtEnd()) {
    return Error(Code::kInvalidData, "{}: {}; copy or convert it again", place,
                 in.ok() ? "has more bytes than its regions" : "its parts do not fit: is it cut?");
  }
  return pack;
}

}  // namespace bluestem::fpga
