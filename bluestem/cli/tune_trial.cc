// One trial in one rung: a run folder that the trainer's program fills.
#include <csignal>
#include <nlohmann/json.hpp>

#include "bluestem/cli/command.h"
#include "bluestem/cli/process.h"
#include "bluestem/cli/tune_search.h"

namespace bluestem::cli {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;
using tune::Outcome;

Result<Json> ReadJson(const Path& path) {
  BLUESTEM_ASSIGN_OR_RETURN(const std::string text, ReadTextFile(path));
  Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (json.is_object()) return json;
  return Error(Code::kInvalidData, "{}: not JSON; delete its folder and go on with --resume",
               path.string());
}

bool Exists(const Path& path) {
  std::error_code ignored;
  return fs::exists(path, ignored);
}

// The outcome that an earlier call left in `run`, if it came to an end.
Result<std::optional<Outcome>> ReadOutcome(const Path& run, const Measure& measure) {
  if (Exists(run / "lost.json")) {
    BLUESTEM_ASSIGN_OR_RETURN(const Json lost, ReadJson(run / "lost.json"));
    return std::optional(Outcome{.lost = lost.value("message", "lost")});
  }
  if (!Exists(run / "run.json")) return std::optional<Outcome>();
  BLUESTEM_ASSIGN_OR_RETURN(const Json state, ReadJson(run / "run.json"));
  if (state.value("status", "") != "finished") return std::optional<Outcome>();
  BLUESTEM_ASSIGN_OR_RETURN(const Json evaluation, ReadJson(run / "evaluation.json"));
  const auto value = evaluation.find(measure.key);
  if (value == evaluation.end() || !value->is_number()) {
    return Error(Code::kInvalidData, "{}: no {} in it; delete its folder and go on with --resume",
                 (run / "evaluation.json").string(), measure.key);
  }
  return std::optional(Outcome{.accuracy = value->get<double>(),
                               .images = evaluation.value("total", int64_t{0}),
                               .seconds = state.value("train_seconds", 0.0)});
}

Result<Outcome> Lose(const Path& run, const std::string& message) {
  BLUESTEM_RETURN_IF_ERROR(MakeFolder(run));
  BLUESTEM_RETURN_IF_ERROR(WriteFile(run / "lost.json", Json{{"message", message}}.dump(2) + "\n"));
  return Outcome{.lost = message};
}

// What the trainer writes: JSON lines, and on a crash whatever a library says last.
class TrainerLines {
 public:
  explicit TrainerLines(const std::function<void(const TrialProgress&)>& progress)
      : progress_(&progress) {}

  void Read(const std::string& line) {
    const Json json = Json::parse(line, nullptr, /*allow_exceptions=*/false);
    if (!json.is_object()) {
      last_ = line;
    } else if (json.contains("error")) {
      message_ = json["error"].value("message", "");
    } else if (json.contains("step")) {
      (*progress_)({.step = json.value("step", int64_t{0}),
                    .steps = json.value("steps", int64_t{0}),
                    .images_per_second = json.value("images_per_second", 0.0),
                    .remaining_seconds = json.value("remaining_seconds", 0.0)});
    }
  }

  std::string Message(int exit_code) const {
    if (!message_.empty()) return message_;
    if (exit_code == 128 + SIGKILL) return "killed, as the system does where memory is short";
    return fmt::format("the trainer ended with {}{}", exit_code, last_.empty() ? "" : ": " + last_);
  }

 private:
  const std::function<void(const TrialProgress&)>* progress_;
  std::string message_;
  std::string last_;
};

// What would meet every trial ends the search.
bool EndsTheSearch(int exit_code) {
  return exit_code == static_cast<int>(Code::kInterrupted) || exit_code == 128 + SIGTERM ||
         exit_code == static_cast<int>(Code::kInvalidData) ||
         exit_code == static_cast<int>(Code::kIo) ||
         exit_code == static_cast<int>(Code::kUnavailable);
}

// The trial's values, without what a search has no use for.
config::Experiment TrialConfig(config::Experiment experiment) {
  experiment.train.fp32_baseline = false;
  experiment.train.keep_checkpoints = 1;
  return experiment;
}

}  // namespace

std::string TrialName(int64_t trial) {
  return fmt::format("{:03}", trial);
}

std::string EpochsText(int64_t epochs) {
  return fmt::format("{} epoch{}", epochs, epochs == 1 ? "" : "s");
}

std::string Measure::Text(double value) const {
  return is_share ? fmt::format("{:.2f} %", value * 100) : fmt::format("{:.4f}", value);
}

const Measure& TuneSearch::measure() const {
  static constexpr Measure kAccuracy = {"accuracy", "accuracy", "Accuracy", true};
  static constexpr Measure kMeanAuroc = {"mean_auroc", "mean AUROC", "Mean AUROC", false};
  return base.task == "multi_label_classification" ? kMeanAuroc : kAccuracy;
}

Path TuneSearch::TrialFolder(int64_t trial) const {
  return folder / "trials" / TrialName(trial);
}

Path TuneSearch::RunFolder(int64_t trial, size_t rung) const {
  return TrialFolder(trial) / fmt::format("rung-{}", rung);
}

Result<Outcome> TrainInRung(const TuneSearch& search, const Path& trainer, int64_t trial,
                            size_t rung,
                            const std::function<void(const TrialProgress&)>& progress) {
  const Path run = search.RunFolder(trial, rung);
  BLUESTEM_ASSIGN_OR_RETURN(const std::optional<Outcome> before,
                            ReadOutcome(run, search.measure()));
  if (before.has_value()) return *before;
  if (Interrupted()) return InterruptedStatus();

  config::Experiment experiment = TrialConfig(search.drawn[static_cast<size_t>(trial)]);
  experiment.train.epochs = search.rungs[rung].epochs;
  const Status broken_rule = config::Check(experiment);
  if (!broken_rule.ok()) return Lose(run, broken_rule.message());

  std::vector<std::string> words = {trainer.string(), "fit", "--output", run.string(), "--json"};
  if (Exists(run / "run.json")) {
    words.push_back("--resume");  // with the run's own config.yaml
  } else {
    const Path config = search.TrialFolder(trial) / fmt::format("rung-{}.yaml", rung);
    BLUESTEM_RETURN_IF_ERROR(MakeFolder(config.parent_path()));
    BLUESTEM_RETURN_IF_ERROR(WriteFile(config, config::ToYaml(experiment)));
    words.insert(words.end(), {"--config", config.string()});
  }
  TrainerLines lines(progress);
  BLUESTEM_ASSIGN_OR_RETURN(
      const int exit_code, WatchProcess(words, [&](const std::string& line) { lines.Read(line); }));
  if (exit_code != 0 && Interrupted()) return InterruptedStatus();
  if (EndsTheSearch(exit_code)) {
    const Code code = exit_code == 128 + SIGTERM ? Code::kInterrupted : Code(exit_code);
    return Status(code, fmt::format("trial {}: {}", TrialName(trial), lines.Message(exit_code)));
  }
  if (exit_code != 0) return Lose(run, lines.Message(exit_code));
  BLUESTEM_ASSIGN_OR_RETURN(const std::optional<Outcome> outcome,
                            ReadOutcome(run, search.measure()));
  if (outcome.has_value()) return *outcome;
  return Error(Code::kInternal, "{}: the trainer ended well, but the run is not finished",
               run.string());
}

}  // namespace bluestem::cli
