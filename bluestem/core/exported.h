// The file that Core::Export writes (docs/formats/exported_model.md): a Program as it is in memory,
// for the Bluestem that wrote it.
//
// Threads: free functions without state.
#pragma once

#include "bluestem/base/file.h"
#include "bluestem/program/program.h"

namespace bluestem::core {

struct Exported {
  std::string device;  // the device string that it was compiled for
  program::Program program;
  std::vector<std::string> places;  // of each call, the device
  Bytes engine;                     // a pack (fpga/pack.h) for the engine's calls; empty: none
};

// Whether `path` is a file that begins as an export does.
bool IsExported(const Path& path);

Bytes ToBytes(const Exported& exported);
// Errors: kInvalidData naming `place` and what is wrong: no export, damaged (its SHA-256 does not
// fit), of another version, or a program that Verify refuses. `engine` is not read.
Result<Exported> FromBytes(const Bytes& bytes, const std::string& place);

}  // namespace bluestem::core
