// bluestem inspect: what a model is made of once compiled: ops, shapes, bits, multiply-adds,
// weights and memory.
#include <map>
#include <nlohmann/json.hpp>

#include "bluestem/cli/commands.h"
#include "bluestem/cli/kernels_used.h"
#include "bluestem/cli/op_table.h"
#include "bluestem/cli/verify.h"
#include "bluestem/codegen/codegen.h"
#include "bluestem/core/compile.h"

namespace bluestem::cli {
namespace {

using Json = nlohmann::ordered_json;

struct InspectOptions {
  std::string model;
  std::string meta;
};

int64_t WeightBits(const program::Call& call) {
  return call.weight_count * call.w_bits;
}

Json TensorsJson(const std::vector<program::TensorInfo>& tensors) {
  Json list = Json::array();
  for (const program::TensorInfo& tensor : tensors) {
    list.push_back({{"name", tensor.name},
                    {"dtype", DTypeName(tensor.dtype)},
                    {"shape", tensor.shape},
                    {"scale", tensor.scale},
                    {"zero_point", tensor.zero_point}});
  }
  return list;
}

std::string TensorText(const program::TensorInfo& tensor) {
  const std::string scale =
      tensor.dtype == DType::kU8 ? fmt::format(", scale {:.6g}", tensor.scale) : "";
  return fmt::format("{} {} {}{}", tensor.name, DTypeName(tensor.dtype), ShapeText(tensor.shape),
                     scale);
}

// Prints the calls, and fills the JSON document with them and the totals.
void DescribeProgram(Output& output, const program::Program& program, Json& document) {
  std::vector<std::vector<std::string>> rows;
  std::map<std::string, int64_t> macs_by_bits;
  int64_t macs = 0;
  int64_t weights = 0;
  int64_t weight_bits = 0;
  Json ops = Json::array();
  for (const program::Call& call : program.calls) {
    const std::string bits = BitsText(call.x_bits, call.w_bits, call.macs);
    rows.push_back({call.op, call.comment, bits, call.macs == 0 ? "-" : CountText(call.macs),
                    call.weight_count == 0 ? "-" : CountText(call.weight_count),
                    call.weight_count == 0 ? "-" : CountText((WeightBits(call) + 7) / 8)});
    ops.push_back({{"op", call.op},
                   {"call", call.comment},
                   {"x_bits", call.x_bits == 0 ? 32 : call.x_bits},
                   {"w_bits", call.w_bits},
                   {"macs", call.macs},
                   {"weights", call.weight_count},
                   {"weight_bytes", (WeightBits(call) + 7) / 8}});
    macs += call.macs;
    weights += call.weight_count;
    weight_bits += WeightBits(call);
    if (call.macs > 0) macs_by_bits[bits] += call.macs;
  }
  const auto constants = static_cast<int64_t>(program.constants.size());
  output.Table({"op", "call", "bits", "MACs", "weights", "bytes"}, rows);
  output.Line("");
  Json by_bits = Json::object();
  for (const auto& [bits, count] : macs_by_bits) {
    output.Line("{:<18}{} ({:.1f} %)", "MACs " + bits, CountText(count),
                100.0 * static_cast<double>(count) / static_cast<double>(macs));
    by_bits[bits] = count;
  }
  output.Line("MACs in total     {}", CountText(macs));
  output.Line("weights           {}, {} at their bits", CountText(weights),
              BytesText((weight_bits + 7) / 8));
  output.Line("constants         {} (packed weights, thresholds, scales)", BytesText(constants));
  output.Line("arena             {}", BytesText(program.arena_bytes));
  document["ops"] = ops;
  document["macs"] = macs;
  document["macs_by_bits"] = by_bits;
  document["weights"] = weights;
  document["weight_bytes"] = (weight_bits + 7) / 8;
  document["constant_bytes"] = constants;
  document["arena_bytes"] = program.arena_bytes;
}

// Checks the artefact, prints its libraries and appends their targets.
Status DescribeArtefact(Output& output, const Path& artefact, Json& document,
                        std::vector<std::string>& targets) {
  BLUESTEM_RETURN_IF_ERROR(codegen::CheckArtefact(artefact));
  BLUESTEM_ASSIGN_OR_RETURN(const codegen::Manifest manifest, codegen::ReadManifest(artefact));
  output.Line("artefact          format {}, made by bluestem {}, model {}", manifest.format_version,
              manifest.tool_version, manifest.model_hash.substr(0, 12));
  Json libraries = Json::array();
  for (const codegen::Target& target : codegen::Targets()) {
    const Path library = core::LibraryPath(artefact, target.name);
    std::error_code error;
    const uintmax_t bytes = std::filesystem::file_size(library, error);
    if (error) continue;
    output.Line("library           {}: {}", target.name, BytesText(static_cast<int64_t>(bytes)));
    targets.emplace_back(target.name);
    libraries.push_back({{"target", target.name}, {"path", library.string()}, {"bytes", bytes}});
  }
  document["artefact"] = {{"format_version", manifest.format_version},
                          {"tool_version", manifest.tool_version},
                          {"model_hash", manifest.model_hash},
                          {"files", manifest.files.size()},
                          {"libraries", libraries}};
  return OkStatus();
}

Status Inspect(const InspectOptions& options, Output& output) {
  BLUESTEM_ASSIGN_OR_RETURN(const core::ModelSource source,
                            core::FindModel(options.model, options.meta));
  Json document = {{"path", source.path.string()}};
  std::vector<std::string> targets;
  if (source.kind == core::ModelSource::Kind::kArtefact) {
    BLUESTEM_RETURN_IF_ERROR(DescribeArtefact(output, source.path, document, targets));
  }
  BLUESTEM_ASSIGN_OR_RETURN(const core::LoadedModel model, core::LoadSource(source));
  core::CompileOptions compile;
  compile.input_codes = core::CodesOf(model);
  compile.model_hash = model.sha256;
  BLUESTEM_ASSIGN_OR_RETURN(const core::Compiled compiled, core::Compile(model.graph, compile));
  const program::Program& program = *compiled.program;
  document["model"] = model.name;
  document["sha256"] = model.sha256;
  document["nodes"] = model.graph.nodes.size();
  document["inputs"] = TensorsJson(program.inputs);
  document["outputs"] = TensorsJson(program.outputs);
  output.Line("model             {}: {} nodes, {}", source.model_file.string(),
              model.graph.nodes.size(), BytesText(static_cast<int64_t>(model.bytes.size())));
  for (const auto& input : program.inputs) output.Line("input             {}", TensorText(input));
  for (const auto& result : program.outputs) {
    output.Line("output            {}", TensorText(result));
  }
  if (model.image_input) {
    output.Line("pictures          {}{}", core::PreprocessText(model.meta.preprocess),
                model.meta_is_default ? " (assumed: there is no meta.yaml)" : "");
  }
  output.Line("");
  DescribeProgram(output, program, document);
  output.Line("");
  document["kernels"] = DescribeKernels(output, program, LevelsOf(targets));
  output.Json(document);
  return OkStatus();
}

Runner Setup(CommandLine& line) {
  auto options = std::make_shared<InspectOptions>();
  line.Add("MODEL", options->model, "A run folder, an artefact, an .onnx or a .pb file").Required();
  line.Add("--meta", options->meta, "meta.yaml of the model (default: the one beside it)");
  return [options](Output& output) { return Inspect(*options, output); };
}

}  // namespace

Command InspectCommand() {
  return {.name = "inspect",
          .usage = "MODEL",
          .summary = "Show ops, shapes, bits, multiply-adds, weights, memory and kernels",
          .description =
              "Shows what runs: each call with its shapes and bits, its multiply-adds and weights, "
              "the\n"
              "totals, and the kernel of each convolution by instruction set. An artefact is "
              "checked\n"
              "against its manifest first.",
          .example = "bluestem inspect first.artefact\nbluestem inspect model.onnx --json",
          .codes = {Code::kInvalidData, Code::kUnsupported, Code::kIo},
          .setup = Setup};
}

}  // namespace bluestem::cli
