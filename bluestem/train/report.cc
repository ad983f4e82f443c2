// RefreshReport: what train.h promises, made of internal/.
#include "bluestem/train/internal/report.h"

#include "bluestem/edge/cpu_features.h"
#include "bluestem/train/internal/exact.h"
#include "bluestem/train/internal/report_compare.h"
#include "bluestem/train/internal/saved_run.h"
#include "bluestem/train/train.h"

namespace bluestem::train {
namespace {

// What the run's best checkpoint answers to its held-out pictures.
struct Answers {
  std::shared_ptr<const data::PixelCache> validation;
  std::vector<std::vector<float>> scores;
  CodeCounts codes;
};

// Errors: as OpenSavedRun, and of the pictures.
Result<Answers> AnswersOf(const Path& folder) {
  BLUESTEM_ASSIGN_OR_RETURN(const SavedRun run, OpenSavedRun(folder));
  const int threads = UseThreads(run.experiment.train.threads);
  BLUESTEM_ASSIGN_OR_RETURN(const data::Split split, data::OpenForTraining(run.experiment));
  Answers answers;
  BLUESTEM_ASSIGN_OR_RETURN(answers.validation, ReadPictures(run, *split.validation, threads));
  answers.scores = ExactScores(*run.module, *answers.validation, {});
  answers.codes = CountCodes(*run.module, *answers.validation);
  return answers;
}

Status Refresh(const RunPaths& paths) {
  std::error_code ignored;
  const auto exists = [&](const Path& path) { return std::filesystem::exists(path, ignored); };
  if (!exists(paths.State()))
    return Error(Code::kIo, "{}: no run.json; expected a run folder", paths.folder.string());
  ReportContent content{.paths = paths};
  BLUESTEM_ASSIGN_OR_RETURN(content.state, ReadRunState(paths));
  BLUESTEM_ASSIGN_OR_RETURN(const task::Meta meta, task::ReadMeta(paths.Meta()));
  BLUESTEM_ASSIGN_OR_RETURN(const config::Experiment experiment, config::Load(paths.Config()));
  BLUESTEM_ASSIGN_OR_RETURN(Network network,
                            MakeNetwork(experiment, static_cast<int64_t>(meta.classes.size())));
  BLUESTEM_ASSIGN_OR_RETURN(std::vector<BlockShape> shapes, Shapes(network));
  Module module(std::move(network), std::move(shapes), uint64_t{1});  // for its shapes alone
  if (experiment.train.arithmetic == "integer") module.UseIntegers(edge::CpuIsas());
  content.meta = &meta;
  content.module = &module;
  BLUESTEM_ASSIGN_OR_RETURN(content.metrics, MetricsSoFar(paths));
  const Result<Answers> answers = AnswersOf(paths.folder);
  if (answers.ok()) {
    content.validation = answers->validation.get();
    content.scores = &answers->scores;
    content.codes = answers->codes;
  } else {
    content.missing = answers.status().message();
  }
  BLUESTEM_RETURN_IF_ERROR(WriteReport(content));
  const RunPaths baseline{paths.Baseline()};
  if (!exists(baseline.Evaluation())) return OkStatus();
  return CompareInReport(paths, baseline, {.legend = "fp32", .words = "the same net in fp32"});
}

}  // namespace

Status RefreshReport(const Path& run_folder) {
  try {
    return Refresh({run_folder});
  } catch (const std::exception& error) {
    return Error(Code::kInternal, "{}: {}", run_folder.string(), error.what());
  }
}

}  // namespace bluestem::train
