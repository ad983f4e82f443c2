// manifest: the text of an artefact's manifest.json, made and parsed. Files are checked in
// codegen.h.
#pragma once

#include <string>
#include <vector>

#include "bluestem/codegen/codegen.h"

namespace bluestem::codegen {

inline constexpr int64_t kManifestVersion = 1;

// How one target was made.
struct TargetRecord {
  const Target* target;
  std::string compiler_version;
  std::string flags;
};

// Returns manifest.json for the files that lie in `folder`. Errors: kIo; kInvalidArgument for
// provenance that is not JSON.
Result<std::string> MakeManifest(const Path& folder, const program::Program& program,
                                 const EmitOptions& options,
                                 const std::vector<TargetRecord>& targets);

// Reads the text of a manifest.json; `place` is for messages. Errors: as ReadManifest.
Result<Manifest> ParseManifest(const std::string& text, const std::string& place);

}  // namespace bluestem::codegen
