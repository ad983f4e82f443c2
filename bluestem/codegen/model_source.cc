#include "bluestem/codegen/model_source.h"

#include <fmt/format.h>

#include <cstring>
#include <map>

#include "bluestem/codegen/call_source.h"
#include "bluestem/codegen/memory_plan.h"
#include "bluestem/codegen/text.h"
#include "bluestem/edge/model_abi.h"

namespace bluestem::codegen {
namespace {

using program::Program;
using program::Space;
using program::TensorInfo;

Result<std::string> InfoRow(const TensorInfo& info) {
  const char* dtype = info.dtype == DType::kF32   ? "BLUESTEM_F32"
                      : info.dtype == DType::kU8  ? "BLUESTEM_U8"
                      : info.dtype == DType::kS32 ? "BLUESTEM_S32"
                                                  : nullptr;
  if (dtype == nullptr) {
    return Error(Code::kUnsupported, "tensor '{}' is {}; an artefact's are f32, u8 or s32",
                 info.name, DTypeName(info.dtype));
  }
  if (info.shape.size() > BLUESTEM_MAX_RANK) {
    return Error(Code::kUnsupported, "tensor '{}' {} has rank {}; an artefact's have at most {}",
                 info.name, ShapeText(info.shape), info.shape.size(), BLUESTEM_MAX_RANK);
  }
  return Wrap(fmt::format("{{.name = {}, .dtype = {}, .rank = {}, .shape = {{{}}}, .bytes = {}, "
                          ".scale = {}, .zero_point = {}}},",
                          CString(info.name), dtype, info.shape.size(), fmt::join(info.shape, ", "),
                          info.bytes(), DoubleLiteral(info.scale), info.zero_point),
              4);
}

Result<std::string> InfoTable(const char* name, const std::vector<TensorInfo>& infos) {
  std::string text = fmt::format("constexpr bluestem_tensor_info {}[] = {{\n", name);
  for (const TensorInfo& info : infos) {
    BLUESTEM_ASSIGN_OR_RETURN(const std::string row, InfoRow(info));
    text += row;
  }
  return text + "};\n";
}

std::string HeaderComment(const Program& program, const std::string& tool_version) {
  int64_t macs = 0;
  for (const program::Call& call : program.calls) macs += call.macs;
  std::string text = fmt::format(
      "// Made by Bluestem {} from the model '{}'. Change the model, not this file.\n"
      "//\n"
      "// model hash  {}\n"
      "// calls       {}, {} multiply-accumulates\n"
      "// weights     {} bytes\n"
      "// arena       {} bytes:\n"
      "//\n"
      "//       offset        bytes  from call    to call  what\n",
      tool_version, CommentText(program.name), CommentText(program.model_hash),
      program.calls.size(), Grouped(macs), Grouped(static_cast<int64_t>(program.constants.size())),
      Grouped(program.arena_bytes));
  for (const ArenaRow& row : MemoryPlan(program)) {
    text += fmt::format("// {:>12} {:>12} {:>10} {:>10}  {}\n", Grouped(row.offset),
                        Grouped(row.bytes), row.first_call, row.last_call, CommentText(row.what));
  }
  return text;
}

// The part that differs by call: constants, the chosen kernels, the calls.
std::string Calls(const Program& program, const std::vector<CallSource>& calls) {
  std::string constants;
  std::string fields;
  std::string selects;
  std::string scratches;
  std::string symbols;
  std::string statements;
  for (size_t i = 0; i < calls.size(); ++i) {
    const CallSource& call = calls[i];
    const std::string& comment = program.calls[i].comment;
    if (!call.constant.empty()) constants += Wrap(call.constant, 0);
    std::string symbol = CString(call.symbol);
    if (!call.table.empty()) {
      fields += fmt::format("  const kernels::{}Kernel* call{};\n", call.table, i);
      selects +=
          fmt::format("  chosen.call{} = &kernels::Select{}(kCall{}, isas);\n", i, call.table, i);
      scratches +=
          fmt::format("  most = edge::PartScratch(*chosen.call{0}, kCall{0}, threads, most);\n", i);
      symbol = fmt::format("chosen.call{}->symbol", i);
    }
    symbols += fmt::format("    case {}:\n      return {};\n", i, symbol);
    statements +=
        fmt::format("  // {}\n", CommentText(comment.empty() ? program.calls[i].op : comment));
    statements += Wrap(call.statement, 2) + fmt::format("  watch.Tick({});\n", i);
  }
  const bool chooses = !fields.empty();
  const char* cast =
      "  [[maybe_unused]] {0}Kernels& chosen = *static_cast<{0}Kernels*>(storage);\n";
  return constants + "\n// The kernels that a session's CPU runs.\nstruct Kernels {\n" +
         (chooses ? fields : "  char none;\n") +
         "};\n\nvoid Select([[maybe_unused]] kernels::IsaSet isas, void* storage) {\n" +
         fmt::format(fmt::runtime(cast), "") + selects +
         "}\n\nsize_t ScratchBytes(const void* storage, [[maybe_unused]] int32_t threads) {\n" +
         fmt::format(fmt::runtime(cast), "const ") + "  size_t most = 0;\n" + scratches +
         "  return most;\n}\n\nconst char* Symbol(const void* storage, int32_t op) {\n" +
         fmt::format(fmt::runtime(cast), "const ") + "  switch (op) {\n" + symbols +
         "  }\n  return nullptr;\n}\n\n"
         "void Run(const void* storage, const Memory& m, Stopwatch watch) {\n" +
         fmt::format(fmt::runtime(cast), "const ") + statements + "}\n";
}

std::string OpTable(const Program& program) {
  std::string text = "constexpr Op kOps[] = {\n";
  for (const program::Call& call : program.calls) {
    text += Wrap(fmt::format("{{.name = {}, .x_bits = {}, .w_bits = {}, .macs = {}}},",
                             CString(call.op), call.x_bits, call.w_bits, call.macs),
                 4);
  }
  return text + "};\n";
}

// What each constant is: offset -> "conv1: weights".
std::map<int64_t, std::string> ConstantNames(const Program& program) {
  std::map<int64_t, std::string> names;
  for (const program::Call& call : program.calls) {
    for (size_t i = 0; i < call.inputs.size(); ++i) {
      if (call.inputs[i].space != Space::kConstants) continue;
      names.emplace(call.inputs[i].offset, fmt::format("{}, operand {}", CommentText(call.op), i));
    }
  }
  return names;
}

size_t WordCount(const Program& program) {
  constexpr size_t kWordsOfAlignment = 8;  // 64 bytes
  const size_t words = (program.constants.size() + 7) / 8;
  return (words / kWordsOfAlignment + 1) * kWordsOfAlignment;
}

// 64-bit words: compilers read them about ten times faster than bytes.
std::string Weights(const Program& program, const std::string& tool_version) {
  std::string text = fmt::format(
      "// Made by Bluestem {}: the constants of the model '{}', {} bytes, little endian.\n"
      "#include <stdint.h>\n\n"
      "static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__);\n\n"
      "namespace bluestem::artefact {{\n\n"
      "extern const uint64_t kWeights[];\n"
      "alignas(64) const uint64_t kWeights[{}] = {{\n",
      tool_version, CommentText(program.name),
      Grouped(static_cast<int64_t>(program.constants.size())), WordCount(program));
  std::vector<uint64_t> words(WordCount(program));
  if (!program.constants.empty()) {
    std::memcpy(words.data(), program.constants.data(), program.constants.size());
  }
  const std::map<int64_t, std::string> names = ConstantNames(program);
  constexpr size_t kWordsPerLine = 4;
  for (size_t i = 0; i < words.size(); ++i) {
    const auto name = names.find(static_cast<int64_t>(i) * 8);
    if (name != names.end() && i % kWordsPerLine == 0) {
      text += fmt::format("    // {}: {}\n", name->first, name->second);
    }
    text += i % kWordsPerLine == 0 ? "    " : " ";
    text += fmt::format("{:#018x},", words[i]);
    if (i % kWordsPerLine == kWordsPerLine - 1) text += '\n';
  }
  return text + "};\n\n}  // namespace bluestem::artefact\n";
}

constexpr const char* kAccessors =
    "inline const float* F32(const uint8_t* p) { return reinterpret_cast<const float*>(p); }\n"
    "inline float* F32(uint8_t* p) { return reinterpret_cast<float*>(p); }\n"
    "inline const int32_t* S32(const uint8_t* p) { return reinterpret_cast<const int32_t*>(p); }\n"
    "inline int32_t* S32(uint8_t* p) { return reinterpret_cast<int32_t*>(p); }\n"
    "inline const int8_t* S8(const uint8_t* p) { return reinterpret_cast<const int8_t*>(p); }\n";

std::string ModelTable(const Program& program, const std::string& tool_version) {
  return fmt::format(
      "extern const Model kModel = {{\n"
      "    .name = {},\n    .hash = {},\n    .tool_version = {},\n"
      "    .input_count = {},\n    .output_count = {},\n    .op_count = {},\n"
      "    .inputs = kInputs,\n    .outputs = kOutputs,\n    .ops = kOps,\n"
      "    .constants = reinterpret_cast<const uint8_t*>(kWeights),\n"
      "    .constant_bytes = {},\n    .arena_bytes = {},\n"
      "    .kernels_bytes = sizeof(Kernels),\n"
      "    .select = Select,\n    .scratch_bytes = ScratchBytes,\n    .symbol = Symbol,\n    .run "
      "= Run,\n}};\n",
      CString(program.name), CString(program.model_hash), CString(tool_version),
      program.inputs.size(), program.outputs.size(), program.calls.size(), program.constants.size(),
      program.arena_bytes);
}

}  // namespace

Result<ModelSource> MakeModelSource(const Program& program, const std::string& tool_version) {
  BLUESTEM_ASSIGN_OR_RETURN(const std::string inputs, InfoTable("kInputs", program.inputs));
  BLUESTEM_ASSIGN_OR_RETURN(const std::string outputs, InfoTable("kOutputs", program.outputs));
  if (program.inputs.empty() || program.outputs.empty() || program.calls.empty()) {
    return Error(Code::kUnsupported,
                 "model '{}' has {} inputs, {} outputs and {} calls; an artefact needs each",
                 program.name, program.inputs.size(), program.outputs.size(), program.calls.size());
  }
  std::vector<CallSource> calls;
  ModelSource source;
  source.roots = {"bluestem/codegen/artefact/model.h", "bluestem/codegen/artefact/session.cc",
                  "bluestem/kernels/isa.h"};
  std::set<std::string> headers = {"#include \"bluestem/codegen/artefact/model.h\"\n"};
  for (size_t i = 0; i < program.calls.size(); ++i) {
    calls.push_back(MakeCallSource(program.calls[i], i));
    source.roots.insert("bluestem/kernels/" + calls.back().header);
    headers.insert(fmt::format("#include \"bluestem/kernels/{}\"\n", calls.back().header));
  }
  source.model = HeaderComment(program, tool_version);
  for (const std::string& header : headers) source.model += header;
  source.model +=
      "\nnamespace bluestem::artefact {\n\nextern const uint64_t kWeights[];  // "
      "weights.cc\n\nnamespace {\n\n";
  source.model += kAccessors;
  source.model += "\n" + inputs + outputs + OpTable(program) + "\n" + Calls(program, calls);
  source.model += "\n}  // namespace\n\n" + ModelTable(program, tool_version);
  source.model += "\n}  // namespace bluestem::artefact\n";
  source.weights = Weights(program, tool_version);
  return source;
}

}  // namespace bluestem::codegen
