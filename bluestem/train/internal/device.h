// Where a run's steps are computed: train.device on this machine. On CUDA they are in f32, by
// internal/device_pass.h; integer steps are the CPU's. Threads: pure functions.
#pragma once

#include <string>

#include "bluestem/base/status.h"
#include "bluestem/config/experiment.h"

namespace bluestem::train {

// The devices of CUDA that LibTorch has here; where there are none, why.
struct CudaDevices {
  int64_t count = 0;
  std::string reason;
};
// Of this process (internal/process.cc).
CudaDevices FindCuda();

// Returns "cpu" or "cuda"; auto is cuda where there is one, but for train.arithmetic: integer.
// Errors: kUnsupported for cuda where there is none, with the reason.
Result<std::string> ChooseDevice(const config::TrainConfig& config, const CudaDevices& cuda);

// Returns what LibTorch calls the device of a rank: "cuda:1". Ranks of one machine, which follow
// each other, take its devices in turn. Requires: train.device is cuda, and there is one.
std::string CudaDeviceOf(int64_t rank, const CudaDevices& cuda);

// Returns what a report says: "CPU (this LibTorch is built without CUDA)".
std::string DeviceText(const config::TrainConfig& config, const CudaDevices& cuda);

}  // namespace bluestem::train
