// bluestem devices: what can run a model here.
#include <nlohmann/json.hpp>

#include "bluestem/cli/commands.h"
#include "bluestem/core/core.h"

namespace bluestem::cli {
namespace {

using Json = nlohmann::ordered_json;

Status ListDevices(Output& output) {
  Json rows = Json::array();
  const std::vector<core::DeviceInfo> devices = core::Core().Devices();
  for (const core::DeviceInfo& device : devices) {
    output.Line("{}: {}", device.name, device.summary);
    Json row = {
        {"name", device.name}, {"summary", device.summary}, {"available", device.status.ok()}};
    if (device.status.ok()) {
      Json properties = Json::object();
      for (const runtime::DeviceProperty& property : device.properties) {
        output.Line("  {}: {}", property.name, property.value);
        properties[property.name] = property.value;
      }
      row["properties"] = std::move(properties);
    } else {
      output.Line("  not here: {}", device.status.message());
      row["reason"] = device.status.message();
    }
    rows.push_back(std::move(row));
  }
  output.Line("");
  output.Line(
      "AUTO takes the first that takes the whole model; HETERO:FIRST,SECOND shares it out.");
  output.Json({{"devices", std::move(rows)}});
  return OkStatus();
}

Runner Setup(CommandLine&) {
  return ListDevices;
}

}  // namespace

Command DevicesCommand() {
  return {.name = "devices",
          .usage = "",
          .summary = "List what can run a model here, or why it is not here",
          .description =
              "Lists the devices that -d names, with their properties; of one that is "
              "not here, why, and\nwhat to do.",
          .example = "bluestem devices\nbluestem devices --json",
          .codes = {},
          .setup = Setup};
}

}  // namespace bluestem::cli
