// bluestem train: checks configuration and data, then becomes bluestem-train.
#include <chrono>
#include <ctime>

#include "bluestem/cli/commands.h"
#include "bluestem/cli/process.h"
#include "bluestem/cli/trainer.h"
#include "bluestem/data/dataset.h"

namespace bluestem::cli {
namespace {

namespace fs = std::filesystem;

struct TrainOptions {
  std::string config;
  std::string run;
  std::vector<std::string> set;
  bool resume = false;
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

Status Train(const TrainOptions& options, Output& output) {
  Path run = options.run;
  Path config = options.config;
  if (options.resume) {
    if (run.empty()) {
      return Error(Code::kInvalidArgument, "--resume: name the run folder: -o RUN --resume");
    }
    if (!fs::exists(run / "config.yaml")) {
      return Error(Code::kIo, "{}: no run to resume: config.yaml is missing", run.string());
    }
    if (config.empty()) config = run / "config.yaml";
  }
  if (config.empty()) {
    return Error(Code::kInvalidArgument, "-c: name the configuration; bluestem init writes one");
  }
  BLUESTEM_ASSIGN_OR_RETURN(config::Experiment experiment, config::Load(config));
  BLUESTEM_RETURN_IF_ERROR(ApplySettings(options.set, experiment));
  BLUESTEM_RETURN_IF_ERROR(config::Check(experiment));  // rules that join keys
  // Opened as the trainer will, so that what is wrong is said before LibTorch starts.
  BLUESTEM_RETURN_IF_ERROR(data::OpenForTraining(experiment).status());
  BLUESTEM_ASSIGN_OR_RETURN(const Path trainer, FindTrainer());
  if (run.empty()) run = DefaultRun(experiment.name);
  std::error_code error;
  if (!options.resume && fs::exists(run / "config.yaml", error)) {
    return Error(Code::kIo, "{}: a run is there already; add --resume or name another folder",
                 run.string());
  }

  std::vector<std::string> words = {trainer.string(), "fit",      "--config",
                                    config.string(),  "--output", run.string()};
  for (const std::string& setting : options.set) words.insert(words.end(), {"--set", setting});
  if (options.resume) words.push_back("--resume");
  if (output.json()) words.push_back("--json");
  if (output.quiet()) words.push_back("--quiet");
  output.Line("run folder {}", run.string());
  return ReplaceProcess(words);
}

Runner Setup(CommandLine& line) {
  auto options = std::make_shared<TrainOptions>();
  line.Add("-c,--config", options->config, "config.yaml, as bluestem init writes it");
  line.Add("-o,--output", options->run, "The run folder (default: runs/NAME-YYYYMMDD-HHMMSS)");
  line.AddEach("--set", options->set, "KEY=VALUE over the configuration; repeat for several");
  line.Flag("--resume", options->resume, "Go on from the run's last checkpoint");
  return [options](Output& output) { return Train(*options, output); };
}

}  // namespace

Command TrainCommand() {
  return {.name = "train",
          .usage = "-c config.yaml",
          .summary = "Train a network into a run folder",
          .description =
              "Checks configuration and data, then trains. Ctrl-C saves a checkpoint; --resume "
              "goes on from\n"
              "it and ends with the same weights, bit for bit, as a run without the break.",
          .example =
              "bluestem train -c config.yaml -o runs/first --set train.epochs=20\n"
              "bluestem train -o runs/first --resume",
          .codes = {Code::kInvalidData, Code::kUnsupported, Code::kIo, Code::kUnavailable},
          .setup = Setup};
}

}  // namespace bluestem::cli
