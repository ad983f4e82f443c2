// Any bytes as manifest.json: a Status or a Manifest whose paths stay inside the artefact.
#include <cstdint>
#include <string>

#include "bluestem/base/check.h"
#include "bluestem/codegen/manifest.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  const auto manifest = bluestem::codegen::ParseManifest(text, "fuzz");
  if (!manifest.ok()) return 0;
  for (const auto& [path, sha] : manifest->files) {
    BLUESTEM_CHECK(path[0] != '/' && ("/" + path + "/").find("/../") == std::string::npos,
                   "paths stay inside");
    BLUESTEM_CHECK(sha.size() == 64, "a SHA-256");
  }
  return 0;
}
