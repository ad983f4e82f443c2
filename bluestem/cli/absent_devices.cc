#include "bluestem/cli/absent_devices.h"

#include <algorithm>

#include "bluestem/runtime/placement.h"

namespace bluestem::cli {

void WarnOfAbsentDevices(Output& output, const std::string& device) {
  const auto parsed = runtime::ParseDeviceString(device);
  if (!parsed.ok() || parsed->mode == runtime::PlacementMode::kOne || device == "AUTO") return;
  for (const runtime::DeviceKind& kind : runtime::DeviceKinds()) {
    if (std::count(parsed->names.begin(), parsed->names.end(), kind.name) == 0) continue;
    const auto opened = kind.open();
    if (!opened.ok()) {
      output.Warn("{} does without {}: {}", device, kind.name, opened.status().message());
    }
  }
}

}  // namespace bluestem::cli
