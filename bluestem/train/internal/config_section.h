// How a run was made, for report.html: the command that repeats it, the keys of its config.yaml
// that differ from their defaults, and the whole file, folded. Threads: a free function without
// state.
#pragma once

#include <string>

#include "bluestem/train/internal/run_folder.h"

namespace bluestem::train {

// `ranks` as in RunState. Errors: as config::Load for the run's config.yaml.
Result<std::string> ConfigSection(const RunPaths& paths, int64_t ranks);

}  // namespace bluestem::train
