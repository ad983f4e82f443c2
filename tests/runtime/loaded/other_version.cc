// A library of devices that was built for another version of their interface.
#include "bluestem/runtime/device.h"

extern "C" bluestem::runtime::DeviceLibrary bluestem_devices() {
  return {bluestem::runtime::kDeviceLibraryVersion + 1, nullptr, 0};
}
