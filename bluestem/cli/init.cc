// bluestem init: a configuration from questions on a terminal, or from flags.
#include <unistd.h>

#include <iostream>
#include <nlohmann/json.hpp>

#include "bluestem/cli/commands.h"
#include "bluestem/cli/wizard.h"

namespace bluestem::cli {
namespace {

namespace fs = std::filesystem;

struct InitOptions {
  std::string file = "config.yaml";
  bool yes = false;
  bool force = false;
  std::vector<std::string> settings;
};

// Applies --set KEY=VALUE in order; `given` collects the keys.
Status ApplySettings(const std::vector<std::string>& settings, std::vector<std::string>& given,
                     config::Experiment& experiment) {
  for (const std::string& setting : settings) {
    const size_t equals = setting.find('=');
    if (equals == std::string::npos || equals == 0) {
      return Error(Code::kInvalidArgument,
                   "--set: got \"{}\"; expected KEY=VALUE, such as train.batch=64", setting);
    }
    given.push_back(setting.substr(0, equals));
    BLUESTEM_RETURN_IF_ERROR(
        config::Set(experiment, given.back(), setting.substr(equals + 1)).At("--set"));
  }
  return OkStatus();
}

// The file's paths are relative to its folder; what was typed is relative to the current one.
void RelateToFile(const Path& file, std::string& path) {
  if (path.empty() || Path(path).is_absolute()) return;
  std::error_code error;
  const Path folder = fs::absolute(file, error).parent_path();
  const Path related = fs::proximate(fs::absolute(path, error), folder, error);
  path = error ? fs::absolute(path).string() : related.string();
}

Status Init(const InitOptions& options, Output& output) {
  std::error_code ignored;
  if (fs::exists(options.file, ignored) && !options.force) {
    return Error(Code::kInvalidArgument,
                 "{}: exists already; give --force to replace it, or -o another file",
                 options.file);
  }
  config::Experiment experiment;
  experiment.data.format = "auto";  // until the data is found; --set data.format insists on one
  std::vector<std::string> given;
  BLUESTEM_RETURN_IF_ERROR(ApplySettings(options.settings, given, experiment));
  if (!options.yes) {
    if (isatty(STDIN_FILENO) == 0) {
      return Error(Code::kInvalidArgument,
                   "no terminal to ask on; give --yes and --set KEY=VALUE (bluestem config keys "
                   "lists the keys)");
    }
    BLUESTEM_RETURN_IF_ERROR(AskAll(std::cin, std::cerr, experiment));
  }
  if (experiment.data.path.empty()) {
    return Error(Code::kInvalidArgument,
                 "data.path: missing; give --set data.path=FOLDER with the training pictures");
  }
  BLUESTEM_ASSIGN_OR_RETURN(const FoundData found, FindData(experiment));
  if (options.yes) Suggest(found, given, experiment);
  BLUESTEM_RETURN_IF_ERROR(config::Check(experiment));
  BLUESTEM_ASSIGN_OR_RETURN(const data::Split split, data::OpenForTraining(experiment));

  RelateToFile(options.file, experiment.data.path);
  RelateToFile(options.file, experiment.data.validation);
  BLUESTEM_RETURN_IF_ERROR(WriteFile(options.file, config::ToYaml(experiment)));
  output.Line("data     {}", Describe(found));
  output.Line("split    {} for training, {} for validation", CountText(split.train->size()),
              CountText(split.validation->size()));
  if (found.multi_label) output.Line("task     {}", experiment.task);
  output.Line("network  {}, input {} x {} x {}", experiment.network.name, experiment.data.width,
              experiment.data.height, experiment.data.channels);
  output.Line("wrote    {}; next: bluestem train -c {}", options.file, options.file);
  output.Json(
      {{"file", options.file},
       {"format", found.format},
       {"task", experiment.task},
       {"classes", found.classes},
       {"train", split.train->size()},
       {"validation", split.validation->size()},
       {"image_size", {experiment.data.height, experiment.data.width, experiment.data.channels}}});
  return OkStatus();
}

}  // namespace

Command InitCommand() {
  return {
      .name = "init",
      .usage = "[--yes --set KEY=VALUE...] [-o FILE]",
      .summary = "Write a configuration, from questions or from flags",
      .description =
          "Asks for name, task, network, data, training and augmentation, checks that the data is "
          "there,\n"
          "and writes an annotated configuration. With --yes it asks nothing: keys not given by "
          "--set\n"
          "keep their defaults; format, task, channels and size follow the pictures.",
      .example =
          "bluestem init -o config.yaml\n"
          "bluestem init --yes --set data.path=images --set network.name=bluestem_s --set "
          "train.epochs=20",
      .codes = {Code::kInvalidData, Code::kIo},
      .setup = [](CommandLine& line) -> Runner {
        auto options = std::make_shared<InitOptions>();
        line.Add("-o,--output", options->file, "The file to write").ShowDefault();
        line.AddEach("--set", options->settings, "KEY=VALUE; repeat for more");
        line.Flag("-y,--yes", options->yes, "Ask nothing");
        line.Flag("--force", options->force, "Replace the file if it exists");
        return [options](Output& output) { return Init(*options, output); };
      }};
}

}  // namespace bluestem::cli
