#include "bluestem/train/internal/backend.h"

#include <fmt/core.h>

namespace bluestem::train {

Result<std::string> ChooseBackend(const std::string& asked, const std::string& device,
                                  const Backends& built) {
  const bool cuda = device == "cuda";
  if (asked == "auto") return std::string(cuda && built.nccl ? "nccl" : "gloo");
  if (asked == "gloo") return asked;
  if ((asked == "nccl" && !built.nccl) || (asked == "mpi" && !built.mpi)) {
    return Error(Code::kUnsupported,
                 "train.backend: got {}, but this LibTorch has gloo{}{} alone; use auto or gloo, "
                 "or build Bluestem with a LibTorch that has {} (docs/distributed.md)",
                 asked, built.nccl ? ", nccl" : "", built.mpi ? ", mpi" : "", asked);
  }
  if (asked == "nccl" && !cuda) {
    return Error(Code::kInvalidArgument,
                 "train.backend: got nccl with steps on the CPU; expected auto or gloo, or "
                 "train.device: cuda: NCCL joins CUDA devices");
  }
  return asked;
}

}  // namespace bluestem::train
