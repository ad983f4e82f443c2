// The frame around the commands: finds the command that the words name, parses its options, runs
// it, prints its failure and returns the exit code (docs/formats/exit_codes.md). Knows no command.
#pragma once

#include <string>
#include <vector>

#include "bluestem/cli/command.h"

namespace bluestem::cli {

// Returns the exit code of `words` (the command line without the program's name).
int RunTool(const std::vector<Command>& commands, const std::vector<std::string>& words);

// Returns the name of `names` nearest to `word` by edit distance; "" when none is near.
std::string Nearest(const std::string& word, const std::vector<std::string>& names);

}  // namespace bluestem::cli
