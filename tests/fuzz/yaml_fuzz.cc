// Any text as YAML and as a configuration: a Status with a place, or an experiment that is written
// and read as itself.
#include <cstdint>
#include <string>

#include "bluestem/base/check.h"
#include "bluestem/config/experiment.h"
#include "bluestem/config/yaml.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  const auto node = bluestem::config::ParseYaml(text, "fuzz");
  if (!node.ok()) BLUESTEM_CHECK(node.status().message().rfind("fuzz:", 0) == 0, "a place");
  const auto experiment = bluestem::config::Parse(text, "fuzz");
  if (!experiment.ok()) {
    BLUESTEM_CHECK(experiment.status().message().rfind("fuzz:", 0) == 0, "a place");
    return 0;
  }
  const auto again = bluestem::config::Parse(bluestem::config::ToYaml(*experiment), "again");
  BLUESTEM_CHECK(again.ok(), again.ok() ? "" : again.status().message().c_str());
  BLUESTEM_CHECK(*again == *experiment, "the same experiment");
  return 0;
}
