// sources: the files that an artefact's model is compiled from: the generated ones, and of kernels/
// and edge/ those that it needs. The list is the same for every target: a file of an ISA that a
// target does not have compiles to nothing.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "bluestem/base/file.h"

namespace bluestem::codegen {

struct SourceTree {
  std::map<std::string, std::string> files;  // path below models/src -> content
  std::vector<std::string> units;            // the .cc that are compiled, in order
};

// Collects `roots` (relative to `source_root`), what they include, and the .cc files behind each
// header: for kernels/<family>/ the whole family, else the file of the same name. A file of an ISA
// of x86-64 or aarch64 that has flags (kernels/isa_flags.txt) is compiled through a file of one
// pragma and one #include, so that a single compiler call needs no flags of its own for any file.
// Errors: kIo for a file that is missing in `source_root`.
Result<SourceTree> CollectSources(const Path& source_root, const std::set<std::string>& roots);

// Returns `unit` and everything it includes of `tree`, as one text: equal texts make equal objects.
std::string TranslationUnitText(const SourceTree& tree, const std::string& unit);

}  // namespace bluestem::codegen
