// Placement: which device runs which call of a Program, and why. What a device string means:
//   CPU                  that device alone: a call that it refuses is an error
//   HETERO:FPGA,CPU      each call where the whole run is fastest by the devices' estimates, moving
//                        between memories counted; the earlier device where two are equal
//   AUTO, AUTO:FPGA,CPU  the first device that is here and takes the whole model
//
// Threads: free functions without state. Ownership: a Placement shares its devices.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "bluestem/runtime/device.h"

namespace bluestem::runtime {

struct PlacedCall {
  size_t device = 0;       // of Placement::devices
  double nanoseconds = 0;  // estimate
  std::string reason;
};

struct Placement {
  std::string text;  // the device string
  std::vector<std::shared_ptr<const Device>> devices;
  std::vector<PlacedCall> calls;
  std::vector<Region> regions;  // in order; they cover the calls
};

enum class PlacementMode { kOne, kHetero, kAuto };

struct DeviceString {
  PlacementMode mode = PlacementMode::kOne;
  std::vector<std::string> names;
};

// Errors: kInvalidArgument naming the part that is no device, and the devices there are.
Result<DeviceString> ParseDeviceString(const std::string& text);

// Places each call on one of `devices`, in the order of preference. `places` names the device of
// each call where that was settled before (empty: it was not); where one of them is not here, all
// are placed anew. Errors: kUnsupported naming the op and each device's reason where none takes it,
// or the reason of that in `places`.
Result<Placement> Place(const program::Program& program,
                        std::vector<std::shared_ptr<const Device>> devices, PlacementMode mode,
                        const DeviceOptions& options, const std::vector<std::string>& places = {});

// Opens the devices that `text` names and places the calls. With AUTO and HETERO a device that is
// not here is left out, as long as one is. Errors: ParseDeviceString's, the device's, Place's.
Result<Placement> PlaceOn(const program::Program& program, const std::string& text,
                          const DeviceOptions& options,
                          const std::vector<std::string>& places = {});

// Returns the name of each call's device.
std::vector<std::string> PlacesOf(const Placement& placement);

// Returns a line a region and a line a call, with reasons and estimates.
std::string ToText(const Placement& placement, const program::Program& program);

}  // namespace bluestem::runtime
