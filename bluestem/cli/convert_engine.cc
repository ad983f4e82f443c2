// convert --target fpga: the engine's part of an artefact, packed and verified.
#include "bluestem/cli/command.h"
#include "bluestem/cli/convert.h"
#include "bluestem/core/core.h"
#include "bluestem/core/engine_part.h"

namespace bluestem::cli {
namespace {

constexpr const char* kDevice = "HETERO:FPGA-MODEL,CPU";

Bytes BytesOf(const std::string& text) {
  return Bytes(text.begin(), text.end());
}

// Returns the Program of the artefact that carries `files`. It may be another than that of the
// model as the user has it: a .pb travels as ONNX.
Result<std::shared_ptr<const program::Program>> ProgramOf(
    const std::vector<codegen::ArtefactFile>& files, const Path& scratch) {
  for (const codegen::ArtefactFile& file : files) {
    const Path path = scratch / file.path;
    BLUESTEM_RETURN_IF_ERROR(MakeFolder(path.parent_path()));
    BLUESTEM_RETURN_IF_ERROR(WriteFileUnflushed(path, file.content));
  }
  BLUESTEM_ASSIGN_OR_RETURN(const core::ModelSource source, core::FindModel(scratch));
  return core::CompileSource(source);
}

}  // namespace

Result<EngineSummary> AddEnginePart(const std::string& model, const Path& scratch,
                                    std::vector<codegen::ArtefactFile>& files) {
  BLUESTEM_ASSIGN_OR_RETURN(const auto program, ProgramOf(files, scratch));
  const auto pack = core::PackForEngine(*program);
  if (!pack.ok()) {
    return Error(pack.status().code(),
                 "--target fpga: {}: {}; leave --target fpga out, or see what the engine takes: "
                 "bluestem fpga report {}",
                 model, pack.status().message(), model);
  }
  BLUESTEM_RETURN_IF_ERROR(fpga::CheckPack(*pack, *program));
  files.push_back({core::kEnginePart, fpga::ToBytes(*pack)});
  EngineSummary summary;
  summary.bytes = static_cast<int64_t>(files.back().content.size());
  files.push_back({core::kEngineListing, BytesOf(fpga::ToText(*pack, *program))});
  summary.regions = pack->regions.size();
  summary.program_calls = program->calls.size();
  for (const fpga::PackedRegion& region : pack->regions) {
    summary.calls += region.end - region.begin - region.program.host_calls.size();
  }
  return summary;
}

Status VerifyEnginePart(const Path& artefact, const core::LoadedModel& model,
                        const std::vector<Sample>& samples) {
  BLUESTEM_ASSIGN_OR_RETURN(const core::OpenedModel opened,
                            core::Core().Open(artefact, {.device = kDevice}));
  BLUESTEM_CHECK(opened.model.settings().pack != nullptr, "the part belongs to the artefact");
  const auto program = opened.model.placed()->program;
  BLUESTEM_ASSIGN_OR_RETURN(const auto cpu,
                            runtime::Interpret(program, "", 0, runtime::Kernels::kOwn));
  runtime::InferRequest request = opened.model.CreateRequest();
  for (const Sample& sample : samples) {
    if (Interrupted()) return InterruptedStatus();
    BLUESTEM_ASSIGN_OR_RETURN(const std::vector<Tensor> inputs,
                              ProgramInputs(sample, model, program->inputs));
    for (size_t i = 0; i < inputs.size(); ++i) {
      BLUESTEM_RETURN_IF_ERROR(request.SetInput(program->inputs[i].name, inputs[i]));
    }
    BLUESTEM_RETURN_IF_ERROR(request.Infer());
    BLUESTEM_ASSIGN_OR_RETURN(const std::vector<Tensor> expected, cpu->Run(inputs));
    for (size_t o = 0; o < expected.size(); ++o) {
      const std::string& name = program->outputs[o].name;
      BLUESTEM_ASSIGN_OR_RETURN(const Tensor actual, request.Output(name));
      if (actual == expected[o]) continue;
      return Error(Code::kMismatch, "{}: the engine's part and the interpreter differ: output '{}'",
                   sample.name, name);
    }
  }
  return OkStatus();
}

}  // namespace bluestem::cli
