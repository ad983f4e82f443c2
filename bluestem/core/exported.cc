#include "bluestem/core/exported.h"

#include <cstring>
#include <fstream>
#include <type_traits>

#include "bluestem/base/byte_stream.h"
#include "bluestem/codegen/digest.h"
#include "bluestem/core/core.h"
#include "bluestem/core/engine_part.h"

namespace bluestem::core {
namespace {

constexpr std::string_view kMagic = "BLUESTEM MODEL 2\n";
constexpr std::string_view kAnyVersion = kMagic.substr(0, kMagic.size() - 2);
constexpr size_t kDigestBytes = 64;

// What must not have changed between writing and reading: the version and every call's layout.
template <typename... Params>
std::string Layout(const std::variant<Params...>*) {
  std::string text = BLUESTEM_VERSION;
  ((text += fmt::format(" {}", sizeof(Params))), ...);
  return text;
}

std::string Layout() {
  return Layout(static_cast<const program::CallParams*>(nullptr));
}

template <size_t kIndex = 0>
program::CallParams ReadParams(ByteReader& in, size_t index) {
  if constexpr (kIndex < std::variant_size_v<program::CallParams>) {
    if (index == kIndex) return in.Plain<std::variant_alternative_t<kIndex, program::CallParams>>();
    return ReadParams<kIndex + 1>(in, index);
  } else {
    in.Fail();
    return {};
  }
}

void WriteInfos(const std::vector<program::TensorInfo>& infos, ByteWriter& out) {
  out.Plain(static_cast<uint64_t>(infos.size()));
  for (const program::TensorInfo& info : infos) {
    out.Array(info.name);
    out.Plain(info.dtype);
    out.Array(info.shape);
    out.Plain(info.scale);
    out.Plain(info.zero_point);
  }
}

std::vector<program::TensorInfo> ReadInfos(ByteReader& in) {
  std::vector<program::TensorInfo> infos(in.Count<uint64_t>(1));
  for (program::TensorInfo& info : infos) {
    info.name = in.Array<std::string>();
    info.dtype = in.Plain<DType>();
    info.shape = in.Array<Shape>();
    info.scale = in.Plain<double>();
    info.zero_point = in.Plain<int32_t>();
  }
  return infos;
}

void WriteOperand(const program::Operand& operand, ByteWriter& out) {
  out.Plain(operand.space);
  out.Plain(operand.offset);
}

program::Operand ReadOperand(ByteReader& in) {
  program::Operand operand;
  operand.space = in.Plain<program::Space>();
  operand.offset = in.Plain<int64_t>();
  return operand;
}

void WriteCall(const program::Call& call, ByteWriter& out) {
  out.Array(call.op);
  out.Array(call.comment);
  out.Plain(static_cast<uint64_t>(call.params.index()));
  std::visit([&](const auto& params) { out.Plain(params); }, call.params);
  out.Plain(static_cast<uint64_t>(call.inputs.size()));
  for (const program::Operand& operand : call.inputs) WriteOperand(operand, out);
  WriteOperand(call.output, out);
  out.Plain(call.x_bits);
  out.Plain(call.w_bits);
  out.Plain(call.macs);
  out.Plain(call.weight_count);
}

program::Call ReadCall(ByteReader& in) {
  program::Call call;
  call.op = in.Array<std::string>();
  call.comment = in.Array<std::string>();
  const auto index = static_cast<size_t>(in.Plain<uint64_t>());
  call.params = ReadParams(in, index);
  call.inputs.resize(in.Count<uint64_t>(1));
  for (program::Operand& operand : call.inputs) operand = ReadOperand(in);
  call.output = ReadOperand(in);
  call.x_bits = in.Plain<int32_t>();
  call.w_bits = in.Plain<int32_t>();
  call.macs = in.Plain<int64_t>();
  call.weight_count = in.Plain<int64_t>();
  return call;
}

std::string_view ViewOf(const Bytes& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// Returns what the engine's devices make of their regions, packed; empty where there are none.
Result<Bytes> EngineOf(const program::Program& program, const runtime::Placement& placement) {
  for (size_t d = 0; d < placement.devices.size(); ++d) {
    std::vector<runtime::Region> regions;
    for (const runtime::Region& region : placement.regions) {
      if (region.device == d) regions.push_back(region);
    }
    if (regions.empty()) continue;
    BLUESTEM_ASSIGN_OR_RETURN(const auto pack, placement.devices[d]->Pack(program, regions));
    if (pack == nullptr) continue;
    fpga::EnginePack whole = *pack;
    whole.digest = codegen::Sha256(fpga::IdentityOf(program));
    return fpga::ToBytes(whole);
  }
  return Bytes();
}

Result<std::shared_ptr<const fpga::EnginePack>> ReadEngine(const Exported& exported,
                                                           const std::string& place) {
  BLUESTEM_ASSIGN_OR_RETURN(
      fpga::EnginePack pack,
      fpga::ParsePack(exported.engine, place, "export it again with this engine"));
  if (pack.digest != codegen::Sha256(fpga::IdentityOf(exported.program))) {
    return Error(Code::kInvalidData, "{}: its engine's part is of another model; export it again",
                 place);
  }
  BLUESTEM_RETURN_IF_ERROR(fpga::CheckPack(pack, exported.program));
  return std::make_shared<const fpga::EnginePack>(std::move(pack));
}

}  // namespace

bool IsExported(const Path& path) {
  std::ifstream file(path, std::ios::binary);
  std::string begin(kAnyVersion.size(), '\0');
  file.read(begin.data(), static_cast<std::streamsize>(begin.size()));
  return file && begin == kAnyVersion;
}

Bytes ToBytes(const Exported& exported) {
  const program::Program& program = exported.program;
  ByteWriter out;
  for (const char c : kMagic) out.Plain(c);
  out.Array(Layout());
  out.Array(exported.device);
  out.Array(program.name);
  out.Array(program.model_hash);
  WriteInfos(program.inputs, out);
  WriteInfos(program.outputs, out);
  out.Plain(static_cast<uint64_t>(program.calls.size()));
  for (const program::Call& call : program.calls) WriteCall(call, out);
  out.Array(program.constants);
  out.Plain(program.arena_bytes);
  out.Plain(static_cast<uint64_t>(exported.places.size()));
  for (const std::string& place : exported.places) out.Array(place);
  out.Array(exported.engine);
  Bytes bytes = out.Take();
  const std::string digest = codegen::Sha256(bytes);
  bytes.insert(bytes.end(), digest.begin(), digest.end());
  return bytes;
}

Result<Exported> FromBytes(const Bytes& bytes, const std::string& place) {
  const std::string_view all = ViewOf(bytes);
  const bool ours = all.starts_with(kAnyVersion);
  if (ours && all.size() >= kMagic.size() && !all.starts_with(kMagic)) {
    return Error(Code::kInvalidData,
                 "{}: exported in another version of the format; this program reads version {}: "
                 "export it again",
                 place, kMagic[kAnyVersion.size()]);
  }
  if (!ours || all.size() < kMagic.size() + kDigestBytes) {
    return Error(Code::kInvalidData, "{}: not a model that Bluestem exported", place);
  }
  const std::string_view body = all.substr(0, all.size() - kDigestBytes);
  if (codegen::Sha256(body) != all.substr(body.size())) {
    return Error(Code::kInvalidData, "{}: damaged: its SHA-256 does not fit; copy it again", place);
  }
  ByteReader in(body.substr(kMagic.size()));
  const auto layout = in.Array<std::string>();
  if (layout != Layout()) {
    return Error(Code::kInvalidData,
                 "{}: exported by another version of Bluestem ({}; this is {}); export it again",
                 place, layout.substr(0, layout.find(' ')), BLUESTEM_VERSION);
  }
  Exported result;
  result.device = in.Array<std::string>();
  result.program.name = in.Array<std::string>();
  result.program.model_hash = in.Array<std::string>();
  result.program.inputs = ReadInfos(in);
  result.program.outputs = ReadInfos(in);
  result.program.calls.resize(in.Count<uint64_t>(1));
  for (program::Call& call : result.program.calls) call = ReadCall(in);
  result.program.constants = in.Array<std::vector<uint8_t>>();
  result.program.arena_bytes = in.Plain<int64_t>();
  result.places.resize(in.Count<uint64_t>(sizeof(uint64_t)));
  for (std::string& name : result.places) name = in.Array<std::string>();
  result.engine = in.Array<Bytes>();
  if (!in.AtEnd() || result.places.size() != result.program.calls.size()) {
    return Error(Code::kInvalidData, "{}: its parts do not fit", place);
  }
  BLUESTEM_RETURN_IF_ERROR(program::Verify(result.program).At(place));
  return result;
}

Status Core::Export(const runtime::CompiledModel& model, const Path& path) const {
  if (model.placed() == nullptr) {
    return Error(Code::kUnsupported,
                 "{}: this model is a compiled library, which is a file already: copy that",
                 path.string());
  }
  const program::Program& program = *model.placed()->program;
  const runtime::Placement& placement = model.placed()->placement;
  BLUESTEM_ASSIGN_OR_RETURN(Bytes engine, EngineOf(program, placement));
  return WriteFile(path, ToBytes({model.settings().device, program, runtime::PlacesOf(placement),
                                  std::move(engine)}));
}

Result<runtime::CompiledModel> Core::Import(const Path& path,
                                            runtime::CompileSettings settings) const {
  BLUESTEM_ASSIGN_OR_RETURN(const Bytes bytes, ReadFile(path));
  BLUESTEM_ASSIGN_OR_RETURN(Exported exported, FromBytes(bytes, path.string()));
  if (settings.device.empty()) settings.device = exported.device;
  if (settings.device == exported.device) settings.places = std::move(exported.places);
  if (NamesEngine(settings.device) && !exported.engine.empty()) {
    BLUESTEM_ASSIGN_OR_RETURN(settings.pack, ReadEngine(exported, path.string()));
  }
  return runtime::CompiledModel::Compile(
      std::make_shared<const program::Program>(std::move(exported.program)), settings);
}

}  // namespace bluestem::core
