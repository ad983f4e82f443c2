// What the ranks of a run talk through: train.backend on this machine. Threads: pure functions.
// Ownership: values.
#pragma once

#include <string>

#include "bluestem/base/status.h"

namespace bluestem::train {

// What this LibTorch's c10d was built with. Gloo always is (internal/ranks.cc).
struct Backends {
  bool nccl = false;
  bool mpi = false;
};
// Of this process (internal/ranks.cc).
Backends BuiltBackends();

// Returns "gloo", "nccl" or "mpi" for what train.backend asks; auto is nccl on CUDA where it is
// built, else gloo. `device`: cpu or cuda. Errors: kUnsupported for one that is not built, naming
// those that are; kInvalidArgument for nccl without CUDA.
Result<std::string> ChooseBackend(const std::string& asked, const std::string& device,
                                  const Backends& built);

}  // namespace bluestem::train
