// A command of the tool: one row of the table in main.cc. A command's file has its options, its
// help and what it does; the frame (frame.h) parses, prints help and errors, and turns a Status
// into the exit code.
//
//   Command EchoCommand() {
//     return {.name = "echo", .usage = "TEXT", .summary = "Print a text", .description = "Prints
//     TEXT.",
//             .example = "bluestem echo hello", .codes = {Code::kIo}, .setup = [](CommandLine&
//             line) -> Runner {
//               auto text = std::make_shared<std::string>();
//               line.Add("TEXT", *text, "What to print").Required();
//               return [text](Output& output) { output.Line("{}", *text); return OkStatus(); };
//             }};
//   }
//
// Threads: commands run on the main thread. Ownership: a Runner owns the options that it reads.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "bluestem/base/status.h"
#include "bluestem/cli/command_line.h"
#include "bluestem/cli/output.h"

namespace bluestem::cli {

// Does the work once the options are parsed.
using Runner = std::function<Status(Output&)>;

struct Command {
  const char* name;         // "convert", or two words: "data check"
  const char* usage;        // what follows the name: "MODEL -o DIR --target TARGET..."
  const char* summary;      // one line, for the list of commands
  const char* description;  // for --help
  const char* example;      // command lines, one a line
  std::vector<Code>
      codes;  // how it may end besides kOk, kInternal, kInvalidArgument and kInterrupted
  bool json_lines = false;  // --json prints a JSON document a line as work goes on, not one
  // Adds the options and returns what runs. --json, --quiet and --help are added by the frame.
  Runner (*setup)(CommandLine& line);
};

// Returns true after SIGINT or SIGTERM. Long work asks between steps and returns
// InterruptedStatus().
bool Interrupted();
Status InterruptedStatus();

}  // namespace bluestem::cli
