// documents: the texts of an artefact for people: README.md and build.sh.
#pragma once

#include <string>

#include "bluestem/codegen/codegen.h"
#include "bluestem/codegen/sources.h"

namespace bluestem::codegen {

// Returns README.md, made from `form` (codegen/artefact/README.md) by replacing its @WORDS@.
std::string MakeReadme(const std::string& form, const program::Program& program,
                       const EmitOptions& options);

// Returns build.sh: one compiler call that makes libbluestem_<target>.so from the sources beside
// it.
std::string MakeBuildScript(const SourceTree& tree);

}  // namespace bluestem::codegen
