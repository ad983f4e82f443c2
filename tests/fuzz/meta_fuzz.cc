// Any text as meta.yaml: a Status with a place, or a Meta that is written and read as itself.
#include <cstdint>
#include <string>

#include "bluestem/base/check.h"
#include "bluestem/task/meta.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  const auto meta = bluestem::task::ParseMeta(text, "fuzz");
  if (!meta.ok()) {
    BLUESTEM_CHECK(meta.status().message().rfind("fuzz:", 0) == 0, "a place");
    return 0;
  }
  const auto again = bluestem::task::ParseMeta(bluestem::task::MetaToYaml(*meta), "again");
  BLUESTEM_CHECK(again.ok(), again.ok() ? "" : again.status().message().c_str());
  BLUESTEM_CHECK(again->classes == meta->classes && again->preprocess == meta->preprocess &&
                     again->task == meta->task &&
                     (!meta->multi_label() || again->threshold == meta->threshold),
                 "the same meta");
  return 0;
}
