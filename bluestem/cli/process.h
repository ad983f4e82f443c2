// Other programs, beside what base/process.h has: watching them, becoming them.
//
// Threads: free functions without state.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "bluestem/base/process.h"

namespace bluestem::cli {

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
