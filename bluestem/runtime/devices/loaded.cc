// Devices of other people's libraries.
#include <dlfcn.h>

#include <algorithm>

#include "bluestem/base/file.h"
#include "bluestem/runtime/devices/devices.h"

namespace bluestem::runtime {
namespace {

Result<std::vector<DeviceKind>> Load(const std::string& path) {
  void* library = ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) return Error(Code::kUnavailable, "BLUESTEM_DEVICES: {}", ::dlerror());
  const auto devices = reinterpret_cast<DeviceLibrary (*)()>(::dlsym(library, "bluestem_devices"));
  if (devices == nullptr) {
    return Error(Code::kUnavailable,
                 "BLUESTEM_DEVICES: {}: it has no bluestem_devices, so it is no library of devices",
                 path);
  }
  const DeviceLibrary table = devices();
  if (table.version != kDeviceLibraryVersion) {
    return Error(
        Code::kUnavailable,
        "BLUESTEM_DEVICES: {}: built for version {} of the devices' interface; this program "
        "has version {}: build it anew",
        path, table.version, kDeviceLibraryVersion);
  }
  return std::vector<DeviceKind>(table.kinds, table.kinds + table.count);
}

}  // namespace

void AppendLoaded(const std::string& paths, std::vector<DeviceKind>& kinds) {
  for (size_t at = 0; at <= paths.size();) {
    const size_t end = std::min(paths.find(':', at), paths.size());
    const std::string path = paths.substr(at, end - at);
    at = end + 1;
    if (path.empty()) continue;
    const auto fail = [&](const Status& status) {
      kinds.push_back({Path(path).filename().string(), "a library of devices that cannot be used",
                       [status]() -> Result<std::shared_ptr<const Device>> { return status; }});
    };
    auto loaded = Load(path);
    if (!loaded.ok()) {
      fail(loaded.status());
      continue;
    }
    for (DeviceKind& kind : *loaded) {
      const bool taken = std::any_of(kinds.begin(), kinds.end(), [&](const DeviceKind& other) {
        return other.name == kind.name;
      });
      if (taken) {
        fail(Error(Code::kUnavailable, "BLUESTEM_DEVICES: {}: there is a device {} already", path,
                   kind.name));
      } else {
        kinds.push_back(std::move(kind));
      }
    }
  }
}

}  // namespace bluestem::runtime
