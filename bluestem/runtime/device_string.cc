// Device strings: what they say, and the devices behind their names.
#include <algorithm>

#include "bluestem/program/footprint.h"
#include "bluestem/runtime/placement.h"

namespace bluestem::runtime {
namespace {

std::string KnownNames() {
  std::string names;
  for (const DeviceKind& kind : DeviceKinds()) names += fmt::format("{}, ", kind.name);
  return names + "AUTO, HETERO:DEVICE,DEVICE,...";
}

const DeviceKind* FindKind(const std::string& name) {
  for (const DeviceKind& kind : DeviceKinds()) {
    if (name == kind.name) return &kind;
  }
  return nullptr;
}

std::vector<std::string> Split(const std::string& text, char separator) {
  std::vector<std::string> parts(1);
  for (const char c : text) {
    if (c == separator) {
      parts.emplace_back();
    } else {
      parts.back() += c;
    }
  }
  return parts;
}

}  // namespace

Result<DeviceString> ParseDeviceString(const std::string& text) {
  DeviceString result;
  std::string list = text;
  if (text == "AUTO") {
    result.mode = PlacementMode::kAuto;
    for (const DeviceKind& kind : DeviceKinds()) result.names.emplace_back(kind.name);
    return result;
  }
  if (text.starts_with("AUTO:") || text.starts_with("HETERO:")) {
    result.mode = text[0] == 'A' ? PlacementMode::kAuto : PlacementMode::kHetero;
    list = text.substr(text.find(':') + 1);
  }
  result.names = result.mode == PlacementMode::kOne ? std::vector{list} : Split(list, ',');
  for (const std::string& name : result.names) {
    if (FindKind(name) == nullptr) {
      return Error(Code::kInvalidArgument, "device '{}': there is no '{}'; expected {}", text, name,
                   KnownNames());
    }
    if (std::count(result.names.begin(), result.names.end(), name) > 1) {
      return Error(Code::kInvalidArgument, "device '{}': {} twice; name each device once", text,
                   name);
    }
  }
  return result;
}

Result<Placement> PlaceOn(const program::Program& program, const std::string& text,
                          const DeviceOptions& options, const std::vector<std::string>& places) {
  BLUESTEM_ASSIGN_OR_RETURN(const DeviceString parsed, ParseDeviceString(text));
  std::vector<std::shared_ptr<const Device>> devices;
  Status last;
  for (const std::string& name : parsed.names) {
    auto device = FindKind(name)->open();
    if (device.ok()) {
      devices.push_back(std::move(*device));
    } else {
      last = device.status().At(name);
      if (parsed.mode == PlacementMode::kOne) return last;
    }
  }
  if (devices.empty()) return last;
  BLUESTEM_ASSIGN_OR_RETURN(Placement placement,
                            Place(program, std::move(devices), parsed.mode, options, places));
  placement.text = text;
  return placement;
}

std::string ToText(const Placement& placement, const program::Program& program) {
  std::string text = fmt::format("placement {} of {}\n", placement.text, program.name);
  for (const Region& region : placement.regions) {
    int64_t in = 0, out = 0;
    double nanoseconds = 0;
    for (const Crossing& crossing : region.inputs) in += crossing.bytes;
    for (const Crossing& crossing : region.outputs) out += crossing.bytes;
    for (size_t i = region.begin; i < region.end; ++i)
      nanoseconds += placement.calls[i].nanoseconds;
    text += fmt::format("region {}: {} calls, {} bytes in, {} bytes out, about {:.1f} us\n",
                        placement.devices[region.device]->name(), region.end - region.begin, in,
                        out, nanoseconds * 1e-3);
    for (size_t i = region.begin; i < region.end; ++i) {
      text += fmt::format("  {} {}: about {:.1f} us; {}\n",
                          program::FamilyName(program.calls[i].params), program.calls[i].op,
                          placement.calls[i].nanoseconds * 1e-3, placement.calls[i].reason);
    }
  }
  return text;
}

}  // namespace bluestem::runtime
