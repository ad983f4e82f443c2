// bluestem COMMAND: the table of commands.
#include <string>
#include <vector>

#include "bluestem/cli/commands.h"
#include "bluestem/cli/frame.h"

int main(int argc, char** argv) {
  using namespace bluestem::cli;
  const std::vector<Command> commands = {
      InitCommand(),         ConfigCheckCommand(), ConfigKeysCommand(), DataCheckCommand(),
      DataShowCommand(),     TrainCommand(),       TuneCommand(),       SensitivityCommand(),
      EvaluateCommand(),     ReportCommand(),      ExportCommand(),     ConvertCommand(),
      InspectCommand(),      RunCommand(),         MeasureCommand(),    ProfileCommand(),
      DevicesCommand(),      PlaceCommand(),       BenchmarkCommand(),  FpgaReportCommand(),
      FpgaSelfTestCommand(), DoctorCommand(),      VersionCommand(),
  };
  return RunTool(commands, std::vector<std::string>(argv + 1, argv + argc));
}
