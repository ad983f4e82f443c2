// Which kernel each convolution of a Program will run, by instruction set: what inspect shows, and
// the warning that no call falls to the reference kernel in silence.
//
// Threads: free functions without state.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "bluestem/cli/output.h"
#include "bluestem/program/kernel_choice.h"

namespace bluestem::cli {

// Returns the levels of the CPUs that libraries for `targets` ("x86-64", ...) meet; all of them
// where `targets` is empty.
std::vector<program::CpuLevel> LevelsOf(const std::vector<std::string>& targets);

// Prints one row a convolution and one column a level, and warns as WarnOfReference does. Returns
// [{"op", "kernels": {level: symbol}, "reference": {level: why}}].
nlohmann::ordered_json DescribeKernels(Output& output, const program::Program& program,
                                       const std::vector<program::CpuLevel>& levels);

// Warns of each call that runs on the reference kernel at one of the levels, with the reasons.
void WarnOfReference(Output& output, const program::Program& program,
                     const std::vector<program::CpuLevel>& levels);

}  // namespace bluestem::cli
