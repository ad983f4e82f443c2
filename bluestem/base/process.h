// process: finds other programs, runs them and keeps what they say. Not a shell: arguments are
// passed as they are.
//
// Threads: free functions without state.
#pragma once

#include <string>
#include <vector>

#include "bluestem/base/file.h"

namespace bluestem {

// Returns the first executable of this name in $PATH (or `name` itself where it has a slash and is
// executable), or "".
Path FindProgram(const std::string& name);

// Returns the folder of the running executable.
Path OwnFolder();

// Returns the folder that holds the sources which are compiled on the user's machine (the kernels
// of artefacts, the engine's RTL) under bluestem/: ../share/bluestem of an installed program or
// shared library, else the source tree that it was built from.
Path SourceRoot();

struct ProcessResult {
  int exit_code = 0;   // 128 + signal where one ended it
  std::string output;  // stdout and stderr, interleaved
};

// Runs `arguments` in `folder` and waits. Errors: kIo when it cannot be started.
Result<ProcessResult> RunProcess(const std::vector<std::string>& arguments,
                                 const Path& folder = ".");

// Returns `arguments` as they can be pasted into a shell.
std::string ShellText(const std::vector<std::string>& arguments);

}  // namespace bluestem
