// What bench_peers and bench_sweep share of their command lines.
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "bluestem/base/status.h"

namespace bluestem::bench {

struct Option {
  const char* name;   // "--rounds"
  const char* value;  // what the usage calls it; null for a flag
  std::variant<bool*, int*, double*, std::string*> target;  // numbers are above 0
};

// Sets what `argv` says. Returns the exit code to end with, having printed why: 0 behind the usage
// that --help asks for, 2 for an argument that is none of `options` or has no such value. Nothing:
// go on.
std::optional<int> ParseOptions(int argc, char** argv, const std::vector<Option>& options);

// `isa` "" is the best. Errors: kInvalidArgument for no instruction set's name, kUnavailable for
// one that this CPU has not; both name those that it has.
Status CheckIsa(const std::string& isa);

// Prints the message of `status` for `program` and returns the exit code of its Code.
int Fail(const char* program, const Status& status);

}  // namespace bluestem::bench
