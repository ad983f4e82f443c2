// Other programs: finding and running them.
//
// Threads: free functions without state.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "bluestem/base/file.h"

namespace bluestem::cli {

// Returns the path of `name` found along PATH (or `name` itself where it has a slash and is
// executable); empty where there is none.
Path FindProgram(const std::string& name);

// Returns the folder of the running executable.
Path OwnFolder();

// Returns the folder that holds bluestem/kernels and bluestem/edge, which artefacts carry:
// ../share/bluestem of an installed program, else the source tree that it was built from.
Path SourceRoot();

struct ProcessResult {
  int exit_code = 0;   // 128 + n when signal n ended it
  std::string output;  // stdout and stderr together, at most 64 kB
};
// Runs words[0] (a path) with the words and waits. Errors: kIo when it cannot be started.
Result<ProcessResult> RunProcess(const std::vector<std::string>& words);

// Runs words[0] (a path) and calls `on_line` for each line that it writes on stdout or stderr, as
// it comes. Ctrl-C is passed on, once, and its end waited for. Returns the exit code, as above.
// Errors: kIo when it cannot be started.
Result<int> WatchProcess(const std::vector<std::string>& words,
                         const std::function<void(const std::string&)>& on_line);

// Replaces this process by words[0] (a path): signals, terminal and exit code become its own.
// Returns only on failure. Errors: kIo.
Status ReplaceProcess(const std::vector<std::string>& words);

// Returns `text` split at spaces.
std::vector<std::string> SplitWords(const std::string& text);

}  // namespace bluestem::cli
