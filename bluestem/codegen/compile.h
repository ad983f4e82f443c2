// compile: an artefact's sources to libraries and a program for one target. Objects of kernels/ and
// edge/ are the same for every model; they are kept in $XDG_CACHE_HOME/bluestem (else
// ~/.cache/bluestem) under the hash of everything that makes them, the
// newest 256 MiB of them.
//
// Threads: free functions without state; the cache may be used by several processes at once.
#pragma once

#include <string>
#include <vector>

#include "bluestem/codegen/codegen.h"
#include "bluestem/codegen/sources.h"

namespace bluestem::codegen {

// Flags of every target, for C++.
std::vector<std::string> CommonFlags();
// Flags of the one call that makes a shared library.
std::vector<std::string> LinkFlags();
// Splits at spaces.
std::vector<std::string> SplitFlags(const std::string& flags);

// Checks that compiler and archiver of each target are there, before anything is built.
// Errors: kUnavailable "target armhf needs arm-linux-gnueabihf-g++, which is not installed: apt-get
// install g++-arm-linux-gnueabihf".
Status CheckToolchains(const std::vector<const Target*>& targets);

// Returns the first line that the compiler says of itself.
Result<std::string> CompilerVersion(const Target& target);

struct CompileJob {
  const Target* target;
  const SourceTree* tree;
  Path sources;  // the folder that holds `tree`
  Path objects;  // an existing folder for this target's objects
  Path library;  // libbluestem_<target>.so
  Path archive;  // libbluestem_<target>.a
  Path program;  // bluestem-run-<target>, linked statically with the model
};

// Errors: kInternal with the command and what the compiler said; kIo.
Status Compile(const CompileJob& job);

// Deletes the .o files of `folder` that were used longest ago until the rest has at most
// `most_bytes`. What cannot be deleted stays.
void KeepNewest(const Path& folder, uint64_t most_bytes);

}  // namespace bluestem::codegen
