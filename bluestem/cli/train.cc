// bluestem train: checks configuration and data, then becomes bluestem-train, or starts several.
#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <ctime>

#include "bluestem/cli/commands.h"
#include "bluestem/cli/launch.h"
#include "bluestem/cli/process.h"
#include "bluestem/cli/trainer.h"
#include "bluestem/config/rank_place.h"
#include "bluestem/data/dataset.h"

namespace bluestem::cli {
namespace {

namespace fs = std::filesystem;

struct TrainOptions {
  std::string config;
  std::string run;
  std::vector<std::string> set;
  bool resume = false;
  int64_t ranks = 1;
};

// Returns runs/NAME-YYYYMMDD-HHMMSS in local time.
Path DefaultRun(const std::string& name) {
  const std::time_t now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
  std::tm local{};
  ::localtime_r(&now, &local);
  char text[32];
  std::strftime(text, sizeof(text), "%Y%m%d-%H%M%S", &local);
  return Path("runs") / fmt::format("{}-{}", name, text);
}

// Ends this process with what the ranks end with.
Status StartRanks(const TrainOptions& options, std::vector<std::string> words) {
  const bool own_threads = std::any_of(
      options.set.begin(), options.set.end(),
      [](const std::string& setting) { return setting.rfind("train.threads=", 0) == 0; });
  // A run remembers its threads; with other ranks the cores are divided anew.
  if (options.resume && !own_threads) words.insert(words.end(), {"--set", "train.threads=0"});
  BLUESTEM_ASSIGN_OR_RETURN(const int code, RunRanks(words, options.ranks));
  std::exit(code);
}

// A rank that something else started finds the others, and rank 0's run folder, by itself.
Status CheckStarter(const TrainOptions& options, const config::RankPlace& place) {
  if (place.ranks == 1) return OkStatus();
  if (options.ranks > 1) {
    return Error(Code::kInvalidArgument,
                 "--nproc: got {}; this process is already rank {} of {} (RANK, WORLD_SIZE or the "
                 "like): leave --nproc out",
                 options.ranks, place.rank, place.ranks);
  }
  if (options.run.empty())
    return Error(Code::kInvalidArgument, "-o: name the run folder, the same for all ranks");
  return OkStatus();
}

Status Train(const TrainOptions& options, Output& output) {
  BLUESTEM_ASSIGN_OR_RETURN(const config::RankPlace place, config::FindRankPlace());
  BLUESTEM_RETURN_IF_ERROR(CheckStarter(options, place));
  const bool has_folder = place.rank == 0;  // the others may be on other machines
  Path run = options.run;
  Path config = options.config;
  if (options.resume) {
    if (run.empty()) {
      return Error(Code::kInvalidArgument, "--resume: name the run folder: -o RUN --resume");
    }
    const bool begun = fs::exists(run / "config.yaml");
    if (has_folder && !begun && config.empty()) {
      return Error(Code::kIo,
                   "{}: no run to resume: config.yaml is missing; with -c CONFIG it begins one",
                   run.string());
    }
    // So that a job that is started again and again needs one command line.
    if (has_folder && !begun) output.Line("{}: no run there yet; it begins", run.string());
    if (config.empty()) config = run / "config.yaml";
  }
  if (config.empty()) {
    return Error(Code::kInvalidArgument, "-c: name the configuration; bluestem init writes one");
  }
  BLUESTEM_ASSIGN_OR_RETURN(config::Experiment experiment, config::Load(config));
  BLUESTEM_RETURN_IF_ERROR(ApplySettings(options.set, experiment));
  BLUESTEM_RETURN_IF_ERROR(config::Check(experiment));  // rules that join keys
  BLUESTEM_RETURN_IF_ERROR(config::CheckRanks(experiment, std::max(options.ranks, place.ranks)));
  // Opened as the trainer will, so that what is wrong is said before LibTorch starts.
  BLUESTEM_RETURN_IF_ERROR(data::OpenForTraining(experiment).status());
  BLUESTEM_ASSIGN_OR_RETURN(const Path trainer, FindTrainer());
  if (run.empty()) run = DefaultRun(experiment.name);
  std::error_code error;
  if (has_folder && !options.resume && fs::exists(run / "config.yaml", error)) {
    return Error(Code::kIo, "{}: a run is there already; add --resume or name another folder",
                 run.string());
  }

  std::vector<std::string> words = {trainer.string(), "fit",      "--config",
                                    config.string(),  "--output", run.string()};
  for (const std::string& setting : options.set) words.insert(words.end(), {"--set", setting});
  if (options.resume) words.push_back("--resume");
  if (output.json()) words.push_back("--json");
  if (output.quiet()) words.push_back("--quiet");
  if (has_folder) output.Line("run folder {}", run.string());
  if (options.ranks > 1) return StartRanks(options, words);
  return ReplaceProcess(words);
}

Runner Setup(CommandLine& line) {
  auto options = std::make_shared<TrainOptions>();
  line.Add("-c,--config", options->config, "config.yaml, as bluestem init writes it");
  line.Add("-o,--output", options->run, "The run folder (default: runs/NAME-YYYYMMDD-HHMMSS)");
  line.AddEach("--set", options->set, "KEY=VALUE over the configuration; repeat for several");
  line.Flag("--resume", options->resume,
            "Go on from the run's last checkpoint; with -c, begin where there is no run yet");
  line.Add("--nproc", options->ranks,
           "Processes on this machine that train together (docs/distributed.md)")
      .Range(1, 256);
  return [options](Output& output) { return Train(*options, output); };
}

}  // namespace

Command TrainCommand() {
  return {
      .name = "train",
      .usage = "-c config.yaml",
      .summary = "Train a network into a run folder",
      .description =
          "Checks configuration and data, then trains. Ctrl-C saves a checkpoint; --resume "
          "goes on from\n"
          "it and ends with the same weights, bit for bit, as a run without the break. Started by\n"
          "torchrun, mpirun or SageMaker it is one rank of many.\n\n"
          "--json prints a JSON document a line: one every ten seconds and after each epoch, notes "
          "as they\n"
          "come, and last the run's figures (\"status\": \"finished\") or the error.",
      .example =
          "bluestem train -c config.yaml -o runs/first --set train.epochs=20\n"
          "bluestem train -o runs/first --resume\n"
          "bluestem train -c config.yaml -o runs/second --nproc 2",
      .codes = {Code::kInvalidData, Code::kUnsupported, Code::kIo, Code::kUnavailable},
      .json_lines = true,
      .setup = Setup};
}

}  // namespace bluestem::cli
