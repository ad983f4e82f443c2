// process: runs a compiler and keeps what it says. Not a shell: arguments are passed as they are.
//
// Threads: free functions without state.
#pragma once

#include <string>
#include <vector>

#include "bluestem/base/file.h"

namespace bluestem::codegen {

// Returns the first executable of this name in $PATH, or "".
Path FindProgram(const std::string& name);

struct ProcessResult {
  int exit_code = 0;   // 128 + signal where one ended it
  std::string output;  // stdout and stderr, interleaved
};

// Runs `arguments` in `folder` and waits. Errors: kIo when it cannot be started.
Result<ProcessResult> RunProcess(const std::vector<std::string>& arguments, const Path& folder);

// Returns `arguments` as they can be pasted into a shell.
std::string ShellText(const std::vector<std::string>& arguments);

}  // namespace bluestem::codegen
