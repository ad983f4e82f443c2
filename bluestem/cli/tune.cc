// bluestem tune: successive halving over a space of configurations.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "bluestem/cli/commands.h"
#include "bluestem/cli/trainer.h"
#include "bluestem/cli/tune_search.h"
#include "bluestem/data/dataset.h"

namespace bluestem::cli {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

struct TuneOptions {
  std::string config;
  std::string space;
  std::string output;
  std::vector<std::string> set;
  int64_t trials = 0;  // 0, and -1 of the seed: not given
  int64_t eta = 0;
  int64_t min_epochs = 0;
  int64_t seed = -1;
  bool resume = false;
};

Result<config::Experiment> LoadBase(const Path& path, const TuneOptions& options, Output& output) {
  BLUESTEM_ASSIGN_OR_RETURN(config::Experiment base, config::Load(path));
  BLUESTEM_RETURN_IF_ERROR(ApplySettings(options.set, base));
  for (std::string* path : {&base.data.path, &base.data.validation, &base.distillation.teacher}) {
    if (!path->empty()) *path = fs::absolute(*path).lexically_normal().string();
  }
  if (base.train.max_minutes != 0) {
    output.Warn(
        "train.max_minutes: {} is set aside: rungs are counted in epochs, up to "
        "train.epochs {}",
        base.train.max_minutes, base.train.epochs);
    base.train.max_minutes = 0;
  }
  return base;
}

// Takes what was given, else what the search in the folder has.
struct Number {
  const char* option;
  const char* key;
  int64_t given;
  int64_t none;
  int64_t* value;
};
std::vector<Number> Numbers(const TuneOptions& options, TuneSearch& search) {
  return {{"--trials", "trials", options.trials, 0, &search.halving.trials},
          {"--eta", "eta", options.eta, 0, &search.halving.eta},
          {"--min-epochs", "min_epochs", options.min_epochs, 0, &search.halving.min_epochs},
          {"--seed", "seed", options.seed, -1, &search.seed}};
}

// What -c, --set, --space and the numbers say now must be what the search was started with.
Status CheckSame(const TuneOptions& options, TuneSearch& search) {
  const std::string way_out = "start another search in another folder";
  BLUESTEM_ASSIGN_OR_RETURN(const config::Experiment config, config::Load(search.ConfigFile()));
  for (const config::Field& field : config::Fields()) {
    const std::string before = config::ValueText(field, config);
    const std::string now = config::ValueText(field, search.base);
    if (before == now) continue;
    return Error(Code::kInvalidArgument, "{}: the search was started with {} {}, got {}; {}",
                 search.folder.string(), field.key, before, now, way_out);
  }
  BLUESTEM_ASSIGN_OR_RETURN(const tune::Space space, tune::LoadSpace(search.SpaceFile()));
  if (tune::SpaceToYaml(space) != tune::SpaceToYaml(search.space)) {
    return Error(Code::kInvalidArgument, "{}: the search was started with another space, {}; {}",
                 search.folder.string(), search.SpaceFile().string(), way_out);
  }
  BLUESTEM_ASSIGN_OR_RETURN(const std::string text, ReadTextFile(search.JsonFile()));
  const Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  for (const Number& number : Numbers(options, search)) {
    if (!json.is_object() || !json.contains(number.key) || !json[number.key].is_number_integer()) {
      return Error(Code::kInvalidData, "{}: no {} in it; {}", search.JsonFile().string(),
                   number.key, way_out);
    }
    const int64_t before = json[number.key];
    if (number.given != number.none && number.given != before) {
      return Error(Code::kInvalidArgument, "{}: got {}; the search in {} was started with {}; {}",
                   number.option, number.given, search.folder.string(), before, way_out);
    }
    *number.value = before;
  }
  return OkStatus();
}

// What cannot end in a comparison is refused before anything is written.
Status PlanRungs(TuneSearch& search) {
  tune::HalvingOptions& halving = search.halving;
  halving.max_epochs = search.base.train.epochs;
  if (halving.max_epochs / halving.eta < halving.min_epochs) {
    return Error(Code::kInvalidArgument,
                 "train.epochs: got {}; expected at least {}, --eta times --min-epochs, so that "
                 "there are two rungs",
                 halving.max_epochs, halving.eta * halving.min_epochs);
  }
  search.rungs = tune::Rungs(halving);
  halving.trials = search.rungs[0].trials;
  const uint64_t points = tune::Points(search.space);
  if (points != 0 && static_cast<uint64_t>(halving.trials) > points) {
    return Error(Code::kInvalidArgument,
                 "--trials: {} are too many: the space has {} points; name so many, or widen it",
                 halving.trials, points);
  }
  Status first;
  bool any = false;
  for (int64_t trial = 0; trial < halving.trials; ++trial) {
    search.drawn.push_back(
        tune::DrawTrial(search.space, static_cast<uint64_t>(search.seed), trial, search.base));
    config::Experiment experiment = search.drawn.back();
    experiment.train.epochs = search.rungs[0].epochs;
    const Status status = config::Check(experiment);
    any = any || status.ok();
    if (first.ok()) first = status;
  }
  if (any) return OkStatus();
  return Error(Code::kInvalidArgument, "no trial of the space can be trained: {}", first.message());
}

Result<TuneSearch> Prepare(TuneOptions options, Output& output) {
  TuneSearch search{.folder = options.output};
  std::error_code ignored;
  const bool there = fs::exists(search.JsonFile(), ignored);
  if (options.resume && !there) {
    return Error(Code::kIo, "{}: no search to resume: tune.json is missing",
                 search.folder.string());
  }
  if (!options.resume && there) {
    return Error(Code::kIo, "{}: a search is there already; add --resume or name another folder",
                 search.folder.string());
  }
  if (options.resume && options.config.empty()) options.config = search.ConfigFile().string();
  if (options.resume && options.space.empty()) options.space = search.SpaceFile().string();
  if (options.config.empty()) {
    return Error(Code::kInvalidArgument, "-c: name the configuration; bluestem init writes one");
  }
  if (options.space.empty()) {
    return Error(Code::kInvalidArgument,
                 "--space: name the file of what may vary; docs/tuning.md shows one");
  }
  BLUESTEM_ASSIGN_OR_RETURN(search.base, LoadBase(options.config, options, output));
  BLUESTEM_ASSIGN_OR_RETURN(search.space, tune::LoadSpace(options.space));
  if (options.resume) {
    BLUESTEM_RETURN_IF_ERROR(CheckSame(options, search));
  } else {
    for (const Number& number : Numbers(options, search)) {
      if (number.given != number.none) *number.value = number.given;
    }
  }
  BLUESTEM_RETURN_IF_ERROR(PlanRungs(search));
  return search;
}

Status WriteProgress(const TuneSearch& search) {
  BLUESTEM_RETURN_IF_ERROR(WriteFile(search.JsonFile(), TuneJson(search).dump(2) + "\n"));
  return WriteFile(search.ReportFile(), TunePage(search));
}

Status WriteStart(const TuneSearch& search) {
  BLUESTEM_RETURN_IF_ERROR(MakeFolder(search.folder));
  BLUESTEM_RETURN_IF_ERROR(WriteFile(search.ConfigFile(), config::ToYaml(search.base)));
  BLUESTEM_RETURN_IF_ERROR(WriteFile(search.SpaceFile(), tune::SpaceToYaml(search.space)));
  return WriteProgress(search);
}

void SayPlan(const TuneSearch& search, Output& output) {
  int64_t epochs = 0;
  std::vector<std::string> rungs;
  for (const tune::Rung& rung : search.rungs) {
    epochs += rung.epochs * rung.trials;
    rungs.push_back(fmt::format("{} x {}", rung.trials, rung.epochs));
  }
  output.Line("{} trials; rungs, trials x epochs: {}; {} epochs in all", search.halving.trials,
              fmt::join(rungs, ", "), epochs);
}

Status RunTrials(TuneSearch& search, const Path& trainer, Output& output) {
  const auto train = [&](int64_t trial, size_t rung) -> Result<tune::Outcome> {
    BLUESTEM_RETURN_IF_ERROR(WriteProgress(search));
    const std::string what = fmt::format("trial {}, rung {} ({})", TrialName(trial), rung,
                                         EpochsText(search.rungs[rung].epochs));
    output.Progress(what);
    BLUESTEM_ASSIGN_OR_RETURN(
        tune::Outcome outcome,
        TrainInRung(search, trainer, trial, rung, [&](const TrialProgress& progress) {
          output.Progress(fmt::format("{}: step {}/{}  {:.0f} images/s  {:.0f} s left", what,
                                      progress.step, progress.steps, progress.images_per_second,
                                      progress.remaining_seconds));
        }));
    if (outcome.lost.empty()) {
      output.Line("{}: {} {}, {:.1f} s", what, search.measure().name,
                  search.measure().Text(outcome.accuracy), outcome.seconds);
    } else {
      output.Line("{}: lost: {}", what, outcome.lost);
    }
    return outcome;
  };
  return tune::RunHalving(search.rungs, train, search.trials);
}

// "71.20 %", "lost", or "" where the trial did not come so far.
std::string OutcomeText(const Measure& measure, const tune::Trial& trial, size_t rung) {
  if (rung >= trial.outcomes.size()) return "";
  const tune::Outcome& outcome = trial.outcomes[rung];
  return outcome.lost.empty() ? measure.Text(outcome.accuracy) : "lost";
}

void SayTable(const TuneSearch& search, Output& output) {
  const Measure& measure = search.measure();
  std::vector<std::string> header = {"trial"};
  for (const tune::Rung& rung : search.rungs)
    header.push_back(fmt::format("{} after {}", measure.name, EpochsText(rung.epochs)));
  for (const tune::Dimension& dimension : search.space.dimensions)
    header.emplace_back(dimension.field->key);
  std::vector<std::vector<std::string>> rows;
  for (const size_t i : tune::Ranking(search.trials)) {
    std::vector<std::string> row = {TrialName(search.trials[i].number)};
    for (size_t k = 0; k < search.rungs.size(); ++k)
      row.push_back(OutcomeText(measure, search.trials[i], k));
    for (const tune::Dimension& dimension : search.space.dimensions)
      row.push_back(config::ValueText(*dimension.field, search.drawn[i]));
    rows.push_back(row);
  }
  output.Line("");
  output.Table(header, rows);
}

// best.yaml, or a failure where every trial was lost.
Status WriteBest(const TuneSearch& search) {
  const size_t best = tune::Ranking(search.trials)[0];
  const tune::Trial& trial = search.trials[best];
  if (trial.Lost()) {
    return Error(Code::kInvalidArgument,
                 "{}: all {} trials were lost; the first: {}; narrow the space",
                 search.folder.string(), search.trials.size(), trial.outcomes.back().lost);
  }
  const tune::Outcome& outcome = trial.outcomes.back();
  return WriteFile(
      search.BestFile(),
      fmt::format("# The best of {} trials: {}. {} {} on {} validation images after {}.\n{}",
                  search.trials.size(), TrialName(trial.number), search.measure().title,
                  search.measure().Text(outcome.accuracy), outcome.images,
                  EpochsText(search.rungs[trial.outcomes.size() - 1].epochs),
                  config::ToYaml(search.drawn[best])));
}

Status Tune(const TuneOptions& options, Output& output) {
  BLUESTEM_ASSIGN_OR_RETURN(TuneSearch search, Prepare(options, output));
  // Opened as the trainer will, so that what is wrong with it does not cost a trial.
  BLUESTEM_RETURN_IF_ERROR(data::OpenForTraining(search.base).status());
  BLUESTEM_ASSIGN_OR_RETURN(const Path trainer, FindTrainer());
  if (!options.resume) BLUESTEM_RETURN_IF_ERROR(WriteStart(search));
  SayPlan(search, output);
  const Status status = RunTrials(search, trainer, output);
  if (status.code() == Code::kInterrupted) {
    return Error(Code::kInterrupted,
                 "{}: interrupted; everything is saved: go on with `bluestem tune -o {} --resume`",
                 search.folder.string(), search.folder.string());
  }
  BLUESTEM_RETURN_IF_ERROR(status);
  search.finished = true;
  BLUESTEM_RETURN_IF_ERROR(WriteProgress(search));
  SayTable(search, output);
  BLUESTEM_RETURN_IF_ERROR(WriteBest(search));
  output.Line("\n{}\n{}", search.BestFile().string(), search.ReportFile().string());
  output.Json(TuneJson(search));
  return OkStatus();
}

Runner Setup(CommandLine& line) {
  auto options = std::make_shared<TuneOptions>();
  line.Add("-c,--config", options->config, "config.yaml: what all trials share");
  line.Add("--space", options->space, "space.yaml: the keys that vary, and their values");
  line.Add("-o,--output", options->output, "The folder of the search").Required();
  line.AddEach("--set", options->set, "KEY=VALUE over the configuration; repeat for several");
  line.Add("--trials", options->trials,
           "Trials of the first rung (default: as many as leave one for the last)")
      .Range(2, 100000);
  line.Add("--eta", options->eta, "A rung keeps one trial of so many (default 3)").Range(2, 1000);
  line.Add("--min-epochs", options->min_epochs, "Least epochs of the first rung (default 1)")
      .Range(1, 100000);
  line.Add("--seed", options->seed, "Seed of the trials' values (default 1)")
      .Range(0, int64_t{1} << 53);
  line.Flag("--resume", options->resume, "Go on with the search in the folder");
  return [options](Output& output) { return Tune(*options, output); };
}

}  // namespace

Command TuneCommand() {
  return {.name = "tune",
          .usage = "-c config.yaml --space space.yaml -o FOLDER",
          .summary = "Search for better settings by successive halving",
          .description =
              "Draws trials from the space, trains each for a few epochs, the best of them for "
              "more, and so\n"
              "on up to train.epochs. Compared is the accuracy on the validation images, or the "
              "mean AUROC of\n"
              "multi_label_classification. Writes tune.json, best.yaml, report.html and every "
              "trial's run\n"
              "folders. Ctrl-C saves; --resume goes on and ends as a search without the break.",
          .example =
              "bluestem tune -c config.yaml --space space.yaml -o search --set train.epochs=9\n"
              "bluestem tune -o search --resume",
          .codes = {Code::kInvalidData, Code::kIo, Code::kUnavailable},
          .setup = Setup};
}

}  // namespace bluestem::cli
