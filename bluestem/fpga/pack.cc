// The bytes of an EnginePack, written and read; the grammar stands in pack.h.
#include "bluestem/fpga/pack.h"

#include <cstring>
#include <string_view>
#include <type_traits>

namespace bluestem::fpga {
namespace {

using kernels::QConvEpilogue;
using kernels::QConvParams;

constexpr std::string_view kMagic = "BLUESTEM ENGINE\n";
constexpr size_t kDigestBytes = 64;
constexpr size_t kLeastPortBytes = 40, kLeastRegionBytes = 32;
constexpr uint32_t kNoCall = UINT32_MAX;
static_assert(sizeof(QConvParams) == 22 * 4, "the format has 22 words: raise kPackVersion");

enum class PortKind : uint32_t { kCodes = 0, kWindows = 1, kAccumulators = 2 };

class Writer {
 public:
  template <typename T>
  void Number(T value) {
    static_assert(std::is_arithmetic_v<T> || std::is_enum_v<T>);
    Raw(&value, sizeof(value));
  }
  void Count(size_t count) { Number(static_cast<uint32_t>(count)); }
  void Raw(const void* from, size_t size) {
    const auto* bytes = static_cast<const uint8_t*>(from);
    bytes_.insert(bytes_.end(), bytes, bytes + size);
  }
  Bytes Take() { return std::move(bytes_); }

 private:
  Bytes bytes_;
};

// After a read past the end everything is 0 and ok() is false.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : bytes_(bytes) {}
  template <typename T>
  T Number() {
    T value{};
    Raw(&value, sizeof(value));
    return value;
  }
  int32_t Int() { return static_cast<int32_t>(Number<uint32_t>()); }
  // A count of things that take at least `each` bytes.
  size_t Count(size_t each) {
    const auto count = Number<uint32_t>();
    ok_ &= count <= bytes_.size() / each;
    return ok_ ? count : 0;
  }
  void Raw(void* to, size_t size) {
    if (!ok_ || size > bytes_.size()) {
      ok_ = false;
      return;
    }
    if (size > 0) std::memcpy(to, bytes_.data(), size);
    bytes_.remove_prefix(size);
  }
  void Fail() { ok_ = false; }
  bool ok() const { return ok_; }
  bool AtEnd() const { return ok_ && bytes_.empty(); }

 private:
  std::string_view bytes_;
  bool ok_ = true;
};

void WritePort(const MapPort& port, Writer& out) {
  out.Number(static_cast<uint32_t>(port.operand.space));
  out.Number(static_cast<uint64_t>(port.operand.offset));
  for (const int32_t extent : {port.h, port.w, port.c, port.bits}) out.Number(extent);
  out.Number(static_cast<uint32_t>(port.planes));
  out.Number(port.address);
  if (port.windows) {
    out.Number(PortKind::kWindows);
    out.Raw(&*port.windows, sizeof(QConvParams));
  } else if (port.raw) {
    out.Number(PortKind::kAccumulators);
    out.Number(port.raw->epilogue);
    out.Number(static_cast<uint32_t>(port.raw->relu));
    out.Count(port.raw->a.size());
    out.Raw(port.raw->a.data(), port.raw->a.size() * sizeof(float));
    out.Raw(port.raw->b.data(), port.raw->b.size() * sizeof(float));
  } else {
    out.Number(PortKind::kCodes);
  }
}

MapPort ReadPort(Reader& in) {
  MapPort port;
  const auto space = in.Number<uint32_t>();
  if (space > static_cast<uint32_t>(program::Space::kOutput)) in.Fail();
  port.operand.space = static_cast<program::Space>(space);
  port.operand.offset = static_cast<int64_t>(in.Number<uint64_t>());
  port.h = in.Int();
  port.w = in.Int();
  port.c = in.Int();
  port.bits = in.Int();
  port.planes = in.Number<uint32_t>() != 0;
  port.address = in.Number<uint32_t>();
  const auto kind = in.Number<PortKind>();
  if (kind == PortKind::kWindows) {
    in.Raw(&port.windows.emplace(), sizeof(QConvParams));
  } else if (kind == PortKind::kAccumulators) {
    RawFinish& finish = port.raw.emplace();
    finish.epilogue = in.Number<QConvEpilogue>();
    finish.relu = in.Number<uint32_t>() != 0;
    const size_t count = in.Count(2 * sizeof(float));
    finish.a.resize(count);
    finish.b.resize(count);
    in.Raw(finish.a.data(), count * sizeof(float));
    in.Raw(finish.b.data(), count * sizeof(float));
  } else if (kind != PortKind::kCodes) {
    in.Fail();
  }
  return port;
}

void WritePorts(const std::vector<MapPort>& ports, Writer& out) {
  out.Count(ports.size());
  for (const MapPort& port : ports) WritePort(port, out);
}

std::vector<MapPort> ReadPorts(Reader& in) {
  std::vector<MapPort> ports(in.Count(kLeastPortBytes));
  for (MapPort& port : ports) port = ReadPort(in);
  return ports;
}

void WriteRegion(const PackedRegion& region, Writer& out) {
  const EngineProgram& program = region.program;
  out.Count(region.begin);
  out.Count(region.end);
  out.Number(program.list);
  out.Count(program.host_calls.size());
  for (const size_t call : program.host_calls) out.Count(call);
  out.Count(program.calls.size());
  for (const int64_t call : program.calls) {
    out.Number(call < 0 ? kNoCall : static_cast<uint32_t>(call));
  }
  WritePorts(program.inputs, out);
  WritePorts(program.outputs, out);
  out.Count(program.buffer.size());
  out.Raw(program.buffer.data(), program.buffer.size());
}

PackedRegion ReadRegion(Reader& in) {
  PackedRegion region;
  EngineProgram& program = region.program;
  region.begin = in.Number<uint32_t>();
  region.end = in.Number<uint32_t>();
  program.list = in.Number<uint32_t>();
  program.host_calls.resize(in.Count(sizeof(uint32_t)));
  for (size_t& call : program.host_calls) call = in.Number<uint32_t>();
  program.calls.resize(in.Count(sizeof(uint32_t)));
  for (int64_t& call : program.calls) {
    const auto number = in.Number<uint32_t>();
    call = number == kNoCall ? -1 : int64_t{number};
  }
  program.inputs = ReadPorts(in);
  program.outputs = ReadPorts(in);
  program.buffer.resize(in.Count(1));
  in.Raw(program.buffer.data(), program.buffer.size());
  return region;
}

EngineConfig ReadConfig(Reader& in) {
  EngineConfig config;
  for (int32_t* number : {&config.pixels, &config.bank_words, &config.weight_words,
                          &config.threshold_blocks, &config.taps}) {
    *number = in.Int();
  }
  return config;
}

// Errors: a version of the format or of the engine that this program does not have.
Status CheckVersions(Reader& in, const std::string& place) {
  const auto format = in.Number<uint32_t>();
  if (in.ok() && format != kPackVersion) {
    return Error(Code::kInvalidData,
                 "{}: version {} of its format; this program reads version {}: convert the model "
                 "again with --target fpga",
                 place, format, kPackVersion);
  }
  const auto id = in.Number<uint32_t>(), version = in.Number<uint32_t>();
  if (in.ok() && (id != kEngineId || version != kEngineVersion)) {
    return Error(Code::kInvalidData,
                 "{}: packed for the engine {:#010x} of version {}; this program drives {:#010x} "
                 "of version {}: convert the model again with --target fpga",
                 place, id, version, kEngineId, kEngineVersion);
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
      "{} pixels, 4 x {} words of maps, {} weight words, {} blocks of thresholds, {} taps",
      config.pixels, config.bank_words, config.weight_words, config.threshold_blocks, config.taps);
}

Status EnginePack::CheckEngine(const EngineConfig& engine) const {
  if (config == engine) return OkStatus();
  return Error(Code::kInvalidData,
               "{}: packed for an engine of {}; this one has {}: convert the model again with "
               "--target fpga",
               place, ConfigText(config), ConfigText(engine));
}

Bytes ToBytes(const EnginePack& pack) {
  Writer out;
  out.Raw(kMagic.data(), kMagic.size());
  for (const uint32_t number : {kPackVersion, kEngineId, kEngineVersion}) out.Number(number);
  const EngineConfig& config = pack.config;
  for (const int32_t number : {config.pixels, config.bank_words, config.weight_words,
                               config.threshold_blocks, config.taps}) {
    out.Number(number);
  }
  BLUESTEM_CHECK(pack.digest.size() == kDigestBytes, "a SHA-256 in hexadecimal digits");
  out.Raw(pack.digest.data(), kDigestBytes);
  out.Count(pack.regions.size());
  for (const PackedRegion& region : pack.regions) WriteRegion(region, out);
  return out.Take();
}

Result<EnginePack> ParsePack(const Bytes& bytes, const std::string& place) {
  const std::string_view all(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (all.substr(0, kMagic.size()) != kMagic) {
    return Error(Code::kInvalidData, "{}: not the engine's part of an artefact", place);
  }
  Reader in(all.substr(kMagic.size()));
  BLUESTEM_RETURN_IF_ERROR(CheckVersions(in, place));
  EnginePack pack;
  pack.place = place;
  pack.config = ReadConfig(in);
  pack.digest.resize(kDigestBytes);
  in.Raw(pack.digest.data(), kDigestBytes);
  pack.regions.resize(in.Count(kLeastRegionBytes));
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
