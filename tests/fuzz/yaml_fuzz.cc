// Any text as YAML, as a configuration and as a space: a Status with a place, or what is written
// and read as itself.
#include <cstdint>
#include <string>

#include "bluestem/base/check.h"
#include "bluestem/config/experiment.h"
#include "bluestem/config/yaml.h"
#include "bluestem/tune/space.h"

namespace {

void FuzzSpace(const std::string& text) {
  const auto space = bluestem::tune::ParseSpace(text, "fuzz");
  if (!space.ok()) {
    BLUESTEM_CHECK(space.status().message().rfind("fuzz:", 0) == 0, "a place");
    return;
  }
  const std::string yaml = bluestem::tune::SpaceToYaml(*space);
  const auto again = bluestem::tune::ParseSpace(yaml, "again");
  BLUESTEM_CHECK(again.ok(), again.ok() ? "" : again.status().message().c_str());
  BLUESTEM_CHECK(bluestem::tune::SpaceToYaml(*again) == yaml, "the same space");
  bluestem::tune::DrawTrial(*space, 1, 0, {});
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  const auto node = bluestem::config::ParseYaml(text, "fuzz");
  if (!node.ok()) BLUESTEM_CHECK(node.status().message().rfind("fuzz:", 0) == 0, "a place");
  FuzzSpace(text);
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
