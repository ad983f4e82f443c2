#include "bluestem/train/internal/device.h"

#include <fmt/core.h>

namespace bluestem::train {

Result<std::string> ChooseDevice(const config::TrainConfig& config, const CudaDevices& cuda) {
  if (config.device == "cpu") return config.device;
  if (config.device == "auto")
    return std::string(cuda.count > 0 && config.arithmetic != "integer" ? "cuda" : "cpu");
  if (cuda.count > 0) return config.device;
  return Error(Code::kUnsupported,
               "train.device: got cuda, but {}; use auto or cpu, or build Bluestem with a LibTorch "
               "for CUDA on a machine that has a device (docs/training.md)",
               cuda.reason);
}

std::string CudaDeviceOf(int64_t rank, const CudaDevices& cuda) {
  return fmt::format("cuda:{}", rank % cuda.count);
}

std::string DeviceText(const config::TrainConfig& config, const CudaDevices& cuda) {
  if (config.device == "cuda") return fmt::format("CUDA, {} devices here", cuda.count);
  return cuda.count > 0 ? "CPU (as configured; there is CUDA)"
                        : fmt::format("CPU ({})", cuda.reason);
}

}  // namespace bluestem::train
