// bluestem-train: the trainer's own process, which `bluestem train`, `evaluate` and `export` start.
// A table of subcommands.
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>

#include "bluestem/train/main/commands.h"

namespace bluestem::train {
namespace {

struct Command {
  const char* name;
  const char* usage;
  int (*run)(const Arguments& arguments);
};

constexpr Command kCommands[] = {
    {"fit", "fit --config C --output RUN [--set KEY=VALUE]... [--resume] [--json] [--quiet]",
     RunFit},
    {"evaluate",
     "evaluate --run RUN --data PATH [--config C] [--format F] [--split S] [--limit N] --scores "
     "OUT.f32 [--json] [--quiet]",
     RunEvaluate},
    {"export", "export --run RUN --output model.onnx [--quiet]", RunExport},
    {"report", "report --run RUN [--compare RUN] [--quiet]", RunReport},
    {"sensitivity", "sensitivity --run RUN --limit N --output OUT.json", RunSensitivity},
};

int Usage(std::FILE* out) {
  std::fputs(
      "bluestem-train trains, evaluates and exports (started by bluestem train, evaluate, "
      "export)\n\n",
      out);
  for (const Command& command : kCommands)
    std::fprintf(out, "  bluestem-train %s\n", command.usage);
  std::fputs(
      "\nExit codes: 0 done, 2 configuration or arguments, 3 data or checkpoint, 4 unsupported, 5 "
      "files, 130 interrupted (state is saved).\n",
      out);
  return out == stdout ? 0 : static_cast<int>(Code::kInvalidArgument);
}

// Idle OpenMP threads spin for milliseconds by default, which starves the loader and everyone else
// on a busy machine. OpenMP reads its environment when it is loaded, so the program sets it and
// starts itself again, once.
void LimitSpinning(char** words) {
  if (std::getenv("GOMP_SPINCOUNT") != nullptr || std::getenv("OMP_WAIT_POLICY") != nullptr) return;
  ::setenv("GOMP_SPINCOUNT", "20000", /*overwrite=*/0);
  ::execv("/proc/self/exe", words);  // where there is no /proc, training is only slower
}

int Main(int count, char** words) {
  LimitSpinning(words);
  if (count < 2) return Usage(stderr);
  const std::string name = words[1];
  if (name == "--help" || name == "-h" || name == "help") return Usage(stdout);
  for (const Command& command : kCommands) {
    if (name != command.name) continue;
    const Result<Arguments> arguments = ParseArguments(count - 2, words + 2);
    if (!arguments.ok()) return Fail(arguments.status(), false);
    return command.run(*arguments);
  }
  return Usage(stderr);
}

}  // namespace
}  // namespace bluestem::train

int main(int count, char** words) {
  return bluestem::train::Main(count, words);
}
