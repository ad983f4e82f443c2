// The profile as a page: one self-contained HTML file, in the style of the trainer's report.
//
// Threads: free functions without state.
#pragma once

#include <string>
#include <vector>

#include "bluestem/cli/op_table.h"

namespace bluestem::cli {

// Returns the page: totals, a bar a call as they ran, the totals by bits and the machine.
std::string ProfilePage(const Subject& subject, const Cpu& cpu, const std::vector<OpTime>& ops,
                        int64_t runs);

}  // namespace bluestem::cli
