// The subcommands of bluestem-train and their arguments.
// Threads: the main thread; a signal handler sets one flag.
#pragma once

#include <string>
#include <vector>

#include "bluestem/base/status.h"

namespace bluestem::train {

struct Arguments {
  std::string config, run, data, format = "auto", split, scores, output, compare;
  std::vector<std::string> set;
  int64_t limit = 0;
  bool resume = false, json = false, quiet = false;
};

// Errors: kInvalidArgument naming the word.
Result<Arguments> ParseArguments(int count, char** words);

// Each returns the exit code.
int RunFit(const Arguments& arguments);
int RunEvaluate(const Arguments& arguments);
int RunExport(const Arguments& arguments);
int RunReport(const Arguments& arguments);
int RunSensitivity(const Arguments& arguments);

// Prints the failure to stderr (as JSON to stdout with `json`) and returns its exit code.
int Fail(const Status& status, bool json);

}  // namespace bluestem::train
