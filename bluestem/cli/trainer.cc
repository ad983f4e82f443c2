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
               "{}: the trainer is not built; install LibTorch (apt-get install libtorch-dev) and "
               "build with -DBLUESTEM_TRAIN=ON",
               beside.string());
}

}  // namespace bluestem::cli
