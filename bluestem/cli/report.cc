// bluestem report: another run beside a run's own figures in its report.html.
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
  for (const std::string& run : {options.run, options.compare}) {
    std::error_code error;
    if (std::filesystem::exists(Path(run) / "report.html", error)) continue;
    return Error(Code::kIo, "{}: no report.html; expected the folder of a finished run", run);
  }
  BLUESTEM_ASSIGN_OR_RETURN(const Path trainer, FindTrainer());
  BLUESTEM_ASSIGN_OR_RETURN(const ProcessResult process,
                            RunProcess({trainer.string(), "report", "--run", options.run,
                                        "--compare", options.compare, "--quiet"}));
  if (process.exit_code != 0) {
    return Status(static_cast<Code>(process.exit_code),
                  process.output.substr(0, process.output.find('\n')));
  }
  const std::string page = (Path(options.run) / "report.html").string();
  output.Line("{}: with {}", page, options.compare);
  output.Json({{"report", page}, {"compare", options.compare}});
  return OkStatus();
}

Runner Setup(CommandLine& line) {
  auto options = std::make_shared<ReportOptions>();
  line.Add("RUN", options->run, "The run folder whose report.html is written").Required();
  line.Add("--compare", options->compare, "Another finished run with the same classes").Required();
  return [options](Output& output) { return Report(*options, output); };
}

}  // namespace

Command ReportCommand() {
  return {.name = "report",
          .usage = "RUN --compare RUN",
          .summary = "Show another run beside a run in its report",
          .description =
              "Puts another run, such as the same network in fp32, into report.html: its accuracy "
              "beside\n"
              "the run's, its curves dashed, its cost under the table. What was compared before "
              "gives way.",
          .example = "bluestem report runs/first --compare runs/fp32",
          .codes = {Code::kInvalidData, Code::kIo, Code::kUnavailable},
          .setup = Setup};
}

}  // namespace bluestem::cli
