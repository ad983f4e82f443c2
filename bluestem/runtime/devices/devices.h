// The devices that the table names.
#pragma once

#include "bluestem/runtime/device.h"

namespace bluestem::runtime {

Result<std::shared_ptr<const Device>> OpenCpu();
Result<std::shared_ptr<const Device>> OpenReference();
Result<std::shared_ptr<const Device>> OpenFpgaBoard();
Result<std::shared_ptr<const Device>> OpenFpgaModel();
Result<std::shared_ptr<const Device>> OpenFpgaSimulation();

// Appends the devices of the libraries at `paths`, with : between them.
void AppendLoaded(const std::string& paths, std::vector<DeviceKind>& kinds);

}  // namespace bluestem::runtime
