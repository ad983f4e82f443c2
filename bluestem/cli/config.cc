// bluestem config check: is a configuration right? bluestem config keys: the reference of all keys.
#include <nlohmann/json.hpp>

#include "bluestem/cli/commands.h"
#include "bluestem/config/experiment.h"
#include "bluestem/data/dataset.h"

namespace bluestem::cli {
namespace {

struct CheckOptions {
  std::string file;
  bool resolved = false;
};

Status RunCheck(const CheckOptions& options, Output& output) {
  BLUESTEM_ASSIGN_OR_RETURN(const config::Experiment experiment, config::Load(options.file));
  BLUESTEM_ASSIGN_OR_RETURN(const data::Split split, data::OpenForTraining(experiment));
  if (options.resolved && !output.json()) {
    output.Raw(config::ToYaml(experiment));
    return OkStatus();
  }
  const std::vector<std::string>& classes = split.train->classes();
  output.Line("{}: right", options.file);
  output.Line("network     {}, {} x {} x {}", experiment.network.name, experiment.data.width,
              experiment.data.height, experiment.data.channels);
  output.Line("data        {} ({} classes)", experiment.data.path, classes.size());
  output.Line("pictures    {} for training, {} for validation", CountText(split.train->size()),
              CountText(split.validation->size()));
  output.Json({{"file", options.file},
               {"classes", classes},
               {"train", split.train->size()},
               {"validation", split.validation->size()},
               {"resolved", config::ToYaml(experiment)}});
  return OkStatus();
}

Status RunKeys(Output& output) {
  if (output.json()) {
    output.Json(nlohmann::ordered_json::parse(config::KeysJson()));
  } else {
    output.Raw(config::KeysMarkdown());
  }
  return OkStatus();
}

}  // namespace

Command ConfigCheckCommand() {
  return {.name = "config check",
          .usage = "FILE",
          .summary = "Check a configuration and the dataset that it names",
          .description =
              "Checks every key, value and rule of a configuration, and that its dataset opens. A "
              "mistake is\n"
              "named with its line and column, what is allowed and, for an unknown key, the "
              "nearest one.",
          .example =
              "bluestem config check config.yaml\nbluestem config check config.yaml --resolved > "
              "full.yaml",
          .codes = {Code::kInvalidData, Code::kIo},
          .setup = [](CommandLine& line) -> Runner {
            auto options = std::make_shared<CheckOptions>();
            line.Add("FILE", options->file, "The configuration").Required();
            line.Flag("--resolved", options->resolved, "Print it with every key, annotated");
            return [options](Output& output) { return RunCheck(*options, output); };
          }};
}

Command ConfigKeysCommand() {
  return {
      .name = "config keys",
      .usage = "",
      .summary = "Print the reference of all configuration keys",
      .description =
          "Prints every key with type, default, allowed values and meaning: Markdown, or --json.",
      .example = "bluestem config keys\nbluestem config keys --json",
      .codes = {},
      .setup = [](CommandLine&) -> Runner { return RunKeys; }};
}

}  // namespace bluestem::cli
