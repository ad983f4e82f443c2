#include "bluestem/cli/trainer.h"

#include "bluestem/cli/process.h"

namespace bluestem::cli {

Result<Path> FindTrainer() {
  const Path beside = OwnFolder() / "bluestem-train";
  for (const std::string& name : {beside.string(), std::string("bluestem-train")}) {
    Path found = FindProgram(name);
    if (!found.empty()) return found;
  }
  return Error(Code::kUnavailable,
               "{}: the trainer is not built; install LibTorch (apt-get install libtorch-dev "
               "libgloo-dev) and "
               "build with -DBLUESTEM_TRAIN=ON",
               beside.string());
}

Status TrainerFailure(int code, const std::string& output) {
  std::string message = output.substr(0, output.find('\n'));
  const std::string prefix = "bluestem: error: ";  // this process says it itself
  if (message.compare(0, prefix.size(), prefix) == 0) message.erase(0, prefix.size());
  if (message.empty()) message = fmt::format("the trainer ended with {}", code);
  return Status(code < 128 ? static_cast<Code>(code) : Code::kInternal, message);
}

Status ApplySettings(const std::vector<std::string>& settings, config::Experiment& experiment) {
  for (const std::string& setting : settings) {
    const size_t equals = setting.find('=');
    if (equals == std::string::npos || equals == 0) {
      return Error(Code::kInvalidArgument, "--set: got {}; expected KEY=VALUE, as train.batch=64",
                   setting);
    }
    BLUESTEM_RETURN_IF_ERROR(
        config::Set(experiment, setting.substr(0, equals), setting.substr(equals + 1)));
  }
  return OkStatus();
}

}  // namespace bluestem::cli
