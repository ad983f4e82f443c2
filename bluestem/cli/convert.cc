// bluestem convert: a model to an artefact. One page: load, passes, lower, generate and compile,
// verify, show.
#include "bluestem/cli/convert.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>

#include "bluestem/cli/commands.h"
#include "bluestem/cli/frame.h"
#include "bluestem/cli/kernels_used.h"
#include "bluestem/cli/process.h"
#include "bluestem/codegen/codegen.h"
#include "bluestem/codegen/digest.h"
#include "bluestem/interchange/interchange.h"
#include "bluestem/ir/graph.h"

namespace bluestem::cli {
namespace {

namespace fs = std::filesystem;

constexpr const char* kFpgaTarget = "fpga";

// Prints steps with the time that each took.
class Steps {
 public:
  explicit Steps(Output& output) : output_(output) {}
  // The step took `seconds`.
  void Line(const std::string& step, double seconds, const std::string& what) {
    output_.Line("{:<9} {:>9}  {}", step, SecondsText(seconds), what);
    last_ = std::chrono::steady_clock::now();
  }
  // The step took the time since the last one.
  void Done(const std::string& step, const std::string& what) {
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - last_;
    Line(step, took.count(), what);
  }

 private:
  Output& output_;
  std::chrono::steady_clock::time_point last_ = std::chrono::steady_clock::now();
};

// `fpga`: whether the engine is asked for too, which no compiler is for.
Result<std::vector<const codegen::Target*>> FindTargets(std::vector<std::string> names,
                                                        bool& fpga) {
  fpga = std::erase(names, kFpgaTarget) > 0;
  std::vector<const codegen::Target*> targets;
  for (const std::string& name : names) {
    const codegen::Target* target = codegen::FindTarget(name);
    if (target == nullptr) {
      std::vector<std::string> known;
      for (const codegen::Target& row : codegen::Targets()) known.push_back(row.name);
      known.emplace_back(kFpgaTarget);
      return Error(Code::kInvalidArgument, "--target: got {}; expected {}", name,
                   fmt::join(known, ", "));
    }
    if (std::find(targets.begin(), targets.end(), target) == targets.end()) {
      targets.push_back(target);
    }
  }
  if (!targets.empty()) return targets;
  if (core::HostTarget() == nullptr) {
    return Error(Code::kInvalidArgument, "this machine is no target itself; name one: --target");
  }
  return std::vector<const codegen::Target*>{core::HostTarget()};
}

// An artefact may be replaced; anything else at that place is the user's and stays.
Status CheckOutput(const Path& output) {
  std::error_code error;
  if (!fs::exists(output, error)) return OkStatus();
  if (fs::is_directory(output) && (fs::is_empty(output) || fs::exists(output / "models"))) {
    return OkStatus();
  }
  return Error(Code::kIo, "-o {}: exists and is no artefact; remove it or name another folder",
               output.string());
}

Status CheckDump(const std::string& dump) {
  if (dump.empty() || dump == "all") return OkStatus();
  std::vector<std::string> names;
  for (const passes::Pass& pass : passes::Pipeline()) names.push_back(pass.name);
  const std::string name = dump.rfind("after:", 0) == 0 ? dump.substr(6) : dump;
  if (dump.rfind("after:", 0) == 0 && std::find(names.begin(), names.end(), name) != names.end()) {
    return OkStatus();
  }
  return Error(Code::kInvalidArgument, "--dump: got {}; expected all or after:PASS, PASS one of {}",
               dump, fmt::join(names, ", "));
}

// Lets --raw-input and --input-scale override what the meta says of the input.
Status ApplyInputOptions(const ConvertOptions& options, core::LoadedModel& model) {
  if (options.input_scale == 0) return OkStatus();
  if (!model.image_input) {
    return Error(Code::kInvalidArgument, "--input-scale: the model's input is {}, not a picture",
                 ShapeText(model.graph.value(model.graph.inputs[0]).shape));
  }
  if (std::abs(options.input_scale * 255 - 1) < 1e-3) {
    model.meta.preprocess.normalize = image::Normalize::kDivideBy255;
  } else if (options.input_scale == 1) {
    model.meta.preprocess.normalize = image::Normalize::kNone;
  } else {
    return Error(Code::kInvalidArgument,
                 "--input-scale: got {}; meta.yaml can say 1/255 = 0.003921569 or 1",
                 options.input_scale);
  }
  return OkStatus();
}

void TellMeta(Output& output, const core::ModelSource& source, const core::LoadedModel& model) {
  if (!model.meta_is_default) {
    output.Line("{:<9} {:>9}  {}: {}; {} classes", "meta", "", source.meta_file.string(),
                core::PreprocessText(model.meta.preprocess), model.meta.classes.size());
  } else if (model.image_input) {
    output.Warn(
        "no meta.yaml beside the model: pictures of {} are assumed{}; give --meta FILE to "
        "say otherwise",
        core::PreprocessText(model.meta.preprocess),
        model.classifier
            ? fmt::format(" and classes \"0\" to \"{}\"", model.meta.classes.size() - 1)
            : "");
  } else {
    output.Warn(
        "the model's input is no picture: it is taken as f32 tensors, and the artefact has "
        "no meta.yaml");
  }
}

// Writes the graph after a pass to OUTPUT.dump/NN-PASS.txt.
Status Dump(const ConvertOptions& options, size_t number, const std::string& pass,
            const ir::Graph& graph) {
  if (options.dump != "all" && options.dump != "after:" + pass) return OkStatus();
  const Path folder = options.output + ".dump";
  BLUESTEM_RETURN_IF_ERROR(MakeFolder(folder));
  return WriteFile(folder / fmt::format("{:02}-{}.txt", number, pass), ir::ToText(graph));
}

// The files that travel with the model: meta.yaml, and the model itself as ONNX.
Result<std::vector<codegen::ArtefactFile>> CarriedFiles(const core::ModelSource& source,
                                                        const core::LoadedModel& model,
                                                        std::string& model_hash) {
  std::vector<codegen::ArtefactFile> files;
  Bytes onnx = model.bytes;
  if (source.model_file.extension() == ".pb") {
    BLUESTEM_ASSIGN_OR_RETURN(onnx, interchange::ToOnnx(model.graph));
  }
  if (source.batch != 0) onnx = interchange::WithBatch(onnx, source.batch);
  model_hash = codegen::Sha256(onnx);
  files.push_back({"models/model.onnx", std::move(onnx)});
  if (model.image_input && model.classifier) {
    const std::string meta = task::MetaToYaml(model.meta);
    files.push_back({"models/meta.yaml", Bytes(meta.begin(), meta.end())});
  }
  return files;
}

void Explain(Output& output, const core::Compiled& compiled) {
  output.Line("\nWhy each op went where it went:");
  for (const passes::Decision& decision : compiled.pass_decisions) {
    output.Line("  {} [{}]: {}", decision.node, decision.pass, decision.text);
  }
  output.Line("Kernels:");
  for (const lower::Decision& decision : compiled.lower_decisions) {
    output.Line("  {}: {}", decision.node, decision.text);
  }
  output.Line("");
}

// Puts the finished artefact and its archive in their places.
Status Publish(const Path& staged, const Path& target) {
  std::error_code error;
  const Path old = staged.parent_path() / "replaced";
  if (fs::exists(target)) {
    fs::rename(target, old, error);
    if (error) return Error(Code::kIo, "{}: cannot replace: {}", target.string(), error.message());
  }
  fs::rename(staged, target, error);
  if (error) {
    std::error_code ignored;
    if (fs::exists(old)) fs::rename(old, target, ignored);
    return Error(Code::kIo, "{}: cannot write: {}", target.string(), error.message());
  }
  fs::rename(Path(staged).concat(".tar.gz"), Path(target).concat(".tar.gz"), error);
  if (error) {
    return Error(Code::kIo, "{}.tar.gz: cannot write: {}", target.string(), error.message());
  }
  return OkStatus();
}

// Compares the model as read with its Program, before anything is compiled.
Status VerifyProgram(const core::LoadedModel& model, const core::Compiled& compiled,
                     const SampleSet& set, Steps& steps, ConvertSummary& summary,
                     std::vector<std::vector<Tensor>>& expected) {
  summary.samples = set.origin;
  BLUESTEM_ASSIGN_OR_RETURN(summary.plain,
                            VerifyInterpreter(model, compiled, set.samples, expected));
  steps.Done("verify", fmt::format("{}: interpreter within {:.2g} of a float64 evaluation of the "
                                   "model (bound {:g})",
                                   set.origin, summary.plain.max_difference, kVerifyBound));
  if (summary.plain.ties > 0) {
    steps.Done("", fmt::format("{} of them through a rounding tie of a quantizer ({})",
                               summary.plain.ties, summary.plain.tie));
  }
  return OkStatus();
}

Status VerifyLibraries(const core::LoadedModel& model, const core::Compiled& compiled,
                       const SampleSet& set, const Path& artefact,
                       const std::vector<const codegen::Target*>& targets,
                       const std::vector<std::vector<Tensor>>& expected, Steps& steps,
                       ConvertSummary& summary) {
  for (const codegen::Target* target : targets) {
    BLUESTEM_ASSIGN_OR_RETURN(
        LibraryReport library,
        VerifyLibrary(artefact, *target, model, compiled, set.samples, expected));
    steps.Done("verify", library.not_run.empty()
                             ? fmt::format("{}: equal bits on {}", target->name, library.isas)
                             : fmt::format("{}: not run here, {}", target->name, library.not_run));
    summary.libraries.push_back(std::move(library));
  }
  return OkStatus();
}

std::string EngineText(const EngineSummary& engine) {
  return fmt::format("fpga: {} of {} calls in {} region{}, {}", engine.calls, engine.program_calls,
                     engine.regions, engine.regions == 1 ? "" : "s", BytesText(engine.bytes));
}

Status Convert(const ConvertOptions& options, Output& output) {
  bool fpga = false;
  BLUESTEM_ASSIGN_OR_RETURN(const auto targets, FindTargets(options.targets, fpga));
  Path target_folder = options.output;
  if (!target_folder.has_filename()) target_folder = target_folder.parent_path();
  BLUESTEM_RETURN_IF_ERROR(CheckOutput(target_folder));
  BLUESTEM_RETURN_IF_ERROR(CheckDump(options.dump));
  Steps steps(output);

  BLUESTEM_ASSIGN_OR_RETURN(core::ModelSource source, core::FindModel(options.model, options.meta));
  source.batch = options.batch;
  BLUESTEM_ASSIGN_OR_RETURN(core::LoadedModel model, LoadBatch(source));
  BLUESTEM_RETURN_IF_ERROR(ApplyInputOptions(options, model));
  steps.Done("read",
             fmt::format("{}: {} nodes", source.model_file.string(), model.graph.nodes.size()));
  TellMeta(output, source, model);

  core::CompileOptions compile;
  if (!options.raw_input) compile.input_codes = core::CodesOf(model);
  BLUESTEM_ASSIGN_OR_RETURN(auto files, CarriedFiles(source, model, compile.model_hash));
  Status dumped;
  size_t number = 0;
  double pass_seconds = 0;
  compile.observer = [&](const core::PassRecord& pass, const ir::Graph& after) {
    pass_seconds += pass.seconds;
    if (pass.changes > 0) {
      steps.Line("pass", pass.seconds, fmt::format("{}: {} changes", pass.name, pass.changes));
    }
    if (dumped.ok()) dumped = Dump(options, ++number, pass.name, after);
  };
  BLUESTEM_ASSIGN_OR_RETURN(const core::Compiled compiled, core::Compile(model.graph, compile));
  BLUESTEM_RETURN_IF_ERROR(dumped);
  steps.Line("passes", pass_seconds,
             fmt::format("{} of them, {} nodes left", number, compiled.graph.nodes.size()));
  steps.Line("lower", compiled.lower_seconds,
             fmt::format("{} calls, {} of weights, {} of arena", compiled.program->calls.size(),
                         BytesText(static_cast<int64_t>(compiled.program->constants.size())),
                         BytesText(compiled.program->arena_bytes)));
  if (options.explain) Explain(output, compiled);
  std::vector<std::string> names;
  for (const codegen::Target* target : targets) names.emplace_back(target->name);
  WarnOfReference(output, *compiled.program, LevelsOf(names));
  if (Interrupted()) return InterruptedStatus();

  ConvertSummary summary;
  summary.output = target_folder;
  std::vector<std::vector<Tensor>> expected;
  BLUESTEM_ASSIGN_OR_RETURN(const SampleSet set,
                            TakeSamples(source, model, options.images, options.verify));
  BLUESTEM_RETURN_IF_ERROR(VerifyBatch(source, model));
  BLUESTEM_RETURN_IF_ERROR(VerifyProgram(model, compiled, set, steps, summary, expected));

  BLUESTEM_ASSIGN_OR_RETURN(const StagedFolder staging, StagedFolder::Create(target_folder));
  const Path staged = staging.path() / target_folder.filename();
  if (fpga) {
    BLUESTEM_ASSIGN_OR_RETURN(summary.engine,
                              AddEnginePart(options.model, staging.path() / ".opened", files));
    steps.Done("pack", EngineText(*summary.engine));
  }
  codegen::EmitOptions emit;
  emit.targets = targets;
  emit.files = files;
  emit.provenance_json = ProvenanceJson(source, model);
  emit.source_root = SourceRoot();
  emit.tool_version = BLUESTEM_VERSION;
  emit.progress = [&](const std::string& step) { steps.Done("emit", step); };
  BLUESTEM_RETURN_IF_ERROR(codegen::Emit(*compiled.program, staged, emit));
  if (Interrupted()) return InterruptedStatus();

  BLUESTEM_RETURN_IF_ERROR(
      VerifyLibraries(model, compiled, set, staged, targets, expected, steps, summary));
  if (fpga) {
    BLUESTEM_RETURN_IF_ERROR(VerifyEnginePart(staged, model, set.samples));
    steps.Done("verify", "fpga: equal bits on FPGA-MODEL");
  }
  if (Interrupted()) return InterruptedStatus();
  BLUESTEM_RETURN_IF_ERROR(Publish(staged, target_folder));
  PrintSummary(output, model, compiled, summary);
  return OkStatus();
}

Runner Setup(CommandLine& line) {
  auto options = std::make_shared<ConvertOptions>();
  line.Add("MODEL", options->model, "A run folder, an .onnx/QONNX file, or a frozen TensorFlow .pb")
      .Required();
  line.Add("-o,--output", options->output, "The artefact's folder; DIR.tar.gz is made too")
      .Required();
  line.Add("--target", options->targets,
           "x86-64, aarch64, armhf, and fpga for the engine's part beside them; repeat for several "
           "(default: this machine's)");
  line.Add("--meta", options->meta, "meta.yaml of the model (default: the one beside it)");
  line.Add("--images", options->images, "A picture or a folder of them to verify on");
  line.Add("--verify", options->verify, "How many samples to verify on, 1..1000 (default 8)")
      .Range(1, 1000);
  line.Add("--batch", options->batch,
           "Images a call, 1..64: the first axis of inputs and outputs (default 1)")
      .Range(1, interchange::kMostBatch);
  const auto scale = line.Add("--input-scale", options->input_scale,
                              "What one step of a pixel is worth: 1/255 as 0.003921569, or 1");
  line.Flag("--raw-input", options->raw_input,
            "Keep the input f32 instead of reading the pixels as u8 codes")
      .Excludes(scale);
  line.Flag("--explain", options->explain, "Say why each op went where it went");
  line.Add("--dump", options->dump, "after:PASS or all: write graphs to DIR.dump/NN-PASS.txt");
  return [options](Output& output) { return Convert(*options, output); };
}

}  // namespace

Command ConvertCommand() {
  return {
      .name = "convert",
      .usage = "MODEL -o DIR",
      .summary = "Compile a model into an artefact for x86-64, aarch64, armhf and the FPGA engine",
      .description =
          "Reads a model, folds its quantizers into integer thresholds, compiles it, and verifies "
          "the\n"
          "compiled libraries on sample images against a plain evaluation of the model before it\n"
          "reports success. A conversion that fails leaves no artefact behind.\n"
          "--target fpga also packs what the engine for FPGAs runs of the model, for the board and "
          "for\n"
          "its simulation: run -d HETERO:FPGA-SIM,CPU takes it.",
      .example =
          "bluestem convert runs/first -o first.artefact --target x86-64 --target armhf\n"
          "bluestem convert runs/first -o board.artefact --target armhf --target fpga\n"
          "bluestem convert model.onnx -o out --meta meta.yaml --explain --dump all\n"
          "bluestem convert model.onnx -o four --batch 4",
      .codes = {Code::kInvalidData, Code::kUnsupported, Code::kIo, Code::kUnavailable,
                Code::kMismatch},
      .setup = Setup};
}

}  // namespace bluestem::cli
