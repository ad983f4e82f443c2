#include "bluestem/cli/trainer_scores.h"

#include <chrono>
#include <cstring>

#include "bluestem/cli/process.h"
#include "bluestem/cli/trainer.h"

namespace bluestem::cli {
namespace {

Result<std::vector<std::vector<float>>> ReadScores(const Path& path, int64_t images,
                                                   int64_t classes) {
  BLUESTEM_ASSIGN_OR_RETURN(const Bytes bytes, ReadFile(path));
  if (static_cast<int64_t>(bytes.size()) != images * classes * int64_t{sizeof(float)}) {
    return Error(Code::kInvalidData, "{}: {} bytes; {} images of {} classes need {}", path.string(),
                 bytes.size(), images, classes, images * classes * int64_t{sizeof(float)});
  }
  std::vector<std::vector<float>> scores(static_cast<size_t>(images));
  const size_t row_bytes = static_cast<size_t>(classes) * sizeof(float);
  for (size_t i = 0; i < scores.size(); ++i) {
    scores[i].resize(static_cast<size_t>(classes));
    std::memcpy(scores[i].data(), bytes.data() + i * row_bytes, row_bytes);
  }
  return scores;
}

}  // namespace

Result<predict::Evaluation> ScoreWithTrainer(const Scorer& scorer, const data::Dataset& dataset,
                                             const DataOptions& options, Output& output) {
  BLUESTEM_ASSIGN_OR_RETURN(const Path trainer, FindTrainer());
  BLUESTEM_ASSIGN_OR_RETURN(
      const StagedFolder scratch,
      StagedFolder::Create(std::filesystem::temp_directory_path() / "bluestem-scores"));
  const Path file = scratch.path() / "scores.f32";
  output.Progress(scorer.name + ": started");
  const auto start = std::chrono::steady_clock::now();
  std::vector<std::string> words = {
      trainer.string(), "evaluate",     "--run",    scorer.run.string(), "--data", options.path,
      "--format",       options.format, "--scores", file.string(),       "--quiet"};
  if (!options.config.empty()) words.insert(words.end(), {"--config", options.config});
  if (!options.split.empty()) words.insert(words.end(), {"--split", options.split});
  if (options.limit > 0) words.insert(words.end(), {"--limit", fmt::format("{}", options.limit)});
  BLUESTEM_ASSIGN_OR_RETURN(const ProcessResult process, RunProcess(words));
  output.EndProgress();
  if (process.exit_code != 0) {
    return TrainerFailure(process.exit_code, process.output)
        .At(scorer.run.string() + ": the trainer could not evaluate it");
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;

  predict::Evaluation evaluation;
  evaluation.indices = predict::Spread(dataset.size(), options.limit);
  const auto count = static_cast<int64_t>(evaluation.indices.size());
  BLUESTEM_ASSIGN_OR_RETURN(
      evaluation.scores, ReadScores(file, count, static_cast<int64_t>(scorer.meta.classes.size())));
  predict::Count(dataset, scorer.meta, evaluation);
  evaluation.images_per_second = static_cast<double>(count) / std::max(took.count(), 1e-9);
  return evaluation;
}

}  // namespace bluestem::cli
