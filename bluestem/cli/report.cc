// bluestem report: a run's report.html as far as the run has come, or another run beside its own
// figures in it.
#include <nlohmann/json.hpp>

#include "bluestem/cli/commands.h"
#include "bluestem/cli/process.h"
#include "bluestem/cli/trainer.h"

namespace bluestem::cli {
namespace {

struct ReportOptions {
  std::string run;
  std::string compare;
};

Status Report(const ReportOptions& options, Output& output) {
  std::vector<std::string> command = {"report", "--run", options.run, "--quiet"};
  if (!options.compare.empty()) {
    for (const std::string& run : {options.run, options.compare}) {
      std::error_code error;
      if (std::filesystem::exists(Path(run) / "report.html", error)) continue;
      return Error(Code::kIo, "{}: no report.html; write it with `bluestem report {}`", run, run);
    }
    command.insert(command.end(), {"--compare", options.compare});
  }
  BLUESTEM_ASSIGN_OR_RETURN(const Path trainer, FindTrainer());
  command.insert(command.begin(), trainer.string());
  BLUESTEM_ASSIGN_OR_RETURN(const ProcessResult process, RunProcess(command));
  if (process.exit_code != 0) return TrainerFailure(process.exit_code, process.output);
  const std::string page = (Path(options.run) / "report.html").string();
  if (options.compare.empty()) {
    output.Line("{}", page);
    output.Json({{"report", page}});
  } else {
    output.Line("{}: with {}", page, options.compare);
    output.Json({{"report", page}, {"compare", options.compare}});
  }
  return OkStatus();
}

Runner Setup(CommandLine& line) {
  auto options = std::make_shared<ReportOptions>();
  line.Add("RUN", options->run, "The run folder whose report.html is written").Required();
  line.Add("--compare", options->compare, "Another finished run with the same classes");
  return [options](Output& output) { return Report(*options, output); };
}

}  // namespace

Command ReportCommand() {
  return {
      .name = "report",
      .usage = "RUN [--compare RUN]",
      .summary = "Write the report of a run, or another run into it",
      .description =
          "Writes report.html of a run as far as it has come: running, interrupted, failed or\n"
          "finished, with what its best checkpoint answers to the held-out pictures.\n"
          "With --compare puts another run, such as the same network in fp32, into a report\n"
          "that is there: its accuracy beside the run's, its curves dashed, its cost under the\n"
          "table. What was compared before gives way.",
      .example = "bluestem report runs/first --compare runs/fp32",
      .codes = {Code::kInvalidData, Code::kIo, Code::kUnavailable},
      .setup = Setup};
}

}  // namespace bluestem::cli
