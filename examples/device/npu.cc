// A device of one's own, as a shared library: an accelerator, here made up, that takes convolutions
// of codes and leaves the rest to the CPU. Built by CMake as libnpu.so:
//   export BLUESTEM_DEVICES=build/lib/libnpu.so
//   bluestem devices
//   bluestem run -i picture.jpg -m artefact -d HETERO:NPU,CPU
// Does it give the right bits?
//   build/bin/test_runtime --gtest_filter='*Conformance*'
#include <chrono>

#include "bluestem/runtime/device.h"

namespace {

using namespace bluestem;           // Result, Error, Code
using namespace bluestem::runtime;  // Device, Runner

class NpuRunner : public Runner {
 public:
  NpuRunner(std::shared_ptr<const program::Program> program, std::vector<Region> regions)
      : program_(std::move(program)), regions_(std::move(regions)) {}

  Status Run(size_t region, const Spaces& spaces, const std::atomic<bool>* cancel,
             std::vector<OpProfile>* rows) override {
    for (size_t i = regions_[region].begin; i < regions_[region].end; ++i) {
      if (cancel != nullptr && cancel->load()) return Error(Code::kInterrupted, "cancelled");
      const program::Call& call = program_->calls[i];
      const auto start = std::chrono::steady_clock::now();
      // A real one would hand its own program, compiled in Prepare, to the hardware; this one asks
      // the kernels that define the numbers.
      const Kernel kernel = SelectKernel(call, 0);
      Execute(call, kernel, spaces, {nullptr, 1, nullptr, 0});
      if (rows == nullptr) continue;
      const auto elapsed = std::chrono::steady_clock::now() - start;
      rows->push_back(
          {.op = call.op,
           .kernel = "npu",
           .device = "NPU",
           .x_bits = call.x_bits,
           .w_bits = call.w_bits,
           .macs = call.macs,
           .nanoseconds = std::chrono::duration_cast<std::chrono::nanoseconds>(elapsed).count()});
    }
    return OkStatus();
  }

 private:
  std::shared_ptr<const program::Program> program_;
  std::vector<Region> regions_;
};

class Npu : public Device {
 public:
  std::string name() const override { return "NPU"; }
  std::vector<DeviceProperty> properties() const override {
    return {{"takes", "convolutions of codes"}, {"is", "an example"}};
  }
  std::string Refusal(const program::Program&, const program::Call& call) const override {
    const bool conv = std::holds_alternative<kernels::QConvParams>(call.params);
    return conv ? "" : "it takes convolutions of codes";
  }
  // What placing reckons with: 100 MACs a nanosecond, and a bus of 1 GB/s.
  double CallNanoseconds(const program::Call& call, const DeviceOptions&) const override {
    return static_cast<double>(call.macs) / 100;
  }
  double TransferNanoseconds(int64_t bytes) const override {
    return 1000 + static_cast<double>(bytes);
  }
  Result<std::unique_ptr<Runner>> Prepare(std::shared_ptr<const program::Program> program,
                                          std::vector<Region> regions,
                                          const DeviceOptions&) const override {
    return std::unique_ptr<Runner>(
        std::make_unique<NpuRunner>(std::move(program), std::move(regions)));
  }
};

Result<std::shared_ptr<const Device>> OpenNpu() {
  return std::shared_ptr<const Device>(std::make_shared<Npu>());
}

}  // namespace

extern "C" DeviceLibrary bluestem_devices() {
  static const std::vector<DeviceKind> kinds = {
      {"NPU", "an example of a device in a library of its own", OpenNpu}};
  return {kDeviceLibraryVersion, kinds.data(), kinds.size()};
}
