// A device that runs convolutions of codes and tells no rows of them: what a profile makes of that.
#include "bluestem/runtime/device.h"

namespace {

using namespace bluestem;
using namespace bluestem::runtime;

class SilentRunner : public Runner {
 public:
  SilentRunner(std::shared_ptr<const program::Program> program, std::vector<Region> regions)
      : program_(std::move(program)), regions_(std::move(regions)) {}

  Status Run(size_t region, const Spaces& spaces, const std::atomic<bool>*,
             std::vector<OpProfile>*) override {
    for (size_t i = regions_[region].begin; i < regions_[region].end; ++i) {
      const program::Call& call = program_->calls[i];
      Execute(call, SelectKernel(call, 0), spaces, {nullptr, 1, nullptr, 0});
    }
    return OkStatus();
  }

 private:
  std::shared_ptr<const program::Program> program_;
  std::vector<Region> regions_;
};

class Silent : public Device {
 public:
  std::string name() const override { return "SILENT"; }
  std::vector<DeviceProperty> properties() const override { return {}; }
  std::string Refusal(const program::Program&, const program::Call& call) const override {
    const bool conv = std::holds_alternative<kernels::QConvParams>(call.params);
    return conv ? "" : "it takes convolutions of codes";
  }
  double CallNanoseconds(const program::Call&, const DeviceOptions&) const override { return 0; }
  double TransferNanoseconds(int64_t) const override { return 0; }
  Result<std::unique_ptr<Runner>> Prepare(std::shared_ptr<const program::Program> program,
                                          std::vector<Region> regions,
                                          const DeviceOptions&) const override {
    return std::unique_ptr<Runner>(
        std::make_unique<SilentRunner>(std::move(program), std::move(regions)));
  }
};

Result<std::shared_ptr<const Device>> OpenSilent() {
  return std::shared_ptr<const Device>(std::make_shared<Silent>());
}

}  // namespace

extern "C" DeviceLibrary bluestem_devices() {
  static const std::vector<DeviceKind> kinds = {{"SILENT", "it tells no rows", OpenSilent}};
  return {kDeviceLibraryVersion, kinds.data(), kinds.size()};
}
