// bluestem version: what this program is.
#include <nlohmann/json.hpp>

#include "bluestem/cli/commands.h"
#include "bluestem/edge/model_abi.h"

namespace bluestem::cli {
namespace {

Status Run(Output& output) {
  output.Line("bluestem {}", BLUESTEM_VERSION);
  output.Line("commit {}", BLUESTEM_COMMIT);
  output.Line("compiler {}", __VERSION__);
  output.Line("artefact ABI {}", BLUESTEM_ABI_VERSION);
  output.Json({{"version", BLUESTEM_VERSION},
               {"commit", BLUESTEM_COMMIT},
               {"compiler", __VERSION__},
               {"abi", BLUESTEM_ABI_VERSION}});
  return OkStatus();
}

}  // namespace

Command VersionCommand() {
  return {.name = "version",
          .usage = "",
          .summary = "Print version, commit, compiler and artefact ABI",
          .description = "Prints what this program is and what made it.",
          .example = "bluestem version --json",
          .codes = {},
          .setup = [](CommandLine&) -> Runner { return Run; }};
}

}  // namespace bluestem::cli
