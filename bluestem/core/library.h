// The compiled libraries of an artefact folder.
//
// Threads: free functions without state.
#pragma once

#include <string>

#include "bluestem/base/file.h"
#include "bluestem/codegen/codegen.h"

namespace bluestem::core {

// Returns the library of `target` in `artefact`.
Path LibraryPath(const Path& artefact, const std::string& target);
// Returns the library for this machine, checked against the manifest with its meta.yaml and nothing
// else: the start of `run` should not wait for what it does not use. Errors: CheckArtefact's;
// kUnavailable where there is none for this machine.
Result<Path> HostLibrary(const Path& artefact);
// Returns the compile target of this machine, or null.
const codegen::Target* HostTarget();

}  // namespace bluestem::core
