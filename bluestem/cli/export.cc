// bluestem export: a run folder to model.onnx. A finished run holds one already; otherwise the
// trainer writes it from the best checkpoint.
#include <nlohmann/json.hpp>

#include "bluestem/cli/commands.h"
#include "bluestem/cli/process.h"
#include "bluestem/cli/trainer.h"
#include "bluestem/interchange/interchange.h"

namespace bluestem::cli {
namespace {

namespace fs = std::filesystem;

struct ExportOptions {
  std::string run;
  std::string output;
};

Status Export(const ExportOptions& options, Output& output) {
  const Path run = options.run;
  std::error_code error;
  if (!fs::is_directory(run / "checkpoints", error) && !fs::exists(run / "model.onnx", error)) {
    return Error(Code::kIo, "{}: no run folder (checkpoints/ or model.onnx is expected)",
                 run.string());
  }
  const Result<Path> trainer = FindTrainer();
  if (fs::is_directory(run / "checkpoints", error) && trainer.ok()) {
    BLUESTEM_ASSIGN_OR_RETURN(const ProcessResult process,
                              RunProcess({trainer->string(), "export", "--run", run.string(),
                                          "--output", options.output, "--quiet"}));
    if (process.exit_code != 0) {
      return TrainerFailure(process.exit_code, process.output)
          .At(run.string() + ": the trainer could not export it");
    }
  } else if (fs::exists(run / "model.onnx", error)) {
    BLUESTEM_ASSIGN_OR_RETURN(const Bytes bytes, ReadFile(run / "model.onnx"));
    BLUESTEM_RETURN_IF_ERROR(WriteFile(options.output, bytes));
  } else {
    return trainer.status();
  }
  BLUESTEM_ASSIGN_OR_RETURN(const ir::Graph graph, interchange::LoadModel(options.output));
  output.Line("{}: {} nodes", options.output, graph.nodes.size());
  output.Json({{"output", options.output}, {"nodes", graph.nodes.size()}});
  return OkStatus();
}

Runner Setup(CommandLine& line) {
  auto options = std::make_shared<ExportOptions>();
  line.Add("RUN", options->run, "A run folder").Required();
  line.Add("-o,--output", options->output, "The file to write").Required();
  return [options](Output& output) { return Export(*options, output); };
}

}  // namespace

Command ExportCommand() {
  return {.name = "export",
          .usage = "RUN -o model.onnx",
          .summary = "Write a run's network as ONNX with QONNX quantizers",
          .description =
              "Writes the best checkpoint as ONNX with Quant and BipolarQuant nodes, which other\n"
              "QONNX readers accept. A 1-bit weight takes a bit.",
          .example = "bluestem export runs/first -o model.onnx",
          .codes = {Code::kInvalidData, Code::kIo, Code::kUnavailable},
          .setup = Setup};
}

}  // namespace bluestem::cli
