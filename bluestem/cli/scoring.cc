#include "bluestem/cli/scoring.h"

#include <algorithm>
#include <thread>

#include "bluestem/cli/command.h"
#include "bluestem/cli/graph_session.h"
#include "bluestem/cli/trainer_scores.h"
#include "bluestem/cli/verify.h"
#include "bluestem/core/compile.h"
#include "bluestem/core/core.h"
#include "bluestem/core/engine_part.h"
#include "bluestem/runtime/placed.h"

namespace bluestem::cli {
namespace {

using Sessions = std::vector<std::unique_ptr<runtime::Session>>;

size_t ThreadCount(const ScoringOptions& options) {
  if (options.threads > 0) return static_cast<size_t>(options.threads);
  return std::clamp<size_t>(std::thread::hardware_concurrency(), 1, 64);
}

Result<Sessions> OpenLibraries(const core::ModelSource& source, const ScoringOptions& options) {
  BLUESTEM_ASSIGN_OR_RETURN(const Path library, core::HostLibrary(source.path));
  Sessions sessions;
  for (size_t t = 0; t < ThreadCount(options); ++t) {
    BLUESTEM_ASSIGN_OR_RETURN(auto session,
                              runtime::LoadLibrary(library, options.isa, options.session_threads));
    sessions.push_back(std::move(session));
  }
  return sessions;
}

Result<Sessions> OpenInterpreters(const core::ModelSource& source, const core::LoadedModel& model,
                                  const ScoringOptions& options) {
  core::CompileOptions compile;
  compile.input_codes = core::CodesOf(model);
  compile.model_hash = model.sha256;
  BLUESTEM_ASSIGN_OR_RETURN(const core::Compiled compiled, core::Compile(model.graph, compile));
  Sessions sessions;
  runtime::DeviceOptions device = {options.isa, options.session_threads};
  device.batch = options.batch;
  BLUESTEM_ASSIGN_OR_RETURN(device.pack,
                            core::FindEnginePart(source, *compiled.program, options.device));
  BLUESTEM_ASSIGN_OR_RETURN(runtime::Placement placement,
                            runtime::PlaceOn(*compiled.program, options.device, device));
  BLUESTEM_ASSIGN_OR_RETURN(const auto placed,
                            runtime::MakePlaced(compiled.program, std::move(placement)));
  for (size_t t = 0; t < ThreadCount(options); ++t) {
    BLUESTEM_ASSIGN_OR_RETURN(auto session, runtime::OpenSession(placed, device));
    sessions.push_back(std::move(session));
  }
  return sessions;
}

Status NoEngine(const core::ModelSource& source, const std::string& engine, const char* engines) {
  return Error(Code::kInvalidArgument, "--engine: got {}; {} can be scored by {}", engine,
               source.path.string(), engines);
}

std::string DefaultEngine(core::ModelSource::Kind kind) {
  switch (kind) {
    case core::ModelSource::Kind::kArtefact: return "compiled";
    case core::ModelSource::Kind::kRun: return "trainer";
    case core::ModelSource::Kind::kFile: return "interpreter";
  }
  return "";
}

Result<Sessions> OpenSessions(const core::ModelSource& source, const core::LoadedModel& model,
                              const std::string& engine, const ScoringOptions& options) {
  if (engine == "compiled") return OpenLibraries(source, options);
  if (engine == "interpreter" || engine == options.device)
    return OpenInterpreters(source, model, options);
  Sessions sessions;
  for (size_t t = 0; t < ThreadCount(options); ++t) {
    sessions.push_back(MakeGraphSession(
        model, engine == "double" ? GraphEngine::kDouble : GraphEngine::kReference));
  }
  return sessions;
}

}  // namespace

Result<Scorer> MakeScorer(const core::ModelSource& source, const ScoringOptions& options) {
  BLUESTEM_RETURN_IF_ERROR(runtime::ParseDeviceString(options.device).status());
  Scorer scorer;
  scorer.engine = options.engine.empty() ? DefaultEngine(source.kind) : options.engine;
  if (!core::RunsLibraries(options.device)) {
    if (!options.engine.empty()) {
      return Error(Code::kInvalidArgument,
                   "--engine {}: engines run on the CPU, and the device is {}; leave one of them "
                   "out",
                   options.engine, options.device);
    }
    scorer.engine = options.device;
  }
  if (scorer.engine == "compiled" && source.kind != core::ModelSource::Kind::kArtefact) {
    return NoEngine(source, scorer.engine, "interpreter, reference or double; convert it first");
  }
  if (scorer.engine == "trainer") {
    if (source.kind != core::ModelSource::Kind::kRun) {
      return NoEngine(source, scorer.engine, "compiled, interpreter, reference or double");
    }
    BLUESTEM_ASSIGN_OR_RETURN(scorer.meta, task::ReadMeta(source.path / "meta.yaml"));
    scorer.run = source.path;
    scorer.name = source.path.string() + " (trainer)";
    return scorer;
  }
  core::LoadedModel model;
  if (scorer.engine == "compiled") {
    if (source.meta_file.empty()) {
      return Error(Code::kInvalidData, "{}: no models/meta.yaml: it is no image classifier",
                   source.path.string());
    }
    BLUESTEM_ASSIGN_OR_RETURN(model.meta, task::ReadMeta(source.meta_file));
  } else {
    BLUESTEM_ASSIGN_OR_RETURN(model, core::LoadSource(source));
    if (!model.image_input || !model.classifier) {
      return Error(Code::kUnsupported,
                   "{}: evaluation is of image classifiers; this model maps {} to {}",
                   source.path.string(), ShapeText(model.graph.value(model.graph.inputs[0]).shape),
                   ShapeText(model.graph.value(model.graph.outputs[0]).shape));
    }
  }
  scorer.meta = model.meta;
  scorer.meta_is_default = model.meta_is_default;
  BLUESTEM_ASSIGN_OR_RETURN(Sessions sessions, OpenSessions(source, model, scorer.engine, options));
  scorer.isa = sessions[0]->isa();
  scorer.name = scorer.engine == scorer.isa || scorer.isa.empty()
                    ? fmt::format("{} ({})", source.path.string(), scorer.engine)
                    : fmt::format("{} ({}, {})", source.path.string(), scorer.engine, scorer.isa);
  for (auto& session : sessions) {
    auto predictor = predict::Predictor::Create(std::move(session), scorer.meta);
    if (!predictor.ok()) return predictor.status().At(source.path.string());
    scorer.predictors.push_back(std::move(*predictor));
  }
  return scorer;
}

Result<std::unique_ptr<data::Dataset>> OpenData(const DataOptions& options, Scorer& scorer) {
  data::OpenOptions open;
  open.format = options.format;
  open.path = options.path;
  open.split = options.split;
  Path config = options.config;
  if (config.empty() && !scorer.run.empty()) config = scorer.run / "config.yaml";
  if (!config.empty()) {
    BLUESTEM_ASSIGN_OR_RETURN(const config::Experiment experiment, config::Load(config));
    open.csv = data::OptionsOf(experiment).csv;
  }
  open.labels = scorer.meta.multi_label() ? data::LabelCount::kAny : data::LabelCount::kOne;
  if (!scorer.meta_is_default) open.classes = scorer.meta.classes;
  BLUESTEM_ASSIGN_OR_RETURN(auto dataset, data::Open(open));
  const auto own = static_cast<int64_t>(scorer.meta.classes.size());
  if (scorer.meta_is_default && static_cast<int64_t>(dataset->classes().size()) != own) {
    return Error(Code::kInvalidData, "{}: {} classes, but the model gives {} scores; give --meta",
                 options.path, dataset->classes().size(), own);
  }
  return dataset;
}

Result<predict::Evaluation> Score(const Scorer& scorer, const data::Dataset& dataset,
                                  const DataOptions& options, Output& output) {
  if (scorer.predictors.empty()) return ScoreWithTrainer(scorer, dataset, options, output);
  predict::EvaluateOptions evaluate;
  evaluate.limit = options.limit;
  evaluate.interrupted = Interrupted;
  evaluate.progress = [&](int64_t done, int64_t total) {
    output.Progress(fmt::format("{}: {} of {} images", scorer.name, done, total));
  };
  auto evaluation = predict::Evaluate(scorer.predictors, dataset, evaluate);
  output.EndProgress();
  return evaluation;
}

}  // namespace bluestem::cli
