// Devices that a device string names and that are not here: others take their place, and the user
// is told.
#pragma once

#include <string>

#include "bluestem/cli/output.h"

namespace bluestem::cli {

// Warns of each device that HETERO: or AUTO: names and that is not here, with what to do. Nothing
// for a string that is none: that is an error elsewhere.
void WarnOfAbsentDevices(Output& output, const std::string& device);

}  // namespace bluestem::cli
